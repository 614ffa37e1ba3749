//! Reviews of who has which role: opened by hand or when their time has come, decided item by item, closed with a
//! report.
//!
//! Invariant: a decision, what it takes away, and its audit entry are one transaction; what is kept is what is told.

mod actions;
mod report;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) use actions::{act, confirmable};

use crate::engine::alerts::Fact;
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{EngineError, trail};
use crate::governance::access::{Review, ReviewShelf, is_due};
use crate::observe::health::Finding;
use crate::resilience::Effect;
use crate::store::Control;

/// How often is looked whether one is due.
const LOOK_EVERY_MS: u64 = 60_000;
/// An open one is told of after so long: whoever opened it had time to say so.
const QUIET_MS: u64 = 86_400_000;
/// A start of counting that is so far ahead is of a clock that went wrong.
const AHEAD_MS: u64 = 86_400_000;
const SCHEDULED: &str = "its time has come (access.review_every)";

/// The review that is open, as it was when it was looked at last.
#[derive(Debug, Clone)]
struct Open {
    id: u64,
    opened_ms: u64,
    due_ms: u64,
    undecided: usize,
}

#[derive(Debug, Default)]
pub(in crate::engine) struct Reviews {
    open: Mutex<Option<Open>>,
    looked_ms: AtomicU64,
}

impl Reviews {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one when its time has come, and takes up how the open one stands.
    pub(in crate::engine) fn tick(inner: &Inner) {
        let (now_ms, looked_ms) = (inner.clock.now_ms(), &inner.access.reviews.looked_ms);
        if now_ms.abs_diff(looked_ms.load(Ordering::Relaxed)) < LOOK_EVERY_MS {
            return;
        }
        looked_ms.store(now_ms, Ordering::Relaxed);
        let Some(control) = inner.config_history() else { return };
        if let Err(error) = look(inner, control, now_ms) {
            tracing::warn!(%error, "reviews of grants could not be looked at");
        }
    }
}

/// Days are counted from the opening of the last one, or from the first look; a clock that went back begins anew.
fn look(inner: &Inner, control: &Control, now_ms: u64) -> Result<(), EngineError> {
    let _desk = inner.approvals.desk();
    let open = ReviewShelf::list(control, 1)?.into_iter().find(|one| one.closed.is_none());
    note(inner, open.as_ref(), now_ms);
    if open.is_some() || inner.modes.effects().has(Effect::ReadOnly) {
        return Ok(());
    }
    let since_ms = ReviewShelf::clock(control)?.filter(|since| *since <= now_ms.saturating_add(AHEAD_MS));
    let Some(since_ms) = since_ms else {
        return control.write(|write| ReviewShelf::set_clock(write, now_ms)).map_err(store);
    };
    let every_days = inner.config.running().number("access.review_every");
    if !is_due(since_ms, every_days, now_ms) || inner.access.state().book.grants.is_empty() {
        return Ok(());
    }
    let told = trail::entry(inner, "review.opened", trail::BOX, ("review", ""));
    let made = actions::open(inner, control, (trail::BOX, SCHEDULED), Some(&told))?;
    tracing::info!(review = made.id, grants = made.items.len(), "a review of grants is open");
    Ok(())
}

/// What metrics, health and receivers are told of.
fn note(inner: &Inner, open: Option<&Review>, now_ms: u64) {
    let of = |one: &Review| Open {
        id: one.id,
        opened_ms: one.opened_ms,
        due_ms: one.due_ms,
        undecided: one.undecided(&inner.access.state().book, now_ms).len(),
    };
    *inner.access.reviews.open() = open.filter(|one| one.closed.is_none()).map(of);
}

fn control(inner: &Inner) -> Result<&Control, EngineError> {
    inner
        .config_history()
        .ok_or_else(|| invalid("a throw-away box keeps no reviews", "ask a box with a data folder"))
}

fn store(error: crate::store::StoreError) -> EngineError {
    crate::governance::access::AccessError::from(error).into()
}

impl Open {
    fn days_late(&self, now_ms: u64) -> Option<u64> {
        now_ms.checked_sub(self.due_ms).filter(|late| *late > 0).map(|late_ms| late_ms / 86_400_000)
    }

    /// The name of what is told, how severe it is, and the text; nothing while it is quiet.
    fn told(&self, now_ms: u64) -> Option<(&'static str, &'static str, String)> {
        let what = format!(
            "the review {} of grants has {} undecided: spud role review --show",
            self.id, self.undecided
        );
        if let Some(days) = self.days_late(now_ms) {
            return Some(("AccessReviewLate", "warning", format!("{days} days late: {what}")));
        }
        (now_ms.saturating_sub(self.opened_ms) >= QUIET_MS).then_some(("AccessReviewOpen", "info", what))
    }
}

/// What receivers are told of.
pub(in crate::engine) fn tell(inner: &Inner) -> Option<Fact> {
    let open = inner.access.reviews.open().clone()?;
    let (name, severity, summary) = open.told(inner.clock.now_ms())?;
    Some(Fact::of("access", (name, severity), ("review", &open.id.to_string()), "access", summary))
}

/// Items that nobody decided, and for how many seconds the review is late; nothing where none is open.
pub(in crate::engine) fn counts(inner: &Inner) -> Option<(u64, u64)> {
    let open = inner.access.reviews.open().clone()?;
    let late_ms = inner.clock.now_ms().saturating_sub(open.due_ms);
    Some((open.undecided as u64, late_ms / 1000))
}

/// A review that is late, as a check of the box.
pub(in crate::engine) fn finding(inner: &Inner) -> Option<Finding> {
    let open = inner.access.reviews.open().clone()?;
    let days = open.days_late(inner.clock.now_ms())?;
    let what = format!("the review {} of grants is {days} days late, {} undecided", open.id, open.undecided);
    Some(Finding::warn("access-review", what, "spud role review --show"))
}
