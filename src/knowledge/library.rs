//! The library: collections of documents on disk, and the immutable view of them that is searched.
//!
//! Readers take a [`Snapshot`] and never wait for a writer; one writer at a time commits segments and
//! replaces the snapshot. Files that no record names are left-overs of a power cut and are removed.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::KnowledgeError;
use super::beside::{self, Serving};
use super::catalogue::{
    COLLECTIONS, Catalogue, CollectionRecord, DOCUMENTS, FAILURES, PATHS, SEGMENTS, SegmentRecord,
    TOMBSTONES, decode, encode, next, read_collection, write_collection,
};
use super::chunk_set::ChunkSet;
use super::migrate::open_segment;
use super::model::Model;
use super::segment::Segment;
use crate::base::InOrder;
use crate::store::{Database, Disk, WriteTransaction, named_key, number_key, number_of, owned_key};

/// A segment as a snapshot holds it.
#[derive(Clone)]
pub(super) struct SegmentView {
    pub(super) id: u64,
    pub(super) segment: Arc<Segment>,
    pub(super) removed: Option<Arc<ChunkSet>>,
    pub(super) bytes: u64,
}

impl SegmentView {
    /// Segments are ordered by the documents in them: merging neighbours keeps ids ascending.
    fn first_document(&self) -> (u64, u64) {
        (self.segment.document(0).map_or(u64::MAX, |d| d.0), self.id)
    }

    pub(super) fn live(&self) -> u64 {
        u64::from(
            self.segment.chunks() - self.removed.as_ref().map_or(0, |r| r.count().min(self.segment.chunks())),
        )
    }
}

/// A collection as a snapshot holds it.
#[derive(Clone)]
pub struct CollectionView {
    pub record: CollectionRecord,
    pub(super) segments: Vec<SegmentView>,
}

impl CollectionView {
    /// Passages that can be found.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.segments.iter().map(SegmentView::live).sum()
    }

    /// Bytes of its segments on disk.
    #[must_use]
    pub fn index_bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.bytes).sum()
    }

    /// True when a segment's vectors were made by another model than `model_id`.
    #[must_use]
    pub fn has_other_model(&self, model_id: &str) -> bool {
        self.segments.iter().any(|s| s.segment.meta().model != model_id)
    }

    /// The text dictionary of the largest segment: new segments take it, so that merging them only copies.
    pub(super) fn dictionary(&self) -> Result<&[u8], crate::store::Damage> {
        let largest = self.segments.iter().max_by_key(|s| s.segment.chunks());
        largest.map_or(Ok(&[]), |s| s.segment.dictionary())
    }

    #[must_use]
    pub fn segment_count(&self) -> u64 {
        self.segments.len() as u64
    }

    /// Codes of the languages found in it.
    #[must_use]
    pub fn languages(&self) -> Vec<String> {
        let mut found: Vec<String> =
            self.segments.iter().flat_map(|s| s.segment.meta().languages.clone()).collect();
        found.order();
        found.dedup();
        found
    }
}

/// What is served at one moment. Cheap to clone, never changes.
#[derive(Clone)]
pub struct Snapshot {
    pub collections: BTreeMap<String, Arc<CollectionView>>,
    /// Segments left out because they are damaged: what is wrong with each.
    pub damaged: Vec<String>,
    pub(super) serving: Serving,
}

impl Snapshot {
    /// Identifies what is served, for caches: changes with every generation of every collection, and with the model.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let parts = self.collections.values().map(|c| u64::from(c.record.id) << 40 ^ c.record.generation);
        let letters = self.serving.id.bytes().map(u64::from);
        letters.chain(parts).fold(self.damaged.len() as u64, |all, part| {
            all.rotate_left(7) ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    }
}

/// The open library of one data folder.
pub struct Library {
    pub(super) catalogue: Catalogue,
    folder: PathBuf,
    pub(super) snapshot: RwLock<Arc<Snapshot>>,
    writer: Mutex<()>,
}

impl Library {
    /// Opens (or creates) `corpus.redb` and `segments/` in the data folder.
    ///
    /// # Errors
    /// [`KnowledgeError::Locked`] when another process has it, otherwise what is wrong with which file.
    pub fn open(
        folder: &Path,
        cache_bytes: usize,
        model: Arc<Model>,
        model_id: String,
    ) -> Result<Self, KnowledgeError> {
        Self::over(Disk::file(&folder.join("corpus.redb")), folder, cache_bytes, model, model_id)
    }

