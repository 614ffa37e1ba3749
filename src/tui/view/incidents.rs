//! What went wrong and who sees to it, and the form that opens or changes an incident.

use ratatui::layout::Rect;

use crate::api::types::incident::Incident;
use crate::api::types::sla::Objective;
use crate::tui::model::{BUDGET_SPAN_S, Model};
use crate::tui::text::{age, plural};
use crate::tui::theme::Tone;
use crate::tui::update::{breach_left, percent};
use crate::tui::view::{Pen, Piece, sieve, waiting};
use crate::tui::widgets::chart::{Frame, rows};
use crate::tui::widgets::table::{self, Column, column, number};

const COLUMNS: &[Column] = &[
    number("no", 4, 0),
    column("severity", 8, 0),
    column("type", 13, 100),
    column("state", 12, 0),
    number("since", 6, 60),
    column("owner", 10, 90),
    number("breach", 6, 50),
    column("title", 0, 0),
];

const LEVELS: &[Column] = &[
    column("objective", 16, 0),
    column("state", 8, 0),
    number("target", 7, 60),
    number("was", 7, 60),
    number("left", 9, 0),
    number("burn 1h", 7, 50),
    column("budget over 30 days", 0, 70),
];

/// Columns before the graph, with their gaps.
const LEVELS_WIDTH: u16 = 66;

/// What is left of the budgets, and how that was.
fn levels(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let Some(all) = &model.incidents.objectives else {
        pen.put(area.x, area.y, area.width, Tone::Quiet, &waiting(model, "read-metrics"));
        return;
    };
    let of = |state: &str| all.iter().filter(|one| one.state == state).count();
    let (met, none) = (of("met"), of("no-data"));
    let head = format!(
        "{} objectives: {met} met, {none} without data, {} violated",
        all.len(),
        all.len() - met - none
    );
    pen.put(area.x, area.y, area.width, Tone::Text, &head);
    let gap = if area.height >= 12 { 2 } else { 1 };
    let room = Rect { y: area.y + gap, height: area.height.saturating_sub(gap), ..area };
    let glyphs = pen.look.glyphs.clone();
    let width = usize::from(room.width.saturating_sub(LEVELS_WIDTH));
    table::draw(pen, room, LEVELS, (all.len(), model.incidents.selected), |at| {
        let Some(one) = all.get(at) else { return Vec::new() };
        let line = model.incidents.budgets.iter().find(|line| line.name == one.name);
        let drawn = line.map(|line| rows(&line.points, budget_frame(model.now_ms), (width, 1), &glyphs));
        let graph = drawn.and_then(|rows| rows.into_iter().next()).unwrap_or_default();
        level(one, graph.trim_end().to_owned())
    });
}

/// From a full budget to an empty one.
#[allow(clippy::cast_precision_loss)] // seconds of our centuries
fn budget_frame(now_ms: u64) -> Frame {
    let end = (now_ms / 1000) as f64;
    Frame { start: end - BUDGET_SPAN_S as f64, end, least: 0.0, most: 1.0 }
}

fn level(one: &Objective, graph: String) -> Vec<Piece> {
    let tone = match one.state.as_str() {
        "met" => Tone::Good,
        "burning" => Tone::Warn,
        "spent" => Tone::Bad,
        _ => Tone::Quiet,
    };
    let burn = one.burns.get(2).and_then(|rate| rate.burn);
    vec![
        (Tone::Text, one.name.clone()),
        (tone, one.state.clone()),
        (Tone::Quiet, percent(Some(one.target))),
        (Tone::Text, percent(one.attained)),
        (tone, percent(one.budget_left)),
        (Tone::Quiet, burn.map_or_else(|| "-".to_owned(), |burn| format!("{burn:.1}"))),
        (Tone::Accent, graph),
    ]
}

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    if model.incidents.service {
        levels(pen, area, model);
        return None;
    }
    let list = &model.incidents;
    let open = list.items.iter().filter(|one| one.state == "open").count();
    let head = match (list.loaded, list.all) {
        (false, _) => waiting(model, "read-incidents"),
        (true, all) => format!(
            "{}{}, {open} open",
            plural(list.items.len() as u64, "incident"),
            if all { "" } else { " not closed" }
        ),
    };
    let lock = match model.unlocked {
        true => (Tone::Warn, "  unlocked"),
        false => (Tone::Quiet, "  read-only, u unlocks"),
    };
    pen.pieces(area.x, area.y, area.width, &[(Tone::Text, head), (lock.0, lock.1.to_owned())]);
    let below = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let (room, cursor) = sieve(pen, below, model);
    let rows = list.rows();
    if rows.is_empty() {
        let text = match (list.loaded, list.words.is_empty()) {
            (false, _) => "",
            (true, true) => "Nothing is wrong that somebody told of. n tells of something.",
            (true, false) => "No such incident; esc shows all.",
        };
        pen.put(room.x, room.y, room.width, Tone::Quiet, text);
        return cursor;
    }
    table::draw(pen, room, COLUMNS, (rows.len(), list.selected), |at| {
        let one = rows.get(at).and_then(|at| list.items.get(*at));
        one.map_or_else(Vec::new, |one| cells(one, model.now_ms))
    });
    cursor
}

fn cells(one: &Incident, now_ms: u64) -> Vec<Piece> {
    let calm = matches!(one.state.as_str(), "resolved" | "closed");
    let severity = match one.severity.as_str() {
        _ if calm => Tone::Quiet,
        "critical" | "error" => Tone::Bad,
        "warning" => Tone::Warn,
        _ => Tone::Text,
    };
    let state = match one.state.as_str() {
        "open" => Tone::Bad,
        "acknowledged" | "mitigated" => Tone::Warn,
        "resolved" => Tone::Good,
        _ => Tone::Quiet,
    };
    let clock = one.breach.as_ref().map_or_else(|| "-".to_owned(), breach_left);
    let runs = one.breach.as_ref().is_some_and(|clock| clock.told_ms.is_none());
    let owner = one.owner_login.clone().or_else(|| one.owner.clone()).unwrap_or_else(|| "-".to_owned());
    vec![
        (Tone::Text, one.id.clone()),
        (severity, one.severity.clone()),
        (Tone::Text, one.kind.clone()),
        (state, one.state.clone()),
        (Tone::Quiet, age(now_ms, one.at_ms)),
        (Tone::Quiet, owner),
        (if runs { Tone::Bad } else { Tone::Quiet }, clock),
        (Tone::Text, one.title.clone()),
    ]
}
