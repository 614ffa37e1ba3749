//! What metrics were: a store of samples that fits a memory card.
//!
//! Offers [`Telemetry`]: it records families of metrics row by row, packs them into blocks, rolls them up, forgets
//! by bytes, and is a [`Source`](super::promql::Source) for queries.
//!
//! ```text
//! row → telemetry.tail (synced within ten seconds) → table in memory
//!   every ten minutes to two hours, one commit of telemetry.redb:
//!     table → raw block · points of the middle width → middle block · whole hours of those → hour block
//! ```
//! Small blocks that follow each other are joined, so that a restart costs nothing for ever. Half of the bytes are
//! for raw blocks, a quarter each for the others; the oldest block of a tier goes first.
//!
//! Invariant: the box never stops for it: a store that is damaged is set aside and a new one begun, a disk that
//! is full loses samples and nothing else; memory, series and bytes are bounded.

mod head;
mod index;
mod plan;
mod rollup;
mod rows;
mod shelf;
mod source;
mod tail;
mod telemetry;
#[cfg(test)]
mod tests;

pub use source::ROLLUP_LABEL;
pub use telemetry::{SeriesError, SeriesSettings, Stored, Telemetry};
