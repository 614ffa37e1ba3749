//! Static token-embedding models: a mapped vocabulary and a mapped int8 table (Model2Vec recipe).
//!
//! Sections of the block file: `meta` JSON ([`ModelMeta`]) · `slot` u32 per hash slot (row + 1, 0 is empty;
//! FNV-1a, linear probing) · `offs` u32 per row and one more, into `strs` · `scal` f16 per row (the row's
//! scale times its SIF weight) · `rows` int8, row-major, columns in order of variance · `nrof` u32 per row
//! and one more, into `near` · `near` u32 per neighbour (row << 7 | cosine * 127).
//!
//! Sentence vector = normalise(sum over tokens of scale x row), over a prefix of the columns.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use half::f16;
use serde::{Deserialize, Serialize};

use super::simd::{self, Kernel};
use super::tokenize::{self, Vocabulary};
use crate::base::InOrder;
use crate::store::{BlockFile, BlockFileWriter, Damage, read_u32};

/// Tokens of one text that are read; a chunk has about 200.
pub(super) const TOKEN_LIMIT: usize = 512;
/// Vocabulary words with cosine at least this are neighbours (soft BM25).
const NEAR_COSINE: f32 = 0.6;
pub(super) const NEAR_KEPT: usize = 12;

/// What is known of a model, kept inside its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelMeta {
    pub name: String,
    pub source: String,
    pub licence: String,
    pub rows: u32,
    pub columns: u32,
}

/// A mapped model; every lookup touches only its rows.
#[derive(Debug)]
pub struct Model {
    file: BlockFile,
    meta: ModelMeta,
    slots: Range<usize>,
    offsets: Range<usize>,
    strings: Range<usize>,
    scales: Range<usize>,
    rows: Range<usize>,
    near_offsets: Range<usize>,
    near: Range<usize>,
}

impl Model {
    /// Maps a model file.
    ///
    /// # Errors
    /// [`Damage`] when it is not a model file, or its tables contradict each other.
    pub fn open(path: &Path) -> Result<Self, Damage> {
        let file = BlockFile::open(path)?;
        let meta: ModelMeta = serde_json::from_slice(file.bytes(file.section(*b"meta")?)?)
            .map_err(|e| file.damage(format!("its description cannot be read: {e}")))?;
        let (rows, columns) = (meta.rows as usize, meta.columns as usize);
        let model = Self {
            slots: file.section(*b"slot")?,
            offsets: file.section(*b"offs")?,
            strings: file.section(*b"strs")?,
            scales: file.section(*b"scal")?,
            rows: file.section(*b"rows")?,
            near_offsets: file.section(*b"nrof")?,
            near: file.section(*b"near")?,
            meta,
            file,
        };
        let whole = model.slots.len().is_multiple_of(4)
            && (model.slots.len() / 4).is_power_of_two()
            && model.slots.len() / 4 > rows
            && model.offsets.len() == (rows + 1) * 4
            && model.near_offsets.len() == (rows + 1) * 4
            && model.scales.len() == rows * 2
            && model.rows.len() == rows * columns
            && columns.is_multiple_of(32)
            && (32..=1024).contains(&columns);
        if whole { Ok(model) } else { Err(model.file.damage("its sections contradict its description")) }
    }

    #[must_use]
    pub fn meta(&self) -> &ModelMeta {
        &self.meta
    }

    /// The file behind it, for checks.
    #[must_use]
    pub fn file(&self) -> &BlockFile {
        &self.file
    }

    /// Columns to use when `wanted` are asked for.
    #[must_use]
    pub fn width(&self, wanted: u32) -> usize {
        wanted.min(self.meta.columns).max(32) as usize / 32 * 32
    }

    fn u32_at(&self, section: &Range<usize>, index: usize) -> Result<u32, Damage> {
        let at = section.start + index * 4;
        if at + 4 > section.end {
            return Err(self.file.damage("an offset points outside its section"));
        }
        Ok(read_u32(self.file.bytes(at..at + 4)?, 0).unwrap_or(0))
    }

    fn text_of(&self, row: usize) -> Result<&[u8], Damage> {
        let (from, to) = (self.u32_at(&self.offsets, row)?, self.u32_at(&self.offsets, row + 1)?);
        let span = self.strings.start + from as usize..self.strings.start + to as usize;
        if span.end > self.strings.end {
            return Err(self.file.damage("a piece points outside its section"));
        }
        self.file.bytes(span)
    }

