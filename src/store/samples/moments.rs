//! Which samples of a block a reader looks at: all in a window, or only the newest before each of some steps.

use std::ops::Range;

use super::sample::{ABSENT, Sample};

/// Rows of a block in groups; the newest sample of each group is wanted.
pub struct Moments {
    rows: Range<usize>,
    /// Where each group ends (excluded) among those rows, rising; nothing where each row is one.
    ends: Option<Vec<usize>>,
}

impl Moments {
    /// Rows of `after < time <= until`. With `steps`, a first time and how far apart they are (0: there is one), only the
    /// newest sample up to each of those is wanted, and the newest behind them all.
    #[must_use]
    pub fn new(times: &[i64], (after, until): (i64, i64), steps: Option<(i64, i64)>) -> Self {
        let first = times.partition_point(|time| *time <= after);
        let end = times.partition_point(|time| *time <= until).max(first);
        let rows = first..end;
        let Some((begin, step)) = steps else { return Self { rows, ends: None } };
        // The first step that sees a row.
        let seen = |time: i64| match time.saturating_sub(begin) {
            ..=0 => 0,
            _ if step <= 0 => 1,
            late => (late - 1) / step + 1,
        };
        let steps: Vec<i64> =
            times.get(first..end).unwrap_or_default().iter().map(|time| seen(*time)).collect();
        let is_last = |at: &usize| steps.get(*at) != steps.get(at + 1);
        Self { rows, ends: Some((0..steps.len()).filter(is_last).map(|at| at + 1).collect()) }
    }

    /// Adds what is wanted of a column.
    pub fn take(&self, times: &[i64], values: &[u64], into: &mut Vec<Sample>) {
        let sample = |(time, bits): (&i64, &u64)| Sample { time: *time, value: f64::from_bits(*bits) };
        let (Some(times), Some(values)) = (times.get(self.rows.clone()), values.get(self.rows.start..))
        else {
            return;
        };
        let Some(ends) = &self.ends else {
            let rows = times.iter().zip(values);
            into.reserve(times.len());
            return into.extend(rows.filter(|(_, bits)| **bits != ABSENT).map(sample));
        };
        into.reserve(ends.len());
        let mut begin = 0;
        for end in ends {
            let mut at = *end;
            while at > begin {
                at -= 1;
                // A column may end early.
                let (Some(time), Some(bits)) = (times.get(at), values.get(at)) else { continue };
                if *bits != ABSENT {
                    into.push(sample((time, bits)));
                    break;
                }
            }
            begin = *end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken(times: &[i64], values: &[u64], window: (i64, i64), steps: Option<(i64, i64)>) -> Vec<Sample> {
        let mut samples = Vec::new();
        Moments::new(times, window, steps).take(times, values, &mut samples);
        samples
    }

    #[test]
    fn all_samples_of_a_window_or_the_newest_of_each_step() {
        let times: Vec<i64> = (1..=10).collect();
        let mut values: Vec<u64> = (1..=10u32).map(|at| f64::from(at).to_bits()).collect();
        values[8] = ABSENT;
        let at = |window, steps| -> Vec<i64> {
            taken(&times, &values, window, steps).iter().map(|sample| sample.time).collect()
        };
        assert_eq!(at((2, 10), None), [3, 4, 5, 6, 7, 8, 10]);
        assert_eq!(at((0, 10), Some((3, 3))), [3, 6, 8, 10], "what is absent at 9 was there at 8");
        assert_eq!(at((0, 10), Some((10, 0))), [10]);
        assert_eq!(at((4, 9), Some((0, 100))), [8]);
        assert_eq!(at((10, 20), Some((0, 1))), [0i64; 0]);
    }

    proptest! {
        /// A step sees the same, whether or not it was told where steps are.
        #[test]
        fn no_step_misses_anything(
            gaps in prop::collection::vec(1i64..9, 1..40),
            there in prop::collection::vec(any::<bool>(), 40),
            begin in -20i64..200, step in 0i64..40, after in -5i64..50, length in 0usize..60,
        ) {
            let mut time = 0;
            let times: Vec<i64> = gaps.iter().map(|gap| { time += gap; time }).collect();
            let values: Vec<u64> =
                there.iter().take(times.len().min(length)).zip(&times).map(|(there, time)| if *there { *time as u64 } else { ABSENT }).collect();
            let window = (after, 200);
            let (all, few) = (taken(&times, &values, window, None), taken(&times, &values, window, Some((begin, step))));
            prop_assert!(few.iter().all(|sample| all.contains(sample)));
            let moments = (0..20).map(|at| begin + at * step).filter(|now| *now <= window.1);
            for now in moments {
                let newest = |samples: &[Sample]| samples.iter().rev().find(|sample| sample.time <= now).copied();
                prop_assert_eq!(newest(&few), newest(&all));
            }
        }
    }
}
