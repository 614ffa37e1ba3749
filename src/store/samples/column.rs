//! One series of a block: its values, by the cheapest of a few ways to write them. Lossless to the last bit.
//!
//! ```text
//! constant  the bits of the one value
//! same      number of the earlier column that has the same bits
//! decimal   digits after the point, 4 bits · bits left out at the end, 4 bits · places that are no such numbers
//!           · first · differences
//! noise     the same, but for the numbers: how they are told u8 · the number in their middle, where each is told by
//!           itself · place and length of the numbers among the bytes apart, see `noise`
//! raw       the bits of each value, xor-ed with those before, byte by byte of all values (high bytes first)
//! ```
//! Decimal numbers are what counters and most gauges are: whole numbers once the point is moved (nine digits: what
//! was timed in nanoseconds), multiples of 4096 where they are pages of memory. They are written as differences, or as differences of differences where that is shorter (counters that rise evenly). What is
//! none of them (an absent value, a mark, NaN) is written apart, by its place and bits.

use super::bytes::{Malformed, Reader, put, put_signed};
use super::noise::{self, Told};
use crate::base::InOrder;

/// Digits after the point that are tried.
pub const DIGITS: u8 = 9;
/// Zeros at the end of all whole numbers that may be left out.
const ZEROS: u32 = 15;
/// Beyond it, whole numbers are not all floats.
const LARGEST: f64 = 9_007_199_254_740_992.0;
/// More exceptions than one in so many values, and a column is written raw.
const EXCEPTIONS_PART: usize = 4;

/// Fewer values teach the coder of noise nothing.
const NOISE_VALUES: usize = 64;
/// It is slower to read: worth it for numbers that are so much shorter.
const NOISE_PART: (usize, usize) = (9, 10);

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Way {
    Constant = 0,
    Same = 1,
    Deltas = 2,
    DeltasOfDeltas = 3,
    Raw = 4,
    Noise = 5,
}

impl Way {
    pub(super) fn parse(byte: u8) -> Result<Self, Malformed> {
        [Self::Constant, Self::Same, Self::Deltas, Self::DeltasOfDeltas, Self::Raw, Self::Noise]
            .into_iter()
            .find(|way| *way as u8 == byte)
            .ok_or(Malformed)
    }
}

/// Writes values (as bits) behind `out`, and says how. None is empty. What no compressor makes smaller goes behind
/// `apart`.
pub(super) fn encode(values: &[u64], out: &mut Vec<u8>, apart: &mut Vec<u8>) -> Way {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|value| *value == first) {
        out.extend_from_slice(&first.to_le_bytes());
        return Way::Constant;
    }
    let mut best: Option<(Way, Vec<u8>)> = None;
    let mut jumpy = None;
    if let Some((digits, mut wholes, exceptions)) = decimals(values) {
        let zeros = wholes.iter().fold(0, |all, whole| all | whole).trailing_zeros().min(ZEROS);
        wholes.iter_mut().for_each(|whole| *whole >>= zeros);
        let mut head = vec![digits | u8::try_from(zeros << 4).unwrap_or(0)];
        put(&mut head, exceptions.len() as u64);
        let mut last = 0;
        for (at, bits) in &exceptions {
            put(&mut head, (*at - last) as u64);
            head.extend_from_slice(&bits.to_le_bytes());
            last = *at;
        }
        for way in [Way::Deltas, Way::DeltasOfDeltas] {
            let mut body = head.clone();
            let (mut before, mut step) = (0i64, 0i64);
            for whole in &wholes {
                let delta = whole.wrapping_sub(before);
                match way {
                    Way::Deltas => put_signed(&mut body, delta),
                    _ => put_signed(&mut body, delta.wrapping_sub(step)),
                }
                (before, step) = (*whole, delta);
            }
            // The same length tells nothing: the plain differences compress no worse.
            if best.as_ref().is_none_or(|(_, known)| cost(&body) < cost(known)) {
                best = Some((way, body));
            }
        }
        jumpy = Some((head, wholes));
    }
    if let (Some((_, body)), Some((mut head, wholes))) = (&best, jumpy)
        && let Some((told, middle, numbers)) = noise_of(&wholes, body)
    {
        head.push(told as u8);
        put_signed(&mut head, middle);
        put(&mut head, apart.len() as u64);
        put(&mut head, numbers.len() as u64);
        out.extend_from_slice(&head);
        apart.extend_from_slice(&numbers);
        return Way::Noise;
    }
    let raw_bytes = values.len() * 8;
    match best {
        Some((way, body)) if body.len() < raw_bytes => {
            out.extend_from_slice(&body);
            way
        }
        _ => {
            raw(values, out);
            Way::Raw
        }
    }
}

