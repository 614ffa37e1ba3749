//! Foundations: clock, threads, byte counts, bytes as text, the heap.
//!
//! Invariant: knows nothing of spud; calls no other room.

mod base64;
mod bytes;
mod clock;
mod hex;
mod memory;
mod threads;
mod when;

pub use base64::{from_base64, to_base64};
pub use bytes::{format_bytes, parse_bytes};
pub use clock::{Clock, ManualClock, SystemClock};
pub use hex::{from_hex, to_hex};
pub use memory::trim_memory;
pub use threads::spawn;
pub use when::{format_second, format_time, parse_time};
