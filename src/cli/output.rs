//! Standard output: buffered, wrapped to the terminal, and safe to look at.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::error::CliError;
use crate::base::{deceit, is_hidden};

/// Width where there is no terminal, and the widest that reads well.
const USUAL: usize = 80;
const WIDEST: usize = 100;

pub(super) struct Output {
    to: BufWriter<Stdout>,
    pub(super) paint: Paint,
}

impl Output {
    pub(super) fn new(paint: Paint) -> Self {
        Self { to: BufWriter::with_capacity(16 << 10, io::stdout()), paint }
    }

    /// A line; what came from documents must have been through [`clean`].
    pub(super) fn line(&mut self, text: &str) -> Result<(), CliError> {
        Ok(writeln!(self.to, "{text}")?)
    }

    /// Says what may deceive the eye in what was just shown.
    pub(super) fn careful<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) -> Result<(), CliError> {
        let all: Vec<&str> = texts.into_iter().collect();
        match deceit(&all.join("\n")) {
            Some(said) => {
                let said = self.paint.bad(&said);
                self.line(&said)
            }
            None => Ok(()),
        }
    }

    /// Text wrapped to the terminal, every line indented.
    pub(super) fn wrapped(&mut self, indent: usize, text: &str) -> Result<(), CliError> {
        let width = width();
        for line in text.lines() {
            for piece in wrap(line, width.saturating_sub(indent).max(20)) {
                writeln!(self.to, "{:indent$}{piece}", "")?;
            }
        }
        Ok(())
    }

    pub(super) fn json<T: Serialize>(&mut self, value: &T) -> Result<(), CliError> {
        serde_json::to_writer_pretty(&mut self.to, value).map_err(io::Error::from)?;
        Ok(writeln!(self.to)?)
    }

    /// Rows below a head, columns as wide as their widest cell; numbers to the right.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> Result<(), CliError> {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| marked(cell)).collect()).collect();
        let mut widths: Vec<usize> = head.iter().map(|title| title.width()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let numeric: Vec<bool> = (0..head.len())
            .map(|at| {
                !rows.is_empty()
                    && rows.iter().all(|row| row.get(at).is_some_and(|cell| starts_with_digit(cell)))
            })
            .collect();
        let titles: Vec<String> = head.iter().map(|title| (*title).to_owned()).collect();
        let line = pad(&titles, &widths, &numeric);
        let line = self.paint.dim(&line);
        self.line(&line)?;
        for row in &rows {
            self.line(&pad(row, &widths, &numeric))?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.to.flush()?)
    }
}

fn starts_with_digit(cell: &str) -> bool {
    cell.starts_with(|first: char| first.is_ascii_digit())
}

fn pad(cells: &[String], widths: &[usize], numeric: &[bool]) -> String {
    let mut line = String::new();
    for ((cell, width), right) in cells.iter().zip(widths).zip(numeric) {
        let space = " ".repeat(width.saturating_sub(cell.width()));
        if !line.is_empty() {
            line.push_str("  ");
        }
        if *right {
            line.push_str(&space);
            line.push_str(cell);
        } else {
            line.push_str(cell);
            line.push_str(&space);
        }
    }
    line.trim_end().to_owned()
}

/// Columns of the terminal, within what reads well.
pub(super) fn width() -> usize {
    let terminal = io::stdout().is_terminal().then(rustix::stdio::stdout);
    let size = terminal.and_then(|terminal| rustix::termios::tcgetwinsize(terminal).ok());
    let columns = size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    columns.unwrap_or(USUAL).clamp(20, WIDEST)
}

/// Greedy wrapping by display width; words that are too long are cut.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in line.split_whitespace() {
        let wide = word.width();
        if used > 0 && used + 1 + wide > width {
            lines.push(std::mem::take(&mut current));
            used = 0;
        }
        if used > 0 {
            current.push(' ');
            used += 1;
        }
        for letter in word.chars() {
            let columns = letter.width().unwrap_or(0);
            if used + columns > width {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            current.push(letter);
            used += columns;
        }
    }
    lines.push(current);
    lines
}

/// Text from a document or a file name, made harmless: no control characters, nothing that turns the
/// direction of writing or hides.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter_map(|letter| harmless(letter, false)).collect()
}

/// As [`clean`], but line breaks stay.
pub(super) fn clean_lines(text: &str) -> String {
    text.chars().filter_map(|letter| harmless(letter, true)).collect()
}

fn harmless(letter: char, lines: bool) -> Option<char> {
    match letter {
        '\n' if lines => Some('\n'),
        '\t' | '\n' => Some(' '),
        '\u{2028}' | '\u{2029}' => Some(' '),
        letter if letter.is_control() => Some('\u{fffd}'),
        letter if is_hidden(letter) => None,
        letter => Some(letter),
    }
}

/// Cleaned, and marked where something in it may deceive the eye.
fn marked(text: &str) -> String {
    format!("{}{}", if deceit(text).is_some() { "? " } else { "" }, clean(text))
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    pub(super) fn new(on: bool) -> Self {
        Self(on)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn link(self, text: &str) -> String {
        self.with("36", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_by_width_and_cuts_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("漢字漢字", 4), ["漢字", "漢字"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn nothing_dangerous_gets_through() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\nd\u{9b}"), "a\u{fffd}[31mbc d\u{fffd}");
        assert_eq!(clean_lines("a\nb\rc"), "a\nb\u{fffd}c");
    }
}
