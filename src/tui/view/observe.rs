//! What the box measures: a dashboard, or the graph of one expression with its series.

use ratatui::layout::Rect;

use crate::base::{format_bytes, format_time};
use crate::tui::model::{Line, Model, Observe, SPANS, Unit};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::chart::{Frame, bands, rows};
use crate::tui::widgets::passage::{self, Marks};
use crate::tui::widgets::table::{self, Column, column, number};

const FIGURES: &[Column] = &[
    column("series", 0, 0),
    number("newest", 9, 0),
    number("least", 9, 60),
    number("mean", 9, 60),
    number("most", 9, 50),
];
const VALUE: u16 = 9;
/// Rows of one of several graphs, with its name.
const GRAPH: u16 = 3;

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
    } else if observe.problem.is_some() && !is_edited(observe) {
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

/// What is typed is not what was found wrong any more.
fn is_edited(observe: &Observe) -> bool {
    observe.editing.as_ref().is_some_and(|edit| edit.text() != observe.query)
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
        let (query, _) = scrolled(pen, observe, line.width);
        pen.put(line.x, line.y, line.width, Tone::Strong, &query);
    }
    None
}

/// The expression, so that the place that is wrong is in sight; and the column that place has then.
fn scrolled(pen: &Pen<'_>, observe: &Observe, room: u16) -> (String, Option<u16>) {
    let column = observe.problem.as_ref().and_then(|(_, column)| *column);
    let before = column.and_then(|column| observe.query.get(..column.saturating_sub(1)));
    let (Some(before), room) = (before, usize::from(room)) else { return (observe.query.clone(), None) };
    // A third of the line is left for what follows the place.
    let kept = text::fit_end(before, (room * 2 / 3).max(1), pen.look.glyphs.ellipsis);
    let rest = observe.query.get(before.len()..).unwrap_or_default();
    let at = u16::try_from(text::width(&kept)).ok();
    (format!("{kept}{rest}"), at)
}

/// A mark below the place that is wrong, and below that what is.
fn problem(pen: &mut Pen<'_>, area: Rect, observe: &Observe) -> u16 {
    let Some((what, _)) = &observe.problem else { return 0 };
    let mut y = area.y + 1;
    let (_, at) = scrolled(pen, observe, area.width.saturating_sub(2));
    if let Some(at) = at.filter(|_| observe.editing.is_none()) {
        pen.put(area.x + 2 + at, y, 1, Tone::Bad, "^");
        y += 1;
    }
    let most = if area.height > 12 { 4 } else { 2 };
    for line in passage::flow(what, usize::from(area.width), &Marks::default()).into_iter().take(most) {
        let text: String = line.pieces.iter().map(|(_, text)| text.as_str()).collect();
        pen.put(area.x, y, area.width, Tone::Bad, &text);
        y += 1;
    }
    y - area.y + u16::from(area.height > 12)
}

fn time(pen: &mut Pen<'_>, area: Rect, model: &Model) -> u16 {
    let observe = &model.observe;
    let span = SPANS.get(observe.span).map_or("", |(_, name)| name);
    let until = if observe.back_ms == 0 {
        "until now".to_owned()
    } else {
        format!("until {} UTC", format_time(observe.end_ms))
    };
    pen.put(area.x, area.y + 1, area.width, Tone::Quiet, &format!("{span} {until}"));
    // Whole, where rows leave out what all have.
    let series = if observe.is_dashboard() { Vec::new() } else { observe.series() };
    if let (3.., Some(line)) = (head_rows(area.height), series.get(observe.selected)) {
        pen.put(area.x, area.y + 2, area.width, Tone::Text, &line.name);
    }
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
        let place = Rect { height: high, ..area };
        let several = usize::from(high / GRAPH);
        if observe.bands || observe.large || several < 2 || lines.len() < 2 {
            let all: Vec<&[(f64, f64)]> = match observe.bands {
                true => lines.iter().map(|line| line.points.as_slice()).collect(),
                false => vec![&line.points],
            };
            one_graph(pen, place, observe, &all, Frame::around(&all.concat(), 0.0, 0.0), unit);
        } else {
            graphs(pen, place, observe, &lines, unit);
        }
    }
    let below = high + u16::from(high > 0);
    let rest = Rect { y: area.y + below, height: area.height.saturating_sub(below), ..area };
    table::draw(pen, rest, FIGURES, (lines.len(), observe.selected), |at| cells(lines.get(at), unit));
}

