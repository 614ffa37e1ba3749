//! Foundations: clock, threads, byte counts, the heap.
//!
//! Invariant: knows nothing of spud; calls no other room.

mod bytes;
mod clock;
mod heap;
mod threads;
mod when;

pub use bytes::{format_bytes, parse_bytes};
pub use clock::{Clock, ManualClock, SystemClock};
pub use heap::trim_heap;
pub use threads::spawn;
pub use when::{format_second, format_time, parse_time};
