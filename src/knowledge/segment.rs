//! A segment: one immutable, mapped file with everything that is searched of some chunks.
//!
//! Sections of the block file (n chunks, w columns, all little-endian):
//! `meta` JSON · `text` zstd records · `toff` u32 x (n + 1) into `text` · `dict` zstd dictionary ·
//! `docs` per document: id u64, first chunk u32, chunks u32 (both ascending) · `lens` u16 x n, length in terms ·
//! `vecs` int8 x n x w · `vscl` f16 x n · `mean` f32 x w · `code` 1 bit x n x w, centred on `mean` ·
//! `post` posting lists · `term` [dictionary](super::dictionary) from term to offset in `post`.
//!
//! Invariant: nothing loads a whole segment; every byte that is read was verified since opening.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use zstd::dict::DecoderDictionary;

use super::dictionary::Dictionary;
use super::postings::ListReader;
use super::record::ChunkRecord;
use super::simd;
use super::text::TextReader;
use crate::store::{BlockFile, Damage, codec, read_u32, read_u64};

/// What is known of a segment, kept inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentMeta {
    pub(super) chunks: u32,
    pub(super) width: u32,
    /// SHA-256 of the model that made the vectors.
    pub(super) model: String,
    /// Sum of all lengths, for the average.
    pub(super) terms_total: u64,
    /// Language codes of its stems.
    pub(super) languages: Vec<String>,
}

/// The section of the dictionary.
pub(super) const DICTIONARY: [u8; 4] = *b"term";
pub(super) const DOC_ENTRY: usize = 16;

/// Vectors of a segment's chunks under one model: in the segment itself, or in a file beside it.
#[derive(Debug, Clone)]
pub(super) struct Vectors {
    file: Arc<BlockFile>,
    model: String,
    width: u32,
    mean: Arc<[f32]>,
    rows: Range<usize>,
    scales: Range<usize>,
    codes: Range<usize>,
}

impl Vectors {
    pub(super) fn read(file: Arc<BlockFile>, model: String, chunks: u32, width: u32) -> Result<Self, Damage> {
        let mean =
            file.bytes(file.section(*b"mean")?)?.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        let vectors = Self {
            mean: mean.collect(),
            rows: file.section(*b"vecs")?,
            scales: file.section(*b"vscl")?,
            codes: file.section(*b"code")?,
            model,
            width,
            file,
        };
        let (n, w) = (chunks as usize, width as usize);
        let fits = vectors.rows.len() == n * w
            && vectors.scales.len() == n * 2
            && vectors.codes.len() == n * w / 8
            && vectors.mean.len() == w
            && w.is_multiple_of(64);
        if fits { Ok(vectors) } else { Err(vectors.file.damage("its sections contradict its description")) }
    }

    fn part(&self, section: &Range<usize>, from: usize, len: usize) -> Result<&[u8], Damage> {
        self.file.bytes(span(&self.file, section, from, len)?)
    }
}

#[inline]
fn span(file: &BlockFile, section: &Range<usize>, from: usize, len: usize) -> Result<Range<usize>, Damage> {
    let start = section.start.saturating_add(from);
    let end = start.saturating_add(len);
    if end > section.end {
        return Err(file.damage("an offset points outside its section"));
    }
    Ok(start..end)
}

/// A mapped segment, with the vectors that are looked at.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    file: Arc<BlockFile>,
    /// Model and width are those of the vectors that are looked at.
    meta: SegmentMeta,
    own: Vectors,
    shown: Vectors,
    prepared: Arc<OnceLock<Prepared>>,
    text: Range<usize>,
    text_offsets: Range<usize>,
    docs: Range<usize>,
    lengths: Range<usize>,
    postings: Range<usize>,
    terms: Range<usize>,
}

struct Prepared(DecoderDictionary<'static>);

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}

