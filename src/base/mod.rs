//! Foundations: clock, threads, byte counts, bytes as text, the heap, order, carried texts, a range coder,
//! archives, what deceives the eye.
//!
//! Invariant: knows nothing of spud; calls no other room.

mod asset;
mod base64;
mod bytes;
mod clock;
mod deceit;
mod hex;
mod memory;
mod order;
mod range_coder;
mod tar;
mod threads;
mod utf8;
mod when;

pub use asset::unpacked;
pub use base64::{from_base64, to_base64};
pub use bytes::{format_bytes, parse_bytes};
pub use clock::{Clock, ManualClock, SystemClock};
pub use deceit::{deceit, is_hidden};
pub use hex::{from_hex, to_hex};
pub use memory::trim_memory;
pub use order::{InOrder, ordered_map, ordered_set};
pub use range_coder::{RangeCoder, RangeReader, RangeWriter};
pub use tar::{TAR_END, put_in_tar, read_tar};
pub use threads::{spawn, spawn_scoped};
pub use utf8::utf8;
pub use when::{format_second, format_since, format_time, parse_time};
