//! Posting lists: which chunks hold a term, how often; bit-packed blocks of 128 with block maxima.
//!
//! ```text
//! list   = df varint · max_tf u8 · min_len u8 · [block entries, when df >= 128] · packed blocks · tail
//! entry  = last chunk u32 · end of the packed block u32 · bits of gaps u8 · bits of tf u8 · max_tf u8 · min_len u8
//! block  = 128 gaps, then 128 (tf - 1), each packed with its bits, LSB first, in four interleaved lanes
//! tail   = the last df mod 128 postings: varint (gap << 1 | tf == 1) [· varint tf]
//! ```
//! A gap is the distance to the chunk before, less one (the very first counts from -1). The layout by lanes
//! follows SIMD-BP128 (Lemire and Boytsov 2015), so that compilers unpack it with vectors.

use super::pack::{BLOCK, bits_of, get_varint, pack, put_varint, unpack};
use crate::store::read_u32;

const ENTRY: usize = 12;
/// Postings that [`ListReader::find`] looks at together.
const STEP: usize = 8;

/// Writes one list from its postings in ascending order of chunk; `length_of` gives a chunk's length.
pub(super) struct ListWriter {
    gaps: [u32; BLOCK],
    tfs: [u32; BLOCK],
    filled: usize,
    previous: Option<u32>,
    df: u32,
    bounds: (u8, u8),
    block_bounds: (u8, u8),
    entries: Vec<u8>,
    packed: Vec<u8>,
}

impl Default for ListWriter {
    fn default() -> Self {
        Self {
            gaps: [0; BLOCK],
            tfs: [0; BLOCK],
            filled: 0,
            previous: None,
            df: 0,
            bounds: (0, u8::MAX),
            block_bounds: (0, u8::MAX),
            entries: Vec::new(),
            packed: Vec::new(),
        }
    }
}

impl ListWriter {
    /// Adds a posting; chunks ascend, tf is at least 1.
    pub(super) fn push(&mut self, chunk: u32, tf: u8, length: u16) {
        let gap = self.previous.map_or(chunk, |before| chunk - before - 1);
        self.previous = Some(chunk);
        self.gaps[self.filled] = gap;
        self.tfs[self.filled] = u32::from(tf.max(1)) - 1;
        self.filled += 1;
        self.df += 1;
        let short = u8::try_from(length).unwrap_or(u8::MAX);
        for bounds in [&mut self.bounds, &mut self.block_bounds] {
            *bounds = (bounds.0.max(tf), bounds.1.min(short));
        }
        if self.filled == BLOCK {
            self.end_block(chunk);
        }
    }

    #[allow(clippy::cast_possible_truncation)] // at most 32; a list stays far below 4 GiB
    fn end_block(&mut self, last: u32) {
        let (gap_bits, tf_bits) = (bits_of(&self.gaps), bits_of(&self.tfs));
        pack(&self.gaps, gap_bits, &mut self.packed);
        pack(&self.tfs, tf_bits, &mut self.packed);
        self.entries.extend_from_slice(&last.to_le_bytes());
        self.entries.extend_from_slice(&(self.packed.len() as u32).to_le_bytes());
        self.entries.extend_from_slice(&[
            gap_bits as u8,
            tf_bits as u8,
            self.block_bounds.0,
            self.block_bounds.1,
        ]);
        self.filled = 0;
        self.block_bounds = (0, u8::MAX);
    }

    /// Appends the list and makes the writer ready for the next; returns the list's df.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> u32 {
        let df = self.df;
        put_varint(df, |byte| out.push(byte));
        out.extend_from_slice(&[self.bounds.0, self.bounds.1]);
        out.extend_from_slice(&self.entries);
        out.extend_from_slice(&self.packed);
        for (gap, tf) in self.gaps.iter().zip(&self.tfs).take(self.filled) {
            put_varint(gap << 1 | u32::from(*tf == 0), |byte| out.push(byte));
            if *tf > 0 {
                put_varint(*tf, |byte| out.push(byte));
            }
        }
        let (mut entries, mut packed) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.packed));
        entries.clear();
        packed.clear();
        *self = Self { entries, packed, ..Self::default() };
        df
    }
}

/// Reads one list front to back, block by block.
pub(super) struct ListReader<'a> {
    df: u32,
    bounds: (u8, u8),
    entries: &'a [[u8; ENTRY]],
    packed: &'a [u8],
    tail: &'a [u8],
    block: usize,
    chunks: [u32; BLOCK],
    tfs: [u32; BLOCK],
    len: usize,
    /// Postings of the block that were passed by [`Self::postings_from`] or [`Self::find`].
    passed: usize,
    has_chunks: bool,
    has_tfs: bool,
}

/// After the last posting.
pub(super) const END: u32 = u32::MAX;

/// df, block bounds, and where the entries begin.
fn head(bytes: &[u8]) -> Option<(u32, (u8, u8), usize)> {
    let mut at = 0;
    let df = get_varint(bytes, &mut at)?;
    Some((df, (*bytes.get(at)?, *bytes.get(at + 1)?), at + 2))
}

