//! Calls of functions.

pub(super) mod date;
mod histogram;
mod label;
pub(super) mod math;
pub(super) mod over_time;
pub(super) mod rate;
mod sort;
pub(super) mod trend;

use date::Moment;
use over_time::{Compute, Window};

use super::catalogue::Function;
use super::check;
use super::evaluate::Evaluator;
use super::fault::EvalFault;
use super::labels::Labels;
use super::matcher::{MatchOp, Matcher};
use super::select::seconds;
use super::source::Of;
use super::tree::{Expr, Kind, Reach, Type};
use super::value::{Cell, Cells, Grid, Row, Sample, Value};

/// How a function is computed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// Each float on its own.
    Each(fn(f64) -> f64),
    /// Each float as a time; without an argument, the time of the step.
    Date(fn(&Moment) -> f64),
    /// The samples in a window.
    Window {
        compute: Compute,
        keeps_name: bool,
    },
    Absent,
    AbsentOverTime,
    Clamp,
    ClampMax,
    ClampMin,
    Round,
    ScalarOf,
    VectorOf,
    Time,
    Timestamp,
    Pi,
    MinOf,
    MaxOf,
    QueryStart,
    QueryEnd,
    QueryStep,
    QueryRange,
    LabelReplace,
    LabelJoin,
    Sort {
        descending: bool,
    },
    SortByLabel {
        descending: bool,
    },
    HistogramQuantile,
    HistogramQuantiles,
    HistogramFraction,
    /// Needs the buckets of native histograms.
    NativeOnly,
}

