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

use crate::store::read_u32;

/// Postings that are packed together.
pub(super) const BLOCK: usize = 128;
const ENTRY: usize = 12;

/// Appends LEB128.
#[allow(clippy::cast_possible_truncation)] // seven bits at a time
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads LEB128 at `at` and moves it on.
#[inline]
pub(super) fn get_varint(bytes: &[u8], at: &mut usize) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn bits_of(values: &[u32; BLOCK]) -> u32 {
    32 - values.iter().fold(0, |all, v| all | v).leading_zeros()
}

/// Packs 128 values of at most `bits` bits; 16 x bits bytes.
fn pack(values: &[u32; BLOCK], bits: u32, out: &mut Vec<u8>) {
    let mut lanes = [0u64; 4];
    let mut filled = 0;
    for row in values.as_chunks::<4>().0 {
        for (lane, value) in lanes.iter_mut().zip(row) {
            *lane |= u64::from(*value) << filled;
        }
        filled += bits;
        if filled >= 32 {
            for lane in &mut lanes {
                #[allow(clippy::cast_possible_truncation)] // the low word
                out.extend_from_slice(&(*lane as u32).to_le_bytes());
                *lane >>= 32;
            }
            filled -= 32;
        }
    }
}

/// Unpacks 128 values; `bytes` holds 16 x BITS bytes.
#[inline(always)]
fn unpack_bits<const BITS: u32>(bytes: &[u8], out: &mut [u32; BLOCK]) {
    let mask = if BITS == 32 { u64::MAX } else { (1u64 << BITS) - 1 };
    let mut words = bytes.as_chunks::<16>().0.iter();
    let mut lanes = [0u64; 4];
    let mut held = 0;
    for row in out.as_chunks_mut::<4>().0 {
        if held < BITS {
            let Some(word) = words.next() else { return };
            for (lane, part) in lanes.iter_mut().zip(word.as_chunks::<4>().0) {
                *lane |= u64::from(u32::from_le_bytes(*part)) << held;
            }
            held += 32;
        }
        for (value, lane) in row.iter_mut().zip(&mut lanes) {
            #[allow(clippy::cast_possible_truncation)] // masked to at most 32 bits
            {
                *value = (*lane & mask) as u32;
            }
            *lane >>= BITS;
        }
        held -= BITS;
    }
}

