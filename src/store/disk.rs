//! What a database lies on: a file, or whatever else its owner puts under it.
//!
//! A database is opened again after every error of the disk, so that its owner keeps the way to open it and not
//! only the handle. Tests put a disk under it that loses power.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use redb::{Builder, DatabaseError, Durability, ReadableDatabase, ReadableTable};

use super::crypt::Vault;
use super::database::{Database, Definition};
use super::meter::{Meter, open_metered};
use super::{StoreError, table_names};

type Open = dyn Fn(&Builder) -> Result<redb::Database, DatabaseError> + Send + Sync;

/// Where a database lies and how it is opened.
#[derive(Clone)]
pub struct Disk {
    path: PathBuf,
    open: Option<Arc<Open>>,
    vault: Arc<Vault>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Disk {
    /// A file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, vault: Arc::default() }
    }

    /// Something else, with the name it has in messages.
    #[must_use]
    pub fn over(
        name: &Path,
        open: impl Fn(&Builder) -> Result<redb::Database, DatabaseError> + Send + Sync + 'static,
    ) -> Self {
        Self { path: name.to_owned(), open: Some(Arc::new(open)), vault: Arc::default() }
    }

    /// Values are sealed and opened with the keys of this vault.
    #[must_use]
    pub fn sealed(self, vault: &Arc<Vault>) -> Self {
        Self { vault: Arc::clone(vault), ..self }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the database, or makes it; what is written to a file is counted.
    ///
    /// # Errors
    /// What redb says; [`DatabaseError::DatabaseAlreadyOpen`] when another process has it.
    pub fn open(&self, cache_bytes: usize, meter: &Arc<Meter>) -> Result<Database, DatabaseError> {
        let mut builder = redb::Database::builder();
        builder.set_cache_size(cache_bytes);
        let inner = match &self.open {
            Some(open) => open(&builder)?,
            None => {
                make(&self.path, &builder)?;
                open_metered(&self.path, cache_bytes, meter)?
            }
        };
        Ok(Database::new(inner, &self.path, Arc::clone(&self.vault)))
    }

    /// Copies every row, as it is kept, into a new file, which takes the name of the old one; `None` where this is
    /// no file. To be called while nobody else has the database.
    ///
    /// # Errors
    /// What the disk says; the old file is then still there.
    pub fn rewrite(
        &self,
        database: &Database,
        cache_bytes: usize,
        meter: &Arc<Meter>,
    ) -> Result<Option<Database>, StoreError> {
        if self.open.is_some() {
            return Ok(None);
        }
        remove_unfinished(&self.path);
        let unfinished = unfinished(&self.path);
        let said = |error: DatabaseError| match error {
            DatabaseError::Storage(error) => StoreError::from(redb::Error::from(error)),
            other => StoreError::Open { path: unfinished.clone(), what: other.to_string() },
        };
        let made = || -> Result<redb::Database, StoreError> {
            let new = open_metered(&unfinished, cache_bytes, meter).map_err(said)?;
            copy_rows(database.bare(), &new)?;
            // It is open, and locked, before it has the name.
            fs::rename(&unfinished, &self.path)
                .and_then(|()| super::sync_parent(&self.path))
                .map_err(redb::Error::Io)?;
            Ok(new)
        };
        let made = made().inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
        Ok(Some(Database::new(made, &self.path, Arc::clone(&self.vault))))
    }
}

/// Makes a database that is not there yet under another name first: redb refuses a file whose making was cut
/// short, and nobody could tell it from a damaged one.
fn make(path: &Path, builder: &Builder) -> Result<(), DatabaseError> {
    let is_there = match fs::metadata(path) {
        Ok(found) => found.len() > 0 || !found.is_file(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    if is_there {
        return Ok(());
    }
    remove_unfinished(path);
    let unfinished = unfinished(path);
    let made = give_name(builder, &unfinished, path);
    let _ = fs::remove_file(&unfinished);
    made
}

/// What a file is called until it is whole, after its name and before the number of the process.
const UNFINISHED: &str = ".unfinished-";

fn unfinished(path: &Path) -> PathBuf {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!("{UNFINISHED}{}", std::process::id()));
    unfinished.into()
}

/// Bytes that share a commit.
const TOGETHER: usize = 4 << 20;

fn copy_rows(from: &redb::Database, to: &redb::Database) -> Result<(), StoreError> {
    let read = from.begin_read()?;
    for name in table_names(&read)? {
        let rows = read.open_table(Definition::new(&name))?;
        let mut rows = rows.iter()?;
        let mut ended = false;
        while !ended {
            let mut write = to.begin_write()?;
            write.set_durability(Durability::None)?;
            {
                let (mut table, mut bytes) = (write.open_table(Definition::new(&name))?, 0);
                while bytes < TOGETHER && !ended {
                    match rows.next().transpose()? {
                        Some((key, value)) => {
                            bytes += key.value().len() + value.value().len();
                            table.insert(key.value(), value.value())?;
                        }
                        None => ended = true,
                    }
                }
            }
            write.commit()?;
        }
    }
    let mut last = to.begin_write()?;
    last.set_quick_repair(true);
    Ok(last.commit()?)
}

fn give_name(builder: &Builder, unfinished: &Path, path: &Path) -> Result<(), DatabaseError> {
    drop(builder.create(unfinished)?);
    File::open(unfinished)?.sync_all()?;
    if fs::metadata(path).is_ok_and(|found| found.len() == 0) {
        fs::rename(unfinished, path)?;
    } else {
        // Unlike a rename, it never replaces what another process made meanwhile.
        match fs::hard_link(unfinished, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
    }
    Ok(super::sync_parent(path)?)
}

/// Removes what processes left behind that are no more.
fn remove_unfinished(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    let start = format!("{}{UNFINISHED}", name.to_string_lossy());
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let is_left =
            name.strip_prefix(&start).is_some_and(|process| !Path::new("/proc").join(process).exists());
        if is_left {
            let _ = fs::remove_file(file.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gets_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.redb");
        let left = folder.path().join("x.redb.unfinished-4194305");
        fs::write(&left, b"half a file").unwrap();
        drop(Disk::file(&path).open(0, &Arc::default()).unwrap());
        let names = || fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names(), 1, "only the whole file is left");
        drop(Disk::file(&path).open(0, &Arc::default()).unwrap());
        // A file that something made empty is nobody's.
        fs::write(&path, b"").unwrap();
        drop(Disk::file(&path).open(0, &Arc::default()).unwrap());
        // What was there is never replaced.
        fs::write(&path, b"something else").unwrap();
        assert!(Disk::file(&path).open(0, &Arc::default()).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"something else");
        assert_eq!(names(), 1);
    }
}
