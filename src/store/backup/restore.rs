//! Makes the files of a box out of a backup. Every piece is checked before it is believed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use redb::{Database, Durability, TableDefinition};

use super::chunk::rows;
use super::manifest::{Backup, Entry, Kind};
use super::repository::Repository;
use super::{BackupError, Watch};
use crate::store::sync_parent;

/// Rows of so many bytes share a transaction.
const TOGETHER: u64 = 4 << 20;
const CACHE: usize = 4 << 20;

/// Writes everything of a backup into an empty folder. On an error, the folder is removed again.
///
/// # Errors
/// Damage by name, or what the disk says.
pub fn restore(
    repository: &Repository,
    backup: &Backup,
    into: &Path,
    watch: Watch<'_>,
) -> Result<(), BackupError> {
    fs::create_dir(into).map_err(|error| BackupError::io(into, error))?;
    let made = entries(repository, backup, into, watch).and_then(|()| {
        let folder = File::open(into).map_err(|error| BackupError::io(into, error))?;
        rustix::fs::syncfs(&folder).map_err(|error| BackupError::io(into, error.into()))
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(into); // half a box must not be taken for one
    }
    made
}

fn entries(
    repository: &Repository,
    backup: &Backup,
    into: &Path,
    watch: Watch<'_>,
) -> Result<(), BackupError> {
    let mut open: Option<(String, Database)> = None;
    for entry in &backup.manifest.entries {
        match entry.kind {
            Kind::File => file(repository, entry, &below(into, &entry.name)?, watch)?,
            Kind::Table => {
                let split = entry.name.split_once('/');
                let (store, table) =
                    split.ok_or_else(|| BackupError::damaged(format!("'{}' is no table", entry.name)))?;
                if open.as_ref().is_none_or(|(name, _)| name != store) {
                    drop(open.take());
                    let path = below(into, store)?;
                    let made = Database::builder().set_cache_size(CACHE).create(&path);
                    let made =
                        made.map_err(|error| BackupError::damaged(format!("{}: {error}", path.display())))?;
                    open = Some((store.to_owned(), made));
                }
                if let Some((_, database)) = &open {
                    fill(repository, entry, database, table, watch)?;
                }
            }
        }
    }
    Ok(())
}

/// A path below the folder, whatever the manifest says.
fn below(into: &Path, name: &str) -> Result<PathBuf, BackupError> {
    let plain =
        !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let path = into.join(name);
    if !plain {
        return Err(BackupError::damaged(format!("'{}' is no name of a file", name.escape_debug())));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| BackupError::io(folder, error))?;
    }
    Ok(path)
}

fn file(repository: &Repository, entry: &Entry, path: &Path, watch: Watch<'_>) -> Result<(), BackupError> {
    let said = |error| BackupError::io(path, error);
    let mut out = File::create_new(path).map_err(said)?;
    each_piece(repository, entry, watch, |content| out.write_all(content).map_err(said))?;
    out.sync_all().map_err(said)?;
    sync_parent(path).map_err(said)
}

fn fill(
    repository: &Repository,
    entry: &Entry,
    database: &Database,
    table: &str,
    watch: Watch<'_>,
) -> Result<(), BackupError> {
    let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(table);
    let bad = || BackupError::damaged(format!("{}: its rows cannot be read", entry.name));
    let (mut waiting, mut count) = (0, 0);
    let mut write = Some(database.begin_write()?);
    each_piece(repository, entry, watch, |content| {
        let mut now = write.take().map_or_else(|| database.begin_write(), Ok)?;
        {
            let mut open = now.open_table(definition)?;
            for row in rows(content) {
                let (key, value) = row.ok_or_else(bad)?;
                open.insert(key, value)?;
                count += 1;
            }
        }
        waiting += content.len() as u64;
        if waiting >= TOGETHER {
            waiting = 0;
            now.set_durability(Durability::None)?;
            now.commit()?;
        } else {
            write = Some(now);
        }
        Ok(())
    })?;
    let mut last = write.take().map_or_else(|| database.begin_write(), Ok)?;
    last.open_table(definition)?; // a table without rows is one, too
    last.set_quick_repair(true);
    last.commit()?;
    if count == entry.rows { Ok(()) } else { Err(bad()) }
}

fn each_piece(
    repository: &Repository,
    entry: &Entry,
    watch: Watch<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let of_entry = |error: BackupError| match error {
        BackupError::Damaged { what } => {
            BackupError::Damaged { what: format!("{what} (part of {})", entry.name) }
        }
        other => other,
    };
    let mut bytes = 0;
    for id in repository.list(entry).map_err(of_entry)? {
        if (watch.stop)() {
            return Err(BackupError::Stopped);
        }
        let content = repository.piece(&id).map_err(of_entry)?;
        bytes += content.len() as u64;
        (watch.moved)(&entry.name, content.len() as u64);
        each(&content)?;
    }
    if entry.kind == Kind::File && bytes != entry.bytes {
        return Err(BackupError::damaged(format!(
            "{}: {bytes} bytes instead of {}",
            entry.name, entry.bytes
        )));
    }
    Ok(())
}
