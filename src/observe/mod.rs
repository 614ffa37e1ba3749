//! What the box says of itself: logs now; metrics, alerts and traces later.
//!
//! Offers [`start`] (JSON lines into rotated files), [`LogReader`] (the newest lines) and [`LogGuard`].
//!
//! Invariant: recording never blocks and never fails its caller; no document or query text at info level.

mod log;
mod log_file;
mod log_read;

pub use log::{LogError, LogGuard, LogLevel, start};
pub use log_read::LogReader;
