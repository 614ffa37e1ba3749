//! Asking: the question line, the answer, reading on in a document.

use super::moved;
use crate::api::types::use_case::UseCase;
use crate::api::types::{AskResponse, Passage, Problem, SearchRequest};
use crate::base::InOrder;
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{Answer, Focus, Model, Overlay, PickOf, Reader, Reading, View};
use crate::tui::msg::Way;
use crate::tui::text;
use crate::tui::theme::Tone;

/// Questions that name no use case are asked under this one.
const GENERAL: &str = "general";
/// Results asked for.
const RESULTS: usize = 20;

/// A key while the question is typed; `None` leaves it to the key map.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let plain = !key.ctrl && !key.alt;
    match key.code {
        Code::Enter if plain => return Some(submit(model)),
        Code::Up if plain => model.ask.question.older(),
        Code::Down if plain => model.ask.question.newer(),
        Code::Esc => {
            model.ask.focus = if model.ask.reader.is_some() { Focus::Reader } else { Focus::Results };
            if let Answer::Nothing = model.ask.answer {
                model.tell(Tone::Quiet, "Keys are commands now: 1-4 views, i to type, ? help.");
            }
        }
        _ if model.ask.question.key(key) => {}
        _ => return None,
    }
    Some(Vec::new())
}

/// Asks what stands in the question line.
pub(super) fn submit(model: &mut Model) -> Vec<Effect> {
    let q = model.ask.question.text();
    let q = q.trim();
    if q.is_empty() {
        model.ask.focus = Focus::Question;
        model.tell(Tone::Warn, "Type a question first.");
        return Vec::new();
    }
    let ask = &mut model.ask;
    ask.question.remember();
    ask.serial += 1;
    ask.asked = q.to_owned();
    ask.answer = Answer::Waiting;
    (ask.selected, ask.reader, ask.focus) = (0, None, Focus::Results);
    let request = SearchRequest {
        q: q.to_owned(),
        collections: ask.collection.clone().into_iter().collect(),
        use_case: ask.use_case.clone(),
        n: RESULTS,
        explain: ask.explain,
        ..SearchRequest::default()
    };
    vec![Effect::Request(Request::Ask(ask.serial, request))]
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::EditQuestion | Action::Filter => model.ask.focus = Focus::Question,
        Action::TakeSuggestion => {
            if let Some(text) = model.ask.suggestion().map(str::to_owned) {
                model.ask.question.set(&text);
                return submit(model);
            }
        }
        Action::Collection => return next_collection(model),
        Action::Explain => return explain(model),
        Action::ReadBefore => return read(model, Way::Before),
        Action::ReadAfter => return read(model, Way::After),
        Action::Open => return open(model),
        Action::Copy => return copy(model),
        Action::Back => back(model),
        _ => return go(model, action),
    }
    Vec::new()
}

fn go(model: &mut Model, action: Action) -> Vec<Effect> {
    let height = model.body_height().saturating_sub(4);
    let ask = &mut model.ask;
    match (&mut ask.reader, ask.focus) {
        (Some(reader), _) => {
            let last = reader.lines.len().saturating_sub(height) + 1;
            let before = reader.top;
            reader.top = moved(reader.top, action, last, height);
            let stuck = reader.top == before;
            // At an end, the next key brings more of the document.
            match action {
                Action::Down | Action::PageDown | Action::Bottom
                    if stuck && reader.after == Reading::More =>
                {
                    return read(model, Way::After);
                }
                Action::Up | Action::PageUp | Action::Top if stuck && reader.before == Reading::More => {
                    return read(model, Way::Before);
                }
                _ => {}
            }
        }
        (None, Focus::Question) => {}
        (None, _) => {
            if action == Action::Up && ask.selected == 0 {
                ask.focus = Focus::Question;
            } else {
                let len = ask.hits().len();
                ask.selected = moved(ask.selected, action, len, 5);
            }
        }
    }
    Vec::new()
}

