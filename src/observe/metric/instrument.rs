//! Counters and gauges: one atomic word each. Summaries.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::InOrder;

/// A count that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Many threads may add at once; none waits.
    #[inline]
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    #[inline]
    pub fn one(&self) {
        self.add(1);
    }

    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Adds to it, or takes away.
    pub fn add(&self, change: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + change).to_bits());
        // The closure always gives a value: this cannot fail.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }

    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Quantiles of what was seen last, for what is seen seldom: a look sorts, and seeing takes a lock.
#[derive(Debug, Default)]
pub struct Summary(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    last: VecDeque<u64>,
    sum: u64,
    count: u64,
}

/// Values that quantiles are of.
const LAST: usize = 512;
/// Median, and what one in ten and one in a hundred exceed.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

impl Summary {
    pub fn observe(&self, value: u64) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.last.len() == LAST {
            seen.last.pop_front();
        }
        seen.last.push_back(value);
        (seen.sum, seen.count) = (seen.sum.saturating_add(value), seen.count + 1);
    }

    /// Quantiles with their values (nearest rank; none where nothing was seen), sum and count of all.
    #[must_use]
    pub fn read(&self) -> (Vec<(f64, u64)>, u64, u64) {
        let (mut last, sum, count) = {
            let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (seen.last.iter().copied().collect::<Vec<u64>>(), seen.sum, seen.count)
        };
        last.order();
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
        let rank = |quantile: f64| (quantile * last.len() as f64).ceil() as usize;
        let of = |quantile: f64| Some((quantile, *last.get(rank(quantile).checked_sub(1)?)?));
        (QUANTILES.into_iter().filter_map(of).collect(), sum, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_quantiles_of_the_last_and_the_sum_of_all() {
        let summary = Summary::default();
        assert_eq!(summary.read(), (Vec::new(), 0, 0));
        summary.observe(7);
        assert_eq!(summary.read(), (vec![(0.5, 7), (0.9, 7), (0.99, 7)], 7, 1));
        (0..LAST as u64).for_each(|value| summary.observe(LAST as u64 - value));
        assert_eq!(summary.read(), (vec![(0.5, 256), (0.9, 461), (0.99, 507)], 7 + 512 * 513 / 2, 513));
    }

    #[test]
    fn no_addition_is_lost_between_threads() {
        let (counter, gauge) = (Counter::default(), Gauge::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        counter.one();
                        gauge.add(0.5);
                    }
                });
            }
        });
        assert_eq!(counter.get(), 40_000);
        assert_eq!(gauge.get(), 20_000.0);
        gauge.set(-3.0);
        assert_eq!(gauge.get(), -3.0);
    }
}
