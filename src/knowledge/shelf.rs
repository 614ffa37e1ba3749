//! Looking through the library without searching: documents, passages, failures; checking and merging segments.

use std::fs;
use std::path::Path;

use super::KnowledgeError;
use super::beside;
use super::catalogue::{
    DOCUMENTS, DocumentRecord, FAILURES, FailureRecord, PATHS, SEGMENTS, SegmentRecord, TOMBSTONES, decode,
    encode, next, read_document, write_collection,
};
use super::extract::Place;
use super::library::{CollectionView, Library, SegmentView};
use super::merge::{Source, merge};
use super::text::TextReader;
use crate::store::{
    Damage, StoreError, Written, check_rows, name_of, named_key, number_key, number_of, owned_key,
};

/// A passage while reading on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadPassage {
    pub segment: u64,
    pub chunk: u32,
    pub heading: Vec<String>,
    pub place: Place,
    pub text: String,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    pub segments: u64,
    pub blocks: u64,
    pub records: u64,
    pub bytes: u64,
    pub problems: Vec<String>,
    /// (collection, segment) that cannot be used.
    pub broken: Vec<(String, u64)>,
}

/// Neighbouring segments of one size class are merged when there are this many.
const MERGE_AT: usize = 4;
/// No merge makes a segment larger than this: its text must stay below 4 GiB.
const MERGED_BYTES: u64 = 2 << 30;
/// Blocks that a partial check reads: a megabyte.
const CHECKED_BLOCKS: usize = 256;

