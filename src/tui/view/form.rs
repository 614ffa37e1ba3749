//! A form as it is filled in: the rows around the one that is typed in, then what is wrong, then the buttons.

use ratatui::layout::Rect;

use crate::tui::model::{Form, FormOf, FormRow};
use crate::tui::theme::Tone;
use crate::tui::view::Pen;
use crate::tui::view::dialog::{Cursor, buttons, field};

const LABEL: u16 = 12;

/// Title, what it is about, and the button.
fn words(form: &Form) -> (&'static str, Option<String>, &'static str) {
    match &form.of {
        FormOf::Incident(Some(one)) => {
            ("Change an incident", Some(format!("{} {}", one.id, one.title)), "Change")
        }
        FormOf::Incident(None) => ("Open an incident", None, "Open"),
        FormOf::Panel(_, true) => ("Add a panel", None, "Add"),
        FormOf::Panel(..) => ("Change a panel", None, "Change"),
        FormOf::Dashboard => ("Save the dashboard", None, "Save"),
    }
}

pub(crate) fn draw(pen: &mut Pen<'_>, screen: Rect, form: &Form) -> Cursor {
    let rows = u16::try_from(form.rows.len()).unwrap_or(5);
    let (title, head, verb) = words(form);
    let inner = pen.panel(screen, 68, rows + 6, title);
    let last = inner.bottom().saturating_sub(1);
    let mut y = inner.y;
    if let Some(head) = head {
        pen.put(inner.x, y, inner.width, Tone::Strong, &head);
        y += 1;
    }
    // Where there is no room for all rows, the one that is typed in is in sight.
    let told = u16::from(form.problem.is_some());
    let room = usize::from(last.saturating_sub(y + told).max(1));
    let first = (form.field.min(form.rows.len().saturating_sub(1)) + 1).saturating_sub(room);
    let mut cursor = None;
    for (at, row) in form.rows.iter().enumerate().skip(first).take(room) {
        let on = form.field == at;
        match row {
            FormRow::Text { label, hint, edit } => {
                cursor = cursor.or(field(pen, inner, y, label, edit, hint, on));
            }
            FormRow::Choice { label, options, at } => {
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
        None => (Tone::Quiet, "Enter moves on; only the button decides."),
    };
    if y < last {
        pen.put(inner.x, last.saturating_sub(1).max(y), inner.width, tone, text);
    }
    let focus = form.field.checked_sub(form.rows.len()).map(|at| at == 1);
    buttons(pen, inner, last, verb, focus);
    cursor
}
