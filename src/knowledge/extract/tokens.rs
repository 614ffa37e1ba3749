//! How many tokens a text is worth, and where its sentences end.
//!
//! Invariant: pure functions of the text; offsets returned are character boundaries.

/// About the number of WordPiece tokens: words x 1.3, punctuation and CJK characters one each.
pub(super) fn estimate(text: &str) -> u32 {
    let (words, single) = if text.is_ascii() { count_ascii(text.as_bytes()) } else { count(text) };
    u32::try_from((words * 13).div_ceil(10) + single).unwrap_or(u32::MAX)
}

/// What a byte is: a mark, part of a word, white space.
const KINDS: [u8; 256] = {
    let (mut kinds, mut byte) = ([MARK; 256], 0u8);
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            kinds[byte as usize] = INSIDE;
        } else if byte == b' ' || (byte >= 0x09 && byte <= 0x0d) {
            kinds[byte as usize] = SPACE;
        }
        byte += 1;
    }
    kinds
};
const MARK: u8 = 0;
const INSIDE: u8 = 1;
const SPACE: u8 = 2;

/// Runs of letters and digits, and what counts as one each. Most text is ASCII, and needs no tables of Unicode. No
/// branch: where words end cannot be foretold.
fn count_ascii(bytes: &[u8]) -> (u64, u64) {
    let (mut words, mut single, mut run) = (0, 0, 0u32);
    for byte in bytes {
        let kind = KINDS[usize::from(*byte)];
        words += u64::from(kind == INSIDE && run == 0);
        run = if kind == INSIDE { run + 1 } else { 0 };
        // What `extra` says of the whole run, one after the other.
        single += u64::from(kind == MARK) + u64::from(run >= 15 && run.is_multiple_of(3));
    }
    (words, single)
}

/// A very long run is many pieces: hashes, base64, identifiers.
fn extra(run: u64) -> u64 {
    (run / 3).saturating_sub(4)
}

fn count(text: &str) -> (u64, u64) {
    let (mut words, mut single, mut inside) = (0, 0, 0);
    for character in text.chars() {
        if !is_wide(character) && character.is_alphanumeric() {
            inside += 1;
            continue;
        }
        words += u64::from(inside > 0);
        single += extra(inside) + u64::from(is_wide(character) || !character.is_whitespace());
        inside = 0;
    }
    (words + u64::from(inside > 0), single + extra(inside))
}

/// Scripts written without spaces: every character counts.
fn is_wide(character: char) -> bool {
    matches!(u32::from(character),
        0x0e00..=0x0eff | 0x2e80..=0x2fdf | 0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff
        | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff)
}

const SHORT_FORMS: [&str; 16] = [
    "e.g", "i.e", "etc", "vs", "cf", "mr", "mrs", "dr", "st", "no", "fig", "sec", "vol", "ed", "resp",
    "approx",
];

/// End offsets of the sentences of `text`; the last is its length.
pub(super) fn sentence_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let end = at + character.len_utf8();
        let ends_here = match character {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => next.is_some_and(char::is_whitespace) && !is_short_form(text.get(..at)),
            _ => false,
        };
        if ends_here {
            ends.push(end);
        }
    }
    if ends.last() != Some(&text.len()) && !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

fn is_short_form(before: Option<&str>) -> bool {
    let Some(before) = before else { return false };
    let start = before.rfind(|c: char| c.is_whitespace() || c == '(').map_or(0, |at| at + 1);
    let word = before.get(start..).unwrap_or_default();
    let initial = word.len() == 1 && word.chars().all(char::is_uppercase);
    initial || SHORT_FORMS.iter().any(|form| word.eq_ignore_ascii_case(form))
}

/// The longest prefix of `text` worth at most `tokens`, cut between words where there are words.
pub(super) fn prefix_within(text: &str, tokens: u32) -> usize {
    let (mut good, mut at, mut spent) = (0, 0, 0_u32);
    for word in text.split_inclusive(char::is_whitespace) {
        spent = spent.saturating_add(estimate(word));
        if spent > tokens {
            break;
        }
        at += word.len();
        good = at;
    }
    if good > 0 {
        return good;
    }
    // One endless word: at most four bytes a token keeps pieces small.
    let most = (tokens as usize).saturating_mul(3).max(4);
    text.char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= most)
        .last()
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_words_punctuation_and_cjk() {
        assert_eq!(estimate("The quick brown fox."), 7);
        assert_eq!(estimate("漢字かな"), 4);
        assert_eq!(estimate(""), 0);
    }

    #[test]
    fn ascii_counts_as_any_text_does() {
        let runs: String =
            (0..40).map(|length| "a1".repeat(length) + if length % 3 == 0 { "-, " } else { " \t" }).collect();
        for text in [runs.as_str(), "", "a", " ", "x--y", "\u{b}\u{c}\u{1f}z\r\n", &"q".repeat(500)] {
            assert_eq!(count_ascii(text.as_bytes()), count(text), "{text:?}");
        }
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        let text = "Use it, e.g. here. Then stop! J. Doe said so.";
        let mut from = 0;
        let parts: Vec<&str> = sentence_ends(text)
            .into_iter()
            .map(|end| {
                let part = text.get(from..end).unwrap().trim();
                from = end;
                part
            })
            .collect();
        assert_eq!(parts, ["Use it, e.g. here.", "Then stop!", "J. Doe said so."]);
    }
}
