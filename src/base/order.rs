//! Order for what is small or seldom ordered: one sort for all types.
//!
//! The standard library compiles its sort anew for each type and each way to compare, 3 to 7 KB a time: half a
//! megabyte of this program. What every question goes through still sorts that way.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Stable orders of a list, `O(n log n)` calls to compare and `4 n` bytes of memory.
pub trait InOrder<T> {
    /// By a comparison, as `sort_by`.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// By a key, as `sort_by_key`.
    fn order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.order_by(|a, b| key(a).cmp(&key(b)));
    }

    /// By the values' own order, as `sort`.
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }
}

impl<T> InOrder<T> for [T] {
    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut places = ranked(self.len(), &mut |a, b| match (self.get(a), self.get(b)) {
            (Some(a), Some(b)) => compare(a, b),
            _ => Ordering::Equal,
        });
        follow(&mut places, &mut |a, b| self.swap(a, b));
    }
}

/// The map of pairs, as `collect` makes it: of two with one key the later holds.
pub fn ordered_map<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        map.insert(key, value);
    }
    map
}

/// The set of values, as `collect` makes it.
pub fn ordered_set<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for value in values {
        set.insert(value);
    }
    set
}

/// For each place the place whose value belongs there.
fn ranked(length: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<u32> {
    // More than four billion values are in no memory that spud runs in.
    let mut places: Vec<u32> = (0..u32::try_from(length).unwrap_or(u32::MAX)).collect();
    places.sort_by(|a, b| compare(*a as usize, *b as usize));
    places
}

/// Moves values to their places, cycle by cycle.
fn follow(places: &mut [u32], swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..places.len() {
        let mut at = start;
        while let Some(place) = places.get_mut(at) {
            let next = std::mem::replace(place, u32::try_from(at).unwrap_or(u32::MAX)) as usize;
            if next == start || next == at {
                break;
            }
            swap(at, next);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_the_stable_order(values in prop::collection::vec((0u8..9, any::<u16>()), 0..200)) {
            let (mut ours, mut theirs) = (values.clone(), values.clone());
            ours.order_by_key(|(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&ours, &theirs);
            ours.order();
            theirs.sort();
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(ordered_map(values.clone()), values.iter().copied().collect::<BTreeMap<_, _>>());
            prop_assert_eq!(ordered_set(values.clone()), values.into_iter().collect::<BTreeSet<_>>());
        }
    }
}
