//! Dialogs: one of some, confirm what takes something away, all fields of one thing; what forms are drawn with.

use ratatui::layout::Rect;

use crate::base::deceit;
use crate::tui::model::{Confirm, PickOf};
use crate::tui::theme::Tone;
use crate::tui::view::Pen;
use crate::tui::widgets::line_edit::LineEdit;
use crate::tui::widgets::passage::{self, Marks};
use crate::tui::widgets::table;

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

/// One of some: names, and what each is.
pub(crate) fn pick(
    pen: &mut Pen<'_>,
    screen: Rect,
    of: PickOf,
    items: &[(String, String)],
    selected: usize,
) -> Cursor {
    let title = match of {
        PickOf::UseCase => "Ask under",
        PickOf::Framework => "Report on",
    };
    let rows = u16::try_from(items.len()).unwrap_or(u16::MAX).min(screen.height.saturating_sub(4));
    let inner = pen.panel(screen, 76, rows + 2, title);
    let first = table::first(selected, usize::from(inner.height));
    for (y, (at, (name, about))) in (inner.y..inner.bottom()).zip(items.iter().enumerate().skip(first)) {
        pen.put(inner.x, y, 22, Tone::Text, name);
        pen.put(inner.x + 23, y, inner.width.saturating_sub(23), Tone::Quiet, about);
        if at == selected {
            pen.over(Rect { y, height: 1, ..inner }, Tone::Selected);
        }
    }
    None
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
    let height = u16::try_from(lines.len()).unwrap_or(1).min(8) + 5;
    let inner = pen.panel(screen, 64, height, &confirm.title);
    let first = inner.y + u16::from(screen.height > 12);
    for (y, line) in (first..).zip(lines.iter().take(8)) {
        pen.pieces(inner.x, y, inner.width, &line.pieces);
    }
    buttons(pen, inner, inner.bottom().saturating_sub(1), confirm.verb, Some(confirm.yes));
    None
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
