//! The catalogue in `corpus.redb`: collections, documents, segments, failures, watched folders.
//!
//! One write transaction per change of what is served: a new segment, the documents in it, the chunks it
//! replaces and the collection's generation appear together or not at all.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bincode::{Decode, Encode};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::KnowledgeError;
use crate::store::{
    Database, Disk, Kept, Meter, ReadTransaction, Rows, StoreError, Table, WriteTransaction, bring_up, codec,
    named_key, number_in, number_value, owned_key,
};

const VERSION: u8 = 1;

pub(super) const COLLECTIONS: Table = Table::new("collections");
/// Owned key (collection, document) → [`DocumentRecord`]
pub(super) const DOCUMENTS: Table = Table::new("documents");
/// Named key (collection, path) → document, a number
pub(super) const PATHS: Table = Table::new("paths");
/// Owned key (collection, segment) → [`SegmentRecord`]
pub(super) const SEGMENTS: Table = Table::new("segments");
/// Number key of a segment → bitmap words
pub(super) const TOMBSTONES: Table = Table::new("tombstones");
/// Named key (collection, path) → [`FailureRecord`]
pub(super) const FAILURES: Table = Table::new("failures");
pub(super) const COUNTERS: Table = Table::new("counters");

/// A collection as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct CollectionRecord {
    pub id: u32,
    /// `auto`, or an ISO 639-1 code that was set.
    pub language: String,
    pub created_ms: u64,
    pub generation: u64,
    pub built_in: bool,
    /// Watched folders with the patterns that are left out.
    pub watched: Vec<(String, Vec<String>)>,
    pub documents: u64,
    pub source_bytes: u64,
    pub failures: u64,
}

/// A document as it is kept; its id is new with every change of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct DocumentRecord {
    /// Bytes of the path, as the system has them.
    pub path: Vec<u8>,
    pub title: String,
    pub kind: String,
    pub language: String,
    pub bytes: u64,
    pub pages: u32,
    pub chunks: u64,
    pub modified_ms: u64,
    pub indexed_ms: u64,
    pub sha256: [u8; 32],
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct SegmentRecord {
    pub(super) chunks: u32,
    pub(super) bytes: u64,
}

/// Why a file is not in the index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct FailureRecord {
    pub kind: String,
    pub reason: String,
    pub advice: String,
    pub at_ms: u64,
    /// With these unchanged, it is not tried again.
    pub bytes: u64,
    pub modified_ms: u64,
}

/// Encodes a record of this catalogue.
pub(super) fn encode(value: &impl Encode) -> Result<Vec<u8>, KnowledgeError> {
    codec::encode(VERSION, value).map_err(|e| KnowledgeError::Record { what: e.to_string() })
}

/// Decodes a record of this catalogue; `what` names it in the error.
pub(super) fn decode<T: Decode<()>>(
    bytes: &[u8],
    what: impl FnOnce() -> String,
) -> Result<T, KnowledgeError> {
    codec::decode(VERSION, bytes).map_err(|e| KnowledgeError::Record { what: format!("{}: {e}", what()) })
}

/// The open catalogue.
///
/// An error of the disk latches redb's handle for good: the file is then closed and opened again.
pub(super) struct Catalogue {
    disk: Disk,
    /// Of redb's page cache, from the next opening on.
    cache_bytes: AtomicUsize,
    open: RwLock<Held>,
    pub(super) meter: Arc<Meter>,
}

struct Held {
    database: Arc<Database>,
    /// False for the stand-in while the file cannot be opened.
    real: bool,
    /// What it was opened with: redb cannot change it while the file is open.
    cache_bytes: usize,
}

/// Refuses everything: what stands in for a file that cannot be opened must not take in what it would lose.
#[derive(Debug)]
struct Refusing {
    memory: InMemoryBackend,
    on: Arc<AtomicBool>,
}

impl Refusing {
    fn check(&self) -> std::io::Result<()> {
        let refuse = self.on.load(Ordering::Relaxed);
        if refuse { Err(std::io::Error::other("the store is being opened again")) } else { Ok(()) }
    }
}

