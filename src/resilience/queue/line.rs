//! The end of one subject as this box knows it, and what of the box's own is known to have arrived there.
//!
//! A message is published with the sequence that the subject ends at. Where that is refused, the box reads what came
//! since: its own operations among it have arrived, whatever became of their acknowledgements.

use std::collections::{BTreeSet, HashMap};

use super::operation::Id;

/// Arrivals that are remembered until their operations are settled; more are looked for afterwards.
pub(super) const ARRIVED_MOST: usize = 8_192;

/// A subject's end, and arrivals that may not be settled yet: operation's number and sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    pub upstream: String,
    pub subject: String,
    pub sequence: u64,
    pub arrived: Vec<(u64, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    /// Of the last message that is known to be there; 0 for none.
    pub(super) sequence: u64,
    /// By delivery id.
    arrived: HashMap<String, (u64, u64)>,
}

impl Line {
    pub(super) fn has_arrived(&self, delivery_id: &str) -> bool {
        self.arrived.contains_key(delivery_id)
    }

    pub(super) fn is_full(&self) -> bool {
        self.arrived.len() >= ARRIVED_MOST
    }

    /// Notes a message of the stream; those of others only move the end.
    pub(super) fn note(&mut self, delivery_id: &str, sequence: u64, box_id: u64) {
        self.sequence = self.sequence.max(sequence);
        if let Some(number) = number_in(delivery_id, box_id) {
            self.arrived.insert(delivery_id.to_owned(), (number, sequence));
        }
    }

    pub(super) fn arrivals(&self) -> Vec<(u64, u64)> {
        self.arrived.values().copied().collect()
    }

    /// Only these operations are still to be settled.
    pub(super) fn settled(&mut self, open: &BTreeSet<u64>) {
        self.arrived.retain(|_, (number, _)| open.contains(number));
    }
}

/// The number of this box's operation in a delivery id (`box-epoch-number`, `-revision` after an edit).
fn number_in(delivery_id: &str, box_id: u64) -> Option<u64> {
    let end = delivery_id.match_indices('-').nth(2).map_or(delivery_id.len(), |(at, _)| at);
    let id = Id::parse(delivery_id.get(..end)?, 0)?;
    (id.box_id == box_id).then_some(id.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_arrivals_are_remembered_until_they_are_settled() {
        let mut line = Line::default();
        let id = |number| Id { box_id: 7, epoch: 1, number }.to_string();
        line.note(&id(1), 10, 7);
        line.note(&format!("{}-2", id(2)), 11, 7);
        line.note("somebody's", 12, 7);
        line.note(&Id { box_id: 8, epoch: 1, number: 3 }.to_string(), 13, 7);
        assert_eq!(line.sequence, 13);
        let mut arrivals = line.arrivals();
        arrivals.sort_unstable();
        assert_eq!(arrivals, [(1, 10), (2, 11)]);
        // An edited operation is another one to the upstream.
        assert!(line.has_arrived(&id(1)) && !line.has_arrived(&id(2)));
        line.settled(&BTreeSet::from([2]));
        assert_eq!(line.arrivals(), [(2, 11)]);
    }
}
