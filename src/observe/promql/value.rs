//! Samples, and the values expressions have while they are computed and when they are done.

use super::fault::EvalFault;
use super::labels::Labels;
use super::source::Spending;
use crate::store::samples::NATIVE;
pub use crate::store::samples::Sample;

/// Ours for "no value at this step".
const ABSENT: u64 = 0x7ff8_7370_7564_0002;

/// A series, samples by time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub samples: Vec<Sample>,
}

/// What a series has at one step: a float, a native histogram, or nothing; in eight bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell(f64);

impl Cell {
    pub(super) const ABSENT: Self = Self(f64::from_bits(ABSENT));
    pub(super) const NATIVE: Self = Self(f64::from_bits(NATIVE));

    /// A computed float: whichever NaN came out is the ordinary one from here on.
    pub(super) fn float(value: f64) -> Self {
        Self(if value.is_nan() { f64::NAN } else { value })
    }

    pub(super) fn of(sample: Sample) -> Self {
        if sample.is_native_histogram() { Self::NATIVE } else { Self::float(sample.value) }
    }

    pub(super) fn get(self) -> Option<f64> {
        (!self.is_absent() && !self.is_native()).then_some(self.0)
    }

    pub(super) fn is_absent(self) -> bool {
        self.0.to_bits() == ABSENT
    }

    pub(super) fn is_native(self) -> bool {
        self.0.to_bits() == NATIVE
    }

    pub(super) fn sample(self, time: i64) -> Option<Sample> {
        (!self.is_absent()).then_some(Sample { time, value: self.0 })
    }
}

/// The times an expression is evaluated at, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) start: i64,
    pub(super) step: i64,
    pub(super) count: usize,
}

impl Grid {
    pub(super) fn time(&self, at: usize) -> i64 {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        self.start.saturating_add(self.step.saturating_mul(at))
    }

    pub(super) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |at| self.time(at))
    }
}

/// One series of an instant vector, over all steps.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) labels: Labels,
    /// True when the value is no longer of that metric: its name goes at the end, so that labels can still be
    /// made of it.
    pub(super) bare: bool,
    /// One per step.
    pub(super) cells: Vec<Cell>,
}

impl Row {
    pub(super) fn new(labels: Labels, bare: bool, count: usize) -> Self {
        Self { labels, bare, cells: vec![Cell::ABSENT; count] }
    }

    pub(super) fn cell(&self, at: usize) -> Cell {
        self.cells.get(at).copied().unwrap_or(Cell::ABSENT)
    }

    pub(super) fn set(&mut self, at: usize, cell: Cell) {
        if let Some(place) = self.cells.get_mut(at) {
            *place = cell;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.is_absent())
    }

    /// The labels as the reader will see them.
    pub(super) fn shown(&self) -> Labels {
        if self.bare { self.labels.bare() } else { self.labels.clone() }
    }
}

/// Rows while their cells come, by number.
pub(super) struct Cells {
    count: usize,
    rows: Vec<Vec<Cell>>,
}

impl Cells {
    /// Rows of so many steps.
    pub(super) fn new(count: usize) -> Self {
        Self { count, rows: Vec::new() }
    }

    /// A row to be filled.
    pub(super) fn row(&mut self, number: usize) -> Filling<'_> {
        if self.rows.len() <= number {
            self.rows.resize_with(number + 1, Vec::new);
        }
        Filling { count: self.count, cells: self.rows.get_mut(number) }
    }

    /// Those that have a value; the labels of each, and whether it is bare, by number.
    pub(super) fn rows(self, named: impl Iterator<Item = (Labels, bool)>) -> Vec<Row> {
        let rows = self.rows.into_iter().zip(named).filter(|(cells, _)| !cells.is_empty());
        rows.map(|(cells, (labels, bare))| Row { labels, bare, cells }).collect()
    }
}

/// The cells of a row: none before the first of them comes.
pub(super) struct Filling<'a> {
    count: usize,
    cells: Option<&'a mut Vec<Cell>>,
}

impl Filling<'_> {
    pub(super) fn set(
        &mut self,
        step: usize,
        cell: Cell,
        spending: &mut Spending<'_>,
    ) -> Result<(), EvalFault> {
        let Some(cells) = &mut self.cells else { return Ok(()) };
        if cells.is_empty() {
            spending.samples(self.count)?;
            cells.resize(self.count, Cell::ABSENT);
        }
        if let Some(place) = cells.get_mut(step) {
            *place = cell;
        }
        Ok(())
    }
}

/// The value of an expression, over all steps.
#[derive(Debug)]
pub(super) enum Value {
    /// One per step.
    Scalar(Vec<f64>),
    Rows(Vec<Row>),
    Text(String),
}

/// The value of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Scalar(Sample),
    Text(String),
    /// One sample a series.
    Vector(Vec<(Labels, Sample)>),
    Matrix(Vec<Series>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_tell_floats_histograms_and_nothing_apart() {
        assert_eq!(Cell::float(1.5).get(), Some(1.5));
        assert!(Cell::float(f64::NAN).get().is_some_and(f64::is_nan));
        // A NaN that looks like one of the marks is an ordinary NaN once it was computed.
        let sly = Cell::float(f64::from_bits(ABSENT));
        assert!(!sly.is_absent() && !sly.is_native());
        assert_eq!(Cell::ABSENT.get(), None);
        assert!(Cell::of(Sample::native_histogram(1)).is_native());
        assert!(Cell::NATIVE.sample(3).is_some_and(Sample::is_native_histogram));
        assert!(Sample::stale(0).is_stale() && !Sample { time: 0, value: f64::NAN }.is_stale());
    }
}
