//! A histogram of whole numbers in log-linear buckets: 32 of equal width in every power of two, so that any value
//! is known to within 1/32 of itself, whatever its size.
//!
//! The buckets of a power are made when the first value falls into it: a histogram of latencies, which span a few
//! powers, takes about 2 KB instead of 15.
//!
//! ```text
//! value < 32            bucket = value
//! 2^e <= value < 2^e+1  bucket = (e - 4) * 32 + the five bits after the leading one
//! ```

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const BITS: u32 = 5;
const WIDTH: usize = 1 << BITS;
/// Powers of two that are told apart; what is larger is counted with the largest (2^40 µs are 12 days).
const POWERS: usize = 37;

type Row = Box<[AtomicU64; WIDTH]>;

/// Counts values; what they mean is its owner's business (microseconds, mostly).
#[derive(Debug)]
pub struct Histogram {
    rows: [OnceLock<Row>; POWERS],
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { rows: [const { OnceLock::new() }; POWERS], sum: AtomicU64::new(0) }
    }
}

/// The row and the place in it.
#[inline]
fn place(value: u64) -> (usize, usize) {
    if value < WIDTH as u64 {
        return (0, usize::try_from(value).unwrap_or(0));
    }
    let power = 63 - value.leading_zeros();
    let row = (power - BITS + 1) as usize;
    if row >= POWERS {
        return (POWERS - 1, WIDTH - 1);
    }
    let part = (value >> (power - BITS)) & (WIDTH as u64 - 1);
    (row, usize::try_from(part).unwrap_or(0))
}

/// The least value of a bucket.
fn least(row: usize, part: usize) -> u64 {
    if row == 0 { part as u64 } else { (WIDTH as u64 + part as u64) << (row - 1) }
}

/// Values that a bucket holds.
fn span(row: usize) -> u64 {
    1 << row.saturating_sub(1)
}

impl Histogram {
    /// Counts a value: two relaxed additions.
    #[inline]
    pub fn observe(&self, value: u64) {
        let (row, part) = place(value);
        let Some(row) = self.rows.get(row) else { return };
        let row = row.get_or_init(|| Box::new([const { AtomicU64::new(0) }; WIDTH]));
        if let Some(bucket) = row.get(part) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut all = Snapshot { buckets: Vec::new(), sum: self.sum.load(Ordering::Relaxed) };
        for (number, row) in self.rows.iter().enumerate() {
            let Some(row) = row.get() else { continue };
            for (part, bucket) in row.iter().enumerate() {
                let count = bucket.load(Ordering::Relaxed);
                if count > 0 {
                    all.buckets.push(Bucket { least: least(number, part), span: span(number), count });
                }
            }
        }
        all
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    least: u64,
    span: u64,
    count: u64,
}

/// What a histogram held at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// By value; none is empty.
    buckets: Vec<Bucket>,
    sum: u64,
}

impl Snapshot {
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Both together.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        for bucket in &other.buckets {
            match self.buckets.binary_search_by_key(&bucket.least, |known| known.least) {
                Ok(at) => {
                    if let Some(known) = self.buckets.get_mut(at) {
                        known.count += bucket.count;
                    }
                }
                Err(at) => self.buckets.insert(at, *bucket),
            }
        }
        self.sum = self.sum.wrapping_add(other.sum);
        self
    }

    /// Values of at most `bound`, to within a bucket: one that the bound divides counts by its middle.
    #[must_use]
    pub fn at_most(&self, bound: u64) -> u64 {
        let within = self.buckets.iter().filter(|bucket| bucket.least + (bucket.span - 1) / 2 <= bound);
        within.map(|bucket| bucket.count).sum()
    }

    /// The value that this part of all values does not exceed, to within a bucket; nothing while there are none.
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn quantile(&self, part: f64) -> Option<u64> {
        let rank = (self.count() as f64 * part.clamp(0.0, 1.0)).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.buckets.iter().find(|bucket| {
            seen += bucket.count;
            seen >= rank
        });
        found.map(|bucket| bucket.least + (bucket.span - 1) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_value_has_one_bucket_that_holds_it() {
        for value in (0..5000).chain((12..36).flat_map(|e| [(1 << e) - 1, 1 << e, (1 << e) + 1])) {
            let (row, part) = place(value);
            let (low, span) = (least(row, part), span(row));
            assert!(low <= value && value < low + span, "{value}: {low} + {span}");
            assert!(span == 1 || span * 32 <= low, "{value}: within 1/32");
        }
        assert_eq!(place(u64::MAX), (POWERS - 1, WIDTH - 1));
    }

    #[test]
    fn counts_come_out_as_they_went_in() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        for value in 1..=1000 {
            histogram.observe(value);
        }
        let seen = histogram.snapshot();
        assert_eq!((seen.count(), seen.sum()), (1000, 500_500));
        assert_eq!(seen.at_most(31), 31);
        assert_eq!(seen.at_most(u64::MAX), 1000);
        let median = seen.quantile(0.5).unwrap();
        assert!((485..=515).contains(&median), "{median}");
        assert_eq!(seen.quantile(0.0), Some(1));
    }

    proptest! {
        #[test]
        fn merging_is_counting_together(a in prop::collection::vec(0u64..1 << 42, 0..50), b in prop::collection::vec(0u64..1 << 42, 0..50)) {
            let of = |values: &[u64]| {
                let histogram = Histogram::default();
                values.iter().for_each(|value| histogram.observe(*value));
                histogram.snapshot()
            };
            let both: Vec<u64> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(of(&a).merged(&of(&b)), of(&both));
        }
    }
}