impl StorageBackend for Refusing {
    fn len(&self) -> std::io::Result<u64> {
        self.check().and_then(|()| self.memory.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.check().and_then(|()| self.memory.read(offset, out))
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.check().and_then(|()| self.memory.set_len(len))
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.check().and_then(|()| self.memory.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.check().and_then(|()| self.memory.write(offset, data))
    }
}

fn stand_in(path: &Path) -> Result<Database, KnowledgeError> {
    let on = Arc::new(AtomicBool::new(false));
    let backend = Refusing { memory: InMemoryBackend::new(), on: on.clone() };
    let made = redb::Database::builder().set_cache_size(0).create_with_backend(backend);
    let made = made.map_err(|e| KnowledgeError::Catalogue { path: path.to_owned(), what: e.to_string() })?;
    on.store(true, Ordering::Relaxed);
    Ok(Database::new(made, path, Arc::default()))
}

fn open_disk(disk: &Disk, cache_bytes: usize, meter: &Arc<Meter>) -> Result<Database, KnowledgeError> {
    let path = disk.path();
    let database = disk.open(cache_bytes, meter).map_err(|e| match e {
        redb::DatabaseError::DatabaseAlreadyOpen => KnowledgeError::Locked { path: path.to_owned() },
        other => KnowledgeError::Catalogue { path: path.to_owned(), what: other.to_string() },
    })?;
    match bring_up(&database, path, super::migrate::STEPS) {
        Ok(()) => Ok(database),
        Err(error @ StoreError::Newer { .. }) => Err(KnowledgeError::Newer { what: error.to_string() }),
        Err(error @ StoreError::Sealed { .. }) => Err(KnowledgeError::Sealed { what: error.to_string() }),
        Err(StoreError::Redb(error)) => Err(error.into()),
        Err(StoreError::Full) => Err(KnowledgeError::StoreFull),
        Err(other) => Err(KnowledgeError::Catalogue { path: path.to_owned(), what: other.to_string() }),
    }
}

impl Catalogue {
    pub(super) fn open(disk: Disk, cache_bytes: usize) -> Result<Self, KnowledgeError> {
        let meter = Arc::default();
        let database = Arc::new(open_disk(&disk, cache_bytes, &meter)?);
        let held = Held { database, real: true, cache_bytes };
        let catalogue =
            Self { disk, cache_bytes: AtomicUsize::new(cache_bytes), open: RwLock::new(held), meter };
        let write = catalogue.write()?;
        write.open_table(COLLECTIONS)?;
        write.open_table(DOCUMENTS)?;
        write.open_table(PATHS)?;
        write.open_table(SEGMENTS)?;
        write.open_table(TOMBSTONES)?;
        write.open_table(FAILURES)?;
        write.open_table(COUNTERS)?;
        write.commit()?;
        Ok(catalogue)
    }

    pub(super) fn database(&self) -> Arc<Database> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).database.clone()
    }

    /// Closes the file and opens it again; false while somebody still uses the old handle.
    pub(super) fn reopen(&self) -> Result<bool, KnowledgeError> {
        let mut held = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if held.real {
            if Arc::strong_count(&held.database) > 1 || held.database.is_in_use() {
                return Ok(false);
            }
            // The old handle has the lock of the file: it goes first.
            *held = Held { database: Arc::new(stand_in(self.disk.path())?), real: false, cache_bytes: 0 };
        }
        let cache_bytes = self.cache_bytes.load(Ordering::Relaxed);
        let database = Arc::new(open_disk(&self.disk, cache_bytes, &self.meter)?);
        *held = Held { database, real: true, cache_bytes };
        Ok(true)
    }

    /// True when the open file has a page cache of this size; otherwise the next opening gives it one.
    pub(super) fn has_cache(&self, bytes: usize) -> bool {
        self.cache_bytes.store(bytes, Ordering::Relaxed);
        self.open.read().unwrap_or_else(PoisonError::into_inner).cache_bytes == bytes
    }

    /// Makes the file as small as it can be; `None` while somebody uses it. Bytes before and after.
    /// With `rewrite`, every row lies in a new file then, and what was overwritten in none.
    pub(super) fn compact(&self, rewrite: bool) -> Result<Option<(u64, u64)>, KnowledgeError> {
        let mut held = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let length = || std::fs::metadata(self.disk.path()).map(|meta| meta.len());
        let (before, cache_bytes) = (length()?, held.cache_bytes);
        let Some(database) = Arc::get_mut(&mut held.database) else { return Ok(None) };
        match database.compact() {
            Ok(_) => {}
            Err(redb::CompactionError::TransactionInProgress) => return Ok(None),
            Err(redb::CompactionError::Storage(error)) => return Err(redb::Error::from(error).into()),
            Err(other) => return Err(KnowledgeError::Store(other.to_string())),
        }
        if rewrite {
            let new = self.disk.rewrite(database, cache_bytes, &self.meter);
            let new = new.map_err(|error| match error {
                StoreError::Full => KnowledgeError::StoreFull,
                other => KnowledgeError::Store(other.to_string()),
            });
            if let Some(new) = new? {
                *database = new;
            }
        }
        Ok(Some((before, length()?)))
    }

    pub(super) fn read(&self) -> Result<ReadTransaction, KnowledgeError> {
        Ok(self.database().begin_read()?)
    }

    /// A write transaction that a power cut cannot make slow to recover from.
    pub(super) fn write(&self) -> Result<WriteTransaction, KnowledgeError> {
        let mut write = self.database().begin_write()?;
        write.set_quick_repair(true);
        Ok(write)
    }

