//! What is let in: requests that the box gives up in its present mode are told so, with the reason.

use super::modes::Modes;
use super::run::Inner;
use super::{Action, Caller, EngineError, RegistryAction, access, mode_words, trail, use_cases};
use crate::base::Clock;
use crate::resilience::{Criticality, Effect, Effects};

/// Lets an action in: by policy before anything else, then by what the mode gives up. Mutations are logged with
/// who asked.
pub(super) fn let_in(inner: &Inner, caller: &Caller, action: Action) -> Result<Action, EngineError> {
    let action = access::enter(inner, caller, use_cases::narrow(inner, action)?)?;
    if let Some(what) = trail::mutation(&action) {
        tracing::info!(request = %caller.request, uid = caller.uid, pid = caller.pid, action = what, "change asked for");
    }
    inner.modes.admit(&*inner.clock, caller, &action)?;
    Ok(action)
}

impl Modes {
    /// Turns away what the box gives up in its present mode.
    pub(super) fn admit(
        &self,
        clock: &dyn Clock,
        caller: &Caller,
        action: &Action,
    ) -> Result<(), EngineError> {
        let effects = self.effects();
        if effects == Effects::default() || is_upkeep(action) {
            return Ok(());
        }
        let why = if caller.criticality.is_shed(effects) {
            "requests of this criticality are turned away"
        } else if effects.has(Effect::RefuseIngest) && takes_in(action) {
            "nothing new is taken in"
        } else if effects.has(Effect::RefuseIngest)
            && matches!(action, Action::PostOperation(_))
            && caller.criticality != Criticality::Critical
        {
            "only critical operations are queued"
        } else if effects.has(Effect::RefuseIngest)
            && matches!(action, Action::Embed(_))
            && caller.criticality != Criticality::Critical
        {
            "only questions and critical requests are answered"
        } else {
            return Ok(());
        };
        let view = self.view(clock);
        let back = mode_words::brief(&view).way_back;
        Err(EngineError::Degraded {
            what: format!("{why}: the box is in the mode {} ({})", view.mode.title(), view.reason),
            advice: format!("it comes back with: {back}. `spud mode explain` shows everything"),
            retry_after_s: view.retry_after_s,
        })
    }
}

/// What people need to see and mend the box is never turned away, and neither is what frees space.
fn is_upkeep(action: &Action) -> bool {
    !matches!(action, Action::Search(_) | Action::Ask(_) | Action::Embed(_) | Action::Documents(_))
        && !matches!(action, Action::PostOperation(_))
        && !matches!(action, Action::Document(_) | Action::Passages(_))
        && !takes_in(action)
}

/// What makes the box hold more.
fn takes_in(action: &Action) -> bool {
    match action {
        Action::Add(_) | Action::Reindex(_) | Action::CreateCollection(_) | Action::ImportModel(_) => true,
        Action::Check(request) => request.repair,
        Action::Registry(
            RegistryAction::Register(_) | RegistryAction::Stage(_) | RegistryAction::Promote { .. },
        ) => true,
        Action::Eval(_) => true,
        _ => false,
    }
}
