//! Changes that wait for votes: submitted by those who may make them, decided by others, carried out here.
//!
//! Invariant: a request, the change that its last vote carries out, and their audit entries are one transaction.

mod actions;
mod change;
mod due;
mod glass;
mod held;
#[cfg(test)]
mod held_tests;
#[cfg(test)]
mod power_tests;
mod reminder;
mod signing;
#[cfg(test)]
mod signing_tests;
#[cfg(test)]
pub(super) mod tests;
mod words;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use actions::act;
pub use actions::{ApprovalAction, ApprovalReply};
pub(super) use change::{grant_needs_votes, submit, submit_grant};
pub(super) use due::{carry_out_due, voted};
pub(super) use held::hold;
pub(super) use reminder::{counts, tell};
pub(super) use signing::signed;
pub(super) use words::facts;

use super::run::Inner;
use super::worker::invalid;
use super::{EngineError, trail};
use crate::api::types::Problem;
use crate::audit;
use crate::governance::approval::{Act, ApprovalError, Filter, Input, Shelf, State, step};
use crate::store::Control;

/// How often requests are looked at whose time may be over.
const OVERDUE_EVERY_MS: u64 = 60_000;

/// One change of a request at a time.
#[derive(Default)]
pub(super) struct Approvals {
    desk: Mutex<()>,
    /// One at a time carries out what is due.
    due: Mutex<()>,
    looked_ms: AtomicU64,
    waiting: Mutex<Vec<reminder::Waiting>>,
}

impl Approvals {
    /// Nobody else changes requests or models meanwhile.
    pub(super) fn desk(&self) -> MutexGuard<'_, ()> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that wait, as they were a minute ago at most.
    fn waiting(&self) -> MutexGuard<'_, Vec<reminder::Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends requests that nobody decided in time, and does what is due since a power cut.
    pub(super) fn tick(inner: &Arc<Inner>) {
        let now_ms = inner.clock.now_ms();
        let looked_ms = inner.approvals.looked_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(looked_ms) < OVERDUE_EVERY_MS {
            return;
        }
        inner.approvals.looked_ms.store(now_ms, Ordering::Relaxed);
        if let Some(control) = inner.config_history() {
            if let Err(error) = expire(inner, control, now_ms) {
                tracing::warn!(%error, "requests whose time is over could not be ended");
            }
            match reminder::waiting(control, now_ms) {
                Ok(waiting) => *inner.approvals.waiting() = waiting,
                Err(error) => tracing::warn!(%error, "requests that wait for votes could not be read"),
            }
        }
        carry_out_due(inner);
    }
}

fn expire(inner: &Inner, control: &Control, now_ms: u64) -> Result<(), ApprovalError> {
    let filter = Filter { state: Some(State::Expired), kind: None };
    let _desk = inner.approvals.desk();
    for one in Shelf::list(control, &filter, u64::MAX, usize::MAX, now_ms)? {
        if one.state != State::Pending {
            continue;
        }
        let done = step(&one, Input::Expire, now_ms)?;
        let told = trail::entry(inner, &kind(Act::Expired), trail::BOX, ("approval", &one.id.to_string()));
        control.write(|write| {
            Shelf::put(write, &done.approval)?;
            audit::append(write, &told).map(drop)
        })?;
    }
    Ok(())
}

/// As the audit log names it.
fn kind(act: Act) -> String {
    format!("approval.{}", act.name().replace(' ', "_"))
}

fn control(inner: &Inner) -> Result<&Control, EngineError> {
    inner
        .config_history()
        .ok_or_else(|| invalid("a throw-away box keeps no requests", "ask a box with a data folder"))
}

impl From<ApprovalError> for EngineError {
    fn from(error: ApprovalError) -> Self {
        let (what, advice) = (error.to_string(), error.advice().to_owned());
        match error {
            ApprovalError::Missing { id } => {
                Self::NotFound { noun: "approval request", name: id.to_string(), advice }
            }
            ApprovalError::Invalid { .. } => Self::Invalid { what, advice },
            ApprovalError::Conflict { .. } | ApprovalError::TooMany { .. } => Self::Conflict { what, advice },
            ApprovalError::Refused { rule, .. } => Self::Denied(Box::new(Problem {
                detail: what,
                advice: Some(advice),
                policies: vec![rule.to_owned()],
                ..Problem::default()
            })),
            ApprovalError::Store(error) => super::queue_words::store_said(&error),
        }
    }
}