    /// The same with its catalogue over any disk.
    ///
    /// # Errors
    /// As [`Library::open`].
    pub fn over(
        disk: Disk,
        folder: &Path,
        cache_bytes: usize,
        model: Arc<Model>,
        model_id: String,
    ) -> Result<Self, KnowledgeError> {
        fs::create_dir_all(folder.join("segments"))?;
        let catalogue = Catalogue::open(disk, cache_bytes)?;
        let library = Self {
            catalogue,
            folder: folder.to_owned(),
            snapshot: RwLock::new(Arc::new(Snapshot {
                collections: BTreeMap::new(),
                damaged: Vec::new(),
                serving: Serving { model, id: model_id.into() },
            })),
            writer: Mutex::new(()),
        };
        library.load()?;
        library.sweep()?;
        Ok(library)
    }

    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives mapped pages back to the page cache; what is read again comes from there.
    pub fn release_pages(&self) {
        let snapshot = self.snapshot();
        snapshot.serving.model.file().release();
        for one in snapshot.collections.values().flat_map(|view| &view.segments) {
            one.segment.file().release();
            one.segment.vector_file().release();
        }
    }

    /// The database, for what is kept beside the catalogue (jobs, cached answers).
    #[must_use]
    pub fn database(&self) -> Arc<Database> {
        self.catalogue.database()
    }

    /// Opens the catalogue again after an error of the disk; false when it is still in use, so try later.
    ///
    /// # Errors
    /// What is wrong with the file; everything is refused until it can be opened.
    pub fn reopen(&self) -> Result<bool, KnowledgeError> {
        let _writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(std::sync::TryLockError::WouldBlock) => return Ok(false),
        };
        if !self.catalogue.reopen()? {
            return Ok(false);
        }
        // Whether the commit that failed arrived is known only now.
        self.load()?;
        self.sweep()?;
        Ok(true)
    }

    /// Sees to it that the store has a page cache of this size, which takes closing and opening it; false while
    /// somebody uses it, so try later.
    ///
    /// # Errors
    /// What is wrong with the file; everything is refused until [`Library::reopen`] succeeds.
    pub fn fit_store_cache(&self, bytes: usize) -> Result<bool, KnowledgeError> {
        if self.catalogue.has_cache(bytes) {
            return Ok(true);
        }
        let Ok(_writer) = self.writer.try_lock() else { return Ok(false) };
        self.catalogue.reopen()
    }

