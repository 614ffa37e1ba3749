//! The form in which the program carries its model: all that follows from the rest is left out (slots, offsets,
//! check values, one direction of who is near whom), and what is left is told by what is expected of it.
//!
//! ```text
//! length of meta, u32 LE · meta · bits: each piece, by the letters before · of each word the later ones near it,
//!          by who is near to those near it and by who is spelt alike · each row, by its column, by how loud it is
//!          so far and by the rows near it, and its scale, by its length and its rank
//! ```
//! `assets/model/pack.py` writes it with the same arithmetic: IEEE doubles, one operation after the other. What is
//! written are the sections of [`super::model`].

use std::io;
use std::path::Path;

use half::f16;

use super::known_bits::{KnownBits, hashed};
use super::model::{ModelMeta, NEAR_KEPT, Sections, write_sections};
use crate::base::InOrder;
use crate::store::read_u32;

/// More than any model that is worth carrying has of both.
const ROWS_MOST: u32 = 1 << 20;
const COLUMNS_MOST: u32 = 1024;
const PIECE_MOST: usize = 255;
/// Places in the alphabet to either side in which a word that is spelt alike is looked for.
const ALIKE: usize = 10;
/// Cosines, of 127, begin here.
const COSINE_LEAST: u8 = 64;
/// Rows that say what a row is like.
const EXAMPLES: usize = 8;

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the packed model is cut short")
}

/// Writes the model file that was packed.
///
/// # Errors
/// What the file system says, and what was packed in another way.
pub(super) fn unpack(packed: &[u8], path: &Path) -> io::Result<()> {
    let length = read_u32(packed, 0).ok_or_else(malformed)? as usize;
    let rest = packed.get(4..).ok_or_else(malformed)?;
    let (meta, bits) = rest.split_at_checked(length).ok_or_else(malformed)?;
    let ModelMeta { rows, columns, .. } = serde_json::from_slice(meta)?;
    if rows > ROWS_MOST || columns > COLUMNS_MOST {
        return Err(malformed());
    }
    let mut bits = KnownBits::new(bits).ok_or_else(malformed)?;
    let pieces = (0..rows).map(|_| piece(&mut bits)).collect::<io::Result<Vec<String>>>()?;
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    bits.forget();
    let near = neighbours(&mut bits, &pieces)?;
    let kept: Vec<Vec<u32>> = near.iter().map(|near| kept(&mut bits, near)).collect();
    bits.forget();
    let mut table = Table::new(columns as usize);
    near.iter().try_for_each(|near| table.read(&mut bits, near))?;
    write_sections(
        path,
        &Sections {
            meta,
            pieces: &pieces,
            scales: &table.scales,
            rows: &table.bytes,
            near_counts: kept.iter().map(Vec::len).collect(),
            near: &kept.iter().flatten().flat_map(|near| near.to_le_bytes()).collect::<Vec<u8>>(),
        },
    )
}

fn piece(bits: &mut KnownBits<'_>) -> io::Result<String> {
    let (mut piece, mut before) = (Vec::new(), 0u64);
    loop {
        let mut node = 1u64;
        while node < 256 {
            let context = |order: u64| hashed((before & ((1 << (8 * order)) - 1)) << 10 | order << 8 | node);
            let bit = bits.mixed([context(0), context(1), context(2), context(3)]);
            node = node << 1 | u64::from(bit);
        }
        let [letter, ..] = node.to_le_bytes();
        if letter == b'\n' {
            return String::from_utf8(piece).map_err(|_| malformed());
        }
        if piece.len() == PIECE_MOST || bits.over() {
            return Err(malformed());
        }
        piece.push(letter);
        before = before << 8 | u64::from(letter);
    }
}

/// A row that is near to one, and their cosine, of 127.
type Near = (usize, u8);

/// What speaks for two words to be near.
#[derive(Clone, Copy, Default)]
struct Signs {
    /// Words that both are near to, and how near at best.
    common: usize,
    best: usize,
    /// How much of their letters they share.
    alike: usize,
}

const COUNTS: usize = 0;
const GAPS: usize = 28 * 512;
const COSINES: usize = GAPS + 512;
const FLAGS: usize = COSINES + 14 * 64;
const TIES: usize = FLAGS + 54 * 64;

