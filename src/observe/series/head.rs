//! What was recorded since the last block, in memory: a growing table of times and values.

use std::collections::BTreeMap;

use super::rollup::Role;
use crate::base::InOrder;
use crate::store::samples::{ABSENT, Block, Column, STALE};

/// A change of one series at a time: its number and the bits of its value.
pub(super) type Change = (u32, u64);

#[derive(Debug, Default)]
pub(super) struct Table {
    times: Vec<i64>,
    /// Shorter than the times where a series is not there any more.
    columns: BTreeMap<u32, Vec<u64>>,
    samples: usize,
}

fn is_live(bits: u64) -> bool {
    bits != ABSENT && bits != STALE
}

impl Table {
    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Places that values take, whether or not they are there.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    pub(super) fn first_time(&self) -> Option<i64> {
        self.times.first().copied()
    }

    pub(super) fn last_time(&self) -> Option<i64> {
        self.times.last().copied()
    }

    pub(super) fn times(&self) -> &[i64] {
        &self.times
    }

    pub(super) fn column(&self, series: u32) -> Option<&[u64]> {
        self.columns.get(&series).map(Vec::as_slice)
    }

    fn last(&self, series: u32) -> u64 {
        let column = self.columns.get(&series).filter(|column| column.len() == self.times.len());
        column.and_then(|column| column.last()).copied().unwrap_or(ABSENT)
    }

    /// What is different from the row before: new values, and, where `ends` is set, ends of series that are gone. `values`
    /// by number.
    pub(super) fn changes(&self, values: &[Change], ends: bool) -> Vec<Change> {
        let mut changes: Vec<Change> =
            values.iter().filter(|(series, bits)| self.last(*series) != *bits).copied().collect();
        for series in self.columns.keys() {
            let gone = values.binary_search_by_key(series, |(known, _)| *known).is_err();
            if ends && gone && is_live(self.last(*series)) {
                changes.push((*series, STALE));
            }
        }
        changes.order();
        changes
    }

    /// The value that a series had before this row, where it goes on.
    pub(super) fn before(&self, series: u32) -> Option<u64> {
        Some(self.last(series)).filter(|bits| is_live(*bits))
    }

    /// A new row: all that goes on, with these changes (by number). Times must rise.
    pub(super) fn apply(&mut self, time: i64, changes: &[Change]) {
        if self.times.last().is_some_and(|last| *last >= time) {
            return;
        }
        let rows = self.times.len();
        let samples = &mut self.samples;
        let mut changes = changes.iter().copied().peekable();
        let mut new = Vec::new();
        for (series, column) in &mut self.columns {
            while let Some(change) = changes.next_if(|(other, _)| other < series) {
                new.push(change);
            }
            let changed = changes.next_if(|(other, _)| other == series).map(|(_, bits)| bits);
            let last = column.last().copied().filter(|_| column.len() == rows);
            if let Some(bits) = changed.or(last.filter(|bits| is_live(*bits))) {
                column.resize(rows, ABSENT);
                column.push(bits);
                *samples += 1;
            }
        }
        new.extend(changes);
        for (series, bits) in new {
            let mut column = vec![ABSENT; rows];
            column.push(bits);
            self.samples += rows + 1;
            self.columns.insert(series, column);
        }
        self.times.push(time);
    }

    /// All of it as a block.
    pub(super) fn block(&self) -> Block {
        let rows = self.times.len();
        let column = |(series, values): (&u32, &Vec<u64>)| {
            let mut values = values.clone();
            values.resize(rows, ABSENT);
            Column { key: Role::Value.key(*series), values }
        };
        Block { times: self.times.clone(), columns: self.columns.iter().map(column).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(value: f64) -> u64 {
        value.to_bits()
    }

    #[test]
    fn rows_are_told_by_what_changed() {
        let mut table = Table::default();
        let mut add = |time: i64, values: &[(u32, f64)]| {
            let values: Vec<Change> = values.iter().map(|(id, value)| (*id, bits(*value))).collect();
            let changes = table.changes(&values, true);
            table.apply(time, &changes);
            changes
        };
        assert_eq!(add(1, &[(1, 1.0), (2, 5.0)]), [(1, bits(1.0)), (2, bits(5.0))]);
        assert_eq!(add(2, &[(1, 2.0), (2, 5.0), (7, 0.0)]), [(1, bits(2.0)), (7, bits(0.0))]);
        assert_eq!(add(3, &[(1, 2.0)]), [(2, STALE), (7, STALE)]);
        assert_eq!(add(4, &[(1, 2.0)]), []);
        assert_eq!(add(4, &[(1, 9.0)]).len(), 1, "a time that does not rise is left out");
        assert_eq!(add(5, &[(1, 2.0), (2, 6.0)]), [(2, bits(6.0))]);
        let block = table.block();
        assert_eq!(block.times, [1, 2, 3, 4, 5]);
        let two = &block.columns[1];
        assert_eq!(two.values, [bits(5.0), bits(5.0), STALE, ABSENT, bits(6.0)]);
        assert_eq!(block.columns[2].values, [ABSENT, bits(0.0), STALE, ABSENT, ABSENT]);
        assert_eq!(table.before(1), Some(bits(2.0)));
        assert_eq!(table.before(7), None);
    }
}
