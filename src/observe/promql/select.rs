//! Series as expressions see them: the newest sample at each step, or the samples of a window before it.

use std::ops::Range;

use super::evaluate::Evaluator;
use super::fault::EvalFault;
use super::labels::Labels;
use super::source::{Of, Wanted};
use super::tree::{Expr, Kind, Reach, Selector, Shift, Subquery};
use super::value::{Cell, Grid, Row, Sample, Series};
use crate::base::InOrder;

/// A range vector: samples, and how a window is laid over them at each step.
pub(super) struct Windows {
    pub(super) series: Vec<Track>,
    shift: Shift,
    /// Milliseconds.
    pub(super) range: i64,
    pub(super) reach: Reach,
    look_back: i64,
}

/// The samples of one series, by time, without marks of staleness.
pub(super) struct Track {
    pub(super) labels: Labels,
    pub(super) bare: bool,
    samples: Vec<Sample>,
    /// True when some of them are native histograms.
    pub(super) natives: bool,
}

impl Windows {
    /// First (excluded) and last time of the window at a step, in milliseconds.
    pub(super) fn bounds(&self, now: i64) -> (i64, i64) {
        let until = self.shift.apply(now);
        (until.saturating_sub(self.range), until)
    }

    /// The samples of a series in the window at a step, with those around it that its reach takes in. `place` is
    /// where those of the step before were: windows move on by little.
    pub(super) fn within<'t>(&self, track: &'t Track, now: i64, place: &mut Range<usize>) -> &'t [Sample] {
        let (mut after, mut until) = self.bounds(now);
        if self.reach != Reach::Within {
            after = after.saturating_sub(self.look_back);
        }
        if self.reach == Reach::Smoothed {
            until = until.saturating_add(self.look_back);
        }
        place.start = moved(&track.samples, place.start, after);
        place.end = moved(&track.samples, place.end, until);
        track.samples.get(place.clone()).unwrap_or_default()
    }

    /// How many samples are held.
    pub(super) fn held(&self) -> usize {
        self.series.iter().map(|track| track.samples.len()).sum()
    }
}

/// How many samples are at or before a time, looked for onwards from a place that is not behind it.
fn moved(samples: &[Sample], mut place: usize, time: i64) -> usize {
    while samples.get(place).is_some_and(|sample| sample.time <= time) {
        place += 1;
    }
    place
}

