//! Encryption of the stores at rest: what a sealed value is, which keys there are, how a box is turned over.
//!
//! Offers [`Vault`] (the keys of a box, from its header file), [`Cell`] (seals the values of one table) and
//! [`turn_table`] (brings rows to the form that holds now). Covered are the values of `control.redb` and
//! `corpus.redb`; keys of rows, segments, models and logs are not.
//!
//! A value is sealed with XChaCha20-Poly1305 under a key of its table, which BLAKE3 derives from the data key;
//! table and row are bound in, so that a value moved elsewhere does not open. The data key is random and lies in
//! the header, wrapped by a key that comes from a file, the service manager or a passphrase.
//!
//! Invariant: the header is on disk before the first row that needs it; no key is ever written unwrapped.

mod cell;
mod error;
mod header;
mod random;
mod turn;
mod vault;
mod wrap;

pub use cell::{Cell, is_sealed};
pub use error::CryptError;
pub use header::{COPY, HEADER};
pub use random::random;
pub use turn::{Stored, Turned, remaining, turn_table};
pub use vault::{Info, State, Turning, Vault};
pub use wrap::{Cost, Need, PASSPHRASE};
