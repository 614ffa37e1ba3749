//! Log lines, the newest at the bottom, one row each.

use ratatui::layout::Rect;

use crate::api::types::LogLine;
use crate::tui::model::{Level, Logs, field_text};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, logs: &Logs) {
    let rows = usize::from(area.height);
    let len = logs.visible.len();
    // While following, the last rows; while paused, the page that holds the selected line, counted
    // from the end so that pausing moves nothing.
    let back = len.saturating_sub(1).saturating_sub(logs.selected).saturating_sub(logs.fresh);
    let pages = back.checked_div(rows).unwrap_or(0);
    let end = len.saturating_sub(logs.fresh).saturating_sub(pages * rows);
    let (start, end) = if logs.selected >= end {
        (logs.selected.saturating_add(1).saturating_sub(rows), logs.selected + 1)
    } else {
        (end.saturating_sub(rows), end)
    };
    for (y, at) in (area.y..area.bottom()).zip(start..end.min(len)) {
        let Some(line) = logs.at(at) else { continue };
        pen.pieces(area.x, y, area.width, &row(line, area.width));
        if at == logs.selected && logs.paused {
            pen.over(Rect { y, height: 1, ..area }, Tone::Selected);
        }
    }
}

pub(crate) fn row(line: &LogLine, width: u16) -> Vec<Piece> {
    let tone = match Level::of(line) {
        Level::Error => Tone::Bad,
        Level::Warn => Tone::Warn,
        Level::Info => Tone::Good,
        Level::All => Tone::Quiet,
    };
    let time = line.timestamp.get(11..19).unwrap_or(&line.timestamp);
    let level: String = line.level.chars().take(5).collect();
    let mut out = vec![(Tone::Quiet, format!("{time}  ")), (tone, format!("{level:<5}  "))];
    if width >= 100 {
        let target: String = line.target.chars().take(20).collect();
        out.push((Tone::Quiet, format!("{target:<20}  ")));
    }
    out.push((Tone::Text, line.message.clone()));
    for (name, value) in &line.fields {
        out.push((Tone::Quiet, format!("  {name}={}", field_text(value))));
    }
    out
}
