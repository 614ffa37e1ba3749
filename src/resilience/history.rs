//! Every change of the mode with its inputs, and the mode that was forced: kept in `control.redb`, bounded.

use bincode::{Decode, Encode};

use super::ResilienceError;
use super::machine::{Cause, Change, Forced};
use super::mode::{Axis, Inputs, Mode};
use crate::store::{
    Control, Kept, Rows, StoreError, Table, WriteTransaction, change_records, codec, number_key, number_of,
    there,
};

const VERSION: u8 = 1;
/// Sequence → [`ChangeRecord`]
const CHANGES: Table = Table::new("mode_changes");
/// [`ONLY`] → [`ForcedRecord`]
const FORCED: Table = Table::new("mode_forced");
const ONLY: &[u8] = b"forced";
/// Changes that are kept.
pub const KEPT: u64 = 1000;

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct ChangeRecord {
    at_ms: u64,
    from: u8,
    to: u8,
    /// 0 worse, 1 better, 2 forced, 3 auto, 4 expired, 5 restart
    cause: u8,
    axis: u8,
    reason: String,
    actor: String,
    p95_us: Option<u64>,
    errors_percent: Option<f64>,
    breaker_open: bool,
    backlog_percent: f64,
    memory_percent: f64,
    pressure_some: f64,
    pressure_full: f64,
    out_of_memory: bool,
    disk_free: u64,
    disk_total: u64,
    temperature_c: Option<f64>,
    store_failed: bool,
}

/// The forced mode as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ForcedRecord {
    mode: u8,
    actor: String,
    reason: String,
    since_ms: u64,
    until_ms: u64,
}

impl From<&Forced> for ForcedRecord {
    fn from(forced: &Forced) -> Self {
        Self {
            mode: forced.mode as u8,
            actor: forced.actor.clone(),
            reason: forced.reason.clone(),
            since_ms: forced.since_ms,
            until_ms: forced.until_ms,
        }
    }
}

impl From<ForcedRecord> for Forced {
    fn from(record: ForcedRecord) -> Self {
        Self {
            mode: Mode::from_number(record.mode).unwrap_or_default(),
            actor: record.actor,
            reason: record.reason,
            since_ms: record.since_ms,
            until_ms: record.until_ms,
        }
    }
}

impl From<&Change> for ChangeRecord {
    fn from(change: &Change) -> Self {
        let (cause, axis) = match change.cause {
            Cause::Worse(axis) => (0, axis as u8),
            Cause::Better(axis) => (1, axis as u8),
            Cause::Forced => (2, 0),
            Cause::Auto => (3, 0),
            Cause::Expired => (4, 0),
            Cause::Restart => (5, 0),
        };
        let i = &change.inputs;
        Self {
            at_ms: change.at_ms,
            from: change.from as u8,
            to: change.to as u8,
            cause,
            axis,
            reason: change.reason.clone(),
            actor: change.actor.clone(),
            p95_us: i.p95_us,
            errors_percent: i.errors_percent,
            breaker_open: i.breaker_open,
            backlog_percent: i.backlog_percent,
            memory_percent: i.memory_percent,
            pressure_some: i.pressure_some,
            pressure_full: i.pressure_full,
            out_of_memory: i.out_of_memory,
            disk_free: i.disk_free,
            disk_total: i.disk_total,
            temperature_c: i.temperature_c,
            store_failed: i.store_failed,
        }
    }
}

impl From<ChangeRecord> for Change {
    fn from(r: ChangeRecord) -> Self {
        let axis = Axis::from_number(r.axis).unwrap_or(Axis::Store);
        Self {
            at_ms: r.at_ms,
            from: Mode::from_number(r.from).unwrap_or_default(),
            to: Mode::from_number(r.to).unwrap_or_default(),
            cause: match r.cause {
                0 => Cause::Worse(axis),
                1 => Cause::Better(axis),
                2 => Cause::Forced,
                3 => Cause::Auto,
                4 => Cause::Expired,
                _ => Cause::Restart,
            },
            reason: r.reason,
            actor: r.actor,
            inputs: Inputs {
                p95_us: r.p95_us,
                errors_percent: r.errors_percent,
                breaker_open: r.breaker_open,
                backlog_percent: r.backlog_percent,
                memory_percent: r.memory_percent,
                pressure_some: r.pressure_some,
                pressure_full: r.pressure_full,
                out_of_memory: r.out_of_memory,
                disk_free: r.disk_free,
                disk_total: r.disk_total,
                temperature_c: r.temperature_c,
                store_failed: r.store_failed,
            },
        }
    }
}

/// The two tables.
#[derive(Debug)]
pub struct History;

