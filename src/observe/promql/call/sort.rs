//! The order of instant vectors. Only that of one instant can be seen: ranges are sorted by their labels.

use std::cmp::Ordering;

use super::super::rank::best_first;
use super::super::value::Row;
use crate::base::InOrder;

/// By value, NaN last; native histograms are left out.
pub(super) fn by_value(mut rows: Vec<Row>, descending: bool) -> Vec<Row> {
    if rows.first().is_some_and(|row| row.cells.len() == 1) {
        rows.retain(|row| row.cell(0).get().is_some());
        let value = |row: &Row| row.cell(0).get().unwrap_or(f64::NAN);
        rows.order_by(|a, b| best_first(value(a), value(b), descending));
        return rows;
    }
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        if cell.is_native() {
            *cell = super::super::value::Cell::ABSENT;
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}

/// By the values of some labels, with numbers in them as numbers; then by all labels.
pub(super) fn by_labels(mut rows: Vec<Row>, names: &[String], descending: bool) -> Vec<Row> {
    rows.order_by(|a, b| {
        let mut by_names = names.iter().map(|name| natural(a.labels.get(name), b.labels.get(name)));
        let order = by_names.find(|order| order.is_ne()).unwrap_or_else(|| a.labels.cmp(&b.labels));
        if descending { order.reverse() } else { order }
    });
    rows
}

/// Runs of digits compare as numbers, everything else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let ((left, left_digits, a_rest), (right, right_digits, b_rest)) = (run(a), run(b));
        let order = if left_digits && right_digits {
            let strip = |digits: &'_ str| digits.trim_start_matches('0').len();
            let (left_value, right_value) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
            strip(left)
                .cmp(&strip(right))
                .then_with(|| left_value.cmp(right_value))
                .then_with(|| left.cmp(right))
        } else {
            left.cmp(right)
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.len().cmp(&b.len())
}

/// The first run of digits or of other characters, whether it is digits, and the rest.
fn run(text: &str) -> (&str, bool, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    (run, digits, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_text_sort_as_numbers() {
        for (less, more) in
            [("4m5", "4m600"), ("2", "10"), ("1.2.3", "1.11.3"), ("", "a"), ("a", "ab"), ("007", "8")]
        {
            assert_eq!(natural(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(natural(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(natural("a1", "a1"), Ordering::Equal);
    }
}
