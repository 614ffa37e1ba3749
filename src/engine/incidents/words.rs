//! Incidents in the API's words, and in those for the upstream.

use serde_json::json;

use crate::api::types::incident::{BreachClock, Incident as Words, IncidentEvent};
use crate::engine::access::login;
use crate::governance::incident::{Event, Incident, Severity};
use crate::resilience::queue::{Lane, NewOperation};

pub(super) fn incident(one: &Incident, now_ms: u64) -> Words {
    let event = |event: &Event| IncidentEvent {
        at_ms: event.at_ms,
        login: login(&event.by),
        by: event.by.clone(),
        act: event.act.name().to_owned(),
        text: event.text.clone(),
        entry: event.entry.map(|sequence| sequence.to_string()),
    };
    Words {
        id: one.id.to_string(),
        etag: one.revision.to_string(),
        title: one.title.clone(),
        kind: one.kind.name().to_owned(),
        severity: one.severity.name().to_owned(),
        state: one.state.name().to_owned(),
        by: one.by.clone(),
        login: login(&one.by),
        owner: one.owner.clone(),
        owner_login: one.owner.as_deref().and_then(login),
        at_ms: one.at_ms,
        moved_ms: one.moved_ms,
        key: one.key.clone(),
        seen_ms: one.seen_ms,
        times: one.times,
        breach: one.breach_until_ms().map(|until_ms| BreachClock {
            until_ms,
            left_s: left_s(until_ms, now_ms),
            told_ms: one.authority_ms,
        }),
        post_mortem: one.post_mortem.clone(),
        links: one.links.iter().map(|link| format!("{}:{}", link.kind, link.id)).collect(),
        timeline: one.events.iter().map(event).collect(),
    }
}

/// Seconds until then; below zero where it is over.
pub(super) fn left_s(until_ms: u64, now_ms: u64) -> i64 {
    let seconds = |ms: u64| i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    seconds(until_ms.saturating_sub(now_ms)) - seconds(now_ms.saturating_sub(until_ms))
}

/// What the upstream is told of a change: what it is and how it stands, none of the notes.
pub(super) fn report(one: &Incident, now_ms: u64) -> NewOperation {
    let payload = json!({
        "id": one.id,
        "revision": one.revision,
        "title": one.title,
        "kind": one.kind.name(),
        "severity": one.severity.name(),
        "state": one.state.name(),
        "act": one.events.last().map(|event| event.act.name()),
        "at_ms": one.at_ms,
        "moved_ms": one.moved_ms,
        "times": one.times,
        "breach_left_s": one.breach_until_ms().map(|until_ms| left_s(until_ms, now_ms)),
    });
    NewOperation {
        kind: "spud.incident".to_owned(),
        content_type: "application/json".to_owned(),
        payload: payload.to_string().into_bytes(),
        lane: if one.severity == Severity::Critical { Lane::Critical } else { Lane::High },
        key: format!("spud.incident.{}", one.id),
        criticality: 1,
        idempotency: Some(format!("spud.incident {} {}", one.id, one.revision)),
        ..NewOperation::default()
    }
}