    /// One writer at a time.
    pub(super) fn writer(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segment_path(&self, collection: u32, segment: u64) -> PathBuf {
        self.folder.join("segments").join(collection.to_string()).join(format!("{segment:08}.seg"))
    }

    /// Builds the snapshot from the catalogue; a damaged segment is left out and named.
    pub(super) fn load(&self) -> Result<(), KnowledgeError> {
        loop {
            let before = self.snapshot();
            let snapshot = self.loaded(&before)?;
            let mut held = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
            // Another model may have been chosen meanwhile.
            if held.serving.id == before.serving.id {
                *held = Arc::new(snapshot);
                return Ok(());
            }
        }
    }

    fn loaded(&self, before: &Snapshot) -> Result<Snapshot, KnowledgeError> {
        let serving = before.serving.clone();
        let mut snapshot = Snapshot { collections: BTreeMap::new(), damaged: Vec::new(), serving };
        for (name, record) in self.catalogue.collections()? {
            let known = before.collections.get(&name).map(|view| view.segments.clone()).unwrap_or_default();
            let mut segments = Vec::new();
            for (id, kept) in self.segment_records(record.id)? {
                let removed = self.tombstones(id)?.map(Arc::new);
                let open = known.iter().find(|view| view.id == id).map(|view| view.segment.clone());
                let opened =
                    open.map_or_else(|| open_segment(&self.segment_path(record.id, id)).map(Arc::new), Ok);
                match opened {
                    Ok(segment) => {
                        let segment = beside::under(&segment, id, &snapshot.serving.id);
                        segments.push(SegmentView { id, segment, removed, bytes: kept.bytes });
                    }
                    Err(damage) => snapshot.damaged.push(damage.to_string()),
                }
            }
            segments.order_by_key(SegmentView::first_document);
            let still = before.damaged.iter().filter(|d| d.contains(&format!("segments/{}/", record.id)));
            for damage in still {
                let named =
                    |view: &SegmentView| damage.contains(&view.segment.file().path().display().to_string());
                let count = segments.len();
                segments.retain(|view| !named(view));
                if segments.len() < count && !snapshot.damaged.contains(damage) {
                    snapshot.damaged.push(damage.clone());
                }
            }
            snapshot.collections.insert(name, Arc::new(CollectionView { record, segments }));
        }
        Ok(snapshot)
    }

    /// Takes a damaged segment out of what is served, until it is repaired.
    pub(super) fn quarantine(&self, damage: &crate::store::Damage) {
        let mut held = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Snapshot::clone(&held);
        if beside::segment_of(&damage.path).is_some() {
            tracing::error!(%damage, "damaged vectors are no longer used; they are made again");
            let _ = fs::remove_file(&damage.path);
            for view in snapshot.collections.values_mut() {
                let mut plain = CollectionView::clone(view);
                for one in &mut plain.segments {
                    if one.segment.vector_file().path() == damage.path {
                        one.segment = Arc::new(one.segment.plain());
                    }
                }
                *view = Arc::new(plain);
            }
            *held = Arc::new(snapshot);
            return;
        }
        for view in snapshot.collections.values_mut() {
            if view.segments.iter().any(|s| s.segment.file().path() == damage.path) {
                let kept = view
                    .segments
                    .iter()
                    .filter(|s| s.segment.file().path() != damage.path)
                    .cloned()
                    .collect();
                *view = Arc::new(CollectionView { record: view.record.clone(), segments: kept });
            }
        }
        let text = damage.to_string();
        if !snapshot.damaged.contains(&text) {
            tracing::error!(damage = %text, "a damaged segment is no longer served");
            snapshot.damaged.push(text);
        }
        *held = Arc::new(snapshot);
    }

    /// A file that was removed is no damage any more.
    pub(super) fn forget_damage(&self, path: &Path) {
        let mut held = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Snapshot::clone(&held);
        let name = path.display().to_string();
        snapshot.damaged.retain(|damage| !damage.contains(&name));
        *held = Arc::new(snapshot);
    }

    pub(super) fn segment_records(
        &self,
        collection: u32,
    ) -> Result<Vec<(u64, SegmentRecord)>, KnowledgeError> {
        let table = self.catalogue.read()?.open_table(SEGMENTS)?;
        let mut found = Vec::new();
        for entry in
            table.range::<&[u8]>(&owned_key(collection, 0)[..]..=&owned_key(collection, u64::MAX)[..])?
        {
            let (key, record) = entry?;
            let id = number_of(key.value());
            found.push((id, decode(record.value(), || format!("segment {id}"))?));
        }
        Ok(found)
    }

    pub(super) fn tombstones(&self, segment: u64) -> Result<Option<ChunkSet>, KnowledgeError> {
        let table = self.catalogue.read()?.open_table(TOMBSTONES)?;
        let words = table
            .get(&number_key(segment)[..])?
            .map(|bytes| decode::<Vec<u64>>(bytes.value(), || format!("tombstones {segment}")));
        Ok(words.transpose()?.map(ChunkSet::from_words))
    }

    /// Removes files that no record names.
    fn sweep(&self) -> Result<(), KnowledgeError> {
        let mut named = HashSet::new();
        let mut folders = HashSet::new();
        for (_, record) in self.catalogue.collections()? {
            folders.insert(record.id.to_string());
            for (id, _) in self.segment_records(record.id)? {
                named.insert(self.segment_path(record.id, id));
            }
        }
        for folder in fs::read_dir(self.folder.join("segments"))?.flatten() {
            for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let of = beside::segment_of(&file.path()).unwrap_or_else(|| file.path());
                if !named.contains(&of) {
                    tracing::info!(file = %file.path().display(), "removing an unfinished segment");
                    let _ = fs::remove_file(file.path());
                }
            }
            if !folders.contains(&*folder.file_name().to_string_lossy()) {
                let _ = fs::remove_dir(folder.path());
            }
        }
        Ok(())
    }

