//! The schedule of backups and what came of them, in `control.redb`.
//!
//! ```text
//! backup       "schedule" → ScheduleRecord
//! backup_runs  number → RunRecord, the newest only
//! ```

use bincode::{Decode, Encode};

use crate::store::{Control, StoreError, Table, WriteTransaction, codec, number_key, number_of};

const VERSION: u8 = 1;
const SETTINGS: Table = Table::new("backup");
const RUNS: Table = Table::new("backup_runs");
const SCHEDULE: &[u8] = b"schedule";
/// Runs that are kept.
const KEPT: u64 = 100;

/// Where and when backups are made, and how many stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct ScheduleRecord {
    /// Folder of the repository, absolute.
    pub to: String,
    /// As [`super::When`] reads it; empty for no schedule: only the folder is remembered.
    pub when: String,
    pub last: u32,
    pub daily: u32,
    pub weekly: u32,
    pub monthly: u32,
    /// After how many days a restore is tried again; 0 for never.
    pub drill_days: u32,
    /// What was due before is not caught up.
    pub since_ms: u64,
}

/// What was done with backups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct RunRecord {
    /// create, verify, prune, drill, restore
    pub kind: String,
    pub scheduled: bool,
    pub good: bool,
    pub started_ms: u64,
    pub finished_ms: u64,
    /// Id of the backup, where there is one.
    pub backup: String,
    pub repository: String,
    pub bytes: u64,
    pub new_bytes: u64,
    pub message: String,
    pub problems: Vec<String>,
}

/// The two tables.
#[derive(Debug)]
pub struct Journal;

impl Journal {
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn schedule(control: &Control) -> Result<Option<ScheduleRecord>, StoreError> {
        control.read(|read| {
            let Some(table) = super::super::there(read.open_table(SETTINGS))? else { return Ok(None) };
            let bytes = table.get(SCHEDULE)?;
            Ok(bytes.map(|bytes| codec::decode(VERSION, bytes.value())).transpose()?)
        })
    }

    /// Keeps the schedule, or forgets it, in one commit with what goes with it (`also`).
    ///
    /// # Errors
    /// What the store says.
    pub fn set_schedule(
        control: &Control,
        schedule: Option<&ScheduleRecord>,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        control.write(|write| {
            let mut table = write.open_table(SETTINGS)?;
            match schedule {
                Some(schedule) => drop(table.insert(SCHEDULE, codec::encode(VERSION, schedule)?.as_slice())?),
                None => drop(table.remove(SCHEDULE)?),
            }
            also(write)
        })
    }

    /// Keeps what was done, in one commit with what goes with it (`also`); forgets the oldest.
    ///
    /// # Errors
    /// What the store says.
    pub fn note(
        control: &Control,
        run: &RunRecord,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let record = codec::encode(VERSION, run)?;
        control.write(|write| {
            let mut table = write.open_table(RUNS)?;
            let id = table.last()?.map_or(0, |(id, _)| number_of(id.value())) + 1;
            table.insert(&number_key(id)[..], record.as_slice())?;
            while table.first()?.is_some_and(|(oldest, _)| id - number_of(oldest.value()) >= KEPT) {
                table.pop_first()?;
            }
            also(write)?;
            Ok(id)
        })
    }

    /// What was done, newest first. A damaged record is left out.
    ///
    /// # Errors
    /// What the store says.
    pub fn runs(control: &Control) -> Result<Vec<(u64, RunRecord)>, StoreError> {
        control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = super::super::there(read.open_table(RUNS))? else { return Ok(found) };
            for row in table.iter()?.rev() {
                let (id, bytes) = row?;
                match codec::decode(VERSION, bytes.value()) {
                    Ok(run) => found.push((number_of(id.value()), run)),
                    Err(error) => tracing::error!(%error, "a run of a backup cannot be read"),
                }
            }
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_and_runs_are_kept_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        assert_eq!(Journal::schedule(&control).unwrap(), None);
        assert!(Journal::runs(&control).unwrap().is_empty());
        let schedule =
            ScheduleRecord { to: "/b".into(), when: "daily 02:30".into(), daily: 7, ..Default::default() };
        Journal::set_schedule(&control, Some(&schedule), |_| Ok(())).unwrap();
        assert_eq!(Journal::schedule(&control).unwrap(), Some(schedule));
        Journal::set_schedule(&control, None, |_| Ok(())).unwrap();
        assert_eq!(Journal::schedule(&control).unwrap(), None);
        for n in 0..KEPT + 3 {
            let run = RunRecord { kind: "create".into(), started_ms: n, ..Default::default() };
            assert_eq!(Journal::note(&control, &run, |_| Ok(())).unwrap(), n + 1);
        }
        let runs = Journal::runs(&control).unwrap();
        assert_eq!((runs.len() as u64, runs[0].1.started_ms), (KEPT, KEPT + 2));
    }
}
