//! What the box says of itself: logs, metrics, and the language that questions about metrics are asked in;
//! traces later.
//!
//! Offers [`start`] (JSON lines into rotated files), [`LogReader`] (the newest lines), [`LogGuard`], and
//! [`metric`], [`series`] (what metrics were), [`promql`] and [`alert`].
//!
//! Invariant: recording never blocks and never fails its caller; no document or query text at info level.

pub mod alert;
mod log;
mod log_file;
mod log_read;
pub mod metric;
pub mod notify;
pub mod promql;
pub mod series;

pub use log::{LogError, LogGuard, LogLevel, start};
pub use log_read::LogReader;