impl Segment {
    /// Maps a segment.
    pub(super) fn open(path: &Path) -> Result<Self, Damage> {
        let file = Arc::new(BlockFile::open(path)?);
        let meta: SegmentMeta = serde_json::from_slice(file.bytes(file.section(*b"meta")?)?)
            .map_err(|e| file.damage(format!("its description cannot be read: {e}")))?;
        let own = Vectors::read(Arc::clone(&file), meta.model.clone(), meta.chunks, meta.width)?;
        let segment = Self {
            shown: own.clone(),
            own,
            prepared: Arc::default(),
            text: file.section(*b"text")?,
            text_offsets: file.section(*b"toff")?,
            docs: file.section(*b"docs")?,
            lengths: file.section(*b"lens")?,
            postings: file.section(*b"post")?,
            terms: file.section(DICTIONARY)?,
            meta,
            file,
        };
        segment.check_sizes()?;
        Ok(segment)
    }

    fn check_sizes(&self) -> Result<(), Damage> {
        let n = self.meta.chunks as usize;
        let fits = self.text_offsets.len() == (n + 1) * 4
            && self.docs.len().is_multiple_of(DOC_ENTRY)
            && self.lengths.len() == n * 2;
        if fits { Ok(()) } else { Err(self.file.damage("its sections contradict its description")) }
    }

    pub(super) fn file(&self) -> &BlockFile {
        &self.file
    }

    /// The file of the vectors that are looked at.
    pub(super) fn vector_file(&self) -> &BlockFile {
        &self.shown.file
    }

    /// The model of the vectors inside it.
    pub(super) fn own_model(&self) -> &str {
        &self.own.model
    }

    /// True where the vectors inside it are looked at.
    pub(super) fn is_plain(&self) -> bool {
        Arc::ptr_eq(&self.file, &self.shown.file)
    }

    /// The same with its own vectors.
    pub(super) fn plain(&self) -> Self {
        self.with(self.own.clone())
    }

    /// The same with other vectors of the same chunks.
    pub(super) fn with(&self, vectors: Vectors) -> Self {
        let meta = SegmentMeta { model: vectors.model.clone(), width: vectors.width, ..self.meta.clone() };
        Self { meta, shown: vectors, ..self.clone() }
    }

    pub(super) fn meta(&self) -> &SegmentMeta {
        &self.meta
    }

    pub(super) fn chunks(&self) -> u32 {
        self.meta.chunks
    }

    pub(super) fn width(&self) -> usize {
        self.meta.width as usize
    }

    pub(super) fn mean(&self) -> &[f32] {
        &self.shown.mean
    }

    fn part(&self, section: &Range<usize>, from: usize, len: usize) -> Result<&[u8], Damage> {
        self.file.bytes(self.span(section, from, len)?)
    }

    #[inline]
    fn span(&self, section: &Range<usize>, from: usize, len: usize) -> Result<Range<usize>, Damage> {
        span(&self.file, section, from, len)
    }

    /// int8 rows of some consecutive chunks.
    pub(super) fn rows(&self, chunks: Range<usize>) -> Result<&[i8], Damage> {
        let w = self.width();
        Ok(simd::as_i8(self.shown.part(&self.shown.rows, chunks.start * w, chunks.len() * w)?))
    }

    /// Fetches a chunk's row and scale while other work goes on.
    #[inline]
    pub(super) fn prefetch_row(&self, chunk: usize) {
        self.shown.file.prefetch(self.shown.rows.start + chunk * self.meta.width as usize);
        self.shown.file.prefetch(self.shown.scales.start + chunk * 2);
    }

    /// f16 scales of some consecutive chunks, two bytes each.
    pub(super) fn scales(&self, chunks: Range<usize>) -> Result<&[u8], Damage> {
        self.shown.part(&self.shown.scales, chunks.start * 2, chunks.len() * 2)
    }

    /// 1-bit codes of some consecutive chunks.
    pub(super) fn codes(&self, chunks: Range<usize>) -> Result<&[u8], Damage> {
        let bytes = self.width() / 8;
        self.shown.part(&self.shown.codes, chunks.start * bytes, chunks.len() * bytes)
    }

    /// Lengths of all chunks, two bytes each.
    pub(super) fn lengths(&self) -> Result<&[u8], Damage> {
        self.part(&self.lengths, 0, self.lengths.len())
    }

