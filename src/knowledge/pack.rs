//! Small numbers in few bits: LEB128, and blocks of 128 in four interleaved lanes, which compilers unpack with vectors
//! (SIMD-BP128, Lemire and Boytsov 2015).

/// Values that are packed together.
pub(super) const BLOCK: usize = 128;

/// Appends LEB128.
#[allow(clippy::cast_possible_truncation)] // seven bits at a time
#[inline]
pub(super) fn put_varint(mut value: u32, mut push: impl FnMut(u8)) {
    while value >= 0x80 {
        push(value as u8 | 0x80);
        value >>= 7;
    }
    push(value as u8);
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

pub(super) fn bits_of(values: &[u32; BLOCK]) -> u32 {
    32 - values.iter().fold(0, |all, v| all | v).leading_zeros()
}

/// Packs 128 values of at most `bits` bits; 16 x bits bytes.
pub(super) fn pack(values: &[u32; BLOCK], bits: u32, out: &mut Vec<u8>) {
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

/// Unpacks 128 values; `bytes` begins with 16 x BITS bytes. Four lanes move together, one vector each step.
#[inline(always)]
fn unpack_bits<const BITS: usize>(bytes: &[u8], out: &mut [u32; BLOCK]) {
    let Some(words) = bytes.as_chunks::<16>().0.first_chunk::<BITS>() else { return };
    let lanes = |word: usize| -> [u32; 4] {
        let lanes = words[word].as_chunks::<4>().0;
        [0, 1, 2, 3].map(|lane: usize| u32::from_le_bytes(lanes[lane]))
    };
    let mask = if BITS == 32 { u32::MAX } else { (1u32 << BITS) - 1 };
    let mut held = lanes(0);
    for (row, values) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let (word, shift) = (row * BITS / 32, row * BITS % 32);
        if shift == 0 {
            held = lanes(word);
        }
        let low = held.map(|lane| lane >> shift);
        *values = if shift + BITS > 32 {
            held = lanes(word + 1);
            let high = held.map(|lane| lane << (32 - shift));
            [0, 1, 2, 3].map(|lane: usize| (low[lane] | high[lane]) & mask)
        } else {
            low.map(|lane| lane & mask)
        };
    }
}

pub(super) fn unpack(bytes: &[u8], bits: u8, out: &mut [u32; BLOCK]) {
    macro_rules! by_bits {
        ($($n:literal)*) => {
            match bits { $($n => unpack_bits::<$n>(bytes, out),)* _ => out.fill(0) }
        };
    }
    by_bits!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
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
