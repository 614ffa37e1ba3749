//! Fewer, wider points for what is older: a minute or an hour becomes one.
//!
//! Of a gauge a point keeps the last value, the least, the greatest, the sum and the count. Of what only rises
//! (counters, buckets, sums) it keeps the last value; where it fell inside the point, because its program began
//! anew, the value before the fall is kept too, at its own time: the rate over all of it stays what it was.

use std::collections::BTreeMap;

use crate::base::{InOrder, ordered_map};
use crate::store::samples::{ABSENT, Block, Column, Key, STALE};

/// What a column of a rolled-up block holds; the value is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Value = 0,
    Least = 1,
    Greatest = 2,
    Sum = 3,
    Count = 4,
}

/// Behind the values of all series, which are read the most, stand the other columns, those of a series together.
const PARTS: Key = 1 << 32;
const ROLES: Key = 8;

impl Role {
    const ALL: [Self; 5] = [Self::Value, Self::Least, Self::Greatest, Self::Sum, Self::Count];

    /// The key of this role of a series.
    pub(super) fn key(self, series: u32) -> Key {
        match self {
            Self::Value => Key::from(series),
            _ => PARTS + Key::from(series) * ROLES + self as Key,
        }
    }
}

/// Series and role of a key.
fn parsed(key: Key) -> Option<(u32, Role)> {
    let Some(part) = key.checked_sub(PARTS) else { return Some((u32::try_from(key).ok()?, Role::Value)) };
    let role = Role::ALL.into_iter().find(|role| *role as Key == part % ROLES)?;
    Some((u32::try_from(part / ROLES).ok()?, role))
}

fn is_there(bits: u64) -> bool {
    bits != ABSENT && bits != STALE
}

/// One series with whatever roles it has.
#[derive(Default)]
struct Parts<'a> {
    roles: [Option<&'a [u64]>; 5],
}

impl Parts<'_> {
    fn value(&self, at: usize) -> u64 {
        self.role(Role::Value, at).unwrap_or(ABSENT)
    }

    fn role(&self, role: Role, at: usize) -> Option<u64> {
        self.roles.get(role as usize).copied().flatten().and_then(|values| values.get(at).copied())
    }

    /// A role of a point, which a plain value stands for alone.
    fn number(&self, role: Role, at: usize) -> f64 {
        let own = self.role(role, at).filter(|bits| is_there(*bits));
        match (own, role) {
            (Some(bits), _) => f64::from_bits(bits),
            (None, Role::Count) => 1.0,
            (None, _) => f64::from_bits(self.value(at)),
        }
    }
}

/// Points of `width` milliseconds made of a block, plain or rolled up before; `rises` tells which series only do.
pub(super) fn rolled(block: &Block, width: i64, rises: &dyn Fn(u32) -> bool) -> Block {
    let mut series: BTreeMap<u32, Parts<'_>> = BTreeMap::new();
    for column in &block.columns {
        if let Some((number, role)) = parsed(column.key)
            && let Some(place) = series.entry(number).or_default().roles.get_mut(role as usize)
        {
            *place = Some(&column.values);
        }
    }
    // Indices of the last time of each point, and of the times before a fall.
    let bucket = |at: usize| block.times.get(at).map(|time| time.div_euclid(width.max(1)));
    let ends: Vec<usize> = (0..block.times.len()).filter(|at| bucket(*at) != bucket(at + 1)).collect();
    let mut rows: BTreeMap<usize, bool> = ordered_map(ends.iter().map(|at| (*at, true)));
    let rising = series.iter().filter(|(id, _)| rises(**id));
    let falls: BTreeMap<u32, Vec<usize>> =
        ordered_map(rising.map(|(id, parts)| (*id, falls(parts, block.times.len(), &bucket))));
    for at in falls.values().flatten() {
        rows.entry(*at).or_insert(false);
    }
    let rows: Vec<usize> = rows.into_keys().collect();
    let is_plain = ends.len() == block.times.len();
    let mut out = Block {
        times: rows.iter().filter_map(|at| block.times.get(*at).copied()).collect(),
        columns: Vec::new(),
    };
    for (id, parts) in &series {
        match falls.get(id) {
            Some(falls) => out.columns.push(last_values(*id, parts, &rows, &ends, falls)),
            None => out.columns.extend(gauges(*id, parts, &rows, &ends, is_plain)),
        }
    }
    out.columns.order_by_key(|column| column.key);
    out
}

/// Where a value stands before a smaller one, both in one point.
fn falls(parts: &Parts<'_>, times: usize, bucket: &dyn Fn(usize) -> Option<i64>) -> Vec<usize> {
    let mut before: Option<usize> = None;
    let mut found = Vec::new();
    for at in (0..times).filter(|at| is_there(parts.value(*at))) {
        if let Some(last) = before
            && f64::from_bits(parts.value(at)) < f64::from_bits(parts.value(last))
            && bucket(at) == bucket(last)
        {
            found.push(last);
        }
        before = Some(at);
    }
    found
}

/// The newest value up to each row, within the row's point.
fn last_values(id: u32, parts: &Parts<'_>, rows: &[usize], ends: &[usize], falls: &[usize]) -> Column {
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let value = if falls.binary_search(row).is_ok() {
            parts.value(*row)
        } else if let Ok(end) = ends.binary_search(row) {
            newest(parts, first_of(ends, end), *row)
        } else {
            ABSENT
        };
        values.push(value);
    }
    Column { key: Role::Value.key(id), values }
}

