//! Requests that wait for votes, and models with their stages.

use ratatui::layout::Rect;

use crate::api::types::approval::Approval;
use crate::api::types::registry::{ModelRegistry, ModelVersion};
use crate::api::types::use_case::UseCase;
use crate::tui::model::{DecideDialog, Model};
use crate::tui::text::age;
use crate::tui::theme::Tone;
use crate::tui::update::gate_summary;
use crate::tui::view::dialog::{Cursor, body, buttons, field};
use crate::tui::view::{Pen, Piece, waiting};
use crate::tui::widgets::table::{self, Column, column, number};

const APPROVALS: &[Column] = &[
    number("no", 4, 0),
    column("state", 9, 70),
    column("what", 34, 0),
    column("impact", 8, 50),
    number("votes", 5, 0),
    column("by", 12, 80),
    number("age", 6, 60),
    column("reason", 0, 90),
];
const MODELS: &[Column] = &[
    column("name", 18, 0),
    column("sha256", 12, 70),
    column("stage", 10, 0),
    column("review", 13, 50),
    number("age", 6, 80),
    column("gates", 0, 40),
];

const USE_CASES: &[Column] = &[
    column("name", 18, 0),
    column("state", 10, 0),
    column("impact", 8, 50),
    column("owner", 16, 70),
    number("asked", 6, 60),
    column("purpose", 0, 40),
];

fn lock(model: &Model) -> Piece {
    match model.unlocked {
        true => (Tone::Warn, "  unlocked (u locks)".to_owned()),
        false => (Tone::Quiet, "  read-only (u unlocks)".to_owned()),
    }
}

pub(crate) fn approvals(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let approvals = &model.approvals;
    if !approvals.loaded {
        pen.put(area.x, area.y, area.width, Tone::Quiet, &waiting(model, "read-approvals"));
        return None;
    }
    let waiting = approvals.items.iter().filter(|one| one.state == "pending").count();
    let tone = if waiting > 0 { Tone::Accent } else { Tone::Quiet };
    let line: Vec<Piece> = vec![(tone, format!("{waiting} wait for votes")), lock(model)];
    pen.pieces(area.x, area.y, area.width, &line);
    let mut y = area.y + 1;
    let mut cursor = None;
    if let Some(edit) = &approvals.editing {
        pen.put(area.x, y, 2, Tone::Accent, pen.look.glyphs.prompt);
        let line = Rect { x: area.x + 2, y, width: area.width.saturating_sub(2), height: 1 };
        let theme = pen.look.theme;
        cursor = Some(edit.draw(pen.buf, line, theme, "state:all kind:model words"));
        y += 1;
    } else if !approvals.filter.is_empty() {
        pen.put(area.x, y, area.width, Tone::Accent, &format!("only: {}", approvals.filter));
        y += 1;
    } else if area.height >= 12 {
        y += 1;
    }
    let room = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    let shown = approvals.shown();
    if shown.is_empty() {
        let text = match approvals.filter.is_empty() {
            true => "Nothing waits for votes; / state:all shows what was decided.",
            false => "No such request; esc shows what waits.",
        };
        pen.put(room.x, room.y, room.width, Tone::Quiet, text);
        return cursor;
    }
    table::draw(pen, room, APPROVALS, (shown.len(), approvals.selected), |at| {
        shown.get(at).map_or_else(Vec::new, |one| request_cells(one, model.now_ms))
    });
    cursor
}

fn request_cells(one: &Approval, now_ms: u64) -> Vec<Piece> {
    let state = match one.state.as_str() {
        "pending" => Tone::Accent,
        "approved" => Tone::Good,
        "rejected" => Tone::Bad,
        _ => Tone::Quiet,
    };
    let impact = match one.impact.as_str() {
        "high" => Tone::Warn,
        "critical" => Tone::Bad,
        _ => Tone::Text,
    };
    vec![
        (Tone::Quiet, one.id.clone()),
        (state, one.state.clone()),
        (Tone::Text, one.title.clone()),
        (impact, one.impact.clone()),
        (Tone::Text, format!("{}/{}", one.votes, one.votes_needed)),
        (Tone::Text, one.login.clone().unwrap_or_else(|| one.by.clone())),
        (Tone::Quiet, age(now_ms, one.at_ms)),
        (Tone::Quiet, one.reason.clone()),
    ]
}

pub(crate) fn models(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let Some(registry) = &model.models.registry else {
        pen.put(area.x, area.y, area.width, Tone::Quiet, &waiting(model, "read-models"));
        return None;
    };
    pen.pieces(area.x, area.y, area.width, &serving(model, registry));
    pen.pieces(area.x, area.y + 1, area.width, &under_way(registry));
    let gap = if area.height >= 12 { 3 } else { 2 };
    let room = Rect { y: area.y + gap, height: area.height.saturating_sub(gap), ..area };
    if registry.items.is_empty() {
        let text = "No model was registered: spud model register FILE";
        pen.put(room.x, room.y, room.width, Tone::Quiet, text);
        return None;
    }
    table::draw(pen, room, MODELS, (registry.items.len(), model.models.selected), |at| {
        registry.items.get(at).map_or_else(Vec::new, |one| model_cells(one, model.now_ms))
    });
    None
}

fn name_of(registry: &ModelRegistry, sha256: &str) -> String {
    let known = registry.items.iter().find(|one| one.sha256 == sha256);
    known.map_or_else(|| sha256.chars().take(12).collect(), |one| one.name.clone())
}

