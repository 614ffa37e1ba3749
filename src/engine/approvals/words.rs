//! Requests in the API's words.

use super::signing;
use crate::api::types::approval::{Approval as Words, ApprovalEvent};
use crate::base::to_hex;
use crate::engine::access::login;
use crate::engine::registry;
use crate::engine::run::Inner;
use crate::governance::access::{ApprovalFacts, Role};
use crate::governance::approval::{Act, Approval, Change, Event, Shelf, SignedVote, signed_votes};

pub(in crate::engine) fn approval(inner: &Inner, one: &Approval) -> Words {
    let signed = signatures(inner, one);
    let event = |event: &Event| ApprovalEvent {
        at_ms: event.at_ms,
        login: login(&event.by),
        by: event.by.clone(),
        act: event.act.name().to_owned(),
        whom: event.whom.clone(),
        text: event.text.clone(),
        signed: signed.iter().find(|vote| is_of(vote, event)).map(|vote| vote.fingerprint.clone()),
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
        signature_needed: signing::is_asked(inner, one.impact),
        roles: one.roles().iter().map(|role| role.name().to_owned()).collect(),
        at_ms: one.at_ms,
        expires_ms: one.expires_ms,
        history: one.events.iter().map(event).collect(),
        gates: match &one.change {
            Change::Model { sha256 } => registry::gates(inner, sha256),
            Change::Grant { .. } | Change::UseCase { .. } | Change::Action { .. } | Change::Pass { .. } => {
                Vec::new()
            }
        },
    }
}

/// Those of its votes that were signed; none where they cannot be read, which the log tells.
fn signatures(inner: &Inner, one: &Approval) -> Vec<SignedVote> {
    let Some(control) = inner.config_history().filter(|_| !one.voters().is_empty()) else {
        return Vec::new();
    };
    signed_votes(control, one.id).unwrap_or_else(|error| {
        tracing::error!(approval = one.id, %error, "signed votes cannot be read");
        Vec::new()
    })
}

fn is_of(vote: &SignedVote, event: &Event) -> bool {
    let act = if vote.approve { Act::Approved } else { Act::Rejected };
    event.act == act && event.by == vote.voter
}

pub(super) fn title(one: &Approval) -> String {
    match &one.change {
        Change::Grant { to, role, .. } => {
            format!("grant {} to {to}", Role::from_number(*role).map_or("a role", |role| role.name()))
        }
        Change::Model { sha256 } => {
            let letters: String = sha256.chars().take(12).collect();
            format!("let the model {letters} be promoted")
        }
        Change::UseCase { name } => format!("let the use case {name} be deployed"),
        Change::Action { title, .. } => title.clone(),
        Change::Pass { to, permission, .. } => format!("break the glass: {permission} for {to}"),
    }
}

/// What policies may ask about a request; nothing where there is none.
pub(in crate::engine) fn facts(inner: &Inner, id: &str) -> Option<ApprovalFacts> {
    let control = inner.config_history()?;
    Some(Shelf::get(control, id.parse().ok()?).ok()?.facts())
}
