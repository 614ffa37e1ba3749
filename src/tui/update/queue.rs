//! The queue view: dead letters are opened, tried again, edited, thrown away; deliveries are paused.

use super::moved;
use crate::api::types::{Breaker, OperationDetail};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::model::{Form, FormOf, FormRow, Model, Overlay, short_id};
use crate::tui::theme::Tone;

/// Letters of a payload that one line can hold.
const LONGEST: usize = 1900;

pub(super) fn load(model: &Model) -> Vec<Effect> {
    let list = if model.queue.breakers.is_some() { Request::Breakers } else { Request::DeadLetters };
    vec![Effect::Request(Request::Queue), Effect::Request(list)]
}

/// Breakers as they are now.
pub(super) fn breakers(model: &mut Model, items: Vec<Breaker>) {
    if let Some(breakers) = &mut model.queue.breakers {
        *breakers = items;
        model.queue.selected = model.queue.selected.min(model.queue.len().saturating_sub(1));
    }
}

fn of_breakers(model: &mut Model, action: Action) -> Option<Vec<Effect>> {
    let breaker = model.queue.breaker().cloned();
    match (action, breaker) {
        (Action::Breakers, _) => {
            model.queue.breakers = if model.queue.breakers.is_some() { None } else { Some(Vec::new()) };
            model.queue.selected = 0;
            Some(load(model))
        }
        (Action::Back, _) if model.queue.breakers.is_some() => of_breakers(model, Action::Breakers),
        (Action::HoldBreaker, Some(breaker)) => {
            super::mode::force(model, Some(breaker.name));
            Some(Vec::new())
        }
        (Action::ReleaseBreaker, Some(breaker)) => {
            Some(vec![Effect::Request(Request::ReleaseBreaker(breaker.name))])
        }
        (Action::Copy, Some(breaker)) => Some(vec![Effect::Copy(breaker.name)]),
        (Action::Open, Some(breaker)) => {
            let fields = breaker_fields(&breaker);
            model.overlay = Some(Overlay::Detail { title: "Circuit breaker".to_owned(), fields, top: 0 });
            Some(Vec::new())
        }
        _ => None,
    }
}

fn breaker_fields(breaker: &Breaker) -> Vec<(String, String)> {
    let utc = |ms: u64| format!("{} UTC", format_time(ms));
    let held = breaker.held.as_ref();
    let mut all: Vec<(String, String)> = [
        ("around", breaker.name.clone()),
        ("state", breaker.state.replace('_', " ")),
        ("since", utc(breaker.since_ms)),
        ("judged", format!("{} calls, {} failed", breaker.calls, breaker.failures)),
        ("refused", format!("{} calls since the start", breaker.refused)),
        ("next try", breaker.retry_ms.map_or_else(String::new, utc)),
        ("held by", held.map_or_else(String::new, |held| held.by.clone())),
        ("because", held.map_or_else(String::new, |held| held.reason.clone())),
        ("until", held.map_or_else(String::new, |held| utc(held.until_ms))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.retain(|(_, value)| !value.is_empty());
    all
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(effects) = of_breakers(model, action) {
        return effects;
    }
    let letter = model.queue.letter().map(|letter| (letter.id.clone(), letter.kind.clone()));
    match (action, letter) {
        (Action::RetryLetter, Some((id, _))) => vec![Effect::Request(Request::RetryLetter(id))],
        (Action::EditLetter, Some((id, _))) => vec![Effect::Request(Request::EditLetter(id))],
        (Action::Open, Some((id, _))) => vec![Effect::Request(Request::ShowOperation(id))],
        (Action::Copy, Some((id, _))) => vec![Effect::Copy(id)],
        (Action::PauseQueue, _) if model.queue.is_paused() => {
            vec![Effect::Request(Request::ResumeQueue)]
        }
        (Action::PauseQueue, _) => vec![Effect::Request(Request::PauseQueue)],
        (action, _) => {
            let page = model.body_height();
            model.queue.selected = moved(model.queue.selected, action, model.queue.len(), page);
            Vec::new()
        }
    }
}

pub(super) fn shown(model: &mut Model, detail: &OperationDetail) {
    let operation = &detail.operation;
    let mut fields = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    add("id", operation.id.clone());
    add("kind", operation.kind.clone());
    add("lane", operation.lane.clone());
    add("key", operation.key.clone());
    add(
        "made",
        format!("{} UTC by uid {}, pid {}", format_time(operation.created_ms), operation.uid, operation.pid),
    );
    add("given up", operation.ended_ms.map_or(String::new(), |ms| format!("{} UTC", format_time(ms))));
    add("tries", operation.attempts.to_string());
    add("reason", operation.last_error.clone());
    add("type", operation.content_type.clone());
    let none = || format!("{} bytes that are no text", operation.bytes);
    add("payload", detail.payload.clone().unwrap_or_else(none));
    model.overlay = Some(Overlay::Detail { title: "Operation".to_owned(), fields, top: 0 });
}

/// Opens the editor, where one line can hold the payload.
pub(super) fn edit(model: &mut Model, detail: &OperationDetail) {
    let text = detail.payload.as_deref().unwrap_or_default();
    // JSON keeps its meaning on one line.
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let line = json.map_or_else(|| text.to_owned(), |json| json.to_string());
    if detail.payload.is_none() || line.chars().count() > LONGEST || line.chars().any(char::is_control) {
        let id = short_id(&detail.operation.id);
        let text = format!("This payload does not fit on one line: spud queue edit {id} opens an editor.");
        return model.tell(Tone::Warn, text);
    }
    let id = detail.operation.id.clone();
    let said = format!("Dead letter {}: it stays one until it is queued again.", short_id(&id));
    let mut form = Form::new(FormOf::Letter(id), vec![FormRow::text("Payload", "empty", &line)]);
    form.body = vec![said];
    model.overlay = Some(Overlay::Form(form));
}
