//! Dialogs: add a path, confirm what takes something away, all fields of one thing.

use ratatui::layout::Rect;

use crate::base::deceit;
use crate::tui::model::{AddDialog, Confirm, EditDialog, ForceDialog};
use crate::tui::theme::Tone;
use crate::tui::view::Pen;
use crate::tui::widgets::line_edit::LineEdit;
use crate::tui::widgets::passage::{self, Marks};

pub(crate) type Cursor = Option<(u16, u16)>;

pub(crate) fn field(
    pen: &mut Pen<'_>,
    inner: Rect,
    y: u16,
    label: &str,
    edit: &LineEdit,
    hint: &str,
    on: bool,
) -> Cursor {
    let tone = if on { Tone::Accent } else { Tone::Text };
    pen.put(inner.x, y, 12, tone, label);
    let area = Rect { x: inner.x + 12, y, width: inner.width.saturating_sub(12), height: 1 };
    let theme = pen.look.theme;
    let cursor = edit.draw(pen.buf, area, theme, hint);
    on.then_some(cursor)
}

pub(crate) fn buttons(pen: &mut Pen<'_>, inner: Rect, y: u16, verb: &str, focus: Option<bool>) {
    let tone = |on: bool| if on { Tone::Selected } else { Tone::Text };
    let yes = format!("[ {verb} ]");
    let start = pen.right(inner, y, tone(focus == Some(true)), &yes);
    let left = Rect { width: start.saturating_sub(inner.x + 2), ..inner };
    pen.right(left, y, tone(focus == Some(false)), "[ Cancel ]");
}

pub(crate) fn add(pen: &mut Pen<'_>, screen: Rect, add: &AddDialog) -> Cursor {
    let inner = pen.panel(screen, 68, 10, "Add to the library");
    let row = |n: u16| inner.y + n.min(inner.height.saturating_sub(1));
    let mut cursor = field(pen, inner, row(1), "Path", &add.path, "/srv/manuals", add.field == 0);
    cursor = cursor.or(field(pen, inner, row(2), "Collection", &add.collection, "default", add.field == 1));
    let watch = if add.watch { "[x]" } else { "[ ]" };
    let tone = if add.field == 2 { Tone::Accent } else { Tone::Text };
    pen.put(inner.x, row(3), 12, tone, "Watch");
    let x = pen.put(inner.x + 12, row(3), 3, if add.field == 2 { Tone::Selected } else { Tone::Text }, watch);
    let room = inner.right().saturating_sub(x + 1);
    pen.put(x + 1, row(3), room, Tone::Quiet, "index changes as they happen (space)");
    let (tone, text) = match add.problem {
        Some(problem) => (Tone::Bad, problem),
        None => (Tone::Quiet, "A file or folder on the box. Tab moves on, enter adds."),
    };
    pen.put(inner.x, row(5), inner.width, tone, text);
    let focus = match add.field {
        3 => Some(false),
        4 => Some(true),
        _ => None,
    };
    buttons(pen, inner, row(7), "Add", focus);
    cursor
}

pub(crate) fn edit(pen: &mut Pen<'_>, screen: Rect, edit: &EditDialog) -> Cursor {
    let inner = pen.panel(screen, 76, 9, "Edit the payload");
    let row = |n: u16| inner.y + n.min(inner.height.saturating_sub(1));
    let id = crate::tui::model::short_id(&edit.id);
    pen.put(inner.x, row(0), inner.width, Tone::Quiet, &format!("Dead letter {id}"));
    let cursor = field(pen, inner, row(2), "Payload", &edit.payload, "empty", edit.field == 0);
    pen.put(inner.x, row(4), inner.width, Tone::Quiet, "It stays a dead letter until it is queued again.");
    let focus = match edit.field {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    };
    buttons(pen, inner, row(6), "Save", focus);
    cursor
}

