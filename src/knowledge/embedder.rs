//! Embeds many texts with one model: text repeats its words, so their rows are looked up once, and most of
//! what the longest match tries is no piece, which a filter tells without a look into the model.
//!
//! Invariant: the very vector that [`Model::embed`] gives, within bounded memory.

use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use super::model::{Model, TOKEN_LIMIT, piece_hash};
use super::tokenize::{Vocabulary, basic_words, pieces};
use crate::store::Damage;

/// Words that are remembered; about 2 MB. When they are too many, all are forgotten.
const WORDS: usize = 32_768;
/// Bits of the filter: 32 KB, of which a vocabulary of 30,000 pieces sets a ninth.
const FILTER_BITS: usize = 1 << 18;

/// A model with a memory of words.
pub(super) struct Embedder {
    pieces: Filtered,
    /// Word → where its rows lie in `known_rows`.
    known: HashMap<Box<str>, Range<u32>>,
    known_rows: Vec<u32>,
    rows: Vec<u32>,
}

impl Embedder {
    pub(super) fn new(model: Arc<Model>) -> Result<Self, Damage> {
        let pieces = Filtered::new(model)?;
        Ok(Self { pieces, known: HashMap::new(), known_rows: Vec::new(), rows: Vec::new() })
    }

    /// Unit vector of a text; see [`Model::embed`].
    pub(super) fn embed(&mut self, text: &str, out: &mut [f32]) -> Result<(), Damage> {
        if self.known.len() >= WORDS {
            self.known.clear();
            self.known_rows.clear();
        }
        let Self { pieces: vocabulary, known, known_rows, rows } = self;
        rows.clear();
        // Err(None) ends the reading: enough is known.
        let read = basic_words(text, |word| {
            if let Some(found) = known.get(word) {
                rows.extend_from_slice(&known_rows[found.start as usize..found.end as usize]);
            } else {
                let before = rows.len();
                pieces(word, vocabulary, rows).map_err(Some)?;
                let start = known_rows.len();
                known_rows.extend_from_slice(&rows[before..]);
                #[allow(clippy::cast_possible_truncation)] // WORDS x 100 pieces at most
                known.insert(word.into(), start as u32..known_rows.len() as u32);
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
        self.model.longest()
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
