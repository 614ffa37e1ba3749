//! Runs of letters and digits: where they end, and of what kinds of bytes they are.
//!
//! Invariant: eight bytes at once say the same as one after another.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Kinds of bytes, as bits.
pub(super) const LOWER: u8 = 1;
pub(super) const UPPER: u8 = 2;
pub(super) const DIGIT: u8 = 4;
/// What may join the parts of a name.
pub(super) const JOINT: u8 = 8;
/// Part of a character beyond ASCII.
pub(super) const HIGH: u8 = 16;

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

#[inline]
pub(super) fn kind(byte: u8) -> u8 {
    KINDS[usize::from(byte)]
}

/// End of the run of letters, digits and marks that begins at `start` (`start` when there is none), and the kinds
/// of its bytes.
#[inline]
pub(super) fn run_end(text: &str, start: usize) -> (usize, u8) {
    let (mut at, mut kinds) = (start, 0);
    loop {
        if let Some(eight) = text.as_bytes().get(at..).and_then(|rest| rest.first_chunk()) {
            let (length, more) = first_run(*eight);
            at += length;
            kinds |= more;
            if length == eight.len() {
                continue;
            }
        }
        let Some(kind) = text.as_bytes().get(at).map(|byte| kind(*byte)) else { break };
        if kind & (LOWER | UPPER | DIGIT) != 0 {
            at += 1;
        } else if kind == HIGH {
            match text.get(at..).and_then(|rest| rest.chars().next()) {
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

/// How many of eight bytes are ASCII letters and digits before any other, and their kinds.
///
/// Every byte is compared in its own seven bits: adding what is missing to 128 carries into its eighth.
#[inline]
fn first_run(bytes: [u8; 8]) -> (usize, u8) {
    const ALL: u64 = u64::MAX / 255;
    const EIGHTH: u64 = 0x80 * ALL;
    let word = u64::from_le_bytes(bytes);
    let seven = word & !EIGHTH;
    // 128 - 'a', 128 - ('z' + 1), 128 - '0', 128 - ('9' + 1)
    let lower = seven | (0x20 * ALL);
    let letters = (lower + 0x1f * ALL) & !(lower + 0x05 * ALL);
    let digits = (seven + 0x50 * ALL) & !(seven + 0x46 * ALL);
    let run = (letters | digits) & !word & EIGHTH;
    let length = (run ^ EIGHTH).trailing_zeros() / 8;
    let inside = if length == 8 { EIGHTH } else { EIGHTH & ((1 << (8 * length)) - 1) };
    let (letters, digits) = (letters & inside, digits & inside);
    // The bit that tells lower case from upper, beside the bit of its letter.
    let small = seven << 2;
    let mut kinds = 0;
    for (some, kind) in [(letters & small, LOWER), (letters & !small, UPPER), (digits, DIGIT)] {
        kinds |= if some == 0 { 0 } else { kind };
    }
    (length as usize, kinds)
}

fn is_mark(c: char) -> bool {
    // Dashes and quotation marks are what prose has most of.
    let none = c < '\u{300}' || ('\u{2000}'..'\u{2070}').contains(&c);
    !none && matches!(c.general_category(), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark)
}

/// Scripts that are written without spaces.
pub(super) fn unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x2_FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_alone_is_of_its_kind() {
        for byte in 0..=u8::MAX {
            let (length, kinds) = first_run([byte, 0xc3, b'a', 0, 0, 0, 0, 0]);
            let is = kind(byte) & (LOWER | UPPER | DIGIT);
            assert_eq!((length, kinds), (usize::from(is != 0), is), "{byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn eight_bytes_are_as_one_after_another(bytes in prop::array::uniform8(prop_oneof![4 => b'a'..=b'z', 1 => b'@'..=b'[', 1 => b'/'..=b':', 1 => any::<u8>()])) {
            let one_by_one = bytes.iter().map(|b| kind(*b)).take_while(|k| k & (LOWER | UPPER | DIGIT) != 0);
            let (length, kinds) = one_by_one.fold((0, 0), |(n, all), kind| (n + 1, all | kind));
            prop_assert_eq!(first_run(bytes), (length, kinds));
        }
    }
}
