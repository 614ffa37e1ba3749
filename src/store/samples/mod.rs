//! Samples of many series at the same times, packed into blocks: the form alone, lossless to the last bit.
//!
//! Offers [`Block`] (packs itself), [`Head`] and [`Unpacker`] (read some columns of a block and leave the others),
//! [`Moments`] (the [`Sample`]s of a column that a reader looks at), [`Windows`] (that move over them), and the whole numbers of any length that such forms are made of ([`Reader`], [`put`]).
//!
//! Invariant: garbage is [`Malformed`], never more memory than its bytes and bounds allow. What a key means, and where
//! blocks lie, is for whoever keeps them.

mod block;
mod bytes;
mod column;
mod moments;
mod noise;
mod sample;
mod window;

pub use block::{Block, Column, Head, Key, Packed, Unpacker, joined};
pub use bytes::{Malformed, Reader, put, put_signed, put_text, unzigzag, zigzag};
pub use column::{DIGITS, value_of, whole};
pub use moments::Moments;
pub use sample::{ABSENT, NATIVE, STALE, Sample, by_time};
pub use window::{Place, Seen, Walk, Windows};