/// Bytes of packed blocks, which the last entry tells.
fn packed_len(entries: &[[u8; ENTRY]]) -> usize {
    entries.last().map_or(0, |last| read_u32(last, 4).unwrap_or(0) as usize)
}

impl<'a> ListReader<'a> {
    /// A reader over the bytes that begin with a list.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (df, bounds, at) = head(bytes)?;
        let blocks = df as usize / BLOCK;
        let (entries, rest) = bytes.get(at..)?.split_at_checked(blocks.checked_mul(ENTRY)?)?;
        let entries = entries.as_chunks::<ENTRY>().0;
        let (packed, tail) = rest.split_at_checked(packed_len(entries))?;
        Some(Self {
            df,
            bounds,
            entries,
            packed,
            tail,
            block: 0,
            chunks: [0; BLOCK],
            tfs: [0; BLOCK],
            len: 0,
            passed: 0,
            has_chunks: false,
            has_tfs: false,
        })
    }

    /// How many bytes hold the list at most, told from its first ones: when that is more than `bytes`, ask
    /// again with as many.
    pub(super) fn extent(bytes: &[u8]) -> Option<usize> {
        let (df, _, at) = head(bytes)?;
        let (blocks, rest) = (df as usize / BLOCK, df as usize % BLOCK);
        let data = at + blocks * ENTRY;
        let entries = bytes.get(at..data).map(|entries| entries.as_chunks::<ENTRY>().0);
        Some(entries.map_or(data, |entries| data + packed_len(entries) + rest * 7))
    }

    /// df of the list that these bytes begin.
    pub(super) fn df_of(bytes: &[u8]) -> Option<u32> {
        get_varint(bytes, &mut 0)
    }

    #[cfg(test)]
    fn df(&self) -> u32 {
        self.df
    }

    /// Highest tf and least length (at most 255) over the list.
    pub(super) fn bounds(&self) -> (u8, u8) {
        self.bounds
    }

    fn has_tail(&self) -> bool {
        !(self.df as usize).is_multiple_of(BLOCK)
    }

    /// Last chunk of a block; [`END`] for the tail.
    #[inline]
    fn last_of(&self, block: usize) -> u32 {
        self.entries
            .get(block)
            .map_or(END, |entry| u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]))
    }

    /// The first chunk that a block may have.
    #[inline]
    fn first_of(&self, block: usize) -> u32 {
        block.checked_sub(1).map_or(0, |before| self.last_of(before).wrapping_add(1))
    }

    /// Bounds (highest tf, least length) over every block that may hold chunks in `from..to`, from the current
    /// block on, and how many blocks these are.
    pub(super) fn bounds_between(&self, from: u32, to: u32) -> Option<((u8, u8), usize)> {
        if self.first_of(self.block) >= to {
            return None;
        }
        let (mut tf, mut len, mut blocks) = (0, u8::MAX, 0);
        for entry in self.entries.get(self.block..).unwrap_or_default() {
            let last = u32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]);
            if last >= from {
                (tf, len, blocks) = (entry[10].max(tf), entry[11].min(len), blocks + 1);
            }
            if last.wrapping_add(1) >= to {
                return (tf > 0).then_some(((tf, len), blocks));
            }
        }
        if self.has_tail() && !self.at_end() {
            (tf, len, blocks) = (self.bounds.0.max(tf), self.bounds.1.min(len), blocks + 1);
        }
        (tf > 0).then_some(((tf, len), blocks))
    }

    #[inline]
    fn at_end(&self) -> bool {
        self.block >= self.entries.len() + usize::from(self.has_tail())
    }

    /// Moves to the first block that may hold a chunk at or after `target`; false at the end.
    #[inline]
    pub(super) fn skip_to(&mut self, target: u32) -> bool {
        let before = self.block;
        while self.block < self.entries.len() && self.last_of(self.block) < target {
            self.block += 1;
        }
        if self.block != before {
            self.forget_block();
        }
        !self.at_end()
    }

    fn forget_block(&mut self) {
        (self.passed, self.has_chunks, self.has_tfs) = (0, false, false);
    }

    /// Moves to the next block; false at the end.
    pub(super) fn next_block(&mut self) -> bool {
        self.block += 1;
        self.forget_block();
        !self.at_end()
    }

    /// Chunks and tfs of the current block, unpacked at most once.
    #[inline]
    pub(super) fn postings(&mut self) -> (&[u32], &[u32]) {
        self.unpack_chunks();
        self.unpack_tfs();
        (&self.chunks[..self.len], &self.tfs[..self.len])
    }

    /// The current block's postings from chunk `start` on, which must ascend from call to call.
    #[inline]
    pub(super) fn postings_from(&mut self, start: u32) -> (&[u32], &[u32]) {
        self.unpack_chunks();
        self.unpack_tfs();
        let (chunks, tfs) = (&self.chunks[..self.len], &self.tfs[..self.len]);
        while chunks.get(self.passed).is_some_and(|chunk| *chunk < start) {
            self.passed += 1;
        }
        (&chunks[self.passed..], &tfs[self.passed..])
    }

    /// tf in one chunk; chunks must ascend from call to call.
    #[inline]
    pub(super) fn find(&mut self, chunk: u32) -> Option<u32> {
        if !self.skip_to(chunk) {
            return None;
        }
        self.unpack_chunks();
        // On from the eight in which the last one was found: the next is seldom far.
        let (rows, _) = self.chunks.as_chunks::<STEP>();
        let mut row = self.passed / STEP;
        while row + 1 < rows.len() && rows[row][STEP - 1] < chunk {
            row += 1;
        }
        let before: usize = rows[row].map(|here| usize::from(here < chunk)).iter().sum();
        self.passed = row * STEP + before;
        if *self.chunks.get(self.passed)? != chunk {
            return None;
        }
        self.unpack_tfs();
        self.tfs.get(self.passed).copied()
    }

    /// The packed bytes of the current block: gaps, tfs.
    fn packed_block(&self) -> Option<(&'a [u8], u8, &'a [u8], u8)> {
        let entry = self.entries.get(self.block)?;
        let start = self.block.checked_sub(1).and_then(|before| self.entries.get(before));
        let start = start.map_or(0, |before| read_u32(before, 4).unwrap_or(0) as usize);
        let packed = self.packed.get(start..).unwrap_or(&[]);
        let (gaps, tfs) = packed.split_at((16 * entry[8] as usize).min(packed.len()));
        Some((gaps, entry[8], tfs, entry[9]))
    }

    #[inline]
    fn unpack_chunks(&mut self) {
        if !self.has_chunks {
            self.decode_chunks();
        }
    }

    fn decode_chunks(&mut self) {
        self.has_chunks = true;
        if let Some((gaps, bits, _, _)) = self.packed_block() {
            unpack(gaps, bits, &mut self.chunks);
            self.len = BLOCK;
        } else {
            self.decode_tail();
        }
        let mut next = self.first_of(self.block);
        for row in self.chunks.as_chunks_mut::<4>().0 {
            // Sums within the row do not wait for the row before.
            let one = row[0];
            let two = one.wrapping_add(row[1]).wrapping_add(1);
            let three = two.wrapping_add(row[2]).wrapping_add(1);
            let four = three.wrapping_add(row[3]).wrapping_add(1);
            *row = [one, two, three, four].map(|sum| next.wrapping_add(sum));
            next = next.wrapping_add(four).wrapping_add(1);
        }
        if let Some(unused) = self.chunks.get_mut(self.len..) {
            unused.fill(END);
        }
    }

    fn decode_tail(&mut self) {
        self.has_tfs = true;
        self.len = self.df as usize % BLOCK;
        let mut at = 0;
        for i in 0..self.len {
            let code = get_varint(self.tail, &mut at).unwrap_or(1);
            self.chunks[i] = code >> 1;
            self.tfs[i] =
                if code & 1 == 1 { 1 } else { get_varint(self.tail, &mut at).unwrap_or(0).wrapping_add(1) };
        }
    }

    #[inline]
    fn unpack_tfs(&mut self) {
        if !self.has_tfs {
            self.decode_tfs();
        }
    }

    fn decode_tfs(&mut self) {
        self.has_tfs = true;
        if let Some((_, _, tfs, bits)) = self.packed_block() {
            unpack(tfs, bits, &mut self.tfs);
            self.tfs.iter_mut().for_each(|tf| *tf = tf.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(postings: &[(u32, u8)]) {
        let mut writer = ListWriter::default();
        let mut bytes = Vec::new();
        for &(chunk, tf) in postings {
            writer.push(chunk, tf, 300);
        }
        writer.finish(&mut bytes);
        let mut reader = ListReader::new(&bytes).unwrap();
        assert_eq!(reader.df() as usize, postings.len());
        let mut got = Vec::new();
        let mut more = reader.skip_to(0);
        while more {
            let (chunks, tfs) = reader.postings();
            got.extend(chunks.iter().zip(tfs).map(|(c, t)| (*c, u8::try_from(*t).unwrap())));
            more = reader.next_block();
        }
        assert_eq!(got, postings);
    }

    proptest! {
        #[test]
        fn lists_come_back(gaps in prop::collection::vec((0u32..5000, 1u8..=255), 1..600), wide in any::<bool>()) {
            let mut chunk = 0u32;
            let postings: Vec<(u32, u8)> = gaps.iter().map(|(gap, tf)| {
                chunk += gap * if wide { 1000 } else { 1 };
                chunk += 1;
                (chunk - 1, *tf)
            }).collect();
            round_trip(&postings);
        }

        #[test]
        fn garbage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), target in any::<u32>()) {
            if let Some(mut reader) = ListReader::new(&bytes) {
                let mut more = reader.skip_to(target);
                let mut rounds = 0;
                while more && rounds < 1000 {
                    let _ = reader.postings();
                    let _ = reader.bounds_between(0, target);
                    more = reader.next_block();
                    rounds += 1;
                }
            }
        }
    }
}
