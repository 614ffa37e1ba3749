//! Structure in, passages out: about 200 tokens each, never across a section's border.
//!
//! Invariant: holds at most two passages and one paragraph; lines and pages of a passage are those of its text.

use std::ops::ControlFlow;

use super::error::{Outcome, fail};
use super::paragraph::{Paragraph, Style};
use super::{Chunk, Place};

/// What a passage aims at.
const TARGET: u32 = 200;
/// A passage this full is closed when the next paragraph does not fit whole.
const ENOUGH: u32 = 120;
/// A rest of a section smaller than this joins the passage before it.
const CRUMB: u32 = 40;
/// Sentences repeated from the passage before, within one section.
const OVERLAP: u32 = 36;
/// A paragraph this long is passed on in parts.
const LONG: usize = 32 << 10;
const HEADING_BYTES: usize = 300;

type Sink<'a> = &'a mut dyn FnMut(Chunk) -> ControlFlow<()>;

/// Collects headings, paragraphs, records and pages; hands passages to its sink.
pub(super) struct Chunker<'a> {
    sink: Sink<'a>,
    /// The document's own title, where it has one.
    title: Option<String>,
    pages: u32,
    page: u32,
    headings: Vec<(u8, String)>,
    open: Option<Paragraph>,
    /// Paragraphs of the passage being built; the first `repeated` are overlap.
    current: Vec<Paragraph>,
    repeated: usize,
    tokens: u32,
    /// The passage before, of the same section, held until it is clear that no crumb follows.
    held: Vec<Paragraph>,
    record: Option<(Option<String>, String)>,
    left: u64,
    emitted: u64,
}

impl<'a> Chunker<'a> {
    pub(super) fn new(text_bytes: u64, sink: Sink<'a>) -> Self {
        Self {
            sink,
            title: None,
            pages: 0,
            page: 0,
            headings: Vec::new(),
            open: None,
            current: Vec::new(),
            repeated: 0,
            tokens: 0,
            held: Vec::new(),
            record: None,
            left: text_bytes,
            emitted: 0,
        }
    }

    /// Names the document, unless it already has a name.
    pub(super) fn title(&mut self, title: &str) {
        let title = clean(title);
        if self.title.is_none() && !title.is_empty() {
            self.title = Some(title);
        }
    }

    /// Names the document again, with more in it.
    pub(super) fn retitle(&mut self, title: &str) {
        self.title = Some(clean(title));
    }

    pub(super) fn known_title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// A heading: closes the section before it.
    pub(super) fn heading(&mut self, level: u8, text: &str) -> Outcome {
        self.end_section()?;
        let text = clean(text);
        if text.is_empty() {
            return Ok(());
        }
        self.spend(text.len())?;
        while self.headings.last().is_some_and(|(above, _)| *above >= level) {
            self.headings.pop();
        }
        if level == 1 && self.title.is_none() {
            self.title = Some(text.clone());
        }
        self.headings.push((level, text));
        Ok(())
    }

    /// A new page begins; pages count from 1.
    pub(super) fn page(&mut self, number: u32) -> Outcome {
        self.end_paragraph()?;
        self.page = number;
        self.pages = self.pages.max(number);
        if self.tokens >= ENOUGH / 2 {
            self.close(true)?;
        }
        Ok(())
    }

    /// One line of running text; consecutive lines are one paragraph.
    pub(super) fn prose(&mut self, line: &str, number: u32) -> Outcome {
        self.line(line, number, Style::Prose)
    }

    /// One line whose layout counts: code, a table row, a log entry.
    pub(super) fn verbatim(&mut self, line: &str, number: u32) -> Outcome {
        self.line(line, number, Style::Lines)
    }

