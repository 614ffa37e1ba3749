//! Windows that move over series while their samples come: of no series more is held than its window looks at.

use std::ops::Range;

use super::evaluate::Evaluator;
use super::fault::EvalFault;
use super::labels::Labels;
use super::source::{Of, Wanted};
use super::tree::{Expr, Kind, Reach, Selector, Shift, Subquery};
use super::value::{Grid, Sample, Series};

/// How a window is laid over a series at each step.
pub(super) struct Windows<'a> {
    pub(super) shift: &'a Shift,
    /// Milliseconds.
    pub(super) range: i64,
    pub(super) reach: Reach,
    /// How far it reaches further.
    pub(super) look_back: i64,
    pub(super) grid: &'a Grid,
    /// False where marks of the end of a series are no samples.
    pub(super) has_marks: bool,
}

/// What is there of one series at one step: at least one sample.
pub(super) struct Seen<'a> {
    /// Number of the series; they come in any order.
    pub(super) series: usize,
    pub(super) metric: &'a str,
    /// Number and time of the step.
    pub(super) step: usize,
    pub(super) now: i64,
    /// The window, in milliseconds: later than the first, not later than the second.
    pub(super) after: i64,
    pub(super) until: i64,
    /// The samples in it, with those around it that its reach takes in.
    pub(super) samples: &'a [Sample],
    /// True when some of the series are native histograms.
    pub(super) natives: bool,
}

/// Does something with what is seen.
type Visit<'a, 'e> = dyn FnMut(&mut Evaluator<'e>, Seen<'_>) -> Result<(), EvalFault> + 'a;

/// How far a window has come on one series.
#[derive(Debug, Clone, Default)]
struct Place {
    /// The next step, and the samples of the one before.
    step: usize,
    samples: Range<usize>,
    /// How many samples were looked through for marks, and what was found.
    known: usize,
    natives: bool,
    is_there: bool,
}

impl Windows<'_> {
    /// First (excluded) and last time of the window at a step, in milliseconds.
    fn bounds(&self, now: i64) -> (i64, i64) {
        let until = self.shift.apply(now);
        (until.saturating_sub(self.range), until)
    }

    /// The same of all samples that it takes in.
    fn around(&self, (after, until): (i64, i64)) -> (i64, i64) {
        match self.reach {
            Reach::Within => (after, until),
            Reach::Anchored => (after.saturating_sub(self.look_back), until),
            Reach::Smoothed => (after.saturating_sub(self.look_back), until.saturating_add(self.look_back)),
        }
    }

    /// First (excluded) and last time that any step looks at.
    fn whole(&self) -> (i64, i64) {
        let (first, last) = (self.bounds(self.grid.start), self.bounds(self.grid.last()));
        (self.around(first).0, self.around(last).1)
    }

    /// Visits the windows that have all their samples (`is_all`: there are no more), and takes away what no later
    /// one looks at.
    fn pass<'e>(
        &self,
        (number, series): (usize, &mut Series),
        place: &mut Place,
        is_all: bool,
        evaluator: &mut Evaluator<'e>,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<(), EvalFault> {
        place.look_through(&mut series.samples, self.has_marks);
        let (metric, samples) = (series.labels.metric(), &series.samples);
        let newest = samples.last().map_or(i64::MIN, |sample| sample.time);
        let Range { mut start, mut end } = place.samples;
        while place.step < self.grid.count {
            let now = self.grid.time(place.step);
            let (after, until) = self.bounds(now);
            let (first, last) = self.around((after, until));
            start = moved(samples, start, first);
            if !is_all && newest <= last {
                break;
            }
            end = moved(samples, end, last);
            if let Some(samples) = samples.get(start..end).filter(|samples| !samples.is_empty()) {
                let (step, natives) = (place.step, place.natives);
                visit(evaluator, Seen { series: number, metric, step, now, after, until, samples, natives })?;
            }
            place.step += 1;
        }
        // Not one by one: what is left moves to the front.
        if start > samples.len() / 2 {
            series.samples.drain(..start);
            place.known -= start;
            (start, end) = (0, end.saturating_sub(start));
        }
        place.samples = start..end;
        Ok(())
    }
}

/// How many samples are at or before a time, looked for onwards from a place that is not behind it.
fn moved(samples: &[Sample], mut place: usize, time: i64) -> usize {
    while samples.get(place).is_some_and(|sample| sample.time <= time) {
        place += 1;
    }
    place
}

