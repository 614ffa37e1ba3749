//! The panels of a dashboard, each in its kind, or one line each; and the list of dashboards.

use ratatui::layout::Rect;

use super::observe::{drawn, shown, window};
use crate::api::types::dashboard::{Dashboard, DashboardPanel};
use crate::tui::model::{Line, Model, Unit, has_room, spots, tone_of};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::chart::{self, Frame, bands, rows};
use crate::tui::widgets::table::{self, Column, column, number, path};

const LIST: &[Column] =
    &[column("dashboard", 20, 0), number("panels", 6, 50), column("title", 24, 60), path("file")];
/// Columns of a panel's title where a panel is one line.
const SMALL_TITLE: u16 = 20;
const VALUE: u16 = 9;

pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let all = &model.dashboards;
    if let Some(selected) = all.picking {
        table::draw(pen, area, LIST, (all.items.len(), selected), |at| {
            all.items.get(at).map_or_else(Vec::new, |one| cells(one, at == all.at))
        });
        return;
    }
    if all.panels().is_empty() {
        let text = if all.loaded { "There is no panel. I adds one." } else { "Loading." };
        pen.put(area.x, area.y, area.width, Tone::Quiet, text);
        return;
    }
    if !has_room((area.width, area.height), &model.observe) {
        return lines(pen, area, model);
    }
    for spot in spots(all.panels(), (area.width, area.height), model.observe.selected) {
        let Some(panel) = all.panels().get(spot.panel) else { continue };
        let (x, y) = (area.x + spot.x, area.y + spot.y);
        let place = Rect { x, y, width: spot.width, height: spot.height };
        draw_panel(pen, place, model, (spot.panel, panel));
        if spot.panel == model.observe.selected {
            pen.over(Rect { height: 1, ..place }, Tone::Selected);
        }
    }
}

fn cells(one: &Dashboard, is_shown: bool) -> Vec<Piece> {
    let tone = if is_shown { Tone::Strong } else { Tone::Text };
    vec![
        (tone, one.name.clone()),
        (Tone::Quiet, one.panels.len().to_string()),
        (Tone::Text, one.title.clone()),
        (Tone::Quiet, one.file.clone()),
    ]
}

/// The newest value of the first series that has one, or what there is to say instead.
fn newest(panel: &DashboardPanel, lines: Option<&[&Line]>) -> (Tone, String) {
    let value = lines.and_then(|lines| lines.iter().find_map(|line| line.newest()));
    match (value, lines) {
        (Some(value), _) => (tone_of(panel, value), shown(value, Unit::of(&panel.unit))),
        (None, None) => (Tone::Quiet, "loading".to_owned()),
        (None, Some(_)) => (Tone::Quiet, "no data".to_owned()),
    }
}

fn draw_panel(pen: &mut Pen<'_>, place: Rect, model: &Model, (at, panel): (usize, &DashboardPanel)) {
    let lines = model.observe.panel(at, panel.queries.len());
    let texts = model.dashboards.texts(at);
    let mut end = place.right();
    if matches!(panel.kind.as_str(), "graph" | "stat" | "gauge") && texts.is_none() {
        let (tone, value) = newest(panel, lines.as_deref());
        end = pen.right(place, place.y, tone, &value).saturating_sub(1);
    }
    pen.put(place.x, place.y, end.saturating_sub(place.x), Tone::Text, &panel.title);
    let below = Rect { y: place.y + 1, height: place.height.saturating_sub(1), ..place };
    if let Some(texts) = texts {
        let skipped = texts.len().saturating_sub(usize::from(below.height));
        // Of a log the newest are last, of alerts the worst are first.
        let skipped = if panel.kind == "log" { skipped } else { 0 };
        for (y, (tone, text)) in (below.y..below.bottom()).zip(texts.iter().skip(skipped)) {
            pen.put(below.x, y, below.width, *tone, text);
        }
        if texts.is_empty() {
            pen.put(below.x, below.y, below.width, Tone::Quiet, "nothing");
        }
        return;
    }
    let Some(lines) = lines else {
        if matches!(panel.kind.as_str(), "log" | "alert" | "table" | "heatmap") {
            pen.put(below.x, below.y, below.width, Tone::Quiet, "loading");
        }
        return;
    };
    let unit = Unit::of(&panel.unit);
    match panel.kind.as_str() {
        "table" => {
            for (y, line) in (below.y..below.bottom()).zip(&lines) {
                let value = line.newest().unwrap_or(0.0);
                let start = pen.right(Rect { y, ..below }, y, tone_of(panel, value), &shown(value, unit));
                // Of several queries the names tell which is which.
                let name = if panel.queries.len() > 1 { &line.name } else { &line.short };
                pen.put(below.x, y, start.saturating_sub(below.x + 1), Tone::Text, name);
            }
        }
        "gauge" => gauge(pen, below, panel, &lines),
        "heatmap" => heat(pen, below, model, unit, &lines),
        _ => {
            // A row is left free below graphs that stand on one another.
            let height = if below.height > 2 { below.height - 1 } else { below.height };
            graph(pen, Rect { height, ..below }, model, panel, &lines);
        }
    }
}

fn frame_of(panel: &DashboardPanel, lines: &[&Line], model: &Model) -> Frame {
    let (start, end) = window(&model.observe);
    let points: Vec<(f64, f64)> = lines.iter().flat_map(|line| line.points.iter().copied()).collect();
    let mut frame = Frame::around(&points, start, end);
    frame.least = panel.min.unwrap_or(frame.least);
    frame.most = panel.max.unwrap_or(frame.most);
    if frame.most <= frame.least {
        frame.most = frame.least + 1.0;
    }
    frame
}

