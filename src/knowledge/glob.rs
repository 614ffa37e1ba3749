//! Patterns over paths: `*`, `?`, `**`, `[a-z]`, `[!a]`, `{one,two}`, `\` before what is meant as it stands.
//!
//! Invariant: a match costs at most the pattern's length times the path's, whatever the pattern; nothing recurses
//! deeper than [`DEPTH`].

use std::fmt;
use std::path::Path;

/// Letters of a pattern, and braces within braces.
const LONGEST: usize = 4096;
const DEPTH: usize = 8;

/// Whether `*` and `?` also match `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slash {
    Crossed,
    Kept,
}

/// Why a pattern cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    #[error("a '[' has no ']'")]
    OpenClass,
    #[error("the range {0}-{1} runs backwards")]
    Backwards(char, char),
    #[error("a '{{' has no '}}'")]
    OpenBraces,
    #[error("a '}}' has no '{{'; '\\}}' is the sign itself")]
    LoneBrace,
    #[error("it ends with a '\\' that stands before nothing")]
    OpenEscape,
    #[error("it is too long, or has too many braces within braces")]
    TooLarge,
}

/// A pattern, ready to match.
#[derive(Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
    program: Vec<Step>,
}

/// One step; a match goes through several at once.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Letter(char),
    /// Any letter, `/` only if so.
    Any(bool),
    Class {
        not: bool,
        ranges: Vec<(char, char)>,
        slash: bool,
    },
    /// Goes on at both places.
    Fork(usize, usize),
}

impl Glob {
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(pattern: &str, slash: Slash) -> Result<Self, GlobError> {
        if pattern.len() > LONGEST {
            return Err(GlobError::TooLarge);
        }
        let letters: Vec<char> = pattern.chars().collect();
        let mut compiler =
            Compiler { letters: &letters, at: 0, crosses: slash == Slash::Crossed, program: Vec::new() };
        compiler.sequence(0)?;
        Ok(Self { pattern: pattern.to_owned(), program: compiler.program })
    }

    /// True when the pattern matches the whole path; what is no UTF-8 in it stands for itself.
    #[must_use]
    pub fn is_match(&self, path: &Path) -> bool {
        let mut now = Places::new(self.program.len() + 1);
        let mut next = now.clone();
        self.enter(0, &mut now);
        for letter in path.to_string_lossy().chars() {
            next.clear();
            for place in &now.list {
                let goes_on = match self.program.get(*place) {
                    Some(Step::Letter(wanted)) => *wanted == letter,
                    Some(Step::Any(slash)) => *slash || letter != '/',
                    Some(Step::Class { not, ranges, slash }) => {
                        (*slash || letter != '/')
                            && ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *not
                    }
                    Some(Step::Fork(..)) | None => false,
                };
                if goes_on {
                    self.enter(place + 1, &mut next);
                }
            }
            std::mem::swap(&mut now, &mut next);
        }
        now.has(self.program.len())
    }

    /// Adds a place and all that forks lead to from it.
    fn enter(&self, place: usize, places: &mut Places) {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            if !places.add(place) {
                continue;
            }
            if let Some(Step::Fork(one, other)) = self.program.get(place) {
                open.extend([*one, *other]);
            }
        }
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Glob").field(&self.pattern).finish()
    }
}

/// Steps that a match stands at.
#[derive(Clone)]
struct Places {
    is_there: Vec<bool>,
    list: Vec<usize>,
}

impl Places {
    fn new(length: usize) -> Self {
        Self { is_there: vec![false; length], list: Vec::new() }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.is_there.fill(false);
    }

    fn has(&self, place: usize) -> bool {
        self.is_there.get(place).is_some_and(|is| *is)
    }

    fn add(&mut self, place: usize) -> bool {
        let Some(is) = self.is_there.get_mut(place).filter(|is| !**is) else { return false };
        *is = true;
        self.list.push(place);
        true
    }
}

struct Compiler<'a> {
    letters: &'a [char],
    at: usize,
    crosses: bool,
    program: Vec<Step>,
}

