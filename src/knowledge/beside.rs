//! Vectors of a segment under another model than its own, in a file beside it: texts, words and chunk numbers stay
//! as they are, so that changing the model of a library is changing which vectors are looked at.
//!
//! `00000007.seg` has beside it `00000007.MODEL.vec`, MODEL being the first 16 letters of the model's SHA-256. A
//! block file with the sections `meta` JSON · `vecs` · `vscl` · `mean` · `code`, as a segment has them.
//!
//! Invariant: a file beside is whole and synced, or not there; whatever is lost of it can be made again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use half::f16;
use serde::{Deserialize, Serialize};

use super::KnowledgeError;
use super::answer::{Answer, Question};
use super::builder::write_mean;
use super::embedder::Embedder;
use super::ingest::embedded_text;
use super::library::{CollectionView, Library, SegmentView, Snapshot};
use super::model::Model;
use super::quantize;
use super::segment::{Segment, Vectors};
use super::simd;
use super::text::TextReader;
use crate::store::{BlockFile, BlockFileWriter, Damage, sync_parent};

/// Letters of the model's SHA-256 in a name.
const TAG: usize = 16;
/// The mean is that of so many chunks, evenly spread: codes and questions are centred on the same one.
const SAMPLED: usize = 4096;
/// Chunks between two looks at whether to go on.
const BATCH: u32 = 256;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Meta {
    segment: u64,
    chunks: u32,
    width: u32,
    model: String,
}

/// The model that answers, with its SHA-256.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) model: Arc<Model>,
    pub(super) id: Arc<str>,
}

/// Where the vectors of a segment under a model lie.
pub(super) fn path_of(segment: &Path, model: &str) -> PathBuf {
    let tag: String = model.chars().take(TAG).collect();
    segment.with_extension(format!("{tag}.vec"))
}

/// The segment that a file lies beside; `None` where it is no such file.
pub(super) fn segment_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix(".vec")?;
    let (segment, tag) = name.split_once('.')?;
    (tag.len() <= TAG).then(|| path.with_file_name(format!("{segment}.seg")))
}

/// Removes a segment's file with everything beside it.
pub(super) fn remove_all(segment: &Path) {
    let _ = fs::remove_file(segment);
    let entries = segment.parent().map(fs::read_dir).into_iter().flatten().flatten().flatten();
    for entry in entries.filter(|entry| segment_of(&entry.path()).as_deref() == Some(segment)) {
        let _ = fs::remove_file(entry.path());
    }
}

/// Maps the vectors of a segment under a model.
fn open(segment: &Segment, id: u64, path: &Path, model: &str) -> Result<Vectors, Damage> {
    let file = BlockFile::open(path)?;
    let meta: Meta = serde_json::from_slice(file.bytes(file.section(*b"meta")?)?)
        .map_err(|e| file.damage(format!("its description cannot be read: {e}")))?;
    if (meta.segment, meta.chunks, meta.model.as_str()) != (id, segment.chunks(), model) {
        return Err(file.damage("it belongs to another segment or model"));
    }
    Vectors::read(Arc::new(file), meta.model, meta.chunks, meta.width)
}

/// The segment as it is searched with a model: by its own vectors, by those beside it, or by its words only.
pub(super) fn under(segment: &Arc<Segment>, id: u64, model: &str) -> Arc<Segment> {
    if segment.meta().model == model {
        return Arc::clone(segment);
    }
    if segment.own_model() == model {
        return Arc::new(segment.plain());
    }
    let path = path_of(segment.file().path(), model);
    match path.exists().then(|| open(segment, id, &path, model)) {
        Some(Ok(vectors)) => Arc::new(segment.with(vectors)),
        Some(Err(damage)) => {
            tracing::error!(%damage, "vectors beside a segment are damaged; they are made again");
            let _ = fs::remove_file(&path);
            Arc::new(segment.plain())
        }
        None if segment.is_plain() => Arc::clone(segment),
        None => Arc::new(segment.plain()),
    }
}

fn view_under(view: &CollectionView, model: &str) -> CollectionView {
    let segments = view
        .segments
        .iter()
        .map(|one| SegmentView { segment: under(&one.segment, one.id, model), ..one.clone() });
    CollectionView { record: view.record.clone(), segments: segments.collect() }
}

