//! What is kept on disk, and how it survives.
//!
//! Offers [`BlockFile`] (immutable mapped files with a check value per block), the record codec, [`Control`]
//! (`control.redb`) over a [`Disk`], [`Meter`] (what is written), [`Database`] (the door that seals values where
//! the box is encrypted, with the keys of [`crypt`]), [`backup`], and the form that [`samples`] of metrics are packed in.
//!
//! Invariant: a change is whole or absent after a power cut; every record carries a check value.

pub mod backup;
mod block_file;
pub mod codec;
mod control;
pub mod crypt;
mod database;
mod disk;
mod format;
mod mend;
mod meter;
mod rows;
pub mod salvage;
pub mod samples;
mod table;

pub use block_file::{BLOCK, BlockFile, BlockFileWriter, Damage, read_u32, read_u64, sync_parent};
pub use control::{Control, StoreError, there};
pub use database::{Database, Kept, ReadTransaction, Row, Rows, WriteRows, WriteTransaction};
pub use disk::Disk;
pub use format::{EPOCH, Step, bring_up, seal_values};
pub use mend::{Mend, find_flips, hides_newer_commit, mend_flips, was_left_open};
pub use meter::{Meter, Written, open_metered};
pub use rows::{CheckedRows, check_rows, each_bare_row, each_row, key_words, table_names};
pub use table::{
    Table, change_records, name_of, named_key, number_in, number_key, number_of, number_value, owned_key,
};
