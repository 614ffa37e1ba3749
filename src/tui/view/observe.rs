//! What the box measures: a dashboard, or the graph of one expression with its series.

use ratatui::layout::Rect;

use crate::base::{format_bytes, format_second};
use crate::tui::model::{Line, Model, Observe, SPANS, Unit};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::chart::{Frame, bands, rows};
use crate::tui::widgets::table::{self, Column, column, number};

const FIGURES: &[Column] = &[
    column("series", 0, 0),
    number("newest", 9, 0),
    number("least", 9, 60),
    number("mean", 9, 60),
    number("most", 9, 50),
];
const VALUE: u16 = 9;

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    if model.probes.shown {
        super::probes::draw(pen, area, model);
        return None;
    }
    if model.traces.shown {
        super::traces::draw(pen, area, model);
        return None;
    }
    if model.alerts.shown {
        super::alerts::draw(pen, area, model);
        return None;
    }
    let observe = &model.observe;
    let cursor = expression(pen, area, model);
    let head = if !observe.words.is_empty() {
        pen.put(area.x, area.y + 1, area.width, Tone::Accent, &observe.words.join("  "));
        head_rows(area.height)
    } else if observe.problem.is_some() {
        problem(pen, area, observe)
    } else {
        time(pen, area, model)
    };
    let rest = Rect { y: area.y + head, height: area.height.saturating_sub(head), ..area };
    if observe.is_dashboard() {
        super::dashboards::draw(pen, rest, model);
    } else {
        answer(pen, rest, observe);
    }
    cursor
}

fn expression(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let observe = &model.observe;
    let prompt = pen.look.glyphs.prompt;
    pen.put(area.x, area.y, 2, Tone::Accent, prompt);
    let line = Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 1, ..area };
    if let Some(edit) = &observe.editing {
        let theme = pen.look.theme;
        return Some(edit.draw(pen.buf, line, theme, "PromQL, such as rate(spud_queries_total[5m])"));
    }
    if observe.is_dashboard() {
        let title = model.dashboards.shown().map_or("Dashboards", |one| &one.title);
        let changed = if model.dashboards.changed { " (changed; W saves, U drops)" } else { "" };
        let text = format!("{title}{changed}. / asks in PromQL, enter opens a graph, d another dashboard.");
        pen.put(line.x, line.y, line.width, Tone::Quiet, &text);
    } else {
        pen.put(line.x, line.y, line.width, Tone::Strong, &observe.query);
    }
    None
}

/// A mark below the place that is wrong, and what is.
fn problem(pen: &mut Pen<'_>, area: Rect, observe: &Observe) -> u16 {
    let Some((what, column)) = &observe.problem else { return 0 };
    let before = column.and_then(|column| observe.query.get(..column.saturating_sub(1)));
    let at = before.map_or(0, text::width).min(usize::from(area.width.saturating_sub(12)));
    let x = area.x + 2 + u16::try_from(at).unwrap_or(0);
    let mark = if column.is_some() { "^ " } else { "" };
    let room = area.right().saturating_sub(x);
    pen.pieces(x, area.y + 1, room, &[(Tone::Bad, mark.to_owned()), (Tone::Bad, what.clone())]);
    2
}

fn time(pen: &mut Pen<'_>, area: Rect, model: &Model) -> u16 {
    let observe = &model.observe;
    let span = SPANS.get(observe.span).map_or("", |(_, name)| name);
    let until = if observe.back_ms == 0 {
        "until now".to_owned()
    } else {
        format!("until {} UTC", format_second(observe.end_ms))
    };
    pen.put(area.x, area.y + 1, area.width, Tone::Quiet, &format!("{span} {until}"));
    head_rows(area.height)
}

/// Rows above the panels.
fn head_rows(height: u16) -> u16 {
    if height > 12 { 3 } else { 2 }
}

/// Columns and rows that panels have.
pub(crate) fn grid(model: &Model) -> (u16, u16) {
    let body = super::body(model);
    (body.width, body.height.saturating_sub(head_rows(body.height)))
}

/// The window of time that was asked for, in seconds.
#[allow(clippy::cast_precision_loss)] // seconds of our centuries
pub(super) fn window(observe: &Observe) -> (f64, f64) {
    let end = observe.end_ms as f64 / 1000.0;
    (end - observe.span_s() as f64, end)
}

