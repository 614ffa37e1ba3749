//! What is kept on disk, and how it survives.
//!
//! Offers [`BlockFile`] (immutable mapped files with a check value per block), the record codec, and
//! [`Control`] (`control.redb`), over a [`Disk`].
//!
//! Invariant: a change is whole or absent after a power cut; every record carries a check value.

mod block_file;
pub mod codec;
mod control;
mod disk;
mod table;

pub use block_file::{BLOCK, BlockFile, BlockFileWriter, Damage, read_u32, read_u64, sync_parent};
pub use control::{Control, StoreError};
pub use disk::Disk;
pub use table::{Table, name_of, named_key, number_key, number_of, owned_key};
