//! Finding an action by name; the same table as the keys.

use ratatui::layout::Rect;

use crate::tui::model::Model;
use crate::tui::theme::Tone;
use crate::tui::update::palette_matches;
use crate::tui::view::{Pen, Piece};
use crate::tui::widgets::line_edit::LineEdit;

pub(crate) fn draw(
    pen: &mut Pen<'_>,
    screen: Rect,
    model: &Model,
    edit: &LineEdit,
    selected: usize,
) -> Option<(u16, u16)> {
    let found = palette_matches(model.view, &edit.text());
    let inner = pen.panel(screen, 76, screen.height.saturating_sub(2).min(16), "Actions");
    let line = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), height: 1, ..inner };
    let prompt = pen.look.glyphs.prompt;
    pen.put(inner.x, inner.y, 2, Tone::Accent, prompt);
    let theme = pen.look.theme;
    let cursor = edit.draw(pen.buf, line, theme, "type a part of its name");
    let rows = usize::from(inner.height.saturating_sub(2)).max(1);
    let first = selected / rows * rows;
    let shown = found.iter().enumerate().skip(first).take(rows);
    for (y, (at, spec)) in (inner.y + 2..inner.bottom()).zip(shown) {
        let key = model.keymap.keys(spec.action).first().map(ToString::to_string).unwrap_or_default();
        let reason = spec.disabled_reason(model);
        let tone = if reason.is_some() { Tone::Quiet } else { Tone::Text };
        let mut row: Vec<Piece> =
            vec![(Tone::Accent, format!("{key:<9}")), (tone, format!("{:<21}", spec.id))];
        let about = reason.map_or_else(|| spec.label.to_owned(), |r| format!("({r})"));
        row.push((Tone::Quiet, about));
        pen.pieces(inner.x, y, inner.width, &row);
        if at == selected {
            pen.over(Rect { y, height: 1, ..inner }, Tone::Selected);
        }
    }
    if found.is_empty() {
        pen.put(inner.x, inner.y + 2, inner.width, Tone::Quiet, "No action has this name.");
    }
    Some(cursor)
}
