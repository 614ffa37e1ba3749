//! Rows that have come to have the same labels: one row if they never have a value at the same step, a fault
//! if they do.

use std::collections::HashMap;

use super::fault::EvalFault;
use super::labels::Labels;
use super::value::Row;

pub(super) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// One row for each set of labels, in the order of their first.
///
/// # Errors
/// Two values of the same labels at the same step.
pub(super) fn merged(rows: Vec<Row>) -> Result<Vec<Row>, EvalFault> {
    let mut known: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        let at = *known.entry(row.labels.clone()).or_insert(merged.len());
        let Some(first) = merged.get_mut(at) else {
            merged.push(row);
            continue;
        };
        first.bare |= row.bare;
        for (kept, cell) in first.cells.iter_mut().zip(row.cells) {
            if cell.is_absent() {
                continue;
            }
            if !kept.is_absent() {
                return Err(EvalFault::execution(SAME_LABELS));
            }
            *kept = cell;
        }
    }
    Ok(merged)
}

/// The rows as the reader sees them: names that no longer hold are gone, rows without a value too.
///
/// # Errors
/// Two values of the same labels at the same step.
pub(super) fn shown(rows: Vec<Row>) -> Result<Vec<Row>, EvalFault> {
    let mut rows = rows;
    rows.retain(|row| !row.is_empty());
    for row in &mut rows {
        row.labels = row.shown();
        row.bare = false;
    }
    merged(rows)
}

#[cfg(test)]
mod tests {
    use super::super::value::Cell;
    use super::*;

    fn row(name: &str, bare: bool, cells: [Option<f64>; 2]) -> Row {
        let labels = Labels::new([("__name__", name), ("a", "1")]);
        let cells = cells.map(|cell| cell.map_or(Cell::ABSENT, Cell::float)).to_vec();
        Row { labels, bare, cells }
    }

    #[test]
    fn rows_merge_where_they_do_not_overlap() {
        let rows = vec![row("x", true, [Some(1.0), None]), row("y", true, [None, Some(2.0)])];
        let merged = shown(rows).unwrap();
        assert_eq!(merged.len(), 1);
        assert_eq!((merged[0].cell(0).get(), merged[0].cell(1).get()), (Some(1.0), Some(2.0)));
    }

    #[test]
    fn two_values_at_one_step_are_a_fault() {
        let rows = || vec![row("x", true, [Some(1.0), None]), row("y", true, [Some(2.0), None])];
        assert!(merged(rows()).is_ok(), "their names still differ");
        assert!(shown(rows()).is_err());
    }
}