fn back(model: &mut Model) {
    if model.ask.reader.take().is_some() {
        model.ask.focus = Focus::Results;
    } else {
        model.ask.focus = Focus::Question;
    }
}

fn next_collection(model: &mut Model) -> Vec<Effect> {
    let mut names: Vec<&String> = model.library.collections.items.iter().map(|c| &c.name).collect();
    names.order();
    let at = model.ask.collection.as_ref().and_then(|c| names.iter().position(|n| *n == c));
    let next = names.get(at.map_or(0, |i| i + 1)).map(|n| (*n).clone());
    let told =
        next.as_ref().map_or("Asking in all collections.".to_owned(), |n| format!("Asking in \"{n}\" only."));
    model.ask.collection = next;
    let again = model.ask.response().is_some() && model.ask.focus != Focus::Question;
    model.tell(Tone::Accent, told);
    if again { submit(model) } else { Vec::new() }
}

/// Asks for the use cases of which one is to be picked.
pub(super) fn pick(model: &mut Model) -> Vec<Effect> {
    model.ask.picking = true;
    vec![super::govern::use_cases()]
}

/// The use cases came: those that are served can be picked.
pub(super) fn pickable(model: &mut Model) {
    if !std::mem::take(&mut model.ask.picking) || model.view != View::Ask {
        return;
    }
    let served = |one: &&UseCase| matches!(one.state.as_str(), "deployed" | "deprecated");
    let about = |one: &UseCase| {
        let ends = if one.state == "deprecated" { "(deprecated) " } else { "" };
        (one.name.clone(), format!("{ends}{}", one.purpose))
    };
    let items: Vec<_> = model.use_cases.items.iter().filter(served).map(about).collect();
    if items.is_empty() {
        return model.tell(Tone::Warn, "No use case is deployed: alt-u shows them, and n, P deploy one.");
    }
    let asked = model.ask.use_case.as_deref().unwrap_or(GENERAL);
    let selected = items.iter().position(|(name, _)| name == asked).unwrap_or(0);
    model.overlay = Some(Overlay::Pick { of: PickOf::UseCase, items, selected });
}

/// Questions are asked under this use case from now on.
pub(super) fn picked(model: &mut Model, name: Option<&String>) -> Vec<Effect> {
    model.ask.use_case = name.filter(|name| *name != GENERAL).cloned();
    let told = model.ask.use_case.as_ref().map_or_else(
        || "Asking under no use case but the general one.".to_owned(),
        |name| format!("Asking under \"{name}\"."),
    );
    model.tell(Tone::Accent, told);
    let again = !matches!(model.ask.answer, Answer::Nothing) && model.ask.focus != Focus::Question;
    if again { submit(model) } else { Vec::new() }
}

fn explain(model: &mut Model) -> Vec<Effect> {
    model.ask.explain = !model.ask.explain;
    let missing = model.ask.hits().first().is_some_and(|h| h.parts.is_none());
    if !model.ask.explain || !missing {
        let now = if model.ask.explain { "Scores are explained." } else { "Scores are not explained." };
        model.tell(Tone::Accent, now);
        return Vec::new();
    }
    let selected = model.ask.selected;
    let effects = submit(model);
    model.ask.selected = selected;
    effects
}

fn open(model: &mut Model) -> Vec<Effect> {
    let width = model.body_width().saturating_sub(2);
    let ask = &mut model.ask;
    let Some(hit) = ask.hit().cloned() else { return Vec::new() };
    if ask.reader.is_some() {
        return Vec::new();
    }
    ask.serial += 1;
    let request = Request::Passages {
        serial: ask.serial,
        way: Way::Around,
        document: hit.document.clone(),
        chunk: hit.chunk.clone(),
    };
    ask.reader = Some(Reader::open(ask.serial, hit, width));
    ask.focus = Focus::Reader;
    vec![Effect::Request(request)]
}

