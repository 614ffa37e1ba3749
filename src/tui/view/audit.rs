//! The audit log: what nobody else has signed for yet, and what was done.

use ratatui::layout::Rect;

use crate::api::types::{AuditEntry, AuditStatus};
use crate::tui::model::Model;
use crate::tui::text::{age, count};
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece, waiting};
use crate::tui::widgets::table::{self, Column, column, number};

const COLUMNS: &[Column] = &[
    number("seq", 7, 0),
    number("age", 6, 0),
    column("kind", 18, 0),
    column("who", 10, 60),
    column("what", 20, 70),
    column("outcome", 7, 50),
    column("text", 0, 80),
];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let audit = &model.audit;
    let Some(status) = &audit.status else {
        pen.put(area.x, area.y, area.width, Tone::Quiet, &waiting(model, "read-audit"));
        return None;
    };
    pen.pieces(area.x, area.y, area.width, &signed(model, status));
    pen.pieces(area.x, area.y + 1, area.width, &anchored(model, status));
    let mut y = area.y + 2;
    let mut cursor = None;
    if let Some(edit) = &audit.editing {
        pen.put(area.x, y, 2, Tone::Accent, pen.look.glyphs.prompt);
        let line = Rect { x: area.x + 2, y, width: area.width.saturating_sub(2), height: 1 };
        let theme = pen.look.theme;
        cursor = Some(edit.draw(pen.buf, line, theme, "kind:mode actor:uid:0 outcome:failed words"));
        y += 1;
    } else if !audit.filter.is_empty() {
        pen.put(area.x, y, area.width, Tone::Accent, &format!("only: {}", audit.filter));
        y += 1;
    } else if area.height >= 12 {
        y += 1;
    }
    let room = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    if audit.items.is_empty() {
        let text = match (audit.loaded, audit.filter.is_empty()) {
            (false, _) => "Loading.",
            (true, true) => "Nothing was done yet.",
            (true, false) => "No such entry; esc shows all.",
        };
        pen.put(room.x, room.y, room.width, Tone::Quiet, text);
        return cursor;
    }
    table::draw(pen, room, COLUMNS, (audit.items.len(), audit.selected), |at| {
        audit.items.get(at).map_or_else(Vec::new, |entry| cells(entry, model.now_ms))
    });
    cursor
}

fn label(text: &str) -> Piece {
    (Tone::Quiet, format!("{text:<11}"))
}

fn signed(model: &Model, status: &AuditStatus) -> Vec<Piece> {
    let mut row = vec![label("entries"), (Tone::Text, count(status.size))];
    match &status.checkpoint {
        Some(made) => row.push((Tone::Quiet, format!(", signed {} ago", age(model.now_ms, made.at_ms)))),
        None => row.push((Tone::Warn, ", never signed: c signs".to_owned())),
    }
    if status.unsigned > 0 && status.checkpoint.is_some() {
        row.push((Tone::Text, format!(", {} since", count(status.unsigned))));
    }
    if model.audit.verifying {
        row.push((Tone::Accent, "  verifying".to_owned()));
    }
    row
}

fn anchored(model: &Model, status: &AuditStatus) -> Vec<Piece> {
    let tone = if status.unanchored == 0 { Tone::Good } else { Tone::Warn };
    let mut row = vec![
        label("unanchored"),
        (
            tone,
            format!(
                "{} {}",
                count(status.unanchored),
                if status.unanchored == 1 { "entry" } else { "entries" }
            ),
        ),
    ];
    let said = match &status.anchored {
        Some(anchor) => {
            format!("  {} signed for {} {} ago", anchor.name, anchor.size, age(model.now_ms, anchor.at_ms))
        }
        None => "  nobody else signed yet (spud audit cosign)".to_owned(),
    };
    row.push((Tone::Quiet, said));
    row
}

fn cells(entry: &AuditEntry, now_ms: u64) -> Vec<Piece> {
    let tone = match entry.outcome.as_str() {
        "done" => Tone::Good,
        "begun" => Tone::Quiet,
        "denied" => Tone::Warn,
        _ => Tone::Bad,
    };
    vec![
        (Tone::Quiet, entry.seq.clone()),
        (Tone::Quiet, age(now_ms, entry.at_ms)),
        (Tone::Text, entry.kind.clone()),
        (Tone::Text, entry.actor.clone()),
        (Tone::Text, entry.subject_words()),
        (tone, entry.outcome.clone()),
        (Tone::Quiet, entry.text_words()),
    ]
}
