//! What stands in a rule file, whatever it is written in, with its place.

use std::fmt;

/// Line and column, from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    pub line: usize,
    pub column: usize,
}

/// Something that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub at: At,
    pub what: String,
    /// Empty where there is none.
    pub advice: String,
}

impl Problem {
    pub(super) fn new(at: At, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), advice: String::new() }
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.at.line, self.at.column, self.what)?;
        if self.advice.is_empty() { Ok(()) } else { write!(out, "; {}", self.advice) }
    }
}

/// Longest line of a file, in bytes: longer ones are no text that somebody wrote.
const LINE_BYTES: usize = 16 << 10;

/// Where the lines of a text begin.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// # Errors
    /// Where a line is too long.
    pub(super) fn new(text: &'a str) -> Result<Self, Problem> {
        let starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        if let Some(long) = text.split('\n').position(|line| line.len() > LINE_BYTES) {
            let at = At { line: long + 1, column: 1 };
            return Err(Problem::new(at, format!("this line has more than {LINE_BYTES} bytes")));
        }
        Ok(Self { text, starts })
    }

    /// The line of a byte, from 1, and where it begins.
    pub(super) fn line_of(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        (line, line.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or(0))
    }

    pub(super) fn place(&self, at: usize) -> At {
        let (line, start) = self.line_of(at);
        let column = 1 + self.text.get(start..at).unwrap_or_default().chars().count();
        At { line, column }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::observe) struct Node {
    pub(in crate::observe) at: At,
    pub(in crate::observe) value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::observe) enum Value {
    Null,
    /// Whatever it stands for, as text: who reads a field knows what it is to be.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(in crate::observe) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