/// The first time of the point that ends here.
fn first_of(ends: &[usize], end: usize) -> usize {
    end.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |before| before + 1)
}

fn newest(parts: &Parts<'_>, first: usize, last: usize) -> u64 {
    (first..=last).rev().map(|at| parts.value(at)).find(|value| *value != ABSENT).unwrap_or(ABSENT)
}

fn gauges(id: u32, parts: &Parts<'_>, rows: &[usize], ends: &[usize], is_plain: bool) -> Vec<Column> {
    let column = |role: Role| Column { key: role.key(id), values: Vec::with_capacity(rows.len()) };
    let mut columns: [Column; 5] = Role::ALL.map(column);
    for row in rows {
        let Ok(end) = ends.binary_search(row) else {
            columns.iter_mut().for_each(|column| column.values.push(ABSENT));
            continue;
        };
        let first = first_of(ends, end);
        let there: Vec<usize> = (first..=*row).filter(|at| is_there(parts.value(*at))).collect();
        let fold = |role: Role, start: f64, with: fn(f64, f64) -> f64| {
            if there.is_empty() {
                return ABSENT;
            }
            there.iter().map(|at| parts.number(role, *at)).fold(start, with).to_bits()
        };
        let found = [
            newest(parts, first, *row),
            fold(Role::Least, f64::NAN, f64::min),
            fold(Role::Greatest, f64::NAN, f64::max),
            fold(Role::Sum, 0.0, |a, b| a + b),
            fold(Role::Count, 0.0, |a, b| a + b),
        ];
        for (column, value) in columns.iter_mut().zip(found) {
            column.values.push(value);
        }
    }
    // A point of one value is that value: it needs no least and no sum.
    let has_parts = parts.roles.iter().skip(1).any(Option::is_some);
    let kept = if is_plain && !has_parts { 1 } else { columns.len() };
    columns.into_iter().take(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: f64 = f64::from_bits(ABSENT);

    fn block(every: i64, columns: &[(u32, &[f64])]) -> Block {
        let count = columns.first().map_or(0, |(_, values)| values.len());
        let column = |(id, values): &(u32, &[f64])| Column {
            key: Role::Value.key(*id),
            values: values.iter().map(|value| value.to_bits()).collect(),
        };
        Block {
            times: (0i64..).take(count).map(|at| at * every).collect(),
            columns: columns.iter().map(column).collect(),
        }
    }

    fn values(block: &Block, role: Role, id: u32) -> Vec<f64> {
        let column = block.columns.iter().find(|column| column.key == role.key(id)).unwrap();
        column.values.iter().map(|bits| f64::from_bits(*bits)).collect()
    }

    fn same(a: &[f64], b: &[f64]) -> bool {
        a.iter().map(|value| value.to_bits()).eq(b.iter().map(|value| value.to_bits()))
    }

    #[test]
    fn gauges_keep_their_extremes() {
        let block = block(20_000, &[(1, &[1.0, 5.0, 3.0, -2.0, N, 4.0, N, N])]);
        let minutes = rolled(&block, 60_000, &|_| false);
        assert_eq!(minutes.times, [40_000, 100_000, 140_000]);
        assert!(same(&values(&minutes, Role::Value, 1), &[3.0, 4.0, N]));
        assert!(same(&values(&minutes, Role::Least, 1), &[1.0, -2.0, N]));
        assert!(same(&values(&minutes, Role::Greatest, 1), &[5.0, 4.0, N]));
        assert!(same(&values(&minutes, Role::Sum, 1), &[9.0, 2.0, N]));
        assert!(same(&values(&minutes, Role::Count, 1), &[3.0, 2.0, N]));
        // And the same again, wider, is the same as at once.
        let (twice, once) = (rolled(&minutes, 120_000, &|_| false), rolled(&block, 120_000, &|_| false));
        assert_eq!(twice.times, once.times);
        for role in Role::ALL {
            assert!(same(&values(&twice, role, 1), &values(&once, role, 1)), "{role:?}");
        }
    }

    #[test]
    fn counters_lose_nothing_when_they_begin_anew() {
        let count = [10.0, 20.0, 30.0, 2.0, 4.0, 6.0];
        let block = block(10_000, &[(1, &count), (2, &[7.0; 6])]);
        let minute = rolled(&block, 60_000, &|id| id == 1);
        assert_eq!(minute.times, [20_000, 50_000]);
        assert!(same(&values(&minute, Role::Value, 1), &[30.0, 6.0]));
        assert!(same(&values(&minute, Role::Value, 2), &[N, 7.0]));
        assert!(minute.columns.iter().all(|column| column.key != Role::Sum.key(1)));
        // What rose in all is the same as before: 20, then 6 after the fall.
        let hour = rolled(&minute, 3_600_000, &|id| id == 1);
        assert!(same(&values(&hour, Role::Value, 1), &[30.0, 6.0]));
    }

    #[test]
    fn an_ended_series_stays_ended_and_single_values_stay_plain() {
        let stale = f64::from_bits(STALE);
        let block = block(30_000, &[(1, &[1.0, stale])]);
        let minute = rolled(&block, 60_000, &|_| false);
        assert!(same(&values(&minute, Role::Value, 1), &[stale]));
        assert!(same(&values(&minute, Role::Count, 1), &[1.0]));
        let plain = rolled(&block, 30_000, &|_| false);
        assert_eq!(plain.columns.len(), 1);
    }
}
