//! The box's log as it is written.

use ratatui::layout::Rect;

use crate::base::{format_bytes, format_second};
use crate::tui::model::{Level, Logs, Model};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::log_list;

/// Columns of a time beside the histogram.
const TIME: usize = 11;
/// From this width of a column on, days are told.
const DAYS_FROM_MS: u64 = 3_600_000;

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let logs = &model.logs;
    let cursor = state(pen, area, model);
    let mut gap = if area.height > 12 { 2 } else { 1 };
    match &logs.problem {
        // Below what was typed: both are to be read.
        Some(problem) => {
            gap = 2;
            pen.put(area.x, area.y + 1, area.width, Tone::Bad, problem);
        }
        None if gap == 2 => histogram(pen, Rect { y: area.y + 1, ..area }, logs),
        None => {}
    }
    gap += pins(pen, Rect { y: area.y + gap, ..area }, logs);
    let rest = Rect { y: area.y + gap, height: area.height.saturating_sub(gap), ..area };
    if logs.visible.is_empty() {
        let text = if !logs.loaded && model.link.down {
            "Not connected to the box; r tries again."
        } else if !logs.loaded {
            "Loading."
        } else if logs.deep.as_ref().is_some_and(|deep| deep.busy) {
            "Looking in all files."
        } else if logs.problem.is_some() {
            "The filter cannot be read. esc drops it."
        } else if logs.filter_text.is_empty() {
            "No lines of this level. v shows the next one."
        } else {
            "No line passes this search. esc drops it."
        };
        pen.put(rest.x, rest.y, rest.width, Tone::Quiet, text);
        return cursor;
    }
    log_list::draw(pen, rest, logs);
    cursor
}

/// The newest of the pinned lines, and a rule below; returns the rows that were used.
fn pins(pen: &mut Pen<'_>, area: Rect, logs: &Logs) -> u16 {
    let room = usize::from(area.height / 4).max(1);
    let mark = pen.look.glyphs.mark;
    let mut y = area.y;
    for line in logs.pinned.iter().skip(logs.pinned.len().saturating_sub(room)) {
        let mut pieces = log_list::row(line, area.width);
        pieces.insert(0, (Tone::Accent, format!("{mark} ")));
        pen.pieces(area.x, y, area.width, &pieces);
        y += 1;
    }
    if y > area.y {
        pen.rule(area, y);
        y += 1;
    }
    y - area.y
}

/// Lines over time, between the times of the first and the last; the worst of a column says its colour.
fn histogram(pen: &mut Pen<'_>, area: Rect, logs: &Logs) {
    let width = usize::from(area.width).saturating_sub(2 * TIME);
    let Some(all) = logs.histogram(width).filter(|_| logs.visible.len() > 1) else { return };
    let time = |ms: u64| {
        let text = format_second(ms);
        let part = if all.step_ms >= DAYS_FROM_MS { text.get(..10) } else { text.get(11..19) };
        part.unwrap_or_default().to_owned()
    };
    let start = pen.put(area.x, area.y, area.width, Tone::Quiet, &time(all.start_ms)) + 1;
    // A round scale, so that a new line seldom redraws everything.
    let most = all.columns.iter().map(|(count, _)| *count).max().unwrap_or(1).next_power_of_two();
    let spark = pen.look.glyphs.spark;
    let cell = |(count, worst): &(u64, Level)| {
        let level = (count * spark.len() as u64).div_ceil(most);
        let glyph = usize::try_from(level).ok().and_then(|level| spark.get(level.checked_sub(1)?));
        let tone = match worst {
            Level::Error => Tone::Bad,
            Level::Warn => Tone::Warn,
            _ => Tone::Accent,
        };
        (tone, glyph.copied().unwrap_or(" ").to_owned())
    };
    let pieces: Vec<Piece> = all.columns.iter().map(cell).collect();
    let end = pen.pieces(start, area.y, area.width, &pieces);
    let last = all.start_ms + all.step_ms * all.columns.len() as u64;
    pen.put(end + 1, area.y, area.right().saturating_sub(end + 1), Tone::Quiet, &time(last));
    let selected = logs.line().filter(|_| logs.paused).and_then(|line| all.column(line));
    if let Some(x) = selected.and_then(|at| u16::try_from(at).ok()) {
        pen.over(Rect { x: start + x, width: 1, height: 1, ..area }, Tone::Selected);
    }
}

fn state(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let logs = &model.logs;
    if let Some(edit) = &logs.editing {
        pen.put(area.x, area.y, 2, Tone::Accent, "/");
        let line = Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 1, ..area };
        let theme = pen.look.theme;
        return Some(edit.draw(pen.buf, line, theme, "words, source:nginx, status:500, took_ms>40, -debug"));
    }
    let sep = format!(" {} ", pen.look.glyphs.sep);
    let mut pieces: Vec<Piece> = Vec::new();
    if let Some(deep) = &logs.deep {
        let state = match (deep.stale, deep.busy) {
            (true, _) => "found with another filter: s looks again",
            (_, true) => "looking in all files",
            _ => "found in all files",
        };
        pieces.push((Tone::Accent, state.to_owned()));
        if deep.scanned_bytes > 0 {
            pieces.push((Tone::Quiet, format!(", {} read", format_bytes(deep.scanned_bytes))));
        }
        if deep.damaged_blocks > 0 {
            let blocks = text::plural(deep.damaged_blocks, "block");
            pieces.push((Tone::Bad, format!(", {blocks} damaged")));
        }
    } else if logs.paused {
        pieces.push((Tone::Warn, "paused".to_owned()));
        if logs.fresh > 0 {
            pieces.push((Tone::Strong, format!(", {} new", text::count(logs.fresh as u64))));
        }
    } else {
        pieces.push((Tone::Good, "following".to_owned()));
    }
    pieces.push((Tone::Quiet, format!("{sep}{}", logs.level.title())));
    if !logs.filter_text.is_empty() {
        pieces.push((Tone::Quiet, format!("{sep}filter {}", logs.filter_text)));
    }
    pieces.push((Tone::Quiet, format!("{sep}{}", text::plural(logs.visible.len() as u64, "line"))));
    pen.pieces(area.x, area.y, area.width, &pieces);
    None
}
