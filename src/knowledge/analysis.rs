//! Text to index terms: words with their places, identifiers kept whole, stems by language.
//!
//! `E-05` gives `e-05` whole and its parts; `rtl8188eu` is one term and never stemmed; Chinese, Japanese
//! and Thai give overlapping pairs of characters, since they write no spaces.

use rust_stemmers::Stemmer;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::language::Language;
use super::runs::{DIGIT, HIGH, JOINT, LOWER, UPPER, kind, run_end, unspaced};
use super::word_map::Key;

/// Longer terms are cut: they are no words.
const TERM_BYTES: usize = 48;

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Letters only: stemmed.
    Plain,
    /// Has digits, or joins parts (`eth0.conf`): kept as it is.
    Identifier,
    /// A part of an identifier that was also given whole.
    Part,
}

/// One word: normalised, with its byte range in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) shape: Shape,
}

/// A word as it stands in the text, before it is made a term.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawWord<'a> {
    written: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) shape: Shape,
    /// Kinds of its bytes.
    kinds: u8,
    /// Characters that are terms as they are.
    unspaced: bool,
}

impl<'a> RawWord<'a> {
    /// The first two bytes that the term will have (0 after the last), where they show without making it.
    #[inline]
    pub(super) fn head(&self) -> Option<[u8; 2]> {
        match self.written.as_bytes() {
            [one] if one.is_ascii() => Some([one.to_ascii_lowercase(), 0]),
            [one, two, ..] if one.is_ascii() && two.is_ascii() => {
                Some([one.to_ascii_lowercase(), two.to_ascii_lowercase()])
            }
            _ => None,
        }
    }

    /// The key of the word as it is compared, where it is short and ASCII; `text` is the one it was read from.
    #[inline]
    pub(super) fn key(&self, text: &str) -> Option<Key> {
        if self.kinds & HIGH == 0 { Key::of_lower_case(text.as_bytes(), self.start, self.end) } else { None }
    }

    /// The word as it is compared; nothing when it was marks only.
    pub(super) fn normalised<'b>(&self, buffer: &'b mut String) -> Option<Word<'b>>
    where
        'a: 'b,
    {
        let same = self.unspaced || (self.written.len() <= TERM_BYTES && self.kinds & (UPPER | HIGH) == 0);
        let text = if same {
            self.written
        } else {
            normalise(self.written, buffer);
            buffer.as_str()
        };
        let word = Word { text, start: self.start, end: self.end, shape: self.shape };
        (!text.is_empty()).then_some(word)
    }
}

/// Calls `emit` with every word of the text, in order (a whole identifier comes before its parts).
pub(super) fn words(text: &str, mut emit: impl FnMut(Word<'_>)) {
    let mut buffer = String::with_capacity(32);
    raw_words(text, |raw| {
        if let Some(word) = raw.normalised(&mut buffer) {
            emit(word);
        }
    });
}

/// As [`words`], for a caller that needs few of them as terms.
pub(super) fn raw_words<'a>(text: &'a str, mut emit: impl FnMut(RawWord<'a>)) {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        if kind(*byte) & (LOWER | UPPER | DIGIT | HIGH) == 0 {
            at += 1;
        } else {
            at = compound(text, at, &mut emit);
        }
    }
}

/// Reads one word, or parts joined by connectors, from `start`; returns where to go on.
fn compound<'a>(text: &'a str, start: usize, emit: &mut impl FnMut(RawWord<'a>)) -> usize {
    let (mut end, mut kinds) = run_end(text, start);
    if end == start {
        return unspaced_run(text, start, emit);
    }
    let mut parts = 1;
    let mut tight = false; // a connector that words of prose do not have
    while let Some(&joint) = text.as_bytes().get(end).filter(|byte| kind(**byte) == JOINT) {
        let (next, more) = run_end(text, end + 1);
        if next == end + 1 {
            break;
        }
        if joint == b'\'' {
            // "pump's": the ending says nothing
            if next - end <= 3 && parts == 1 {
                emit(raw(text, start, end, shape_of(kinds), kinds));
                return next;
            }
            break;
        }
        tight |= matches!(joint, b'_' | b'@' | b'/' | b'.' | b':');
        kinds |= more;
        parts += 1;
        end = next;
        if parts == 8 {
            break;
        }
    }
    if parts == 1 {
        emit(raw(text, start, end, shape_of(kinds), kinds));
        return end;
    }
    let whole = (kinds & DIGIT != 0 || tight) && end - start <= TERM_BYTES;
    if whole {
        emit(raw(text, start, end, Shape::Identifier, kinds));
    }
    give_parts(text, start, end, whole, emit);
    end
}

