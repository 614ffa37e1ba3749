//! What is done to a use case, and what follows. Pure.

use super::{Deed, GENERAL, Leaving, State, Terms, UseCase, UseCaseError};

const REASON_BYTES: usize = 1_000;

/// What is done.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    Edit(Terms),
    Submit {
        approval: u64,
        reason: &'a str,
    },
    /// The last vote on a request.
    Approve {
        approval: u64,
    },
    Deploy {
        reason: &'a str,
    },
    Deprecate(Leaving),
    Retire {
        reason: &'a str,
    },
}

fn conflict<T>(what: String, advice: &'static str) -> Result<T, UseCaseError> {
    Err(UseCaseError::Conflict { what, advice })
}

fn reasoned(reason: &str) -> Result<&str, UseCaseError> {
    let reason = reason.trim();
    if (1..=REASON_BYTES).contains(&reason.len()) {
        return Ok(reason);
    }
    let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
    Err(UseCaseError::Invalid { what, advice: "say why (--reason): it is kept with the use case" })
}

/// A new draft.
///
/// # Errors
/// [`UseCaseError::Invalid`] where name or terms cannot be.
pub fn create(name: &str, terms: Terms, by: &str, now_ms: u64) -> Result<UseCase, UseCaseError> {
    terms.check()?;
    let mut one = UseCase { terms, ..UseCase::new(name)? };
    one.happened(Deed::Created, by, "", now_ms);
    Ok(one)
}

/// One step. `waits` says that the newest request for it still waits for votes.
///
/// # Errors
/// [`UseCaseError`]: nothing is changed then.
pub fn step(
    before: &UseCase,
    input: Input<'_>,
    (by, waits): (&str, bool),
    now_ms: u64,
) -> Result<UseCase, UseCaseError> {
    let mut one = before.clone();
    let (state, name) = (before.state_at(now_ms), before.name.as_str());
    // A request that came to nothing leaves a draft.
    let writable = state == State::Draft || (state == State::Submitted && !waits);
    // What questions are asked under that name none comes back, written and voted on like any other.
    let returns = name == GENERAL && state == State::Retired;
    match input {
        Input::Edit(terms) => {
            if !writable && !returns {
                let what = format!("the use case {name} is {}", state.name());
                return conflict(what, "what was submitted stays as it is: write another one in its place");
            }
            terms.check()?;
            (one.terms, one.state, one.leaving) = (terms, State::Draft, None);
            one.happened(Deed::Edited, by, "", now_ms);
        }
        Input::Submit { approval, reason } => {
            if !writable {
                let what = format!("the use case {name} is {} already", state.name());
                return conflict(what, "`spud use-case show` says what comes next");
            }
            if let Some(missing) = one.terms.missing() {
                let what = format!("the use case {name} has no {missing}");
                return Err(UseCaseError::Invalid { what, advice: "write it: spud use-case edit" });
            }
            (one.state, one.approval) = (State::Submitted, Some(approval));
            one.happened(Deed::Submitted, by, reasoned(reason)?, now_ms);
        }
        Input::Approve { approval } => {
            if state != State::Submitted || one.approval != Some(approval) {
                let what = format!("request {approval} does not ask for the use case {name} any more");
                return conflict(what, "vote on the newer request");
            }
            one.state = State::Approved;
            one.happened(Deed::Approved, by, &format!("approval {approval}"), now_ms);
        }
        Input::Deploy { reason } => {
            if !matches!(state, State::Approved | State::Deprecated) {
                let what = format!("the use case {name} is {}", state.name());
                return conflict(what, "only what others approved is deployed: spud use-case submit");
            }
            (one.state, one.leaving) = (State::Deployed, None);
            one.happened(Deed::Deployed, by, reasoned(reason)?, now_ms);
        }
        Input::Deprecate(leaving) => {
            if !matches!(state, State::Deployed | State::Deprecated) {
                let what = format!("the use case {name} is {}", state.name());
                return conflict(what, "only what is deployed is deprecated");
            }
            if leaving.retires_ms.is_some_and(|at| at <= now_ms) {
                let what = "it would retire in the past".to_owned();
                return Err(UseCaseError::Invalid { what, advice: "give a later date, or retire it" });
            }
            one.happened(Deed::Deprecated, by, reasoned(&leaving.reason)?, now_ms);
            (one.state, one.leaving) = (State::Deprecated, Some(leaving));
        }
        Input::Retire { reason } => {
            if before.state == State::Retired {
                return conflict(format!("the use case {name} is retired already"), "nothing is to be done");
            }
            if waits {
                let what = format!("a request asks for votes on the use case {name}");
                return conflict(what, "withdraw it first: spud approval withdraw");
            }
            one.state = State::Retired;
            one.happened(Deed::Retired, by, reasoned(reason)?, now_ms);
        }
    }
    Ok(one)
}
