//! A value at a time, and the NaNs that stand for something else than a value.

use crate::base::InOrder;

/// "No sample at this time": a NaN that no computation gives.
pub const ABSENT: u64 = 0x7ff8_7370_7564_0003;
/// Prometheus' own mark for "this series has ended here".
pub const STALE: u64 = 0x7ff0_0000_0000_0002;
/// Ours for a native histogram: that it is there is known, not what it holds.
pub const NATIVE: u64 = 0x7ff8_7370_7564_0001;

/// One value of a series at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub time: i64,
    pub value: f64,
}

impl Sample {
    /// The end of a series.
    #[must_use]
    pub fn stale(time: i64) -> Self {
        Self { time, value: f64::from_bits(STALE) }
    }

    /// The place of a native histogram.
    #[must_use]
    pub fn native_histogram(time: i64) -> Self {
        Self { time, value: f64::from_bits(NATIVE) }
    }

    #[must_use]
    pub fn is_stale(self) -> bool {
        self.value.to_bits() == STALE
    }

    #[must_use]
    pub fn is_native_histogram(self) -> bool {
        self.value.to_bits() == NATIVE
    }
}

/// Puts samples in the order of time, one for each time.
pub fn by_time(samples: &mut Vec<Sample>) {
    if !samples.is_sorted_by(|a, b| a.time < b.time) {
        samples.order_by_key(|sample| sample.time);
        samples.dedup_by_key(|sample| sample.time);
    }
}
