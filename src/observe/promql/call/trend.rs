//! Trends: the line through samples, and smoothing.

use super::super::fault::EvalFault;
use super::super::float::KahanSum;
use super::super::select::seconds;
use super::super::value::{Cell, Sample};
use super::over_time::Window;

type Computed = Result<Option<Cell>, EvalFault>;

/// Slope per second, and the value at a time, of the line with the least squares.
fn regression(samples: &[Sample], at: i64) -> Option<(f64, f64)> {
    let first = samples.first()?.value;
    if samples.iter().all(|sample| sample.value == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) });
    }
    let [mut x, mut y, mut xy, mut xx] = [KahanSum::default(); 4];
    for sample in samples {
        let distance = seconds(sample.time.saturating_sub(at));
        x.add(distance);
        y.add(sample.value);
        xy.add(distance * sample.value);
        xx.add(distance * distance);
    }
    #[allow(clippy::cast_precision_loss)] // fewer samples than 2^53
    let n = samples.len() as f64;
    let (x, y) = (x.total(), y.total());
    let slope = (xy.total() - x * y / n) / (xx.total() - x * x / n);
    Some((slope, y / n - slope * x / n))
}

/// Two samples at least; says when histograms are left out.
fn line(window: &mut Window<'_>, at: Option<i64>) -> Option<(f64, f64)> {
    if window.has_natives() && !window.floats.is_empty() {
        window.notes.histograms_ignored_in_range(window.metric, window.place);
    }
    if window.floats.len() < 2 {
        return None;
    }
    // Times near the samples lose least.
    regression(window.floats, at.or_else(|| window.floats.first().map(|sample| sample.time))?)
}

pub(in super::super) fn deriv(window: &mut Window<'_>) -> Computed {
    Ok(line(window, None).map(|(slope, _)| Cell::float(slope)))
}

pub(in super::super) fn predict_linear(window: &mut Window<'_>) -> Computed {
    let ahead = window.param(0);
    let line = line(window, Some(window.now));
    Ok(line.map(|(slope, now)| Cell::float(slope * ahead + now)))
}

/// Holt's linear smoothing: a level and a trend, each moved towards what is seen.
pub(in super::super) fn double_exponential_smoothing(window: &mut Window<'_>) -> Computed {
    let (smoothing, trending) = (window.param(0), window.param(1));
    for (name, factor, letters) in [("smoothing", smoothing, "sf"), ("trend", trending, "tf")] {
        if factor <= 0.0 || factor >= 1.0 {
            let what = format!("invalid {name} factor. Expected: 0 < {letters} < 1, got: {factor:.6}");
            return Err(EvalFault::execution(what));
        }
    }
    if window.has_natives() && !window.floats.is_empty() {
        window.notes.histograms_ignored_in_range(window.metric, window.place);
    }
    let [first, second, ..] = window.floats else { return Ok(None) };
    let (mut before, mut level) = (0.0, first.value);
    let mut trend = second.value - first.value;
    for (at, sample) in window.floats.iter().skip(1).enumerate() {
        if at > 0 {
            trend = trending * (level - before) + (1.0 - trending) * trend;
        }
        let next = smoothing * sample.value + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Ok(Some(Cell::float(level)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_through_their_points() {
        let samples: Vec<Sample> =
            (0..5).map(|at| Sample { time: at * 1000, value: 3.0 + 2.0 * at as f64 }).collect();
        let (slope, now) = regression(&samples, 10_000).unwrap();
        assert!((slope - 2.0).abs() < 1e-12 && (now - 23.0).abs() < 1e-9);
        assert_eq!(regression(&[Sample { time: 0, value: 7.0 }; 2], 5), Some((0.0, 7.0)));
        assert_eq!(regression(&[], 5), None);
    }
}
