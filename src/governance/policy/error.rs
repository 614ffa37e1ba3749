//! What is wrong with a policy, a schema or a request, and where.

use std::fmt;

/// A mistake at a place of one text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// With the line and column (in characters, from 1) of its text.
    pub(super) fn placed(self, file: &str, text: &str) -> PolicyProblem {
        let before = text.get(..self.at.min(text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        PolicyProblem { file: file.to_owned(), line, column, what: self.what }
    }
}

/// A mistake with its file, line and column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyProblem {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub what: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // About all of it, where no line is named.
        match self.line {
            0 => write!(out, "{}: {}", self.file, self.what),
            line => write!(out, "{}:{line}:{}: {}", self.file, self.column, self.what),
        }
    }
}

/// Why a set of policies is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// All mistakes, in the order of files and places.
    #[error("{}", list(.0))]
    Invalid(Vec<PolicyProblem>),
}

impl PolicyError {
    /// The mistakes.
    #[must_use]
    pub fn problems(&self) -> &[PolicyProblem] {
        let Self::Invalid(problems) = self;
        problems
    }
}

fn list(problems: &[PolicyProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Why a policy does not apply to a request: its condition has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    #[error("wanted {wanted}, got {got}")]
    Type { wanted: &'static str, got: &'static str },
    #[error("no attribute '{name}' on {of}")]
    Attribute { name: String, of: String },
    #[error("nothing is known of {0}")]
    Entity(String),
    #[error("the number does not fit into 64 bits")]
    Overflow,
}

/// The known name that was perhaps meant, as the end of a message.
pub(in crate::governance) fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let word: Vec<char> = word.chars().take(64).collect();
    let best = known.into_iter().map(|name| (distance(&word, name), name)).min();
    match best {
        // Two letters that changed places are two edits, and the commonest slip.
        Some((far, name)) if far * 2 <= word.len() + 1 => format!("; did you mean '{name}'?"),
        _ => String::new(),
    }
}

/// Edits from one word to the other (Levenshtein).
fn distance(word: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (i, c) in name.chars().take(64).enumerate() {
        let mut corner = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, w) in word.iter().enumerate() {
            let (Some(left), Some(above)) = (row.get(j).copied(), row.get(j + 1).copied()) else { break };
            let cost = usize::from(*w != c);
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = (left + 1).min(above + 1).min(corner + cost);
            }
            corner = above;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}
