//! A run of text that remembers which line each of its bytes came from.
//!
//! Invariant: slicing keeps exact lines; offsets that are no character boundary give nothing, not a panic.

use super::tokens::{estimate, prefix_within, sentence_ends};

/// How the lines of a paragraph hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Lines are joined with a space and white space is collapsed.
    Prose,
    /// Lines stay lines: code, tables, logs.
    Lines,
}

/// Text with its lines and page.
#[derive(Debug, Clone)]
pub(super) struct Paragraph {
    pub(super) text: String,
    pub(super) style: Style,
    pub(super) page: u32,
    pub(super) tokens: u32,
    /// It goes on where the part before it stopped.
    pub(super) run_on: bool,
    /// Offset in `text` where each source line begins. Line 0: the format has no lines.
    marks: Vec<(usize, u32)>,
}

impl Paragraph {
    pub(super) fn new(style: Style, page: u32) -> Self {
        Self { text: String::new(), style, page, tokens: 0, run_on: false, marks: Vec::new() }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Adds one source line.
    pub(super) fn push(&mut self, line: &str, number: u32) {
        match self.style {
            Style::Prose => self.push_prose(line, number),
            Style::Lines => {
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
                self.mark(number);
                let line = line.trim_end();
                if line.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                    self.text.push_str(line);
                    return;
                }
                for character in line.chars() {
                    match character {
                        '\t' => self.text.push_str("    "),
                        c if c.is_control() => {}
                        c => self.text.push(c),
                    }
                }
            }
        }
    }

    fn push_prose(&mut self, line: &str, number: u32) {
        let mut first = true;
        for word in line.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty())
        {
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            if first {
                self.mark(number);
                first = false;
            }
            if word.is_ascii() {
                self.text.push_str(word);
            } else {
                self.text.extend(word.chars().filter(|c| !matches!(c, '\u{ad}' | '\u{200b}' | '\u{feff}')));
            }
        }
    }

    fn mark(&mut self, number: u32) {
        if number > 0 && self.marks.last().is_none_or(|(_, last)| *last != number) {
            self.marks.push((self.text.len(), number));
        }
    }

    /// First and last source line; an out-of-order line of a careless parser must not turn them around.
    pub(super) fn lines(&self) -> Option<(u32, u32)> {
        let lines = || self.marks.iter().map(|(_, line)| *line);
        Some((lines().min()?, lines().max()?))
    }

    /// Counts the tokens once the text is whole.
    pub(super) fn measured(mut self) -> Self {
        self.tokens = estimate(&self.text);
        self
    }

    /// The part `from..to`, trimmed, with its own lines.
    pub(super) fn slice(&self, from: usize, to: usize) -> Option<Self> {
        let whole = self.text.get(from..to)?;
        let text = match self.style {
            Style::Prose => whole.trim(),
            Style::Lines => whole.trim_end().trim_start_matches('\n'),
        };
        if text.trim().is_empty() {
            return None;
        }
        let start = from + (whole.len() - whole.trim_start_matches([' ', '\n']).len()).min(whole.len());
        let before = self.marks.partition_point(|(at, _)| *at <= start).saturating_sub(1);
        let marks = self
            .marks
            .iter()
            .skip(before)
            .take_while(|(at, _)| *at < from + whole.trim_end().len())
            .map(|(at, line)| (at.saturating_sub(start), *line))
            .collect();
        Some(Self {
            text: text.to_owned(),
            style: self.style,
            page: self.page,
            tokens: estimate(text),
            run_on: from > 0,
            marks,
        })
    }

    /// Cuts into pieces of at most `most` tokens: sentences (or lines), then words.
    pub(super) fn pieces(&self, most: u32) -> Vec<Self> {
        let ends = match self.style {
            Style::Prose => sentence_ends(&self.text),
            Style::Lines => self.line_ends(),
        };
        let mut pieces = Vec::new();
        let mut from = 0;
        for end in ends {
            self.cut(from, end, most, &mut pieces);
            from = end;
        }
        pieces
    }

    fn line_ends(&self) -> Vec<usize> {
        let mut ends: Vec<usize> = self.text.match_indices('\n').map(|(at, _)| at + 1).collect();
        ends.push(self.text.len());
        ends
    }

    fn cut(&self, mut from: usize, end: usize, most: u32, pieces: &mut Vec<Self>) {
        while from < end {
            let Some(rest) = self.text.get(from..end) else { return };
            // Only a window is looked at: an endless line must not cost its square.
            let window = (most as usize).saturating_mul(16);
            let near = (0..=window.min(rest.len())).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(0);
            let near = rest.get(..near).unwrap_or(rest);
            let fits = near.len() == rest.len() && estimate(near) <= most;
            let length = if fits { rest.len() } else { prefix_within(near, most).max(1) };
            pieces.extend(self.slice(from, from + length));
            from += length;
        }
    }

    /// The last one or two sentences worth at most `most` tokens, to begin the next chunk with.
    pub(super) fn tail(&self, most: u32) -> Option<Self> {
        if self.style != Style::Prose {
            return None;
        }
        let mut ends = sentence_ends(&self.text);
        let end = ends.pop()?;
        let mut best = None;
        for start in ends.into_iter().rev().chain(std::iter::once(0)).take(2) {
            match self.slice(start, end) {
                Some(part) if part.tokens <= most => best = Some(part),
                _ => break,
            }
        }
        best
    }
}
