//! The words of traces, and of failures in groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /v1/traces`: everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceQuery {
    /// Only those that took longer than nearly all others of their name.
    pub slow: bool,
    pub failed: bool,
    /// Is in the name.
    pub name: Option<String>,
    /// Milliseconds since 1970, included.
    pub since_ms: Option<u64>,
    /// 0 means 50, at most 1000.
    pub limit: usize,
}

/// What the box did for a trace, in a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceSummary {
    /// 32 hexadecimal digits. Two lines may have the same: the box was asked twice in one trace.
    pub id: String,
    pub name: String,
    pub started_ms: u64,
    pub took_us: u64,
    pub failed: bool,
    /// Why it failed.
    pub error: String,
    /// Why it is kept: failed, asked, slow or usual.
    pub kept: String,
    pub spans: usize,
}

/// A whole trace, as far as this box knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceDetail {
    pub id: String,
    /// What others said of it (`tracestate`).
    pub state: String,
    pub failed: bool,
    /// failed, asked, slow or usual
    pub kept: String,
    pub started_us: u64,
    /// From the first begin to the last end.
    pub took_us: u64,
    /// Spans that found no place.
    pub dropped: u64,
    /// Traces that led to this one.
    pub links: Vec<String>,
    /// Traces that this one led to.
    pub linked: Vec<String>,
    /// Those above before those below, by time.
    pub spans: Vec<TraceSpan>,
}

/// A part of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceSpan {
    pub id: String,
    pub parent: Option<String>,
    /// How far below a root that this box knows.
    pub depth: usize,
    pub name: String,
    /// server, consumer or internal
    pub kind: String,
    /// Microseconds since 1970.
    pub start_us: u64,
    pub took_us: u64,
    pub failed: bool,
    pub error: String,
    pub attributes: BTreeMap<String, Value>,
}

impl TraceDetail {
    /// Where a span stands in a picture of so many columns: columns before it, and of it (at least one).
    #[must_use]
    pub fn bar(&self, span: &TraceSpan, columns: usize) -> (usize, usize) {
        let whole = u128::from(self.took_us.max(1));
        let columns = columns.max(1);
        let place = |us: u64| {
            let at = u128::from(us) * columns as u128 / whole;
            usize::try_from(at).unwrap_or(columns).min(columns)
        };
        let begin_us = span.start_us.saturating_sub(self.started_us);
        let before = place(begin_us).min(columns - 1);
        (before, place(begin_us.saturating_add(span.took_us)).saturating_sub(before).max(1))
    }
}

/// Failures of one kind at one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorGroup {
    pub id: String,
    /// request, delivery, notice or log
    pub kind: String,
    /// Route, lane or part of the program.
    pub place: String,
    /// The message without numbers, paths and ids.
    pub pattern: String,
    /// The newest message as it was.
    pub message: String,
    pub count: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    /// Of the newest one that has one.
    pub trace: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_inside_the_picture() {
        let detail = TraceDetail { started_us: 1000, took_us: 100, ..TraceDetail::default() };
        let bar = |start_us: u64, took_us: u64| {
            detail.bar(&TraceSpan { start_us, took_us, ..TraceSpan::default() }, 20)
        };
        assert_eq!(
            [bar(1000, 100), bar(1050, 25), bar(1099, 0), bar(1100, 0)],
            [(0, 20), (10, 5), (19, 1), (19, 1)]
        );
        assert_eq!((bar(0, 50), bar(u64::MAX, u64::MAX)), ((0, 10), (19, 1)));
    }
}
