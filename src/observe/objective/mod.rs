//! Service level objectives as OpenSLO v1 writes them, and the questions in PromQL that measure them.
//!
//! Format: <https://github.com/OpenSLO/OpenSLO>, `kind: SLO` with an inline indicator whose metrics are of the type
//! Prometheus. Metrics stand in the box's own store.

mod question;
mod read;
#[cfg(test)]
mod tests;

pub use question::Question;
pub use read::read;

/// Objectives of one file.
const MOST: usize = 50;

/// What counts as good.
#[derive(Debug, Clone, PartialEq)]
pub enum Indicator {
    /// Selectors of counters (or, where `counter` is false, of series that tell how many there were each time).
    Ratio { good: Option<String>, bad: Option<String>, total: String, counter: bool },
    /// An expression, the comparison in PromQL, and the value that it is compared with.
    Threshold { query: String, op: &'static str, value: f64 },
}

/// How the budget is spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// By each event.
    Occurrences,
    /// By each slice of time that is bad as a whole: one that has less good events than `target`.
    Timeslices { window_ms: u64, target: f64 },
}

/// One objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    pub name: String,
    pub title: String,
    pub about: String,
    pub service: String,
    /// Part of what is to be good, between 0 and 1.
    pub target: f64,
    /// The rolling time that the budget is for.
    pub window_ms: u64,
    pub method: Method,
    pub indicator: Indicator,
    /// Events, or slices, below which nothing is said (annotation `least`).
    pub least: f64,
    /// Type of the incident that a violation opens (annotation `incident`); `no` opens none.
    pub incident: String,
}
