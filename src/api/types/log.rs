//! The box's own log: what is looked for, what is found.

use serde::{Deserialize, Serialize};

/// `GET /v1/logs`: everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogQuery {
    /// error, warn, info, debug, trace: this and worse.
    pub level: Option<String>,
    /// Stands in the line as it is, JSON and all.
    pub contains: Option<String>,
    /// Whole words: packed blocks without them need not be read.
    pub word: Option<String>,
    /// The value of a field: the id of a request, a trace or a job.
    pub trace: Option<String>,
    /// Who wrote the line: the beginning of its target (`spud`, `nginx`).
    pub source: Option<String>,
    /// Milliseconds since the epoch, included.
    pub since_ms: Option<u64>,
    pub until_ms: Option<u64>,
    /// `next` of the page before: only older lines.
    pub before: Option<String>,
    /// Newest lines wanted; 0 means 200, at most 2000.
    pub n: usize,
}

/// Lines of the log, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogPage {
    pub items: Vec<LogLine>,
    /// Older lines may be found with this as `before`; there may be some even where `items` is empty.
    pub next: Option<String>,
    /// Bytes of lines that were looked at.
    pub scanned_bytes: u64,
    /// Packed blocks that could be passed over, and those that cannot be read.
    pub skipped_blocks: u64,
    pub damaged_blocks: u64,
}

/// One line of the log. `fields` holds everything else that was recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLine {
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// ERROR, WARN, INFO, DEBUG, TRACE.
    pub level: String,
    pub target: String,
    pub message: String,
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What came of lines that a program sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportedLog {
    pub lines: u64,
    /// What is behind them is the beginning of a line: send it again with what follows.
    pub used_bytes: u64,
}

/// A log file that the box follows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSource {
    pub source: String,
    pub path: String,
    pub read_bytes: u64,
    /// Why it cannot be read; empty where it can.
    pub problem: String,
}
