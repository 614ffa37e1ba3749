//! Embeds many texts with one model: text repeats its words, so their rows are looked up once, and most of
//! what the longest match tries is no piece, which a filter tells without a look into the model.
//!
//! Invariant: the very vector that [`Model::embed`] gives, within bounded memory.

use std::sync::Arc;

use super::model::{LONGEST_PIECE, Model, TOKEN_LIMIT, piece_hash, piece_hashes_of};
use super::tokenize::{Vocabulary, basic_words, pieces};
use super::word_map::WordMap;
use crate::store::Damage;

/// Words that are remembered in each of two generations; about 4 MB together.
const WORDS: usize = 32_768;
/// Bits of the filter: 32 KB, of which a vocabulary of 30,000 pieces sets a ninth.
const FILTER_BITS: usize = 1 << 18;

/// A model with a memory of words.
pub(super) struct Embedder {
    pieces: Filtered,
    young: Known,
    /// What was known before `young` was begun: what is met again moves over, the rest goes.
    old: Known,
    rows: Vec<u32>,
}

/// Words with their rows.
#[derive(Default)]
struct Known {
    /// Word → where its rows begin and end.
    words: WordMap<(u32, u32)>,
    rows: Vec<u32>,
}

impl Known {
    #[inline]
    fn get(&self, word: &str) -> Option<&[u32]> {
        let (start, end) = self.words.get(word)?;
        self.rows.get(start as usize..end as usize)
    }

    #[allow(clippy::cast_possible_truncation)] // WORDS x 100 pieces at most
    fn add(&mut self, word: &str, rows: &[u32]) {
        let Self { words, rows: all } = self;
        words.get_or_insert(word, || {
            let start = all.len() as u32;
            all.extend_from_slice(rows);
            (start, all.len() as u32)
        });
    }
}

impl Embedder {
    pub(super) fn new(model: Arc<Model>) -> Result<Self, Damage> {
        let pieces = Filtered::new(model)?;
        Ok(Self { pieces, young: Known::default(), old: Known::default(), rows: Vec::new() })
    }

    /// Unit vector of a text; see [`Model::embed`].
    pub(super) fn embed(&mut self, text: &str, out: &mut [f32]) -> Result<(), Damage> {
        if self.young.words.len() >= WORDS {
            self.old = std::mem::take(&mut self.young);
        }
        let Self { pieces: vocabulary, young, old, rows } = self;
        rows.clear();
        // Err(None) ends the reading: enough is known.
        let read = basic_words(text, |word| {
            if let Some(known) = young.get(word) {
                rows.extend_from_slice(known);
            } else {
                let before = rows.len();
                match old.get(word) {
                    Some(known) => rows.extend_from_slice(known),
                    None => drop(pieces(word, vocabulary, rows).map_err(Some)?),
                }
                young.add(word, &rows[before..]);
            }
            if rows.len() >= TOKEN_LIMIT { Err(None) } else { Ok(()) }
        });
        if let Err(Some(damage)) = read {
            return Err(damage);
        }
        rows.truncate(TOKEN_LIMIT);
        vocabulary.model.sum(rows, out)
    }
}

/// The model's vocabulary behind a bit for each hash that occurs in it.
struct Filtered {
    model: Arc<Model>,
    bits: Vec<u64>,
}

#[allow(clippy::cast_possible_truncation)] // the low bits
fn place(hash: u64) -> (usize, u64) {
    let bit = hash as usize % FILTER_BITS;
    (bit / 64, 1 << (bit % 64))
}

impl Filtered {
    fn new(model: Arc<Model>) -> Result<Self, Damage> {
        let mut bits = vec![0; FILTER_BITS / 64];
        model.piece_hashes(|hash| {
            let (word, bit) = place(hash);
            bits[word] |= bit;
        })?;
        Ok(Self { model, bits })
    }
}

impl Vocabulary for Filtered {
    #[inline]
    fn piece(&self, piece: &str, first: bool) -> Result<Option<u32>, Damage> {
        let hash = piece_hash(first, piece.as_bytes());
        let (word, bit) = place(hash);
        if self.bits[word] & bit == 0 { Ok(None) } else { self.model.find_piece(piece, first, hash) }
    }

    fn longest(&self) -> usize {
        LONGEST_PIECE
    }

    /// The hashes of all beginnings of a word cost one pass.
    fn longest_piece(&self, text: &str, first: bool) -> Result<Option<(u32, usize)>, Damage> {
        let mut hashes = [0; LONGEST_PIECE];
        let mut most = 0;
        for (slot, hash) in hashes.iter_mut().zip(piece_hashes_of(first, text.as_bytes())) {
            (*slot, most) = (hash, most + 1);
        }
        for end in (1..=most).rev() {
            let (word, bit) = place(hashes[end - 1]);
            if self.bits[word] & bit != 0
                && let Some(piece) = text.get(..end)
                && let Some(row) = self.model.find_piece(piece, first, hashes[end - 1])?
            {
                return Ok(Some((row, end)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::tiny;
    use super::*;

    #[test]
    fn gives_what_the_model_gives() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        tiny(&path);
        let model = Arc::new(Model::open(&path).unwrap());
        let mut embedder = Embedder::new(model.clone()).unwrap();
        let texts = ["Pumps leak.", "valves, valve; VALVE pumpss unknownword", "", "leak leak pump"];
        for text in texts.iter().chain(&texts) {
            let (mut want, mut got) = (vec![0.0; 32], vec![0.0; 32]);
            model.embed(text, &mut want, &mut Vec::new()).unwrap();
            embedder.embed(text, &mut got).unwrap();
            assert_eq!(want, got, "{text}");
        }
    }
}