/// Writes the vectors of a segment under a model; `None` where `go_on` said to stop.
fn write(
    segment: &Segment,
    id: u64,
    path: &Path,
    (model, width, embedder): (&str, usize, &mut Embedder),
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<u64>, KnowledgeError> {
    let chunks = segment.chunks();
    let mut reader = TextReader::new()?;
    let mut vector = vec![0f32; width];
    let mut embed = |chunk: u32, vector: &mut [f32]| -> Result<(), Damage> {
        embedder.embed(&embedded_text(&segment.record(&mut reader, chunk)?), vector)
    };
    let mut mean = vec![0f32; width];
    let every = (chunks as usize).div_ceil(SAMPLED).max(1);
    let mut sampled = 0u16;
    for chunk in (0..chunks).step_by(every) {
        embed(chunk, &mut vector)?;
        mean.iter_mut().zip(&vector).for_each(|(sum, value)| *sum += value);
        sampled += 1;
        if chunk % BATCH == 0 && !go_on(0) {
            return Ok(None);
        }
    }
    mean.iter_mut().for_each(|sum| *sum /= f32::from(sampled.max(1)));
    let partial = path.with_extension("part");
    let mut out = BlockFileWriter::create(&partial)?;
    out.section(*b"meta")?;
    let meta = Meta {
        segment: id,
        chunks,
        width: u32::try_from(width).map_err(io::Error::other)?,
        model: model.to_owned(),
    };
    serde_json::to_writer(&mut out, &meta).map_err(io::Error::from)?;
    // Codes are an eighth of the rows: they are held until the rows are written.
    let (mut row, mut scales, mut codes) = (Vec::with_capacity(width), Vec::<f16>::new(), Vec::new());
    out.section(*b"vecs")?;
    for chunk in 0..chunks {
        embed(chunk, &mut vector)?;
        row.clear();
        let scale = quantize::to_int8(&vector, &mut row);
        let step = scale.to_f32();
        quantize::to_code(row.iter().map(|x| f32::from(*x) * step), &mean, &mut codes);
        out.write_all(simd::as_u8(&row))?;
        scales.push(scale);
        if chunk % BATCH == BATCH - 1 && !go_on(u64::from(BATCH)) {
            drop(out);
            let _ = fs::remove_file(&partial);
            return Ok(None);
        }
    }
    out.section(*b"vscl")?;
    scales.iter().try_for_each(|scale| out.write_all(&scale.to_le_bytes()))?;
    write_mean(&mut out, &mean)?;
    out.write_all(&codes)?;
    let bytes = out.finish()?;
    fs::rename(&partial, path)?;
    sync_parent(path)?;
    go_on(u64::from(chunks % BATCH));
    Ok(Some(bytes))
}

impl Library {
    /// The model that answers.
    #[must_use]
    pub fn model(&self) -> Arc<Model> {
        Arc::clone(&self.snapshot().serving.model)
    }

    /// SHA-256 of the model that answers.
    #[must_use]
    pub fn model_id(&self) -> String {
        self.snapshot().serving.id.to_string()
    }

    /// Changes what is served in one step: readers see it before or after.
    fn replace(&self, change: impl FnOnce(&Snapshot) -> Snapshot) {
        let mut held = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(change(&held));
    }

    /// Chunks whose vectors under a model are not there yet.
    #[must_use]
    pub fn chunks_without(&self, model: &str) -> u64 {
        let snapshot = self.snapshot();
        let lacks = |view: &&SegmentView| {
            view.segment.own_model() != model && !path_of(view.segment.file().path(), model).exists()
        };
        let views = snapshot.collections.values().flat_map(|view| &view.segments);
        views.filter(lacks).map(|view| u64::from(view.segment.chunks())).sum()
    }

    /// Makes the vectors under a model that are not there yet, segment by segment; `go_on` is told the chunks that
    /// were done. False where it said to stop: what is whole stays.
    ///
    /// # Errors
    /// Damage, or what the disk says.
    pub fn add_vectors(
        &self,
        model: &Arc<Model>,
        id: &str,
        width: usize,
        go_on: &mut dyn FnMut(u64) -> bool,
    ) -> Result<bool, KnowledgeError> {
        let mut embedder = Embedder::new(Arc::clone(model))?;
        let snapshot = self.snapshot();
        for view in snapshot.collections.values().flat_map(|view| &view.segments) {
            let path = path_of(view.segment.file().path(), id);
            if view.segment.own_model() == id || path.exists() {
                continue;
            }
            if write(&view.segment, view.id, &path, (id, width, &mut embedder), go_on)?.is_none() {
                return Ok(false);
            }
            // It was merged away meanwhile: nobody will look at this.
            if !view.segment.file().path().exists() {
                let _ = fs::remove_file(&path);
            }
        }
        if id == self.model_id() {
            self.serve(Arc::clone(model), id);
        }
        Ok(true)
    }

    /// From now on, questions are answered with this model. Readers see one or the other, never both.
    pub fn serve(&self, model: Arc<Model>, id: &str) {
        self.replace(|held| Snapshot {
            collections: held
                .collections
                .iter()
                .map(|(name, view)| (name.clone(), Arc::new(view_under(view, id))))
                .collect(),
            damaged: held.damaged.clone(),
            serving: Serving { model, id: id.into() },
        });
    }

    /// What would be served with this model.
    #[must_use]
    pub fn shadow(&self, model: Arc<Model>, id: &str) -> Snapshot {
        let held = self.snapshot();
        let views = held.collections.iter();
        Snapshot {
            collections: views.map(|(name, view)| (name.clone(), Arc::new(view_under(view, id)))).collect(),
            damaged: held.damaged.clone(),
            serving: Serving { model, id: id.into() },
        }
    }

    /// Asks a shadow.
    ///
    /// # Errors
    /// Damage, or what the store says.
    pub fn ask_shadow(&self, shadow: &Snapshot, question: &Question) -> Result<Answer, KnowledgeError> {
        self.ask_snapshot(shadow, question, &mut |_| {})
    }

    /// Removes the vectors under a model that lie beside segments.
    pub fn forget_vectors(&self, model: &str) {
        for view in self.snapshot().collections.values().flat_map(|view| &view.segments) {
            let _ = fs::remove_file(path_of(view.segment.file().path(), model));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ingest::Batch;
    use super::super::model::tests::{tiny, tiny_of};
    use super::*;
    use crate::knowledge::extract::Chunk;
    use crate::knowledge::{DocumentRecord, Language};

    const TEXTS: [&str; 3] = ["pumps leak", "valves stick", "pumps pump"];

    fn add(library: &Arc<Library>, path: &str, texts: &[&str]) {
        let mut batch = Batch::new(Arc::clone(library), "c", 64).unwrap();
        let id = batch.begin_document().unwrap();
        for text in texts {
            let chunk = Chunk { text: (*text).to_owned(), ..Chunk::default() };
            batch.push(id, "", Language::detect("pumps"), chunk).unwrap();
        }
        let chunks = texts.len() as u64;
        batch.end_document(id, DocumentRecord { path: path.into(), chunks, ..DocumentRecord::default() });
        batch.commit(&|_| Ok(())).unwrap();
    }

    fn rows(library: &Library) -> Vec<(String, Vec<i8>)> {
        let snapshot = library.snapshot();
        let views = snapshot.collections.values().flat_map(|view| &view.segments);
        views
            .map(|view| {
                let n = view.segment.chunks() as usize;
                (view.segment.meta().model.clone(), view.segment.rows(0..n).unwrap().to_vec())
            })
            .collect()
    }

    fn models(folder: &Path) -> (Arc<Model>, Arc<Model>) {
        let (one, two) = (folder.join("one"), folder.join("two"));
        tiny(&one);
        tiny_of(&two, 7);
        (Arc::new(Model::open(&one).unwrap()), Arc::new(Model::open(&two).unwrap()))
    }

    #[test]
    fn another_model_is_served_and_the_first_one_again() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = models(folder.path());
        let data = folder.path().join("data");
        let open = |model: &Arc<Model>, id: &str| {
            Arc::new(Library::open(&data, 1 << 20, Arc::clone(model), id.to_owned()).unwrap())
        };
        let library = open(&one, "one");
        library.create_collection("c", "auto", false, 0).unwrap();
        add(&library, "/a", &TEXTS);
        let before = rows(&library);
        assert_eq!((library.chunks_without("one"), library.chunks_without("two")), (0, 3));
        // Stopped, nothing half stays; then all of it.
        assert!(!library.add_vectors(&two, "two", 64, &mut |_| false).unwrap());
        assert_eq!(library.chunks_without("two"), 3);
        let mut done = 0;
        let count = &mut |chunks| {
            done += chunks;
            true
        };
        assert!(library.add_vectors(&two, "two", 64, count).unwrap());
        assert_eq!((done, library.chunks_without("two")), (3, 0));
        assert_eq!(rows(&library), before, "nobody sees it yet");
        let fingerprint = library.snapshot().fingerprint();
        library.serve(Arc::clone(&two), "two");
        assert_ne!(library.snapshot().fingerprint(), fingerprint, "cached answers are of the other model");
        let after = rows(&library);
        assert!(after[0].0 == "two" && after[0].1 != before[0].1, "{after:?}");
        // What is added now has vectors of the new model only: under the old one it is found by its words.
        add(&library, "/b", &["leak"]);
        assert_eq!(library.chunks_without("one"), 1);
        // A start finds them again, whoever serves.
        drop(library);
        assert_eq!(rows(&open(&two, "two"))[0], after[0]);
        let library = open(&one, "one");
        assert_eq!(rows(&library)[0], before[0]);
        assert_eq!(rows(&library)[1].0, "two", "by its words only");
        assert!(library.add_vectors(&one, "one", 64, &mut |_| true).unwrap());
        assert_eq!(rows(&library)[1].0, "one", "what serves is served at once");
        library.forget_vectors("two");
        assert_eq!(library.chunks_without("two"), 3, "the segment of /b has its own");
    }

    #[test]
    fn damaged_vectors_are_left_out_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = models(folder.path());
        let library =
            Arc::new(Library::open(&folder.path().join("data"), 1 << 20, one, "one".into()).unwrap());
        library.create_collection("c", "auto", false, 0).unwrap();
        add(&library, "/a", &TEXTS);
        library.add_vectors(&two, "two", 64, &mut |_| true).unwrap();
        let path = {
            let snapshot = library.snapshot();
            let view = snapshot.collections["c"].segments[0].clone();
            assert_eq!(
                segment_of(&path_of(view.segment.file().path(), "two")).as_deref(),
                Some(view.segment.file().path())
            );
            path_of(view.segment.file().path(), "two")
        };
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() - 10;
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        library.serve(Arc::clone(&two), "two");
        assert_eq!(rows(&library)[0].0, "one", "by its words");
        assert_eq!(library.chunks_without("two"), 3);
        library.add_vectors(&two, "two", 64, &mut |_| true).unwrap();
        assert_eq!(rows(&library)[0].0, "two");
    }
}
