//! A form as it is filled in: the rows around the one that is typed in, then what is wrong, then the buttons.

use ratatui::layout::Rect;

use crate::tui::model::{Form, FormRow};
use crate::tui::theme::Tone;
use crate::tui::view::Pen;
use crate::tui::view::dialog::{Cursor, body, buttons, field};

const LABEL: u16 = 12;

/// Lines of what it is about that are shown at most.
const LINES: usize = 8;

pub(crate) fn draw(pen: &mut Pen<'_>, screen: Rect, form: &Form) -> Cursor {
    let width = screen.width.min(72);
    let lines = body(&form.body, usize::from(width.saturating_sub(4)));
    let shown = if screen.height > 12 { lines.len().min(LINES) } else { lines.len().min(1) };
    let size = |n: usize| u16::try_from(n).unwrap_or(5);
    // An empty line stands behind what it is about, and another before what is told.
    let gap = usize::from(shown > 0 && screen.height > 12);
    let inner = pen.panel(screen, width, size(shown + gap + form.rows.len()) + 5, &form.title);
    let last = inner.bottom().saturating_sub(1);
    let mut y = inner.y;
    for line in lines.iter().take(shown) {
        pen.pieces(inner.x, y, inner.width, &line.pieces);
        y += 1;
    }
    y += size(gap);
    // Where there is no room for all rows, the one that is typed in is in sight.
    let told = u16::from(form.problem.is_some() || form.pasted.is_some());
    let room = usize::from(last.saturating_sub(y + told).max(1));
    let first = (form.field.min(form.rows.len().saturating_sub(1)) + 1).saturating_sub(room);
    let mut cursor = None;
    for (at, row) in form.rows.iter().enumerate().skip(first).take(room) {
        let on = form.field == at;
        match row {
            FormRow::Text { label, hint, edit, .. } => {
                cursor = cursor.or(field(pen, inner, y, label, edit, hint, on));
            }
            FormRow::Choice { label, options, at, .. } => {
                let name = options.get(*at).copied().unwrap_or_default();
                pen.put(inner.x, y, LABEL, if on { Tone::Accent } else { Tone::Text }, label);
                let tone = if on { Tone::Selected } else { Tone::Text };
                let room = inner.width.saturating_sub(LABEL);
                pen.put(inner.x + LABEL, y, room, tone, &format!("< {name} >"));
            }
        }
        y += 1;
    }
    let (tone, text) = match form.problem {
        Some(problem) => (Tone::Bad, problem),
        None if form.pasted.is_some() => (Tone::Good, "Signed: the signature goes with the vote."),
        None if form.eager => (Tone::Quiet, "Tab moves on, enter does it."),
        None => (Tone::Quiet, "Enter moves on; only the button decides."),
    };
    if y < last {
        pen.put(inner.x, last.saturating_sub(1).max(y), inner.width, tone, text);
    }
    let focus = form.field.checked_sub(form.rows.len()).map(|at| at == 1);
    buttons(pen, inner, last, form.verb, focus);
    cursor
}