/// For every row all that are near it: the nearest first, of those that are as near the lower first.
fn neighbours(bits: &mut KnownBits<'_>, pieces: &[&str]) -> io::Result<Vec<Vec<Near>>> {
    let is_word = |row: &usize| {
        let piece = pieces[*row].as_bytes();
        piece.len() > 2 && piece.iter().all(|byte| !byte.is_ascii() || byte.is_ascii_alphabetic())
    };
    let words: Vec<usize> = (0..pieces.len()).filter(is_word).collect();
    let mut alphabet = words.clone();
    alphabet.order_by_key(|row| pieces[*row]);
    let mut places = vec![0; pieces.len()];
    alphabet.iter().enumerate().for_each(|(place, row)| places[*row] = place);
    let mut near: Vec<Vec<Near>> = vec![Vec::new(); pieces.len()];
    let mut signs = vec![Signs::default(); pieces.len()];
    for (at, &row) in words.iter().enumerate() {
        let mut likely = Vec::new();
        for &(middle, cosine) in &near[row] {
            for &(other, further) in near[middle].iter().filter(|(other, _)| *other > row) {
                likely.push(other);
                let Signs { common, best, .. } = &mut signs[other];
                *common += 1;
                *best = (usize::from(cosine) + usize::from(further)).saturating_sub(152).max(*best);
            }
        }
        let place = places[row];
        for &other in &alphabet[place.saturating_sub(ALIKE)..(place + ALIKE + 1).min(alphabet.len())] {
            let alike = if other > row { alike(pieces[row], pieces[other]) } else { 0 };
            if alike > 0 {
                likely.push(other);
                signs[other].alike = alike;
            }
        }
        likely.order();
        likely.dedup();
        let flag = |other: &usize| {
            let Signs { common, best, alike } = signs[*other];
            bits.bit(FLAGS + (common.min(5) * 9 + (best / 6).min(8)) * 64 + alike)
        };
        let mut found: Vec<usize> = likely.iter().copied().filter(flag).collect();
        let count = bits.number(COUNTS + (near[row].len().min(6) * 4 + found.len().min(3)) * 512);
        let mut last = at;
        for _ in 0..count {
            last += 1 + bits.number(GAPS);
            found.push(words.get(last).copied().filter(|_| !bits.over()).ok_or_else(malformed)?);
        }
        found.order();
        for other in found {
            let Signs { common, best, alike } = signs[other];
            let sign = common.min(1) * (1 + (best / 8).min(5)) * 2 + alike.min(1);
            let [cosine, ..] = bits.tree(COSINES + sign * 64, 6).to_le_bytes();
            near[row].push((other, cosine + COSINE_LEAST));
            near[other].push((row, cosine + COSINE_LEAST));
        }
        likely.iter().for_each(|other| signs[*other] = Signs::default());
    }
    near.iter_mut().for_each(|near| near.order_by_key(|(other, cosine)| (127 - cosine, *other)));
    Ok(near)
}

/// How much of their letters two words share, 0 for little: how many at the beginning, and how many they do not.
fn alike(one: &str, other: &str) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    if same < 3 { 0 } else { 1 + (same.min(8) - 3) * 8 + (one.len() + other.len() - 2 * same).min(7) }
}

/// The list of a row: its nearest. Of those as near as each other the bits say which is first.
fn kept(bits: &mut KnownBits<'_>, near: &[Near]) -> Vec<u32> {
    let mut left = near.to_vec();
    let mut kept = Vec::new();
    while let (Some(&(_, cosine)), true) = (left.first(), kept.len() < NEAR_KEPT) {
        let ties = left.iter().take_while(|(_, other)| *other == cosine).count();
        let first = (1..ties).take_while(|_| bits.bit(TIES)).count();
        let (row, _) = left.remove(first);
        kept.push(u32::try_from(row).unwrap_or(0) << 7 | u32::from(cosine));
    }
    kept
}

const DEAD: usize = 64 * 64 * 32;
const SCALES: usize = DEAD + 1;

