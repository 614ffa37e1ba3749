//! A row of the tail: a time, the series that are new, and what changed since the row before.
//!
//! ```text
//! body  = time (signed) · count of new series · (number · rises u8 · labels)… · changes…
//! change = difference of numbers · value
//! value = difference to the value before, zigzag, times two          (both are whole numbers)
//!       | digits after the point, times two, + 1 · that difference   (decimal numbers, the point moved; 0 before)
//!       | 1 · bits u64 LE                                            (anything else)
//! ```

use super::head::{Change, Table};
use super::index::{Index, Known, labels, put_labels};
use crate::store::samples::{DIGITS, value_of, whole};
use crate::store::samples::{Malformed, Reader, put, put_signed, unzigzag, zigzag};

/// Writes a row; `changes` are by number.
pub(super) fn write(time: i64, new: &[u32], changes: &[Change], index: &Index, table: &Table) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + changes.len() * 4);
    put_signed(&mut out, time);
    let known: Vec<(u32, &Known)> = new.iter().filter_map(|id| Some((*id, index.get(*id)?))).collect();
    put(&mut out, known.len() as u64);
    for (number, known) in known {
        put(&mut out, u64::from(number));
        out.push(u8::from(known.rises));
        put_labels(&mut out, &known.labels);
    }
    let mut last = 0;
    for (series, bits) in changes {
        put(&mut out, u64::from(series - last));
        last = *series;
        let before = |digits| table.before(*series).and_then(|bits| whole(bits, digits));
        let decimal = (0..=DIGITS).find_map(|digits| Some((digits, whole(*bits, digits)?)));
        match (decimal, before(0)) {
            (Some((0, now)), Some(before)) => put(&mut out, zigzag(now - before) << 1),
            (Some((digits, now)), _) if digits > 0 => {
                put(&mut out, u64::from(digits) << 1 | 1);
                put_signed(&mut out, now - before(digits).unwrap_or(0));
            }
            _ => {
                put(&mut out, 1);
                out.extend_from_slice(&bits.to_le_bytes());
            }
        }
    }
    out
}

/// Reads a row back into the table and the index.
pub(super) fn replay(body: &[u8], index: &mut Index, table: &mut Table) -> Result<(), Malformed> {
    let mut reader = Reader(body);
    let time = reader.signed()?;
    for _ in 0..reader.count(body.len())? {
        let number = u32::try_from(reader.number()?).map_err(|_| Malformed)?;
        let rises = reader.bytes(1)? != [0];
        index.insert(number, Known::new(labels(&mut reader)?, rises, time));
    }
    let (mut last, mut changes) = (0u32, Vec::new());
    while !reader.0.is_empty() {
        let step = u32::try_from(reader.number()?).map_err(|_| Malformed)?;
        last = last.checked_add(step).ok_or(Malformed)?;
        let value = reader.number()?;
        let before = |digits| table.before(last).and_then(|bits| whole(bits, digits));
        let bits = match (value & 1, value >> 1) {
            (0, change) => value_of(before(0).ok_or(Malformed)?.wrapping_add(unzigzag(change)), 0),
            (_, 0) => reader.bits()?,
            (_, digits) => {
                let digits = u8::try_from(digits).ok().filter(|digits| *digits <= DIGITS).ok_or(Malformed)?;
                value_of(before(digits).unwrap_or(0).wrapping_add(reader.signed()?), digits)
            }
        };
        changes.push((last, bits));
    }
    table.apply(time, &changes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::promql::Labels;
    use proptest::prelude::*;

    #[test]
    fn a_steady_row_takes_a_few_bytes() {
        let (mut index, mut table) = (Index::default(), Table::default());
        let new = index.number(&Labels::new([("__name__", "a")]), true, 0, 9).unwrap().0;
        table.apply(1000, &[(new, 5.0f64.to_bits())]);
        let row = write(2000, &[], &[(new, 7.0f64.to_bits())], &index, &table);
        assert_eq!(row, [160, 31, 0, 0, 8]);
    }

    proptest! {
        #[test]
        fn rows_come_back(rows in prop::collection::vec(prop::collection::btree_map(0u32..20, prop_oneof![(-5i32..2000).prop_map(f64::from), (any::<i32>(), 1i32..10).prop_map(|(whole, digits)| f64::from(whole) / 10f64.powi(digits)), any::<f64>(), Just(-0.0), Just(f64::NAN)], 0..20), 1..12)) {
            let (mut index, mut table) = (Index::default(), Table::default());
            let (mut other_index, mut other) = (Index::default(), Table::default());
            for (row, time) in rows.iter().zip(1i64..) {
                let mut new = Vec::new();
                let mut values: Vec<Change> = row.iter().filter_map(|(id, value)| {
                    let labels = Labels::new([("__name__", format!("s{id}"))]);
                    let (number, fresh) = index.number(&labels, id % 2 == 0, time, 100)?;
                    if fresh { new.push(number); }
                    Some((number, value.to_bits()))
                }).collect();
                values.sort_unstable();
                let changes = table.changes(&values, true);
                let body = write(time, &new, &changes, &index, &table);
                table.apply(time, &changes);
                replay(&body, &mut other_index, &mut other).unwrap();
            }
            prop_assert_eq!(table.block(), other.block());
            prop_assert_eq!(index.len(), other_index.len());
        }

        #[test]
        fn garbage_is_an_error_or_a_row(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = replay(&body, &mut Index::default(), &mut Table::default());
        }
    }
}