    fn row(&self, row: u32, width: usize) -> Result<(&[i8], f32), Damage> {
        let (row, columns) = (row as usize, self.meta.columns as usize);
        let at = self.rows.start + row * columns;
        let scale = self.scales.start + row * 2;
        let values = self.file.bytes(at..at + width)?;
        let scale = self.file.bytes(scale..scale + 2)?;
        Ok((simd::as_i8(values), f16::from_le_bytes([scale[0], scale[1]]).to_f32()))
    }

    /// Adds the text's token rows into a unit vector of `width` columns; returns the tokens read.
    /// The vector is zero when no token is known.
    ///
    /// # Errors
    /// [`Damage`] when a block that it needs is damaged.
    pub fn embed(&self, text: &str, out: &mut [f32], rows: &mut Vec<u32>) -> Result<usize, Damage> {
        rows.clear();
        tokenize::tokenize(text, self, TOKEN_LIMIT, rows)?;
        self.sum(rows, out)?;
        Ok(rows.len())
    }

    /// The unit vector of some rows' sum; zero when there are none.
    pub(super) fn sum(&self, rows: &[u32], out: &mut [f32]) -> Result<(), Damage> {
        out.fill(0.0);
        for &row in rows {
            let (values, scale) = self.row(row, out.len())?;
            for (sum, value) in out.iter_mut().zip(values) {
                *sum += scale * f32::from(*value);
            }
        }
        let norm = out.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            out.iter_mut().for_each(|x| *x /= norm);
        }
        Ok(())
    }

    /// Vocabulary words that mean nearly the same as `word`, nearest first, with their cosine.
    ///
    /// # Errors
    /// [`Damage`] when a block that it needs is damaged.
    pub fn neighbours(&self, word: &str) -> Result<Vec<(String, f32)>, Damage> {
        let Some(row) = self.piece(word, true)? else { return Ok(Vec::new()) };
        let (from, to) = (
            self.u32_at(&self.near_offsets, row as usize)?,
            self.u32_at(&self.near_offsets, row as usize + 1)?,
        );
        let mut found = Vec::new();
        for index in from..to {
            let entry = self.u32_at(&self.near, index as usize)?;
            let text = self.text_of((entry >> 7) as usize)?;
            #[allow(clippy::cast_precision_loss)] // 7 bits
            found.push((String::from_utf8_lossy(text).into_owned(), (entry & 127) as f32 / 127.0));
        }
        Ok(found)
    }
}

/// Bytes of the longest piece that is looked for.
pub(super) const LONGEST_PIECE: usize = 64;

/// FNV-1a of a piece; one that goes on with a word has another seed than one that begins it.
pub(super) fn piece_hash(first: bool, piece: &[u8]) -> u64 {
    piece_hashes_of(first, piece).last().unwrap_or(0)
}

/// [`piece_hash`] of every beginning of `text`, the first byte alone first.
#[inline]
pub(super) fn piece_hashes_of(first: bool, text: &[u8]) -> impl Iterator<Item = u64> {
    let mut hash: u64 = if first { 0xcbf2_9ce4_8422_2325 } else { 0x9e37_79b9_7f4a_7c15 };
    text.iter().map(move |byte| {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        hash ^ (hash >> 29)
    })
}

/// A piece as it stands in the vocabulary: whether it begins a word, and its letters.
fn read_piece(text: &[u8]) -> (bool, &[u8]) {
    match text.strip_prefix(b"##") {
        Some(rest) if !rest.is_empty() => (false, rest),
        _ => (true, text),
    }
}

impl Model {
    /// [`Vocabulary::piece`] for those who know the hash.
    #[allow(clippy::cast_possible_truncation)] // masked
    pub(super) fn find_piece(&self, piece: &str, first: bool, hash: u64) -> Result<Option<u32>, Damage> {
        let mask = self.slots.len() / 4 - 1;
        let mut slot = hash as usize & mask;
        for _ in 0..=mask {
            let row = self.u32_at(&self.slots, slot)?;
            let Some(row) = row.checked_sub(1) else { return Ok(None) };
            if read_piece(self.text_of(row as usize)?) == (first, piece.as_bytes()) {
                return Ok(Some(row));
            }
            slot = (slot + 1) & mask;
        }
        Ok(None)
    }

    /// The hashes of all pieces.
    pub(super) fn piece_hashes(&self, mut each: impl FnMut(u64)) -> Result<(), Damage> {
        for row in 0..self.meta.rows as usize {
            let (first, text) = read_piece(self.text_of(row)?);
            each(piece_hash(first, text));
        }
        Ok(())
    }
}

impl Vocabulary for Model {
    #[inline]
    fn piece(&self, piece: &str, first: bool) -> Result<Option<u32>, Damage> {
        self.find_piece(piece, first, piece_hash(first, piece.as_bytes()))
    }

