//! What can be wrong with an expression, or with its evaluation.

use std::fmt;

/// Where something stands in an expression, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    pub start: usize,
    pub end: usize,
}

impl Place {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(super) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end.max(self.end) }
    }

    /// Line and column of its start, both from 1; the column counts bytes.
    #[must_use]
    pub fn line_and_column(self, query: &str) -> (usize, usize) {
        let before = query.as_bytes().get(..self.start).unwrap_or(query.as_bytes());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        (line, column)
    }
}

/// An expression that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ParseFault {
    pub what: String,
    pub place: Place,
    /// Line and column of the place, from 1.
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for ParseFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: parse error: {}", self.line, self.column, self.what)
    }
}

impl ParseFault {
    pub(super) fn new(query: &str, place: Place, what: impl Into<String>) -> Self {
        let (line, column) = place.line_and_column(query);
        Self { what: what.into(), place, line, column }
    }
}

/// What is wrong with a selector that means every series.
pub(super) const MATCHES_ALL: &str = "vector selector must contain at least one non-empty matcher";

impl ParseFault {
    /// Whether it is a selector that means every series.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        self.what == MATCHES_ALL
    }
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalFault {
    #[error(transparent)]
    Parse(#[from] ParseFault),
    /// A kind of value that no range query gives.
    #[error("invalid expression type {0:?} for range query, must be Scalar or instant Vector")]
    NotForRange(&'static str),
    /// The data does not fit the expression.
    #[error("{0}")]
    Execution(String),
    /// More than one query may touch.
    #[error(
        "query processing would load too many {what}: more than {most}; narrow its selectors or its time range"
    )]
    TooMuch { what: &'static str, most: usize },
    #[error("query timed out; narrow its selectors or its time range")]
    TimedOut,
    #[error("{0}")]
    Source(String),
    /// Native histograms are kept by nobody here: what depends on their buckets cannot be computed.
    #[error("native histograms are not supported: {0}")]
    NativeHistogram(&'static str),
}

impl EvalFault {
    pub(super) fn execution(what: impl Into<String>) -> Self {
        Self::Execution(what.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_lines_and_columns() {
        let query = "a +\n  b";
        assert_eq!(Place::new(0, 1).line_and_column(query), (1, 1));
        assert_eq!(Place::new(6, 7).line_and_column(query), (2, 3));
        assert_eq!(Place::new(99, 99).line_and_column(query), (2, 4));
        let fault = ParseFault::new(query, Place::new(6, 7), "no");
        assert_eq!(fault.to_string(), "2:3: parse error: no");
    }
}
