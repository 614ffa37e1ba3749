//! Builds a segment in memory, chunk by chunk, within the index buffer; merges segments into a larger one.
//!
//! Invariant: memory is what [`SegmentBuilder::held`] says; a file is complete and synced, or not there.

use std::io::{self, Write};
use std::path::Path;

use half::f16;

use super::language::Language;
use super::list_builder::ListBuilder;
use super::quantize;
use super::record::ChunkRecord;
use super::segment::SegmentMeta;
use super::simd;
use super::text::{TextWriter, Texts};
use crate::store::{BlockFileWriter, codec};

/// A segment in the making.
pub(super) struct SegmentBuilder {
    model: String,
    width: usize,
    lists: ListBuilder,
    documents: Vec<(u64, u32, u32)>,
    vectors: Vec<i8>,
    scales: Vec<f16>,
    sums: Vec<f32>,
    texts: TextWriter<Vec<u8>>,
    text_bytes: usize,
}

impl SegmentBuilder {
    /// `dictionary` compresses the text; an empty one means that one is trained.
    pub(super) fn new(model: &str, width: usize, dictionary: &[u8]) -> io::Result<Self> {
        Ok(Self {
            model: model.to_owned(),
            width,
            lists: ListBuilder::default(),
            documents: Vec::new(),
            vectors: Vec::new(),
            scales: Vec::new(),
            sums: vec![0.0; width],
            texts: TextWriter::new(Vec::new(), dictionary)?,
            text_bytes: 0,
        })
    }

    pub(super) fn chunks(&self) -> usize {
        self.lists.lengths().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.lengths().is_empty()
    }

    /// Bytes of memory held, about.
    pub(super) fn held(&self) -> usize {
        let vectors = self.vectors.len() + self.scales.len() * 8;
        self.lists.held() + vectors + self.text_bytes / 3 + self.texts.held()
    }

    /// Adds a chunk. Chunks of one document come one after the other, documents by ascending id.
    pub(super) fn push(
        &mut self,
        document: u64,
        language: Language,
        record: &ChunkRecord,
        vector: &[f32],
    ) -> io::Result<()> {
        let chunk = self.lists.add(language, record)?;
        match self.documents.last_mut() {
            Some((id, _, count)) if *id == document => *count += 1,
            _ => self.documents.push((document, chunk, 1)),
        }
        self.scales.push(quantize::to_int8(vector, &mut self.vectors));
        for (sum, value) in self.sums.iter_mut().zip(vector) {
            *sum += value;
        }
        let body = codec::encode_body(record).map_err(io::Error::other)?;
        self.text_bytes += body.len();
        self.texts.push(&body)
    }

    /// Writes the segment; returns the file's length.
    pub(super) fn write(self, path: &Path) -> io::Result<u64> {
        let Self { model, width, lists, documents, vectors, scales, sums, texts, .. } = self;
        let texts = texts.finish()?;
        let mut out = BlockFileWriter::create(path)?;
        out.section(*b"text")?;
        out.write_all(&texts.out)?;
        write_text_tables(&mut out, &texts)?;
        let meta = meta(&lists, width, model)?;
        write_chunk_tables(&mut out, &meta, &documents, lists.lengths())?;
        out.section(*b"vecs")?;
        out.write_all(simd::as_u8(&vectors))?;
        out.section(*b"vscl")?;
        scales.iter().try_for_each(|scale| out.write_all(&scale.to_le_bytes()))?;
        #[allow(clippy::cast_precision_loss)] // a count
        let mean: Vec<f32> = sums.iter().map(|sum| sum / meta.chunks.max(1) as f32).collect();
        write_mean(&mut out, &mean)?;
        write_codes(&mut out, &vectors, &scales, &mean)?;
        drop((vectors, scales));
        lists.write(&mut out)?;
        out.finish()
    }
}

fn meta(lists: &ListBuilder, width: usize, model: String) -> io::Result<SegmentMeta> {
    Ok(SegmentMeta {
        chunks: u32::try_from(lists.lengths().len()).map_err(io::Error::other)?,
        width: u32::try_from(width).map_err(io::Error::other)?,
        model,
        terms_total: lists.lengths().iter().map(|l| u64::from(*l)).sum(),
        languages: lists.languages().iter().map(|language| language.code().to_owned()).collect(),
    })
}

pub(super) fn write_text_tables<W>(out: &mut BlockFileWriter, texts: &Texts<W>) -> io::Result<()> {
    out.section(*b"toff")?;
    texts.offsets.iter().try_for_each(|offset| out.write_all(&offset.to_le_bytes()))?;
    out.section(*b"dict")?;
    out.write_all(&texts.dictionary)
}

pub(super) fn write_chunk_tables(
    out: &mut BlockFileWriter,
    meta: &SegmentMeta,
    documents: &[(u64, u32, u32)],
    lengths: &[u16],
) -> io::Result<()> {
    out.section(*b"meta")?;
    serde_json::to_writer(&mut *out, meta)?;
    out.section(*b"docs")?;
    for (id, first, count) in documents {
        out.write_all(&id.to_le_bytes())?;
        out.write_all(&first.to_le_bytes())?;
        out.write_all(&count.to_le_bytes())?;
    }
    out.section(*b"lens")?;
    lengths.iter().try_for_each(|length| out.write_all(&length.to_le_bytes()))
}

pub(super) fn write_mean(out: &mut BlockFileWriter, mean: &[f32]) -> io::Result<()> {
    out.section(*b"mean")?;
    mean.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?;
    out.section(*b"code")
}

/// Appends centred 1-bit codes of some rows to the `code` section.
pub(super) fn write_codes(
    out: &mut BlockFileWriter,
    rows: &[i8],
    scales: &[f16],
    mean: &[f32],
) -> io::Result<()> {
    let mut code = Vec::with_capacity(mean.len() / 8);
    for (row, scale) in rows.chunks_exact(mean.len().max(1)).zip(scales) {
        let scale = scale.to_f32();
        code.clear();
        quantize::to_code(row.iter().map(|x| f32::from(*x) * scale), mean, &mut code);
        out.write_all(&code)?;
    }
    Ok(())
}
