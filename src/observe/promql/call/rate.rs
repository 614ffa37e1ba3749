//! How fast counters and gauges change: `rate`, `increase`, `delta`, and the same of the last two samples.

use super::super::fault::EvalFault;
use super::super::select::seconds;
use super::super::tree::Reach;
use super::super::value::{Cell, Sample};
use super::over_time::Window;

type Computed = Result<Option<Cell>, EvalFault>;

pub(in super::super) fn rate(window: &mut Window<'_>) -> Computed {
    counter_or_gauge(window, true, true)
}

pub(in super::super) fn increase(window: &mut Window<'_>) -> Computed {
    counter_or_gauge(window, true, false)
}

pub(in super::super) fn delta(window: &mut Window<'_>) -> Computed {
    counter_or_gauge(window, false, false)
}

fn counter_or_gauge(window: &mut Window<'_>, counter: bool, per_second: bool) -> Computed {
    let metric = window.metric;
    if window.has_natives() {
        if !window.floats.is_empty() {
            window.notes.mixed_range(metric, window.place);
            return Ok(None);
        }
        return if window.all.len() > 1 {
            Err(EvalFault::NativeHistogram("rate, increase and delta"))
        } else {
            Ok(None)
        };
    }
    let value =
        if window.reach == Reach::Within { extrapolated(window, counter) } else { extended(window, counter) };
    let named = ["_total", "_sum", "_count", "_bucket"].iter().any(|end| metric.ends_with(end));
    if counter && value.is_some() && !metric.is_empty() && !named {
        window.notes.maybe_no_counter(metric, window.place);
    }
    let range = seconds(window.until.saturating_sub(window.after));
    Ok(value.map(|value| Cell::float(if per_second { value / range } else { value })))
}

/// The change over the window, drawn out to its ends where the samples seem to go on, and half a step further
/// where they do not.
fn extrapolated(window: &Window<'_>, counter: bool) -> Option<f64> {
    let samples = window.floats;
    let (first, last) = (samples.first()?, samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut change = last.value - first.value;
    if counter {
        change += resets(first.value, samples);
    }
    #[allow(clippy::cast_precision_loss)] // fewer samples than 2^53
    let steps = (samples.len() - 1) as f64;
    let sampled = seconds(last.time - first.time);
    let step = sampled / steps;
    // Up to so much more than a step, the series is taken to go on to the end of the window.
    let near = step * 1.1;
    let reach = |distance: f64| if distance >= near { step / 2.0 } else { distance };
    let mut before = reach(seconds(first.time.saturating_sub(window.after)));
    if counter && change > 0.0 && first.value >= 0.0 {
        // A counter was never below zero.
        before = before.min(sampled * (first.value / change));
    }
    let behind = reach(seconds(window.until.saturating_sub(last.time)));
    Some(change * ((sampled + before + behind) / sampled))
}

/// What a counter lost whenever it began anew.
fn resets(mut before: f64, samples: &[Sample]) -> f64 {
    let mut lost = 0.0;
    for sample in samples {
        if sample.value < before {
            lost += before;
        }
        before = sample.value;
    }
    lost
}

/// The last sample at or before the start of the window, else the first; nothing when none is in the window.
pub(super) fn first_within(samples: &[Sample], after: i64) -> Option<usize> {
    let last = samples.len().checked_sub(1)?;
    if samples.last().is_none_or(|sample| sample.time <= after) {
        return None;
    }
    let within = samples.get(..last)?.partition_point(|sample| sample.time <= after);
    Some(within.saturating_sub(1))
}

/// The change between the ends of the window, which are samples (anchored) or lie on the line between two
/// (smoothed). Nothing is drawn out.
fn extended(window: &Window<'_>, counter: bool) -> Option<f64> {
    let samples = window.floats;
    let smoothed = window.reach == Reach::Smoothed;
    let mut last = samples.len().checked_sub(1)?;
    let mut first =
        samples.get(..last)?.partition_point(|sample| sample.time <= window.after).saturating_sub(1);
    if smoothed {
        last = samples.get(..last)?.partition_point(|sample| sample.time < window.until);
    }
    if samples.get(last)?.time <= window.after {
        return None;
    }
    let at = |index: usize| samples.get(index).copied();
    let left = match (at(first)?, at(first + 1)) {
        (before, Some(next)) if smoothed && before.time < window.after => {
            between(before, next, window.after, counter)
        }
        (sample, _) => sample.value,
    };
    let right = match (last.checked_sub(1).and_then(at), at(last)?) {
        (Some(before), next) if smoothed && next.time > window.until => {
            between(before, next, window.until, counter)
        }
        (_, sample) => sample.value,
    };
    let mut change = right - left;
    if counter {
        first += usize::from(at(first)?.time <= window.after);
        let end = if at(last)?.time >= window.until { last } else { last + 1 };
        let inner = samples.get(first..end).unwrap_or_default();
        change += resets(left, inner);
        let before = inner.last().map_or(left, |sample| sample.value);
        if right < before {
            change += before;
        }
    }
    Some(change)
}

fn between(before: Sample, after: Sample, time: i64, counter: bool) -> f64 {
    // A counter that began anew began at zero.
    let from = if counter && after.value < before.value { 0.0 } else { before.value };
    from + (after.value - from) * seconds(time - before.time) / seconds(after.time - before.time)
}

pub(in super::super) fn irate(window: &mut Window<'_>) -> Computed {
    last_two(window, true)
}

pub(in super::super) fn idelta(window: &mut Window<'_>) -> Computed {
    last_two(window, false)
}

fn last_two(window: &mut Window<'_>, per_second: bool) -> Computed {
    let Some((last, rest)) = window.all.split_last() else { return Ok(None) };
    let Some(before) = rest.last() else { return Ok(None) };
    match (before.is_native_histogram(), last.is_native_histogram()) {
        (false, false) => {}
        (true, true) => return Err(EvalFault::NativeHistogram("irate and idelta")),
        _ => {
            window.notes.mixed_range(window.metric, window.place);
            return Ok(None);
        }
    }
    let step = seconds(last.time - before.time);
    if step == 0.0 {
        return Ok(None);
    }
    // A counter that began anew began at zero.
    let change = if per_second && last.value < before.value { last.value } else { last.value - before.value };
    Ok(Some(Cell::float(if per_second { change / step } else { change })))
}