    fn line(&mut self, line: &str, number: u32, style: Style) -> Outcome {
        self.spend(line.len())?;
        if self.open.as_ref().is_some_and(|open| open.style != style) {
            self.end_paragraph()?;
        }
        let page = self.page;
        let open = self.open.get_or_insert_with(|| Paragraph::new(style, page));
        open.push(line, number);
        if open.text.len() >= LONG {
            self.end_paragraph()?;
        }
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Outcome {
        match self.left.checked_sub(bytes as u64) {
            Some(left) => self.left = left,
            None => return Err(fail("too_large", "it unfolds to more text than one document may have")),
        }
        Ok(())
    }

    /// The paragraph is complete.
    pub(super) fn end_paragraph(&mut self) -> Outcome {
        let Some(open) = self.open.take() else { return Ok(()) };
        if open.is_blank() {
            return Ok(());
        }
        let whole = open.measured();
        if self.tokens + whole.tokens <= TARGET {
            self.append(whole);
            return Ok(());
        }
        if whole.tokens <= TARGET && self.tokens >= ENOUGH {
            self.close(true)?;
            if self.tokens + whole.tokens <= TARGET {
                self.append(whole);
                return Ok(());
            }
        }
        for piece in whole.pieces(TARGET) {
            if self.tokens + piece.tokens > TARGET && self.current.len() > self.repeated {
                self.close(true)?;
            }
            if self.tokens + piece.tokens > TARGET {
                // The overlap alone leaves no room.
                self.clear_current();
            }
            self.append(piece);
        }
        Ok(())
    }

    fn append(&mut self, paragraph: Paragraph) {
        self.tokens += paragraph.tokens;
        self.current.push(paragraph);
    }

    fn clear_current(&mut self) {
        self.current.clear();
        self.repeated = 0;
        self.tokens = 0;
    }

    /// Ends the passage being built; `more` of the same section follows.
    fn close(&mut self, more: bool) -> Outcome {
        if self.current.len() == self.repeated {
            self.clear_current();
            return Ok(());
        }
        self.release()?;
        self.held = std::mem::take(&mut self.current);
        let overlap = if more && self.record.is_none() {
            self.held.last().and_then(|last| last.tail(OVERLAP))
        } else {
            None
        };
        self.clear_current();
        if let Some(overlap) = overlap {
            self.append(overlap);
            self.repeated = 1;
        }
        Ok(())
    }

    /// Ends the section: a crumb joins the passage before it, everything is handed over.
    pub(super) fn end_section(&mut self) -> Outcome {
        self.end_paragraph()?;
        let fresh: u32 = self.current.iter().skip(self.repeated).map(|paragraph| paragraph.tokens).sum();
        if fresh > 0 && fresh < CRUMB && !self.held.is_empty() {
            let crumb = self.current.drain(self.repeated..);
            self.held.extend(crumb);
            self.clear_current();
        }
        self.close(false)?;
        self.release()
    }

    fn release(&mut self) -> Outcome {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return Ok(());
        }
        self.emitted += 1;
        let chunk = self.chunk(&held);
        match (self.sink)(chunk) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(fail("stopped", "the job was stopped")),
        }
    }

    fn chunk(&self, parts: &[Paragraph]) -> Chunk {
        let mut text = String::new();
        let (mut lines, mut pages) = (None, None);
        for part in parts {
            let here = part.lines();
            if !text.is_empty() {
                text.push(if part.run_on && part.style == Style::Prose { ' ' } else { '\n' });
            }
            text.push_str(&part.text);
            lines = span(lines, here);
            pages = span(pages, (part.page > 0).then_some((part.page, part.page)));
        }
        let (record, title) = self.record.clone().unwrap_or_default();
        Chunk { heading: self.path(), title, text, place: Place { lines, pages, record } }
    }

    fn path(&self) -> Vec<String> {
        if self.record.is_some() {
            return Vec::new();
        }
        let outermost_is_title =
            self.headings.first().is_some_and(|(_, text)| Some(text) == self.title.as_ref());
        self.headings.iter().skip(usize::from(outermost_is_title)).map(|(_, text)| text.clone()).collect()
    }

    /// One record with its own id: one passage or more, never together with another.
    pub(super) fn record(&mut self, id: Option<String>, title: &str, text: &str, line: u32) -> Outcome {
        self.end_section()?;
        self.spend(title.len())?;
        self.record = Some((id, clean(title)));
        for part in text.lines() {
            if part.trim().is_empty() {
                self.end_paragraph()?;
            } else {
                self.prose(part, line)?;
            }
        }
        if text.trim().is_empty() && !title.trim().is_empty() {
            self.prose(title, line)?;
        }
        let ended = self.end_section();
        self.record = None;
        ended
    }

    /// Hands the rest over; answers the title, the pages and how many passages there were.
    pub(super) fn finish(mut self) -> Outcome<(Option<String>, u32, u64)> {
        self.end_section()?;
        Ok((self.title, self.pages, self.emitted))
    }
}

fn span(whole: Option<(u32, u32)>, part: Option<(u32, u32)>) -> Option<(u32, u32)> {
    match (whole, part) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// Headings and titles: one line, no odd white space, no endless ones.
fn clean(text: &str) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if out.len() + word.len() > HEADING_BYTES {
            let room = HEADING_BYTES.saturating_sub(out.len());
            let end = (0..=room.min(word.len())).rev().find(|at| word.is_char_boundary(*at)).unwrap_or(0);
            if out.is_empty() {
                out.push_str(word.get(..end).unwrap_or_default());
            }
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
