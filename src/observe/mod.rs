//! What the box says of itself: logs now, and the language questions about metrics are asked in; metrics,
//! alerts and traces later.
//!
//! Offers [`start`] (JSON lines into rotated files), [`LogReader`] (the newest lines), [`LogGuard`], and
//! [`promql`].
//!
//! Invariant: recording never blocks and never fails its caller; no document or query text at info level.

mod log;
mod log_file;
mod log_read;
pub mod promql;

pub use log::{LogError, LogGuard, LogLevel, start};
pub use log_read::LogReader;
