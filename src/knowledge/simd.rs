//! The inner loops: dot products of int8 rows, Hamming distances of 1-bit codes, unpacking of postings.
//!
//! One portable form of each, and explicit AVX2 and NEON forms that must give the very same integers
//! (a test holds each against the portable one). The kernel is chosen once, at first use.
#![allow(unsafe_code)]

use std::sync::OnceLock;

/// Which form runs on this CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(target_arch = "aarch64")]
    NeonDotprod,
}

impl Kernel {
    /// The best form that this CPU has.
    #[must_use]
    pub fn detect() -> Self {
        static CHOSEN: OnceLock<Kernel> = OnceLock::new();
        *CHOSEN.get_or_init(|| {
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("popcnt") {
                return Kernel::Avx2;
            }
            #[cfg(target_arch = "aarch64")]
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                return Kernel::NeonDotprod;
            } else if std::arch::is_aarch64_feature_detected!("neon") {
                return Kernel::Neon;
            }
            Kernel::Scalar
        })
    }

    /// As `spud doctor` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => "neon",
            #[cfg(target_arch = "aarch64")]
            Kernel::NeonDotprod => "neon-dotprod",
        }
    }

    /// Dot product of two rows of equal length. Values lie in -127..=127.
    #[inline]
    #[must_use]
    pub fn dot(self, a: &[i8], b: &[i8]) -> i32 {
        let n = a.len().min(b.len());
        let (a, b) = (&a[..n], &b[..n]);
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this variant exists only after AVX2 was detected; both slices hold n values and
            // the kernel reads whole 32-byte groups below n only.
            Kernel::Avx2 if n.is_multiple_of(32) => unsafe { avx2::dot(a, b) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above, for NEON and groups of 16.
            Kernel::Neon if n.is_multiple_of(16) => unsafe { neon::dot(a, b) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above, and dotprod was detected.
            Kernel::NeonDotprod if n.is_multiple_of(16) => unsafe { neon::dot_dotprod(a, b) },
            _ => dot_scalar(a, b),
        }
    }

    /// Dot products of `query` with each row of `rows` (row-major, `query.len()` columns each).
    #[inline]
    pub fn dots(self, query: &[i8], rows: &[i8], out: &mut [i32]) {
        let width = query.len().max(1);
        #[cfg(target_arch = "x86_64")]
        if self == Kernel::Avx2 && (width == 64 || width == 128) && rows.len() >= width * out.len() {
            // SAFETY: AVX2 was detected; `rows` holds `out.len()` rows of `width` values.
            unsafe {
                if width == 64 {
                    avx2::dots::<2>(query, rows, out)
                } else {
                    avx2::dots::<4>(query, rows, out)
                }
            }
            return;
        }
        for (row, slot) in rows.chunks_exact(width).zip(out) {
            *slot = self.dot(query, row);
        }
    }

    /// Hamming distance of `query` to each code of `codes` (`query.len()` 64-bit words each, little-endian
    /// bytes); more than 255 counts as 255.
    #[inline]
    pub fn hammings(self, query: &[u64], codes: &[u8], out: &mut [u8]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this variant exists only after AVX2 and POPCNT were detected.
            Kernel::Avx2 => unsafe { avx2::hammings(query, codes, out) },
            _ => hammings_inline(query, codes, out),
        }
    }

    /// Appends to `out` the places of the distances that are at most `cut`.
    #[inline]
    pub fn within(self, distances: &[u8], cut: u8, out: &mut Vec<u32>) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this variant exists only after AVX2 was detected.
            Kernel::Avx2 => unsafe { avx2::within(distances, cut, out) },
            _ => within_scalar(distances, cut, 0, out),
        }
    }
}

#[inline]
fn within_scalar(distances: &[u8], cut: u8, first: u32, out: &mut Vec<u32>) {
    out.extend((first..).zip(distances).filter(|(_, distance)| **distance <= cut).map(|(at, _)| at));
}

