//! Aggregations: many series into one for each group of labels.

use std::collections::HashMap;

use super::evaluate::Evaluator;
use super::fault::{EvalFault, Place};
use super::float::{KahanSum, Mean, Variance, quantile};
use super::labels::Labels;
use super::literal::format_float;
use super::note::Notes;
use super::tree::{Aggregate, AggregateOp, Kind};
use super::value::{Cell, Grid, Row};

/// The groups of rows, numbered in the order of their first row.
pub(super) struct Grouped {
    /// The group of each row.
    pub(super) of: Vec<usize>,
    pub(super) labels: Vec<Labels>,
    bare: Vec<bool>,
}

impl Grouped {
    pub(super) fn new(aggregate: &Aggregate, rows: &[Row]) -> Self {
        let mut known: HashMap<Labels, usize> = HashMap::new();
        let mut grouped = Self { of: Vec::with_capacity(rows.len()), labels: Vec::new(), bare: Vec::new() };
        for row in rows {
            let labels = group_labels(aggregate, &row.labels);
            let group = *known.entry(labels.clone()).or_insert(grouped.labels.len());
            if group == grouped.labels.len() {
                grouped.labels.push(labels);
                grouped.bare.push(false);
            }
            if let Some(bare) = grouped.bare.get_mut(group) {
                *bare |= row.bare;
            }
            grouped.of.push(group);
        }
        grouped
    }
}

fn group_labels(aggregate: &Aggregate, labels: &Labels) -> Labels {
    if aggregate.without { labels.bare_without(&aggregate.labels) } else { labels.only(&aggregate.labels) }
}

/// The elements of one group at one step.
#[derive(Default, Clone)]
struct Elements {
    floats: Vec<f64>,
    natives: usize,
}

impl Evaluator<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate, grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        use AggregateOp::{BottomK, CountValues, LimitK, LimitRatio, Quantile, TopK};
        if aggregate.op == CountValues {
            return self.count_values(aggregate, grid);
        }
        let params = match &aggregate.param {
            Some(param) => self.scalars(param, grid)?,
            None => Vec::new(),
        };
        if matches!(aggregate.op, TopK | BottomK | LimitK | LimitRatio) {
            return self.ranked(aggregate, &params, grid);
        }
        let rows = self.rows(&aggregate.inner, grid)?;
        let grouped = Grouped::new(aggregate, &rows);
        let mut out: Vec<Row> = Vec::with_capacity(grouped.labels.len());
        for (labels, bare) in grouped.labels.iter().zip(&grouped.bare) {
            self.spending.samples(grid.count)?;
            out.push(Row::new(labels.clone(), *bare, grid.count));
        }
        let mut groups = vec![Elements::default(); out.len()];
        for at in 0..grid.count {
            self.spending.work()?;
            for (row, group) in rows.iter().zip(&grouped.of) {
                let Some(elements) = groups.get_mut(*group) else { continue };
                let cell = row.cell(at);
                elements.floats.extend(cell.get());
                elements.natives += usize::from(cell.is_native());
            }
            let param = params.get(at).copied().unwrap_or(f64::NAN);
            if aggregate.op == Quantile {
                let place = aggregate.param.as_ref().map_or(aggregate.inner.place, |param| param.place);
                self.notes.bad_quantile(param, place);
            }
            for (elements, row) in groups.iter_mut().zip(&mut out) {
                let value = reduce(aggregate.op, elements, param, &mut self.notes, aggregate.inner.place)?;
                row.set(at, value.map_or(Cell::ABSENT, Cell::float));
                elements.floats.clear();
                elements.natives = 0;
            }
        }
        self.spending.freed(rows.len() * grid.count);
        out.retain(|row| !row.is_empty());
        Ok(out)
    }

    fn count_values(&mut self, aggregate: &Aggregate, grid: &Grid) -> Result<Vec<Row>, EvalFault> {
        let text = match aggregate.param.as_ref().map(|param| &param.unwrapped().kind) {
            Some(Kind::Text(text)) => text.clone(),
            _ => return Err(EvalFault::execution("count_values needs the name of a label")),
        };
        let Some(name) = text.label_name() else {
            return Err(EvalFault::execution(format!("invalid label name {}", text.quoted())));
        };
        let rows = self.rows(&aggregate.inner, grid)?;
        let mut known: HashMap<Labels, usize> = HashMap::new();
        let mut out: Vec<Row> = Vec::new();
        for row in &rows {
            self.spending.work()?;
            for (at, cell) in row.cells.iter().enumerate() {
                if cell.is_native() {
                    return Err(EvalFault::NativeHistogram("count_values"));
                }
                let Some(value) = cell.get() else { continue };
                let value = format_float(value);
                let labels = if aggregate.without {
                    row.labels.with(name, &value).bare_without(&aggregate.labels)
                } else {
                    row.labels.only(&aggregate.labels).with(name, &value)
                };
                let next = out.len();
                let place = *known.entry(labels.clone()).or_insert(next);
                if place == next {
                    self.spending.samples(grid.count)?;
                    out.push(Row::new(labels, false, grid.count));
                }
                if let Some(counted) = out.get_mut(place) {
                    counted.bare |= row.bare;
                    counted.set(at, Cell::float(counted.cell(at).get().unwrap_or(0.0) + 1.0));
                }
            }
        }
        self.spending.freed(rows.len() * grid.count);
        Ok(out)
    }
}

/// One value of the elements of a group; nothing where there is none.
fn reduce(
    op: AggregateOp,
    elements: &mut Elements,
    param: f64,
    notes: &mut Notes,
    place: Place,
) -> Result<Option<f64>, EvalFault> {
    let Elements { floats, natives } = elements;
    #[allow(clippy::cast_precision_loss)] // fewer elements than 2^53
    let count = (floats.len() + *natives) as f64;
    let total = match op {
        _ if count == 0.0 => return Ok(None),
        AggregateOp::Count => return Ok(Some(count)),
        AggregateOp::Group => return Ok(Some(1.0)),
        AggregateOp::Sum | AggregateOp::Avg => true,
        _ => false,
    };
    if *natives > 0 {
        if total && floats.is_empty() {
            return Err(EvalFault::NativeHistogram("sum and average"));
        }
        if total {
            notes.mixed_aggregation(place);
            return Ok(None);
        }
        notes.histogram_ignored(op.name(), place);
    }
    let Some((first, rest)) = floats.split_first() else { return Ok(None) };
    Ok(Some(match op {
        AggregateOp::Sum => {
            let mut sum = KahanSum::default();
            floats.iter().for_each(|value| sum.add(*value));
            sum.total()
        }
        AggregateOp::Avg => {
            let mut mean = Mean::new(*first);
            rest.iter().for_each(|value| mean.add(*value));
            mean.get()
        }
        AggregateOp::Max => {
            rest.iter().fold(*first, |best, value| if *value > best || best.is_nan() { *value } else { best })
        }
        AggregateOp::Min => {
            rest.iter().fold(*first, |best, value| if *value < best || best.is_nan() { *value } else { best })
        }
        AggregateOp::Stddev | AggregateOp::Stdvar => {
            let mut variance = Variance::default();
            floats.iter().for_each(|value| variance.add(*value));
            if op == AggregateOp::Stddev { variance.get().sqrt() } else { variance.get() }
        }
        _ => quantile(param, floats),
    }))
}
