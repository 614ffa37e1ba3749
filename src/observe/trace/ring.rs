//! The newest traces that were kept, in memory, within a number of bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::record::TraceRecord;

#[derive(Debug, Default)]
pub(super) struct Ring {
    items: VecDeque<(u64, Arc<TraceRecord>)>,
    bytes: usize,
    most: usize,
}

impl Ring {
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// The oldest give way; `gone` hears which.
    pub(super) fn push(&mut self, number: u64, record: Arc<TraceRecord>, gone: &mut dyn FnMut(u64)) {
        self.bytes += record.bytes();
        self.items.push_back((number, record));
        while self.bytes > self.most {
            let Some((number, oldest)) = self.items.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            gone(number);
        }
    }

    /// Takes what is in it, oldest first.
    pub(super) fn take(&mut self) -> Vec<(u64, Arc<TraceRecord>)> {
        self.bytes = 0;
        std::mem::take(&mut self.items).into()
    }

    /// Newest first.
    pub(super) fn all(&self) -> Vec<(u64, Arc<TraceRecord>)> {
        self.items.iter().rev().cloned().collect()
    }

    /// Those after this number, oldest first.
    pub(super) fn after(&self, number: u64) -> impl Iterator<Item = &(u64, Arc<TraceRecord>)> {
        self.items.iter().filter(move |(known, _)| *known > number)
    }

    pub(super) fn oldest(&self) -> Option<u64> {
        self.items.front().map(|(number, _)| *number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_are_bounded_and_the_newest_stay(lengths in prop::collection::vec(0usize..3000, 0..100), most in 0usize..20_000) {
            let mut ring = Ring::new(most);
            let mut gone = Vec::new();
            for (number, length) in (0u64..).zip(&lengths) {
                let state = "x".repeat(*length);
                let record = TraceRecord { trace: 1, state, why: 0, links: vec![], dropped: 0, spans: vec![] };
                let fits = record.bytes() <= most;
                ring.push(number, Arc::new(record), &mut |number| gone.push(number));
                prop_assert_eq!(ring.oldest().unwrap_or(number + 1), gone.len() as u64);
                prop_assert!(gone.iter().copied().eq(0..gone.len() as u64));
                let sum: usize = ring.all().iter().map(|(_, record)| record.bytes()).sum();
                prop_assert!(sum == ring.bytes() && sum <= most);
                prop_assert_eq!(ring.all().first().map(|(number, _)| *number), fits.then_some(number));
            }
        }
    }
}