/// Rows of a graph; blanks at the end cost bytes on the line and show nothing.
pub(super) fn drawn(pen: &mut Pen<'_>, at: (u16, u16), width: usize, drawn: Vec<String>) {
    for (y, row) in (at.1..).zip(drawn) {
        pen.put(at.0, y, u16::try_from(width).unwrap_or(0), Tone::Accent, row.trim_end());
    }
}

/// The selected series large, or all of them as bands; all as figures below.
fn answer(pen: &mut Pen<'_>, area: Rect, observe: &Observe) {
    if observe.lines(0).is_none() {
        if observe.problem.is_none() {
            pen.put(area.x, area.y, area.width, Tone::Quiet, "Loading.");
        }
        return;
    }
    let lines = observe.series();
    let Some(line) = lines.get(observe.selected).or(lines.first()) else {
        pen.put(area.x, area.y, area.width, Tone::Quiet, "No series has a value in this time.");
        return;
    };
    let unit = observe.unit.unwrap_or_else(|| unit_of(&observe.query));
    let table = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX).min(area.height / 2).max(2);
    let high = if observe.table { 0 } else { area.height.saturating_sub(table + 1) };
    if high > 1 {
        let (start, end) = window(observe);
        let all: Vec<&[(f64, f64)]> = if observe.bands {
            lines.iter().map(|line| line.points.as_slice()).collect()
        } else {
            vec![&line.points]
        };
        let frame = Frame::around(&all.concat(), start, end);
        let (most, least) = (shown(frame.most, unit), shown(frame.least, unit));
        let left = Rect { width: VALUE, ..area };
        pen.right(left, area.y, Tone::Quiet, &most);
        pen.right(left, area.y + high - 1, Tone::Quiet, &least);
        let room = (usize::from(area.width.saturating_sub(VALUE + 1)), usize::from(high));
        let glyphs = &pen.look.glyphs;
        let graph = match all.as_slice() {
            [one] => rows(one, frame, room, glyphs),
            several => bands(several, frame, room, glyphs),
        };
        drawn(pen, (area.x + VALUE + 1, area.y), room.0, graph);
    }
    let below = high + u16::from(high > 0);
    let rest = Rect { y: area.y + below, height: area.height.saturating_sub(below), ..area };
    table::draw(pen, rest, FIGURES, (lines.len(), observe.selected), |at| cells(lines.get(at), unit));
}

fn cells(line: Option<&Line>, unit: Unit) -> Vec<Piece> {
    let Some(line) = line else { return Vec::new() };
    let (least, mean, most) = line.summary().unwrap_or_default();
    let figure = |value: f64| (Tone::Text, shown(value, unit));
    let newest = line.newest().map_or((Tone::Quiet, "-".to_owned()), figure);
    vec![(Tone::Text, line.name.clone()), newest, figure(least), figure(mean), figure(most)]
}

/// A guess that is right for metrics that are named as they should be.
fn unit_of(query: &str) -> Unit {
    let plain = query.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    match query {
        _ if plain && query.ends_with("_bytes") => Unit::Bytes,
        _ if plain && query.ends_with("_seconds") => Unit::Seconds,
        _ if plain && query.ends_with("_ratio") => Unit::Ratio,
        _ => Unit::Plain,
    }
}

/// A value in at most nine columns.
pub(super) fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes if value >= 0.0 => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
            format_bytes(value as u64)
        }
        Unit::Seconds if value.abs() < 1.0 => format!("{:.1} ms", value * 1000.0),
        Unit::Seconds => format!("{value:.1} s"),
        Unit::Ratio => format!("{:.0} %", value * 100.0),
        Unit::Celsius => format!("{value:.1} C"),
        _ => match value.abs() {
            size if size >= 1e12 => format!("{value:.1e}"),
            size if size >= 1e9 => format!("{:.2}G", value / 1e9),
            size if size >= 1e6 => format!("{:.2}M", value / 1e6),
            size if size >= 1e4 => format!("{:.1}k", value / 1e3),
            _ if value.fract() == 0.0 => format!("{value}"),
            _ => format!("{value:.3}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        let of = |value: f64| shown(value, Unit::Plain);
        assert_eq!([of(0.0), of(12.0), of(0.1234), of(56_789.0)], ["0", "12", "0.123", "56.8k"]);
        assert_eq!(shown(0.0123, Unit::Seconds), "12.3 ms");
        assert_eq!(shown(0.5, Unit::Ratio), "50 %");
        assert_eq!(
            (unit_of("process_resident_memory_bytes"), unit_of("rate(a_bytes[5m])")),
            (Unit::Bytes, Unit::Plain)
        );
    }
}