/// The numbers as noise, where that is shorter by a good part than what a compressor would make of the other form.
fn noise_of(wholes: &[i64], other: &[u8]) -> Option<(Told, i64, Vec<u8>)> {
    if wholes.len() < NOISE_VALUES {
        return None;
    }
    let middle = {
        let mut sorted = wholes.to_vec();
        sorted.order();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    };
    let apart: Vec<i64> = wholes.iter().map(|whole| whole.wrapping_sub(middle)).collect();
    let plain = noise::write(&apart, Told::Plain);
    let walk = noise::write(wholes, Told::Differences);
    let (told, middle, numbers) =
        if plain.len() < walk.len() { (Told::Plain, middle, plain) } else { (Told::Differences, 0, walk) };
    let compressed = zstd::bulk::compress(other, 1).map_or(usize::MAX, |bytes| bytes.len());
    (numbers.len() * NOISE_PART.1 < compressed * NOISE_PART.0).then_some((told, middle, numbers))
}

/// About what bytes cost once they are compressed: zeros and repetitions little, others by the bit.
fn cost(body: &[u8]) -> usize {
    let pairs = body.iter().zip(body.iter().skip(1));
    let repeated = pairs.filter(|(a, b)| a == b).count();
    body.iter().map(|byte| 8 - byte.leading_zeros() as usize).sum::<usize>() + 2 * (body.len() - repeated)
}

type Decimals = (u8, Vec<i64>, Vec<(usize, u64)>);

/// The values as whole numbers with the point moved, and those that are none; what is missing repeats the value
/// before. Nothing where too many are none.
fn decimals(values: &[u64]) -> Option<Decimals> {
    let most = values.len() / EXCEPTIONS_PART;
    // What is no finite number is one with no digits; neither is minus zero, whose sign a whole number has not.
    let is_odd = |bits: u64| !f64::from_bits(bits).is_finite() || bits == (-0.0f64).to_bits();
    let mut digits = 0;
    let mut odd = 0;
    for value in values {
        if is_odd(*value) {
            odd += 1;
            continue;
        }
        while digits <= DIGITS && whole(*value, digits).is_none() {
            digits += 1;
        }
        if digits > DIGITS {
            return None;
        }
    }
    // A mark for what is not there may fill most of a column.
    if odd == values.len() || (odd > most && odd > values.len() / 2 + most) {
        return None;
    }
    let mut wholes = Vec::with_capacity(values.len());
    let mut exceptions = Vec::new();
    let mut before = values.iter().find_map(|value| whole(*value, digits)).unwrap_or(0);
    for (at, value) in values.iter().enumerate() {
        match whole(*value, digits) {
            Some(whole) if !is_odd(*value) => before = whole,
            _ => exceptions.push((at, *value)),
        }
        wholes.push(before);
    }
    Some((digits, wholes, exceptions))
}

const TENS: [f64; DIGITS as usize + 1] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// The whole number that comes back as exactly this value; minus zero has none.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // checked: it is whole and below 2^53
pub fn whole(bits: u64, digits: u8) -> Option<i64> {
    let ten = TENS.get(usize::from(digits))?;
    let moved = (f64::from_bits(bits) * ten).round();
    if moved.is_nan() || moved.abs() >= LARGEST {
        return None;
    }
    let whole = moved as i64;
    (value_of(whole, digits) == bits).then_some(whole)
}

#[allow(clippy::cast_precision_loss)] // below 2^53 where it was written by us
pub fn value_of(whole: i64, digits: u8) -> u64 {
    let ten = TENS.get(usize::from(digits)).copied().unwrap_or(1.0);
    (whole as f64 / ten).to_bits()
}