impl Evaluator<'_> {
    pub(super) fn call(
        &mut self,
        function: &Function,
        args: &[Expr],
        grid: &Grid,
    ) -> Result<Value, EvalFault> {
        let rows = match function.work {
            Work::Each(compute) => self.each(arg(args, 0)?, grid, compute)?,
            Work::Date(compute) => self.date(args, grid, compute)?,
            Work::Window { compute, keeps_name } => {
                self.windowed(function, args, grid, compute, keeps_name)?
            }
            Work::Absent => self.absent(arg(args, 0)?, grid)?,
            Work::AbsentOverTime => self.absent_over_time(arg(args, 0)?, grid)?,
            Work::Clamp | Work::ClampMax | Work::ClampMin => self.clamp(function.work, args, grid)?,
            Work::Round => self.round(args, grid)?,
            Work::VectorOf => {
                let cells = self.scalars(arg(args, 0)?, grid)?.into_iter().map(Cell::float).collect();
                vec![Row { labels: Labels::default(), bare: false, cells }]
            }
            Work::Timestamp => self.timestamp(arg(args, 0)?, grid)?,
            Work::LabelReplace => self.label_replace(args, grid)?,
            Work::LabelJoin => self.label_join(args, grid)?,
            Work::Sort { descending } => sort::by_value(self.rows(arg(args, 0)?, grid)?, descending),
            Work::SortByLabel { descending } => {
                let labels: Vec<String> =
                    (1..args.len()).map(|at| text(args, at)).collect::<Result<_, _>>()?;
                sort::by_labels(self.rows(arg(args, 0)?, grid)?, &labels, descending)
            }
            Work::HistogramQuantile => self.histogram_quantile(args, grid)?,
            Work::HistogramQuantiles => self.histogram_quantiles(args, grid)?,
            Work::HistogramFraction => self.histogram_fraction(args, grid)?,
            Work::NativeOnly => {
                let rows = self.rows(arg(args, 0)?, grid)?;
                if rows.iter().flat_map(|row| &row.cells).any(|cell| cell.is_native()) {
                    return Err(EvalFault::NativeHistogram(function.name));
                }
                Vec::new()
            }
            work => return self.scalar(work, args, grid),
        };
        Ok(Value::Rows(rows))
    }

    /// Functions that give a scalar.
    fn scalar(&mut self, work: Work, args: &[Expr], grid: &Grid) -> Result<Value, EvalFault> {
        let frame = self.frame;
        let constant = |value: f64| vec![value; grid.count];
        Ok(Value::Scalar(match work {
            Work::Pi => constant(std::f64::consts::PI),
            Work::QueryStart => constant(seconds(frame.start)),
            Work::QueryEnd => constant(seconds(frame.end)),
            Work::QueryStep => constant(seconds(frame.step)),
            Work::QueryRange => constant(seconds(frame.end.saturating_sub(frame.start))),
            Work::Time => grid.times().map(seconds).collect(),
            Work::MinOf | Work::MaxOf => {
                let left = self.scalars(arg(args, 0)?, grid)?;
                let right = self.scalars(arg(args, 1)?, grid)?;
                let smallest = matches!(work, Work::MinOf);
                left.iter().zip(&right).map(|(a, b)| math::extreme(*a, *b, smallest)).collect()
            }
            _ => {
                let rows = self.rows(arg(args, 0)?, grid)?;
                let only = |at: usize| {
                    let mut floats = rows.iter().filter_map(|row| row.cell(at).get());
                    floats.next().filter(|_| floats.next().is_none()).unwrap_or(f64::NAN)
                };
                (0..grid.count).map(only).collect()
            }
        }))
    }

    fn date(
        &mut self,
        args: &[Expr],
        grid: &Grid,
        compute: fn(&Moment) -> f64,
    ) -> Result<Vec<Row>, EvalFault> {
        if let Some(arg) = args.first() {
            return self.each(arg, grid, |value| compute(&Moment::of(value)));
        }
        let cells = grid.times().map(|now| Cell::float(compute(&Moment::of(seconds(now))))).collect();
        Ok(vec![Row { labels: Labels::default(), bare: false, cells }])
    }

    /// Each float through a function; native histograms are left out.
    fn each(&mut self, arg: &Expr, grid: &Grid, compute: impl Fn(f64) -> f64) -> Result<Vec<Row>, EvalFault> {
        self.each_at(arg, grid, |value, _| Some(compute(value)))
    }

    fn each_at(
        &mut self,
        arg: &Expr,
        grid: &Grid,
        compute: impl Fn(f64, usize) -> Option<f64>,
    ) -> Result<Vec<Row>, EvalFault> {
        let mut rows = self.rows(arg, grid)?;
        for row in &mut rows {
            self.spending.work()?;
            for (at, cell) in row.cells.iter_mut().enumerate() {
                *cell = cell.get().and_then(|value| compute(value, at)).map_or(Cell::ABSENT, Cell::float);
            }
            row.bare = true;
        }
        rows.retain(|row| !row.is_empty());
        Ok(rows)
    }

    fn clamp(&mut self, work: Work, args: &[Expr], grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let bound = |evaluator: &mut Self, at: usize| evaluator.scalars(arg(args, at)?, grid);
        let constant = |value: f64| vec![value; grid.count];
        let (least, most) = match work {
            Work::ClampMax => (constant(f64::NEG_INFINITY), bound(self, 1)?),
            Work::ClampMin => (bound(self, 1)?, constant(f64::INFINITY)),
            _ => (bound(self, 1)?, bound(self, 2)?),
        };
        self.each_at(arg(args, 0)?, grid, |value, at| {
            let (least, most) = (*least.get(at)?, *most.get(at)?);
            if most < least {
                None
            } else {
                Some(math::extreme(least, math::extreme(most, value, true), false))
            }
        })
    }

    fn round(&mut self, args: &[Expr], grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let nearest = match args.get(1) {
            Some(arg) => self.scalars(arg, grid)?,
            None => vec![1.0; grid.count],
        };
        self.each_at(arg(args, 0)?, grid, |value, at| {
            // Multiplied by the inverse: that loses less.
            let inverse = 1.0 / nearest.get(at)?;
            Some((value * inverse + 0.5).floor() / inverse)
        })
    }

    /// Of a plain selector the times of its samples; of anything else the time of the step.
    fn timestamp(&mut self, arg: &Expr, grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let mut rows = if let Kind::Selector(selector) = &arg.unwrapped().kind {
            self.selected(selector, grid, true)?
        } else {
            let mut rows = self.rows(arg, grid)?;
            for row in &mut rows {
                for (cell, now) in row.cells.iter_mut().zip(grid.times()) {
                    if !cell.is_absent() {
                        *cell = Cell::float(seconds(now));
                    }
                }
            }
            rows
        };
        rows.iter_mut().for_each(|row| row.bare = true);
        Ok(rows)
    }

    fn windowed(
        &mut self,
        function: &Function,
        args: &[Expr],
        grid: &Grid,
        compute: Compute,
        keeps_name: bool,
    ) -> Result<Vec<Row>, EvalFault> {
        let range = args.iter().find(|arg| arg.kind_of_value() == Type::Matrix);
        let range = range.ok_or_else(|| EvalFault::execution("a range vector was expected"))?;
        let reach = match &range.unwrapped().kind {
            Kind::Range(selector, _) => selector.reach,
            _ => Reach::Within,
        };
        if let Some(what) = check::reach(function.name, reach) {
            return Err(EvalFault::execution(what));
        }
        let mut params = Vec::new();
        for arg in args.iter().filter(|arg| arg.kind_of_value() == Type::Scalar) {
            params.push(self.scalars(arg, grid)?);
        }
        let (mut floats, mut now_params) = (Vec::<Sample>::new(), Vec::new());
        let mut cells = Cells::new(grid.count);
        let first_place = args.first().map_or(range.place, |arg| arg.place);
        let series = self.each_window(range, grid, coarse(function.name), &mut |evaluator, track| {
            let mut row = cells.row(track.series);
            let (metric, natives) = (track.labels.metric(), track.natives);
            for seen in track.windows {
                now_params.clear();
                now_params.extend(params.iter().filter_map(|values| values.get(seen.step).copied()));
                if natives {
                    floats.clear();
                    floats.extend(seen.samples.iter().filter(|sample| !sample.is_native_histogram()));
                }
                let mut window = Window {
                    all: seen.samples,
                    floats: if natives { &floats } else { seen.samples },
                    after: seen.after,
                    until: seen.until,
                    now: grid.time(seen.step),
                    reach,
                    params: &now_params,
                    metric,
                    place: range.place,
                    first_place,
                    notes: &mut evaluator.notes,
                };
                if let Some(cell) = compute(&mut window)? {
                    row.set(seen.step, cell, &mut evaluator.spending)?;
                }
            }
            Ok(())
        })?;
        Ok(cells.rows(series.into_iter().map(|one| (one.labels, one.bare || !keeps_name))))
    }

    fn absent(&mut self, arg: &Expr, grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let rows = self.rows(arg, grid)?;
        let there = |at: usize| rows.iter().any(|row| !row.cell(at).is_absent());
        Ok(absence(arg, grid, there))
    }

    fn absent_over_time(&mut self, arg: &Expr, grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        if let Kind::Range(selector, _) = &arg.unwrapped().kind
            && let Some(what) = check::reach("absent_over_time", selector.reach)
        {
            return Err(EvalFault::execution(what));
        }
        let mut there = vec![false; grid.count];
        self.each_window(arg, grid, None, &mut |_, track| {
            track
                .windows
                .for_each(|seen| there.get_mut(seen.step).into_iter().for_each(|there| *there = true));
            Ok(())
        })?;
        Ok(absence(arg, grid, |at| there.get(at).copied().unwrap_or(false)))
    }
}

