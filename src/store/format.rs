//! The format of a store, and how an older one becomes today's: expand, migrate, contract.
//!
//! Expand: readers understand both forms. Migrate: every row is rewritten, in many small commits, between a
//! savepoint and the new epoch. Contract: a later program stops to understand the old form.
//!
//! ```text
//! format   "epoch"     → FormatRecord
//!          "migrating" → MigratingRecord, while rows are rewritten
//! ```
//! A store with tables and without an epoch has epoch 1. Cut short at any moment, the next start rolls back to the
//! savepoint and begins again; the savepoint costs space only while it lives.

use std::path::Path;

use bincode::{Decode, Encode};

use super::{Database, StoreError, Table, WriteTransaction, codec, crypt, table_names, there};

/// The format that this program writes.
pub const EPOCH: u32 = 2;
/// The oldest program that may open what this one writes, by its epoch.
const SAFE_FOR: u32 = 2;
const FORMAT: Table = Table::new("format");
const EPOCH_KEY: &[u8] = b"epoch";
const MIGRATING_KEY: &[u8] = b"migrating";
const VERSION: u8 = 1;
/// Rows that share a commit.
const TOGETHER: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct FormatRecord {
    epoch: u32,
    /// A program of a lower epoch would misread it.
    safe_for: u32,
    /// Version of the program, for people.
    program: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct MigratingRecord {
    to: u32,
    savepoint: u64,
}

/// One step to a newer format. `run` may commit as often as it likes and must be able to begin again.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub to: u32,
    pub run: fn(&Database) -> Result<(), StoreError>,
}

/// The steps of `control.redb`.
pub(super) const CONTROL_STEPS: &[Step] = &[Step { to: 2, run: frame_key_order }];

/// Names in the order of idempotency keys got a check value.
fn frame_key_order(database: &Database) -> Result<(), StoreError> {
    seal_values(database, Table::new("operation_key_order"), |value| {
        Ok(codec::whole(value).is_err().then(|| codec::seal(1, value)))
    })
}

/// Brings a store to today's format, and refuses one that is beyond it.
///
/// # Errors
/// [`StoreError::Newer`], or what the store says; an unfinished step is begun again at the next opening.
pub fn bring_up(database: &Database, path: &Path, steps: &[Step]) -> Result<(), StoreError> {
    let (found, migrating, new) = look(database, path)?;
    if let Some(record) = &found
        && record.safe_for > EPOCH
    {
        return Err(StoreError::Newer { path: path.to_owned(), found: record.epoch, known: EPOCH });
    }
    if new {
        return commit(database, |write| put_epoch(write, EPOCH));
    }
    let epoch = found.map_or(1, |record| record.epoch);
    if epoch >= EPOCH {
        return Ok(());
    }
    roll_back(database, migrating.as_ref())?;
    for step in steps.iter().filter(|step| step.to > epoch && step.to <= EPOCH) {
        tracing::info!(store = %path.display(), to = step.to, "the store gets a newer format");
        migrate(database, step)?;
    }
    commit(database, |write| put_epoch(write, EPOCH))
}

type Found = (Option<FormatRecord>, Option<MigratingRecord>, bool);

fn look(database: &Database, path: &Path) -> Result<Found, StoreError> {
    let read = database.begin_read()?;
    let Some(table) = there(read.open_table(FORMAT))? else {
        return Ok((None, None, table_names(&read)?.is_empty()));
    };
    let epoch = table.get(EPOCH_KEY)?;
    if epoch.as_ref().is_some_and(|bytes| crypt::is_sealed(bytes.value())) {
        return Err(StoreError::Sealed { path: path.to_owned() }); // and no key is known
    }
    let found = epoch.map(|bytes| codec::decode(VERSION, bytes.value())).transpose()?;
    let migrating =
        table.get(MIGRATING_KEY)?.map(|bytes| codec::decode(VERSION, bytes.value())).transpose()?;
    Ok((found, migrating, false))
}

fn migrate(database: &Database, step: &Step) -> Result<(), StoreError> {
    let mut savepoint = 0;
    commit(database, |write| {
        savepoint = write.persistent_savepoint().map_err(redb::Error::from)?;
        Ok(())
    })?;
    commit(database, |write| {
        let record = codec::encode(VERSION, &MigratingRecord { to: step.to, savepoint })?;
        write.open_table(FORMAT)?.insert(MIGRATING_KEY, record.as_slice())?;
        Ok(())
    })?;
    (step.run)(database)?;
    commit(database, |write| {
        put_epoch(write, step.to)?;
        write.open_table(FORMAT)?.remove(MIGRATING_KEY)?;
        write.delete_persistent_savepoint(savepoint).map_err(redb::Error::from)?;
        Ok(())
    })
}

/// Undoes a step that was cut short, and forgets savepoints that nothing uses.
fn roll_back(database: &Database, migrating: Option<&MigratingRecord>) -> Result<(), StoreError> {
    if let Some(record) = migrating {
        let mut write = database.begin_write()?;
        write.set_quick_repair(true);
        let savepoint = write.get_persistent_savepoint(record.savepoint).map_err(redb::Error::from)?;
        write.restore_savepoint(&savepoint).map_err(redb::Error::from)?;
        write.commit()?;
        tracing::warn!(to = record.to, "a change of format was cut short; it begins again");
    }
    let left: Vec<u64> = {
        let write = database.begin_write()?;
        let left = write.list_persistent_savepoints()?.collect();
        write.abort()?;
        left
    };
    if left.is_empty() {
        return Ok(());
    }
    commit(database, |write| {
        for id in &left {
            write.delete_persistent_savepoint(*id).map_err(redb::Error::from)?;
        }
        Ok(())
    })
}

