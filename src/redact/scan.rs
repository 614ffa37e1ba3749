//! The pass over a text: which byte can begin something, and what is tried there.

use super::{Find, national, network, number, secret};

/// Bytes, and nothing beyond their ends.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl<'a> Text<'a> {
    /// 0 beyond the ends.
    pub(super) fn at(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    pub(super) fn from(self, at: usize) -> &'a [u8] {
        self.0.get(at..).unwrap_or_default()
    }

    pub(super) fn part(self, from: usize, to: usize) -> &'a [u8] {
        self.0.get(from..to.min(self.0.len())).unwrap_or_default()
    }

    /// The end of the run of these bytes, at most so long.
    pub(super) fn run(self, from: usize, most: usize, fits: impl Fn(u8) -> bool) -> usize {
        let part = self.part(from, from.saturating_add(most));
        from + part.iter().take_while(|byte| fits(**byte)).count()
    }

    pub(super) fn starts(self, at: usize, with: &[u8]) -> bool {
        self.from(at).starts_with(with)
    }

    /// True where no word goes on before this place.
    pub(super) fn begins(self, at: usize) -> bool {
        at == 0 || !is_word(self.at(at - 1))
    }

    /// True where no word goes on at this place.
    pub(super) fn ends(self, at: usize) -> bool {
        !is_word(self.at(at))
    }

    /// True where one of these words (lower case) stands within 24 bytes before.
    pub(super) fn near(self, at: usize, words: &[&str]) -> bool {
        let before = self.part(at.saturating_sub(24), at).to_ascii_lowercase();
        words.iter().any(|word| before.windows(word.len()).any(|part| part == word.as_bytes()))
    }

    /// Digits as numbers, with single separators of one kind between them: the digits, the lengths of the groups, and
    /// where each group ends.
    pub(super) fn groups(self, from: usize, separators: &[u8], most: usize) -> Groups {
        let mut groups = Groups::default();
        let (mut at, mut separator) = (from, None);
        while groups.lengths.len() < most {
            let end = self.run(at, 40, |byte| byte.is_ascii_digit());
            if end == at {
                break;
            }
            groups.digits.extend(self.part(at, end).iter().map(|digit| digit - b'0'));
            groups.lengths.push(end - at);
            groups.ends.push(end);
            let next = self.at(end);
            if !separators.contains(&next) || separator.is_some_and(|known| known != next) {
                break;
            }
            (separator, at) = (Some(next), end + 1);
        }
        groups
    }
}

/// A number in groups.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) digits: Vec<u8>,
    pub(super) lengths: Vec<usize>,
    pub(super) ends: Vec<usize>,
}

impl Groups {
    /// Digits and end of the first groups, where these are their lengths.
    pub(super) fn of(&self, lengths: &[usize]) -> Option<(&[u8], usize)> {
        let fits = self.lengths.starts_with(lengths) && !lengths.is_empty();
        let count = lengths.iter().sum();
        let end = *self.ends.get(lengths.len().checked_sub(1)?)?;
        fits.then_some((self.digits.get(..count)?, end))
    }
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Everything that is found, in order, nothing twice.
#[must_use]
pub fn find(bytes: &[u8]) -> Vec<Find> {
    let text = Text(bytes);
    let mut found: Vec<Find> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let done = found.last().map_or(0, |last: &Find| last.to);
        // What was found is taken out: behind it, something begins.
        let begins = at == done || text.begins(at);
        let next = match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' if begins => word(text, at),
            b'+' | b'(' if begins => number::phone(text, at),
            b'-' => secret::pem(text, at),
            b'@' => network::email(text, at, done),
            b'=' => secret::keyed(text, at),
            b':' => {
                secret::in_url(text, at).or_else(|| secret::keyed(text, at)).or_else(|| network::ip(text, at))
            }
            _ => None,
        };
        match next {
            Some(one) if one.from >= done && one.to > at => {
                at = one.to;
                found.push(one);
            }
            _ => at += 1,
        }
    }
    found
}

/// What can begin where a word begins.
pub(super) fn word(text: Text<'_>, at: usize) -> Option<Find> {
    if text.at(at).is_ascii_digit() {
        return secret::numbered(text, at)
            .or_else(|| network::ip(text, at))
            .or_else(|| number::card(text, at))
            .or_else(|| national::of_digits(text, at))
            .or_else(|| number::phone(text, at));
    }
    secret::token(text, at)
        .or_else(|| number::iban(text, at))
        .or_else(|| national::of_letters(text, at))
        .or_else(|| network::ip(text, at))
}
