//! Requests in the API's words.

use crate::api::types::approval::{Approval as Words, ApprovalEvent};
use crate::base::to_hex;
use crate::engine::access::login;
use crate::engine::registry;
use crate::engine::run::Inner;
use crate::governance::access::{ApprovalFacts, Role};
use crate::governance::approval::{Approval, Change, Event, Shelf};

pub(in crate::engine) fn approval(inner: &Inner, one: &Approval) -> Words {
    let event = |event: &Event| ApprovalEvent {
        at_ms: event.at_ms,
        login: login(&event.by),
        by: event.by.clone(),
        act: event.act.name().to_owned(),
        whom: event.whom.clone(),
        text: event.text.clone(),
    };
    Words {
        id: one.id.to_string(),
        etag: one.revision.to_string(),
        state: one.state_at(inner.clock.now_ms()).name().to_owned(),
        kind: one.subject.kind.clone(),
        subject: one.subject.name.clone(),
        title: title(one),
        digest: to_hex(&one.subject.digest),
        impact: one.impact.name().to_owned(),
        by: one.by.clone(),
        login: login(&one.by),
        reason: one.reason.clone(),
        diff: one.diff.clone(),
        votes: one.approvals(),
        votes_needed: one.votes,
        roles: one.roles().iter().map(|role| role.name().to_owned()).collect(),
        at_ms: one.at_ms,
        expires_ms: one.expires_ms,
        history: one.events.iter().map(event).collect(),
        gates: match &one.change {
            Change::Model { sha256 } => registry::gates(inner, sha256),
            Change::Grant { .. } | Change::UseCase { .. } => Vec::new(),
        },
    }
}

fn title(one: &Approval) -> String {
    match &one.change {
        Change::Grant { to, role, .. } => {
            format!("grant {} to {to}", Role::from_number(*role).map_or("a role", |role| role.name()))
        }
        Change::Model { sha256 } => {
            let letters: String = sha256.chars().take(12).collect();
            format!("let the model {letters} be promoted")
        }
        Change::UseCase { name } => format!("let the use case {name} be deployed"),
    }
}

/// What policies may ask about a request; nothing where there is none.
pub(in crate::engine) fn facts(inner: &Inner, id: &str) -> Option<ApprovalFacts> {
    let control = inner.config_history()?;
    Some(Shelf::get(control, id.parse().ok()?).ok()?.facts())
}
