//! A handful of operations taken away one after the other, in order.
//!
//! Of a key that failed or was given up, nothing more is tried in this batch: the order of a key holds inside it, too.

use std::collections::BTreeSet;

use super::delivery::{AFTER_MOST_MS, Delivery, Outcome, Parcel};
use super::scheduler::backoff_ms;

/// Bytes of a reason that are kept.
const REASON: usize = 500;

/// What becomes of an operation that was under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    Done,
    Again {
        attempts: u32,
        not_before_ms: u64,
        error: String,
    },
    Dead {
        attempts: u32,
        reason: String,
    },
    /// Not tried.
    Back,
}

#[derive(Debug)]
pub(super) struct Carried {
    pub(super) verdicts: Vec<(Parcel, Then)>,
    /// The upstream wants nothing more.
    pub(super) stop: Option<String>,
    /// Nothing more is tried before.
    pub(super) gate_ms: Option<u64>,
}

/// The circuit breaker, the clock and the dice, as the caller has them.
pub trait Surroundings {
    fn now_ms(&self) -> u64;
    fn random(&mut self) -> u64;
    /// False with the time of the next try when the upstream is left alone.
    ///
    /// # Errors
    /// When it is tried next.
    fn allow(&mut self) -> Result<(), u64>;
    fn record(&mut self, failed: bool);
    fn is_stopping(&self) -> bool;
    /// A delivery begins: what goes along with it can still be given.
    fn sets_out(&mut self, _parcel: &mut Parcel) {}
    /// It ended so.
    fn came_back(&mut self, _parcel: &Parcel, _outcome: &Outcome) {}
}

pub(super) fn carry(
    batch: Vec<Parcel>,
    delivery: &mut dyn Delivery,
    around: &mut dyn Surroundings,
    attempts_most: u32,
) -> Carried {
    let mut carried = Carried { verdicts: Vec::with_capacity(batch.len()), stop: None, gate_ms: None };
    let mut blocked = BTreeSet::new();
    let mut halted = false;
    for mut parcel in batch {
        let now_ms = around.now_ms();
        let operation = &parcel.operation;
        let late = now_ms.saturating_add(delivery.longest_ms()) > operation.lease.1;
        halted = halted || late || around.is_stopping();
        if halted || (!operation.key.is_empty() && blocked.contains(&operation.key)) {
            carried.verdicts.push((parcel, Then::Back));
            continue;
        }
        if operation.expires_ms > 0 && operation.expires_ms <= now_ms {
            let (attempts, reason) = (operation.attempts, "expired".to_owned());
            blocked.insert(operation.key.clone());
            carried.verdicts.push((parcel, Then::Dead { attempts, reason }));
            continue;
        }
        if let Err(until_ms) = around.allow() {
            (halted, carried.gate_ms) = (true, Some(until_ms));
            carried.verdicts.push((parcel, Then::Back));
            continue;
        }
        around.sets_out(&mut parcel);
        let outcome = delivery.deliver(&parcel);
        around.came_back(&parcel, &outcome);
        let operation = &parcel.operation;
        around.record(matches!(outcome, Outcome::Retry { failure: true, .. }));
        let attempts = operation.attempts.saturating_add(1);
        if outcome != Outcome::Delivered {
            // That it was given up, too, is kept before the next of its key goes: after a power cut in between
            // it would be tried again, and arrive behind its successors.
            blocked.insert(operation.key.clone());
        }
        let then = match outcome {
            Outcome::Delivered => Then::Done,
            Outcome::Dead { reason } => Then::Dead { attempts, reason: short(reason) },
            Outcome::Stop { reason } => {
                (halted, carried.stop) = (true, Some(short(reason)));
                Then::Back
            }
            Outcome::Retry { reason, counts: true, .. } if attempts >= attempts_most => Then::Dead {
                attempts,
                reason: short(format!("given up after {attempts} attempts: {reason}")),
            },
            Outcome::Retry { after_ms, reason, counts, .. } => {
                let attempts = if counts { attempts } else { operation.attempts.max(1) };
                let pause_ms = backoff_ms(attempts, around.random());
                let now_ms = around.now_ms();
                let wait_ms = after_ms.unwrap_or(0).min(AFTER_MOST_MS);
                if !counts && wait_ms > 0 {
                    // It asked for quiet: that holds for everything that goes there, until the upstream is another.
                    (halted, carried.gate_ms) = (true, Some(now_ms + wait_ms));
                }
                let own_ms = if counts { pause_ms.max(wait_ms) } else { pause_ms };
                let not_before_ms = now_ms + own_ms;
                Then::Again { attempts, not_before_ms, error: short(reason) }
            }
        };
        carried.verdicts.push((parcel, then));
    }
    carried
}

fn short(mut reason: String) -> String {
    if reason.len() > REASON {
        let end = (0..=REASON).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
        reason.truncate(end);
    }
    reason
}
