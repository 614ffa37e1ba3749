//! Kept traces and groups of failures in `telemetry.redb`, within a number of bytes.
//!
//! ```text
//! traces    number u64 BE       → TraceRecord
//! troubles  fingerprint u64 BE  → Trouble
//! exported  0                   → number of the last trace that a collector was told of
//! ```

use std::sync::Arc;

use super::record::TraceRecord;
use super::trouble::Trouble;
use crate::store::{
    ReadTransaction, StoreError, Table, WriteTransaction, codec, number_in, number_key, number_of,
    number_value, there,
};

const VERSION: u8 = 1;
const TRACES: Table = Table::new("traces");
const TROUBLES: Table = Table::new("troubles");
const EXPORTED: Table = Table::new("exported");

/// Bytes of all traces on disk.
///
/// # Errors
/// What the store says.
pub fn bytes(write: &WriteTransaction) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for row in write.open_table(TRACES)?.iter()? {
        bytes += row?.1.value().len() as u64;
    }
    Ok(bytes)
}

/// Adds traces to those on disk, which have `held` bytes; the oldest give way to stay within `most`, and `gone` gets
/// their numbers. Gives the bytes.
///
/// # Errors
/// What the store says.
pub fn append(
    write: &WriteTransaction,
    new: &[(u64, Arc<TraceRecord>)],
    mut held: u64,
    most: u64,
    gone: &mut Vec<u64>,
) -> Result<u64, StoreError> {
    let mut table = write.open_table(TRACES)?;
    for (number, record) in new {
        let row = codec::encode(VERSION, &**record)?;
        held += row.len() as u64;
        let before = table.insert(&number_key(*number), &row)?.map(|row| row.value().len() as u64);
        held = held.saturating_sub(before.unwrap_or(0));
    }
    while held > most {
        let Some((key, row)) = table.pop_first()? else { break };
        held = held.saturating_sub(row.value().len() as u64);
        gone.push(number_of(key.value()));
    }
    Ok(held)
}

/// Gives every trace on disk with its number, newest first, until `each` has enough. One that is damaged is left out.
///
/// # Errors
/// What the store says.
pub fn newest(
    read: &ReadTransaction,
    mut each: impl FnMut(u64, TraceRecord) -> bool,
) -> Result<(), StoreError> {
    let Some(table) = there(read.open_table(TRACES))? else { return Ok(()) };
    for row in table.iter()?.rev() {
        let (key, value) = row?;
        if let Ok(record) = codec::decode(VERSION, value.value())
            && !each(number_of(key.value()), record)
        {
            break;
        }
    }
    Ok(())
}

/// At most so many after this number, oldest first. One that is damaged is left out.
///
/// # Errors
/// What the store says.
pub fn after(
    read: &ReadTransaction,
    number: u64,
    most: usize,
) -> Result<Vec<(u64, TraceRecord)>, StoreError> {
    let Some(table) = there(read.open_table(TRACES))? else { return Ok(Vec::new()) };
    let begin = number_key(number.saturating_add(1));
    let mut found = Vec::new();
    for row in table.range(begin.as_slice()..)? {
        let (key, value) = row?;
        if let Ok(record) = codec::decode(VERSION, value.value()) {
            found.push((number_of(key.value()), record));
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

/// The last trace that a collector was told of, and the newest one on disk; 0 where there is none.
///
/// # Errors
/// What the store says.
pub fn exported(read: &ReadTransaction) -> Result<(u64, u64), StoreError> {
    let row = match there(read.open_table(EXPORTED))? {
        Some(table) => table.get(&number_key(0))?.and_then(|row| number_in(row.value()).ok()),
        None => None,
    };
    let newest = match there(read.open_table(TRACES))? {
        Some(table) => table.last()?.map(|(key, _)| number_of(key.value())),
        None => None,
    };
    Ok((row.unwrap_or(0), newest.unwrap_or(0)))
}

/// A collector was told of all up to this one.
///
/// # Errors
/// What the store says.
pub fn put_exported(write: &WriteTransaction, number: u64) -> Result<(), StoreError> {
    write.open_table(EXPORTED)?.insert(&number_key(0), &number_value(number))?;
    Ok(())
}

/// Every group of failures with its fingerprint. One that is damaged is left out.
///
/// # Errors
/// What the store says.
pub fn troubles(read: &ReadTransaction) -> Result<Vec<(u64, Trouble)>, StoreError> {
    let Some(table) = there(read.open_table(TROUBLES))? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        if let Ok(one) = codec::decode(VERSION, value.value()) {
            found.push((number_of(key.value()), one));
        }
    }
    Ok(found)
}

/// Keeps groups of failures and forgets others.
///
/// # Errors
/// What the store says.
pub fn put_troubles(
    write: &WriteTransaction,
    changed: &[(u64, Trouble)],
    gone: &[u64],
) -> Result<(), StoreError> {
    if changed.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let mut table = write.open_table(TROUBLES)?;
    for (fingerprint, one) in changed {
        table.insert(&number_key(*fingerprint), &codec::encode(VERSION, one)?)?;
    }
    for fingerprint in gone {
        table.remove(&number_key(*fingerprint))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::trace::record::{Attribute, SpanRecord};
    use crate::store::Control;

    fn record(trace: u128) -> TraceRecord {
        let span = SpanRecord {
            id: 7,
            parent: 0,
            name: "GET /v1/status".into(),
            kind: 2,
            start_us: 5,
            took_us: 6,
            failed: true,
            error: "it broke".into(),
            attributes: vec![("a".into(), Attribute::Number(3)), ("b".into(), Attribute::Text("x".into()))],
        };
        TraceRecord { trace, state: "a=1".into(), why: 0, links: vec![(9, 8)], dropped: 2, spans: vec![span] }
    }

    #[test]
    fn traces_are_kept_within_bytes_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Control::open(&folder.path().join("telemetry.redb"), 1 << 20).unwrap();
        let of = |numbers: std::ops::Range<u64>| -> Vec<(u64, Arc<TraceRecord>)> {
            numbers.map(|number| (number, Arc::new(record(u128::from(number % 3) + 1)))).collect()
        };
        let mut gone = Vec::new();
        let held = store.write(|write| append(write, &of(1..11), 0, 1 << 20, &mut gone)).unwrap();
        assert_eq!(store.write(bytes).unwrap(), held);
        let one = held / 10;
        // What is written twice counts once.
        assert_eq!(store.write(|write| append(write, &of(9..11), held, 1 << 20, &mut gone)).unwrap(), held);
        assert_eq!(gone, [0u64; 0]);
        let held = store.write(|write| append(write, &of(11..13), held, one * 6, &mut gone)).unwrap();
        assert_eq!((held, gone), (one * 6, (1..7).collect()));
        let read = store.snapshot().unwrap();
        let mut found = Vec::new();
        newest(&read, |number, whole| {
            assert_eq!(whole, record(whole.trace));
            found.push((number, whole.trace));
            found.len() < 4
        })
        .unwrap();
        assert_eq!(found, [(12, 1), (11, 3), (10, 2), (9, 1)]);
        // A collector that was told of some goes on behind them.
        assert_eq!(exported(&read).unwrap(), (0, 12));
        store.write(|write| put_exported(write, 8)).unwrap();
        let read = store.snapshot().unwrap();
        let (sent, _) = exported(&read).unwrap();
        let next = after(&read, sent, 3).unwrap();
        assert_eq!(next.iter().map(|one| one.0).collect::<Vec<_>>(), [9, 10, 11]);
        assert_eq!(after(&read, 12, 3).unwrap(), []);
    }
}
