//! An upstream in memory that loses, refuses and doubles, and knows what must not happen to it.

use std::collections::{HashMap, HashSet};

use spud::resilience::queue::{Delivery, Outcome, Parcel};

use super::disk::Dice;

/// Applies each id once, as an upstream does that honours `Idempotency-Key`.
#[derive(Debug)]
pub struct Wild {
    dice: Dice,
    /// Number of an operation → check of the payload that took effect.
    pub applied: HashMap<u64, u64>,
    payloads: HashSet<u64>,
    newest_of_key: HashMap<String, u64>,
    /// Numbers whose delivery the box has durably settled: they must not come again.
    pub settled: HashSet<u64>,
    /// Numbers that were a dead letter once: a person brings them back out of their order.
    pub was_dead: HashSet<u64>,
    /// Nobody answers while true.
    pub away: bool,
    /// Says of some that it will never take them.
    pub refuses: bool,
    pub arrivals: u64,
    /// Whose delivery was answered with success since this was emptied.
    pub answered: Vec<u64>,
    pub duplicates: u64,
    pub lost_answers: u64,
    /// The first thing that must not happen.
    pub wrong: Option<String>,
}

/// FNV-1a: enough to tell payloads of a test apart.
pub fn check_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |all, byte| (all ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

impl Wild {
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed ^ 0x75b1),
            applied: HashMap::new(),
            payloads: HashSet::new(),
            newest_of_key: HashMap::new(),
            settled: HashSet::new(),
            was_dead: HashSet::new(),
            away: false,
            refuses: true,
            arrivals: 0,
            answered: Vec::new(),
            duplicates: 0,
            lost_answers: 0,
            wrong: None,
        }
    }

    fn object(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    fn apply(&mut self, parcel: &Parcel) {
        self.arrivals += 1;
        let (number, check) = (parcel.id.number, check_of(&parcel.payload));
        if self.settled.contains(&number) {
            self.object(format!("{number} came again after its delivery was settled"));
        }
        if let Some(before) = self.applied.get(&number) {
            self.duplicates += 1;
            if *before != check && !self.was_dead.contains(&number) {
                self.object(format!("{number} came with two payloads"));
            }
            return;
        }
        self.applied.insert(number, check);
        if !self.payloads.insert(check) {
            self.object(format!("the payload of {number} took effect under another number, too"));
        }
        let key = &parcel.operation.key;
        if key.is_empty() || self.was_dead.contains(&number) {
            return;
        }
        let newest = self.newest_of_key.entry(key.clone()).or_default();
        let before = std::mem::replace(newest, number.max(*newest));
        if before > number {
            self.object(format!("{number} came after {before} of the same key"));
        }
    }
}

impl Delivery for Wild {
    fn deliver(&mut self, parcel: &Parcel) -> Outcome {
        let retry = |counts, failure, after_ms| Outcome::Retry {
            after_ms,
            reason: "the line is bad".into(),
            counts,
            failure,
        };
        if self.away {
            return retry(false, true, None);
        }
        match self.dice.below(100) {
            0..70 => {
                self.apply(parcel);
                self.answered.push(parcel.id.number);
                Outcome::Delivered
            }
            70..75 => {
                // The network doubles it.
                self.apply(parcel);
                self.apply(parcel);
                self.answered.push(parcel.id.number);
                Outcome::Delivered
            }
            75..87 => {
                self.apply(parcel);
                self.lost_answers += 1;
                retry(false, true, None)
            }
            87..95 => retry(true, true, None),
            95..98 => retry(false, false, Some(1 + self.dice.below(5_000))),
            _ if !self.refuses => retry(true, true, None),
            _ => Outcome::Dead { reason: "not wanted".into() },
        }
    }

    fn longest_ms(&self) -> u64 {
        1_000
    }
}
