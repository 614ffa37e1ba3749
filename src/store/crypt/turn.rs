//! Brings rows to the form that holds now, some at a time, beside everything else that reads and writes.

use std::ops::Bound;

use crate::store::database::{Definition, ReadTransaction, WriteTransaction};
use crate::store::{Control, Database, StoreError, there};

/// Rows and bytes that share a commit.
const ROWS: usize = 2_000;
const BYTES: usize = 1 << 20;

/// A store whose rows can be turned over.
pub trait Stored {
    /// # Errors
    /// What the store says.
    fn view(&self) -> Result<ReadTransaction, StoreError>;

    /// # Errors
    /// What the store says.
    fn change<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;
}

impl Stored for Control {
    fn view(&self) -> Result<ReadTransaction, StoreError> {
        self.snapshot()
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write(change)
    }
}

impl Stored for Database {
    fn view(&self) -> Result<ReadTransaction, StoreError> {
        Ok(self.begin_read()?)
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut write = self.begin_write()?;
        write.set_quick_repair(true);
        let made = change(&write)?;
        write.commit()?;
        Ok(made)
    }
}

/// What came of some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turned {
    pub seen: u64,
    pub turned: u64,
    /// They do not open: damaged, or never of this box. They stay as they are.
    pub stuck: u64,
}

/// Rows of every table of a store, by name.
///
/// # Errors
/// What the store says.
pub fn remaining(read: &ReadTransaction) -> Result<Vec<(String, u64)>, StoreError> {
    let mut found = Vec::new();
    for table in crate::store::table_names(read)? {
        let rows = read.open_bare(Definition::new(&table))?.len()?;
        found.push((table, rows));
    }
    Ok(found)
}