impl Place {
    /// All marks are NaNs, which few series have.
    fn look_through(&mut self, samples: &mut Vec<Sample>, has_marks: bool) {
        let new = samples.get(self.known..).unwrap_or_default();
        self.is_there |= !new.is_empty();
        if new.iter().any(|sample| sample.value.is_nan()) {
            self.natives |= new.iter().any(|sample| sample.is_native_histogram());
            let mut at = 0..;
            samples.retain(|sample| at.next() < Some(self.known) || has_marks || !sample.is_stale());
        }
        self.known = samples.len();
    }
}

/// Whose values they are.
pub(super) struct Named {
    pub(super) labels: Labels,
    pub(super) bare: bool,
}

impl<'e> Evaluator<'e> {
    /// Visits every window of a range vector (a selector with a range, or a subquery), and gives the series by number.
    /// `of` tells what wider points may stand for in it; without, every sample is read.
    pub(super) fn each_window(
        &mut self,
        expr: &Expr,
        grid: &Grid,
        of: Option<Of>,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<Vec<Named>, EvalFault> {
        let look_back = self.spending.limits.look_back;
        let windows =
            |shift, range, reach| Windows { shift, range, reach, look_back, grid, has_marks: false };
        match &expr.unwrapped().kind {
            Kind::Range(selector, range) => {
                let windows = windows(&selector.shift, range.millis, selector.reach);
                let coarse = of.filter(|_| selector.reach == Reach::Within);
                let width = coarse.map_or(0, |_| self.spending.limits.width(range.millis.min(grid.step)));
                self.read(selector, &windows, (width, of.unwrap_or_default()), None, visit)
            }
            Kind::Subquery(subquery) => {
                let windows = windows(&subquery.shift, subquery.range.millis, Reach::Within);
                self.compute(subquery, &windows, visit)
            }
            _ => Err(EvalFault::execution("a range vector was expected")),
        }
    }

    /// Visits the windows over the series of a selector, as their samples are read.
    pub(super) fn read(
        &mut self,
        selector: &Selector,
        windows: &Windows<'_>,
        (width, of): (i64, Of),
        steps: Option<(i64, i64)>,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<Vec<Named>, EvalFault> {
        if windows.grid.count == 0 {
            return Ok(Vec::new());
        }
        let (after, until) = windows.whole();
        let (source, late, most) = (self.source, self.spending.late, self.spending.left());
        let wanted =
            Wanted { matchers: selector.matchers.as_slice(), after, until, most, width, of, steps, late };
        let mut places: Vec<Place> = Vec::new();
        let mut pass = |evaluator: &mut Self, series: &mut [Series], is_all: bool| {
            places.resize(series.len(), Place::default());
            for ((number, one), place) in series.iter_mut().enumerate().zip(&mut places) {
                evaluator.spending.work()?;
                windows.pass((number, one), place, is_all, evaluator, visit)?;
            }
            evaluator.spending.series(places.iter().filter(|place| place.is_there).count())
        };
        let mut series = source.select(&wanted, &mut |series| pass(&mut *self, series, false))?;
        let held = series.iter().map(|one| one.samples.len()).sum();
        self.spending.samples(held)?;
        pass(&mut *self, &mut series, true)?;
        self.spending.freed(held);
        Ok(series.into_iter().map(|one| Named { labels: one.labels, bare: false }).collect())
    }

    /// Visits the windows over the values of a subquery.
    fn compute(
        &mut self,
        subquery: &Subquery,
        windows: &Windows<'_>,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<Vec<Named>, EvalFault> {
        if windows.grid.count == 0 {
            return Ok(Vec::new());
        }
        let step =
            subquery.step.as_ref().map_or(self.spending.limits.subquery_step, |step| step.millis).max(1);
        let (after, until) = windows.whole();
        // Steps of subqueries are multiples of their width, whenever they are asked for.
        let start = after.div_euclid(step).saturating_add(1).saturating_mul(step);
        let count = if start > until { 0 } else { until.saturating_sub(start) / step + 1 };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.spending.inner_steps(count)?;
        let inner = Grid { start, step, count };
        let mut named = Vec::new();
        for (number, row) in self.rows(&subquery.inner, &inner)?.into_iter().enumerate() {
            self.spending.work()?;
            let cells = row.cells.iter().zip(inner.times());
            let samples: Vec<Sample> = cells.filter_map(|(cell, time)| cell.sample(time)).collect();
            let (held, mut series) = (samples.len(), Series { labels: row.labels, samples });
            windows.pass((number, &mut series), &mut Place::default(), true, self, visit)?;
            self.spending.freed(held);
            named.push(Named { labels: series.labels, bare: row.bare });
        }
        Ok(named)
    }
}
