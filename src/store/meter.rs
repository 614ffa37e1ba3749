//! The one door through which redb files are opened, and what it counts: bytes, syncs, commits.
//!
//! Flash wears by what is written, not by what is kept; so every byte that redb hands to a file is counted here.
//! A commit is seen in the file's header: bit 0 of byte 9 names the slot of the newest commit, and every durable
//! commit turns it over (redb's design document, "God byte").

use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, Database, DatabaseError, StorageBackend};

const SLOT_BYTE: usize = 9;
const SLOT_BIT: u8 = 1;
/// No header was seen yet.
const UNKNOWN: u8 = 0xff;

/// What one store wrote since it was opened first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub bytes: u64,
    pub syncs: u64,
    /// Durable ones.
    pub commits: u64,
}

/// Counts for one store; lives as long as the box, over every reopening of the file.
#[derive(Debug)]
pub struct Meter {
    bytes: AtomicU64,
    syncs: AtomicU64,
    commits: AtomicU64,
    slot: AtomicU8,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            bytes: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            slot: AtomicU8::new(UNKNOWN),
        }
    }
}

impl Meter {
    /// The counts now.
    #[must_use]
    pub fn written(&self) -> Written {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Written { bytes: of(&self.bytes), syncs: of(&self.syncs), commits: of(&self.commits) }
    }

    /// Looks at bytes of the file's begin; true where they name another slot than before.
    fn turned(&self, offset: u64, data: &[u8]) -> bool {
        let Some(byte) = data.get(SLOT_BYTE).filter(|_| offset == 0) else { return false };
        let slot = byte & SLOT_BIT;
        let before = self.slot.swap(slot, Ordering::Relaxed);
        before != UNKNOWN && before != slot
    }
}

#[derive(Debug)]
struct MeteredFile {
    file: FileBackend,
    meter: Arc<Meter>,
}

impl StorageBackend for MeteredFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)?;
        self.meter.turned(offset, out);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.meter.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)?;
        self.meter.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        if self.meter.turned(offset, data) {
            self.meter.commits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

/// Opens a redb file, or makes it; what it writes is counted.
///
/// # Errors
/// What redb says; [`DatabaseError::DatabaseAlreadyOpen`] when another process has it.
pub fn open_metered(path: &Path, cache_bytes: usize, meter: &Arc<Meter>) -> Result<Database, DatabaseError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let backend = MeteredFile { file: FileBackend::new(file)?, meter: Arc::clone(meter) };
    Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Table;

    #[test]
    fn commits_are_counted_one_by_one_in_both_kinds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let meter = Arc::new(Meter::default());
        let database = open_metered(&path, 1 << 20, &meter).unwrap();
        for quick in [false, true, true, false, true] {
            let before = meter.written();
            let mut write = database.begin_write().unwrap();
            write.set_quick_repair(quick);
            write.open_table(Table::new("t")).unwrap().insert(&b"k"[..], &[7u8; 100][..]).unwrap();
            write.commit().unwrap();
            let after = meter.written();
            assert_eq!(after.commits, before.commits + 1, "quick repair: {quick}");
            assert!(after.bytes > before.bytes + 100 && after.syncs > before.syncs);
        }
        let again = open_metered(&path, 1 << 20, &Arc::default());
        assert!(matches!(again, Err(DatabaseError::DatabaseAlreadyOpen)));
        drop(database);
        let at_rest = meter.written().commits;
        let database = open_metered(&path, 1 << 20, &meter).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(Table::new("t")).unwrap().insert(&b"k"[..], &b"v"[..]).unwrap();
        write.commit().unwrap();
        assert!(meter.written().commits > at_rest, "the first commit after opening counts, too");
    }
}
