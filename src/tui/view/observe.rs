//! What the box measures: the dashboard, or the graph of one expression with its series.

use ratatui::layout::Rect;

use crate::base::{format_bytes, format_second};
use crate::tui::model::{Line, Model, Observe, PANELS, SPANS, Unit};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::chart::{Frame, rows};
use crate::tui::widgets::table::{self, Column, column, number};

const FIGURES: &[Column] = &[
    column("series", 0, 0),
    number("newest", 9, 0),
    number("least", 9, 60),
    number("mean", 9, 60),
    number("most", 9, 50),
];
/// Columns of a panel's title on a small screen.
const SMALL_TITLE: u16 = 20;
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
    let cursor = expression(pen, area, observe);
    let head = if !observe.words.is_empty() {
        pen.put(area.x, area.y + 1, area.width, Tone::Accent, &observe.words.join("  "));
        if area.height > 12 { 3 } else { 2 }
    } else if observe.problem.is_some() {
        problem(pen, area, observe)
    } else {
        time(pen, area, model)
    };
    let rest = Rect { y: area.y + head, height: area.height.saturating_sub(head), ..area };
    if observe.is_dashboard() && (rest.height < 9 || rest.width < 70 || observe.table) {
        lines(pen, rest, model);
    } else if observe.is_dashboard() {
        panels(pen, rest, model);
    } else {
        answer(pen, rest, observe);
    }
    cursor
}

fn expression(pen: &mut Pen<'_>, area: Rect, observe: &Observe) -> Option<(u16, u16)> {
    let prompt = pen.look.glyphs.prompt;
    pen.put(area.x, area.y, 2, Tone::Accent, prompt);
    let line = Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 1, ..area };
    if let Some(edit) = &observe.editing {
        let theme = pen.look.theme;
        return Some(edit.draw(pen.buf, line, theme, "PromQL, such as rate(spud_queries_total[5m])"));
    }
    if observe.is_dashboard() {
        pen.put(line.x, line.y, line.width, Tone::Quiet, "The box. / asks in PromQL, enter opens a graph.");
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
    if area.height > 12 { 3 } else { 2 }
}

/// The window of time that was asked for, in seconds.
#[allow(clippy::cast_precision_loss)] // seconds of our centuries
fn window(observe: &Observe) -> (f64, f64) {
    let end = observe.end_ms as f64 / 1000.0;
    (end - observe.span_s() as f64, end)
}

/// What there is to say where no line is.
fn missing(observe: &Observe, panel: usize) -> &'static str {
    if observe.lines(panel).is_none() { "loading" } else { "no data" }
}

fn panels(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let observe = &model.observe;
    let (width, height) = (area.width / 2, area.height / 3);
    for (at, panel) in PANELS.iter().enumerate() {
        let (row, side) = (u16::try_from(at / 2).unwrap_or(0), u16::try_from(at % 2).unwrap_or(0));
        let place = Rect {
            x: area.x + side * width,
            y: area.y + row * height,
            width: width.saturating_sub(2),
            height,
        };
        let line = observe.lines(at).and_then(<[Line]>::first);
        let newest = line.and_then(Line::newest);
        let value = newest.map_or_else(|| missing(observe, at).to_owned(), |value| shown(value, panel.unit));
        let tone = if newest.is_some() { Tone::Strong } else { Tone::Quiet };
        pen.put(place.x, place.y, place.width, Tone::Text, panel.title);
        pen.right(place, place.y, tone, &value);
        if at == observe.selected {
            pen.over(Rect { height: 1, ..place }, Tone::Selected);
        }
        let Some(line) = line else { continue };
        let room = (usize::from(place.width), usize::from(place.height.saturating_sub(2)));
        graph(pen, (place.x, place.y + 1), line, window(observe), room);
    }
}

fn graph(pen: &mut Pen<'_>, at: (u16, u16), line: &Line, window: (f64, f64), room: (usize, usize)) {
    let frame = Frame::around(&line.points, window.0, window.1);
    let drawn = rows(&line.points, frame, room, &pen.look.glyphs);
    for (y, row) in (at.1..).zip(drawn) {
        // Blanks at the end cost bytes on the line and show nothing.
        let row = row.trim_end();
        pen.put(at.0, y, u16::try_from(room.0).unwrap_or(0), Tone::Accent, row);
    }
}

/// One line a panel, where there is no room for more.
fn lines(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let observe = &model.observe;
    for ((y, panel), at) in (area.y..area.bottom()).zip(&PANELS).zip(0..) {
        let line = observe.lines(at).and_then(<[Line]>::first);
        let newest = line.and_then(Line::newest);
        let value = newest.map_or_else(|| missing(observe, at).to_owned(), |value| shown(value, panel.unit));
        pen.put(area.x, y, SMALL_TITLE, Tone::Text, panel.title);
        let column = Rect { x: area.x + SMALL_TITLE, y, width: VALUE, height: 1 };
        pen.right(column, y, Tone::Strong, &value);
        let x = column.right() + 1;
        if let Some(line) = line.filter(|_| !observe.table) {
            let room = (usize::from(area.right().saturating_sub(x)), 1);
            graph(pen, (x, y), line, window(observe), room);
        } else if let Some((least, mean, most)) = line.and_then(Line::summary) {
            let text = format!(
                "least {}  mean {}  most {}",
                shown(least, panel.unit),
                shown(mean, panel.unit),
                shown(most, panel.unit)
            );
            pen.put(x, y, area.right().saturating_sub(x), Tone::Quiet, &text);
        }
        if at == observe.selected {
            pen.over(Rect { y, height: 1, width: SMALL_TITLE, ..area }, Tone::Selected);
        }
    }
}

/// The selected series large, all of them as figures below.
fn answer(pen: &mut Pen<'_>, area: Rect, observe: &Observe) {
    let Some(lines) = observe.lines(0) else {
        if observe.problem.is_none() {
            pen.put(area.x, area.y, area.width, Tone::Quiet, "Loading.");
        }
        return;
    };
    let Some(line) = lines.get(observe.selected).or(lines.first()) else {
        pen.put(area.x, area.y, area.width, Tone::Quiet, "No series has a value in this time.");
        return;
    };
    let unit = unit_of(&observe.query);
    let table = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX).min(area.height / 2).max(2);
    let high = if observe.table { 0 } else { area.height.saturating_sub(table + 1) };
    if high > 1 {
        let frame = Frame::around(&line.points, 0.0, 1.0);
        let (most, least) = (shown(frame.most, unit), shown(frame.least, unit));
        let left = Rect { width: VALUE, ..area };
        pen.right(left, area.y, Tone::Quiet, &most);
        pen.right(left, area.y + high - 1, Tone::Quiet, &least);
        let room = (usize::from(area.width.saturating_sub(VALUE + 1)), usize::from(high));
        graph(pen, (area.x + VALUE + 1, area.y), line, window(observe), room);
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
    if let Some(panel) = PANELS.iter().find(|panel| panel.query == query) {
        return panel.unit;
    }
    let plain = query.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    match query {
        _ if plain && query.ends_with("_bytes") => Unit::Bytes,
        _ if plain && query.ends_with("_seconds") => Unit::Seconds,
        _ if plain && query.ends_with("_ratio") => Unit::Ratio,
        _ => Unit::Plain,
    }
}

/// A value in at most nine columns.
fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes if value >= 0.0 => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
            format_bytes(value as u64)
        }
        Unit::Seconds if value.abs() < 1.0 => format!("{:.1} ms", value * 1000.0),
        Unit::Seconds => format!("{value:.1} s"),
        Unit::Ratio => format!("{:.0} %", value * 100.0),
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
