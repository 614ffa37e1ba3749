//! The log view: levels, search in the newest lines and in all files, pause and follow, jumps.

use super::moved;
use crate::api::types::{LogLine, LogPage, LogQuery};
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::filter::Filter;
use crate::tui::key::{Code, Key};
use crate::tui::model::{Deep, LOG_SCHEMA, Model, Overlay, PINS, RING, View, field_text};
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// Lines asked for when the view opens.
const FIRST: usize = 500;

pub(super) fn load(model: &mut Model, again: bool) -> Vec<Effect> {
    if model.logs.loaded && !again && model.link.listening {
        return Vec::new();
    }
    if model.logs.deep.is_some() {
        return begin(model);
    }
    newest()
}

fn newest() -> Vec<Effect> {
    vec![Effect::Request(Request::Logs(LogQuery { n: FIRST, ..LogQuery::default() }))]
}

fn begin(model: &mut Model) -> Vec<Effect> {
    model.logs.deep = Some(Deep { busy: true, ..Deep::default() });
    look(model, None)
}

/// Asks for what passes level and filter in all files of the log; the box looks for one text of it, as it is typed.
fn look(model: &Model, before: Option<String>) -> Vec<Effect> {
    let logs = &model.logs;
    let level = logs.level.name().map(str::to_owned);
    let query =
        LogQuery { level, contains: wanted(&logs.filter_text), before, n: RING, ..LogQuery::default() };
    vec![Effect::Request(Request::Logs(query))]
}

/// What must stand in a line that the filter lets pass: its first word, text in quotes, or value of a field.
fn wanted(filter: &str) -> Option<String> {
    let mut rest = filter.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            return quoted.split('"').next().filter(|text| !text.is_empty()).map(str::to_owned);
        }
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let text = match word.split_once([':', '=']) {
            // Levels stand in lines in their own letters.
            Some((name, _)) if name.eq_ignore_ascii_case("level") => "",
            Some((_, value)) => value,
            None => word,
        };
        if !word.starts_with('-') && !text.is_empty() && !word.contains(['<', '>', '"', '\\']) {
            return Some(text.to_owned());
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
    if deep.stale {
        deep.busy = false;
        return Vec::new();
    }
    if query.before.is_none() {
        *deep = Deep { busy: true, ..Deep::default() };
        logs.begin_found();
    }
    // Only what passes takes room: what is looked for may lie far back.
    let items = page.items.into_iter().filter(|line| logs.passes(line)).collect();
    let has_room = logs.add_older(items);
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
        // What cannot be read is not what is shown: it is put right, or dropped.
        Code::Enter | Code::Down => {
            if logs.problem.is_none() {
                logs.editing = None;
            }
        }
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
    rearrange(model);
}

/// Another filter, or another level.
fn rearrange(model: &mut Model) {
    if let Some(deep) = &mut model.logs.deep {
        deep.stale = true;
    }
    model.logs.arrange();
}

/// What is to be written into a file: of the log all lines that are found, one JSON object each, else the screen.
pub(super) fn export(model: &Model) -> Effect {
    let line = |at| model.logs.at(at).and_then(|line| serde_json::to_string(line).ok());
    let lines: Vec<String> = (0..model.logs.visible.len()).filter_map(line).collect();
    if lines.is_empty() || model.view != View::Logs {
        Effect::SaveScreen
    } else {
        Effect::SaveLines(lines.join("\n") + "\n")
    }
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Level => {
            model.logs.level = model.logs.level.next();
            rearrange(model);
        }
        Action::Pause => {
            let paused = !model.logs.paused;
            model.logs.set_paused(paused);
        }
        Action::NextError | Action::PreviousError => jump(model, action == Action::NextError),
        Action::SearchLog => return begin(model),
        Action::PinLine => {
            if !model.logs.pin() {
                model.tell(Tone::Warn, format!("At most {PINS} lines are pinned: P lets them go."));
            }
        }
        Action::DropPins => model.logs.pinned.clear(),
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
    out.extend(line.fields.iter().map(|(k, v)| (k.clone(), field_text(v).into_owned())));
    out
}
