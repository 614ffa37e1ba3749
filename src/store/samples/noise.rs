//! Numbers that jump about, in about as many bits as their noise has: how many bits a number has, its sign, and its
//! first two after the leading one, by what the column had until then; the others as they are.
//!
//! What a column shows first counts for more (it has some hundred numbers: it cannot learn slowly). What is read behind
//! the end is zeros: garbage gives garbage, no error.

use crate::base::{RangeCoder, RangeReader, RangeWriter};

const PRECISION: u32 = 14;
/// Bits of a number are told in a tree of seven decisions.
const LENGTHS: usize = 128;
/// Bits after the leading one that are told by what was.
const LEADING: u32 = 2;
/// Decisions after which a chance moves no slower.
const SETTLED: u8 = 30;

/// How likely a decision is zero.
#[derive(Clone, Copy)]
struct Chance {
    zero: u16,
    seen: u8,
}

const EVEN: Chance = Chance { zero: 1 << (PRECISION - 1), seen: 0 };

impl Chance {
    /// Moves by the part 1 / (seen + 1.6): nearly the mean of what was seen, at first.
    fn learn(&mut self, bit: bool) {
        let part = 10 * u32::from(self.seen) + 16;
        let (zero, one) = (u32::from(self.zero), (1 << PRECISION) - u32::from(self.zero));
        let zero = if bit { zero - zero * 10 / part } else { zero + one * 10 / part };
        // Nothing is certain: it could not be told if it came otherwise.
        self.zero = u16::try_from(zero.clamp(1 << 3, (1 << PRECISION) - (1 << 3))).unwrap_or(EVEN.zero);
        self.seen = (self.seen + 1).min(SETTLED);
    }
}

/// What is known of a column so far.
struct Model {
    /// By whether the number before was zero.
    lengths: [[Chance; LENGTHS]; 2],
    /// By the number of bits.
    signs: [Chance; LENGTHS],
    /// By sign, number of bits, and the leading ones that are known.
    leading: [[[Chance; 1 << LEADING]; LENGTHS]; 2],
    was_zero: bool,
}

/// A bit by what is known of it, which is then known better.
fn chosen(coder: &mut dyn RangeCoder, chance: &mut Chance, bit: bool) -> bool {
    let below = (coder.range() >> PRECISION) * u32::from(chance.zero);
    let bit = coder.narrow(below, coder.range() - below, bit);
    chance.learn(bit);
    bit
}

/// A bit of which nothing is known.
fn even(coder: &mut dyn RangeCoder, bit: bool) -> bool {
    let half = coder.range() >> 1;
    coder.narrow(half, half, bit)
}

impl Model {
    const fn new() -> Self {
        Self {
            lengths: [[EVEN; LENGTHS]; 2],
            signs: [EVEN; LENGTHS],
            leading: [[[EVEN; 1 << LEADING]; LENGTHS]; 2],
            was_zero: true,
        }
    }

    /// Codes a number; who reads gives any.
    fn number(&mut self, coder: &mut dyn RangeCoder, number: i64) -> i64 {
        let size = number.unsigned_abs();
        let length = u64::BITS - size.leading_zeros();
        let tree = &mut self.lengths[usize::from(self.was_zero)];
        let mut node = 1usize;
        for place in (0..7).rev() {
            let bit = chosen(coder, &mut tree[node % LENGTHS], length >> place & 1 == 1);
            node = node << 1 | usize::from(bit);
        }
        let length = (node % LENGTHS).min(64);
        self.was_zero = length == 0;
        let Some(below) = u32::try_from(length).ok().and_then(|length| length.checked_sub(1)) else {
            return 0;
        };
        let negative = chosen(coder, &mut self.signs[length], number < 0);
        let leading = &mut self.leading[usize::from(negative)][length];
        let (mut out, mut known) = (1u64, 1usize);
        for place in (0..below).rev() {
            let bit = size >> place & 1 == 1;
            let bit = if below - place <= LEADING {
                let bit = chosen(coder, &mut leading[known % (1 << LEADING)], bit);
                known = known << 1 | usize::from(bit);
                bit
            } else {
                even(coder, bit)
            };
            out = out << 1 | u64::from(bit);
        }
        let out = out.cast_signed();
        if negative { out.wrapping_neg() } else { out }
    }
}

/// How numbers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Each by itself.
    Plain,
    /// By its difference to the one before.
    Differences,
}

/// Numbers as bytes.
pub(super) fn write(numbers: &[i64], told: Told) -> Vec<u8> {
    let mut writer = RangeWriter::default();
    let (mut model, mut before) = (Model::new(), 0i64);
    for number in numbers {
        let _ = model.number(&mut writer, number.wrapping_sub(before));
        if told == Told::Differences {
            before = *number;
        }
    }
    writer.finish()
}

/// So many numbers again, behind `into`.
pub(super) fn read(bytes: &[u8], told: Told, count: usize, into: &mut Vec<i64>) {
    let mut reader = RangeReader::new(bytes);
    let (mut model, mut before) = (Model::new(), 0i64);
    for _ in 0..count {
        let number = before.wrapping_add(model.number(&mut reader, 0));
        if told == Told::Differences {
            before = number;
        }
        into.push(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn again(bytes: &[u8], told: Told, count: usize) -> Vec<i64> {
        let mut numbers = Vec::new();
        read(bytes, told, count, &mut numbers);
        numbers
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(prop_oneof![Just(0i64), -9i64..9, any::<i32>().prop_map(i64::from), any::<i64>()], 0..300)) {
            for told in [Told::Plain, Told::Differences] {
                prop_assert_eq!(again(&write(&numbers, told), told, numbers.len()), numbers.as_slice());
            }
        }

        #[test]
        fn garbage_is_numbers(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0usize..100) {
            prop_assert_eq!(again(&bytes, Told::Plain, count).len(), count);
        }
    }

    #[test]
    fn noise_takes_its_entropy_and_stillness_nothing() {
        let mut seed = 1u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(seed >> 22)
        };
        let noise: Vec<i64> = (0..4000).map(|_| 5_000_000 + next()).collect();
        let bits = |bytes: usize| bytes * 8 / noise.len();
        assert!(bits(write(&noise, Told::Differences).len()) <= 12, "ten bits and the difference");
        let still: Vec<i64> = (0..4000).map(|at| i64::from(at % 1000 == 0)).collect();
        assert!(write(&still, Told::Plain).len() < 120);
    }

    /// The stored form must not change without a new version.
    #[test]
    fn golden() {
        let numbers = [0, 0, 7, -3, 1_000_000, 7];
        assert_eq!(write(&numbers, Told::Plain), [0, 62, 104, 39, 16, 228, 39, 50, 251, 76]);
        assert_eq!(again(&write(&numbers, Told::Plain), Told::Plain, 6), numbers);
    }
}
