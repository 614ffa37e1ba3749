//! How often an operation was given another payload: to the upstream, each time makes it another message.
//!
//! ```text
//! operation_revisions   number u64 → number u64, revision u32
//! ```

use super::shelf::VERSION;
use crate::store::{Kept, ReadTransaction, Rows, StoreError, Table, WriteTransaction, codec, number_key};

const REVISIONS: Table = Table::new("operation_revisions");

/// 0 for an operation that was never edited.
fn revision_in<T: Kept>(table: &Rows<T>, number: u64) -> Result<u32, StoreError> {
    let Some(bytes) = table.get(&number_key(number)[..])? else { return Ok(0) };
    let (whose, revision): (u64, u32) = codec::decode(VERSION, bytes.value())?;
    if whose == number { Ok(revision) } else { Err(codec::CodecError::Check.into()) }
}

/// Counts one more.
pub(super) fn bump(write: &WriteTransaction, number: u64) -> Result<u32, StoreError> {
    let mut table = write.open_table(REVISIONS)?;
    let revision = revision_in(&table, number)?.saturating_add(1);
    table.insert(&number_key(number)[..], codec::encode(VERSION, &(number, revision))?.as_slice())?;
    Ok(revision)
}

/// Inside a transaction.
pub(super) fn of(write: &WriteTransaction, number: u64) -> Result<u32, StoreError> {
    revision_in(&write.open_table(REVISIONS)?, number)
}

/// The operation is gone for good.
pub(super) fn forget(write: &WriteTransaction, number: u64) -> Result<(), StoreError> {
    write.open_table(REVISIONS)?.remove(&number_key(number)[..])?;
    Ok(())
}

/// For a look.
pub(super) fn look(read: &ReadTransaction, number: u64) -> Result<u32, StoreError> {
    match read.open_table(REVISIONS) {
        Ok(table) => revision_in(&table, number),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
