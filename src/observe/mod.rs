//! What the box says of itself: logs, metrics and the language that questions about metrics are asked in, traces.
//!
//! Offers [`start`] (JSON lines into files that are rotated and packed), [`LogReader`] (the newest lines that hold
//! something, over all of them), [`LogGuard`], and
//! [`metric`], [`intake`] (what others measure), [`series`] (what metrics were), [`promql`], [`alert`], [`objective`],
//! [`trace`], [`health`], [`probe`] and [`dashboard`].
//!
//! Invariant: recording never blocks and never fails its caller; no document or query text at info level.

pub mod alert;
pub mod dashboard;
pub mod health;
pub mod intake;
mod log;
mod log_block;
mod log_file;
mod log_find;
mod log_foreign;
mod log_pack;
mod log_read;
pub mod metric;
pub mod notify;
pub mod objective;
pub mod probe;
pub mod promql;
pub mod series;
pub mod trace;

pub use log::{LogError, LogGuard, LogLevel, start};
pub use log_find::{LogPlace, LogWanted};
pub use log_foreign::{LogForm, Taken, take_foreign};
pub use log_pack::pack_log;
pub use log_read::{LogFound, LogReader};
