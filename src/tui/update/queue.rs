//! The queue view: dead letters are opened, tried again, edited, thrown away; deliveries are paused.

use super::moved;
use crate::api::types::OperationDetail;
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{Confirm, EditDialog, Model, Overlay, short_id};
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// Payload, Cancel, Save.
const FIELDS: usize = 3;
const CANCEL: usize = 1;
const SAVE: usize = 2;
/// Letters of a payload that one line can hold.
const LONGEST: usize = 1900;

pub(super) fn load() -> Vec<Effect> {
    vec![Effect::Request(Request::Queue), Effect::Request(Request::DeadLetters)]
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let letter = model.queue.letter().map(|letter| (letter.id.clone(), letter.kind.clone()));
    match (action, letter) {
        (Action::RetryLetter, Some((id, _))) => vec![Effect::Request(Request::RetryLetter(id))],
        (Action::EditLetter, Some((id, _))) => vec![Effect::Request(Request::EditLetter(id))],
        (Action::Open, Some((id, _))) => vec![Effect::Request(Request::ShowOperation(id))],
        (Action::Copy, Some((id, _))) => vec![Effect::Copy(id)],
        (Action::PurgeLetter, Some((id, kind))) => {
            let body = vec![
                format!("{kind} {} is thrown away with its payload.", short_id(&id)),
                "It will never be delivered.".to_owned(),
            ];
            ask(model, "Throw a dead letter away", body, Request::PurgeLetters(Some(id)));
            Vec::new()
        }
        (Action::PurgeLetters, Some(_)) => {
            let count = model.queue.status.as_ref().map_or(0, |status| status.dead_letters);
            let body = vec![format!("All {count} dead letters are thrown away with their payloads.")];
            ask(model, "Throw all dead letters away", body, Request::PurgeLetters(None));
            Vec::new()
        }
        (Action::PauseQueue, _) if model.queue.is_paused() => {
            vec![Effect::Request(Request::ResumeQueue)]
        }
        (Action::PauseQueue, _) => vec![Effect::Request(Request::PauseQueue)],
        (action, _) => {
            let page = model.body_height();
            model.queue.selected = moved(model.queue.selected, action, model.queue.dead.len(), page);
            Vec::new()
        }
    }
}

fn ask(model: &mut Model, title: &str, body: Vec<String>, request: Request) {
    let title = title.to_owned();
    let requests = vec![request];
    let confirm = Confirm { title, body, verb: "Throw away", requests, typed: None, yes: false };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
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
    let dialog = EditDialog { id: detail.operation.id.clone(), payload: LineEdit::with(&line), field: 0 };
    model.overlay = Some(Overlay::Edit(Box::new(dialog)));
}

pub(super) fn dialog(model: &mut Model, mut dialog: Box<EditDialog>, key: Key) -> Vec<Effect> {
    let edited = dialog.field == 0 && dialog.payload.key(key);
    match key.code {
        _ if edited => {}
        Code::Tab | Code::Down => dialog.field = (dialog.field + 1) % FIELDS,
        Code::BackTab | Code::Up => dialog.field = (dialog.field + FIELDS - 1) % FIELDS,
        Code::Left if dialog.field == SAVE => dialog.field = CANCEL,
        Code::Right if dialog.field == CANCEL => dialog.field = SAVE,
        Code::Enter if dialog.field == CANCEL => return Vec::new(),
        // Enter moves on; only the button saves.
        Code::Enter if dialog.field == 0 => dialog.field = SAVE,
        Code::Enter => {
            return vec![Effect::Request(Request::SaveLetter(dialog.id, dialog.payload.text()))];
        }
        _ => {}
    }
    model.overlay = Some(Overlay::Edit(dialog));
    Vec::new()
}
