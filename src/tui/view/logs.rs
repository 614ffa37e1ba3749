//! The box's log as it is written.

use ratatui::layout::Rect;

use crate::base::format_bytes;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::log_list;

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let logs = &model.logs;
    let cursor = state(pen, area, model);
    let gap = if area.height > 12 { 2 } else { 1 };
    let rest = Rect { y: area.y + gap, height: area.height.saturating_sub(gap), ..area };
    if logs.visible.is_empty() {
        let text = if !logs.loaded && model.link.down {
            "Not connected to the box; r tries again."
        } else if !logs.loaded {
            "Loading."
        } else if logs.deep.as_ref().is_some_and(|deep| deep.busy) {
            "Looking in all files."
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

fn state(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let logs = &model.logs;
    if let Some(problem) = &logs.problem {
        pen.right(area, area.y, Tone::Bad, problem);
    }
    if let Some(edit) = &logs.editing {
        pen.put(area.x, area.y, 2, Tone::Accent, "/");
        let line = Rect { x: area.x + 2, width: area.width.saturating_sub(2), height: 1, ..area };
        let theme = pen.look.theme;
        return Some(edit.draw(pen.buf, line, theme, "words, target:engine, -debug"));
    }
    let sep = format!(" {} ", pen.look.glyphs.sep);
    let mut pieces: Vec<Piece> = Vec::new();
    if let Some(deep) = &logs.deep {
        let state = if deep.busy { "looking in all files" } else { "found in all files" };
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
