//! Sets of characters as Go's regular expressions name them: ranges, `\d`, `[:alpha:]`, `\pL`, letter case.
//!
//! Invariant: work and memory are bounded, whatever the set is made of.

use std::sync::OnceLock;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::base::InOrder;

/// As many characters may be looked at for their other cases, in one pattern.
pub(super) const MOST_FOLDED: u32 = 150_000;
/// No character after this one has another case.
const LAST_CASED: u32 = 0x1_e943;
const LAST: u32 = 0x10_ffff;

type Range = (u32, u32);

/// Categories of Unicode in the order of their numbers in the table; the first letter alone names the group.
const CATEGORIES: [&str; 29] = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf",
    "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
];

/// What letters have as another case that is no upper or lower case of theirs.
const ODD_CASES: [(char, char); 34] = [
    ('k', '\u{212a}'),
    ('s', '\u{17f}'),
    ('\u{e5}', '\u{212b}'),
    ('\u{df}', '\u{1e9e}'),
    ('\u{3c9}', '\u{2126}'),
    ('\u{3b2}', '\u{3d0}'),
    ('\u{3b5}', '\u{3f5}'),
    ('\u{3b8}', '\u{3d1}'),
    ('\u{3b8}', '\u{3f4}'),
    ('\u{3b9}', '\u{1fbe}'),
    ('\u{3b9}', '\u{345}'),
    ('\u{3ba}', '\u{3f0}'),
    ('\u{3bc}', '\u{b5}'),
    ('\u{3c0}', '\u{3d6}'),
    ('\u{3c1}', '\u{3f1}'),
    ('\u{3c3}', '\u{3c2}'),
    ('\u{3c6}', '\u{3d5}'),
    ('\u{1e61}', '\u{1e9b}'),
    ('\u{1c6}', '\u{1c5}'),
    ('\u{1c9}', '\u{1c8}'),
    ('\u{1cc}', '\u{1cb}'),
    ('\u{1f3}', '\u{1f2}'),
    ('\u{1fb3}', '\u{1fbc}'),
    ('\u{1fc3}', '\u{1fcc}'),
    ('\u{1ff3}', '\u{1ffc}'),
    ('\u{441}', '\u{1c83}'),
    ('\u{442}', '\u{1c84}'),
    ('\u{442}', '\u{1c85}'),
    ('\u{463}', '\u{1c87}'),
    ('\u{a64b}', '\u{1c88}'),
    ('\u{432}', '\u{1c80}'),
    ('\u{434}', '\u{1c81}'),
    ('\u{43e}', '\u{1c82}'),
    ('\u{44a}', '\u{1c86}'),
];

/// Ranges, in any order until they are written.
#[derive(Debug, Default)]
pub(super) struct Set {
    ranges: Vec<Range>,
}

impl Set {
    pub(super) fn add(&mut self, first: u32, last: u32) {
        self.ranges.push((first, last));
    }

    /// What another set has, or all that it has not.
    pub(super) fn join(&mut self, mut other: Self, negated: bool) {
        other.tidy();
        if negated {
            let mut next = 0;
            for (first, last) in other.ranges {
                if first > next {
                    self.add(next, first - 1);
                }
                next = last + 1;
            }
            if next <= LAST {
                self.add(next, LAST);
            }
        } else {
            self.ranges.append(&mut other.ranges);
        }
    }

    /// Adds the other cases of all that is in it; `spent` counts characters that were looked at.
    pub(super) fn fold(&mut self, spent: &mut u32) -> Option<()> {
        self.tidy();
        for (first, last) in self.ranges.clone() {
            let last = last.min(LAST_CASED);
            *spent += (last + 1).saturating_sub(first);
            if *spent > MOST_FOLDED {
                return None;
            }
            for c in (first..=last).filter_map(char::from_u32) {
                for case in cases(c).into_iter().skip(1) {
                    self.add(u32::from(case), u32::from(case));
                }
            }
        }
        Some(())
    }

    fn tidy(&mut self) {
        self.ranges.order();
        let mut tidy: Vec<Range> = Vec::with_capacity(self.ranges.len());
        for &(first, last) in &self.ranges {
            match tidy.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => tidy.push((first, last)),
            }
        }
        self.ranges = tidy;
    }

    /// As a class of the machine's language.
    pub(super) fn write(mut self, negated: bool, out: &mut String) {
        if negated {
            let whole = std::mem::take(&mut self);
            self.join(whole, true);
        } else {
            self.tidy();
        }
        // No text has a half of a pair: what asks for one finds nothing.
        let scalar = |n: u32, other: u32| char::from_u32(n).unwrap_or(char::from_u32(other).unwrap_or('\0'));
        let ranges = self.ranges.iter().filter(|(first, last)| *first < 0xd800 || *last > 0xdfff);
        let ranges: Vec<_> = ranges.map(|&(a, b)| (scalar(a, 0xe000), scalar(b, 0xd7ff))).collect();
        if ranges.is_empty() {
            out.push_str("[^\\x00-\\x{10ffff}]");
            return;
        }
        out.push('[');
        for (first, last) in ranges {
            in_class(first, out);
            if last != first {
                out.push('-');
                in_class(last, out);
            }
        }
        out.push(']');
    }
}

