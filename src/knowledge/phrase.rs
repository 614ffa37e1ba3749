//! Exact phrases: which chunks have all their words, and whether a text has them in a row.
//!
//! Invariant: the index narrows, the text decides; an index without places in its lists stays half as large.

use super::analysis::{Shape, Stems, words};
use super::chunk_set::ChunkSet;
use super::segment::Segment;
use crate::store::Damage;

/// Words of a phrase beyond these are not looked at.
const LONGEST: usize = 64;

/// A phrase in double quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase {
    /// Normalised, in order.
    pub(super) words: Vec<String>,
    /// For each word the terms that it may be indexed as, one of each language.
    pub(super) terms: Vec<Vec<String>>,
}

impl Phrase {
    /// None when there is no word in it.
    pub(super) fn new(text: &str, stems: &[Stems]) -> Option<Self> {
        let mut phrase = Self { words: Vec::new(), terms: Vec::new() };
        words(text, |word| {
            if word.shape != Shape::Part && phrase.words.len() < LONGEST {
                phrase.words.push(word.text.to_owned());
                let mut terms: Vec<String> =
                    stems.iter().map(|s| s.term(word.text, word.shape).into_owned()).collect();
                terms.dedup();
                phrase.terms.push(terms);
            }
        });
        (!phrase.words.is_empty()).then_some(phrase)
    }

    /// True when the words stand in the text one after the other (Shift-And, Baeza-Yates and Gonnet 1992).
    pub(super) fn occurs_in(&self, text: &str) -> bool {
        let last = 1u64 << (self.words.len() - 1);
        let mut state = 0u64;
        let mut found = false;
        words(text, |word| {
            if word.shape != Shape::Part && !found {
                let alike = self.words.iter().rev().fold(0, |bits, w| bits << 1 | u64::from(w == word.text));
                state = (state << 1 | 1) & alike;
                found = state & last != 0;
            }
        });
        found
    }

    /// Keeps of `chunks` those that have every word; `None` stands for all chunks.
    pub(super) fn narrow(&self, segment: &Segment, chunks: Option<ChunkSet>) -> Result<ChunkSet, Damage> {
        let dictionary = segment.terms()?;
        let mut kept = chunks;
        for terms in &self.terms {
            let mut with_word = ChunkSet::default();
            for term in terms {
                let Some(offset) = dictionary.get(term.as_bytes())? else { continue };
                let mut list = segment.list(offset)?;
                let mut more = list.skip_to(0);
                while more {
                    let inside = |chunk: &&u32| **chunk < segment.chunks();
                    list.postings().0.iter().filter(inside).for_each(|chunk| with_word.insert(*chunk));
                    more = list.next_block();
                }
            }
            kept = Some(match kept {
                Some(before) => before.and(&with_word),
                None => with_word,
            });
        }
        Ok(kept.unwrap_or_default())
    }
}
