//! Functions of the samples in a window: `*_over_time`, `changes`, `resets`.

use super::super::fault::{EvalFault, Place};
use super::super::float::{KahanSum, Mean, Variance, quantile as quantile_of};
use super::super::note::Notes;
use super::super::select::seconds;
use super::super::tree::Reach;
use super::super::value::{Cell, Sample};
use super::rate::first_within;

/// What a function sees of one series at one step; there is at least one sample.
pub(in super::super) struct Window<'a> {
    pub(super) all: &'a [Sample],
    /// Those that are no native histograms.
    pub(super) floats: &'a [Sample],
    /// The window itself, in milliseconds: later than the first, not later than the second.
    pub(super) after: i64,
    pub(super) until: i64,
    /// The time of the step.
    pub(super) now: i64,
    /// Samples outside the window are there when it reaches further.
    pub(super) reach: Reach,
    pub(super) params: &'a [f64],
    pub(super) metric: &'a str,
    /// Of the range vector, and of the first argument, for remarks.
    pub(super) place: Place,
    pub(super) first_place: Place,
    pub(super) notes: &'a mut Notes,
}

/// The value of a window; nothing where it has none.
pub(in super::super) type Compute = fn(&mut Window<'_>) -> Result<Option<Cell>, EvalFault>;

type Computed = Result<Option<Cell>, EvalFault>;

fn given(value: f64) -> Computed {
    Ok(Some(Cell::float(value)))
}

impl<'a> Window<'a> {
    pub(super) fn has_natives(&self) -> bool {
        self.floats.len() < self.all.len()
    }

    pub(super) fn param(&self, at: usize) -> f64 {
        self.params.get(at).copied().unwrap_or(f64::NAN)
    }

    /// The floats of a function that leaves histograms out, and says so where both are there.
    fn only_floats(&mut self) -> Option<&'a [Sample]> {
        if self.floats.is_empty() {
            return None;
        }
        if self.has_natives() {
            self.notes.histograms_ignored_in_range(self.metric, self.place);
        }
        Some(self.floats)
    }

    /// The floats of a function that would have to add histograms.
    fn summable(&mut self) -> Result<Option<&'a [Sample]>, EvalFault> {
        if !self.has_natives() {
            return Ok(Some(self.floats));
        }
        if self.floats.is_empty() {
            return Err(EvalFault::NativeHistogram("sum and average over time"));
        }
        self.notes.mixed_range(self.metric, self.place);
        Ok(None)
    }
}

pub(in super::super) fn sum(window: &mut Window<'_>) -> Computed {
    let Some(floats) = window.summable()? else { return Ok(None) };
    let mut sum = KahanSum::default();
    floats.iter().for_each(|sample| sum.add(sample.value));
    given(sum.total())
}

pub(in super::super) fn avg(window: &mut Window<'_>) -> Computed {
    let Some(floats) = window.summable()? else { return Ok(None) };
    let Some((first, rest)) = floats.split_first() else { return Ok(None) };
    let mut mean = Mean::new(first.value);
    rest.iter().for_each(|sample| mean.add(sample.value));
    given(mean.get())
}

pub(in super::super) fn count(window: &mut Window<'_>) -> Computed {
    #[allow(clippy::cast_precision_loss)] // fewer samples than 2^53
    given(window.all.len() as f64)
}

pub(in super::super) fn present(_: &mut Window<'_>) -> Computed {
    given(1.0)
}

pub(in super::super) fn first(window: &mut Window<'_>) -> Computed {
    Ok(window.all.first().map(|sample| Cell::of(*sample)))
}

pub(in super::super) fn last(window: &mut Window<'_>) -> Computed {
    Ok(window.all.last().map(|sample| Cell::of(*sample)))
}

pub(in super::super) fn time_of_first(window: &mut Window<'_>) -> Computed {
    Ok(window.all.first().map(|sample| Cell::float(seconds(sample.time))))
}

