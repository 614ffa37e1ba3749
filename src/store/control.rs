//! `control.redb`: what the box knows of itself. Small, durable with every commit, quick to open after a cut.
//!
//! A backend error latches redb's handle for good, reads too: the file is then dropped and opened again, here
//! and without anybody's help.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::database::{Database, ReadTransaction, WriteTransaction};
use super::disk::Disk;
use super::format::{CONTROL_STEPS, bring_up};
use super::meter::{Meter, Written};

/// Why something of the store could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{} is in use by another process", path.display())]
    Locked { path: PathBuf },
    #[error("{} cannot be opened: {what}", path.display())]
    Open { path: PathBuf, what: String },
    /// Written by a spud that this one cannot follow.
    #[error("{} has format {found}, of a newer spud; this one knows format {known}", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    /// Its rows are encrypted, and the header with the keys is not there.
    #[error("{} is encrypted, and store.seal is missing", path.display())]
    Sealed { path: PathBuf },
    #[error("the disk is full")]
    Full,
    #[error("the store answered: {0}")]
    Redb(redb::Error),
    #[error("a record of the store: {0}")]
    Record(#[from] super::codec::CodecError),
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(io)
                if matches!(
                    io.kind(),
                    std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
                ) =>
            {
                Self::Full
            }
            other => Self::Redb(other),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident)*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_redb!(TransactionError TableError StorageError CommitError SetDurabilityError);

/// The open file.
#[derive(Debug)]
pub struct Control {
    disk: Disk,
    cache_bytes: usize,
    database: Mutex<Option<Database>>,
    meter: Arc<Meter>,
}

impl Control {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Open`] when it cannot be read.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        Self::over(Disk::file(path), cache_bytes)
    }

    /// The same over any disk.
    ///
    /// # Errors
    /// As [`Control::open`].
    pub fn over(disk: Disk, cache_bytes: usize) -> Result<Self, StoreError> {
        let meter = Arc::default();
        let database = Mutex::new(Some(open(&disk, cache_bytes, &meter)?));
        Ok(Self { disk, cache_bytes, database, meter })
    }

    /// A file that could not be opened yet: every call tries again.
    #[must_use]
    pub fn closed(disk: Disk, cache_bytes: usize) -> Self {
        Self { disk, cache_bytes, database: Mutex::default(), meter: Arc::default() }
    }

    /// What was written so far.
    #[must_use]
    pub fn written(&self) -> Written {
        self.meter.written()
    }

    /// A view of one moment, for as long as it is held; writers go on.
    ///
    /// # Errors
    /// What the store says.
    pub fn snapshot(&self) -> Result<ReadTransaction, StoreError> {
        self.with(|database| Ok(database.begin_read()?))
    }

    /// One durable change: all of it or nothing.
    ///
    /// # Errors
    /// What `change` or the store says; the file is opened anew at the next call.
    pub fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|database| {
            let mut write = database.begin_write()?;
            write.set_quick_repair(true);
            let made = change(&write)?;
            write.commit()?;
            Ok(made)
        })
    }

    /// A look at what is kept.
    ///
    /// # Errors
    /// What `look` or the store says; the file is opened anew at the next call.
    pub fn read<T>(
        &self,
        look: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|database| look(&database.begin_read()?))
    }

    /// Makes the file as small as it can be; `None` while somebody reads it. Bytes before and after.
    ///
    /// # Errors
    /// What the store says.
    pub fn compact(&self) -> Result<Option<(u64, u64)>, StoreError> {
        self.alone(false)
    }

    /// The same, and every row lies in a new file: what was overwritten is in none.
    ///
    /// # Errors
    /// What the store says; the file is then as it was.
    pub fn rewrite(&self) -> Result<Option<(u64, u64)>, StoreError> {
        self.alone(true)
    }

    fn alone(&self, rewrite: bool) -> Result<Option<(u64, u64)>, StoreError> {
        self.with(|_| Ok(()))?; // opens it, where it was closed
        let mut held = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let length = || std::fs::metadata(self.disk.path()).map_or(0, |meta| meta.len());
        let before = length();
        let Some(database) = held.as_mut() else { return Ok(None) };
        match database.compact() {
            Ok(_) => {}
            Err(redb::CompactionError::TransactionInProgress) => return Ok(None),
            Err(redb::CompactionError::Storage(error)) => return Err(redb::Error::from(error).into()),
            Err(other) => {
                return Err(StoreError::Open { path: self.disk.path().to_owned(), what: other.to_string() });
            }
        }
        if rewrite && let Some(new) = self.disk.rewrite(database, self.cache_bytes, &self.meter)? {
            *database = new;
        }
        Ok(Some((before, length())))
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut held = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some(open(&self.disk, self.cache_bytes, &self.meter)?);
        }
        let Some(database) = held.as_ref() else { return Err(StoreError::Full) };
        let done = work(database);
        let latched = matches!(
            &done,
            Err(StoreError::Full | StoreError::Redb(redb::Error::Io(_) | redb::Error::PreviousIo))
        );
        if latched {
            *held = None;
        }
        done
    }
}

fn open(disk: &Disk, cache_bytes: usize, meter: &Arc<Meter>) -> Result<Database, StoreError> {
    let path = || disk.path().to_owned();
    let database = disk.open(cache_bytes, meter).map_err(|error| match error {
        redb::DatabaseError::DatabaseAlreadyOpen => StoreError::Locked { path: path() },
        other => StoreError::Open { path: path(), what: other.to_string() },
    })?;
    bring_up(&database, disk.path(), CONTROL_STEPS)?;
    Ok(database)
}

/// A table that nothing was ever kept in is not there yet: a start that changes nothing writes nothing.
///
/// # Errors
/// Any other error.
pub fn there<T>(opened: Result<T, redb::TableError>) -> Result<Option<T>, StoreError> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Table, number_key, number_of};

    const TABLE: Table = Table::new("t");

    #[test]
    fn changes_are_whole_and_a_failed_handle_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let control = Control::open(&path, 256 << 10).unwrap();
        let put = |n: u64| {
            move |write: &WriteTransaction| {
                write.open_table(TABLE)?.insert(&number_key(n), b"v")?;
                Ok(())
            }
        };
        control.write(put(1)).unwrap();
        let failed: Result<(), StoreError> = control.write(|write| {
            write.open_table(TABLE)?.insert(&number_key(2), b"v")?;
            Err(redb::Error::PreviousIo.into())
        });
        assert!(failed.is_err());
        assert!(control.database.lock().unwrap().is_none());
        control.write(put(3)).unwrap();
        let keys = control.read(|read| {
            let table = read.open_table(TABLE)?;
            Ok(table
                .iter()?
                .filter_map(|row| row.ok().map(|(key, _)| number_of(key.value())))
                .collect::<Vec<_>>())
        });
        assert_eq!(keys.unwrap(), [1, 3]);
        assert!(matches!(Control::open(&path, 256 << 10), Err(StoreError::Locked { .. })));
    }
}
