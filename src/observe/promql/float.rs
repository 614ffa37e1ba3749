//! Sums that lose little, and quantiles.

/// A sum with what rounding took from it (Kahan's way, as Neumaier improved it).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KahanSum {
    sum: f64,
    lost: f64,
}

impl KahanSum {
    pub(super) fn new(first: f64) -> Self {
        Self { sum: first, lost: 0.0 }
    }

    pub(super) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    pub(super) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }

    fn scaled(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }
}

/// A mean. It divides the sum as long as that is finite: more accurate than a running mean, which takes over
/// where the sum would overflow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean {
    count: f64,
    /// The sum, or the mean when `running`.
    state: KahanSum,
    running: bool,
}

impl Mean {
    pub(super) fn new(first: f64) -> Self {
        Self { count: 1.0, state: KahanSum::new(first), running: false }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.running {
            let mut next = self.state;
            next.add(value);
            if !next.sum.is_infinite() {
                self.state = next;
                return;
            }
            self.running = true;
            let before = self.count - 1.0;
            self.state = KahanSum { sum: self.state.sum / before, lost: self.state.lost / before };
        }
        self.state = self.state.scaled((self.count - 1.0) / self.count);
        self.state.add(value / self.count);
    }

    pub(super) fn get(self) -> f64 {
        let parts = self.state;
        if self.running { parts.sum + parts.lost } else { parts.sum / self.count + parts.lost / self.count }
    }
}

/// The variance of values seen one by one (Welford's way).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variance {
    count: f64,
    mean: KahanSum,
    squares: KahanSum,
}

impl Variance {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - (self.mean.sum + self.mean.lost);
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - (self.mean.sum + self.mean.lost)));
    }

    pub(super) fn get(self) -> f64 {
        (self.squares.sum + self.squares.lost) / self.count
    }
}

/// NaN before everything else.
pub(super) fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
}

/// The quantile of values, interpolated between the two around it; sorts them.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    values.sort_by(|a, b| nan_first(*a, *b));
    #[allow(clippy::cast_precision_loss)] // fewer values than 2^53
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and the count
    let at = lower as usize;
    let value = |at: usize| values.get(at.min(values.len() - 1)).copied().unwrap_or(f64::NAN);
    let weight = rank - lower;
    value(at) * (1.0 - weight) + value(at + 1) * weight
}

/// True when two floats are the same but for what rounding does.
pub(super) fn almost_equal(a: f64, b: f64, tolerance: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < tolerance * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = KahanSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.total()
    }

    fn mean(values: &[f64]) -> f64 {
        let mut mean = Mean::new(values[0]);
        values[1..].iter().for_each(|value| mean.add(*value));
        mean.get()
    }

    #[test]
    fn small_values_survive_large_ones() {
        assert_eq!(sum(&[2.0, 8.0, 1e100, -1e100]), 10.0);
        assert_eq!(sum(&[f64::INFINITY, 2.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn means_do_not_overflow() {
        assert_eq!(mean(&[f64::MAX / 1.5, f64::MAX / 1.5]), f64::MAX / 1.5);
        assert_eq!(mean(&[f64::INFINITY, 0.0, f64::INFINITY]), f64::INFINITY);
        assert!(mean(&[f64::NEG_INFINITY, 0.0, f64::INFINITY]).is_nan());
        assert_eq!(mean(&[52.0; 12]), 52.0);
    }

    #[test]
    fn quantiles_interpolate_and_nan_is_smallest() {
        assert_eq!(quantile(0.75, &mut [0.0, 1.0, 4.0]), 2.5);
        assert_eq!(quantile(1.0, &mut [3.0, f64::NAN]), 3.0);
        assert!(quantile(0.2, &mut [0.0, 1.0, f64::NAN]).is_nan());
        assert_eq!(quantile(-1.0, &mut [1.0]), f64::NEG_INFINITY);
        assert!(quantile(0.5, &mut []).is_nan());
    }

    #[test]
    fn almost_equal_is_relative() {
        assert!(almost_equal(1.0, 1.000_000_5, 1e-6) && !almost_equal(1.0, 1.01, 1e-6));
        assert!(!almost_equal(0.0, 1e-9, 1e-6) && almost_equal(f64::NAN, f64::NAN, 1e-6));
        assert!(!almost_equal(f64::INFINITY, 1.0, 1e-6));
    }
}
