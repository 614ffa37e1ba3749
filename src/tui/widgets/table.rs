//! A table of which only the rows in sight are made. Pages turn as a whole: over a slow line that
//! costs one redraw a page instead of one a row.

use ratatui::layout::Rect;

use crate::base::deceit;
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece};

/// A column; `width` 0 takes what the others leave.
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) width: u16,
    pub(crate) right: bool,
    /// Shown from this width of the table on.
    pub(crate) from: u16,
    /// What is cut when it does not fit: the start (paths) or the end.
    pub(crate) keep_end: bool,
}

pub(crate) const fn column(title: &'static str, width: u16, from: u16) -> Column {
    Column { title, width, right: false, from, keep_end: false }
}

pub(crate) const fn number(title: &'static str, width: u16, from: u16) -> Column {
    Column { title, width, right: true, from, keep_end: false }
}

pub(crate) const fn path(title: &'static str) -> Column {
    Column { title, width: 0, right: false, from: 0, keep_end: true }
}

/// First row of the page that holds `selected`.
pub(crate) fn first(selected: usize, rows: usize) -> usize {
    selected / rows.max(1) * rows.max(1)
}

/// Draws the titles and the page of rows around `selected`; `row` makes one row's cells.
pub(crate) fn draw(
    pen: &mut Pen<'_>,
    area: Rect,
    columns: &[Column],
    (len, selected): (usize, usize),
    row: impl Fn(usize) -> Vec<Piece>,
) {
    let shown: Vec<(usize, &Column)> =
        columns.iter().enumerate().filter(|(_, c)| area.width >= c.from).collect();
    let fixed: u16 = shown.iter().map(|(_, c)| c.width).sum();
    let gaps = u16::try_from(shown.len().saturating_sub(1)).unwrap_or(0) * 2;
    let rest = area.width.saturating_sub(fixed + gaps);
    let width = |c: &Column| if c.width == 0 { rest } else { c.width };
    let mut x = area.x;
    for (_, c) in &shown {
        cell(pen, Rect { x, y: area.y, width: width(c), height: 1 }, c, Tone::Quiet, c.title);
        x += width(c) + 2;
    }
    let rows = usize::from(area.height.saturating_sub(1));
    let top = first(selected, rows);
    for (y, at) in (area.y + 1..area.bottom()).zip(top..len.min(top.saturating_add(rows))) {
        let cells = row(at);
        let mut x = area.x;
        for (i, c) in &shown {
            if let Some((tone, text)) = cells.get(*i) {
                cell(pen, Rect { x, y, width: width(c), height: 1 }, c, *tone, text);
            }
            x += width(c) + 2;
        }
        if at == selected {
            pen.over(Rect { y, height: 1, ..area }, Tone::Selected);
        }
    }
}

/// What may deceive the eye is marked, wherever it stands.
fn cell(pen: &mut Pen<'_>, area: Rect, column: &Column, tone: Tone, text: &str) {
    let odd = deceit(text).map(|_| format!("? {text}"));
    let (tone, text) = odd.as_deref().map_or((tone, text), |odd| (Tone::Warn, odd));
    let ellipsis = pen.look.glyphs.ellipsis;
    let room = usize::from(area.width);
    if column.right {
        pen.right(area, area.y, tone, text);
    } else if column.keep_end {
        pen.put(area.x, area.y, area.width, tone, &text::fit_end(text, room, ellipsis));
    } else {
        pen.put(area.x, area.y, area.width, tone, text);
    }
}
