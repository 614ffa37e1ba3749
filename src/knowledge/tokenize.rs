//! WordPiece with BERT's uncased normalisation (Devlin et al. 2019; Wu et al. 2016).
//!
//! Clean, isolate CJK, decompose (NFD), drop marks, lower-case, split at white space and punctuation,
//! then greedy longest match against the vocabulary. Checked against the reference tokenizer in
//! `tests/data/wordpiece.golden.jsonl`.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::store::Damage;

/// Words longer than this are unknown, as in the reference.
const WORD_CHARS: usize = 100;

/// Where pieces are looked up: `prefix` is true for the first piece of a word.
pub trait Vocabulary {
    /// Row of a piece (without its `##`), if there is one.
    ///
    /// # Errors
    /// [`Damage`] when the vocabulary's file is damaged.
    fn piece(&self, piece: &str, first: bool) -> Result<Option<u32>, Damage>;
    /// Longest piece in bytes.
    fn longest(&self) -> usize;

    /// Row and length of the longest piece that `text` begins with.
    ///
    /// # Errors
    /// [`Damage`] when the vocabulary's file is damaged.
    fn longest_piece(&self, text: &str, first: bool) -> Result<Option<(u32, usize)>, Damage> {
        for end in (1..=text.len().min(self.longest())).rev() {
            if let Some(piece) = text.get(..end)
                && let Some(row) = self.piece(piece, first)?
            {
                return Ok(Some((row, end)));
            }
        }
        Ok(None)
    }
}

/// Splits normalised text into basic words: `word` is called with each.
///
/// # Errors
/// What `word` returns.
pub fn basic_words<E>(text: &str, mut word: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let mut current = String::with_capacity(32);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if current.is_empty()
            && let Some(length) = ascii_word(rest.as_bytes())
        {
            let (whole, after) = rest.split_at(length);
            rest = after;
            if whole.bytes().any(|b| b.is_ascii_uppercase()) {
                current.push_str(whole);
                current.make_ascii_lowercase();
                flush(&mut current, &mut word)?;
            } else {
                word(whole)?;
            }
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c.is_ascii() {
            ascii(c, &mut current, &mut word)?;
        } else {
            unicode(c, &mut current, &mut word)?;
        }
    }
    flush(&mut current, &mut word)
}

/// Length of the ASCII word that the text begins with, if it ends in ASCII as well: most words do.
#[inline]
fn ascii_word(bytes: &[u8]) -> Option<usize> {
    let length = bytes.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(bytes.len());
    let ends = bytes
        .get(length)
        .is_none_or(|b| matches!(b, b' ' | b'\n' | b'\t' | b'\r') || b.is_ascii_punctuation());
    (length > 0 && ends).then_some(length)
}

fn flush<E>(current: &mut String, word: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    if !current.is_empty() {
        word(current)?;
        current.clear();
    }
    Ok(())
}

#[inline]
fn ascii<E>(c: char, current: &mut String, word: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    match c {
        'a'..='z' | '0'..='9' => current.push(c),
        'A'..='Z' => current.push(c.to_ascii_lowercase()),
        ' ' | '\t' | '\n' | '\r' => flush(current, word)?,
        _ if c.is_ascii_punctuation() => {
            flush(current, word)?;
            current.push(c);
            flush(current, word)?;
        }
        _ => {} // control
    }
    Ok(())
}

fn unicode<E>(c: char, current: &mut String, word: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    if c == char::REPLACEMENT_CHARACTER || is_control(c) {
        return Ok(());
    }
    if c.is_whitespace() {
        return flush(current, word);
    }
    let alone = is_cjk(c);
    if alone {
        flush(current, word)?;
    }
    for part in std::iter::once(c).nfd() {
        if part.general_category() == GeneralCategory::NonspacingMark {
            continue;
        }
        if part.is_whitespace() {
            flush(current, word)?;
        } else if is_punctuation(part) {
            flush(current, word)?;
            current.push(part);
            flush(current, word)?;
        } else {
            current.extend(part.to_lowercase());
        }
    }
    if alone { flush(current, word) } else { Ok(()) }
}

fn is_control(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse
    )
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// The blocks that the reference calls CJK.
fn is_cjk(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x2_0000..=0x2_A6DF | 0x2_A700..=0x2_B73F
        | 0x2_B740..=0x2_B81F | 0x2_B920..=0x2_CEAF | 0xF900..=0xFAFF | 0x2_F800..=0x2_FA1F)
}

/// Pieces of one basic word; calls `unknown` once, and no `row`, when it cannot be covered.
///
/// # Errors
/// [`Damage`] when the vocabulary's file is damaged.
pub fn pieces(word: &str, vocabulary: &impl Vocabulary, rows: &mut Vec<u32>) -> Result<bool, Damage> {
    let before = rows.len();
    if word.len() > WORD_CHARS && word.chars().count() > WORD_CHARS {
        return Ok(false);
    }
    let mut start = 0;
    while start < word.len() {
        let Some((row, length)) = vocabulary.longest_piece(&word[start..], start == 0)? else {
            rows.truncate(before);
            return Ok(false);
        };
        rows.push(row);
        start += length;
    }
    Ok(true)
}

/// Rows of a text, at most `limit`; unknown words are left out.
///
/// # Errors
/// [`Damage`] when the vocabulary's file is damaged.
pub fn tokenize(
    text: &str,
    vocabulary: &impl Vocabulary,
    limit: usize,
    rows: &mut Vec<u32>,
) -> Result<(), Damage> {
    enum Stop {
        Full,
        Damage(Damage),
    }
    let ended = basic_words(text, |word| {
        pieces(word, vocabulary, rows).map_err(Stop::Damage)?;
        if rows.len() >= limit { Err(Stop::Full) } else { Ok(()) }
    });
    rows.truncate(limit);
    match ended {
        Err(Stop::Damage(damage)) => Err(damage),
        Err(Stop::Full) | Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        let _ = basic_words::<()>(text, |w| {
            out.push(w.to_owned());
            Ok(())
        });
        out
    }

    #[test]
    fn splits_as_bert_does() {
        assert_eq!(words("Hello, World!"), ["hello", ",", "world", "!"]);
        assert_eq!(words("naïve Ünïcode\u{200d}"), ["naive", "unicode"]);
        assert_eq!(words("水泵A1"), ["水", "泵", "a1"]);
        assert_eq!(words("a\u{0}b\u{7}c"), ["abc"]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            for word in words(&text) {
                prop_assert!(!word.is_empty());
            }
        }
    }
}