    /// Creates a collection, or returns the one that is there.
    ///
    /// # Errors
    /// [`KnowledgeError::Invalid`] when the name cannot be one.
    pub fn create_collection(
        &self,
        name: &str,
        language: &str,
        built_in: bool,
        now_ms: u64,
    ) -> Result<Arc<CollectionView>, KnowledgeError> {
        check_name(name)?;
        let writer = self.writer();
        if let Some(view) = self.snapshot().collections.get(name) {
            return Ok(view.clone());
        }
        let write = self.catalogue.write()?;
        let id = u32::try_from(next(&write, "collection")?).unwrap_or(u32::MAX);
        let record = CollectionRecord {
            id,
            language: language.to_owned(),
            created_ms: now_ms,
            generation: 1,
            built_in,
            ..CollectionRecord::default()
        };
        write_collection(&write, name, &record)?;
        write.commit()?;
        self.load()?;
        drop(writer);
        self.collection(name)
    }

    /// A collection of what is served now.
    ///
    /// # Errors
    /// [`KnowledgeError::NotFound`].
    pub fn collection(&self, name: &str) -> Result<Arc<CollectionView>, KnowledgeError> {
        let found = self.snapshot().collections.get(name).cloned();
        found.ok_or_else(|| KnowledgeError::NotFound { noun: "collection", name: name.to_owned() })
    }

    /// Removes a collection with everything in it.
    ///
    /// # Errors
    /// [`KnowledgeError::NotFound`], or what the store says.
    pub fn remove_collection(&self, name: &str) -> Result<(), KnowledgeError> {
        let view = self.collection(name)?;
        let _writer = self.writer();
        let id = view.record.id;
        let write = self.catalogue.write()?;
        write.open_table(COLLECTIONS)?.remove(name.as_bytes())?;
        let (from, to) = (named_key(id, &[]), named_key(id + 1, &[]));
        for table in [DOCUMENTS, PATHS, FAILURES, SEGMENTS] {
            write.open_table(table)?.retain_in::<&[u8]>(&from[..]..&to[..], |_| false)?;
        }
        for segment in &view.segments {
            write.open_table(TOMBSTONES)?.remove(&number_key(segment.id)[..])?;
        }
        write.commit()?;
        self.load()?;
        self.sweep()
    }

    /// Changes a collection's own record (watched folders, language).
    ///
    /// # Errors
    /// [`KnowledgeError::NotFound`], or what the store says.
    pub fn update_collection(
        &self,
        name: &str,
        change: impl FnOnce(&mut CollectionRecord),
    ) -> Result<(), KnowledgeError> {
        let _writer = self.writer();
        let write = self.catalogue.write()?;
        let mut record = self.record_for_update(&write, name)?;
        change(&mut record);
        write_collection(&write, name, &record)?;
        write.commit()?;
        self.load()
    }

    pub(super) fn record_for_update(
        &self,
        write: &WriteTransaction,
        name: &str,
    ) -> Result<CollectionRecord, KnowledgeError> {
        let found = read_collection(write, name)?;
        found.ok_or_else(|| KnowledgeError::NotFound { noun: "collection", name: name.to_owned() })
    }

    /// Marks chunks of documents as removed, in every segment that has them.
    pub(super) fn bury(
        &self,
        write: &WriteTransaction,
        view: &CollectionView,
        documents: &[u64],
    ) -> Result<(), KnowledgeError> {
        let mut table = write.open_table(TOMBSTONES)?;
        for segment in &view.segments {
            let mut removed = segment.removed.as_deref().cloned().unwrap_or_default();
            let before = removed.count();
            for document in documents {
                if let Some(chunks) = segment.segment.chunks_of(*document)? {
                    chunks.for_each(|chunk| removed.insert(chunk));
                }
            }
            if removed.count() > before {
                table.insert(&number_key(segment.id)[..], encode(&removed.to_words())?.as_slice())?;
            }
        }
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), KnowledgeError> {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fine) || name.starts_with('.') {
        return Err(KnowledgeError::Invalid {
            what: format!(
                "'{}' cannot name a collection: letters, digits, '-', '_' and '.', at most 64",
                name.escape_debug()
            ),
        });
    }
    Ok(())
}
