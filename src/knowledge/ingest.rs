//! Documents into segments: a batch collects chunks in memory and is committed whole.
//!
//! Invariant: what a commit names is on disk and synced before the commit; a crash leaves files nobody names.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use super::KnowledgeError;
use super::builder::SegmentBuilder;
use super::catalogue::{
    DOCUMENTS, DocumentRecord, FAILURES, FailureRecord, PATHS, SEGMENTS, SegmentRecord, TOMBSTONES,
    as_number, encode, reserve, write_collection,
};
use super::chunk_set::ChunkSet;
use super::embedder::Embedder;
use super::extract::Chunk;
use super::language::Language;
use super::library::Library;
use super::record::ChunkRecord;
use super::segment::Segment;
use crate::store::{WriteTransaction, named_key, number_key, number_value, owned_key};

/// Where the change of a job's own record joins the batch's transaction.
pub type AlsoWrite<'a> = &'a dyn Fn(&WriteTransaction) -> Result<(), KnowledgeError>;

/// Chunks and documents on their way into one collection.
pub struct Batch {
    library: Arc<Library>,
    collection: String,
    collection_id: u32,
    language: Option<Language>,
    width: usize,
    builder: SegmentBuilder,
    added: Vec<(u64, DocumentRecord)>,
    failed: Vec<(Vec<u8>, FailureRecord)>,
    removed: Vec<Vec<u8>>,
    aborted: Vec<u64>,
    touched: Vec<(u64, DocumentRecord)>,
    ids: std::ops::Range<u64>,
    embedder: Embedder,
    model_id: Arc<str>,
    vector: Vec<f32>,
}

impl Batch {
    /// An empty batch; `width` columns of the model are used.
    ///
    /// # Errors
    /// [`KnowledgeError::NotFound`] when the collection is not there.
    pub fn new(library: Arc<Library>, collection: &str, width: usize) -> Result<Self, KnowledgeError> {
        let view = library.collection(collection)?;
        // The model that serves now makes all of this batch, whoever serves when it is committed.
        let serving = library.snapshot().serving.clone();
        let most = (serving.model.meta().columns as usize / 64 * 64).max(64);
        let width = width.min(most);
        let builder = SegmentBuilder::new(&serving.id, width, view.dictionary().unwrap_or_default())?;
        Ok(Self {
            collection: collection.to_owned(),
            collection_id: view.record.id,
            language: Language::from_code(&view.record.language),
            width,
            builder,
            added: Vec::new(),
            failed: Vec::new(),
            removed: Vec::new(),
            aborted: Vec::new(),
            touched: Vec::new(),
            ids: 0..0,
            embedder: Embedder::new(serving.model)?,
            model_id: serving.id,
            vector: vec![0.0; width],
            library,
        })
    }

    /// Bytes of memory held, about.
    #[must_use]
    pub fn held(&self) -> usize {
        self.builder.held() + self.added.len() * 400
    }

    #[must_use]
    pub fn chunks(&self) -> usize {
        self.builder.chunks()
    }