/// What wider points tell a function of what they stand for; `None` for one that needs every sample.
fn coarse(function: &str) -> Option<Of> {
    match function {
        "rate" | "increase" => Some(Of::Rise),
        "last_over_time" => Some(Of::Last),
        "max_over_time" => Some(Of::Greatest),
        "min_over_time" => Some(Of::Least),
        _ => None,
    }
}

/// 1 at each step where nothing is there, with the labels that the expression pins down.
fn absence(arg: &Expr, grid: &Grid, there: impl Fn(usize) -> bool) -> Vec<Row> {
    let matchers: &[Matcher] = match &arg.unwrapped().kind {
        Kind::Selector(selector) | Kind::Range(selector, _) => &selector.matchers,
        _ => &[],
    };
    let named = |name: &str| matchers.iter().filter(|matcher| matcher.name() == name).count();
    let pinned = matchers.iter().filter(|matcher| {
        matcher.op() == MatchOp::Equal
            && matcher.name() != super::labels::METRIC_NAME
            && named(matcher.name()) == 1
    });
    let mut row = Row::new(Labels::new(pinned.map(|one| (one.name(), one.value()))), false, grid.count);
    for at in (0..grid.count).filter(|at| !there(*at)) {
        row.set(at, Cell::float(1.0));
    }
    if row.is_empty() { Vec::new() } else { vec![row] }
}

fn arg(args: &[Expr], at: usize) -> Result<&Expr, EvalFault> {
    args.get(at).ok_or_else(|| EvalFault::execution("an argument is missing"))
}

/// An argument that the checker found to be a string literal.
fn text(args: &[Expr], at: usize) -> Result<String, EvalFault> {
    Ok(literal(args, at)?.lossy())
}

fn literal(args: &[Expr], at: usize) -> Result<&super::literal::Text, EvalFault> {
    match &arg(args, at)?.unwrapped().kind {
        Kind::Text(text) => Ok(text),
        _ => Err(EvalFault::execution("a string was expected")),
    }
}