fn in_class(c: char, out: &mut String) {
    // `\<` and `\>` are no characters to the machine.
    if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
        out.push('\\');
    }
    out.push(c);
}

/// A character and what equals it where case does not matter; itself first.
pub(super) fn cases(c: char) -> Vec<char> {
    let mut found = vec![c];
    let mut at = 0;
    while let Some(&one) = found.get(at) {
        let odd =
            ODD_CASES.iter().filter_map(|&(a, b)| if a == one { Some(b) } else { (b == one).then_some(a) });
        let mut more: Vec<char> = odd.collect();
        if matches!(one, '\u{1f80}'..='\u{1faf}') {
            more.extend(char::from_u32(u32::from(one) ^ 8)); // Greek with an iota: eight small ones, eight large ones
        }
        let (mut lower, mut upper) = (one.to_lowercase(), one.to_uppercase());
        more.extend(lower.next().filter(|_| lower.next().is_none()));
        more.extend(upper.next().filter(|_| upper.next().is_none()));
        // Not all of Go's pairs are pairs of these: the dotless and the dotted i have no other case there.
        more.retain(|case| !matches!(case, '\u{130}' | '\u{131}') && !matches!(one, '\u{130}' | '\u{131}'));
        for case in more {
            if !found.contains(&case) {
                found.push(case);
            }
        }
        at += 1;
    }
    found
}

fn of(text: &str) -> Set {
    let letters: Vec<u32> = text.chars().map(u32::from).collect();
    let pairs = letters.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    Set { ranges: pairs.collect() }
}

/// The set of `\d`, `\s` or `\w`, by its small letter.
pub(super) fn perl(letter: char) -> Option<Set> {
    Some(of(match letter {
        'd' => "09",
        's' => "\t\n\x0c\r  ",
        'w' => "09AZ__az",
        _ => return None,
    }))
}

/// The set of `[:name:]`.
pub(super) fn posix(name: &str) -> Option<Set> {
    Some(of(match name {
        "alnum" => "09AZaz",
        "alpha" => "AZaz",
        "ascii" => "\0\x7f",
        "blank" => "\t\t  ",
        "cntrl" => "\0\x1f\x7f\x7f",
        "digit" => "09",
        "graph" => "!~",
        "lower" => "az",
        "print" => " ~",
        "punct" => "!/:@[`{~",
        "space" => "\t\r  ",
        "upper" => "AZ",
        "word" => "09AZ__az",
        "xdigit" => "09AFaf",
        _ => return None,
    }))
}

/// The set of a category of Unicode; scripts are none.
pub(super) fn category(name: &str) -> Option<Set> {
    /// Runs of characters of one category each; few enough to be kept once somebody asked.
    static RUNS: OnceLock<Vec<(u32, u32, u8)>> = OnceLock::new();
    if name == "Any" {
        return Some(Set { ranges: vec![(0, LAST)] });
    }
    let is_asked = |one: &&str| *one == name || (name.len() == 1 && one.starts_with(name));
    let runs = RUNS.get_or_init(|| {
        let mut runs: Vec<(u32, u32, u8)> = Vec::new();
        // Nothing is assigned in between.
        for c in ('\0'..'\u{40000}').chain('\u{e0000}'..=char::MAX) {
            let (n, kind) = (u32::from(c), c.general_category() as u8);
            match runs.last_mut() {
                Some((_, last, same)) if *same == kind && *last + 1 == n => *last = n,
                _ => runs.push((n, n, kind)),
            }
        }
        runs.push((0xd800, 0xdfff, GeneralCategory::Surrogate as u8));
        runs.shrink_to_fit();
        runs
    });
    let mut wanted = CATEGORIES.iter().filter(|one| is_asked(one)).peekable();
    wanted.peek()?;
    let has = |kind: u8| CATEGORIES.get(usize::from(kind)).is_some_and(&is_asked);
    let ranges = runs.iter().filter(|(_, _, kind)| has(*kind)).map(|&(first, last, _)| (first, last));
    Some(Set { ranges: ranges.collect() })
}