impl Evaluator<'_> {
    /// What an instant selector gives at each step: values, or the times of the samples in seconds.
    pub(super) fn selected(
        &mut self,
        selector: &Selector,
        grid: &Grid,
        times: bool,
    ) -> Result<Vec<Row>, EvalFault> {
        if grid.count == 0 {
            return Ok(Vec::new());
        }
        let look_back = self.spending.limits.look_back;
        let smooth = selector.reach == Reach::Smoothed;
        let ahead = if smooth { look_back } else { 0 };
        let (first, last) = (selector.shift.apply(grid.start), selector.shift.apply(grid.last()));
        let width = if smooth || times { 0 } else { self.spending.limits.width(grid.step) };
        // Wider points are further apart.
        let look_back = look_back.max(2 * width);
        let (after, until) = (first.saturating_sub(look_back), last.saturating_add(ahead));
        let step = if first == last { 0 } else { grid.step };
        let steps = (!smooth).then_some((first, step));
        let series = self.read(selector, (after, until), (width, Of::Last), steps)?;
        let mut rows = Vec::with_capacity(series.len());
        for one in series {
            self.spending.samples(grid.count)?;
            let mut row = Row::new(one.labels, false, grid.count);
            let mut next = 0;
            for (at, now) in grid.times().enumerate() {
                let now = selector.shift.apply(now);
                while one.samples.get(next).is_some_and(|sample| sample.time <= now) {
                    next += 1;
                }
                let fresh =
                    |sample: &&Sample| sample.time > now.saturating_sub(look_back) && !sample.is_stale();
                let newest = next.checked_sub(1).and_then(|at| one.samples.get(at)).filter(fresh);
                let Some(newest) = newest else { continue };
                let following = one.samples.get(next).filter(|sample| smooth && !sample.is_stale());
                row.set(
                    at,
                    match following {
                        _ if times => Cell::float(seconds(newest.time)),
                        Some(following) if newest.time < now => between(*newest, *following, now),
                        _ => Cell::of(*newest),
                    },
                );
            }
            self.spending.freed(one.samples.len());
            if !row.is_empty() {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn read(
        &mut self,
        selector: &Selector,
        (after, until): (i64, i64),
        (width, of): (i64, Of),
        steps: Option<(i64, i64)>,
    ) -> Result<Vec<Series>, EvalFault> {
        let (matchers, most, late) = (selector.matchers.as_slice(), self.spending.left(), self.spending.late);
        let mut series =
            self.source.select(&Wanted { matchers, after, until, most, width, of, steps, late })?;
        self.spending.series(series.len())?;
        self.spending.samples(series.iter().map(|one| one.samples.len()).sum())?;
        series.order_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series)
    }

    /// A range vector: a selector with a range, or a subquery. `of` tells what wider points may stand for in it;
    /// without, every sample is read.
    pub(super) fn windows(&mut self, expr: &Expr, grid: &Grid, of: Option<Of>) -> Result<Windows, EvalFault> {
        match &expr.unwrapped().kind {
            Kind::Range(selector, range) => self.ranged(selector, range.millis, grid, of),
            Kind::Subquery(subquery) => self.subquery(subquery, grid),
            _ => Err(EvalFault::execution("a range vector was expected")),
        }
    }

    fn ranged(
        &mut self,
        selector: &Selector,
        range: i64,
        grid: &Grid,
        of: Option<Of>,
    ) -> Result<Windows, EvalFault> {
        let look_back = self.spending.limits.look_back;
        let reach = selector.reach;
        let mut windows =
            Windows { series: Vec::new(), shift: selector.shift.clone(), range, reach, look_back };
        if grid.count == 0 {
            return Ok(windows);
        }
        let (mut after, _) = windows.bounds(grid.start);
        let (_, mut until) = windows.bounds(grid.last());
        if reach != Reach::Within {
            after = after.saturating_sub(look_back);
        }
        if reach == Reach::Smoothed {
            until = until.saturating_add(look_back);
        }
        let coarse = of.filter(|_| reach == Reach::Within);
        let width = coarse.map_or(0, |_| self.spending.limits.width(range.min(grid.step)));
        for one in self.read(selector, (after, until), (width, of.unwrap_or_default()), None)? {
            let mut samples = one.samples;
            // All marks are NaNs, which few series have.
            let natives = samples.iter().any(|sample| sample.value.is_nan()) && {
                samples.retain(|sample| !sample.is_stale());
                samples.iter().any(|sample| sample.is_native_histogram())
            };
            windows.series.push(Track { labels: one.labels, bare: false, samples, natives });
        }
        Ok(windows)
    }

    fn subquery(&mut self, subquery: &Subquery, grid: &Grid) -> Result<Windows, EvalFault> {
        let look_back = self.spending.limits.look_back;
        let step =
            subquery.step.as_ref().map_or(self.spending.limits.subquery_step, |step| step.millis).max(1);
        let shift = subquery.shift.clone();
        let reach = Reach::Within;
        let mut windows =
            Windows { series: Vec::new(), shift, range: subquery.range.millis, reach, look_back };
        if grid.count == 0 {
            return Ok(windows);
        }
        let (after, _) = windows.bounds(grid.start);
        let (_, until) = windows.bounds(grid.last());
        // Steps of subqueries are multiples of their width, whenever they are asked for.
        let start = after.div_euclid(step).saturating_add(1).saturating_mul(step);
        let count = if start > until { 0 } else { until.saturating_sub(start) / step + 1 };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.spending.inner_steps(count)?;
        let inner = Grid { start, step, count };
        for row in self.rows(&subquery.inner, &inner)? {
            let samples: Vec<Sample> =
                row.cells.iter().zip(inner.times()).filter_map(|(cell, time)| cell.sample(time)).collect();
            let natives = samples.iter().any(|sample| sample.is_native_histogram());
            windows.series.push(Track { labels: row.labels, bare: row.bare, samples, natives });
        }
        Ok(windows)
    }
}

/// Milliseconds as seconds.
#[allow(clippy::cast_precision_loss)] // milliseconds of our centuries have 42 bits
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// The value on the line between two samples.
fn between(before: Sample, after: Sample, now: i64) -> Cell {
    if before.is_native_histogram() || after.is_native_histogram() {
        return Cell::of(before);
    }
    let part = seconds(now - before.time) / seconds(after.time - before.time);
    Cell::float(before.value + (after.value - before.value) * part)
}