fn put_epoch(write: &WriteTransaction, epoch: u32) -> Result<(), StoreError> {
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let record = codec::encode(VERSION, &FormatRecord { epoch, safe_for: SAFE_FOR.min(epoch), program })?;
    write.open_table(FORMAT)?.insert(EPOCH_KEY, record.as_slice())?;
    Ok(())
}

fn commit(
    database: &Database,
    change: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    change(&write)?;
    Ok(write.commit()?)
}

/// Rewrites the values of a table, some thousand a commit; `None` leaves one as it is.
///
/// # Errors
/// What `rewrite` or the store says.
pub fn seal_values(
    database: &Database,
    table: Table,
    rewrite: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<(), StoreError> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut changed = Vec::new();
        let mut seen = 0;
        {
            let read = database.begin_read()?;
            let Some(table) = there(read.open_table(table))? else { return Ok(()) };
            let from = after.as_deref().map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
            for row in table.range::<&[u8]>((from, std::ops::Bound::Unbounded))?.take(TOGETHER) {
                let (key, value) = row?;
                seen += 1;
                if let Some(new) = rewrite(value.value())? {
                    changed.push((key.value().to_vec(), new));
                }
                after = Some(key.value().to_vec());
            }
        }
        if !changed.is_empty() {
            commit(database, |write| {
                let mut table = write.open_table(table)?;
                for (key, value) in &changed {
                    table.insert(key.as_slice(), value.as_slice())?;
                }
                Ok(())
            })?;
        }
        if seen < TOGETHER {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const ROWS: Table = Table::new("rows");

    fn old_store(folder: &Path, rows: u32) -> Database {
        let database = Database::create(folder.join("t.redb")).unwrap();
        commit(&database, |write| {
            let mut table = write.open_table(ROWS)?;
            for n in 0..rows {
                table.insert(&n.to_be_bytes()[..], &b"old"[..])?;
            }
            Ok(())
        })
        .unwrap();
        database
    }

    fn values(database: &Database) -> Vec<Vec<u8>> {
        let read = database.begin_read().unwrap();
        let table = read.open_table(ROWS).unwrap();
        table.iter().unwrap().map(|row| row.unwrap().1.value().to_vec()).collect()
    }

    fn to_new(database: &Database) -> Result<(), StoreError> {
        seal_values(database, ROWS, |value| Ok((value == b"old").then(|| b"new".to_vec())))
    }

    #[test]
    fn an_old_store_is_rewritten_once_and_a_new_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let database = old_store(folder.path(), 10_000);
        bring_up(&database, folder.path(), &[Step { to: 2, run: to_new }]).unwrap();
        assert!(values(&database).iter().all(|value| value == b"new"));
        assert_eq!(look(&database, folder.path()).unwrap().0.unwrap().epoch, EPOCH);
        let write = database.begin_write().unwrap();
        assert_eq!(write.list_persistent_savepoints().unwrap().count(), 0);
        write.abort().unwrap();
        let never = Step { to: 2, run: |_| panic!("it is there") };
        bring_up(&database, folder.path(), &[never]).unwrap();
        let fresh = Database::create(folder.path().join("fresh.redb")).unwrap();
        bring_up(&fresh, folder.path(), &[never]).unwrap();
        assert_eq!(look(&fresh, folder.path()).unwrap().0.unwrap().epoch, EPOCH);
    }

    #[test]
    fn a_step_that_is_cut_short_is_rolled_back_and_begun_again() {
        static TRIES: AtomicU32 = AtomicU32::new(0);
        fn half(database: &Database) -> Result<(), StoreError> {
            if TRIES.fetch_add(1, Ordering::Relaxed) > 0 {
                assert!(values(database).iter().all(|value| value == b"old"), "rolled back");
                return to_new(database);
            }
            commit(database, |write| {
                write.open_table(ROWS)?.insert(&0u32.to_be_bytes()[..], &b"half"[..])?;
                Ok(())
            })?;
            Err(StoreError::Full)
        }
        let folder = tempfile::tempdir().unwrap();
        let database = old_store(folder.path(), 100);
        let steps = [Step { to: 2, run: half }];
        assert!(bring_up(&database, folder.path(), &steps).is_err());
        assert_eq!(values(&database)[0], b"half");
        drop(database); // as after a kill: what is committed is on disk
        let database = Database::create(folder.path().join("t.redb")).unwrap();
        bring_up(&database, folder.path(), &steps).unwrap();
        assert!(values(&database).iter().all(|value| value == b"new"));
    }

    #[test]
    fn a_newer_format_is_refused_unless_it_is_safe() {
        let folder = tempfile::tempdir().unwrap();
        let database = old_store(folder.path(), 1);
        for (safe_for, fine) in [(EPOCH + 1, false), (EPOCH, true)] {
            let record = FormatRecord { epoch: EPOCH + 1, safe_for, program: "9.9".into() };
            commit(&database, |write| {
                let bytes = codec::encode(VERSION, &record)?;
                write.open_table(FORMAT)?.insert(EPOCH_KEY, bytes.as_slice())?;
                Ok(())
            })
            .unwrap();
            let brought = bring_up(&database, folder.path(), &[]);
            assert_eq!(brought.is_ok(), fine, "{brought:?}");
            assert!(fine || matches!(brought, Err(StoreError::Newer { found: 3, .. })));
        }
    }
}