/// Turns every row of a table; `each` hears of every step and stops the work with false. True at the end.
///
/// # Errors
/// What the store says; what was done is kept, and rows that are done are passed over the next time.
pub fn turn_table(
    store: &impl Stored,
    table: &str,
    mut each: impl FnMut(Turned) -> bool,
) -> Result<bool, StoreError> {
    let definition = Definition::new(table);
    // A writer that began before the keys changed ends before this: no later one writes the old form.
    store.change(|_| Ok(()))?;
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut step = Turned::default();
        let (mut undone, mut bytes) = (Vec::new(), 0);
        let mut ended = true;
        {
            let read = store.view()?;
            let Some(cell) = read.cell(table) else { return Ok(true) };
            let Some(rows) = there(read.open_bare(definition))? else { return Ok(true) };
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            for row in rows.range::<&[u8]>((from, Bound::Unbounded))? {
                let (key, value) = row?;
                step.seen += 1;
                after = Some(key.value().to_vec());
                if !cell.is_turned(value.value()) {
                    bytes += value.value().len();
                    undone.push(key.value().to_vec());
                }
                if undone.len() >= ROWS || bytes >= BYTES || step.seen as usize >= 8 * ROWS {
                    ended = false;
                    break;
                }
            }
        }
        if !undone.is_empty() {
            let (turned, stuck) = store.change(|write| {
                let mut rows = write.open_table(definition)?;
                let (mut turned, mut stuck) = (0, 0);
                for key in &undone {
                    match rows.turn(key)? {
                        Some(true) => turned += 1,
                        Some(false) => {} // somebody wrote or removed it meanwhile
                        None => stuck += 1,
                    }
                }
                Ok((turned, stuck))
            })?;
            (step.turned, step.stuck) = (turned, stuck);
        }
        if !each(step) {
            return Ok(false);
        }
        if ended {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::crypt::{Cost, Vault, is_sealed};
    use std::sync::Arc;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const ROWS_OF_IT: u32 = 5_000;

    fn bare(database: &Database) -> Vec<Vec<u8>> {
        let read = database.begin_read().unwrap();
        let rows = read.open_bare(Definition::new("t")).unwrap();
        rows.iter().unwrap().map(|row| row.unwrap().1.value().to_vec()).collect()
    }

    fn whole(database: &Database) -> bool {
        let read = database.begin_read().unwrap();
        let rows = read.open_table(Definition::new("t")).unwrap();
        (0..ROWS_OF_IT).all(|n| {
            rows.get(&n.to_be_bytes())
                .unwrap()
                .is_some_and(|v| v.value() == format!("\u{1}row {n}").as_bytes())
        })
    }

    #[test]
    fn rows_turn_both_ways_and_a_stop_in_between_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Arc::new(Vault::open(folder.path(), |_| unreachable!()).unwrap());
        let path = folder.path().join("t.redb");
        let database = Database::new(redb::Database::create(&path).unwrap(), &path, Arc::clone(&vault));
        database
            .change(|write| {
                let mut rows = write.open_table(Definition::new("t"))?;
                for n in 0..ROWS_OF_IT {
                    rows.insert(&n.to_be_bytes(), format!("\u{1}row {n}").as_bytes())?;
                }
                Ok(())
            })
            .unwrap();
        let cheap = Cost { memory_kib: 64, passes: 1 };
        for step in ["encrypt", "rotate", "decrypt"] {
            match step {
                "encrypt" => vault.begin_encrypt("file:/k", SECRET, cheap).unwrap(),
                "rotate" => vault.begin_rotate().unwrap(),
                _ => vault.begin_decrypt().unwrap(),
            }
            let old = database.begin_read().unwrap();
            assert!(!turn_table(&database, "t", |_| false).unwrap(), "stopped after some");
            assert!(whole(&database), "{step}: every row can be read in between");
            let mut all = Turned::default();
            let end = turn_table(&database, "t", |step| {
                all.seen += step.seen;
                all.turned += step.turned;
                true
            });
            assert!(end.unwrap() && all.seen == u64::from(ROWS_OF_IT) && all.turned > 0, "{all:?}");
            assert!(whole(&database));
            vault.finish().unwrap();
            assert!(whole(&database), "{step}");
            assert_eq!(bare(&database).iter().all(|value| is_sealed(value)), step != "decrypt");
            let rows = old.open_table(Definition::new("t")).unwrap();
            assert_eq!(
                rows.get(&[0; 4]).unwrap().unwrap().value(),
                b"\x01row 0",
                "an older view still reads"
            );
        }
    }

    #[test]
    fn rows_that_change_places_do_not_open() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Arc::new(Vault::open(folder.path(), |_| unreachable!()).unwrap());
        vault.begin_encrypt("file:/k", SECRET, Cost::fitting(0)).unwrap();
        vault.finish().unwrap();
        let path = folder.path().join("t.redb");
        let database = Database::new(redb::Database::create(&path).unwrap(), &path, vault);
        for (key, value) in [(b"a", &b"first"[..]), (b"b", b"second")] {
            let put = |write: &WriteTransaction| {
                write.open_table(Definition::new("t"))?.insert(key, value)?;
                Ok(())
            };
            database.change(put).unwrap();
        }
        // As a thief with the file would do it: sealed bytes to another row and to another table.
        let sealed = bare(&database);
        let inner = database.bare().begin_write().unwrap();
        inner.open_table(Definition::new("t")).unwrap().insert(&b"b"[..], sealed[0].as_slice()).unwrap();
        inner.open_table(Definition::new("u")).unwrap().insert(&b"a"[..], sealed[0].as_slice()).unwrap();
        inner.open_table(Definition::new("t")).unwrap().insert(&b"c"[..], &b"slipped in"[..]).unwrap();
        inner.commit().unwrap();
        let read = database.begin_read().unwrap();
        let get = |table: &str, key: &[u8]| {
            let rows = read.open_table(Definition::new(table)).unwrap();
            rows.get(key).unwrap().unwrap().value().to_vec()
        };
        assert_eq!(get("t", b"a"), b"first");
        for (table, key) in [("t", b"b"), ("u", b"a"), ("t", b"c")] {
            assert!(get(table, key).is_empty(), "{table} {key:?}");
        }
    }
}