fn give_parts<'a>(text: &'a str, start: usize, end: usize, whole: bool, emit: &mut impl FnMut(RawWord<'a>)) {
    let mut at = start;
    while at < end {
        let (to, kinds) = run_end(text, at);
        let to = to.min(end);
        if to > at {
            let shape = if whole && kinds & DIGIT != 0 { Shape::Part } else { shape_of(kinds) };
            emit(raw(text, at, to, shape, kinds));
        }
        at = to + 1;
    }
}

fn shape_of(kinds: u8) -> Shape {
    if kinds & DIGIT == 0 { Shape::Plain } else { Shape::Identifier }
}

fn raw(text: &str, start: usize, end: usize, shape: Shape, kinds: u8) -> RawWord<'_> {
    RawWord { written: &text[start..end], start, end, shape, kinds, unspaced: false }
}

/// Overlapping pairs of a run of characters without spaces.
fn unspaced_run<'a>(text: &'a str, start: usize, emit: &mut impl FnMut(RawWord<'a>)) -> usize {
    let mut give = |start, end| {
        emit(RawWord { unspaced: true, ..raw(text, start, end, Shape::Identifier, HIGH) });
    };
    let mut previous: Option<usize> = None;
    let mut length = 0;
    for (offset, c) in text[start..].char_indices() {
        let (at, end) = (start + offset, start + offset + c.len_utf8());
        if !unspaced(c) {
            if let (1, Some(from)) = (length, previous) {
                give(from, at);
            }
            return if length == 0 { end } else { at };
        }
        if let Some(from) = previous {
            give(from, end);
        }
        previous = Some(at);
        length += 1;
    }
    if let (1, Some(from)) = (length, previous) {
        give(from, text.len());
    }
    text.len()
}

/// Lower case, compatibility forms unfolded, accents dropped, cut to [`TERM_BYTES`].
fn normalise(word: &str, out: &mut String) {
    out.clear();
    if word.is_ascii() {
        out.push_str(word);
        out.make_ascii_lowercase();
    } else {
        let unmarked = word.nfkd().filter(|c| c.general_category() != GeneralCategory::NonspacingMark);
        out.extend(unmarked.flat_map(char::to_lowercase));
    }
    if out.len() > TERM_BYTES {
        let cut = (0..=TERM_BYTES).rev().find(|&i| out.is_char_boundary(i)).unwrap_or(0);
        out.truncate(cut);
    }
}

/// Turns words into index terms of one language.
pub(super) struct Stems {
    stemmer: Option<Stemmer>,
}

impl Stems {
    pub(super) fn new(language: Language) -> Self {
        Self { stemmer: language.stemmer() }
    }

    /// The term of a word.
    pub(super) fn term<'a>(&self, text: &'a str, shape: Shape) -> std::borrow::Cow<'a, str> {
        match (&self.stemmer, shape) {
            (Some(stemmer), Shape::Plain) => stemmer.stem(text),
            _ => text.into(),
        }
    }
}

/// Words that carry no subject in a question; weighed down, never dropped from the index.
pub(super) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

const STOP_WORDS: [&str; 69] = [
    "a",
    "about",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "but",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "for",
    "from",
    "had",
    "has",
    "have",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "me",
    "my",
    "no",
    "not",
    "of",
    "on",
    "or",
    "our",
    "should",
    "so",
    "some",
    "such",
    "than",
    "that",
    "the",
    "their",
    "then",
    "there",
    "these",
    "they",
    "this",
    "to",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "will",
    "with",
    "would",
    "you",
    "your",
    "yours",
    "yourself",
    "yourselves",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        words(text, |w| out.push(w.text.to_owned()));
        out
    }

    #[test]
    fn identifiers_stay_whole() {
        assert_eq!(all("Error E-05 on rtl8188eu"), ["error", "e-05", "e", "05", "on", "rtl8188eu"]);
        assert_eq!(all("edit /etc/fstab."), ["edit", "etc/fstab", "etc", "fstab"]);
        assert_eq!(all("the pump's well-known state"), ["the", "pump", "well", "known", "state"]);
        assert_eq!(all("Café Ünï"), ["cafe", "uni"]);
        assert_eq!(all("水泵漏 水"), ["水泵", "泵漏", "水"]);
        assert_eq!(all("a. b"), ["a", "b"]);
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    proptest! {
        #[test]
        fn a_key_is_the_key_of_the_word_as_compared(text in "[a-zA-Z0-9éÉ泵'._ -]{0,60}") {
            let mut buffer = String::new();
            raw_words(&text, |raw| {
                if let (Some(key), Some(word)) = (raw.key(&text), raw.normalised(&mut buffer)) {
                    assert_eq!(Some(key), Key::of(word.text), "{}", word.text);
                }
            });
        }

        #[test]
        fn places_are_places(text in "\\PC*") {
            words(&text, |w| {
                assert!(text.get(w.start..w.end).is_some());
                assert!(!w.text.is_empty() && w.text.len() <= TERM_BYTES);
            });
        }
    }
}
