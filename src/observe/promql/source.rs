//! Where samples come from, and how many a query may touch.

use super::fault::EvalFault;
use super::matcher::Matcher;
use super::value::Series;

/// What a point that stands for several samples is to tell of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Of {
    #[default]
    Last,
    Least,
    Greatest,
    /// How much it rose, every fall counted: of a counter a point tells it, of anything else only the samples do.
    Rise,
}

/// What a selector reads.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// All of them accept the series.
    pub matchers: &'a [Matcher],
    /// Samples of `after < time <= until`, in milliseconds.
    pub after: i64,
    pub until: i64,
    /// Who would hold more samples at a time gives up with [`EvalFault::TooMuch`].
    pub most: usize,
    /// A point may stand for the samples of so many milliseconds at most; 0 wants every sample.
    pub width: i64,
    pub of: Of,
    /// Only the newest sample up to each of some times is looked at: the first of them, and how far apart they are (0
    /// where there is one). The others may be left out.
    pub steps: Option<(i64, i64)>,
    /// True when the time is up: then it gives up with [`EvalFault::TimedOut`].
    pub late: &'a dyn Fn() -> bool,
}

/// Hears of series while they are read.
pub type Hear<'a> = dyn FnMut(&mut [Series]) -> Result<(), EvalFault> + 'a;

/// Keeps series. Implementations read; the evaluator never does.
pub trait Source {
    /// The series that are wanted, by their labels, their samples by time. Those without such samples may be left out.
    ///
    /// Who reads piece by piece says so after each: `heard` has the series as far as they are known, all of them up to
    /// the same time, and may take samples away from their fronts. They are the same, in the same order, each time and
    /// at last.
    ///
    /// # Errors
    /// [`EvalFault::TooMuch`], or [`EvalFault::Source`] for what went wrong while reading; what `heard` says.
    fn select(&self, wanted: &Wanted<'_>, heard: &mut Hear<'_>) -> Result<Vec<Series>, EvalFault>;
}

/// Points of a graph stand for samples where so many of them come to a step, as Thanos has it.
const POINTS_A_STEP: i64 = 5;

/// What one query may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Samples and values held at a time, over the whole query.
    pub samples: usize,
    /// Series of one selector.
    pub series: usize,
    /// Steps of a range query; a subquery may have more where memory allows.
    pub steps: usize,
    /// How far back the value of an instant is looked for, in milliseconds.
    pub look_back: i64,
    /// Step of subqueries that name none, in milliseconds.
    pub subquery_step: i64,
    /// How wide a point may be that stands for samples, in milliseconds: never wider than a fifth of the step and of
    /// the range of a selector; 0 is exact.
    pub resolution: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            samples: 5_000_000,
            series: 20_000,
            steps: 11_000,
            look_back: 300_000,
            subquery_step: 60_000,
            resolution: 0,
        }
    }
}

impl Limits {
    /// The width that points may have where so much time is between two values.
    pub(super) fn width(&self, span: i64) -> i64 {
        self.resolution.min(span / POINTS_A_STEP)
    }
}

/// Counts against the limits while a query runs.
pub(super) struct Spending<'a> {
    pub(super) limits: Limits,
    samples: usize,
    /// True when the time is up. The clock is the caller's.
    pub(super) late: &'a dyn Fn() -> bool,
    asked: usize,
}

/// What one step of a subquery may hold at a time, in samples.
const STEP_SAMPLES: usize = 16;
/// The clock is asked once for so many pieces of work.
const PIECES: usize = 64;

impl<'a> Spending<'a> {
    pub(super) fn new(limits: Limits, late: &'a dyn Fn() -> bool) -> Self {
        Self { limits, samples: 0, late, asked: 0 }
    }

    pub(super) fn left(&self) -> usize {
        self.limits.samples.saturating_sub(self.samples)
    }

    pub(super) fn samples(&mut self, count: usize) -> Result<(), EvalFault> {
        self.samples = self.samples.saturating_add(count);
        if self.samples > self.limits.samples {
            return Err(EvalFault::TooMuch { what: "samples", most: self.limits.samples });
        }
        self.work()
    }

    /// What was counted is held no longer.
    pub(super) fn freed(&mut self, count: usize) {
        self.samples = self.samples.saturating_sub(count);
    }

    pub(super) fn series(&self, count: usize) -> Result<(), EvalFault> {
        if count > self.limits.series {
            return Err(EvalFault::TooMuch { what: "series", most: self.limits.series });
        }
        Ok(())
    }

    pub(super) fn steps(&self, count: usize) -> Result<(), EvalFault> {
        if count > self.limits.steps {
            return Err(EvalFault::TooMuch { what: "steps", most: self.limits.steps });
        }
        Ok(())
    }

    /// Steps of a subquery: as many as memory has room for, with the values in between.
    pub(super) fn inner_steps(&self, count: usize) -> Result<(), EvalFault> {
        if count > self.limits.steps.max(self.left() / STEP_SAMPLES) {
            return Err(EvalFault::TooMuch { what: "samples", most: self.limits.samples });
        }
        Ok(())
    }

    /// One piece of work is about to be done.
    pub(super) fn work(&mut self) -> Result<(), EvalFault> {
        self.asked += 1;
        if self.asked % PIECES == 1 && (self.late)() {
            return Err(EvalFault::TimedOut);
        }
        Ok(())
    }
}