/// Rows as they become known, and their scales.
struct Table {
    columns: usize,
    bytes: Vec<u8>,
    scales: Vec<u8>,
    lengths: Vec<f64>,
    /// What the square of a column's values is, in rows of common loudness.
    variances: Vec<f64>,
    live: f64,
    /// What a row's length is without its scale and its rank's weight.
    common: f64,
}

impl Table {
    fn new(columns: usize) -> Self {
        let (bytes, scales, lengths) = (Vec::new(), Vec::new(), Vec::new());
        Self { columns, bytes, scales, lengths, variances: vec![16.0; columns], live: 0.0, common: 5.0 }
    }

    /// Where a row should point by those near it that are known, and how surely, 0 to 1.
    fn expected(&self, near: &[Near]) -> (Vec<f64>, f64) {
        let mut sum = vec![0.0; self.columns];
        let known = || near.iter().filter(|(other, _)| *other < self.lengths.len()).take(EXAMPLES);
        for (other, cosine) in known() {
            let cosine = f64::from(*cosine) / 127.0;
            let weight = cosine * cosine * cosine / (1.05 - cosine * cosine) / self.lengths[*other].max(1.0);
            let row = &self.bytes[other * self.columns..(other + 1) * self.columns];
            for (sum, byte) in sum.iter_mut().zip(row) {
                *sum += weight * f64::from(byte.cast_signed());
            }
        }
        let length = sum.iter().fold(0.0, |all, value| all + value * value).sqrt();
        if length > 0.0 {
            sum.iter_mut().for_each(|value| *value /= length);
        }
        (sum, known().next().map_or(0.0, |(_, cosine)| 0.9 * (f64::from(*cosine) / 127.0) + 0.1))
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
    fn read(&mut self, bits: &mut KnownBits<'_>, near: &[Near]) -> io::Result<()> {
        if bits.over() {
            return Err(malformed());
        }
        let mut square = 0.0;
        if bits.bit(DEAD) {
            self.bytes.resize(self.bytes.len() + self.columns, 0);
        } else {
            let (expected, sure) = self.expected(near);
            let (mut loud, mut count) = (8.0f64, 8.0f64);
            for (variance, expected) in self.variances.iter_mut().zip(expected) {
                let energy = loud / count;
                let mean = 45.0 * energy.sqrt() * sure * expected;
                let spread = *variance * energy * (1.0 - sure * sure);
                // Four steps to the double, and the nearest whole number.
                let spread = (spread.to_bits() >> 50).saturating_sub(1020 << 2).min(63) as usize;
                let mean = ((mean + 0.5).floor() + 32.0).clamp(0.0, 63.0) as usize;
                let value = bits.tree((spread * 64 + mean) * 32, 5) as i32 - 16;
                self.bytes.push(value as u8);
                let value = f64::from(value) * f64::from(value);
                square += value;
                loud += value / *variance;
                count += 1.0;
                *variance += (value / energy - *variance) / 1000.0;
            }
            self.live += 1.0;
        }
        let (length, weight) = (square.sqrt(), self.live / (self.live + 972.0));
        let guess = if length > 0.0 { self.common * weight / length } else { 0.0 };
        let step = bits.number(SCALES) as u16;
        let scale = f16::from_f32(guess as f32).to_bits().wrapping_add(step >> 1 ^ (step & 1).wrapping_neg());
        self.scales.extend(scale.to_le_bytes());
        if length > 0.0 {
            let seen = f64::from(f16::from_bits(scale).to_f32()) * length / weight;
            self.common += (seen - self.common) / 128.0;
        }
        self.lengths.push(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::open_default_model;
    use proptest::prelude::*;

    #[test]
    fn the_carried_model_has_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let model = open_default_model(folder.path()).unwrap();
        model.file().verify_all().unwrap();
        assert_eq!((model.meta().rows, model.meta().columns), (30_522, 64));
    }

    proptest! {
        #[test]
        fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("model");
            let meta = br#"{"name":"","source":"","licence":"","rows":300,"columns":32}"#;
            let length = u32::try_from(meta.len()).unwrap().to_le_bytes();
            prop_assert!(unpack(&[&length, &meta[..], &bytes].concat(), &path).is_err());
            prop_assert!(unpack(&bytes, &path).is_err());
        }
    }
}