#[inline]
fn dot_scalar(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

/// Plain loops over slices of one length: nothing here may stay a call.
#[inline(always)]
fn hammings_inline(query: &[u64], codes: &[u8], out: &mut [u8]) {
    let words = codes.as_chunks::<8>().0;
    match query {
        [q] => {
            let count = out.len().min(words.len());
            let (words, out) = (&words[..count], &mut out[..count]);
            for at in 0..count {
                out[at] = distance(*q, words[at]) as u8;
            }
        }
        [q0, q1] => {
            let pairs = words.as_chunks::<2>().0;
            let count = out.len().min(pairs.len());
            let (pairs, out) = (&pairs[..count], &mut out[..count]);
            for at in 0..count {
                let [low, high] = pairs[at];
                out[at] = (distance(*q0, low) + distance(*q1, high)) as u8;
            }
        }
        _ => {
            for (code, slot) in words.chunks_exact(query.len().max(1)).zip(out) {
                let sum: u32 = query.iter().zip(code).map(|(q, c)| distance(*q, *c)).sum();
                *slot = u8::try_from(sum).unwrap_or(u8::MAX);
            }
        }
    }
}

#[inline(always)]
fn distance(q: u64, code: [u8; 8]) -> u32 {
    (q ^ u64::from_le_bytes(code)).count_ones()
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtsi128_si32, _mm_prefetch, _mm_shuffle_epi32,
        _mm256_abs_epi8, _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cmpeq_epi8,
        _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
        _mm256_min_epu8, _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256,
        _mm256_sign_epi8,
    };

    /// 32 products: |a| as unsigned times b with a's sign. Pairs stay below 2 x 127 x 127 < 2^15.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn step(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
        _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn total(sum: __m256i) -> i32 {
        let half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        let quarter = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
        _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32::<0b10_11_00_01>(quarter)))
    }

    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn dot(a: &[i8], b: &[i8]) -> i32 {
        let mut sum = _mm256_setzero_si256();
        let mut at = 0;
        while at + 32 <= a.len() {
            // SAFETY: at + 32 is within both slices (equal lengths, checked by the caller).
            unsafe {
                let x = _mm256_loadu_si256(a.as_ptr().add(at).cast());
                let y = _mm256_loadu_si256(b.as_ptr().add(at).cast());
                sum = step(sum, x, y);
            }
            at += 32;
        }
        // SAFETY: AVX2 is enabled in this function.
        unsafe { total(sum) }
    }

    /// `GROUPS` x 32 columns; the query stays in registers.
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) unsafe fn dots<const GROUPS: usize>(query: &[i8], rows: &[i8], out: &mut [i32]) {
        let mut q = [_mm256_setzero_si256(); GROUPS];
        for (i, slot) in q.iter_mut().enumerate() {
            // SAFETY: the query holds GROUPS x 32 values (checked by the caller).
            *slot = unsafe { _mm256_loadu_si256(query.as_ptr().add(i * 32).cast()) };
        }
        let mut row = rows.as_ptr();
        for slot in out.iter_mut() {
            let mut sum = _mm256_setzero_si256();
            // SAFETY: the caller guarantees out.len() rows of GROUPS x 32 values; a prefetch past the
            // end has no effect.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(2048));
                for (i, x) in q.iter().enumerate() {
                    sum = step(sum, *x, _mm256_loadu_si256(row.add(i * 32).cast()));
                }
                *slot = total(sum);
                row = row.wrapping_add(GROUPS * 32);
            }
        }
    }

    #[target_feature(enable = "avx2,popcnt")]
    pub(super) unsafe fn hammings(query: &[u64], codes: &[u8], out: &mut [u8]) {
        super::hammings_inline(query, codes, out);
    }

    /// 32 distances at a time; most groups have none within the cut.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn within(distances: &[u8], cut: u8, out: &mut Vec<u32>) {
        let mut first = 0;
        let (groups, rest) = distances.as_chunks::<32>();
        let most = _mm256_set1_epi8(cut.cast_signed());
        for group in groups {
            // SAFETY: a group is 32 bytes.
            let group = unsafe { _mm256_loadu_si256(group.as_ptr().cast()) };
            let inside = _mm256_cmpeq_epi8(_mm256_min_epu8(group, most), group);
            let mut bits = _mm256_movemask_epi8(inside).cast_unsigned();
            while bits != 0 {
                out.push(first + bits.trailing_zeros());
                bits &= bits - 1;
            }
            first += 32;
        }
        super::within_scalar(rest, cut, first, out);
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::{
        int32x4_t, vaddvq_s32, vdupq_n_s32, vget_low_s8, vld1q_s8, vmull_high_s8, vmull_s8, vpadalq_s16,
    };

    #[target_feature(enable = "neon")]
    pub(super) unsafe fn dot(a: &[i8], b: &[i8]) -> i32 {
        let mut sum = vdupq_n_s32(0);
        let mut at = 0;
        while at + 16 <= a.len() {
            // SAFETY: at + 16 is within both slices (equal lengths, checked by the caller).
            let (x, y) = unsafe { (vld1q_s8(a.as_ptr().add(at)), vld1q_s8(b.as_ptr().add(at))) };
            sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(x), vget_low_s8(y)));
            sum = vpadalq_s16(sum, vmull_high_s8(x, y));
            at += 16;
        }
        vaddvq_s32(sum)
    }

    /// SDOT by its mnemonic: its intrinsic is not stable.
    #[target_feature(enable = "neon,dotprod")]
    pub(super) unsafe fn dot_dotprod(a: &[i8], b: &[i8]) -> i32 {
        let mut sum: int32x4_t = vdupq_n_s32(0);
        let mut at = 0;
        while at + 16 <= a.len() {
            // SAFETY: at + 16 is within both slices; the instruction reads registers only.
            unsafe {
                let (x, y) = (vld1q_s8(a.as_ptr().add(at)), vld1q_s8(b.as_ptr().add(at)));
                std::arch::asm!("sdot {s:v}.4s, {x:v}.16b, {y:v}.16b", s = inout(vreg) sum, x = in(vreg) x,
                    y = in(vreg) y, options(pure, nomem, nostack));
            }
            at += 16;
        }
        vaddvq_s32(sum)
    }
}

