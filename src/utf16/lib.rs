//! Stands in for the crate `encoding_rs`, of which the readers of PDF use UTF-16 and nothing else, and which would bring
//! 130 KB of tables for the encodings of the Web with it.
//!
//! Invariant: nothing but UTF-16BE, in the words of the crate whose place it takes.

use std::borrow::Cow;

/// An encoding: there is one.
#[derive(Debug)]
pub struct Encoding(());

pub static UTF_16BE: &Encoding = &Encoding(());

impl Encoding {
    /// The text, the encoding that a byte order mark names or this one, and whether something was malformed: U+FFFD
    /// stands for that.
    pub fn decode<'a>(&'static self, bytes: &'a [u8]) -> (Cow<'a, str>, &'static Self, bool) {
        let (text, malformed) = match bytes {
            [0xfe, 0xff, rest @ ..] => lossy(rest, u16::from_be_bytes),
            [0xff, 0xfe, rest @ ..] => lossy(rest, u16::from_le_bytes),
            all => lossy(all, u16::from_be_bytes),
        };
        (text.into(), self, malformed)
    }

    /// The text; nothing where something is malformed.
    pub fn decode_without_bom_handling_and_without_replacement<'a>(
        &'static self,
        bytes: &'a [u8],
    ) -> Option<Cow<'a, str>> {
        let (text, malformed) = lossy(bytes, u16::from_be_bytes);
        (!malformed).then(|| text.into())
    }
}

fn lossy(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> (String, bool) {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut malformed = !rest.is_empty();
    let mut text: String = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|letter| {
            malformed |= letter.is_err();
            letter.unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    (text, malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_utf_16() {
        let read = |bytes: &[u8]| {
            let (text, _, malformed) = UTF_16BE.decode(bytes);
            (text.into_owned(), malformed)
        };
        assert_eq!(read(b"\x00a\x04\x16\xd8\x3d\xde\x00"), ("a\u{416}\u{1f600}".to_owned(), false));
        assert_eq!(read(b"\xfe\xff\x00a"), ("a".to_owned(), false));
        assert_eq!(read(b"\xff\xfea\x00"), ("a".to_owned(), false));
        assert_eq!(read(b"\xd8\x3d\x00a\x00"), ("\u{fffd}a\u{fffd}".to_owned(), true));
        assert_eq!(UTF_16BE.decode_without_bom_handling_and_without_replacement(b"\xd8\x3d"), None);
        assert_eq!(UTF_16BE.decode_without_bom_handling_and_without_replacement(b"\x00z").unwrap(), "z");
    }
}
