//! What the engine counts, and how all that the rooms count becomes metrics.
//!
//! Rooms below keep their own plain counts: they know nothing of metrics. Here they are gathered when somebody
//! asks. What no room counts (questions, requests, stages) is counted in [`Instruments`].

mod gather;
mod instruments;
mod query;
mod recording;
mod table;

pub(super) use gather::gather;
pub(super) use instruments::{Instruments, Stage};
pub use query::Ask;
pub(super) use query::{answer, limits};
pub(super) use recording::{end, record, records, telemetry};
#[cfg(test)]
pub(super) use table::TABLE;
pub(super) use table::of;
