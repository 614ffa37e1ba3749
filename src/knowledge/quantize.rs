//! Float vectors to int8 with an f16 scale, and to centred 1-bit codes.

use half::f16;

/// Symmetric int8: `value = scale x code`, codes in -127..=127. A zero vector has scale 0.
#[allow(clippy::cast_possible_truncation)] // rounded into -127..=127
pub(super) fn to_int8(vector: &[f32], out: &mut Vec<i8>) -> f16 {
    let peak = vector.iter().fold(0f32, |m, x| m.max(x.abs()));
    if peak <= 0.0 || !peak.is_finite() {
        out.extend(std::iter::repeat_n(0, vector.len()));
        return f16::ZERO;
    }
    // The scale is rounded to f16 first, so that codes fit the scale that is stored.
    let scale = f16::from_f32(peak / 127.0);
    let step = scale.to_f32().max(f32::MIN_POSITIVE);
    out.extend(vector.iter().map(|x| (x / step).round().clamp(-127.0, 127.0) as i8));
    scale
}

/// f16 to f32 for the scales of stored vectors: zero, or positive and normal (a unit vector of at most 1,024
/// columns has its largest value above 2^-5, so its scale above 2^-12).
#[inline]
pub(super) fn scale_to_f32(bits: u16) -> f32 {
    if bits == 0 { 0.0 } else { f32::from_bits((u32::from(bits) << 13) + 0x3800_0000) }
}

/// One bit per column, set where the vector lies above the mean (corpus-centred sign code).
pub(super) fn to_code(values: impl Iterator<Item = f32>, mean: &[f32], out: &mut Vec<u8>) {
    let mut byte = 0u8;
    for (column, (value, centre)) in values.zip(mean).enumerate() {
        byte |= u8::from(value > *centre) << (column % 8);
        if column % 8 == 7 {
            out.push(byte);
            byte = 0;
        }
    }
}

/// The code of a query, as words.
pub(super) fn query_code(query: &[f32], mean: &[f32]) -> Vec<u64> {
    let mut bytes = Vec::with_capacity(query.len() / 8);
    to_code(query.iter().copied(), mean, &mut bytes);
    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn int8_keeps_two_digits(values in prop::collection::vec(-1f32..1.0, 64)) {
            let norm = values.iter().map(|x| x * x).sum::<f32>().sqrt();
            prop_assume!(norm > 0.1);
            let unit: Vec<f32> = values.iter().map(|x| x / norm).collect();
            let mut codes = Vec::new();
            let scale = to_int8(&unit, &mut codes);
            prop_assert_eq!(scale_to_f32(scale.to_bits()), scale.to_f32());
            for (x, code) in unit.iter().zip(codes) {
                prop_assert!((x - f32::from(code) * scale.to_f32()).abs() <= scale.to_f32() * 0.51 + 1e-4);
            }
        }
    }

    #[test]
    fn codes_are_signs_about_the_mean() {
        let mean = vec![0.5; 64];
        let mut vector = vec![0.0; 64];
        vector[3] = 0.9;
        assert_eq!(query_code(&vector, &mean), [8]);
    }
}