fn raw(values: &[u64], out: &mut Vec<u8>) {
    let mut before = 0;
    let changed: Vec<[u8; 8]> = values
        .iter()
        .map(|value| {
            let changed = (value ^ before).to_be_bytes();
            before = *value;
            changed
        })
        .collect();
    for plane in 0..8 {
        out.extend(changed.iter().filter_map(|bytes| bytes.get(plane)));
    }
}

/// Values that were read, and the memory they are read with: columns are many.
#[derive(Debug, Default)]
pub(super) struct Values {
    wholes: Vec<i64>,
    pub(super) bits: Vec<u64>,
}

/// Reads `count` values that were written this way; [`Way::Same`] is resolved by whoever has all columns.
pub(super) fn decode(
    way: Way,
    bytes: &[u8],
    apart: &[u8],
    count: usize,
    into: &mut Values,
) -> Result<(), Malformed> {
    let mut reader = Reader(bytes);
    let Values { wholes, bits } = into;
    bits.clear();
    wholes.clear();
    match way {
        Way::Same => return Err(Malformed),
        Way::Constant => bits.resize(count, reader.bits()?),
        Way::Raw => {
            let planes = reader.bytes(count.checked_mul(8).ok_or(Malformed)?)?;
            let mut before = 0;
            let value = |at: usize| {
                let bytes = (0..8).map(|plane| planes.get(plane * count + at).copied().unwrap_or(0));
                before ^= bytes.fold(0, |all: u64, byte| all << 8 | u64::from(byte));
                before
            };
            bits.extend((0..count).map(value));
        }
        Way::Deltas | Way::DeltasOfDeltas | Way::Noise => {
            let form = *reader.bytes(1)?.first().ok_or(Malformed)?;
            let (digits, zeros) = (form & 0xf, form >> 4);
            if digits > DIGITS {
                return Err(Malformed);
            }
            let mut exceptions = Vec::new();
            let mut place = 0usize;
            for _ in 0..reader.count(count)? {
                place = place.checked_add(reader.count(count)?).ok_or(Malformed)?;
                exceptions.push((place, reader.bits()?));
            }
            match way {
                Way::Noise => jumping(&mut reader, apart, count, wholes)?,
                Way::Deltas => differences::<false>(reader, count, wholes)?,
                _ => differences::<true>(reader, count, wholes)?,
            }
            let value = |digits| wholes.iter().map(move |whole| value_of(whole << zeros, digits));
            // What is counted in ones needs no point: a constant here.
            if digits == 0 {
                bits.extend(value(0))
            } else {
                bits.extend(value(digits))
            }
            for (place, odd) in exceptions {
                *bits.get_mut(place).ok_or(Malformed)? = odd;
            }
        }
    }
    Ok(())
}

fn differences<const TWICE: bool>(
    mut reader: Reader<'_>,
    count: usize,
    wholes: &mut Vec<i64>,
) -> Result<(), Malformed> {
    // A number has a byte at least.
    if count > reader.0.len() {
        return Err(Malformed);
    }
    wholes.resize(count, 0);
    let (mut before, mut step) = (0i64, 0i64);
    for whole in wholes {
        let mut delta = reader.signed()?;
        if TWICE {
            delta = delta.wrapping_add(step);
            step = delta;
        }
        before = before.wrapping_add(delta);
        *whole = before;
    }
    Ok(())
}

