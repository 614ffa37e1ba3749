//! Use cases in the API's words.

use std::sync::PoisonError;

use super::actions::waits;
use crate::api::types::registry::ModelComparison;
use crate::api::types::use_case::{
    CompareRevisions, UseCase as Words, UseCaseCaller, UseCaseEvent, UseCaseRevision,
};
use crate::base::InOrder;
use crate::engine::access::login;
use crate::engine::run::Inner;
use crate::engine::{EngineError, SlaAction, SlaReply, registry, sla, trail};
use crate::governance::use_case::{Revision, State, UseCase};

/// Callers that are listed.
const LISTED: usize = 50;

/// The revision and, where words were erased, how many: what is changed is the same, what is shown is not.
pub(super) fn tag(one: &UseCase) -> String {
    let said = one.events.iter().map(|event| &event.reason);
    let said = said.chain(one.leaving.as_ref().map(|leaving| &leaving.reason));
    match said.filter(|reason| *reason == trail::GONE).count() {
        0 => one.revision.to_string(),
        erased => format!("{}.{erased}", one.revision),
    }
}

pub(super) fn use_case(inner: &Inner, one: &UseCase) -> Words {
    // Each event made one; the first one is kept for ever, whatever came between.
    let revision = |at: usize| match at {
        0 => 1,
        at => one.revision.saturating_sub((one.events.len() - 1 - at) as u64),
    };
    let event = |(at, event): (usize, &crate::governance::use_case::Event)| UseCaseEvent {
        revision: revision(at),
        at_ms: event.at_ms,
        what: event.deed.name().to_owned(),
        by: event.by.clone(),
        reason: event.reason.clone(),
    };
    let terms = &one.terms;
    let leaving = one.leaving.as_ref();
    let state = match one.state_at(inner.clock.now_ms()) {
        // A request that came to nothing leaves a draft.
        State::Submitted if !waits(inner, one) => State::Draft,
        state => state,
    };
    Words {
        name: one.name.clone(),
        etag: tag(one),
        state: state.name().to_owned(),
        purpose: terms.purpose.clone(),
        owner: terms.owner.clone(),
        legal_basis: terms.legal_basis.clone(),
        data: terms.data.clone(),
        collections: terms.collections.clone(),
        impact: terms.impact.name().to_owned(),
        retention_days: terms.retention_days,
        models: terms.models.clone(),
        quality: terms.quality,
        objective: terms.objective.clone(),
        objective_state: terms.objective.as_deref().and_then(|name| objective_state(inner, name)),
        approval: one.approval.map(|id| id.to_string()),
        retires_ms: leaving.and_then(|leaving| leaving.retires_ms),
        successor: leaving.and_then(|leaving| leaving.successor.clone()),
        history: one.events.iter().enumerate().map(event).collect(),
        callers: callers(inner, &one.name),
    }
}

/// Newest first.
pub(super) fn revisions(all: &[Revision]) -> Vec<UseCaseRevision> {
    let mut found = Vec::with_capacity(all.len());
    let mut before: Vec<(String, String)> = Vec::new();
    for one in all {
        let fields = one.fields();
        let differs = |(at, field): (usize, &(String, String))| {
            before.get(at).is_some_and(|known| known != field).then(|| field.0.clone())
        };
        let changed = fields.iter().enumerate().filter_map(differs).collect();
        found.push(UseCaseRevision {
            revision: one.number,
            at_ms: one.at_ms,
            what: one.deed.name().to_owned(),
            login: login(&one.by),
            by: one.by.clone(),
            reason: one.reason.clone(),
            changed,
        });
        before = fields;
    }
    found.reverse();
    found
}

pub(super) fn compared(
    name: &str,
    all: &[Revision],
    request: &CompareRevisions,
) -> Result<ModelComparison, EngineError> {
    let last = |back: usize| all.len().checked_sub(back).and_then(|at| all.get(at)).or(all.first());
    let of = |wanted: Option<u64>, usual: Option<&'_ Revision>| {
        let number = wanted.or(usual.map(|one| one.number)).unwrap_or_default();
        let known = all.iter().find(|one| one.number == number);
        let advice = || {
            let known: Vec<String> = all.iter().map(|one| one.number.to_string()).collect();
            format!("there are {}: spud use-case history {name}", known.join(", "))
        };
        let missing = || EngineError::NotFound {
            noun: "revision",
            name: format!("{number} of {name}"),
            advice: advice(),
        };
        known.ok_or_else(missing).map(|one| (format!("{name} revision {number}"), one.fields()))
    };
    let (a, b) = (of(request.a, last(2))?, of(request.b, last(1))?);
    Ok(registry::side_by_side((a.0, &a.1), (b.0, &b.1)))
}

/// How the objective of a service level stands; nothing where there is none of this name.
pub(super) fn objective_state(inner: &Inner, name: &str) -> Option<String> {
    match sla::act(inner, &SlaAction::Show(name.to_owned())) {
        Ok(SlaReply::One(one)) if one.error.is_empty() => Some(one.state),
        Ok(SlaReply::One(one)) => Some(format!("{}: {}", one.state, one.error)),
        _ => None,
    }
}

fn callers(inner: &Inner, name: &str) -> Vec<UseCaseCaller> {
    let all = inner.use_cases.callers.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |(key, asked): (&(String, String), &super::Asked)| UseCaseCaller {
        who: key.1.clone(),
        login: login(&key.1),
        questions: asked.questions,
        last_ms: asked.last_ms,
    };
    let mut found: Vec<UseCaseCaller> = all.iter().filter(|(key, _)| key.0 == name).map(of).collect();
    drop(all);
    found.order_by(|a, b| (b.last_ms, &a.who).cmp(&(a.last_ms, &b.who)));
    found.truncate(LISTED);
    found
}

/// What others vote on, line by line.
pub(super) fn difference(one: &UseCase) -> String {
    let terms = &one.terms;
    let days = terms.retention_days.map_or_else(|| "not said".to_owned(), |days| format!("{days} days"));
    let list = |items: &[String], none: &str| match items {
        [] => none.to_owned(),
        items => items.join(", "),
    };
    [
        ("purpose", terms.purpose.clone()),
        ("owner", terms.owner.clone()),
        ("legal basis", terms.legal_basis.clone()),
        ("data", list(&terms.data, "none named")),
        ("collections", list(&terms.collections, "all")),
        ("retention", days),
        ("models", list(&terms.models, "any")),
        (
            "quality",
            terms.quality.map_or_else(|| "any".to_owned(), |least| format!("{least} thousandths at least")),
        ),
        ("sla", terms.objective.clone().unwrap_or_else(|| "none".to_owned())),
    ]
    .map(|(name, value)| format!("+ {name:<11} {value}"))
    .join("\n")
}