impl Compiler<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    /// Steps until the end, or until the `,` or `}` that ends an alternative.
    fn sequence(&mut self, depth: usize) -> Result<(), GlobError> {
        while let Some(letter) = self.peek(0) {
            match letter {
                ',' | '}' if depth > 0 => return Ok(()),
                '*' => self.stars(),
                '?' => self.single(Step::Any(self.crosses)),
                '[' => self.class()?,
                '{' => self.alternatives(depth)?,
                '}' => return Err(GlobError::LoneBrace),
                '\\' => {
                    self.at += 1;
                    let escaped = self.peek(0).ok_or(GlobError::OpenEscape)?;
                    self.single(Step::Letter(escaped));
                }
                other => self.single(Step::Letter(other)),
            }
        }
        Ok(())
    }

    fn single(&mut self, step: Step) {
        self.program.push(step);
        self.at += 1;
    }

    /// `**` between slashes stands for folders, however many; anything else for letters.
    fn stars(&mut self) {
        let starts = self.at == 0 || self.letters.get(self.at - 1) == Some(&'/');
        let two = self.peek(1) == Some('*');
        match self.peek(2) {
            Some('/') if starts && two => {
                // Nothing, or anything that ends with a slash.
                let fork = self.program.len();
                self.program.push(Step::Fork(0, 0));
                self.any_letters(true);
                self.program.push(Step::Letter('/'));
                let end = self.program.len();
                self.put(fork, Step::Fork(fork + 1, end));
                self.at += 3;
            }
            None if starts && two => {
                self.any_letters(true);
                self.at += 2;
            }
            _ => {
                self.any_letters(self.crosses);
                self.at += 1;
            }
        }
    }

    fn any_letters(&mut self, slash: bool) {
        let fork = self.program.len();
        self.program.push(Step::Fork(fork + 1, fork + 3));
        self.program.push(Step::Any(slash));
        self.program.push(Step::Fork(fork, fork));
    }

    fn put(&mut self, at: usize, step: Step) {
        if let Some(place) = self.program.get_mut(at) {
            *place = step;
        }
    }

    /// `[abc]`, `[a-z]`, `[!a]`; a `]` that comes first is meant as it stands.
    fn class(&mut self) -> Result<(), GlobError> {
        self.at += 1;
        let not = matches!(self.peek(0), Some('!' | '^'));
        self.at += usize::from(not);
        let mut ranges: Vec<(char, char)> = Vec::new();
        loop {
            let letter = self.peek(0).ok_or(GlobError::OpenClass)?;
            self.at += 1;
            if letter == ']' && !ranges.is_empty() {
                break;
            }
            let to = match (self.peek(0), self.peek(1)) {
                (Some('-'), Some(to)) if to != ']' => {
                    self.at += 2;
                    to
                }
                _ => letter,
            };
            if to < letter {
                return Err(GlobError::Backwards(letter, to));
            }
            ranges.push((letter, to));
        }
        self.program.push(Step::Class { not, ranges, slash: self.crosses });
        Ok(())
    }

    fn alternatives(&mut self, depth: usize) -> Result<(), GlobError> {
        if depth == DEPTH {
            return Err(GlobError::TooLarge);
        }
        let mut ends = Vec::new();
        loop {
            self.at += 1;
            let fork = self.program.len();
            self.program.push(Step::Fork(fork + 1, fork + 1));
            self.sequence(depth + 1)?;
            ends.push(self.program.len());
            self.program.push(Step::Fork(0, 0));
            match self.peek(0) {
                Some(',') => self.put(fork, Step::Fork(fork + 1, self.program.len())),
                Some(_) => break,
                None => return Err(GlobError::OpenBraces),
            }
        }
        self.at += 1;
        let after = self.program.len();
        for end in ends {
            self.put(end, Step::Fork(after, after));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, slash: Slash, path: &str) -> bool {
        Glob::new(pattern, slash).unwrap().is_match(Path::new(path))
    }

    #[test]
    fn matches_what_shells_match() {
        let cases = [
            ("*.md", Slash::Kept, "a.md", true),
            ("*.md", Slash::Kept, "b/a.md", false),
            ("*.md", Slash::Crossed, "b/a.md", true),
            ("**/*.md", Slash::Kept, "a.md", true),
            ("**/*.md", Slash::Kept, "c/b/a.md", true),
            ("a/**/b", Slash::Kept, "a/b", true),
            ("a/**/b", Slash::Kept, "a/x/y/b", true),
            ("a/**/b", Slash::Kept, "ab", false),
            ("a/**", Slash::Kept, "a/x/y", true),
            ("a/**", Slash::Kept, "a", false),
            ("[a-c]?[!x]", Slash::Kept, "b\u{e9}y", true),
            ("[a-c]?[!x]", Slash::Kept, "b/y", false),
            ("[]-]", Slash::Kept, "]", true),
            ("[]-]", Slash::Kept, "-", true),
            ("{a,b{c,d}}x", Slash::Kept, "bdx", true),
            ("{a,b{c,d}}x", Slash::Kept, "bx", false),
            ("\\*\\{", Slash::Kept, "*{", true),
            ("", Slash::Kept, "", true),
        ];
        for (pattern, slash, path, expected) in cases {
            assert_eq!(matches(pattern, slash, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (pattern, error) in [
            ("[ab", GlobError::OpenClass),
            ("[z-a]", GlobError::Backwards('z', 'a')),
            ("{a,b", GlobError::OpenBraces),
            ("a}", GlobError::LoneBrace),
            ("a\\", GlobError::OpenEscape),
            (&"{".repeat(20), GlobError::TooLarge),
            (&"a".repeat(LONGEST + 1), GlobError::TooLarge),
        ] {
            assert_eq!(Glob::new(pattern, Slash::Kept), Err(error), "{pattern}");
        }
    }

    /// Patterns of which both have one opinion: more than two stars, and stars that a brace or another `**` touches,
    /// are read there in ways of their own.
    fn pattern() -> impl Strategy<Value = String> {
        let any = "([ab/]|\\*|\\*\\*/|/\\*\\*|\\?|\\[ab\\]|\\{a,b\\*\\}|\\\\\\*){0,8}";
        any.prop_filter("read in ways of its own", |pattern| {
            pattern != "**/" && !["***", "**{", "}**", "**/**"].iter().any(|odd| pattern.contains(odd))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn matches_as_the_library_does(pattern in pattern(), path in "[ab/*]{0,10}", crosses in any::<bool>()) {
            let theirs = globset::GlobBuilder::new(&pattern).literal_separator(!crosses).build();
            let ours = Glob::new(&pattern, if crosses { Slash::Crossed } else { Slash::Kept });
            prop_assert_eq!(ours.is_ok(), theirs.is_ok());
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                prop_assert_eq!(ours.is_match(Path::new(&path)), theirs.compile_matcher().is_match(&path), "{} {}", pattern, path);
            }
        }

        #[test]
        fn no_pattern_takes_long(pattern in "[*{},a?\\[\\]/\\\\-]{0,60}", path in "[a/]{0,200}") {
            if let Ok(glob) = Glob::new(&pattern, Slash::Kept) {
                let _ = glob.is_match(Path::new(&path));
            }
        }
    }
}