/// int8 view of mapped bytes.
#[inline]
#[must_use]
pub fn as_i8(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have the same size and alignment, and every bit pattern is valid for both.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// Byte view of int8 values.
#[inline]
#[must_use]
pub fn as_u8(values: &[i8]) -> &[u8] {
    // SAFETY: as in `as_i8`.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}

/// Asks for the memory of a value that is wanted soon, and does not wait for it.
#[inline]
pub(super) fn prefetch<T>(value: &T) {
    let place = std::ptr::from_ref(value);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE; a prefetch reads nothing that a program could see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: `prfm` is in the base instruction set; it faults on no address and changes no register.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) place, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn kernels_agree(seed in prop::collection::vec(-127i8..=127, 128 * 6), width in prop::sample::select(vec![32usize, 64, 96, 128])) {
            let kernel = Kernel::detect();
            let (query, rows) = seed.split_at(width);
            let n = rows.len() / width;
            let mut fast = vec![0; n];
            kernel.dots(query, &rows[..n * width], &mut fast);
            for (row, got) in rows.chunks_exact(width).zip(fast) {
                prop_assert_eq!(got, dot_scalar(query, row));
                prop_assert_eq!(kernel.dot(query, row), got);
            }
        }

        #[test]
        fn hammings_agree(words in prop::collection::vec(any::<u64>(), 24), n in 1usize..7) {
            let (query, codes) = words.split_at(n);
            let bytes: Vec<u8> = codes.iter().flat_map(|w| w.to_le_bytes()).collect();
            let count = codes.len() / n;
            let mut got = vec![0; count];
            Kernel::detect().hammings(query, &bytes[..count * n * 8], &mut got);
            for (code, d) in codes.chunks_exact(n).zip(got) {
                let want: u32 = query.iter().zip(code).map(|(a, b)| (a ^ b).count_ones()).sum();
                prop_assert_eq!(u32::from(d), want.min(255));
            }
        }

        #[test]
        fn within_agrees(distances in prop::collection::vec(any::<u8>(), 0..200), cut in any::<u8>()) {
            let (mut fast, mut plain) = (vec![7], vec![7]);
            Kernel::detect().within(&distances, cut, &mut fast);
            within_scalar(&distances, cut, 0, &mut plain);
            prop_assert_eq!(fast, plain);
        }
    }
}