pub(crate) fn force(pen: &mut Pen<'_>, screen: Rect, force: &ForceDialog) -> Cursor {
    let (title, what) = match &force.breaker {
        Some(name) => (format!("Hold the breaker {name}"), "State"),
        None => ("Force a mode".to_owned(), "Mode"),
    };
    let inner = pen.panel(screen, 68, 10, &title);
    let row = |n: u16| inner.y + n.min(inner.height.saturating_sub(1));
    let on = force.field == 0;
    pen.put(inner.x, row(1), 12, if on { Tone::Accent } else { Tone::Text }, what);
    let name = force.choices().get(force.mode).map_or("", |(_, title)| title);
    let tone = if on { Tone::Selected } else { Tone::Text };
    let x = pen.put(inner.x + 12, row(1), inner.width.saturating_sub(12), tone, &format!("< {name} >"));
    let room = inner.right().saturating_sub(x + 1);
    pen.put(x + 1, row(1), room, Tone::Quiet, "left and right choose");
    let mut cursor =
        field(pen, inner, row(2), "Reason", &force.reason, "kept in the history", force.field == 1);
    cursor = cursor.or(field(pen, inner, row(3), "For", &force.ttl, "1h", force.field == 2));
    let (tone, text) = match force.problem {
        Some(problem) => (Tone::Bad, problem),
        None if force.breaker.is_some() => (Tone::Quiet, "It ends by itself. Enter moves on."),
        None => (Tone::Quiet, "It ends by itself and never hides a full disk. Enter moves on."),
    };
    pen.put(inner.x, row(5), inner.width, tone, text);
    let focus = match force.field {
        3 => Some(false),
        4 => Some(true),
        _ => None,
    };
    buttons(pen, inner, row(7), "Force", focus);
    cursor
}

/// Lines of a dialog, and first what in them may deceive the eye.
pub(crate) fn body(texts: &[String], width: usize) -> Vec<passage::Line> {
    let flow = |text: &String| passage::flow(text, width, &Marks::default());
    let mut lines: Vec<_> = deceit(&texts.join("\n")).iter().flat_map(flow).collect();
    lines.iter_mut().flat_map(|line| &mut line.pieces).for_each(|(tone, _)| *tone = Tone::Warn);
    lines.extend(texts.iter().flat_map(flow));
    lines
}

pub(crate) fn confirm(pen: &mut Pen<'_>, screen: Rect, confirm: &Confirm) -> Cursor {
    let lines = body(&confirm.body, usize::from(screen.width.min(64).saturating_sub(4)));
    let typed = if confirm.typed.is_some() { 3 } else { 0 };
    let height = u16::try_from(lines.len()).unwrap_or(1).min(8) + typed + 5;
    let inner = pen.panel(screen, 64, height, &confirm.title);
    let mut y = inner.y + u16::from(screen.height > 12);
    for line in lines.iter().take(8) {
        pen.pieces(inner.x, y, inner.width, &line.pieces);
        y += 1;
    }
    let mut cursor = None;
    if let Some((want, edit)) = &confirm.typed {
        y += u16::from(screen.height > 12);
        pen.put(inner.x, y, inner.width, Tone::Warn, &format!("Type \"{want}\" to allow it:"));
        let area = Rect { x: inner.x + 2, y: y + 1, width: inner.width.saturating_sub(2), height: 1 };
        pen.put(inner.x, y + 1, 2, Tone::Accent, pen.look.glyphs.prompt);
        let theme = pen.look.theme;
        cursor = Some(edit.draw(pen.buf, area, theme, ""));
    }
    buttons(pen, inner, inner.bottom().saturating_sub(1), confirm.verb, Some(confirm.yes));
    cursor
}

pub(crate) fn detail(
    pen: &mut Pen<'_>,
    screen: Rect,
    title: &str,
    fields: &[(String, String)],
    top: usize,
) -> Cursor {
    let names = fields.iter().map(|(n, _)| crate::tui::text::width(n)).max().unwrap_or(4).clamp(4, 16) + 2;
    let room = usize::from(screen.width.min(76).saturating_sub(4)).saturating_sub(names).max(8);
    let mut rows = Vec::new();
    let texts: Vec<&str> = fields.iter().map(|(_, value)| value.as_str()).collect();
    let careful = deceit(&texts.join("\n")).map(|said| (String::new(), said));
    for (name, value) in careful.iter().chain(fields) {
        let mut lines = passage::flow(value, room, &Marks::default());
        if lines.is_empty() {
            lines.push(passage::Line::default());
        }
        for (i, line) in lines.into_iter().enumerate() {
            rows.push((if i == 0 { name.as_str() } else { "" }, line));
        }
    }
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX).min(screen.height.saturating_sub(2));
    let inner = pen.panel(screen, 76, height, title);
    let top = top.min(rows.len().saturating_sub(usize::from(inner.height)));
    let names = u16::try_from(names).unwrap_or(12);
    for (y, (name, line)) in (inner.y..inner.bottom()).zip(rows.iter().skip(top)) {
        pen.put(inner.x, y, names - 1, Tone::Quiet, name);
        pen.pieces(inner.x + names, y, inner.width.saturating_sub(names), &line.pieces);
    }
    pen.right(inner, inner.bottom(), Tone::Quiet, " esc closes ");
    None
}
