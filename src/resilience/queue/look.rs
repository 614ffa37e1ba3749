//! Looks at operations without changing them.

use super::operation::{LANES, Lane, Operation, State};
use super::shelf::{
    DEAD, DONE, Listed, PAYLOADS, QUEUE, Totals, VERSION, WAITING, get_waiting, payload_in, totals_of,
};
use crate::store::{ReadTransaction, Row, StoreError, codec, number_key, number_of, owned_key, there};

pub(super) fn totals(read: &ReadTransaction) -> Result<Totals, StoreError> {
    match there(read.open_table(QUEUE))? {
        Some(table) => totals_of(&table),
        None => Ok(Totals::default()),
    }
}

/// An operation wherever it is.
pub(super) fn find(read: &ReadTransaction, number: u64) -> Result<Option<Operation>, StoreError> {
    if let Some(table) = there(read.open_table(WAITING))? {
        for lane in LANES {
            if let Some(operation) = get_waiting(&table, lane, number)? {
                return Ok(Some(operation));
            }
        }
    }
    for table in [DEAD, DONE] {
        let Some(table) = there(read.open_table(table))? else { continue };
        if let Some(bytes) = table.get(&number_key(number)[..])? {
            return Ok(Some(codec::decode(VERSION, bytes.value())?));
        }
    }
    Ok(None)
}

pub(super) fn payload(read: &ReadTransaction, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
    match there(read.open_table(PAYLOADS))? {
        Some(table) => payload_in(&table, number),
        None => Ok(None),
    }
}

/// Every waiting operation, for a start. A damaged record is reported and left out.
pub(super) fn each_waiting(
    read: &ReadTransaction,
    mut each: impl FnMut(u64, Operation),
) -> Result<(), StoreError> {
    let Some(table) = there(read.open_table(WAITING))? else { return Ok(()) };
    for row in table.iter()? {
        let (key, bytes) = row?;
        let number = number_of(key.value());
        match codec::decode(VERSION, bytes.value()) {
            Ok(operation) => each(number, operation),
            Err(error) => tracing::error!(number, %error, "an operation cannot be read and is left aside"),
        }
    }
    Ok(())
}

/// Waiting operations of a lane from the one after `after`, oldest first.
pub(super) fn list_waiting(
    read: &ReadTransaction,
    lane: Lane,
    after: u64,
    most: usize,
) -> Result<Vec<Listed>, StoreError> {
    let Some(table) = there(read.open_table(WAITING))? else { return Ok(Vec::new()) };
    let from = owned_key(lane as u32, after.saturating_add(1));
    let to = owned_key(lane as u32, u64::MAX);
    collect(table.range::<&[u8]>(&from[..]..=&to[..])?.take(most))
}

/// Dead or delivered operations before `before`, newest first.
pub(super) fn list_ended(
    read: &ReadTransaction,
    state: State,
    before: u64,
    most: usize,
) -> Result<Vec<Listed>, StoreError> {
    let table = if state == State::Dead { DEAD } else { DONE };
    let Some(table) = there(read.open_table(table))? else { return Ok(Vec::new()) };
    collect(table.range::<&[u8]>(..&number_key(before)[..])?.rev().take(most))
}

fn collect<'a>(
    rows: impl Iterator<Item = Result<Row<'a>, redb::StorageError>>,
) -> Result<Vec<Listed>, StoreError> {
    let mut found = Vec::new();
    for row in rows {
        let (key, bytes) = row?;
        let number = number_of(key.value());
        match codec::decode(VERSION, bytes.value()) {
            Ok(operation) => found.push((number, operation)),
            Err(error) => tracing::error!(number, %error, "an operation cannot be read"),
        }
    }
    Ok(found)
}
