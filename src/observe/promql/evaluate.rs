//! Gives expressions their values: every node over all steps at once, so that each selector is read once.

use super::expression::Expression;
use super::fault::{EvalFault, ParseFault};
use super::formula::Frame;
use super::merge::{merged, shown};
use super::note::Notes;
use super::source::{Limits, Source, Spending};
use super::tree::{At, Expr, Kind, Shift, Type};
use super::value::{Answer, Cell, Grid, Row, Sample, Series, Value};
use super::window::Named;
use crate::base::InOrder;

/// What a query runs against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub source: &'a dyn Source,
    pub limits: Limits,
    /// True when the query has used up its time.
    pub late: &'a dyn Fn() -> bool,
}

/// A value with the remarks on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub answer: Answer,
    pub notes: Notes,
}

/// The value of an expression at one time, in milliseconds.
///
/// # Errors
/// [`EvalFault`].
pub fn instant(expression: &Expression, time: i64, context: Context<'_>) -> Result<Outcome, EvalFault> {
    let grid = Grid { start: time, step: 0, count: 1 };
    let (root, mut evaluator) = prepare(expression, Frame { start: time, end: time, step: 0 }, context)?;
    let answer = if root.kind_of_value() == Type::Matrix {
        Answer::Matrix(evaluator.samples(&root, time)?)
    } else {
        match evaluator.value(&root, &grid)? {
            Value::Scalar(values) => {
                Answer::Scalar(Sample { time, value: values.first().copied().unwrap_or(f64::NAN) })
            }
            Value::Text(text) => Answer::Text(text),
            Value::Rows(rows) => {
                let cells = shown(rows)?.into_iter();
                let samples =
                    cells.filter_map(|row| row.cell(0).sample(time).map(|sample| (row.labels, sample)));
                Answer::Vector(samples.collect())
            }
        }
    };
    Ok(Outcome { answer, notes: evaluator.notes })
}

/// The values of an expression at `start`, `start + step`, … up to `end`, in milliseconds.
///
/// # Errors
/// [`EvalFault`].
pub fn range(
    expression: &Expression,
    start: i64,
    end: i64,
    step: i64,
    context: Context<'_>,
) -> Result<Outcome, EvalFault> {
    let kind = expression.kind();
    if !matches!(kind, Type::Scalar | Type::Vector) {
        return Err(EvalFault::NotForRange(kind.name()));
    }
    if step <= 0 || end < start {
        return Err(EvalFault::execution(
            "a range query needs a step above zero and an end not before its start",
        ));
    }
    let count = usize::try_from(end.saturating_sub(start) / step).unwrap_or(usize::MAX).saturating_add(1);
    let (root, mut evaluator) = prepare(expression, Frame { start, end, step }, context)?;
    evaluator.spending.steps(count)?;
    let grid = Grid { start, step, count };
    let rows = match evaluator.value(&root, &grid)? {
        Value::Scalar(values) => {
            let cells = values.into_iter().map(Cell::float).collect();
            vec![Row { labels: super::Labels::default(), bare: false, cells }]
        }
        Value::Rows(rows) => shown(rows)?,
        Value::Text(_) => Vec::new(),
    };
    let mut series: Vec<Series> = rows.into_iter().map(|row| series_of(row, &grid)).collect();
    series.retain(|series| !series.samples.is_empty());
    series.order_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Outcome { answer: Answer::Matrix(series), notes: evaluator.notes })
}

fn series_of(row: Row, grid: &Grid) -> Series {
    let samples = row.cells.iter().zip(grid.times()).filter_map(|(cell, time)| cell.sample(time)).collect();
    Series { labels: row.labels, samples }
}

/// An expression whose `start()`, `end()` and formulas are resolved, and who evaluates it.
fn prepare<'a>(
    expression: &Expression,
    frame: Frame,
    context: Context<'a>,
) -> Result<(Expr, Evaluator<'a>), EvalFault> {
    let mut root = expression.root.clone();
    resolve(&mut root, frame, &expression.query)?;
    let spending = Spending::new(context.limits, context.late);
    let notes = Notes::new(&expression.query);
    Ok((root, Evaluator { source: context.source, spending, notes, frame }))
}

