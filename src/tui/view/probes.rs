//! The list of probes and targets.

use ratatui::layout::Rect;

use crate::api::types::Probe;
use crate::tui::model::Model;
use crate::tui::text::age;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::table::{self, Column, column, number};

const COLUMNS: &[Column] = &[
    column("state", 8, 0),
    column("probe", 16, 0),
    column("kind", 11, 70),
    number("since", 6, 60),
    column("last seen", 0, 0),
];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let (view, items) = (&model.probes, &model.probes.list.items);
    let down = items.iter().filter(|probe| probe.state == "down").count();
    let head = format!("Probes and targets: {down} of {} are down.", items.len());
    let (tone, head) = match view.list.problems.first() {
        _ if !view.loaded => (Tone::Quiet, "Loading."),
        Some(problem) => (Tone::Bad, problem.as_str()),
        None => (Tone::Quiet, head.as_str()),
    };
    pen.put(area.x, area.y, area.width, tone, head);
    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if view.loaded && items.is_empty() {
        let none = "None: they stand in files below probes/ in the configuration.";
        pen.put(rest.x, rest.y, rest.width, Tone::Text, none);
        return;
    }
    table::draw(pen, rest, COLUMNS, (items.len(), view.selected), |at| {
        items.get(at).map_or_else(Vec::new, |probe| cells(probe, model.now_ms))
    });
}

fn cells(probe: &Probe, now_ms: u64) -> Vec<Piece> {
    let tone = match probe.state.as_str() {
        "up" => Tone::Good,
        "down" if probe.critical => Tone::Bad,
        "down" => Tone::Warn,
        _ => Tone::Quiet,
    };
    let seen = if probe.detail.is_empty() { &probe.what } else { &probe.detail };
    vec![
        (tone, probe.state.clone()),
        (Tone::Text, probe.name.clone()),
        (Tone::Quiet, probe.kind.clone()),
        (Tone::Quiet, age(now_ms, probe.since_ms)),
        (Tone::Text, seen.clone()),
    ]
}