fn graph(pen: &mut Pen<'_>, place: Rect, model: &Model, panel: &DashboardPanel, lines: &[&Line]) {
    let frame = frame_of(panel, lines, model);
    let room = (usize::from(place.width), usize::from(place.height));
    let all: Vec<&[(f64, f64)]> = lines.iter().map(|line| line.points.as_slice()).collect();
    let graph = match all.as_slice() {
        [] => return,
        [one] => rows(one, frame, room, &pen.look.glyphs),
        several => bands(several, frame, room, &pen.look.glyphs),
    };
    drawn(pen, (place.x, place.y), room.0, graph);
}

fn gauge(pen: &mut Pen<'_>, place: Rect, panel: &DashboardPanel, lines: &[&Line]) {
    let Some(value) = lines.iter().find_map(|line| line.newest()) else { return };
    let (least, most) = (panel.min.unwrap_or(0.0), panel.max.unwrap_or(1.0));
    let part = ((value - least) / (most - least).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // columns of a screen
    let full = (part * f64::from(place.width)).round() as usize;
    let (glyphs, tone) = (&pen.look.glyphs, tone_of(panel, value));
    let tone = if tone == Tone::Strong { Tone::Accent } else { tone };
    let empty = glyphs.bar_empty.repeat(usize::from(place.width).saturating_sub(full));
    let pieces: [Piece; 2] = [(tone, glyphs.bar_full.repeat(full)), (Tone::Quiet, empty)];
    pen.pieces(place.x, place.y, place.width, &pieces);
}

/// The greatest value of a bucket: `le` of its labels.
fn bound(line: &Line) -> Option<f64> {
    let (_, rest) = line.name.split_once("le=\"")?;
    rest.split('"').next()?.trim_start_matches('+').parse().ok()
}

fn heat(pen: &mut Pen<'_>, place: Rect, model: &Model, unit: Unit, lines: &[&Line]) {
    let mut buckets: Vec<(f64, &[(f64, f64)])> =
        lines.iter().filter_map(|line| Some((bound(line)?, line.points.as_slice()))).collect();
    crate::base::InOrder::order_by(buckets.as_mut_slice(), |a, b| a.0.total_cmp(&b.0));
    let (start, end) = window(&model.observe);
    let frame = Frame { start, end, least: 0.0, most: 1.0 };
    let width = usize::from(place.width.saturating_sub(VALUE + 1));
    let rows = chart::heat(&buckets, frame, (width, usize::from(place.height)));
    let most = rows.iter().flat_map(|(_, cells)| cells).copied().fold(0.0, f64::max);
    let shade = pen.look.glyphs.shade;
    let glyph = |value: &f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 4
        let level = (value / most.max(f64::MIN_POSITIVE) * 4.0).ceil().clamp(0.0, 4.0) as usize;
        level.checked_sub(1).and_then(|at| shade.get(at)).copied().unwrap_or(" ")
    };
    for (y, (bound, cells)) in (place.y..place.bottom()).zip(&rows) {
        let label = if bound.is_finite() { shown(*bound, unit) } else { "more".to_owned() };
        pen.right(Rect { width: VALUE, ..place }, y, Tone::Quiet, &label);
        let row: String = cells.iter().map(glyph).collect();
        drawn(pen, (place.x + VALUE + 1, y), width, vec![row]);
    }
}

/// One line a panel, where there is no room for more, or where figures are wanted.
fn lines(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let (observe, panels) = (&model.observe, model.dashboards.panels());
    let first = table::first(observe.selected, usize::from(area.height));
    for (y, (at, panel)) in (area.y..area.bottom()).zip(panels.iter().enumerate().skip(first)) {
        let lines = observe.panel(at, panel.queries.len());
        pen.put(area.x, y, SMALL_TITLE, Tone::Text, &panel.title);
        let x = area.x + SMALL_TITLE + VALUE + 1;
        let rest = Rect { x, y, width: area.right().saturating_sub(x), height: 1 };
        if let Some(texts) = model.dashboards.texts(at) {
            let text = if panel.kind == "log" { texts.last() } else { texts.first() };
            let (tone, text) = text.map_or((Tone::Quiet, "nothing"), |(tone, text)| (*tone, text));
            pen.put(area.x + SMALL_TITLE + 1, y, rest.width + VALUE, tone, text);
        } else {
            let several = matches!(panel.kind.as_str(), "table" | "heatmap");
            let (tone, value) = match &lines {
                Some(lines) if several => (Tone::Text, format!("{} series", lines.len())),
                lines => newest(panel, lines.as_deref()),
            };
            pen.right(Rect { x: area.x + SMALL_TITLE, y, width: VALUE, height: 1 }, y, tone, &value);
            let lines = lines.filter(|_| !several).unwrap_or_default();
            match (observe.table, lines.first().and_then(|line| line.summary())) {
                (true, Some(figures)) => {
                    let of = |value: f64| shown(value, Unit::of(&panel.unit));
                    let (least, mean, most) = figures;
                    let text = format!("least {}  mean {}  most {}", of(least), of(mean), of(most));
                    pen.put(rest.x, y, rest.width, Tone::Quiet, &text);
                }
                (false, _) => graph(pen, rest, model, panel, lines.get(..1).unwrap_or_default()),
                (true, None) => {}
            }
        }
        if at == observe.selected {
            pen.over(Rect { y, height: 1, width: SMALL_TITLE, ..area }, Tone::Selected);
        }
    }
}
