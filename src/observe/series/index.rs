//! Which series there are: numbers for sets of labels, so that blocks name each series in a byte or two.

use std::collections::{BTreeMap, HashMap};

use crate::observe::promql::{Labels, Matcher};
use crate::store::samples::{Malformed, Reader, put, put_text};

const DAY_MS: i64 = 86_400_000;
/// Labels of one series, and bytes of a name or a value.
pub(super) const LABELS_MOST: usize = 32;
pub(super) const LABEL_BYTES: usize = 1024;

/// One series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) labels: Labels,
    /// Its value only rises while its program runs.
    pub(super) rises: bool,
    /// Day on which it was last there, by what the store knows; nothing while the store does not know it.
    kept_day: Option<i64>,
    /// When it was last there, in milliseconds.
    pub(super) seen: i64,
}

/// All series, no more than a bound.
#[derive(Debug, Default)]
pub(super) struct Index {
    known: BTreeMap<u32, Known>,
    numbers: HashMap<Labels, u32>,
    next: u32,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn get(&self, series: u32) -> Option<&Known> {
        self.known.get(&series)
    }

    pub(super) fn rises(&self, series: u32) -> bool {
        self.known.get(&series).is_some_and(|known| known.rises)
    }

    /// The number of these labels; a new one where there is room. True when it is new.
    pub(super) fn number(
        &mut self,
        labels: &Labels,
        rises: bool,
        now: i64,
        most: usize,
    ) -> Option<(u32, bool)> {
        if let Some(number) = self.numbers.get(labels) {
            if let Some(known) = self.known.get_mut(number) {
                known.seen = now;
            }
            return Some((*number, false));
        }
        let number = self.next;
        if self.known.len() >= most || number == u32::MAX {
            return None;
        }
        self.insert(number, Known { labels: labels.clone(), rises, kept_day: None, seen: now });
        Some((number, true))
    }

    pub(super) fn insert(&mut self, number: u32, known: Known) {
        self.next = self.next.max(number.saturating_add(1));
        self.numbers.insert(known.labels.clone(), number);
        self.known.insert(number, known);
    }

    /// Numbers of the series that all matchers accept.
    pub(super) fn matching(&self, matchers: &[Matcher]) -> Vec<u32> {
        let fits = |known: &Known| matchers.iter().all(|matcher| matcher.matches(&known.labels));
        self.known.iter().filter(|(_, known)| fits(known)).map(|(number, _)| *number).collect()
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (u32, &Known)> {
        self.known.iter().map(|(number, known)| (*number, known))
    }

    /// Series that the store does not know, or not for a day; they count as kept from here on, if `done` says so.
    pub(super) fn to_keep(&self) -> Vec<(u32, Vec<u8>)> {
        let due = |known: &Known| known.kept_day.is_none_or(|day| day < known.seen.div_euclid(DAY_MS));
        self.known
            .iter()
            .filter(|(_, known)| due(known))
            .map(|(number, known)| (*number, known.row()))
            .collect()
    }

    pub(super) fn kept(&mut self, numbers: impl Iterator<Item = u32>) {
        for number in numbers {
            if let Some(known) = self.known.get_mut(&number) {
                known.kept_day = Some(known.seen.div_euclid(DAY_MS));
            }
        }
    }

    /// Takes out what was last there before a time, and gives the numbers.
    pub(super) fn forget(&mut self, before: i64) -> Vec<u32> {
        let gone: Vec<u32> =
            self.known.iter().filter(|(_, known)| known.seen < before).map(|(number, _)| *number).collect();
        for number in &gone {
            if let Some(known) = self.known.remove(number) {
                self.numbers.remove(&known.labels);
            }
        }
        gone
    }
}

impl Known {
    pub(super) fn new(labels: Labels, rises: bool, seen: i64) -> Self {
        Self { labels, rises, kept_day: None, seen }
    }

    /// ```text
    /// rises u8 · day · count of labels · (name · value)…
    /// ```
    fn row(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.rises)];
        put(&mut out, u64::try_from(self.seen.div_euclid(DAY_MS)).unwrap_or(0));
        put_labels(&mut out, &self.labels);
        out
    }

    pub(super) fn read(row: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(row);
        let rises = reader.bytes(1)? != [0];
        let day = i64::try_from(reader.number()?).map_err(|_| Malformed)?;
        let labels = labels(&mut reader)?;
        // Somewhere in that day: to the end of it, nothing is forgotten too early.
        let seen = day.saturating_add(1).saturating_mul(DAY_MS) - 1;
        Ok(Self { labels, rises, kept_day: Some(day), seen })
    }
}

pub(super) fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put(out, labels.iter().count() as u64);
    for (name, value) in labels.iter() {
        put_text(out, name);
        put_text(out, value);
    }
}

pub(super) fn labels(reader: &mut Reader<'_>) -> Result<Labels, Malformed> {
    let count = reader.count(LABELS_MOST)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        pairs.push((reader.text()?, reader.text()?));
    }
    Ok(Labels::new(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::promql::{METRIC_NAME, MatchOp};

    fn named(name: &str) -> Labels {
        Labels::new([(METRIC_NAME, name), ("job", "spud")])
    }

    #[test]
    fn numbers_are_bounded_and_forgotten_with_their_series() {
        let mut index = Index::default();
        assert_eq!(index.number(&named("a"), true, 10, 2), Some((0, true)));
        assert_eq!(index.number(&named("b"), false, 10, 2), Some((1, true)));
        assert_eq!(index.number(&named("c"), false, 10, 2), None);
        assert_eq!(index.number(&named("a"), true, 99, 2), Some((0, false)));
        assert_eq!(index.forget(50), [1]);
        assert_eq!(index.number(&named("c"), false, 100, 2), Some((2, true)), "numbers are not used again");
        let matcher = Matcher::new(METRIC_NAME, MatchOp::Match, "a|c").unwrap();
        assert_eq!(index.matching(&[matcher]), [0, 2]);
    }

    #[test]
    fn rows_come_back_and_are_due_once_a_day() {
        let mut index = Index::default();
        let _ = index.number(&named("a"), true, 5 * DAY_MS, 9);
        let due = index.to_keep();
        index.kept(due.iter().map(|(number, _)| *number));
        assert!(index.to_keep().is_empty());
        let read = Known::read(&due[0].1).unwrap();
        assert_eq!((read.labels, read.rises, read.kept_day), (named("a"), true, Some(5)));
        let _ = index.number(&named("a"), true, 6 * DAY_MS, 9);
        assert_eq!(index.to_keep().len(), 1);
        assert!(Known::read(&due[0].1[..9]).is_err());
    }
}
