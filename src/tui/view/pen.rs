//! Writes text with a meaning into the buffer, always cleaned, always cut to its room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::view::Look;

/// A text and what it means.
pub(crate) type Piece = (Tone, String);

pub(crate) struct Pen<'a> {
    pub(crate) buf: &'a mut Buffer,
    pub(crate) look: &'a Look,
}

impl<'a> Pen<'a> {
    pub(crate) fn new(buf: &'a mut Buffer, look: &'a Look) -> Self {
        Self { buf, look }
    }

    pub(crate) fn style(&self, tone: Tone) -> Style {
        self.look.theme.style(tone)
    }

    /// Writes at most `room` cells; returns the column behind the text.
    pub(crate) fn put(&mut self, x: u16, y: u16, room: u16, tone: Tone, text: &str) -> u16 {
        if !self.buf.area.contains((x, y).into()) || room == 0 {
            return x;
        }
        let text = text::fit(text, usize::from(room), self.look.glyphs.ellipsis);
        let style = self.style(tone);
        self.buf.set_stringn(x, y, text, usize::from(room), style).0
    }

    /// Writes so that the text ends at the area's right edge; returns its first column.
    pub(crate) fn right(&mut self, area: Rect, y: u16, tone: Tone, text: &str) -> u16 {
        let text = text::fit(text, usize::from(area.width), self.look.glyphs.ellipsis);
        let width = u16::try_from(text::width(&text)).unwrap_or(area.width).min(area.width);
        let x = area.right() - width;
        self.put(x, y, width, tone, &text);
        x
    }

    /// Writes pieces one behind the other; returns the column behind them.
    pub(crate) fn pieces(&mut self, x: u16, y: u16, room: u16, pieces: &[Piece]) -> u16 {
        let end = x.saturating_add(room);
        let mut at = x;
        for (tone, text) in pieces {
            at = self.put(at, y, end.saturating_sub(at), *tone, text);
        }
        at
    }

    pub(crate) fn rule(&mut self, area: Rect, y: u16) {
        let line = self.look.glyphs.rule.repeat(usize::from(area.width));
        self.put(area.x, y, area.width, Tone::Quiet, &line);
    }

    /// Lays a style over cells that are drawn already.
    pub(crate) fn over(&mut self, area: Rect, tone: Tone) {
        let style = match tone {
            // One look for the whole row: colours inside a reversed row are hard to read.
            Tone::Selected => Style::reset().patch(self.style(tone)),
            _ => self.style(tone),
        };
        self.buf.set_style(area.intersection(self.buf.area), style);
    }

    pub(crate) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buf.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buf.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// An empty panel in the middle with a thin frame and a title; returns its inside.
    pub(crate) fn panel(&mut self, screen: Rect, width: u16, height: u16, title: &str) -> Rect {
        let (width, height) = (width.min(screen.width), height.min(screen.height));
        let x = screen.x + (screen.width - width) / 2;
        let y = screen.y + (screen.height - height) / 2;
        let area = Rect { x, y, width, height };
        self.clear(Rect { x: x.saturating_sub(2), width: width + 4, ..area });
        let ascii = self.look.glyphs.rule == "-";
        let (corners, side) =
            if ascii { (["+", "+", "+", "+"], "|") } else { (["┌", "┐", "└", "┘"], "│") };
        let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
        self.rule(area, y);
        self.rule(area, bottom);
        for row in y + 1..bottom {
            self.put(x, row, 1, Tone::Quiet, side);
            self.put(right, row, 1, Tone::Quiet, side);
        }
        let spots = [(x, y), (right, y), (x, bottom), (right, bottom)];
        for ((cx, cy), mark) in spots.into_iter().zip(corners) {
            self.put(cx, cy, 1, Tone::Quiet, mark);
        }
        self.put(x + 2, y, width.saturating_sub(4), Tone::Title, &format!(" {title} "));
        Rect { x: x + 2, y: y + 1, width: width.saturating_sub(4), height: height.saturating_sub(2) }
    }
}
