//! Builds a segment in memory, chunk by chunk, within the index buffer; merges segments into a larger one.
//!
//! Invariant: memory is what [`SegmentBuilder::held`] says; a file is complete and synced, or not there.

use std::io::{self, Write};
use std::path::Path;

use fst::MapBuilder;
use half::f16;

use super::analysis::{Language, Stems, words};
use super::postings::{ListReader, ListWriter, get_varint, put_varint};
use super::quantize;
use super::record::ChunkRecord;
use super::segment::SegmentMeta;
use super::simd;
use super::text::{TextWriter, Texts};
use super::word_map::WordMap;
use crate::store::{BlockFileWriter, codec};

/// How much more a word of the title, or of a heading, counts than one of the text.
const TITLE_WEIGHT: u8 = 2;
const HEADING_WEIGHT: u8 = 1;

#[derive(Default)]
struct TermList {
    bytes: Vec<u8>,
    next: u32,
}

/// One term of one chunk while it is counted.
#[derive(Clone, Copy)]
struct Seen {
    term: u32,
    weight: u8,
}

/// A segment in the making.
pub(super) struct SegmentBuilder {
    model: String,
    width: usize,
    terms: WordMap<u32>,
    /// Words already stemmed, for this language.
    known: WordMap<u32>,
    stems: Stems,
    language: Language,
    languages: Vec<Language>,
    lists: Vec<TermList>,
    list_bytes: usize,
    seen: Vec<Seen>,
    lengths: Vec<u16>,
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
            terms: WordMap::new(),
            known: WordMap::new(),
            stems: Stems::new(Language::English),
            language: Language::English,
            languages: Vec::new(),
            lists: Vec::new(),
            list_bytes: 0,
            seen: Vec::new(),
            lengths: Vec::new(),
            documents: Vec::new(),
            vectors: Vec::new(),
            scales: Vec::new(),
            sums: vec![0.0; width],
            texts: TextWriter::new(Vec::new(), dictionary)?,
            text_bytes: 0,
        })
    }

    pub(super) fn chunks(&self) -> usize {
        self.lengths.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Bytes of memory held, about.
    pub(super) fn held(&self) -> usize {
        let lists = self.lists.len() * size_of::<TermList>() + self.list_bytes * 3 / 2;
        let tables = self.terms.held() + self.known.held();
        lists + tables + self.vectors.len() + self.scales.len() * 8 + self.text_bytes / 3 + self.texts.held()
    }

    /// Adds a chunk. Chunks of one document come one after the other, documents by ascending id.
    pub(super) fn push(
        &mut self,
        document: u64,
        language: Language,
        record: &ChunkRecord,
        vector: &[f32],
    ) -> io::Result<()> {
        let chunk = u32::try_from(self.lengths.len()).map_err(io::Error::other)?;
        self.set_language(language);
        self.count_terms(record);
        self.post_terms(chunk);
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

    fn set_language(&mut self, language: Language) {
        if self.language != language {
            self.language = language;
            self.stems = Stems::new(language);
            self.known.clear();
        }
        if !self.languages.contains(&language) {
            self.languages.push(language);
        }
    }

    fn count_terms(&mut self, record: &ChunkRecord) {
        self.seen.clear();
        self.count(&record.title, TITLE_WEIGHT);
        for heading in &record.heading {
            self.count(heading, HEADING_WEIGHT);
        }
        self.count(&record.text, 1);
        self.seen.sort_unstable_by_key(|seen| seen.term);
    }

    fn count(&mut self, text: &str, weight: u8) {
        let Self { terms, known, stems, lists, seen, .. } = self;
        words(text, |word| {
            let term = match known.get(word.text) {
                Some(term) => term,
                None => {
                    let stem = stems.term(&word);
                    let term = match terms.get(stem.as_ref()) {
                        Some(term) => term,
                        None => {
                            #[allow(clippy::cast_possible_truncation)] // the buffer is far below 2^32 terms
                            let term = lists.len() as u32;
                            lists.push(TermList::default());
                            terms.insert(&stem, term);
                            term
                        }
                    };
                    known.insert(word.text, term);
                    term
                }
            };
            seen.push(Seen { term, weight });
        });
    }

    /// Moves what was counted into the lists: varint (gap << 1 | tf == 1) [· tf].
    fn post_terms(&mut self, chunk: u32) {
        let mut length = 0u32;
        for run in self.seen.chunk_by(|a, b| a.term == b.term) {
            let tf = run.iter().map(|seen| u32::from(seen.weight)).sum::<u32>();
            length += tf;
            let (Some(first), tf) = (run.first(), tf.min(255)) else { continue };
            let list = &mut self.lists[first.term as usize];
            let before = list.bytes.len();
            put_varint(&mut list.bytes, (chunk - list.next) << 1 | u32::from(tf == 1));
            if tf > 1 {
                put_varint(&mut list.bytes, tf);
            }
            list.next = chunk + 1;
            self.list_bytes += list.bytes.len() - before;
        }
        self.lengths.push(u16::try_from(length).unwrap_or(u16::MAX));
    }

    /// Writes the segment; returns the file's length.
    pub(super) fn write(self, path: &Path) -> io::Result<u64> {
        let Self {
            model,
            width,
            terms,
            lists,
            lengths,
            documents,
            vectors,
            scales,
            sums,
            texts,
            languages,
            ..
        } = self;
        let texts = texts.finish()?;
        let mut out = BlockFileWriter::create(path)?;
        out.section(*b"text")?;
        out.write_all(&texts.out)?;
        write_text_tables(&mut out, &texts)?;
        let meta =
            meta(&lengths, width, model, &languages.iter().map(|l| l.code().to_owned()).collect::<Vec<_>>())?;
        write_chunk_tables(&mut out, &meta, &documents, &lengths)?;
        out.section(*b"vecs")?;
        out.write_all(simd::as_u8(&vectors))?;
        out.section(*b"vscl")?;
        scales.iter().try_for_each(|scale| out.write_all(&scale.to_le_bytes()))?;
        #[allow(clippy::cast_precision_loss)] // a count
        let mean: Vec<f32> = sums.iter().map(|sum| sum / lengths.len().max(1) as f32).collect();
        write_mean(&mut out, &mean)?;
        write_codes(&mut out, &vectors, &scales, &mean)?;
        drop((vectors, scales));
        write_lists(&mut out, terms, &lists, &lengths)?;
        out.finish()
    }
}

fn meta(lengths: &[u16], width: usize, model: String, languages: &[String]) -> io::Result<SegmentMeta> {
    Ok(SegmentMeta {
        chunks: u32::try_from(lengths.len()).map_err(io::Error::other)?,
        width: u32::try_from(width).map_err(io::Error::other)?,
        model,
        terms_total: lengths.iter().map(|l| u64::from(*l)).sum(),
        languages: languages.to_vec(),
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

/// Posting lists in order of their terms, then the dictionary that points at them.
fn write_lists(
    out: &mut BlockFileWriter,
    terms: WordMap<u32>,
    lists: &[TermList],
    lengths: &[u16],
) -> io::Result<()> {
    let mut order: Vec<(Box<str>, u32)> = terms.into_words().collect();
    order.sort_unstable();
    let mut sink = ListSink::new(out)?;
    let mut writer = ListWriter::default();
    for (term, list) in order {
        let bytes = lists.get(list as usize).map_or(&[][..], |l| &l.bytes);
        let (mut at, mut next) = (0, 0u32);
        while let Some(code) = get_varint(bytes, &mut at) {
            let chunk = next + (code >> 1);
            let tf = if code & 1 == 1 { 1 } else { get_varint(bytes, &mut at).unwrap_or(1) };
            let length = lengths.get(chunk as usize).copied().unwrap_or(0);
            writer.push(chunk, u8::try_from(tf).unwrap_or(u8::MAX), length);
            next = chunk + 1;
        }
        sink.add(term.as_bytes(), &mut writer)?;
    }
    sink.finish()
}

/// Writes lists into `post` and keeps their dictionary in memory until its section can follow.
pub(super) struct ListSink<'a> {
    out: &'a mut BlockFileWriter,
    dictionary: MapBuilder<Vec<u8>>,
    buffer: Vec<u8>,
}

impl<'a> ListSink<'a> {
    pub(super) fn new(out: &'a mut BlockFileWriter) -> io::Result<Self> {
        out.section(*b"post")?;
        Ok(Self {
            out,
            dictionary: MapBuilder::new(Vec::new()).map_err(io::Error::other)?,
            buffer: Vec::new(),
        })
    }

    /// Ends the list in `writer` under its term; an empty list leaves no trace.
    pub(super) fn add(&mut self, term: impl AsRef<[u8]>, writer: &mut ListWriter) -> io::Result<()> {
        self.buffer.clear();
        let offset = self.out.section_len();
        if writer.finish(&mut self.buffer) > 0 {
            self.dictionary.insert(term, offset).map_err(io::Error::other)?;
            self.out.write_all(&self.buffer)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let bytes = self.dictionary.into_inner().map_err(io::Error::other)?;
        self.out.section(*b"tfst")?;
        self.out.write_all(&bytes)
    }
}

/// Adds one list to another under construction, its chunks renumbered; dropped ones are left out.
pub(super) fn append_list(
    reader: &mut ListReader<'_>,
    renumber: impl Fn(u32) -> Option<u32>,
    lengths: &[u16],
    writer: &mut ListWriter,
) {
    let mut more = reader.skip_to(0);
    while more {
        let (chunks, tfs) = reader.postings();
        for (chunk, tf) in chunks.iter().zip(tfs) {
            if let Some(new) = renumber(*chunk) {
                let length = lengths.get(new as usize).copied().unwrap_or(0);
                writer.push(new, u8::try_from(*tf).unwrap_or(u8::MAX), length);
            }
        }
        more = reader.next_block();
    }
}