fn unpack(bytes: &[u8], bits: u8, out: &mut [u32; BLOCK]) {
    macro_rules! by_bits {
        ($($n:literal)*) => {
            match bits { $($n => unpack_bits::<$n>(bytes, out),)* _ => out.fill(0) }
        };
    }
    by_bits!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

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
        put_varint(out, df);
        out.extend_from_slice(&[self.bounds.0, self.bounds.1]);
        out.extend_from_slice(&self.entries);
        out.extend_from_slice(&self.packed);
        for (gap, tf) in self.gaps.iter().zip(&self.tfs).take(self.filled) {
            put_varint(out, gap << 1 | u32::from(*tf == 0));
            if *tf > 0 {
                put_varint(out, *tf);
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
    bytes: &'a [u8],
    entries: usize,
    data: usize,
    blocks: usize,
    block: usize,
    tail: usize,
    df: u32,
    bounds: (u8, u8),
    chunks: [u32; BLOCK],
    tfs: [u32; BLOCK],
    len: usize,
    decoded: bool,
}

/// After the last posting.
pub(super) const END: u32 = u32::MAX;

impl<'a> ListReader<'a> {
    /// A reader over the bytes that begin with a list.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let mut at = 0;
        let df = get_varint(bytes, &mut at)?;
        let bounds = (*bytes.get(at)?, *bytes.get(at + 1)?);
        let blocks = df as usize / BLOCK;
        let entries = at + 2;
        let data = entries + blocks * ENTRY;
        let tail = match blocks.checked_sub(1) {
            Some(last) => data + read_u32(bytes, entries + last * ENTRY + 4)? as usize,
            None => data,
        };
        Some(Self {
            bytes,
            entries,
            data,
            blocks,
            block: 0,
            tail,
            df,
            bounds,
            chunks: [0; BLOCK],
            tfs: [0; BLOCK],
            len: 0,
            decoded: false,
        })
    }

    /// Bytes that certainly hold a list's head, entries and tail, once its first eight bytes are known;
    /// the packed blocks come on top ([`Self::end_of_packed`]). `most` is what there is.
    pub(super) fn extent(head: &[u8], most: usize) -> Option<usize> {
        let mut at = 0;
        let df = get_varint(head, &mut at)? as usize;
        Some((at + 2 + df / BLOCK * ENTRY + (df % BLOCK) * 7).min(most))
    }

    /// Where the list ends at most, when it has packed blocks.
    pub(super) fn end_of_packed(&self) -> Option<usize> {
        (self.blocks > 0).then(|| self.tail + (self.df as usize % BLOCK) * 7)
    }

    pub(super) fn df(&self) -> u32 {
        self.df
    }

    fn entry(&self, block: usize) -> &[u8] {
        self.bytes.get(self.entries + block * ENTRY..).and_then(|b| b.get(..ENTRY)).unwrap_or(&[0; ENTRY])
    }

    /// Last chunk of the current block; [`END`] in the tail.
    #[inline]
    pub(super) fn block_last(&self) -> u32 {
        if self.block < self.blocks { read_u32(self.entry(self.block), 0).unwrap_or(END) } else { END }
    }

    /// Bounds over every block that may hold chunks in `from..to`, from the current block on.
    pub(super) fn bounds_between(&self, from: u32, to: u32) -> Option<(u8, u8)> {
        let mut found: Option<(u8, u8)> = None;
        let mut first = if self.block == 0 { 0 } else { self.last_of(self.block - 1).wrapping_add(1) };
        for block in self.block..=self.blocks {
            if first >= to || (block == self.blocks && self.df as usize == self.blocks * BLOCK) {
                break;
            }
            let last = if block < self.blocks { self.last_of(block) } else { END };
            if last >= from {
                let (tf, len) = if block < self.blocks {
                    let entry = self.entry(block);
                    (entry[10], entry[11])
                } else {
                    self.bounds
                };
                found = Some(found.map_or((tf, len), |(t, l)| (t.max(tf), l.min(len))));
            }
            first = last.wrapping_add(1);
        }
        found
    }

    fn last_of(&self, block: usize) -> u32 {
        read_u32(self.entry(block), 0).unwrap_or(END)
    }

    /// Moves to the first block that may hold a chunk at or after `target`; false at the end.
    pub(super) fn skip_to(&mut self, target: u32) -> bool {
        while self.block < self.blocks && self.block_last() < target {
            self.block += 1;
            self.decoded = false;
        }
        self.block <= self.blocks && (self.block < self.blocks || self.df as usize > self.blocks * BLOCK)
    }

    /// Moves to the next block; false at the end.
    pub(super) fn next_block(&mut self) -> bool {
        self.block += 1;
        self.decoded = false;
        self.block < self.blocks || (self.block == self.blocks && self.df as usize > self.blocks * BLOCK)
    }

    /// Chunks and tfs of the current block, unpacked at most once.
    #[inline]
    pub(super) fn postings(&mut self) -> (&[u32], &[u32]) {
        if !self.decoded {
            self.decode();
        }
        (&self.chunks[..self.len], &self.tfs[..self.len])
    }

    fn decode(&mut self) {
        self.decoded = true;
        let base = if self.block == 0 { 0 } else { self.last_of(self.block - 1).wrapping_add(1) };
        if self.block < self.blocks {
            let start = match self.block.checked_sub(1) {
                Some(before) => read_u32(self.entry(before), 4).unwrap_or(0) as usize,
                None => 0,
            };
            let entry = self.entry(self.block);
            let (gap_bits, tf_bits) = (entry[8], entry[9]);
            let packed = self.bytes.get(self.data + start..self.tail.min(self.bytes.len())).unwrap_or(&[]);
            let (gaps, tfs) = packed.split_at((16 * gap_bits as usize).min(packed.len()));
            unpack(gaps, gap_bits, &mut self.chunks);
            unpack(tfs, tf_bits, &mut self.tfs);
            self.len = BLOCK;
        } else {
            self.len = (self.df as usize - self.blocks * BLOCK).min(BLOCK);
            let mut at = self.tail;
            for i in 0..self.len {
                let code = get_varint(self.bytes, &mut at).unwrap_or(1);
                self.chunks[i] = code >> 1;
                self.tfs[i] = if code & 1 == 1 { 0 } else { get_varint(self.bytes, &mut at).unwrap_or(0) };
            }
        }
        let mut chunk = base;
        for (value, tf) in self.chunks[..self.len].iter_mut().zip(&mut self.tfs) {
            chunk = chunk.wrapping_add(*value);
            *value = chunk;
            chunk = chunk.wrapping_add(1);
            *tf += 1;
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

        #[test]
        fn packing_comes_back(values in prop::collection::vec(any::<u32>(), BLOCK), bits in 1u32..=32) {
            let mask = if bits == 32 { u32::MAX } else { (1 << bits) - 1 };
            let values: [u32; BLOCK] = std::array::from_fn(|i| values[i] & mask);
            let mut bytes = Vec::new();
            pack(&values, bits, &mut bytes);
            prop_assert_eq!(bytes.len(), 16 * bits as usize);
            let mut back = [0; BLOCK];
            unpack(&bytes, u8::try_from(bits).unwrap(), &mut back);
            prop_assert_eq!(back, values);
        }
    }
}
