//! A window that moves over the samples of a series, step by step, while they come.

use std::ops::Range;

use super::sample::Sample;

/// How windows lie, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    pub count: usize,
    /// The end of the first, and how far each is behind the one before.
    pub until: i64,
    pub step: i64,
    pub range: i64,
    /// How far each takes in samples before and behind it.
    pub reach: (i64, i64),
}

/// How far they have come on one series.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The next step, and the samples of the one before.
    step: usize,
    samples: Range<usize>,
}

/// What is there at one step: at least one sample.
pub struct Seen<'a> {
    pub step: usize,
    /// The window: later than the first, not later than the second.
    pub after: i64,
    pub until: i64,
    /// The samples in it, and those that it takes in.
    pub samples: &'a [Sample],
}

/// What is seen of a series as far as its samples are known.
pub struct Walk<'a> {
    windows: Windows,
    place: &'a mut Place,
    samples: &'a [Sample],
    /// The end of the next window.
    until: i64,
    /// Samples up to it are known, all of them where there is none.
    known: Option<i64>,
}

impl Windows {
    /// End of the window at a step.
    fn until(&self, step: usize) -> i64 {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        self.until.saturating_add(self.step.saturating_mul(step))
    }

    /// First (excluded) and last time that any of them looks at.
    #[must_use]
    pub fn span(&self) -> (i64, i64) {
        let last = self.until(self.count.saturating_sub(1));
        (
            self.until.saturating_sub(self.range).saturating_sub(self.reach.0),
            last.saturating_add(self.reach.1),
        )
    }

    /// Goes on over a series; `known` is the time up to which its samples are there.
    #[must_use]
    pub fn walk<'a>(&self, place: &'a mut Place, samples: &'a [Sample], known: Option<i64>) -> Walk<'a> {
        Walk { windows: *self, until: self.until(place.step), place, samples, known }
    }
}

impl Place {
    /// Takes samples away from the front that no later window looks at; gives how many.
    pub fn forget(&mut self, samples: &mut Vec<Sample>) -> usize {
        let Range { start, end } = self.samples;
        // Not one by one: what is left moves to the front.
        if start <= samples.len() / 2 {
            return 0;
        }
        samples.drain(..start.min(samples.len()));
        self.samples = 0..end.saturating_sub(start);
        start
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Seen<'a>;

    fn next(&mut self) -> Option<Seen<'a>> {
        let Windows { count, step: onwards, range, reach, .. } = self.windows;
        let Range { mut start, mut end } = self.place.samples;
        let mut seen = None;
        while seen.is_none() && self.place.step < count {
            let (step, until) = (self.place.step, self.until);
            let (after, last) = (until.saturating_sub(range), until.saturating_add(reach.1));
            let first = after.saturating_sub(reach.0);
            // Windows that do not overlap share no sample.
            if first >= last.saturating_sub(onwards) {
                start = start.max(end);
            }
            start = moved(self.samples, start, first);
            if self.known.is_some_and(|known| known <= last) {
                break;
            }
            end = moved(self.samples, end, last);
            self.place.step += 1;
            self.until = until.saturating_add(onwards);
            let samples = self.samples.get(start..end).filter(|samples| !samples.is_empty());
            seen = samples.map(|samples| Seen { step, after, until, samples });
        }
        self.place.samples = start..end;
        seen
    }
}

/// How many samples are at or before a time, looked for onwards from a place that is not behind it.
fn moved(samples: &[Sample], mut place: usize, time: i64) -> usize {
    while samples.get(place).is_some_and(|sample| sample.time <= time) {
        place += 1;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Each window has what a search finds, in however many pieces the samples come.
        #[test]
        fn windows_have_their_samples(
            gaps in prop::collection::vec(1i64..9, 0..60), pieces in 1usize..9,
            until in -20i64..100, step in 0i64..40, range in 0i64..50, reach in (0i64..20, 0i64..20), count in 0usize..30,
        ) {
            let mut time = 0;
            let all: Vec<Sample> =
                gaps.iter().map(|gap| { time += gap; Sample { time, value: time as f64 } }).collect();
            let windows = Windows { count, until, step, range, reach };
            let (mut place, mut samples, mut found) = (Place::default(), Vec::new(), Vec::new());
            let mut walk = |samples: &mut Vec<Sample>, known| {
                for seen in windows.walk(&mut place, samples, known) {
                    assert_eq!(seen.after, seen.until - range);
                    found.push((seen.step, seen.samples.to_vec()));
                }
                place.forget(samples);
            };
            for piece in all.chunks(pieces) {
                samples.extend_from_slice(piece);
                walk(&mut samples, piece.last().map(|sample| sample.time));
            }
            walk(&mut samples, None);
            let seen = (0..count).filter_map(|at| {
                let until = until + step * at as i64;
                let within = |sample: &&Sample| sample.time > until - range - reach.0 && sample.time <= until + reach.1;
                let samples: Vec<Sample> = all.iter().filter(within).copied().collect();
                (!samples.is_empty()).then_some((at, samples))
            });
            prop_assert_eq!(found, seen.collect::<Vec<_>>());
        }
    }
}