    /// The term dictionary.
    pub(super) fn terms(&self) -> Result<Dictionary<'_>, Damage> {
        Dictionary::open(&self.file, &self.terms)
    }

    /// The posting list that begins at `offset`; no more of the file is verified than the list has.
    pub(super) fn list(&self, offset: u64) -> Result<ListReader<'_>, Damage> {
        let damaged = || self.file.damage("a posting list cannot be read");
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let most = self.postings.len().saturating_sub(offset);
        let mut length = most.min(8);
        loop {
            let bytes = self.part(&self.postings, offset, length)?;
            let extent = ListReader::extent(bytes).ok_or_else(damaged)?.min(most);
            if extent <= length {
                return ListReader::new(bytes).ok_or_else(damaged);
            }
            length = extent;
        }
    }

    /// How many chunks the list at `offset` has.
    pub(super) fn df(&self, offset: u64) -> Result<u32, Damage> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let head = self.part(&self.postings, offset, self.postings.len().saturating_sub(offset).min(5))?;
        ListReader::df_of(head).ok_or_else(|| self.file.damage("a posting list cannot be read"))
    }

    /// Documents: (id, first chunk, chunks).
    pub(super) fn document(&self, ordinal: usize) -> Result<(u64, u32, u32), Damage> {
        let entry = self.part(&self.docs, ordinal * DOC_ENTRY, DOC_ENTRY)?;
        Ok((
            read_u64(entry, 0).unwrap_or(0),
            read_u32(entry, 8).unwrap_or(0),
            read_u32(entry, 12).unwrap_or(0),
        ))
    }

    pub(super) fn documents(&self) -> usize {
        self.docs.len() / DOC_ENTRY
    }

    /// First ordinal for which `before` does not hold.
    fn partition(&self, before: impl Fn((u64, u32, u32)) -> bool) -> Result<usize, Damage> {
        let (mut low, mut high) = (0, self.documents());
        while low < high {
            let middle = usize::midpoint(low, high);
            if before(self.document(middle)?) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// The document that a chunk belongs to.
    pub(super) fn document_of(&self, chunk: u32) -> Result<u64, Damage> {
        let after = self.partition(|(_, first, _)| first <= chunk)?;
        Ok(self.document(after.saturating_sub(1))?.0)
    }

    /// Chunks of a document, if the segment has any.
    pub(super) fn chunks_of(&self, document: u64) -> Result<Option<Range<u32>>, Damage> {
        let at = self.partition(|(id, _, _)| id < document)?;
        if at == self.documents() {
            return Ok(None);
        }
        let (id, first, count) = self.document(at)?;
        Ok((id == document).then(|| first..first.saturating_add(count)))
    }

    fn prepared(&self) -> Result<&DecoderDictionary<'static>, Damage> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(&prepared.0);
        }
        let prepared = Prepared(DecoderDictionary::copy(self.dictionary()?));
        Ok(&self.prepared.get_or_init(|| prepared).0)
    }

    /// The dictionary that the text was compressed with; empty when there is none.
    pub(super) fn dictionary(&self) -> Result<&[u8], Damage> {
        self.file.bytes(self.file.section(*b"dict")?)
    }

    /// A record as it is stored, read into `buffer`: text is most of a segment, and mapping it would fill memory.
    pub(super) fn packed_record<'b>(&self, chunk: u32, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Damage> {
        let ends = self.part(&self.text_offsets, chunk as usize * 4, 8)?;
        let (from, to) = (read_u32(ends, 0).unwrap_or(0) as usize, read_u32(ends, 4).unwrap_or(0) as usize);
        self.file.read(self.span(&self.text, from, to.saturating_sub(from))?, buffer)
    }

    /// The record's bytes before they were compressed.
    pub(super) fn raw_record<'a>(
        &'a self,
        reader: &mut TextReader<'a>,
        chunk: u32,
    ) -> Result<Vec<u8>, Damage> {
        let mut buffer = std::mem::take(&mut reader.buffer);
        let unpacked = reader
            .unpack(self.prepared()?, self.packed_record(chunk, &mut buffer)?)
            .map_err(|e| self.file.damage(format!("passage {chunk} cannot be unpacked: {e}")));
        reader.buffer = buffer;
        unpacked
    }

    pub(super) fn record<'a>(
        &'a self,
        reader: &mut TextReader<'a>,
        chunk: u32,
    ) -> Result<ChunkRecord, Damage> {
        let bytes = self.raw_record(reader, chunk)?;
        codec::decode_body(&bytes).map_err(|e| self.file.damage(format!("passage {chunk}: {e}")))
    }
}
