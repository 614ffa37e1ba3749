//! Requests that wait for votes, and models with their stages.

use ratatui::layout::Rect;

use crate::api::types::approval::Approval;
use crate::api::types::registry::{JudgedQuestion, ModelRegistry, ModelVersion};
use crate::api::types::use_case::UseCase;
use crate::tui::model::Model;
use crate::tui::text::age;
use crate::tui::theme::Tone;
use crate::tui::update::gate_summary;
use crate::tui::view::{Pen, Piece, sieve, waiting};
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

const JUDGED: &[Column] = &[
    column("collection", 14, 0),
    number("right", 5, 0),
    number("wrong", 5, 50),
    number("age", 6, 80),
    column("by", 10, 80),
    column("question", 0, 0),
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
        shown.get(at).map_or_else(Vec::new, |one| request_cells(one, model))
    });
    cursor
}

/// What is marked with space.
fn chosen(marked: bool, text: &str) -> Piece {
    if marked { (Tone::Match, format!("* {text}")) } else { (Tone::Text, text.to_owned()) }
}

fn request_cells(one: &Approval, model: &Model) -> Vec<Piece> {
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
        chosen(model.approvals.marked.contains(&one.id), &one.title),
        (impact, one.impact.clone()),
        (Tone::Text, format!("{}/{}", one.votes, one.votes_needed)),
        (Tone::Text, one.login.clone().unwrap_or_else(|| one.by.clone())),
        (Tone::Quiet, age(model.now_ms, one.at_ms)),
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
    let below = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let (room, cursor) = sieve(pen, below, model);
    let rows = model.models.rows();
    if rows.is_empty() {
        let text = match (&model.models.judged, model.models.words.is_empty()) {
            (_, false) => "No such row; esc shows all.",
            (Some(_), _) => "No question was judged: + and - in Ask.",
            _ => "No model was registered: a registers one.",
        };
        pen.put(room.x, room.y, room.width, Tone::Quiet, text);
        return cursor;
    }
    let columns = if model.models.judged.is_some() { JUDGED } else { MODELS };
    table::draw(pen, room, columns, (rows.len(), model.models.selected), |at| {
        let Some(at) = rows.get(at).copied() else { return Vec::new() };
        match &model.models.judged {
            Some(all) => all.get(at).map_or_else(Vec::new, |one| judged_cells(one, model.now_ms)),
            None => registry.items.get(at).map_or_else(Vec::new, |one| model_cells(one, model)),
        }
    });
    cursor
}

fn judged_cells(one: &JudgedQuestion, now_ms: u64) -> Vec<Piece> {
    let right = one.targets.iter().filter(|target| target.relevance > 0).count();
    vec![
        (Tone::Text, one.collection.clone()),
        (Tone::Good, right.to_string()),
        (Tone::Quiet, (one.targets.len() - right).to_string()),
        (Tone::Quiet, age(now_ms, one.at_ms)),
        (Tone::Quiet, one.login.clone().unwrap_or_else(|| one.by.clone())),
        (Tone::Text, one.question.clone()),
    ]
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
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let (room, cursor) = sieve(pen, below, model);
    let rows = list.rows();
    table::draw(pen, room, USE_CASES, (rows.len(), list.selected), |at| {
        rows.get(at).and_then(|at| list.items.get(*at)).map_or_else(Vec::new, use_case_cells)
    });
    cursor
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

fn model_cells(one: &ModelVersion, model: &Model) -> Vec<Piece> {
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
        chosen(model.models.marked.as_ref() == Some(&one.sha256), &one.name),
        (Tone::Quiet, one.sha256.chars().take(12).collect()),
        (stage, one.stage.clone()),
        (review, one.review.clone()),
        (Tone::Quiet, age(model.now_ms, one.at_ms)),
        (if bad { Tone::Bad } else { Tone::Quiet }, gates),
    ]
}
