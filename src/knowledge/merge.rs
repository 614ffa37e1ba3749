//! Merges neighbouring segments into one, leaving out what was removed; reads front to back, holds little.

use std::io::{self, Write};
use std::path::Path;

use half::f16;

use super::builder::{write_chunk_tables, write_codes, write_mean, write_text_tables};
use super::chunk_set::ChunkSet;
use super::dictionary::Cursor;
use super::list_builder::{ListSink, append_list};
use super::postings::ListWriter;
use super::segment::{Segment, SegmentMeta};
use super::simd;
use super::text::{TextReader, TextWriter};
use crate::base::InOrder;
use crate::store::{BlockFileWriter, Damage};

/// Chunks whose rows are copied at once.
const BATCH: usize = 1024;

/// One source with what was removed from it.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) segment: &'a Segment,
    pub(super) removed: Option<&'a ChunkSet>,
}

impl Source<'_> {
    fn keeps(&self, chunk: u32) -> bool {
        self.removed.is_none_or(|removed| !removed.contains(chunk))
    }

    fn kept(&self) -> impl Iterator<Item = u32> {
        (0..self.segment.chunks()).filter(|chunk| self.keeps(*chunk))
    }
}

/// Writes the merged segment; returns the file's length and its chunks.
pub(super) fn merge(sources: &[Source<'_>], path: &Path) -> io::Result<(u64, u32)> {
    let mut out = BlockFileWriter::create(path)?;
    write_texts(&mut out, sources)?;
    let (lengths, documents) = chunk_tables(sources)?;
    let chunks = u32::try_from(lengths.len()).map_err(io::Error::other)?;
    let first = sources.first().map(|source| source.segment.meta().clone()).unwrap_or_default();
    let mut languages: Vec<String> =
        sources.iter().flat_map(|s| s.segment.meta().languages.clone()).collect();
    languages.order();
    languages.dedup();
    let meta =
        SegmentMeta { chunks, terms_total: lengths.iter().map(|l| u64::from(*l)).sum(), languages, ..first };
    write_chunk_tables(&mut out, &meta, &documents, &lengths)?;
    write_vectors(&mut out, sources, meta.width as usize)?;
    write_lists(&mut out, sources, &lengths)?;
    Ok((out.finish()?, chunks))
}

fn write_texts(out: &mut BlockFileWriter, sources: &[Source<'_>]) -> io::Result<()> {
    out.section(*b"text")?;
    let largest = sources.iter().max_by_key(|source| source.segment.chunks());
    let dictionary = largest.map_or(Ok(&[][..]), |s| s.segment.dictionary()).map_err(io::Error::other)?;
    let mut texts = TextWriter::new(&mut *out, dictionary)?;
    let (mut reader, mut packed) = (TextReader::new()?, Vec::new());
    for source in sources {
        let own = source.segment.dictionary().map_err(io::Error::other)?;
        if own == dictionary && !own.is_empty() {
            for chunk in source.kept() {
                let record = source.segment.packed_record(chunk, &mut packed).map_err(io::Error::other)?;
                texts.push_packed(record)?;
            }
            continue;
        }
        for chunk in source.kept() {
            texts.push(&source.segment.raw_record(&mut reader, chunk).map_err(io::Error::other)?)?;
        }
    }
    let texts = texts.finish()?;
    let texts = super::text::Texts { out: (), offsets: texts.offsets, dictionary: texts.dictionary };
    write_text_tables(out, &texts)
}

type ChunkTables = (Vec<u16>, Vec<(u64, u32, u32)>);

fn chunk_tables(sources: &[Source<'_>]) -> io::Result<ChunkTables> {
    let (mut lengths, mut documents) = (Vec::new(), Vec::<(u64, u32, u32)>::new());
    for source in sources {
        let old = source.segment.lengths().map_err(io::Error::other)?.as_chunks::<2>().0;
        for ordinal in 0..source.segment.documents() {
            let (id, first, count) = source.segment.document(ordinal).map_err(io::Error::other)?;
            for chunk in (first..first.saturating_add(count)).filter(|chunk| source.keeps(*chunk)) {
                let new = u32::try_from(lengths.len()).map_err(io::Error::other)?;
                match documents.last_mut() {
                    Some((last, _, count)) if *last == id => *count += 1,
                    _ => documents.push((id, new, 1)),
                }
                lengths.push(old.get(chunk as usize).map_or(0, |l| u16::from_le_bytes(*l)));
            }
        }
    }
    Ok((lengths, documents))
}

fn write_vectors(out: &mut BlockFileWriter, sources: &[Source<'_>], width: usize) -> io::Result<()> {
    let mut mean = vec![0f64; width];
    let mut scales: Vec<f16> = Vec::new();
    out.section(*b"vecs")?;
    for_rows(sources, |row, scale| {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += f64::from(*value) * f64::from(scale.to_f32());
        }
        scales.push(scale);
        out.write_all(simd::as_u8(row))
    })?;
    out.section(*b"vscl")?;
    scales.iter().try_for_each(|scale| out.write_all(&scale.to_le_bytes()))?;
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // a mean of unit vectors
    let mean: Vec<f32> = mean.iter().map(|sum| (sum / scales.len().max(1) as f64) as f32).collect();
    write_mean(out, &mean)?;
    for_rows(sources, |row, scale| write_codes(out, row, &[scale], &mean))
}

fn for_rows(sources: &[Source<'_>], mut each: impl FnMut(&[i8], f16) -> io::Result<()>) -> io::Result<()> {
    for source in sources {
        let (width, chunks) = (source.segment.width(), source.segment.chunks() as usize);
        for start in (0..chunks).step_by(BATCH) {
            let span = start..(start + BATCH).min(chunks);
            let rows = source.segment.rows(span.clone()).map_err(io::Error::other)?;
            let scales = source.segment.scales(span.clone()).map_err(io::Error::other)?;
            for ((chunk, row), scale) in span.zip(rows.chunks_exact(width)).zip(scales.as_chunks::<2>().0) {
                if u32::try_from(chunk).is_ok_and(|chunk| source.keeps(chunk)) {
                    each(row, f16::from_le_bytes(*scale))?;
                }
            }
        }
    }
    Ok(())
}

/// New numbers of a source's chunks: an offset when nothing was removed, else the rank among the kept.
enum Renumber {
    Offset(u32),
    Ranks(Vec<u32>),
}

const DROPPED: u32 = u32::MAX;

impl Renumber {
    fn of(source: &Source<'_>, start: u32) -> (Self, u32) {
        if source.removed.is_none() {
            return (Self::Offset(start), start + source.segment.chunks());
        }
        let mut next = start;
        let ranks = (0..source.segment.chunks()).map(|chunk| {
            if source.keeps(chunk) {
                next += 1;
                next - 1
            } else {
                DROPPED
            }
        });
        let ranks = ranks.collect();
        (Self::Ranks(ranks), next)
    }

    fn get(&self, chunk: u32) -> Option<u32> {
        match self {
            Self::Offset(offset) => Some(chunk + offset),
            Self::Ranks(ranks) => ranks.get(chunk as usize).copied().filter(|rank| *rank != DROPPED),
        }
    }
}

fn write_lists(out: &mut BlockFileWriter, sources: &[Source<'_>], lengths: &[u16]) -> io::Result<()> {
    let mut renumbers = Vec::new();
    let mut start = 0;
    for source in sources {
        let (renumber, next) = Renumber::of(source, start);
        renumbers.push(renumber);
        start = next;
    }
    let mut cursors = sources
        .iter()
        .map(|source| {
            let mut cursor = source.segment.terms()?.cursor();
            cursor.step()?;
            Ok(cursor)
        })
        .collect::<Result<Vec<_>, Damage>>()
        .map_err(io::Error::other)?;
    let (mut sink, mut writer, mut term) = (ListSink::new(out)?, ListWriter::default(), Vec::new());
    while let Some(least) = cursors.iter().filter_map(Cursor::term).min() {
        term.clear();
        term.extend_from_slice(least);
        for ((cursor, source), renumber) in cursors.iter_mut().zip(sources).zip(&renumbers) {
            if cursor.term() == Some(&term) {
                let mut list = source.segment.list(cursor.list()).map_err(io::Error::other)?;
                append_list(&mut list, |chunk| renumber.get(chunk), lengths, &mut writer);
                cursor.step().map_err(io::Error::other)?;
            }
        }
        sink.add(&term, &mut writer)?;
    }
    sink.finish()
}
