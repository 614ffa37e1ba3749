//! Numbered lines from any stream, whatever its size.
//!
//! Invariant: never holds more than one line of at most [`LONGEST`] bytes; a longer one comes in pieces.

use std::io::Read;

use super::encoding::decode;
use super::error::{Outcome, fail, from_io};

/// Longest piece of a line that is held in memory.
pub(super) const LONGEST: usize = 1 << 20;

const BUFFER: usize = 64 << 10;

/// One line, or a piece of a very long one.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    /// Counts from 1.
    pub(super) number: u32,
    /// The next piece belongs to the same line.
    pub(super) cut: bool,
}

/// Reads lines with a bounded buffer.
pub(super) struct Lines<R> {
    inner: R,
    buffer: Vec<u8>,
    at: usize,
    number: u32,
    inside: bool,
    seen: u64,
    zeros: u64,
    longest: usize,
    back: Option<Line>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: Vec::new(),
            at: 0,
            number: 0,
            inside: false,
            seen: 0,
            zeros: 0,
            longest: LONGEST,
            back: None,
        }
    }

    /// The same with longer pieces, for formats whose record is one line.
    pub(super) fn with_longest(mut self, longest: usize) -> Self {
        self.longest = longest;
        self
    }

    /// Gives a line back: the next call returns it again.
    pub(super) fn unread(&mut self, line: Line) {
        self.back = Some(line);
    }

    /// The next line without its line end, or `None` at the end.
    pub(super) fn next(&mut self) -> Outcome<Option<Line>> {
        if let Some(line) = self.back.take() {
            return Ok(Some(line));
        }
        let mut raw = Vec::new();
        if !self.inside {
            self.number = self.number.saturating_add(1);
        }
        loop {
            if self.at >= self.buffer.len() && !self.refill()? {
                if raw.is_empty() {
                    return Ok(None);
                }
                self.inside = false;
                return Ok(Some(self.line(raw, false)));
            }
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let room = self.longest.saturating_sub(raw.len());
            let window = rest.get(..room).unwrap_or(rest);
            if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
                raw.extend_from_slice(window.get(..end).unwrap_or_default());
                self.at += end + 1;
                self.inside = false;
                return Ok(Some(self.line(raw, false)));
            }
            raw.extend_from_slice(window);
            self.at += window.len();
            if raw.len() >= self.longest {
                self.give_back_half_character(&mut raw);
                self.inside = true;
                return Ok(Some(self.line(raw, true)));
            }
        }
    }

    fn refill(&mut self) -> Outcome<bool> {
        self.buffer.resize(BUFFER, 0);
        self.at = 0;
        let got = loop {
            match self.inner.read(&mut self.buffer) {
                Ok(got) => break got,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.clear();
                    return Err(from_io(&error));
                }
            }
        };
        self.buffer.truncate(got);
        self.seen += got as u64;
        self.zeros += self.buffer.iter().filter(|byte| **byte == 0).count() as u64;
        if self.zeros > 4096 && self.zeros * 4 > self.seen {
            return Err(fail("binary", "it holds mostly zero bytes, not text"));
        }
        Ok(got > 0)
    }

    /// A cut inside a UTF-8 character moves before it, so both pieces stay text.
    fn give_back_half_character(&mut self, raw: &mut Vec<u8>) {
        let tail = raw.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80);
        let Some(back) = tail else { return };
        let start = raw.len() - 1 - back;
        let needs = match raw.get(start) {
            Some(0xc2..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf4) => 4,
            _ => 1,
        };
        if needs > back + 1 && self.at > back {
            raw.truncate(start);
            self.at -= back + 1;
        }
    }

    fn line(&self, mut raw: Vec<u8>, cut: bool) -> Line {
        if !cut && raw.last() == Some(&b'\r') {
            raw.pop();
        }
        if raw.contains(&0) {
            raw.retain(|byte| *byte != 0);
        }
        let mut text = decode(&raw);
        if self.number == 1 && text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Line { text, number: self.number, cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_come_in_pieces_of_whole_characters() {
        let text = format!("{}\nlast", "é".repeat(LONGEST));
        let mut lines = Lines::new(text.as_bytes());
        let mut whole = String::new();
        loop {
            let line = lines.next().unwrap().unwrap();
            whole.push_str(&line.text);
            assert_eq!(line.number, 1);
            if !line.cut {
                break;
            }
        }
        assert_eq!(whole, "é".repeat(LONGEST));
        let last = lines.next().unwrap().unwrap();
        assert_eq!((last.text.as_str(), last.number), ("last", 2));
    }

    #[test]
    fn carriage_returns_and_marks_go() {
        let mut lines = Lines::new(&b"\xef\xbb\xbfa\r\nb\xe9"[..]);
        assert_eq!(lines.next().unwrap().unwrap().text, "a");
        assert_eq!(lines.next().unwrap().unwrap().text, "bé");
        assert!(lines.next().unwrap().is_none());
    }
}