pub(in super::super) fn time_of_last(window: &mut Window<'_>) -> Computed {
    Ok(window.all.last().map(|sample| Cell::float(seconds(sample.time))))
}

/// The sample that is preferred over all before it; any is preferred over NaN.
fn best(window: &mut Window<'_>, preferred: impl Fn(f64, f64) -> bool) -> Option<Sample> {
    let (first, rest) = window.only_floats()?.split_first()?;
    let better = |best: Sample, next: &Sample| {
        if preferred(next.value, best.value) || best.value.is_nan() { *next } else { best }
    };
    Some(rest.iter().fold(*first, better))
}

pub(in super::super) fn max(window: &mut Window<'_>) -> Computed {
    Ok(best(window, |next, best| next > best).map(|sample| Cell::float(sample.value)))
}

pub(in super::super) fn min(window: &mut Window<'_>) -> Computed {
    Ok(best(window, |next, best| next < best).map(|sample| Cell::float(sample.value)))
}

pub(in super::super) fn time_of_max(window: &mut Window<'_>) -> Computed {
    Ok(best(window, |next, best| next >= best).map(|sample| Cell::float(seconds(sample.time))))
}

pub(in super::super) fn time_of_min(window: &mut Window<'_>) -> Computed {
    Ok(best(window, |next, best| next <= best).map(|sample| Cell::float(seconds(sample.time))))
}

fn variance(window: &mut Window<'_>) -> Option<f64> {
    let mut variance = Variance::default();
    window.only_floats()?.iter().for_each(|sample| variance.add(sample.value));
    Some(variance.get())
}

pub(in super::super) fn stddev(window: &mut Window<'_>) -> Computed {
    Ok(variance(window).map(|variance| Cell::float(variance.sqrt())))
}

pub(in super::super) fn stdvar(window: &mut Window<'_>) -> Computed {
    Ok(variance(window).map(Cell::float))
}

pub(in super::super) fn quantile(window: &mut Window<'_>) -> Computed {
    let q = window.param(0);
    let Some(floats) = window.only_floats() else { return Ok(None) };
    let mut values: Vec<f64> = floats.iter().map(|sample| sample.value).collect();
    window.notes.bad_quantile(q, window.first_place);
    given(quantile_of(q, &mut values))
}

/// The median of the distances from the median.
pub(in super::super) fn mad(window: &mut Window<'_>) -> Computed {
    let Some(floats) = window.only_floats() else { return Ok(None) };
    let mut values: Vec<f64> = floats.iter().map(|sample| sample.value).collect();
    if values.iter().any(|value| value.is_nan()) {
        return given(f64::NAN);
    }
    let median = quantile_of(0.5, &mut values);
    values.iter_mut().for_each(|value| *value = (*value - median).abs());
    given(quantile_of(0.5, &mut values))
}

/// How often two neighbours are as `differs` says. A change between floats and histograms always counts.
fn count_pairs(window: &Window<'_>, differs: impl Fn(f64, f64) -> bool) -> Computed {
    let samples = match window.reach {
        Reach::Within => window.all,
        _ => match first_within(window.all, window.after) {
            Some(first) => window.all.get(first..).unwrap_or_default(),
            None => return Ok(None),
        },
    };
    let mut count = 0u32;
    for pair in samples.windows(2) {
        let [before, after] = pair else { continue };
        count += u32::from(match (before.is_native_histogram(), after.is_native_histogram()) {
            (false, false) => differs(before.value, after.value),
            (true, true) => return Err(EvalFault::NativeHistogram("changes and resets")),
            _ => true,
        });
    }
    given(f64::from(count))
}

pub(in super::super) fn changes(window: &mut Window<'_>) -> Computed {
    count_pairs(window, |before, after| before != after && !(before.is_nan() && after.is_nan()))
}

pub(in super::super) fn resets(window: &mut Window<'_>) -> Computed {
    count_pairs(window, |before, after| after < before)
}
