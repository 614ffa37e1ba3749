//! Every key of the table, those of this view first.

use ratatui::layout::Rect;

use crate::tui::action::{Group, TABLE, groups};
use crate::tui::model::Model;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};

pub(crate) fn draw(pen: &mut Pen<'_>, screen: Rect, model: &Model, top: usize) -> Option<(u16, u16)> {
    let height = screen.height.saturating_sub(2);
    let inner = pen.panel(screen, 76, height, "Keys");
    let rows = rows(model);
    let shown = usize::from(inner.height);
    let top = top.min(rows.len().saturating_sub(shown));
    for (y, row) in (inner.y..inner.bottom()).zip(rows.iter().skip(top)) {
        pen.pieces(inner.x, y, inner.width, row);
    }
    let end = (top + shown).min(rows.len());
    let state = format!(" {}-{end} of {}, esc closes ", top + 1, rows.len());
    let edge = Rect { width: inner.width, ..inner };
    pen.right(edge, inner.bottom(), Tone::Quiet, &state);
    None
}

/// Rows of the help text.
pub(crate) fn rows(model: &Model) -> Vec<Vec<Piece>> {
    let here = groups(model.view);
    let order = here.iter().chain(Group::ALL.iter().filter(|g| !here.contains(g)));
    let mut out: Vec<Vec<Piece>> = Vec::new();
    for group in order {
        if !out.is_empty() {
            out.push(Vec::new());
        }
        out.push(vec![(Tone::Title, group.title().to_owned())]);
        for spec in TABLE.iter().filter(|s| s.group == *group) {
            let keys: Vec<String> = model.keymap.keys(spec.action).iter().map(ToString::to_string).collect();
            let reason = spec.disabled_reason(model).filter(|_| here.contains(group));
            let mut row = vec![
                (Tone::Accent, format!("{:<18}", keys.join(" "))),
                (if reason.is_some() { Tone::Quiet } else { Tone::Text }, spec.label.to_owned()),
            ];
            if spec.danger {
                row.push((Tone::Warn, "  asks first".to_owned()));
            }
            if let Some(reason) = reason {
                row.push((Tone::Quiet, format!("  ({reason})")));
            }
            out.push(row);
        }
    }
    out.push(Vec::new());
    out.push(vec![(Tone::Title, "Filters".to_owned())]);
    out.push(vec![
        (Tone::Accent, format!("{:<18}", "pump -draft")),
        (Tone::Text, "with one word, without another".to_owned()),
    ]);
    out.push(vec![
        (Tone::Accent, format!("{:<18}", "kind:pdf size>1m")),
        (Tone::Text, "by field; sizes in k, m, g; ages in s, m, h, d, w, y".to_owned()),
    ]);
    out
}
