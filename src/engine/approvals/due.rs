//! Carries out what was held and has its votes: right after the last vote, and at the next start or minute where
//! something came between. The vote and the debt are one transaction; so are the outcome and its end.

use std::sync::{Arc, PoisonError};

use super::{control, held};
use crate::audit::{self, Outcome};
use crate::engine::run::Inner;
use crate::engine::{Action, ApprovalAction, Caller, EngineError, queue_words, trail, worker};
use crate::governance::approval::{Act, Approval, ApprovalError, Change, Shelf};

/// Id of the request that an action may bring its last vote.
pub(in crate::engine) fn voted(action: &Action) -> Option<String> {
    match action {
        Action::Approval(ApprovalAction::Approve { id, .. }) => Some(id.clone()),
        _ => None,
    }
}

/// Does what is due; true where there was something.
pub(in crate::engine) fn carry_out_due(inner: &Arc<Inner>) -> bool {
    let Some(control) = inner.config_history() else { return false };
    let _one = inner.approvals.due.lock().unwrap_or_else(PoisonError::into_inner);
    let due = Shelf::due(control).unwrap_or_else(|error| {
        tracing::error!(%error, "what is due by votes cannot be read");
        Vec::new()
    });
    for id in &due {
        if let Err(error) = carry_out(inner, *id) {
            tracing::error!(approval = id, %error, "what has its votes could not be carried out yet");
        }
    }
    !due.is_empty()
}

/// # Errors
/// What the box may be over soon: it stays due.
fn carry_out(inner: &Arc<Inner>, id: u64) -> Result<(), EngineError> {
    let one = match Shelf::get(control(inner)?, id) {
        Err(ApprovalError::Missing { .. }) => return end(inner, id, None, ""),
        one => one?,
    };
    let (text, uid, gid, groups) = match &one.change {
        Change::Action { text, uid, gid, groups, .. } => (text, uid, gid, groups),
        Change::Pass { .. } => {
            super::glass::tell(inner, &one)?;
            return end(inner, id, None, "");
        }
        _ => return end(inner, id, None, ""),
    };
    let request = format!("approval-{id}");
    let caller = Caller { groups: groups.as_slice().into(), ..Caller::local(*uid, *gid, 0, request) };
    // Whoever asked must still be allowed to: their role may have gone meanwhile.
    let done = held::action(text).and_then(|action| worker::perform(inner, &caller, action));
    match done {
        Err(error)
            if error.is_ours() || matches!(error, EngineError::Degraded { .. } | EngineError::Stopping) =>
        {
            Err(error)
        }
        Err(error) => end(inner, id, Some(Act::Failed), &error.to_string()),
        Ok(_) => end(inner, id, Some(Act::CarriedOut), ""),
    }
}

/// Enters what came of it, and that it is not due any more.
fn end(inner: &Inner, id: u64, act: Option<Act>, text: &str) -> Result<(), EngineError> {
    let control = control(inner)?;
    let _desk = inner.approvals.desk();
    let after: Option<Approval> = match act {
        Some(act) => Some(Shelf::get(control, id)?.ended(act, text, inner.clock.now_ms())),
        None => None,
    };
    let entry = act.map(|act| {
        let told = trail::entry(inner, &super::kind(act), trail::BOX, ("approval", &id.to_string()));
        let outcome = if act == Act::Failed { Outcome::Failed } else { Outcome::Done };
        told.outcome(outcome).text("error", text)
    });
    let kept = control.write(|write| {
        if let Some(after) = &after {
            Shelf::put(write, after)?;
        }
        Shelf::end_due(write, id)?;
        entry.as_ref().map_or(Ok(()), |entry| audit::append(write, entry).map(drop))
    });
    kept.map_err(|error| queue_words::store_said(&error))
}