    fn longest(&self) -> usize {
        LONGEST_PIECE
    }
}

/// A model about to be written: pieces in row order (`##` marks continuations), f32 rows, a weight per row.
pub struct ModelSource {
    pub name: String,
    pub source: String,
    pub licence: String,
    /// Columns of `table`; neighbours are found with all of them.
    pub columns: usize,
    /// Columns that the file keeps: a prefix.
    pub kept: usize,
    /// Steps of the kept values on either side of zero, at most 127: fewer compress better.
    pub levels: u8,
    pub pieces: Vec<String>,
    pub table: Vec<f32>,
    pub weights: Vec<f32>,
}

/// Quantizes and writes a model file.
///
/// # Errors
/// What the file system says.
pub fn write_model(path: &Path, source: &ModelSource) -> io::Result<()> {
    let quantized = Quantized::new(source, source.kept, source.levels);
    let meta = serde_json::to_vec(&ModelMeta {
        name: source.name.clone(),
        source: source.source.clone(),
        licence: source.licence.clone(),
        rows: u32::try_from(source.pieces.len()).map_err(io::Error::other)?,
        columns: u32::try_from(source.kept).map_err(io::Error::other)?,
    })?;
    let near = neighbour_lists(&source.pieces, &Quantized::new(source, source.columns, 127), source.columns);
    let pieces: Vec<&str> = source.pieces.iter().map(String::as_str).collect();
    write_sections(
        path,
        &Sections {
            meta: &meta,
            pieces: &pieces,
            scales: &quantized.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect::<Vec<u8>>(),
            rows: simd::as_u8(&quantized.rows),
            near_counts: near.iter().map(Vec::len).collect(),
            near: &near.iter().flatten().flat_map(|near| near.to_le_bytes()).collect::<Vec<u8>>(),
        },
    )
}

/// What a model file is written from; all else in it follows.
pub(super) struct Sections<'a> {
    pub(super) meta: &'a [u8],
    pub(super) pieces: &'a [&'a str],
    pub(super) scales: &'a [u8],
    pub(super) rows: &'a [u8],
    /// Neighbours of each piece.
    pub(super) near_counts: Vec<usize>,
    pub(super) near: &'a [u8],
}

pub(super) fn write_sections(path: &Path, of: &Sections<'_>) -> io::Result<()> {
    let mut out = BlockFileWriter::create(path)?;
    out.section(*b"meta")?;
    out.write_all(of.meta)?;
    out.section(*b"slot")?;
    write_u32s(&mut out, hash_slots(of.pieces))?;
    out.section(*b"offs")?;
    write_u32s(&mut out, running_total(of.pieces.iter().map(|piece| piece.len())))?;
    out.section(*b"strs")?;
    of.pieces.iter().try_for_each(|piece| out.write_all(piece.as_bytes()))?;
    out.section(*b"scal")?;
    out.write_all(of.scales)?;
    out.section(*b"rows")?;
    out.write_all(of.rows)?;
    out.section(*b"nrof")?;
    write_u32s(&mut out, running_total(of.near_counts.iter().copied()))?;
    out.section(*b"near")?;
    out.write_all(of.near)?;
    out.finish().map(drop)
}

fn write_u32s(out: &mut impl Write, values: impl IntoIterator<Item = u32>) -> io::Result<()> {
    values.into_iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}

fn running_total(lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut total = 0u32;
    let mut out = vec![0];
    for length in lengths {
        total = total.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
        out.push(total);
    }
    out
}

#[allow(clippy::cast_possible_truncation)] // masked, and rows fit u32
fn hash_slots(pieces: &[&str]) -> Vec<u32> {
    let size = (pieces.len() * 2).next_power_of_two().max(2);
    let mut slots = vec![0u32; size];
    for (row, piece) in pieces.iter().enumerate() {
        let (first, text) = match piece.strip_prefix("##") {
            Some(rest) if !rest.is_empty() => (false, rest),
            _ => (true, *piece),
        };
        let mut slot = piece_hash(first, text.as_bytes()) as usize & (size - 1);
        while slots[slot] != 0 {
            slot = (slot + 1) & (size - 1);
        }
        slots[slot] = row as u32 + 1;
    }
    slots
}

/// int8 rows; `scales` has the weight folded in, `norms` is the length of each int8 row.
struct Quantized {
    rows: Vec<i8>,
    scales: Vec<f16>,
    norms: Vec<f32>,
}