    /// True when a commit would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.builder.is_empty()
            && self.added.is_empty()
            && self.failed.is_empty()
            && self.removed.is_empty()
            && self.touched.is_empty()
    }

    /// A fresh document id; ids ascend.
    ///
    /// # Errors
    /// What the store says.
    pub fn begin_document(&mut self) -> Result<u64, KnowledgeError> {
        if self.ids.is_empty() {
            const RESERVED: u64 = 4096;
            let _writer = self.library.writer();
            let write = self.library.catalogue.write()?;
            let first = reserve(&write, "document", RESERVED)?;
            write.commit()?;
            self.ids = first..first + RESERVED;
        }
        self.ids.next().ok_or_else(|| KnowledgeError::Store("document ids ran out".into()))
    }

    /// The language of a document, from a sample of it, unless the collection's was set.
    #[must_use]
    pub fn language_of(&self, sample: &str) -> Language {
        self.language.unwrap_or_else(|| Language::detect(sample))
    }

    /// Adds one chunk of a document.
    ///
    /// # Errors
    /// Damage of the model, or what the system says.
    pub fn push(
        &mut self,
        document: u64,
        title: &str,
        language: Language,
        chunk: Chunk,
    ) -> Result<(), KnowledgeError> {
        let record = ChunkRecord::new(chunk, title);
        let text = embedded_text(&record);
        self.embedder.embed(&text, &mut self.vector)?;
        self.builder.push(document, language, &record, &self.vector)?;
        Ok(())
    }

    /// The document is whole: the next commit names it.
    pub fn end_document(&mut self, id: u64, record: DocumentRecord) {
        self.added.push((id, record));
    }

    /// Chunks of a document that turned out to be broken: the next commit hides them.
    pub fn abort_document(&mut self, id: u64) {
        self.aborted.push(id);
    }

    /// The file could not be read: the next commit says why.
    pub fn fail(&mut self, path: Vec<u8>, failure: FailureRecord) {
        self.failed.push((path, failure));
    }

    /// The document is the same but its file was touched: the next commit remembers when.
    pub fn touch(&mut self, id: u64, record: DocumentRecord) {
        self.touched.push((id, record));
    }

    /// The file is gone: the next commit removes its document.
    pub fn remove(&mut self, path: Vec<u8>) {
        self.removed.push(path);
    }

    /// Makes everything since the last commit durable and visible, in one transaction with `also`.
    ///
    /// # Errors
    /// What the store or the disk says; nothing of the batch is then visible.
    pub fn commit(&mut self, also: AlsoWrite<'_>) -> Result<(), KnowledgeError> {
        let library = self.library.clone();
        let _writer = library.writer();
        let view = library.collection(&self.collection)?;
        let segment = self.write_segment()?;
        let write = library.catalogue.write()?;
        let mut record = library.record_for_update(&write, &self.collection)?;
        let mut gone = self.write_documents(&write, &mut record)?;
        gone.append(&mut self.aborted);
        library.bury(&write, &view, &gone)?;
        if let Some((id, _)) = &segment {
            self.bury_fresh(&write, *id, &gone)?;
        }
        if let Some((id, segment)) = &segment {
            write
                .open_table(SEGMENTS)?
                .insert(&owned_key(self.collection_id, *id)[..], encode(segment)?.as_slice())?;
        }
        record.generation += 1;
        write_collection(&write, &self.collection, &record)?;
        also(&write)?;
        write.commit()?;
        self.added.clear();
        self.failed.clear();
        self.removed.clear();
        self.touched.clear();
        library.load()
    }

    /// ChunkSet for aborted documents inside the segment that was just written.
    fn bury_fresh(&self, write: &WriteTransaction, id: u64, gone: &[u64]) -> Result<(), KnowledgeError> {
        let segment = Segment::open(&self.library.segment_path(self.collection_id, id))?;
        let mut removed = ChunkSet::default();
        for document in gone {
            if let Some(chunks) = segment.chunks_of(*document)? {
                chunks.for_each(|chunk| removed.insert(chunk));
            }
        }
        if removed.count() > 0 {
            write
                .open_table(TOMBSTONES)?
                .insert(&number_key(id)[..], encode(&removed.to_words())?.as_slice())?;
        }
        Ok(())
    }

    fn write_segment(&mut self) -> Result<Option<(u64, SegmentRecord)>, KnowledgeError> {
        if self.builder.is_empty() {
            return Ok(None);
        }
        let reserve = self.library.catalogue.write()?;
        let id = super::catalogue::next(&reserve, "segment")?;
        reserve.commit()?;
        let view = self.library.collection(&self.collection)?;
        let fresh = SegmentBuilder::new(&self.model_id, self.width, view.dictionary().unwrap_or_default())?;
        let builder = std::mem::replace(&mut self.builder, fresh);
        let path = self.library.segment_path(self.collection_id, id);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let chunks = u32::try_from(builder.chunks()).unwrap_or(u32::MAX);
        let bytes = builder.write(&path).inspect_err(|_| drop(fs::remove_file(&path)))?;
        Ok(Some((id, SegmentRecord { chunks, bytes })))
    }

    /// Writes documents and failures; returns the documents that are no longer served.
    fn write_documents(
        &self,
        write: &WriteTransaction,
        record: &mut super::catalogue::CollectionRecord,
    ) -> Result<Vec<u64>, KnowledgeError> {
        let mut documents = write.open_table(DOCUMENTS)?;
        let mut paths = write.open_table(PATHS)?;
        let mut failures = write.open_table(FAILURES)?;
        let collection = self.collection_id;
        let mut gone = HashSet::new();
        let mut drop_document = |id: u64| -> Result<u64, KnowledgeError> {
            gone.insert(id);
            let old = documents.remove(&owned_key(collection, id)[..])?;
            let old = old.map(|old| {
                super::catalogue::decode::<DocumentRecord>(old.value(), || format!("document {id}"))
            });
            Ok(old.transpose()?.map_or(0, |old| old.bytes))
        };
        let with_failure = self.failed.iter().map(|(path, _)| path);
        for path in self.removed.iter().chain(with_failure) {
            let key = named_key(collection, path);
            let old = paths.remove(key.as_slice())?.map(|id| as_number(id.value())).transpose()?;
            if let Some(id) = old {
                record.source_bytes = record.source_bytes.saturating_sub(drop_document(id)?);
                record.documents = record.documents.saturating_sub(1);
            }
            record.failures =
                record.failures.saturating_sub(u64::from(failures.remove(key.as_slice())?.is_some()));
        }
        for (id, document) in &self.added {
            let key = named_key(collection, &document.path);
            let old = paths.insert(key.as_slice(), number_value(*id).as_slice())?;
            let old = old.map(|id| as_number(id.value())).transpose()?;
            match old {
                Some(old) => record.source_bytes = record.source_bytes.saturating_sub(drop_document(old)?),
                None => record.documents += 1,
            }
            record.source_bytes += document.bytes;
            record.failures =
                record.failures.saturating_sub(u64::from(failures.remove(key.as_slice())?.is_some()));
        }
        for (id, document) in self.touched.iter().chain(&self.added) {
            documents.insert(&owned_key(collection, *id)[..], encode(document)?.as_slice())?;
        }
        for (path, failure) in &self.failed {
            let key = named_key(collection, path);
            let known = failures.insert(key.as_slice(), encode(failure)?.as_slice())?.is_some();
            record.failures += u64::from(!known);
        }
        Ok(gone.into_iter().collect())
    }
}

/// What the vector is made of: title and headings tell what a passage is about.
pub(super) fn embedded_text(record: &ChunkRecord) -> String {
    let mut text = String::with_capacity(record.text.len() + 64);
    for part in std::iter::once(&record.title).chain(&record.heading).chain(std::iter::once(&record.text)) {
        if !part.is_empty() {
            text.push_str(part);
            text.push('\n');
        }
    }
    text
}
