//! Text to index terms: words with their places, identifiers kept whole, stems by language.
//!
//! `E-05` gives `e-05` whole and its parts; `rtl8188eu` is one term and never stemmed; Chinese, Japanese
//! and Thai give overlapping pairs of characters, since they write no spaces.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::word_map::Key;

/// Longer terms are cut: they are no words.
const TERM_BYTES: usize = 48;

/// Kinds of bytes, as bits.
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
/// What may join the parts of a name.
const JOINT: u8 = 8;
/// Part of a character beyond ASCII.
const HIGH: u8 = 16;

static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut at = 0;
    while at < 256 {
        #[allow(clippy::cast_possible_truncation)] // below 256
        let byte = at as u8;
        kinds[at] = match byte {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'-' | b'_' | b'.' | b':' | b'/' | b'\'' | b'@' | b'+' => JOINT,
            0x80.. => HIGH,
            _ => 0,
        };
        at += 1;
    }
    kinds
};

fn kind(byte: u8) -> u8 {
    KINDS[usize::from(byte)]
}

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

/// End of the run of letters, digits and marks that begins at `start` (`start` when there is none), and the kinds
/// of its bytes.
#[inline]
fn run_end(text: &str, start: usize) -> (usize, u8) {
    let (mut at, mut kinds) = (start, 0);
    while let Some(byte) = text.as_bytes().get(at) {
        let kind = kind(*byte);
        if kind & (LOWER | UPPER | DIGIT) != 0 {
            at += 1;
        } else if kind == HIGH {
            match text[at..].chars().next() {
                Some(c) if (c.is_alphanumeric() || is_mark(c)) && !unspaced(c) => at += c.len_utf8(),
                _ => break,
            }
        } else {
            break;
        }
        kinds |= kind;
    }
    (at, kinds)
}

fn is_mark(c: char) -> bool {
    matches!(c.general_category(), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark)
}

/// Scripts that are written without spaces.
fn unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x2_FA1F)
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

/// A language whose words are stemmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Language {
    #[default]
    English,
    Arabic,
    Danish,
    Dutch,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    /// No stems: any language that is not in this list.
    Other,
}

const LANGUAGES: [(Language, &str, Option<Algorithm>, Option<whatlang::Lang>); 19] = {
    use whatlang::Lang;
    [
        (Language::English, "en", Some(Algorithm::English), Some(Lang::Eng)),
        (Language::Arabic, "ar", Some(Algorithm::Arabic), Some(Lang::Ara)),
        (Language::Danish, "da", Some(Algorithm::Danish), Some(Lang::Dan)),
        (Language::Dutch, "nl", Some(Algorithm::Dutch), Some(Lang::Nld)),
        (Language::Finnish, "fi", Some(Algorithm::Finnish), Some(Lang::Fin)),
        (Language::French, "fr", Some(Algorithm::French), Some(Lang::Fra)),
        (Language::German, "de", Some(Algorithm::German), Some(Lang::Deu)),
        (Language::Greek, "el", Some(Algorithm::Greek), Some(Lang::Ell)),
        (Language::Hungarian, "hu", Some(Algorithm::Hungarian), Some(Lang::Hun)),
        (Language::Italian, "it", Some(Algorithm::Italian), Some(Lang::Ita)),
        (Language::Norwegian, "no", Some(Algorithm::Norwegian), Some(Lang::Nob)),
        (Language::Portuguese, "pt", Some(Algorithm::Portuguese), Some(Lang::Por)),
        (Language::Romanian, "ro", Some(Algorithm::Romanian), Some(Lang::Ron)),
        (Language::Russian, "ru", Some(Algorithm::Russian), Some(Lang::Rus)),
        (Language::Spanish, "es", Some(Algorithm::Spanish), Some(Lang::Spa)),
        (Language::Swedish, "sv", Some(Algorithm::Swedish), Some(Lang::Swe)),
        (Language::Tamil, "ta", Some(Algorithm::Tamil), Some(Lang::Tam)),
        (Language::Turkish, "tr", Some(Algorithm::Turkish), Some(Lang::Tur)),
        (Language::Other, "other", None, None),
    ]
};

impl Language {
    /// ISO 639-1, or `other`.
    #[must_use]
    pub fn code(self) -> &'static str {
        LANGUAGES.iter().find(|l| l.0 == self).map_or("other", |l| l.1)
    }

    /// By ISO 639-1 code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        LANGUAGES.iter().find(|l| l.1 == code).map(|l| l.0)
    }

    /// All codes, for messages.
    #[must_use]
    pub fn codes() -> Vec<&'static str> {
        LANGUAGES.iter().map(|l| l.1).collect()
    }

    /// Guesses from a sample; English unless another language is clear.
    #[must_use]
    pub fn detect(sample: &str) -> Self {
        match whatlang::detect(sample) {
            Some(info) if info.is_reliable() || info.script() != whatlang::Script::Latin => {
                LANGUAGES.iter().find(|l| l.3 == Some(info.lang())).map_or(Self::Other, |l| l.0)
            }
            _ => Self::English,
        }
    }

    pub(super) fn stemmer(self) -> Option<Stemmer> {
        LANGUAGES.iter().find(|l| l.0 == self).and_then(|l| l.2).map(Stemmer::create)
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

    #[test]
    fn languages_are_told_apart() {
        assert_eq!(Language::detect("the quick start guide"), Language::English);
        let german = "Die Pumpe muss vor der Wartung vom Stromnetz getrennt werden, damit niemand verletzt wird. \
            Danach sind die Ventile zu schließen und die Leitungen vollständig zu entleeren, bevor das Gehäuse geöffnet wird.";
        assert_eq!(Language::detect(german), Language::German);
        assert_eq!(Language::from_code("de"), Some(Language::German));
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