impl Quantized {
    #[allow(clippy::cast_possible_truncation)] // rounded into -127..=127
    fn new(source: &ModelSource, columns: usize, levels: u8) -> Self {
        let levels = f32::from(levels.clamp(1, 127));
        let highest = source.weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let mut out =
            Self { rows: Vec::with_capacity(source.table.len()), scales: Vec::new(), norms: Vec::new() };
        for (row, weight) in source.table.chunks_exact(source.columns).zip(&source.weights) {
            let row = row.get(..columns).unwrap_or(row);
            let peak = row.iter().fold(0f32, |m, x| m.max(x.abs()));
            let step = if peak > 0.0 { peak / levels } else { 1.0 };
            let start = out.rows.len();
            out.rows.extend(row.iter().map(|x| (x / step).round() as i8));
            // A weight of zero (special tokens) silences the row; the common factor keeps f16 in its range.
            out.scales.push(f16::from_f32(step * weight / highest));
            out.norms.push(out.rows[start..].iter().map(|x| f32::from(*x).powi(2)).sum::<f32>().sqrt());
        }
        out
    }
}

/// For every whole word of the vocabulary, its nearest other words.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn neighbour_lists(pieces: &[String], quantized: &Quantized, columns: usize) -> Vec<Vec<u32>> {
    let words: Vec<usize> = (0..pieces.len())
        .filter(|&row| pieces[row].len() > 2 && pieces[row].chars().all(char::is_alphabetic))
        .filter(|&row| quantized.norms[row] > 0.0 && quantized.scales[row] > f16::ZERO)
        .collect();
    let packed: Vec<i8> =
        words.iter().flat_map(|&row| &quantized.rows[row * columns..(row + 1) * columns]).copied().collect();
    let kernel = Kernel::detect();
    let mut dots = vec![0i32; words.len()];
    let mut lists = vec![Vec::new(); pieces.len()];
    for (at, &row) in words.iter().enumerate() {
        kernel.dots(&packed[at * columns..(at + 1) * columns], &packed, &mut dots);
        let mut near: Vec<(f32, usize)> = Vec::new();
        for (&other, &dot) in words.iter().zip(&dots) {
            let cosine = dot as f32 / (quantized.norms[row] * quantized.norms[other]);
            if cosine >= NEAR_COSINE && other != row {
                near.push((cosine, other));
            }
        }
        near.order_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        near.truncate(NEAR_KEPT);
        lists[row] = near
            .iter()
            .map(|&(cosine, other)| (other as u32) << 7 | (cosine.min(1.0) * 127.0) as u32)
            .collect();
    }
    lists
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn tiny(path: &Path) {
        write_tiny(path, 32, 0.0);
    }

    /// One with 64 columns, the second of which is turned.
    pub(crate) fn tiny_of(path: &Path, turn: u8) {
        write_tiny(path, 64, f32::from(turn));
    }

    fn write_tiny(path: &Path, columns: usize, turn: f32) {
        let wide = columns;
        let pieces: Vec<String> =
            ["[PAD]", "pump", "pumps", "valve", "##s", "leak"].iter().map(|s| (*s).to_owned()).collect();
        let mut table = vec![0f32; 6 * wide];
        for (row, (x, y)) in
            [(0.0, 0.0), (1.0, 0.0), (0.9, 0.1), (0.0, 1.0), (0.1, 0.1), (0.5, 0.5)].iter().enumerate()
        {
            table[row * wide] = *x;
            table[row * wide + 1] = *y + turn * *x;
        }
        let source = ModelSource {
            name: "tiny".into(),
            source: "test".into(),
            licence: "MIT".into(),
            columns,
            kept: columns,
            levels: 127,
            pieces,
            table,
            weights: vec![0.0, 1.0, 1.0, 1.0, 0.5, 1.0],
        };
        write_model(path, &source).unwrap();
    }

    #[test]
    fn a_model_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        tiny(&path);
        let model = Model::open(&path).unwrap();
        assert_eq!(model.piece("valve", true).unwrap(), Some(3));
        assert_eq!(model.piece("s", false).unwrap(), Some(4));
        assert_eq!(model.piece("s", true).unwrap(), None);
        let (mut a, mut rows) = (vec![0.0; 32], Vec::new());
        assert_eq!(model.embed("Valves!", &mut a, &mut rows).unwrap(), 2);
        assert!((a.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        let near = model.neighbours("pump").unwrap();
        assert_eq!(near[0].0, "pumps");
        assert!(near[0].1 > 0.95);
        assert_eq!(model.embed("", &mut a, &mut rows).unwrap(), 0);
        assert!(a.iter().all(|x| *x == 0.0));
    }
}