    pub(super) fn collections(&self) -> Result<Vec<(String, CollectionRecord)>, KnowledgeError> {
        let table = self.read()?.open_table(COLLECTIONS)?;
        let mut found = Vec::new();
        for entry in table.iter()? {
            let (name, record) = entry?;
            let name = String::from_utf8_lossy(name.value()).into_owned();
            found.push((name.clone(), decode(record.value(), || format!("collection '{name}'"))?));
        }
        Ok(found)
    }

    pub(super) fn document_at(
        &self,
        collection: u32,
        path: &[u8],
    ) -> Result<Option<(u64, DocumentRecord)>, KnowledgeError> {
        let read = self.read()?;
        let Some(id) = number(&read.open_table(PATHS)?, &named_key(collection, path))? else {
            return Ok(None);
        };
        Ok(read_document(&read, collection, id)?.map(|record| (id, record)))
    }

    pub(super) fn failure_at(
        &self,
        collection: u32,
        path: &[u8],
    ) -> Result<Option<FailureRecord>, KnowledgeError> {
        let table = self.read()?.open_table(FAILURES)?;
        table
            .get(named_key(collection, path).as_slice())?
            .map(|bytes| decode(bytes.value(), || "a failure".into()))
            .transpose()
    }
}

pub(super) fn read_document(
    read: &ReadTransaction,
    collection: u32,
    id: u64,
) -> Result<Option<DocumentRecord>, KnowledgeError> {
    let table = read.open_table(DOCUMENTS)?;
    table
        .get(owned_key(collection, id).as_slice())?
        .map(|bytes| decode(bytes.value(), || format!("document {id}")))
        .transpose()
}

/// A value that is a number.
pub(super) fn number(table: &Rows<impl Kept>, key: &[u8]) -> Result<Option<u64>, KnowledgeError> {
    table.get(key)?.map(|value| as_number(value.value())).transpose()
}

/// Reads a value that is a number.
pub(super) fn as_number(value: &[u8]) -> Result<u64, KnowledgeError> {
    number_in(value).map_err(|error| KnowledgeError::Record { what: format!("a number: {error}") })
}

/// Next value of a counter, from 1.
pub(super) fn next(write: &WriteTransaction, counter: &str) -> Result<u64, KnowledgeError> {
    reserve(write, counter, 1)
}

/// First of `count` fresh values of a counter.
pub(super) fn reserve(write: &WriteTransaction, counter: &str, count: u64) -> Result<u64, KnowledgeError> {
    let mut table = write.open_table(COUNTERS)?;
    let last = number(&table, counter.as_bytes())?.unwrap_or(0);
    table.insert(counter.as_bytes(), number_value(last + count).as_slice())?;
    Ok(last + 1)
}

pub(super) fn read_collection(
    write: &WriteTransaction,
    name: &str,
) -> Result<Option<CollectionRecord>, KnowledgeError> {
    let table = write.open_table(COLLECTIONS)?;
    let record = table
        .get(name.as_bytes())?
        .map(|bytes| decode(bytes.value(), || format!("collection '{name}'")))
        .transpose()?;
    Ok(record)
}

pub(super) fn write_collection(
    write: &WriteTransaction,
    name: &str,
    record: &CollectionRecord,
) -> Result<(), KnowledgeError> {
    write.open_table(COLLECTIONS)?.insert(name.as_bytes(), encode(record)?.as_slice())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_opened_again_refuses_everything_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus.redb");
        let catalogue = Catalogue::open(Disk::file(&path), 1 << 20).unwrap();
        let keep = |name: &str| -> Result<(), KnowledgeError> {
            let write = catalogue.write()?;
            write.open_table(COUNTERS)?.insert(name.as_bytes(), &[1][..])?;
            Ok(write.commit()?)
        };
        keep("one").unwrap();
        let user = catalogue.database();
        assert!(!catalogue.reopen().unwrap(), "somebody still uses it");
        drop(user);
        let rows = catalogue.read().unwrap().open_table(COUNTERS).unwrap();
        assert!(!catalogue.reopen().unwrap(), "somebody still reads");
        assert!(rows.get(b"one").unwrap().is_some());
        drop(rows);
        std::fs::rename(&path, folder.path().join("away")).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(catalogue.reopen().is_err());
        let refused = keep("two").unwrap_err();
        assert!(refused.is_of_store(), "{refused}");
        assert!(keep("three").is_err());
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(folder.path().join("away"), &path).unwrap();
        assert!(catalogue.reopen().unwrap());
        keep("four").unwrap();
        let table = catalogue.read().unwrap().open_table(COUNTERS).unwrap();
        let has = |name: &str| table.get(name.as_bytes()).unwrap().is_some();
        assert!(has("one") && !has("two") && !has("three") && has("four"));
        drop(table);
        assert!(catalogue.has_cache(1 << 20) && !catalogue.has_cache(64 << 10), "only an opening changes it");
        assert!(catalogue.reopen().unwrap() && catalogue.has_cache(64 << 10));
    }
}