fn resolve(expr: &mut Expr, frame: Frame, query: &str) -> Result<(), ParseFault> {
    let (shift, lengths): (Option<&mut Shift>, Vec<_>) = match &mut expr.kind {
        Kind::Selector(selector) => (Some(&mut selector.shift), Vec::new()),
        Kind::Range(selector, range) => (Some(&mut selector.shift), vec![range]),
        Kind::Subquery(subquery) => (
            Some(&mut subquery.shift),
            std::iter::once(&mut subquery.range).chain(&mut subquery.step).collect(),
        ),
        _ => (None, Vec::new()),
    };
    for length in lengths {
        let place = length.place();
        length.resolve(frame, false).map_err(|what| ParseFault::new(query, place, what))?;
    }
    if let Some(shift) = shift {
        match shift.at {
            Some(At::Start) => shift.at = Some(At::Time(frame.start)),
            Some(At::End) => shift.at = Some(At::Time(frame.end)),
            _ => {}
        }
        if let Some(offset) = &mut shift.offset {
            let place = offset.place();
            offset.resolve(frame, true).map_err(|what| ParseFault::new(query, place, what))?;
        }
    }
    let mut fault = None;
    expr.kind.children_mut(&mut |child| {
        if fault.is_none() {
            fault = resolve(child, frame, query).err();
        }
    });
    fault.map_or(Ok(()), Err)
}

pub(super) struct Evaluator<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) spending: Spending<'a>,
    pub(super) notes: Notes,
    /// The whole query; subqueries have grids of their own.
    pub(super) frame: Frame,
}

impl Evaluator<'_> {
    pub(super) fn value(&mut self, expr: &Expr, grid: &Grid) -> Result<Value, EvalFault> {
        self.spending.work()?;
        match &expr.kind {
            Kind::Number(value) => Ok(Value::Scalar(vec![*value; grid.count])),
            Kind::Text(text) => Ok(Value::Text(text.lossy())),
            Kind::Paren(inner) => self.value(inner, grid),
            Kind::Selector(selector) => Ok(Value::Rows(self.selected(selector, grid, false)?)),
            Kind::Unary { minus, inner } => {
                let value = self.value(inner, grid)?;
                if *minus { negated(value) } else { Ok(value) }
            }
            Kind::Binary(binary) => self.binary(binary, expr.place, grid),
            Kind::Aggregate(aggregate) => Ok(Value::Rows(self.aggregate(aggregate, grid)?)),
            Kind::Call(function, args) => self.call(function, args, grid),
            Kind::Range(..) | Kind::Subquery(_) => {
                Err(EvalFault::execution("a range vector stands where none can"))
            }
        }
    }

    /// The value of an expression that the checker found to be a vector.
    pub(super) fn rows(&mut self, expr: &Expr, grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        match self.value(expr, grid)? {
            Value::Rows(rows) => Ok(rows),
            Value::Scalar(_) | Value::Text(_) => Err(EvalFault::execution("an instant vector was expected")),
        }
    }

    /// The value of an expression that the checker found to be a scalar: one per step.
    pub(super) fn scalars(&mut self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, EvalFault> {
        match self.value(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            Value::Rows(_) | Value::Text(_) => Err(EvalFault::execution("a scalar was expected")),
        }
    }

    /// A range vector at one time, as samples.
    fn samples(&mut self, root: &Expr, time: i64) -> Result<Vec<Series>, EvalFault> {
        self.spending.work()?;
        let grid = Grid { start: time, step: 0, count: 1 };
        let mut found = Vec::new();
        let named = self.each_window(root, &grid, None, &mut |_, track| {
            let series = track.series;
            found.extend(track.windows.map(|seen| (series, seen.samples.to_vec())));
            Ok(())
        })?;
        let series = found.into_iter().filter_map(|(number, samples)| {
            let Named { labels, bare } = named.get(number)?;
            Some(Series { labels: if *bare { labels.bare() } else { labels.clone() }, samples })
        });
        let mut series: Vec<Series> = series.collect();
        series.order_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series)
    }
}

fn negated(value: Value) -> Result<Value, EvalFault> {
    let rows = match value {
        Value::Scalar(values) => return Ok(Value::Scalar(values.into_iter().map(|value| -value).collect())),
        Value::Text(_) => return Err(EvalFault::execution("a string has no sign")),
        Value::Rows(rows) => rows,
    };
    let mut negated = Vec::with_capacity(rows.len());
    for mut row in rows {
        for cell in &mut row.cells {
            if cell.is_native() {
                return Err(EvalFault::NativeHistogram("unary minus"));
            }
            if let Some(value) = cell.get() {
                *cell = Cell::float(-value);
            }
        }
        row.bare = true;
        negated.push(row);
    }
    Ok(Value::Rows(merged(negated)?))
}
