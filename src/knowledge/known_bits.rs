//! Bits that are told by what was: each context knows how often it had a zero, and a [`RangeReader`] reads them.
//! `assets/model/pack.py` writes them with the same arithmetic.

use crate::base::{RangeCoder, RangeReader};

/// Contexts; those that are hashed share places.
const PLACES_BITS: u32 = 20;
/// A context that was seen so often moves no slower.
const SEEN_MOST: u16 = 255;
/// A narrow context outweighs the wider ones the more often it was seen, up to so often.
const WEIGHT_MOST: u16 = 30;
/// No bit is ever certain.
const LEAST: i64 = 32;

/// How much of 2^16 a zero is expected to take, and how often that was learned.
#[derive(Clone, Copy)]
struct Chance {
    zero: u16,
    seen: u16,
}

const EVEN: Chance = Chance { zero: 1 << 15, seen: 0 };

impl Chance {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
    fn learn(&mut self, bit: bool) {
        let goal = if bit { 0 } else { 0xffff };
        let rate = (1 << 17) / (2 * u32::from(self.seen) + 3);
        let zero = i64::from(self.zero);
        self.zero = (zero + (((goal - zero) * i64::from(rate)) >> 16)).clamp(LEAST, 0xffff - LEAST) as u16;
        self.seen = (self.seen + 1).min(SEEN_MOST);
    }
}

pub(super) struct KnownBits<'a> {
    reader: RangeReader<'a>,
    chances: Vec<Chance>,
}

/// The place of a context that is one of very many.
#[allow(clippy::cast_possible_truncation)] // the highest bits only
pub(super) fn hashed(context: u64) -> usize {
    (context.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES_BITS)) as usize
}

impl<'a> KnownBits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { reader: RangeReader::new(bytes), chances: vec![EVEN; 1 << PLACES_BITS] }
    }

    /// Whether it reads behind the end: what it gives then is nothing.
    pub(super) fn over(&self) -> bool {
        self.reader.left() == 0
    }

    /// Contexts mean something else from here on.
    pub(super) fn forget(&mut self) {
        self.chances.fill(EVEN);
    }

    fn chance(&mut self, context: usize) -> &mut Chance {
        &mut self.chances[context % (1 << PLACES_BITS)]
    }

    /// A bit by contexts from the widest to the narrowest.
    #[allow(clippy::cast_possible_truncation)] // a part of the range
    pub(super) fn bit(&mut self, contexts: &[usize]) -> bool {
        let mut zero = 1 << 15;
        for (at, context) in contexts.iter().enumerate() {
            let Chance { zero: here, seen } = *self.chance(*context);
            let weight = 2 * u32::from(seen.min(WEIGHT_MOST));
            let wider = 5 * u32::from(at > 0);
            if at == 0 {
                zero = u32::from(here);
            } else {
                zero = (zero * wider + u32::from(here) * weight) / (wider + weight);
            }
        }
        let range = self.reader.range();
        let below = ((u64::from(range) * u64::from(zero)) >> 16) as u32;
        let bit = self.reader.narrow(below, range - below, false);
        contexts.iter().for_each(|context| self.chance(*context).learn(bit));
        bit
    }

    /// A number of so many bits, the highest first; takes 2^`bits` contexts.
    pub(super) fn tree(&mut self, context: usize, bits: u32) -> usize {
        let node = (0..bits).fold(1, |node, _| node << 1 | usize::from(self.bit(&[context + node])));
        node - (1 << bits)
    }

    /// A number below 2^31, small ones in few bits: its length, the three bits below its highest by what they are, the
    /// others. Takes 512 contexts.
    pub(super) fn number(&mut self, context: usize) -> usize {
        let mut length = 0;
        while length < 31 && self.bit(&[context + length]) {
            length += 1;
        }
        let known = |node: usize| if node < 8 { node } else { 0 };
        let bit = |node: usize, bits: &mut Self| bits.bit(&[context + 32 + length * 8 + known(node)]);
        (0..length).fold(1, |node, _| node << 1 | usize::from(bit(node, self))) - 1
    }
}