impl History {
    /// Keeps changes and the forced mode as it is after them, in one commit with what they cause (`also`, told how
    /// many of the first changes were there already); forgets the oldest. Changes that are the newest already are not kept again: a commit that failed may have
    /// come through, and is tried again.
    ///
    /// # Errors
    /// What the store says; nothing is kept then.
    pub fn keep(
        control: &Control,
        changes: &[Change],
        forced: Option<&Forced>,
        also: impl FnOnce(&WriteTransaction, usize) -> Result<(), StoreError>,
    ) -> Result<(), ResilienceError> {
        let records = changes
            .iter()
            .map(|change| codec::encode(VERSION, &ChangeRecord::from(change)))
            .collect::<Result<Vec<_>, _>>()?;
        let forced = forced.map(|forced| codec::encode(VERSION, &ForcedRecord::from(forced))).transpose()?;
        Ok(control.write(|write| {
            let mut table = write.open_table(CHANGES)?;
            let there = already_there(&table, &records)?;
            for record in records.iter().skip(there) {
                table.push(record, KEPT)?;
            }
            let mut kept = write.open_table(FORCED)?;
            match &forced {
                Some(record) => drop(kept.insert(ONLY, record.as_slice())?),
                None => drop(kept.remove(ONLY)?),
            }
            also(write, there)
        })?)
    }

    /// The newest changes with their numbers, newest first; those before `before`, if it is given.
    ///
    /// # Errors
    /// What the store says. A damaged record is left out.
    pub fn newest(
        control: &Control,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<(u64, Change)>, ResilienceError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(CHANGES))? else { return Ok(found) };
            for row in table.range::<&[u8]>(..&number_key(before.unwrap_or(u64::MAX))[..])?.rev().take(most) {
                let (id, bytes) = row?;
                match codec::decode::<ChangeRecord>(VERSION, bytes.value()) {
                    Ok(record) => found.push((number_of(id.value()), record.into())),
                    Err(error) => {
                        tracing::error!(change = number_of(id.value()), %error, "a change of mode cannot be read")
                    }
                }
            }
            Ok(found)
        })?)
    }

    /// Changes reasons, for each with who gave it: those of which `change` says that it did.
    ///
    /// # Errors
    /// What the store says.
    pub fn reword(
        write: &WriteTransaction,
        change: &dyn Fn(&str, &mut String) -> bool,
    ) -> Result<(), StoreError> {
        change_records(write, CHANGES, VERSION, |one: &mut ChangeRecord| change(&one.actor, &mut one.reason))
    }

    /// The mode that was forced, whether or not its time is over.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn forced(control: &Control) -> Result<Option<Forced>, ResilienceError> {
        let bytes = control.read(|read| {
            let Some(table) = there(read.open_table(FORCED))? else { return Ok(None) };
            Ok(table.get(ONLY)?.map(|bytes| bytes.value().to_vec()))
        })?;
        let record = bytes.map(|bytes| codec::decode::<ForcedRecord>(VERSION, &bytes)).transpose()?;
        Ok(record.map(Forced::from))
    }
}

/// How many of the first of these records are the newest ones of the table.
fn already_there(table: &Rows<impl Kept>, records: &[Vec<u8>]) -> Result<usize, StoreError> {
    let mut newest = Vec::new();
    for row in table.iter()?.rev().take(records.len()) {
        newest.insert(0, row?.1.value().to_vec());
    }
    let is_there = |count: &usize| newest.get(newest.len() - count..) == records.get(..*count);
    Ok((1..=newest.len()).rev().find(is_there).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(n: u64) -> Change {
        Change {
            at_ms: n,
            from: Mode::Normal,
            to: Mode::Emergency,
            cause: Cause::Worse(Axis::Disk),
            reason: format!("free space, {n}"),
            actor: String::new(),
            inputs: Inputs { disk_free: n, p95_us: Some(n), temperature_c: Some(41.5), ..Inputs::default() },
        }
    }

    #[test]
    fn what_came_through_although_it_failed_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        let changes: Vec<Change> = (0..5).map(change).collect();
        for upto in [2, 2, 4, 5, 5] {
            let from = if upto > 2 { 1 } else { 0 };
            History::keep(&control, &changes[from..upto], None, |_, _| Ok(())).unwrap();
        }
        let found = History::newest(&control, None, 10).unwrap();
        let at: Vec<u64> = found.iter().rev().map(|(_, change)| change.at_ms).collect();
        assert_eq!(at, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn changes_come_back_newest_first_and_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let control = Control::open(&path, 256 << 10).unwrap();
        assert!(History::newest(&control, None, 10).unwrap().is_empty());
        let forced = Forced {
            mode: Mode::LocalQueue,
            actor: "uid 0".into(),
            reason: "uplink is dear".into(),
            since_ms: 1,
            until_ms: 2,
        };
        let all: Vec<Change> = (0..KEPT + 50).map(change).collect();
        for some in all.chunks(150) {
            History::keep(&control, some, Some(&forced), |_, _| Ok(())).unwrap();
        }
        drop(control);
        let control = Control::open(&path, 256 << 10).unwrap();
        let found = History::newest(&control, None, 2000).unwrap();
        assert_eq!(found.len() as u64, KEPT);
        assert_eq!(found[0].1, change(KEPT + 49));
        let older = History::newest(&control, Some(found[0].0), 1).unwrap();
        assert_eq!(older[0].1, change(KEPT + 48));
        assert_eq!(History::forced(&control).unwrap(), Some(forced));
        History::keep(&control, &[], None, |_, _| Ok(())).unwrap();
        assert_eq!(History::forced(&control).unwrap(), None);
    }
}