fn read(model: &mut Model, way: Way) -> Vec<Effect> {
    let Some(reader) = &mut model.ask.reader else { return Vec::new() };
    let (state, edge) = match way {
        Way::Before => (&mut reader.before, reader.passages.first()),
        Way::Around | Way::After => (&mut reader.after, reader.passages.last()),
    };
    let Some(chunk) = edge.map(|p| p.chunk.clone()).filter(|_| *state == Reading::More) else {
        return Vec::new();
    };
    *state = Reading::Loading;
    let document = reader.hit.document.clone();
    vec![Effect::Request(Request::Passages { serial: reader.serial, way, document, chunk })]
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let Some(hit) = model.ask.hit() else { return Vec::new() };
    let place = crate::tui::view::place(&hit.place);
    let cited =
        format!("{}\n\n{}{}{place}\n", hit.text.trim(), hit.path, if place.is_empty() { "" } else { ", " });
    model.tell(
        Tone::Good,
        format!("Copied the passage ({}).", text::plural(cited.chars().count() as u64, "character")),
    );
    vec![Effect::Copy(cited)]
}

pub(super) fn answered(model: &mut Model, serial: u64, response: Box<AskResponse>) {
    if serial != model.ask.serial {
        return;
    }
    model.ask.selected = model.ask.selected.min(response.search.results.len().saturating_sub(1));
    model.ask.answer = Answer::Ready(response);
}

pub(super) fn failed(model: &mut Model, serial: u64, problem: Problem) {
    if serial == model.ask.serial {
        model.ask.answer = Answer::Failed(Box::new(problem));
    }
}

pub(super) fn read_on(model: &mut Model, serial: u64, way: Way, passages: Vec<Passage>) {
    let Some(reader) = model.ask.reader.as_mut().filter(|r| r.serial == serial) else { return };
    let own = passages.iter().position(|p| p.chunk == reader.hit.chunk);
    match way {
        Way::Around => {
            let at = own.unwrap_or(passages.len());
            let behind = passages.len().saturating_sub(at + 1);
            let state = |n: usize| if n < crate::tui::effect::AROUND { Reading::End } else { Reading::More };
            let moved = reader.own_line();
            reader.before = state(at);
            reader.after = state(behind);
            let (mut first, mut rest) = (passages, Vec::new());
            if own.is_some() {
                rest = first.split_off(at);
            }
            reader.extend(first, true);
            reader.extend(rest, false);
            // The passage that was found stays where it was, with a line or two of what comes before.
            let shift = reader.own_line().saturating_sub(moved);
            reader.top = (reader.top + shift).saturating_sub(if shift > 0 { 2 } else { 0 });
        }
        Way::Before | Way::After => {
            let before = way == Way::Before;
            let had = reader.passages.len();
            let lines = reader.extend(passages, before);
            let grown = reader.passages.len() - had;
            let state = if grown == 0 { Reading::End } else { Reading::More };
            if before {
                reader.before = state;
                reader.top += lines.saturating_sub(2);
            } else {
                reader.after = state;
                reader.top += usize::from(grown > 0);
            }
        }
    }
}

pub(super) fn unread(model: &mut Model, serial: u64, way: Way, problem: &Problem) {
    let Some(reader) = model.ask.reader.as_mut().filter(|r| r.serial == serial) else { return };
    match way {
        Way::Around => (reader.before, reader.after) = (Reading::More, Reading::More),
        Way::Before => reader.before = Reading::More,
        Way::After => reader.after = Reading::More,
    }
    let why = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    let told = format!("Could not read on: {why}");
    model.tell(Tone::Bad, told);
}

/// A collection that is gone cannot be asked.
pub(super) fn check_collection(model: &mut Model) {
    let known = |name: &String| model.library.collections.items.iter().any(|c| c.name == *name);
    if model.ask.collection.as_ref().is_some_and(|c| !known(c)) {
        model.ask.collection = None;
    }
}

pub(super) fn rewrap(model: &mut Model) {
    let width = model.body_width().saturating_sub(2);
    if let Some(reader) = &mut model.ask.reader {
        reader.wrap(width);
        reader.top = reader.top.min(reader.lines.len().saturating_sub(1));
    }
}
