//! Binary operators: arithmetic and comparisons on scalars and on each element of vectors.

use super::evaluate::Evaluator;
use super::fault::{EvalFault, Place};
use super::note::Notes;
use super::tree::{Binary, Op};
use super::value::{Cell, Grid, Row, Value};

impl Evaluator<'_> {
    pub(super) fn binary(&mut self, binary: &Binary, place: Place, grid: &Grid) -> Result<Value, EvalFault> {
        let left = self.value(&binary.left, grid)?;
        let right = self.value(&binary.right, grid)?;
        match (left, right) {
            (Value::Scalar(left), Value::Scalar(right)) => {
                let pairs = left.iter().zip(&right);
                Ok(Value::Scalar(pairs.map(|(left, right)| number(binary.op, *left, *right)).collect()))
            }
            (Value::Rows(rows), Value::Scalar(scalars)) => {
                self.with_scalars(binary, place, rows, &scalars, false)
            }
            (Value::Scalar(scalars), Value::Rows(rows)) => {
                self.with_scalars(binary, place, rows, &scalars, true)
            }
            (Value::Rows(left), Value::Rows(right)) if binary.op.is_set() => {
                Ok(Value::Rows(super::matching::set(binary, left, right, grid)?))
            }
            (Value::Rows(left), Value::Rows(right)) => {
                let held = (left.len() + right.len()) * grid.count;
                let rows = self.matched(binary, place, &left, &right, grid)?;
                self.spending.freed(held);
                Ok(Value::Rows(rows))
            }
            _ => Err(EvalFault::execution("strings have no binary operators")),
        }
    }

    fn with_scalars(
        &mut self,
        binary: &Binary,
        place: Place,
        mut rows: Vec<Row>,
        scalars: &[f64],
        scalar_first: bool,
    ) -> Result<Value, EvalFault> {
        for row in &mut rows {
            self.spending.work()?;
            for (cell, scalar) in row.cells.iter_mut().zip(scalars) {
                if cell.is_absent() {
                    continue;
                }
                let scalar = Cell::float(*scalar);
                let (left, right) = if scalar_first { (scalar, *cell) } else { (*cell, scalar) };
                let element = element(binary.op, left, right, &mut self.notes, place)?;
                // What a comparison lets through is the vector's own value.
                *cell = element.map_or(Cell::ABSENT, |element| element.give(binary, *cell));
            }
            row.bare |= binary.as_bool || !binary.op.is_comparison();
        }
        rows.retain(|row| !row.is_empty());
        Ok(Value::Rows(rows))
    }
}

/// What an operator makes of two elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    Number(f64),
    Holds(bool),
}

impl Element {
    /// What goes into the result; `kept` is what a comparison that holds lets through.
    pub(super) fn give(self, binary: &Binary, kept: Cell) -> Cell {
        match self {
            Self::Number(value) => Cell::float(value),
            Self::Holds(holds) if binary.as_bool => Cell::float(f64::from(u8::from(holds))),
            Self::Holds(true) => kept,
            Self::Holds(false) => Cell::ABSENT,
        }
    }
}

/// Nothing where the operator has no meaning for what the elements are; a remark says so.
pub(super) fn element(
    op: Op,
    left: Cell,
    right: Cell,
    notes: &mut Notes,
    place: Place,
) -> Result<Option<Element>, EvalFault> {
    if let (Some(left), Some(right)) = (left.get(), right.get()) {
        let element = comparison(op, left, right)
            .map_or_else(|| Element::Number(number(op, left, right)), Element::Holds);
        return Ok(Some(element));
    }
    let natives = (left.is_native(), right.is_native());
    let meaningful = match op {
        Op::Add | Op::Sub | Op::Equal | Op::NotEqual => natives == (true, true),
        Op::Mul => natives != (true, true),
        Op::Div => natives == (true, false),
        _ => false,
    };
    if meaningful {
        return Err(EvalFault::NativeHistogram("binary operator"));
    }
    let name = |native| if native { "histogram" } else { "float" };
    notes.incompatible_types(name(natives.0), op.name(), name(natives.1), place);
    Ok(None)
}

fn comparison(op: Op, left: f64, right: f64) -> Option<bool> {
    Some(match op {
        Op::Equal => left == right,
        Op::NotEqual => left != right,
        Op::Less => left < right,
        Op::LessEqual => left <= right,
        Op::Greater => left > right,
        Op::GreaterEqual => left >= right,
        _ => return None,
    })
}

/// Of comparisons, 1 when they hold.
fn number(op: Op, left: f64, right: f64) -> f64 {
    match op {
        Op::Add => left + right,
        Op::Sub => left - right,
        Op::Mul => left * right,
        Op::Div => left / right,
        Op::Mod => left % right,
        Op::Pow => left.powf(right),
        Op::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(comparison(op, left, right).unwrap_or(false))),
    }
}
