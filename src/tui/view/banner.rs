//! Under the header of every view while the box gives something up: what, since when, and what brings it back.

use ratatui::layout::Rect;

use crate::api::types::ModeBrief;
use crate::base::format_time;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece, compact};

/// Rows that the banner takes on a screen of this height.
pub(crate) fn rows(model: &Model) -> u16 {
    match model.mode() {
        None => 0,
        Some(_) if compact(model.size.1) => 1,
        Some(_) => 3,
    }
}

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let Some(mode) = model.mode() else { return };
    let y = area.y + if compact(area.height) { 1 } else { 2 };
    let (x, room) = (area.x + 1, area.width.saturating_sub(2));
    let tone = if mode.mode == "emergency" { Tone::Bad } else { Tone::Warn };
    let title = format!("{} {}", pen.look.glyphs.warn, mode.title);
    let pieces = [(tone, title), (Tone::Text, why(mode, model.now_ms, room >= 60))];
    pen.pieces(x, y, room, &pieces);
    if compact(area.height) {
        return;
    }
    let line = |label: &str, value: String| -> [Piece; 2] {
        [(Tone::Quiet, format!("  {label:<6}")), (Tone::Text, value)]
    };
    pen.pieces(x, y + 1, room, &line("now", given_up(mode, usize::from(room.saturating_sub(8)))));
    let key = model.keymap.shown(model.view, crate::tui::action::Action::Mode);
    let hint = key.filter(|_| !model.typing()).map(|key| format!("{key} explains")).unwrap_or_default();
    let left = room.saturating_sub(u16::try_from(text::width(&hint)).unwrap_or(0) + 1);
    pen.pieces(x, y + 2, left, &line("back", mode.way_back.clone()));
    pen.right(Rect { x, y: y + 2, width: room, height: 1 }, y + 2, Tone::Quiet, &hint);
}

/// ` (memory) since 06:12: memory in use 84 %, limit 80 %`
fn why(mode: &ModeBrief, now_ms: u64, wide: bool) -> String {
    let axis = mode.axis.as_ref().map_or(String::new(), |axis| format!(" ({axis})"));
    if !wide {
        return format!("{axis}: {}", mode.reason);
    }
    // Of today only the time is told; it does not change with every second.
    let at = format_time(mode.since_ms);
    let today = format_time(now_ms).get(..10) == at.get(..10);
    let at = if today { at.get(11..).unwrap_or(&at) } else { &at };
    format!("{axis} since {at} UTC: {}", mode.reason)
}

/// As many effects as fit, and how many more there are.
fn given_up(mode: &ModeBrief, room: usize) -> String {
    let mut out = String::new();
    for (at, effect) in mode.effects.iter().enumerate() {
        let more = mode.effects.len() - at;
        let sep = if at == 0 { "" } else { ", " };
        let rest = format!(", {} more", more - 1);
        let tail = if more > 1 { text::width(&rest) } else { 0 };
        if text::width(&out) + sep.len() + text::width(&effect.short) + tail > room {
            out.push_str(&format!("{sep}{more} more"));
            return out;
        }
        out.push_str(sep);
        out.push_str(&effect.short);
    }
    if out.is_empty() { "nothing is given up".to_owned() } else { out }
}
