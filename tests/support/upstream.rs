//! An upstream in memory that loses, refuses and doubles, and knows what must not happen to it.

use std::collections::{HashMap, HashSet};

use spud::resilience::queue::{Delivery, Outcome, Parcel};

use super::disk::Dice;

/// What the upstream and the box know of one operation, at its number: numbers are dense, and there may be a million.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    /// Of the payload that took effect.
    check: u64,
    is_applied: bool,
    /// The box has durably settled its delivery: it must not come again.
    is_settled: bool,
    /// It was a dead letter once: a person brings it back out of its order.
    was_dead: bool,
}

/// Of a hundred deliveries: arrive, arrive twice, arrive and lose the answer, are turned back, must wait. The rest is
/// refused for good, or turned back where nothing is refused.
#[derive(Debug, Clone, Copy)]
pub struct Temper {
    arrive: u64,
    double: u64,
    lose: u64,
    turn_back: u64,
    wait: u64,
}

/// As bad as a line can be.
pub const WILD: Temper = Temper { arrive: 70, double: 5, lose: 12, turn_back: 8, wait: 3 };
/// Bad, and its failures still fit the budget of one retry in ten deliveries.
pub const BAD: Temper = Temper { arrive: 87, double: 6, lose: 4, turn_back: 2, wait: 1 };

/// Applies each id once, as an upstream does that honours `Idempotency-Key`.
#[derive(Debug)]
pub struct Wild {
    dice: Dice,
    known: Vec<Known>,
    payloads: HashSet<u64>,
    newest_of_key: HashMap<String, u64>,
    pub temper: Temper,
    /// Nobody answers while true.
    pub away: bool,
    /// Says of some that it will never take them.
    pub refuses: bool,
    /// Deliveries that were tried, whatever came of them.
    pub tries: u64,
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
            known: Vec::new(),
            payloads: HashSet::new(),
            newest_of_key: HashMap::new(),
            temper: WILD,
            away: false,
            refuses: true,
            tries: 0,
            arrivals: 0,
            answered: Vec::new(),
            duplicates: 0,
            lost_answers: 0,
            wrong: None,
        }
    }

    fn get(&self, number: u64) -> Known {
        self.known.get(number as usize).copied().unwrap_or_default()
    }

    fn at(&mut self, number: u64) -> &mut Known {
        let at = number as usize;
        if self.known.len() <= at {
            self.known.resize(at + 1, Known::default());
        }
        &mut self.known[at]
    }

    pub fn has_applied(&self, number: u64) -> bool {
        self.get(number).is_applied
    }

    pub fn is_settled(&self, number: u64) -> bool {
        self.get(number).is_settled
    }

    pub fn settle(&mut self, number: u64) {
        self.at(number).is_settled = true;
    }

    pub fn note_dead(&mut self, number: u64) {
        self.at(number).was_dead = true;
    }

    /// Numbers that took effect, ascending, with the checks of their payloads.
    pub fn applied(&self) -> impl Iterator<Item = (u64, u64)> {
        let all = (0..).zip(&self.known);
        all.filter(|(_, known)| known.is_applied).map(|(number, known)| (number, known.check))
    }

    fn object(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    fn apply(&mut self, parcel: &Parcel) {
        self.arrivals += 1;
        let (number, check) = (parcel.id.number, check_of(&parcel.payload));
        let before = *self.at(number);
        if before.is_settled {
            self.object(format!("{number} came again after its delivery was settled"));
        }
        if before.is_applied {
            self.duplicates += 1;
            if before.check != check && !before.was_dead {
                self.object(format!("{number} came with two payloads"));
            }
            return;
        }
        *self.at(number) = Known { check, is_applied: true, ..before };
        if !self.payloads.insert(check) {
            self.object(format!("the payload of {number} took effect under another number, too"));
        }
        let key = &parcel.operation.key;
        if key.is_empty() || before.was_dead {
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
        self.tries += 1;
        if self.away {
            return retry(false, true, None);
        }
        let Temper { arrive, double, lose, turn_back, wait } = self.temper;
        let cast = self.dice.below(100);
        if cast < arrive + double {
            if cast >= arrive {
                // The network doubles it.
                self.apply(parcel);
            }
            self.apply(parcel);
            self.answered.push(parcel.id.number);
            return Outcome::Delivered;
        }
        match cast - arrive - double {
            n if n < lose => {
                self.apply(parcel);
                self.lost_answers += 1;
                retry(false, true, None)
            }
            n if n < lose + turn_back => retry(true, true, None),
            n if n < lose + turn_back + wait => retry(false, false, Some(1 + self.dice.below(5_000))),
            _ if !self.refuses => retry(true, true, None),
            _ => Outcome::Dead { reason: "not wanted".into() },
        }
    }

    fn longest_ms(&self) -> u64 {
        1_000
    }
}