impl Library {
    /// Documents of a collection after `(document id)`, at most `limit`, that `keep` accepts.
    ///
    /// # Errors
    /// [`KnowledgeError::NotFound`], or what the store says.
    pub fn documents(
        &self,
        collection: &str,
        after: u64,
        limit: usize,
        keep: &dyn Fn(&DocumentRecord) -> bool,
    ) -> Result<Vec<(u64, DocumentRecord)>, KnowledgeError> {
        let id = self.collection(collection)?.record.id;
        let table = self.catalogue.read()?.open_table(DOCUMENTS)?;
        let mut found = Vec::new();
        for entry in table
            .range::<&[u8]>(&owned_key(id, after.saturating_add(1))[..]..=&owned_key(id, u64::MAX)[..])?
        {
            let (key, record) = entry?;
            let document = number_of(key.value());
            let record = decode(record.value(), || format!("document {document}"))?;
            if keep(&record) {
                found.push((document, record));
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// A document by its id, with its collection's name.
    ///
    /// # Errors
    /// [`KnowledgeError::NotFound`], or what the store says.
    pub fn document(&self, id: u64) -> Result<(String, DocumentRecord), KnowledgeError> {
        let read = self.catalogue.read()?;
        for (name, view) in &self.snapshot().collections {
            if let Some(record) = read_document(&read, view.record.id, id)? {
                return Ok((name.clone(), record));
            }
        }
        Err(KnowledgeError::NotFound { noun: "document", name: id.to_string() })
    }

    /// The document that was made of a path, if there is one.
    ///
    /// # Errors
    /// What the store says.
    pub fn document_at(
        &self,
        collection: &str,
        path: &[u8],
    ) -> Result<Option<(u64, DocumentRecord)>, KnowledgeError> {
        self.catalogue.document_at(self.collection(collection)?.record.id, path)
    }

    /// Why a path is not in the index, if it was tried.
    ///
    /// # Errors
    /// What the store says.
    pub fn failure_at(&self, collection: &str, path: &[u8]) -> Result<Option<FailureRecord>, KnowledgeError> {
        self.catalogue.failure_at(self.collection(collection)?.record.id, path)
    }

    /// Paths of a collection after `after` that begin with `prefix`, at most `limit`.
    ///
    /// # Errors
    /// What the store says.
    pub fn paths(
        &self,
        collection: &str,
        prefix: &[u8],
        after: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, KnowledgeError> {
        let id = self.collection(collection)?.record.id;
        let table = self.catalogue.read()?.open_table(PATHS)?;
        let from = if after < prefix { prefix } else { after };
        let mut found = Vec::new();
        for entry in table.range::<&[u8]>(&named_key(id, from)[..]..&named_key(id + 1, &[])[..])? {
            let (key, _) = entry?;
            let path = name_of(key.value());
            if !path.starts_with(prefix) || found.len() == limit {
                break;
            }
            if path != after || after.is_empty() {
                found.push(path.to_vec());
            }
        }
        Ok(found)
    }

    /// Failures of a collection, at most `limit`.
    ///
    /// # Errors
    /// What the store says.
    pub fn failures(
        &self,
        collection: &str,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, FailureRecord)>, KnowledgeError> {
        let id = self.collection(collection)?.record.id;
        let table = self.catalogue.read()?.open_table(FAILURES)?;
        let mut found = Vec::new();
        for entry in table.range::<&[u8]>(&named_key(id, &[])[..]..&named_key(id + 1, &[])[..])?.take(limit) {
            let (key, record) = entry?;
            found.push((name_of(key.value()).to_vec(), decode(record.value(), || "a failure".into())?));
        }
        Ok(found)
    }

    /// Consecutive passages of a document: `before` and `after` around the one at `(segment, chunk)`,
    /// or from its first.
    ///
    /// # Errors
    /// [`KnowledgeError::NotFound`], or damage.
    pub fn passages(
        &self,
        document: u64,
        around: Option<(u64, u32)>,
        before: usize,
        after: usize,
    ) -> Result<Vec<ReadPassage>, KnowledgeError> {
        let (name, _) = self.document(document)?;
        let view = self.collection(&name)?;
        let mut places: Vec<(&SegmentView, u32)> = Vec::new();
        for segment in &view.segments {
            let chunks = segment.segment.chunks_of(document)?.into_iter().flatten();
            places.extend(chunks.map(|chunk| (segment, chunk)));
        }
        let at = around
            .and_then(|place| places.iter().position(|(s, chunk)| (s.id, *chunk) == place))
            .unwrap_or(0);
        let mut found = Vec::new();
        for (view, chunk) in
            places.into_iter().skip(at.saturating_sub(before)).take(before.min(at) + 1 + after)
        {
            let record = view.segment.record(&mut TextReader::new()?, chunk)?;
            found.push(ReadPassage {
                segment: view.id,
                chunk,
                place: record.place(),
                heading: record.heading,
                text: record.text,
            });
        }
        Ok(found)
    }

    /// Verifies every block of every segment and of the model, and decodes every record.
    ///
    /// # Errors
    /// What the store says; damage is a finding, not an error.
    pub fn check(&self) -> Result<Checked, KnowledgeError> {
        let mut checked = Checked::default();
        let model = self.model();
        match model.file().verify_all() {
            Ok(blocks) => checked.blocks += blocks as u64,
            Err(damage) => checked.problems.push(damage.to_string()),
        }
        checked.bytes += model.file().len();
        for (name, view) in &self.snapshot().collections {
            for (id, record) in self.segment_records(view.record.id)? {
                checked.segments += 1;
                checked.bytes += record.bytes;
                let path = self.segment_path(view.record.id, id);
                let verified = super::segment::Segment::open(&path).and_then(|s| s.file().verify_all());
                match verified {
                    Ok(blocks) => checked.blocks += blocks as u64,
                    Err(damage) => {
                        checked.problems.push(damage.to_string());
                        checked.broken.push((name.clone(), id));
                    }
                }
            }
        }
        for one in self.snapshot().collections.values().flat_map(|view| &view.segments) {
            if one.segment.is_plain() {
                continue;
            }
            checked.bytes += one.segment.vector_file().len();
            match one.segment.vector_file().verify_all() {
                Ok(blocks) => checked.blocks += blocks as u64,
                Err(damage) => checked.problems.push(damage.to_string()),
            }
        }
        let rows = check_rows(&self.catalogue.read()?).map_err(said)?;
        checked.records += rows.records;
        checked.problems.extend(rows.problems.into_iter().map(|problem| format!("corpus.redb: {problem}")));
        Ok(checked)
    }

    /// Verifies another piece of the index; as `turn` counts up, all of it. A damaged segment is no longer served
    /// then. Returns how many blocks were read.
    ///
    /// # Errors
    /// The damage that was found.
    pub fn check_part(&self, turn: u64) -> Result<usize, Damage> {
        let snapshot = self.snapshot();
        let segments: Vec<&SegmentView> =
            snapshot.collections.values().flat_map(|view| &view.segments).collect();
        let files = segments.len() as u64 + 1; // and the model
        let (file, turn) = (usize::try_from(turn % files).unwrap_or(0), turn / files);
        match segments.get(file) {
            None => self.model().file().verify_run(turn, CHECKED_BLOCKS),
            Some(view) => view
                .segment
                .file()
                .verify_run(turn, CHECKED_BLOCKS)
                .inspect_err(|damage| self.quarantine(damage)),
        }
    }

    /// Verifies that the model can be read at all.
    ///
    /// # Errors
    /// Its damage.
    pub fn check_model(&self) -> Result<(), Damage> {
        self.model().file().verify_run(0, 1).map(drop)
    }

    /// Makes `corpus.redb` as small as it can be: bytes before and after; `None` while somebody uses it. With
    /// `rewrite`, every row lies in a new file then.
    ///
    /// # Errors
    /// What the store says.
    pub fn compact(&self, rewrite: bool) -> Result<Option<(u64, u64)>, KnowledgeError> {
        let _writer = self.writer();
        self.catalogue.compact(rewrite)
    }

    /// What was written to `corpus.redb` so far.
    #[must_use]
    pub fn written(&self) -> Written {
        self.catalogue.meter.written()
    }

    /// Forgets a broken segment and every document of the collection that has no passages left, so that
    /// adding their files again indexes them anew. Returns the paths to add again.
    ///
    /// # Errors
    /// What the store says.
    pub fn drop_segment(&self, collection: &str, segment: u64) -> Result<Vec<Vec<u8>>, KnowledgeError> {
        let id = self.collection(collection)?.record.id;
        let path = self.segment_path(id, segment);
        {
            let _writer = self.writer();
            let write = self.catalogue.write()?;
            write.open_table(SEGMENTS)?.remove(&owned_key(id, segment)[..])?;
            write.open_table(TOMBSTONES)?.remove(&number_key(segment)[..])?;
            write.commit()?;
            beside::remove_all(&path);
            self.forget_damage(&path);
            self.load()?;
        }
        self.incomplete(collection)
    }

    /// Paths of the documents that lack passages, because a segment is gone.
    ///
    /// # Errors
    /// What the store says, or damage.
    pub fn incomplete(&self, collection: &str) -> Result<Vec<Vec<u8>>, KnowledgeError> {
        let view = self.collection(collection)?;
        let mut lost = Vec::new();
        for (document, record) in self.documents(collection, 0, usize::MAX, &|_| true)? {
            let mut left = 0u64;
            for s in &view.segments {
                left += s.segment.chunks_of(document)?.map_or(0, |chunks| chunks.len() as u64);
            }
            if left < record.chunks {
                lost.push((document, record.path));
            }
        }
        Ok(lost.into_iter().map(|(_, path)| path).collect())
    }

    /// Merges one run of neighbouring segments when there are enough of one size class; true when it did.
    ///
    /// # Errors
    /// What the store or the disk says.
    pub fn merge_once(&self, collection: &str) -> Result<bool, KnowledgeError> {
        let _writer = self.writer(); // what is removed meanwhile must not come back
        let view = self.collection(collection)?;
        let Some(run) = merge_run(&view) else { return Ok(false) };
        let sources: Vec<Source<'_>> = view.segments[run.clone()]
            .iter()
            .map(|s| Source { segment: &s.segment, removed: s.removed.as_deref() })
            .collect();
        let reserve = self.catalogue.write()?;
        let id = next(&reserve, "segment")?;
        reserve.commit()?;
        let path = self.segment_path(view.record.id, id);
        let (bytes, chunks) = merge(&sources, &path).inspect_err(|_| drop(fs::remove_file(&path)))?;
        let write = self.catalogue.write()?;
        {
            let mut segments = write.open_table(SEGMENTS)?;
            let mut tombstones = write.open_table(TOMBSTONES)?;
            for old in &view.segments[run.clone()] {
                segments.remove(&owned_key(view.record.id, old.id)[..])?;
                tombstones.remove(&number_key(old.id)[..])?;
            }
            let record = encode(&SegmentRecord { chunks, bytes })?;
            segments.insert(&owned_key(view.record.id, id)[..], record.as_slice())?;
        }
        let mut record = self.record_for_update(&write, collection)?;
        record.generation += 1;
        write_collection(&write, collection, &record)?;
        write.commit()?;
        for old in &view.segments[run] {
            beside::remove_all(old.segment.file().path());
        }
        self.load()?;
        tracing::info!(collection, chunks, bytes, "segments merged");
        Ok(true)
    }

    /// Where the segments lie, for status.
    #[must_use]
    pub fn store_bytes(&self, folder: &Path) -> u64 {
        fs::metadata(folder.join("corpus.redb")).map_or(0, |m| m.len())
    }
}

fn said(error: StoreError) -> KnowledgeError {
    match error {
        StoreError::Redb(error) => error.into(),
        other => KnowledgeError::Store(other.to_string()),
    }
}

/// Logarithmic size class: factor 4 a class.
fn class(chunks: u32) -> u32 {
    (u32::BITS - (chunks / 256).leading_zeros()).div_ceil(2)
}

/// A run of neighbours to merge: enough of one class (or smaller), same width and model; or one that is
/// mostly removed.
fn merge_run(view: &CollectionView) -> Option<std::ops::Range<usize>> {
    let segments = &view.segments;
    for (at, s) in segments.iter().enumerate() {
        let removed = s.removed.as_ref().map_or(0, |r| r.count());
        if removed > 64 && removed > s.segment.chunks() / 2 {
            return Some(at..at + 1);
        }
    }
    for start in 0..segments.len() {
        let top = class(segments[start].segment.chunks());
        let fits = |s: &SegmentView| {
            let (a, b) = (s.segment.meta(), segments[start].segment.meta());
            class(s.segment.chunks()) <= top && a.width == b.width && a.model == b.model
        };
        let mut bytes = 0;
        let end = segments[start..].iter().take_while(|s| {
            bytes += s.bytes;
            fits(s) && bytes <= MERGED_BYTES
        });
        let length = end.count();
        if length >= MERGE_AT {
            return Some(start..start + length);
        }
    }
    None
}