fn serving(model: &Model, registry: &ModelRegistry) -> Vec<Piece> {
    let since = match registry.since_ms {
        Some(ms) => format!(" for {}", age(model.now_ms, ms)),
        None => ", never promoted here".to_owned(),
    };
    vec![
        (Tone::Quiet, "answers ".to_owned()),
        (Tone::Strong, name_of(registry, &registry.serving)),
        (Tone::Quiet, since),
        lock(model),
    ]
}

fn under_way(registry: &ModelRegistry) -> Vec<Piece> {
    let mut row = Vec::new();
    if let Some(previous) = &registry.previous {
        row.push((Tone::Quiet, format!("before it {}  ", name_of(registry, previous))));
    }
    if let Some(promoting) = &registry.promoting {
        row.push((Tone::Accent, format!("promoting {}  ", name_of(registry, promoting))));
    }
    if let Some(held) = &registry.held {
        row.push((Tone::Warn, format!("held by {held}")));
    }
    row
}

pub(crate) fn use_cases(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let list = &model.use_cases;
    if !list.loaded {
        pen.put(area.x, area.y, area.width, Tone::Quiet, &waiting(model, "read-use-cases"));
        return None;
    }
    let served = list.items.iter().filter(|one| one.state == "deployed").count();
    pen.pieces(area.x, area.y, area.width, &[(Tone::Quiet, format!("{served} deployed")), lock(model)]);
    let gap = if area.height >= 12 { 2 } else { 1 };
    let room = Rect { y: area.y + gap, height: area.height.saturating_sub(gap), ..area };
    table::draw(pen, room, USE_CASES, (list.items.len(), list.selected), |at| {
        list.items.get(at).map_or_else(Vec::new, use_case_cells)
    });
    None
}

fn use_case_cells(one: &UseCase) -> Vec<Piece> {
    let state = match one.state.as_str() {
        "deployed" => Tone::Good,
        "submitted" | "approved" => Tone::Accent,
        "deprecated" => Tone::Warn,
        _ => Tone::Quiet,
    };
    let asked: u64 = one.callers.iter().map(|caller| caller.questions).sum();
    vec![
        (Tone::Text, one.name.clone()),
        (state, one.state.clone()),
        (Tone::Text, one.impact.clone()),
        (Tone::Text, one.owner.clone()),
        (Tone::Quiet, asked.to_string()),
        (Tone::Text, one.purpose.clone()),
    ]
}

fn model_cells(one: &ModelVersion, now_ms: u64) -> Vec<Piece> {
    let stage = match one.stage.as_str() {
        "production" => Tone::Good,
        "staging" => Tone::Accent,
        _ => Tone::Quiet,
    };
    let review = match one.review.as_str() {
        "approved" => Tone::Good,
        "pending" => Tone::Accent,
        "rejected" => Tone::Bad,
        _ => Tone::Quiet,
    };
    let gates = gate_summary(&one.gates);
    let bad = gates.starts_with("failed");
    vec![
        (Tone::Text, one.name.clone()),
        (Tone::Quiet, one.sha256.chars().take(12).collect()),
        (stage, one.stage.clone()),
        (review, one.review.clone()),
        (Tone::Quiet, age(now_ms, one.at_ms)),
        (if bad { Tone::Bad } else { Tone::Quiet }, gates),
    ]
}

pub(crate) fn decide(pen: &mut Pen<'_>, screen: Rect, dialog: &DecideDialog) -> Cursor {
    let width = usize::from(screen.width.min(68).saturating_sub(4));
    let lines = body(&dialog.body, width);
    let shown = if screen.height > 12 { lines.len().min(6) } else { 1 };
    let rows = 3 + u16::from(dialog.extra.is_some());
    let height = u16::try_from(shown).unwrap_or(1) + 5 + rows;
    let inner = pen.panel(screen, 68, height, dialog.title);
    let mut y = inner.y;
    for line in lines.iter().take(shown) {
        pen.pieces(inner.x, y, inner.width, &line.pieces);
        y += 1;
    }
    let row = |n: u16| (y + n).min(inner.bottom().saturating_sub(1));
    let hint = "kept with it, and in the audit log";
    let mut cursor = field(pen, inner, row(0), "Reason", &dialog.reason, hint, dialog.field == 0);
    if let Some((want, edit)) = &dialog.typed {
        // A long name stands in the body.
        let (label, hint) = match want.chars().count() {
            ..=6 => (format!("Type {want}"), "to allow it"),
            _ => ("Type it".to_owned(), "the name above, to allow it"),
        };
        cursor = cursor.or(field(pen, inner, row(1), &label, edit, hint, dialog.field == 1));
    }
    if let Some((label, hint, edit)) = &dialog.extra {
        let at = row(1 + u16::from(dialog.typed.is_some()));
        cursor = cursor.or(field(pen, inner, at, label, edit, hint, dialog.field == 2));
    }
    let (tone, text) = match dialog.problem {
        Some(problem) => (Tone::Bad, problem),
        None if dialog.signature.is_some() => (Tone::Good, "Signed: the signature goes with the vote."),
        None => (Tone::Quiet, "Enter moves on; only the button decides."),
    };
    pen.put(inner.x, row(rows), inner.width, tone, text);
    let focus = match dialog.field {
        3 => Some(false),
        4 => Some(true),
        _ => None,
    };
    buttons(pen, inner, inner.bottom().saturating_sub(1), dialog.verb, focus);
    cursor
}
