//! Use cases in the API's words.

use std::sync::PoisonError;

use super::actions::waits;
use crate::api::types::use_case::{UseCase as Words, UseCaseCaller, UseCaseEvent};
use crate::base::InOrder;
use crate::engine::access::login;
use crate::engine::run::Inner;
use crate::engine::{SlaAction, SlaReply, sla};
use crate::governance::use_case::{State, UseCase};

/// Callers that are listed.
const LISTED: usize = 50;

pub(super) fn use_case(inner: &Inner, one: &UseCase) -> Words {
    let event = |event: &crate::governance::use_case::Event| UseCaseEvent {
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
        etag: one.revision.to_string(),
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
        history: one.events.iter().map(event).collect(),
        callers: callers(inner, &one.name),
    }
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
