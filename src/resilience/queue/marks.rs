//! Where each upstream's subjects end, kept in the transaction that settles what was delivered there.
//!
//! ```text
//! upstream_marks   upstream 0 subject → Record
//! ```
//!
//! A mark never passes an operation that arrived and is not settled: after a crash it is found behind the mark again.

use std::collections::BTreeSet;

use bincode::{Decode, Encode};

use super::line::Mark;
use super::operation::LANES;
use super::shelf::{DEAD, VERSION, WAITING};
use crate::store::{
    Kept, ReadTransaction, Rows, StoreError, Table, WriteTransaction, codec, number_key, owned_key,
};

const MARKS: Table = Table::new("upstream_marks");
/// Subjects that are remembered, over all upstreams this box ever had.
const MOST: u64 = 64;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Record {
    upstream: String,
    subject: String,
    sequence: u64,
    at_ms: u64,
}

fn key(mark: &Mark) -> Vec<u8> {
    [mark.upstream.as_bytes(), &[0], mark.subject.as_bytes()].concat()
}

/// Every mark; one that cannot be read is left out, and its subject read from the beginning.
pub(super) fn load(read: &ReadTransaction) -> Result<Vec<Mark>, StoreError> {
    let table = match read.open_table(MARKS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut marks = Vec::new();
    for row in table.iter()? {
        let (_, bytes) = row?;
        match codec::decode::<Record>(VERSION, bytes.value()) {
            Ok(Record { upstream, subject, sequence, .. }) => {
                marks.push(Mark { upstream, subject, sequence, arrived: Vec::new() });
            }
            Err(error) => tracing::error!(%error, "the end of a subject cannot be read"),
        }
    }
    Ok(marks)
}

/// Keeps the marks; gives the operations that arrived and are not settled, besides those `done` here.
pub(super) fn keep(
    write: &WriteTransaction,
    marks: &[Mark],
    done: &BTreeSet<u64>,
    now_ms: u64,
) -> Result<BTreeSet<u64>, StoreError> {
    let mut open = BTreeSet::new();
    if marks.is_empty() {
        return Ok(open);
    }
    let (waiting, dead) = (write.open_table(WAITING)?, write.open_table(DEAD)?);
    let mut table = write.open_table(MARKS)?;
    for mark in marks {
        let mut sequence = mark.sequence;
        for (number, at) in mark.arrived.iter().filter(|(number, _)| !done.contains(number)) {
            if is_there(&waiting, &dead, *number)? {
                open.insert(*number);
                sequence = sequence.min(at.saturating_sub(1));
            }
        }
        let Mark { upstream, subject, .. } = mark.clone();
        let record = Record { upstream, subject, sequence, at_ms: now_ms };
        table.insert(key(mark).as_slice(), codec::encode(VERSION, &record)?.as_slice())?;
    }
    while table.len()? > MOST {
        let mut oldest: Option<(u64, Vec<u8>)> = None;
        for row in table.iter()? {
            let (key, bytes) = row?;
            let at_ms = codec::decode::<Record>(VERSION, bytes.value()).map_or(0, |record| record.at_ms);
            if oldest.as_ref().is_none_or(|(before, _)| at_ms < *before) {
                oldest = Some((at_ms, key.value().to_vec()));
            }
        }
        let Some((_, key)) = oldest else { break };
        table.remove(key.as_slice())?;
    }
    Ok(open)
}

fn is_there<T: Kept>(waiting: &Rows<T>, dead: &Rows<T>, number: u64) -> Result<bool, StoreError> {
    for lane in LANES {
        if waiting.get(&owned_key(lane as u32, number)[..])?.is_some() {
            return Ok(true);
        }
    }
    Ok(dead.get(&number_key(number)[..])?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Control;

    fn mark(upstream: &str, sequence: u64) -> Mark {
        Mark { upstream: upstream.into(), subject: "s".into(), sequence, arrived: Vec::new() }
    }

    #[test]
    fn marks_are_kept_by_upstream_and_the_oldest_give_way() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        assert_eq!(control.read(load).unwrap(), []);
        for n in 0..MOST + 6 {
            let marks = [mark(&format!("nats://{n}"), n), mark("nats://used", 100 + n)];
            control.write(|write| keep(write, &marks, &BTreeSet::new(), 1_000 + n)).unwrap();
        }
        let kept = control.read(load).unwrap();
        assert_eq!(kept.len() as u64, MOST);
        assert!(kept.contains(&mark("nats://used", 105 + MOST)));
        assert!(!kept.iter().any(|mark| mark.upstream == "nats://0"));
    }
}