/// The page of series around the selected one, one graph below the other, all on one scale.
fn graphs(pen: &mut Pen<'_>, area: Rect, observe: &Observe, lines: &[Line], unit: Unit) {
    let count = usize::from(area.height / GRAPH).min(lines.len()).max(1);
    let first = table::first(observe.selected, count);
    let page = lines.get(first..).unwrap_or_default().iter().take(count);
    let points: Vec<(f64, f64)> = page.clone().flat_map(|line| line.points.iter().copied()).collect();
    let frame = Frame::around(&points, 0.0, 0.0);
    let each = area.height / u16::try_from(count).unwrap_or(1).max(1);
    for ((y, line), at) in (area.y..).step_by(usize::from(each)).zip(page).zip(first..) {
        let tone = if at == observe.selected { Tone::Strong } else { Tone::Quiet };
        pen.put(area.x + VALUE + 1, y, area.width.saturating_sub(VALUE + 1), tone, &line.short);
        let place = Rect { y: y + 1, height: each - 1, ..area };
        one_graph(pen, place, observe, &[line.points.as_slice()], frame, unit);
    }
}

/// A graph with its greatest and least value beside it; several lines are bands.
fn one_graph(
    pen: &mut Pen<'_>,
    area: Rect,
    observe: &Observe,
    all: &[&[(f64, f64)]],
    frame: Frame,
    unit: Unit,
) {
    let (start, end) = window(observe);
    let frame = Frame { start, end, ..frame };
    let left = Rect { width: VALUE, ..area };
    pen.right(left, area.y, Tone::Quiet, &shown(frame.most, unit));
    pen.right(left, area.bottom().saturating_sub(1), Tone::Quiet, &shown(frame.least, unit));
    let room = (usize::from(area.width.saturating_sub(VALUE + 1)), usize::from(area.height));
    let glyphs = &pen.look.glyphs;
    let graph = match all {
        [one] => rows(one, frame, room, glyphs),
        several => bands(several, frame, room, glyphs),
    };
    drawn(pen, (area.x + VALUE + 1, area.y), room.0, graph);
}

fn cells(line: Option<&Line>, unit: Unit) -> Vec<Piece> {
    let Some(line) = line else { return Vec::new() };
    let summary = line.summary();
    let parts = [line.newest(), summary.map(|all| all.0), summary.map(|all| all.1), summary.map(|all| all.2)];
    let figure = |value: Option<f64>| {
        value.map_or((Tone::Quiet, "-".to_owned()), |value| (Tone::Text, shown(value, unit)))
    };
    std::iter::once((Tone::Text, line.short.clone())).chain(parts.map(figure)).collect()
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

/// Three significant digits, so that what differs does not look the same.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 0.1 => format!("{value:.3}"),
        size if size >= 0.01 => format!("{value:.4}"),
        size if size >= 0.001 => format!("{value:.5}"),
        _ => format!("{value:.2e}"),
    }
}

/// A value in at most nine columns.
pub(super) fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes if value >= 0.0 => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
            format_bytes(value as u64)
        }
        Unit::Seconds if value != 0.0 && value.abs() < 1e-6 => format!("{value:.1e} s"),
        Unit::Seconds if value != 0.0 && value.abs() < 1e-3 => format!("{} ms", digits(value * 1000.0)),
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
            _ => digits(value),
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
        assert_eq!([of(0.0005), of(0.001), of(0.00123), of(0.5)], ["5.00e-4", "0.00100", "0.00123", "0.500"]);
        assert_eq!([of(-0.000_012_3), of(1.5), of(0.0101)], ["-1.23e-5", "1.500", "0.0101"]);
        let seconds =
            [0.0, 0.0005, 0.001, 0.000_012_3, 0.0123, 2e-9].map(|value| shown(value, Unit::Seconds));
        assert_eq!(seconds, ["0.0 ms", "0.500 ms", "1.0 ms", "0.0123 ms", "12.3 ms", "2.0e-9 s"]);
        assert_eq!(shown(0.5, Unit::Ratio), "50 %");
        assert_eq!(
            (unit_of("process_resident_memory_bytes"), unit_of("rate(a_bytes[5m])")),
            (Unit::Bytes, Unit::Plain)
        );
    }
}
