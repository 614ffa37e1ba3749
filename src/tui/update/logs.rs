//! The log view: levels, search in the newest lines and in all files, pause and follow, jumps.

use super::moved;
use crate::api::types::{LogLine, LogPage, LogQuery};
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::filter::Filter;
use crate::tui::key::{Code, Key};
use crate::tui::model::{Deep, LOG_SCHEMA, Model, Overlay, RING};
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// Lines asked for when the view opens.
const FIRST: usize = 500;

pub(super) fn load(model: &mut Model, again: bool) -> Vec<Effect> {
    if model.logs.loaded && !again && model.link.listening {
        return Vec::new();
    }
    if let Some(deep) = &mut model.logs.deep {
        deep.busy = true;
        return look(model, None);
    }
    newest()
}

fn newest() -> Vec<Effect> {
    vec![Effect::Request(Request::Logs(LogQuery { n: FIRST, ..LogQuery::default() }))]
}

/// Asks for what passes level and filter in all files of the log; the box looks for the first word, as it is typed.
fn look(model: &Model, before: Option<String>) -> Vec<Effect> {
    let logs = &model.logs;
    let level = logs.level.name().map(str::to_owned);
    let query =
        LogQuery { level, contains: first_word(&logs.filter_text), before, n: RING, ..LogQuery::default() };
    vec![Effect::Request(Request::Logs(query))]
}

/// The first word of a filter that must be there, or the first text in quotes.
fn first_word(filter: &str) -> Option<String> {
    let mut rest = filter.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            return quoted.split('"').next().filter(|text| !text.is_empty()).map(str::to_owned);
        }
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if !word.starts_with('-') && !word.contains([':', '<', '>', '=', '"']) {
            return Some(word.to_owned());
        }
        rest = after.trim_start();
    }
    None
}

/// Lines came: the newest ones, or some of a search.
pub(super) fn found(model: &mut Model, query: &LogQuery, page: LogPage) -> Vec<Effect> {
    let logs = &mut model.logs;
    let Some(deep) = &mut logs.deep else {
        // What a search that was left still brings is not wanted any more.
        if query.n != RING {
            logs.load(page.items);
        }
        return Vec::new();
    };
    if query.n != RING {
        return Vec::new();
    }
    if query.before.is_none() {
        *deep = Deep { busy: true, ..Deep::default() };
        logs.begin_found();
    }
    let has_room = logs.add_older(page.items);
    let next = page.next.filter(|_| has_room);
    if let Some(deep) = &mut logs.deep {
        deep.scanned_bytes += page.scanned_bytes;
        deep.damaged_blocks += page.damaged_blocks;
        deep.busy = next.is_some();
    }
    match next {
        Some(before) => look(model, Some(before)),
        None => Vec::new(),
    }
}

/// A key while the search is typed.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let logs = &mut model.logs;
    let edit = logs.editing.as_mut()?;
    match key.code {
        Code::Enter | Code::Down => logs.editing = None,
        Code::Esc => {
            logs.editing = None;
            search(model, "");
        }
        _ if edit.key(key) => {
            let text = edit.text();
            search(model, &text);
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn search(model: &mut Model, text: &str) {
    let logs = &mut model.logs;
    text.clone_into(&mut logs.filter_text);
    match Filter::parse(text, LOG_SCHEMA) {
        Ok(filter) => (logs.filter, logs.problem) = (filter, None),
        Err(problem) => logs.problem = Some(problem),
    }
    logs.arrange();
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Level => {
            model.logs.level = model.logs.level.next();
            model.logs.arrange();
        }
        Action::Pause => {
            let paused = !model.logs.paused;
            model.logs.set_paused(paused);
        }
        Action::NextError | Action::PreviousError => jump(model, action == Action::NextError),
        Action::SearchLog => {
            model.logs.deep = Some(Deep { busy: true, ..Deep::default() });
            return look(model, None);
        }
        Action::Filter => model.logs.editing = Some(LineEdit::with(&model.logs.filter_text)),
        Action::Open => {
            if let Some(line) = model.logs.line() {
                let fields = fields(line);
                model.overlay = Some(Overlay::Detail { title: "Log line".to_owned(), fields, top: 0 });
            }
        }
        Action::Copy => {
            if let Some(text) = model.logs.line().and_then(|l| serde_json::to_string(l).ok()) {
                model.tell(Tone::Good, "Copied the line as JSON.");
                return vec![Effect::Copy(text)];
            }
        }
        Action::Back if model.logs.deep.is_some() => {
            model.logs.deep = None;
            model.logs.set_paused(false);
            return newest();
        }
        Action::Back => {
            if model.logs.filter_text.is_empty() {
                model.logs.set_paused(false);
            } else {
                search(model, "");
            }
        }
        Action::Bottom => model.logs.set_paused(false),
        _ => {
            let page = model.body_height().saturating_sub(2);
            let to = moved(model.logs.selected, action, model.logs.visible.len(), page);
            if to != model.logs.selected {
                model.logs.set_paused(true);
                model.logs.selected = to;
            }
        }
    }
    Vec::new()
}

fn jump(model: &mut Model, forward: bool) {
    // While following one stands at the end: "next" then means the newest trouble.
    let newest = forward && !model.logs.paused;
    match model.logs.trouble(forward && !newest) {
        Some(to) => {
            model.logs.set_paused(true);
            model.logs.selected = to;
        }
        None => model.tell(
            Tone::Good,
            if forward { "No newer error or warning." } else { "No older error or warning." },
        ),
    }
}

fn fields(line: &LogLine) -> Vec<(String, String)> {
    let mut out = vec![
        ("time".to_owned(), line.timestamp.clone()),
        ("level".to_owned(), line.level.clone()),
        ("target".to_owned(), line.target.clone()),
        ("message".to_owned(), line.message.clone()),
    ];
    out.extend(line.fields.iter().map(|(k, v)| {
        let text = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        (k.clone(), text)
    }));
    out
}