fn jumping(
    reader: &mut Reader<'_>,
    apart: &[u8],
    count: usize,
    wholes: &mut Vec<i64>,
) -> Result<(), Malformed> {
    let told = match reader.bytes(1)? {
        [0] => Told::Plain,
        [1] => Told::Differences,
        _ => return Err(Malformed),
    };
    let (middle, start) = (reader.signed()?, reader.count(apart.len())?);
    let end = start.checked_add(reader.count(apart.len())?).ok_or(Malformed)?;
    noise::read(apart.get(start..end).ok_or(Malformed)?, told, count, wholes);
    wholes.iter_mut().for_each(|whole| *whole = whole.wrapping_add(middle));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(way: Way, bytes: &[u8], apart: &[u8], count: usize) -> Result<Vec<u64>, Malformed> {
        let mut values = Values::default();
        decode(way, bytes, apart, count, &mut values).map(|()| values.bits)
    }

    fn back(values: &[f64]) -> Way {
        let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
        let (mut out, mut apart) = (Vec::new(), vec![9, 9]);
        let way = encode(&bits, &mut out, &mut apart);
        assert_eq!(read(way, &out, &apart, bits.len()).unwrap(), bits, "{values:?}");
        way
    }

    #[test]
    fn each_way_is_used_for_what_it_is_made_for() {
        assert_eq!(back(&[3.5; 40]), Way::Constant);
        assert_eq!(back(&[f64::NAN; 40]), Way::Constant);
        let even: Vec<f64> = (0..40).map(|at| 1e9 + f64::from(at) * 1500.0).collect();
        assert_eq!(back(&even), Way::DeltasOfDeltas);
        let mut seed = 1u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed >> 25) / 100.0
        };
        let noise: Vec<f64> = (0..40).map(|_| next()).collect();
        assert_eq!(back(&noise), Way::Deltas);
        let wild: Vec<f64> = (1..40).map(|at| f64::from(at).sqrt()).collect();
        assert_eq!(back(&wild), Way::Raw);
    }

    #[test]
    fn nanoseconds_and_pages_are_whole_numbers() {
        let mut seed = 7u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(seed >> 12)
        };
        let timed: Vec<f64> = (0..60).map(|_| next() / 1e9).collect();
        assert_eq!(back(&timed), Way::Deltas);
        let timed: Vec<f64> = (0..600).map(|_| next() / 1e9).collect();
        assert_eq!(back(&timed), Way::Noise);
        let (mut pages, mut counts) = (Vec::new(), Vec::new());
        let numbers: Vec<f64> = (0..60).map(|_| next()).collect();
        let write = |factor: f64, out: &mut Vec<u8>| {
            let values: Vec<u64> = numbers.iter().map(|number| (number * factor).to_bits()).collect();
            encode(&values, out, &mut Vec::new())
        };
        assert_eq!(write(4096.0, &mut pages), write(1.0, &mut counts));
        assert_eq!(pages.len(), counts.len(), "twelve zeros are no bytes");
    }

    #[test]
    fn odd_values_keep_their_bits() {
        let stale = f64::from_bits(0x7ff0_0000_0000_0002);
        let mut values: Vec<f64> = (0..30).map(f64::from).collect();
        for (at, odd) in [(0, stale), (3, -0.0), (7, f64::INFINITY), (8, f64::NEG_INFINITY), (29, f64::NAN)] {
            values[at] = odd;
        }
        assert_eq!(back(&values), Way::DeltasOfDeltas);
        back(&[-0.0, 0.0]);
        back(&[f64::MIN_POSITIVE, f64::MAX, 5e-324, 9_007_199_254_740_993.0]);
        back(&[0.1 + 0.2, 0.3]);
        back(&[stale, 1.0, stale, stale, stale, stale, stale]);
    }

    proptest! {
        #[test]
        fn any_bits_come_back(bits in prop::collection::vec(any::<u64>(), 1..60)) {
            let (mut out, mut apart) = (Vec::new(), Vec::new());
            let way = encode(&bits, &mut out, &mut apart);
            prop_assert_eq!(read(way, &out, &apart, bits.len()).unwrap(), bits);
        }

        #[test]
        fn decimals_come_back(parts in prop::collection::vec((any::<i32>(), 0u8..=DIGITS), 1..160)) {
            let bits: Vec<u64> = parts.iter().map(|(whole, digits)| (f64::from(*whole) / TENS[usize::from(*digits)]).to_bits()).collect();
            let (mut out, mut apart) = (Vec::new(), Vec::new());
            let way = encode(&bits, &mut out, &mut apart);
            prop_assert_eq!(read(way, &out, &apart, bits.len()).unwrap(), bits);
        }

        #[test]
        fn garbage_is_an_error_or_values(way in 0u8..7, bytes in prop::collection::vec(any::<u8>(), 0..80), count in 0usize..50) {
            if let Ok(way) = Way::parse(way) && let Ok(values) = read(way, &bytes, &bytes, count) {
                prop_assert_eq!(values.len(), count);
            }
        }
    }
}
