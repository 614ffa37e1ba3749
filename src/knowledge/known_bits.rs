//! Bits that are told by what was: each context knows how often it had a zero, and a [`RangeReader`] reads them.
//! `assets/model/pack.py` writes them with the same arithmetic.

use crate::base::{RangeCoder, RangeReader};

/// Contexts; those that are hashed share places.
const PLACES_BITS: u32 = 20;
const PLACES: usize = 1 << PLACES_BITS;
/// A context that was seen so often moves no slower.
const SEEN_MOST: u16 = 255;
/// How far, of 2^16, a chance moves by what it sees, by how often it saw something: the mean of all that it saw.
const RATES: [i64; SEEN_MOST as usize + 1] = {
    let (mut rates, mut seen) = ([0; SEEN_MOST as usize + 1], 0);
    while seen < rates.len() {
        rates[seen] = (1 << 17) / (2 * seen as i64 + 3);
        seen += 1;
    }
    rates
};
/// How much, of 2^16, a narrow context counts against the wider ones, by how often it was seen.
const WEIGHTS: [i64; 31] = {
    let (mut weights, mut seen) = ([0; 31], 0);
    while seen < weights.len() {
        weights[seen] = ((seen as i64) << 17) / (2 * seen as i64 + 5);
        seen += 1;
    }
    weights
};
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
    #[inline]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
    fn learn(&mut self, bit: bool) {
        let goal = if bit { 0 } else { 0xffff };
        let zero = i64::from(self.zero);
        let zero = zero + (((goal - zero) * RATES[usize::from(self.seen) % RATES.len()]) >> 16);
        self.zero = zero.clamp(LEAST, 0xffff - LEAST) as u16;
        self.seen = (self.seen + 1).min(SEEN_MOST);
    }
}

pub(super) struct KnownBits<'a> {
    reader: RangeReader<'a>,
    chances: Box<[Chance; PLACES]>,
}

/// The place of a context that is one of very many.
#[allow(clippy::cast_possible_truncation)] // the highest bits only
pub(super) fn hashed(context: u64) -> usize {
    (context.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACES_BITS)) as usize
}

impl<'a> KnownBits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let chances = vec![EVEN; PLACES].into_boxed_slice().try_into().ok()?;
        Some(Self { reader: RangeReader::new(bytes), chances })
    }

    /// Whether it reads behind the end: what it gives then is nothing.
    pub(super) fn over(&self) -> bool {
        self.reader.left() == 0
    }

    /// Contexts mean something else from here on.
    pub(super) fn forget(&mut self) {
        self.chances.fill(EVEN);
    }

    /// A bit that is expected to be zero so much of 2^16.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // a part of the range
    fn expected(&mut self, zero: i64) -> bool {
        let range = self.reader.range();
        let below = ((u64::from(range) * zero.unsigned_abs()) >> 16) as u32;
        self.reader.narrow(below, range - below, false)
    }

    /// A bit by one context.
    #[inline]
    pub(super) fn bit(&mut self, context: usize) -> bool {
        let bit = self.expected(i64::from(self.chances[context % PLACES].zero));
        self.chances[context % PLACES].learn(bit);
        bit
    }

    /// A bit by contexts from the widest to the narrowest.
    pub(super) fn mixed(&mut self, contexts: [usize; 4]) -> bool {
        let [widest, narrower @ ..] = contexts.map(|context| self.chances[context % PLACES]);
        let zero = narrower.iter().fold(i64::from(widest.zero), |zero, chance| {
            let weight = WEIGHTS[usize::from(chance.seen).min(WEIGHTS.len() - 1)];
            zero + (((i64::from(chance.zero) - zero) * weight) >> 16)
        });
        let bit = self.expected(zero);
        contexts.iter().for_each(|context| self.chances[context % PLACES].learn(bit));
        bit
    }

    /// A number of so many bits, the highest first; takes 2^`bits` contexts.
    pub(super) fn tree(&mut self, context: usize, bits: u32) -> usize {
        let node = (0..bits).fold(1, |node, _| node << 1 | usize::from(self.bit(context + node)));
        node - (1 << bits)
    }

    /// A number below 2^31, small ones in few bits: its length, the three bits below its highest by what they are, the
    /// others. Takes 512 contexts.
    pub(super) fn number(&mut self, context: usize) -> usize {
        let mut length = 0;
        while length < 31 && self.bit(context + length) {
            length += 1;
        }
        let known = |node: usize| if node < 8 { node } else { 0 };
        let bit = |node: usize, bits: &mut Self| bits.bit(context + 32 + length * 8 + known(node));
        (0..length).fold(1, |node, _| node << 1 | usize::from(bit(node, self))) - 1
    }
}
