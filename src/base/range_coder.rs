//! A binary range coder (Martin 1979; Pavlov's specification of LZMA): each bit takes as much of the range as is
//! expected of it. Both sides share the arithmetic of who uses it: they narrow the range, one writes, one reads.

/// Below it the range takes another byte.
const LEAST_RANGE: u32 = 1 << 24;

/// One side of the coder: takes a bit and writes it, or gives the one that is read.
pub trait RangeCoder {
    /// At least 2^24 before each bit.
    fn range(&self) -> u32;

    /// Goes on in one of the two parts of the range: below for a zero, above for a one.
    fn narrow(&mut self, below: u32, above: u32, bit: bool) -> bool;
}

/// Writes bits.
pub struct RangeWriter {
    low: u64,
    range: u32,
    /// The byte that a carry may still change, and how many 0xff follow it.
    held: u8,
    behind: u64,
    begun: bool,
    out: Vec<u8>,
}

impl Default for RangeWriter {
    fn default() -> Self {
        Self { low: 0, range: u32::MAX, held: 0, behind: 0, begun: false, out: Vec::new() }
    }
}

impl RangeWriter {
    fn shift(&mut self) {
        if self.low < 0xff00_0000 || self.low > u64::from(u32::MAX) {
            let carry = u8::from(self.low > u64::from(u32::MAX));
            if std::mem::replace(&mut self.begun, true) {
                self.out.push(self.held.wrapping_add(carry));
            }
            self.out.extend((0..self.behind).map(|_| 0xffu8.wrapping_add(carry)));
            self.behind = 0;
            self.held = u8::try_from(self.low >> 24 & 0xff).unwrap_or(0);
        } else {
            self.behind += 1;
        }
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    fn settle(&mut self) {
        while self.range < LEAST_RANGE {
            self.range <<= 8;
            self.shift();
        }
    }

    /// What was written; zeros at its end are left out.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        (0..5).for_each(|_| self.shift());
        // What is read behind the end is zeros.
        while self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

impl RangeCoder for RangeWriter {
    fn range(&self) -> u32 {
        self.range
    }

    fn narrow(&mut self, below: u32, above: u32, bit: bool) -> bool {
        self.low += if bit { u64::from(below) } else { 0 };
        self.range = if bit { above } else { below };
        self.settle();
        bit
    }
}

/// Reads bits; what is read behind the end is zeros: garbage gives garbage, no error.
pub struct RangeReader<'a> {
    bytes: std::slice::Iter<'a, u8>,
    range: u32,
    code: u32,
}

impl<'a> RangeReader<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Self { bytes: bytes.iter(), range: u32::MAX, code: 0 };
        (0..4).for_each(|_| reader.shift());
        reader
    }

    fn shift(&mut self) {
        self.code = self.code << 8 | u32::from(self.bytes.next().copied().unwrap_or(0));
    }

    /// Bytes that were not needed yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len()
    }
}

impl RangeCoder for RangeReader<'_> {
    fn range(&self) -> u32 {
        self.range
    }

    fn narrow(&mut self, below: u32, above: u32, _: bool) -> bool {
        let bit = self.code >= below;
        self.code -= if bit { below } else { 0 };
        self.range = if bit { above } else { below };
        while self.range < LEAST_RANGE {
            self.range <<= 8;
            self.shift();
        }
        bit
    }
}
