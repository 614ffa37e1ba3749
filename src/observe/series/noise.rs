//! Numbers that jump about, in about as many bits as their noise has: how many bits a number has, its sign, and its
//! first two after the leading one, by what the column had until then; the others as they are.
//!
//! A binary range coder with adaptive probabilities, as LZMA has it (Martin 1979; Pavlov's specification of LZMA), but
//! that what is seen first counts for more (a column has some hundred numbers: it cannot learn slowly). What is read
//! behind the end is zeros: garbage gives garbage, no error.

const PRECISION: u32 = 14;
const LEAST_RANGE: u32 = 1 << 24;
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

/// One side of the coder: takes a bit and writes it, or gives the one that is read.
trait Coder {
    fn range(&self) -> u32;

    /// Goes on in one of the two parts of the range.
    fn narrow(&mut self, below: u32, above: u32, bit: bool) -> bool;

    /// A bit by what is known of it, which is then known better.
    fn chosen(&mut self, chance: &mut Chance, bit: bool) -> bool {
        let below = (self.range() >> PRECISION) * u32::from(chance.zero);
        let bit = self.narrow(below, self.range() - below, bit);
        chance.learn(bit);
        bit
    }

    /// A bit of which nothing is known.
    fn even(&mut self, bit: bool) -> bool {
        let half = self.range() >> 1;
        self.narrow(half, half, bit)
    }
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
    fn number(&mut self, coder: &mut dyn Coder, number: i64) -> i64 {
        let size = number.unsigned_abs();
        let length = u64::BITS - size.leading_zeros();
        let tree = &mut self.lengths[usize::from(self.was_zero)];
        let mut node = 1usize;
        for place in (0..7).rev() {
            let bit = coder.chosen(&mut tree[node % LENGTHS], length >> place & 1 == 1);
            node = node << 1 | usize::from(bit);
        }
        let length = (node % LENGTHS).min(64);
        self.was_zero = length == 0;
        let Some(below) = u32::try_from(length).ok().and_then(|length| length.checked_sub(1)) else {
            return 0;
        };
        let negative = coder.chosen(&mut self.signs[length], number < 0);
        let leading = &mut self.leading[usize::from(negative)][length];
        let (mut out, mut known) = (1u64, 1usize);
        for place in (0..below).rev() {
            let bit = size >> place & 1 == 1;
            let bit = if below - place <= LEADING {
                let bit = coder.chosen(&mut leading[known % (1 << LEADING)], bit);
                known = known << 1 | usize::from(bit);
                bit
            } else {
                coder.even(bit)
            };
            out = out << 1 | u64::from(bit);
        }
        let out = out.cast_signed();
        if negative { out.wrapping_neg() } else { out }
    }
}

struct Writer {
    low: u64,
    range: u32,
    /// The byte that a carry may still change, and how many 0xff follow it.
    held: u8,
    behind: u64,
    begun: bool,
    out: Vec<u8>,
}

impl Writer {
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

    fn finish(mut self) -> Vec<u8> {
        (0..5).for_each(|_| self.shift());
        // What is read behind the end is zeros.
        while self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

impl Coder for Writer {
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

struct Read<'a> {
    bytes: std::slice::Iter<'a, u8>,
    range: u32,
    code: u32,
}

impl Read<'_> {
    fn settle(&mut self) {
        while self.range < LEAST_RANGE {
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(self.bytes.next().copied().unwrap_or(0));
        }
    }
}

impl Coder for Read<'_> {
    fn range(&self) -> u32 {
        self.range
    }

    fn narrow(&mut self, below: u32, above: u32, _: bool) -> bool {
        let bit = self.code >= below;
        self.code -= if bit { below } else { 0 };
        self.range = if bit { above } else { below };
        self.settle();
        bit
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
    let (low, range) = (0, u32::MAX);
    let mut writer = Writer { low, range, held: 0, behind: 0, begun: false, out: Vec::new() };
    let (mut model, mut before) = (Model::new(), 0i64);
    for number in numbers {
        let _ = model.number(&mut writer, number.wrapping_sub(before));
        if told == Told::Differences {
            before = *number;
        }
    }
    writer.finish()
}

/// So many numbers again.
pub(super) fn read(bytes: &[u8], told: Told, count: usize) -> Vec<i64> {
    let mut reader = Read { bytes: bytes.iter(), range: u32::MAX, code: 0 };
    for _ in 0..4 {
        reader.code = reader.code << 8 | u32::from(reader.bytes.next().copied().unwrap_or(0));
    }
    let (mut model, mut before) = (Model::new(), 0i64);
    let mut number = |_| {
        let number = before.wrapping_add(model.number(&mut reader, 0));
        if told == Told::Differences {
            before = number;
        }
        number
    };
    (0..count).map(&mut number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(prop_oneof![Just(0i64), -9i64..9, any::<i32>().prop_map(i64::from), any::<i64>()], 0..300)) {
            for told in [Told::Plain, Told::Differences] {
                prop_assert_eq!(read(&write(&numbers, told), told, numbers.len()), numbers.as_slice());
            }
        }

        #[test]
        fn garbage_is_numbers(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0usize..100) {
            prop_assert_eq!(read(&bytes, Told::Plain, count).len(), count);
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
        assert_eq!(read(&write(&numbers, Told::Plain), Told::Plain, 6), numbers);
    }
}
