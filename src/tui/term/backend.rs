//! A ratatui backend that sends one write per frame, few bytes in it, and none for an empty frame.

use std::io;

use crossterm::cursor::{Hide, MoveRight, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType as Part, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

use crate::tui::sanitize;
use crate::tui::term::caps::Caps;

/// Where a whole frame goes.
pub(crate) trait Sink {
    fn frame(&mut self, bytes: Vec<u8>) -> io::Result<()>;
}

impl<F: FnMut(Vec<u8>) -> io::Result<()>> Sink for F {
    fn frame(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self(bytes)
    }
}

/// Colours and emphasis as the terminal has them now.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

pub(crate) struct Screen<S> {
    sink: S,
    caps: Caps,
    size: Size,
    out: Vec<u8>,
    pen: Pen,
    /// Where the terminal's cursor is, if known.
    at: Option<Position>,
    cursor: Position,
    cursor_shown: bool,
    cursor_wanted: bool,
    sent: bool,
}

impl<S: Sink> Screen<S> {
    pub(crate) fn new(sink: S, caps: Caps, size: Size) -> Self {
        Self {
            sink,
            caps,
            size,
            out: Vec::new(),
            pen: PLAIN,
            at: None,
            cursor: Position::ORIGIN,
            cursor_shown: false,
            cursor_wanted: false,
            sent: false,
        }
    }

    pub(crate) fn set_size(&mut self, size: Size) {
        self.size = size;
    }

    /// Nothing is known about the terminal's state any more (it was left and entered again).
    pub(crate) fn forget(&mut self) {
        (self.pen, self.at, self.cursor_shown) = (PLAIN, None, false);
        self.out.extend_from_slice(b"\x1b[0m");
    }

    /// True when the last frame had bytes; asking clears it.
    pub(crate) fn take_sent(&mut self) -> bool {
        std::mem::take(&mut self.sent)
    }

    /// Sends bytes that are not part of a frame.
    pub(crate) fn aside(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.sink.frame(bytes)
    }

    fn go(&mut self, to: Position) -> io::Result<()> {
        match self.at {
            Some(at) if at == to => return Ok(()),
            Some(at) if at.y == to.y && to.x > at.x && to.x - at.x < 100 => {
                queue!(self.out, MoveRight(to.x - at.x))?;
            }
            _ => queue!(self.out, MoveTo(to.x, to.y))?,
        }
        self.at = Some(to);
        Ok(())
    }

    /// The codes 30-37 and 90-97, which every terminal knows, in one sequence; crossterm would send `38;5;n` for
    /// each colour, three times the bytes.
    fn take_up(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        let mut codes: Vec<u8> = Vec::new();
        let mut from = self.pen;
        if !pen.modifier.contains(from.modifier) {
            codes.push(0);
            from = PLAIN;
        }
        for (flag, code) in [
            (Modifier::BOLD, 1),
            (Modifier::DIM, 2),
            (Modifier::ITALIC, 3),
            (Modifier::UNDERLINED, 4),
            (Modifier::REVERSED, 7),
        ] {
            if pen.modifier.contains(flag) && !from.modifier.contains(flag) {
                codes.push(code);
            }
        }
        if pen.fg != from.fg {
            codes.push(colour(pen.fg));
        }
        if pen.bg != from.bg {
            codes.push(colour(pen.bg) + 10);
        }
        let text: Vec<String> =
            codes.iter().map(|c| if *c == 0 { String::new() } else { c.to_string() }).collect();
        self.out.extend_from_slice(format!("\x1b[{}m", text.join(";")).as_bytes());
        self.pen = pen;
    }
}

/// The SGR code of a foreground; what is not one of the sixteen is the default.
fn colour(color: Color) -> u8 {
    match color {
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        _ => 39,
    }
}

impl<S: Sink> Backend for Screen<S> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            if self.out.is_empty() && self.cursor_shown && !self.caps.synchronized {
                queue!(self.out, Hide)?;
                self.cursor_shown = false;
            }
            let symbol = cell.symbol();
            // The last guard: whatever a widget let through never reaches the terminal.
            let symbol = if symbol.chars().any(sanitize::hostile) { "?" } else { symbol };
            self.go(Position { x, y })?;
            self.take_up(Pen { fg: cell.fg, bg: cell.bg, modifier: cell.modifier });
            self.out.extend_from_slice(symbol.as_bytes());
            let width = u16::try_from(unicode_width::UnicodeWidthStr::width(symbol)).unwrap_or(1).max(1);
            let next = x.saturating_add(width);
            // At the right edge terminals differ in where the cursor stands.
            self.at = (next < self.size.width && symbol.is_ascii()).then_some(Position { x: next, y });
            if !symbol.is_ascii() && width == 1 && next < self.size.width {
                self.at = Some(Position { x: next, y });
            }
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.cursor_wanted = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.cursor_wanted = true;
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.take_up(PLAIN);
        queue!(self.out, Clear(Part::All))
    }

    fn clear_region(&mut self, _: ClearType) -> io::Result<()> {
        self.clear()
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.cursor_wanted {
            if !self.out.is_empty() || !self.cursor_shown || self.at != Some(self.cursor) {
                self.go(self.cursor)?;
            }
            if !self.cursor_shown {
                queue!(self.out, Show)?;
            }
        } else if self.cursor_shown {
            queue!(self.out, Hide)?;
        }
        self.cursor_shown = self.cursor_wanted;
        if self.out.is_empty() {
            return Ok(());
        }
        let mut frame = std::mem::take(&mut self.out);
        if self.caps.synchronized {
            let drawn = std::mem::take(&mut frame);
            queue!(frame, BeginSynchronizedUpdate)?;
            frame.extend_from_slice(&drawn);
            queue!(frame, EndSynchronizedUpdate)?;
        }
        self.sent = true;
        self.sink.frame(frame)
    }
}
