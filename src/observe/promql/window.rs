//! Windows over series while their samples come: of no series more is held than its window looks at.

use super::evaluate::Evaluator;
use super::fault::EvalFault;
use super::labels::Labels;
use super::source::{Of, Wanted};
use super::tree::{Expr, Kind, Reach, Selector, Shift, Subquery};
use super::value::{Grid, Sample, Series};
use crate::store::samples::{Place, Walk, Windows};

/// What is seen of one series, as far as its samples are known.
pub(super) struct Track<'a> {
    /// Number of the series; they come in any order.
    pub(super) series: usize,
    pub(super) labels: &'a Labels,
    /// True when some of its samples are native histograms.
    pub(super) natives: bool,
    pub(super) windows: Walk<'a>,
}

/// Does something with what is seen.
type Visit<'a, 'e> = dyn FnMut(&mut Evaluator<'e>, Track<'_>) -> Result<(), EvalFault> + 'a;

/// How windows are laid over series at each step.
pub(super) struct Lay {
    pub(super) windows: Windows,
    /// False where marks of the end of a series are no samples.
    pub(super) has_marks: bool,
}

/// How far one series has come.
#[derive(Debug, Clone, Default)]
struct Progress {
    place: Place,
    /// How many samples were looked through, and what was found.
    known: usize,
    natives: bool,
    is_there: bool,
}

/// Whose values they are.
pub(super) struct Named {
    pub(super) labels: Labels,
    pub(super) bare: bool,
}

impl Lay {
    pub(super) fn new(shift: &Shift, range: i64, (reach, look_back): (Reach, i64), grid: &Grid) -> Self {
        let reach = match reach {
            Reach::Within => (0, 0),
            Reach::Anchored => (look_back, 0),
            Reach::Smoothed => (look_back, look_back),
        };
        let step = if shift.at.is_some() { 0 } else { grid.step };
        let windows = Windows { count: grid.count, until: shift.apply(grid.start), step, range, reach };
        Self { windows, has_marks: false }
    }

    /// Visits a series as far as it is known (`is_all`: there is no more), and takes away what no later window looks
    /// at.
    fn pass<'e>(
        &self,
        (number, one): (usize, &mut Series),
        progress: &mut Progress,
        is_all: bool,
        evaluator: &mut Evaluator<'e>,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<(), EvalFault> {
        let Series { labels, samples } = one;
        progress.look_through(samples, self.has_marks);
        let newest = samples.last().map_or(i64::MIN, |sample| sample.time);
        let windows = self.windows.walk(&mut progress.place, samples, (!is_all).then_some(newest));
        visit(evaluator, Track { series: number, labels, natives: progress.natives, windows })?;
        progress.known -= progress.place.forget(samples);
        Ok(())
    }
}

impl Progress {
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

impl<'e> Evaluator<'e> {
    /// Visits every series of a range vector (a selector with a range, or a subquery), and gives them by number. `of`
    /// tells what wider points may stand for in it; without, every sample is read.
    pub(super) fn each_window(
        &mut self,
        expr: &Expr,
        grid: &Grid,
        of: Option<Of>,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<Vec<Named>, EvalFault> {
        let look_back = self.spending.limits.look_back;
        match &expr.unwrapped().kind {
            Kind::Range(selector, range) => {
                let lay = Lay::new(&selector.shift, range.millis, (selector.reach, look_back), grid);
                let coarse = of.filter(|_| selector.reach == Reach::Within);
                let width = coarse.map_or(0, |_| self.spending.limits.width(range.millis.min(grid.step)));
                self.read(selector, &lay, (width, of.unwrap_or_default()), None, visit)
            }
            Kind::Subquery(subquery) => {
                let reach = (Reach::Within, look_back);
                let lay = Lay::new(&subquery.shift, subquery.range.millis, reach, grid);
                self.compute(subquery, &lay, visit)
            }
            _ => Err(EvalFault::execution("a range vector was expected")),
        }
    }

    /// Visits the series of a selector as their samples are read.
    pub(super) fn read(
        &mut self,
        selector: &Selector,
        lay: &Lay,
        (width, of): (i64, Of),
        steps: Option<(i64, i64)>,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<Vec<Named>, EvalFault> {
        if lay.windows.count == 0 {
            return Ok(Vec::new());
        }
        let (after, until) = lay.windows.span();
        let (source, late, most) = (self.source, self.spending.late, self.spending.left());
        let matchers = selector.matchers.as_slice();
        let wanted = Wanted { matchers, after, until, most, width, of, steps, late };
        let mut all: Vec<Progress> = Vec::new();
        let mut pass = |evaluator: &mut Self, series: &mut [Series], is_all: bool| {
            all.resize(series.len(), Progress::default());
            for ((number, one), progress) in series.iter_mut().enumerate().zip(&mut all) {
                evaluator.spending.work()?;
                lay.pass((number, one), progress, is_all, evaluator, visit)?;
            }
            evaluator.spending.series(all.iter().filter(|progress| progress.is_there).count())
        };
        let mut series = source.select(&wanted, &mut |series| pass(&mut *self, series, false))?;
        let held = series.iter().map(|one| one.samples.len()).sum();
        self.spending.samples(held)?;
        pass(&mut *self, &mut series, true)?;
        self.spending.freed(held);
        Ok(series.into_iter().map(|one| Named { labels: one.labels, bare: false }).collect())
    }

    /// Visits the values of a subquery.
    fn compute(
        &mut self,
        subquery: &Subquery,
        lay: &Lay,
        visit: &mut Visit<'_, 'e>,
    ) -> Result<Vec<Named>, EvalFault> {
        if lay.windows.count == 0 {
            return Ok(Vec::new());
        }
        let step =
            subquery.step.as_ref().map_or(self.spending.limits.subquery_step, |step| step.millis).max(1);
        let (after, until) = lay.windows.span();
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
            let (held, mut one) = (samples.len(), Series { labels: row.labels, samples });
            lay.pass((number, &mut one), &mut Progress::default(), true, self, visit)?;
            self.spending.freed(held);
            named.push(Named { labels: one.labels, bare: row.bare });
        }
        Ok(named)
    }
}
