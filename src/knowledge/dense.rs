//! Dense search: exact int8 scan of a small segment, 1-bit codes with int8 rescoring of a large one.
//!
//! Invariant: memory does not grow with the segment; never allocates per chunk.

use super::best::{Best, Candidate};
use super::quantize::{query_code, scale_to_f32, to_int8};
use super::segment::Segment;
use super::simd::Kernel;
use crate::store::Damage;

/// Up to this many chunks a plain scan is fast enough, and exact.
const FLAT_LIMIT: u32 = 16_384;
const BATCH: usize = 2048;
/// Part of a large segment that is rescored: at 64 columns and 660k passages, 1/41 holds 0.952 of the exact
/// top 10, 1/82 holds 0.916 (`benches/run.sh`).
const RESCORED_PART: u32 = 40;
const RESCORED_LEAST: usize = 4096;
/// Rows that are on their way from memory while one is scored.
const AHEAD: usize = 12;

/// A question's vector, ready for the kernels.
pub(super) struct DenseQuery {
    vector: Vec<f32>,
    codes: Vec<i8>,
    scale: f32,
}

impl DenseQuery {
    /// None when no word of the question is known.
    pub(super) fn new(vector: Vec<f32>) -> Option<Self> {
        let mut codes = Vec::with_capacity(vector.len());
        let scale = to_int8(&vector, &mut codes).to_f32();
        (scale > 0.0).then_some(Self { vector, codes, scale })
    }

    /// Cosine with one chunk.
    #[allow(clippy::cast_precision_loss)] // |dot| < 2^24
    pub(super) fn cosine(&self, segment: &Segment, chunk: u32) -> Result<f32, Damage> {
        let at = chunk as usize;
        let dot = Kernel::detect().dot(&self.codes, segment.rows(at..at + 1)?);
        let scale = segment.scales(at..at + 1)?;
        Ok(dot as f32 * self.scale * scale_to_f32(u16::from_le_bytes([scale[0], scale[1]])))
    }

    /// Adds the segment's nearest chunks to `best`. `rescored` is how many coarse candidates are looked at again.
    pub(super) fn search(
        &self,
        number: u32,
        segment: &Segment,
        rescored: usize,
        best: &mut Best,
        keep: &dyn Fn(u32) -> bool,
    ) -> Result<(), Damage> {
        if segment.width() != self.codes.len() {
            return Err(segment.file().damage("was made for another vector width"));
        }
        if segment.chunks() <= FLAT_LIMIT || rescored >= segment.chunks() as usize {
            return self.scan(number, segment, best, keep);
        }
        let by_size = (segment.chunks() / RESCORED_PART) as usize;
        let rescored = if rescored == 0 { by_size.max(RESCORED_LEAST) } else { rescored };
        let near = self.coarse(segment, rescored)?;
        let mut threshold = best.threshold();
        for (at, &chunk) in near.iter().enumerate() {
            if let Some(&ahead) = near.get(at + AHEAD) {
                segment.prefetch_row(ahead as usize);
            }
            let score = self.cosine(segment, chunk)?;
            if score > threshold && keep(chunk) {
                best.push(Candidate { score, segment: number, chunk });
                threshold = best.threshold();
            }
        }
        Ok(())
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // |dot| < 2^24; chunk numbers are u32
    fn scan(
        &self,
        number: u32,
        segment: &Segment,
        best: &mut Best,
        keep: &dyn Fn(u32) -> bool,
    ) -> Result<(), Damage> {
        let chunks = segment.chunks() as usize;
        let mut dots = vec![0i32; BATCH];
        for start in (0..chunks).step_by(BATCH) {
            let end = (start + BATCH).min(chunks);
            let dots = &mut dots[..end - start];
            Kernel::detect().dots(&self.codes, segment.rows(start..end)?, dots);
            let scales = segment.scales(start..end)?.as_chunks::<2>().0;
            let mut threshold = best.threshold();
            for (at, (dot, scale)) in dots.iter().zip(scales).enumerate() {
                let score = *dot as f32 * self.scale * scale_to_f32(u16::from_le_bytes(*scale));
                if score > threshold {
                    let chunk = (start + at) as u32;
                    if keep(chunk) {
                        best.push(Candidate { score, segment: number, chunk });
                        threshold = best.threshold();
                    }
                }
            }
        }
        Ok(())
    }

    /// About `wanted` chunks with the smallest Hamming distance, in ascending order.
    #[allow(clippy::cast_possible_truncation)] // chunk numbers are u32
    fn coarse(&self, segment: &Segment, wanted: usize) -> Result<Vec<u32>, Damage> {
        let kernel = Kernel::detect();
        let query = query_code(&self.vector, segment.mean());
        let chunks = segment.chunks() as usize;
        let mut distances = vec![0u8; chunks];
        for start in (0..chunks).step_by(BATCH) {
            let end = (start + BATCH).min(chunks);
            kernel.hammings(&query, segment.codes(start..end)?, &mut distances[start..end]);
        }
        let mut near = Vec::with_capacity(wanted + wanted / 2);
        kernel.within(&distances, cut(&distances, wanted), &mut near);
        Ok(near)
    }
}

/// The distance within which about `wanted` lie, told from every eighth run of 64.
#[allow(clippy::cast_possible_truncation)] // 256 counts
fn cut(distances: &[u8], wanted: usize) -> u8 {
    let mut counts = [0usize; 256];
    let mut sampled = 0;
    for run in distances.chunks(64).step_by(8) {
        sampled += run.len();
        run.iter().for_each(|distance| counts[*distance as usize] += 1);
    }
    let enough = (wanted * sampled).div_ceil(distances.len().max(1));
    let mut total = 0;
    let found = counts.iter().position(|count| {
        total += count;
        total >= enough
    });
    found.map_or(u8::MAX, |distance| distance as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_cut_keeps_about_as_many_as_wanted(seed in any::<u64>(), wanted in 500usize..4000) {
            let mut state = seed | 1;
            let bits = |state: &mut u64| {
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                state.count_ones() as u8
            };
            let distances: Vec<u8> = (0..20_000).map(|_| bits(&mut state)).collect();
            let cut = cut(&distances, wanted);
            let kept = |most: u8| distances.iter().filter(|d| **d <= most).count();
            prop_assert!(kept(cut) >= wanted * 3 / 4 && kept(cut - 2) < wanted);
        }
    }

    #[test]
    fn the_cut_of_few_keeps_all() {
        assert_eq!(cut(&[], 10), 0);
        assert_eq!(cut(&[9, 3], 10), u8::MAX);
    }
}
