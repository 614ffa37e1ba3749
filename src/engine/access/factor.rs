//! What is asked beyond the policies: a code of an authenticator app from those who come with a token and have one;
//! and what goes beyond them: an emergency pass.

use crate::api::types::Problem;
use crate::audit::Outcome;
use crate::engine::action::Origin;
use crate::engine::run::Inner;
use crate::engine::{Action, Caller, EngineError, trail};
use crate::governance::access::{Checked, Name, Permission, Subject};

fn denied(what: &str, advice: &str) -> EngineError {
    EngineError::Denied(Box::new(Problem {
        detail: what.to_owned(),
        advice: Some(advice.to_owned()),
        policies: vec!["second-factor".to_owned()],
        ..Problem::default()
    }))
}

/// Asks for a code where a token would do much harm in wrong hands. What is taken is pinned on disk before anything
/// is done by it: no code counts twice, over a power cut neither.
pub(super) fn asked(
    inner: &Inner,
    caller: &Caller,
    subject: &Subject,
    permission: Permission,
) -> Result<(), EngineError> {
    let (Origin::Bearer(shown), Name::Own(name)) = (&caller.origin, &subject.name) else { return Ok(()) };
    if !permission.is_grave() {
        return Ok(());
    }
    let checked = {
        let mut state = inner.access.state();
        let Some(totp) = state.book.totp.get_mut(name) else { return Ok(()) };
        let Some(code) = shown.code() else {
            let what = format!("{name} needs a code of their authenticator app to {}", permission.about());
            return Err(denied(&what, "send the header Spud-Otp with the six digits that the app shows"));
        };
        totp.check(code, inner.clock.now_ms())
    };
    match checked {
        Checked::Taken => inner.access.change(inner, None, |_| Ok(())),
        Checked::Wrong => {
            tracing::warn!(request = %caller.request, principal = name, "a wrong code was sent");
            Err(denied("the code is wrong, over its time, or was used already", "wait for the next code"))
        }
        Checked::LockedNow | Checked::Locked => {
            if checked == Checked::LockedNow {
                tracing::warn!(request = %caller.request, principal = name, "too many wrong codes were sent");
                let told =
                    trail::entry(inner, "totp.locked", name, ("principal", name)).outcome(Outcome::Denied);
                trail::enter_outcome(inner, &told);
            }
            Err(denied(
                "too many wrong codes were sent: none is looked at for a quarter of an hour",
                "wait, or ask an admin to enrol the app again: spud principal totp enrol NAME",
            ))
        }
    }
}

/// Whether an emergency pass of the asker is good for this now.
pub(in crate::engine) fn has_pass(inner: &Inner, subject: &Subject, action: &Action) -> bool {
    let permission = super::needs::of(action).permission();
    inner.access.state().book.pass(subject, permission, inner.clock.now_ms()).is_some()
}
