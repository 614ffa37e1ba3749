//! The body of an ODT: paragraphs, headings by outline level, tables by row, footnotes after their paragraph.
//!
//! Invariant: holds one paragraph or table row with its notes, never the tree.

use quick_xml::events::{BytesStart, Event};

use super::chunker::Chunker;
use super::docx::entity;
use super::error::{Outcome, fail};
use super::zipped::{attribute, walk};

/// Most spaces that one `<text:s>` stands for.
const SPACES: usize = 64;

#[derive(Default)]
struct Body {
    text: String,
    /// Paragraphs and headings that are open: notes hold paragraphs of their own.
    open: u32,
    heading: Option<u8>,
    item: bool,
    tables: u32,
    row: Vec<String>,
    /// The paragraph around the note that is open.
    around: Option<String>,
    notes: Vec<String>,
    /// How deep we are in an element that is left out.
    skipped: u32,
}

pub(super) fn parse(xml: &[u8], out: &mut Chunker<'_>) -> Outcome {
    let mut body = Body::default();
    walk(xml, &mut |event| match &event {
        Event::Start(tag) => body.start(tag, out),
        Event::Empty(tag) => {
            body.start(tag, out)?;
            body.end(tag.local_name().as_ref(), out)
        }
        Event::End(tag) => body.end(tag.local_name().as_ref(), out),
        Event::Text(text) => body.put(text),
        Event::CData(text) => body.put(text),
        Event::GeneralRef(name) => body.put(&entity(name)),
        _ => Ok(()),
    })?;
    body.paragraph(out)
}

/// A package with a key for its parts is protected with a password.
pub(super) fn refuse_locked(manifest: &[u8]) -> Outcome {
    let mut locked = false;
    walk(manifest, &mut |event| {
        if let Event::Start(tag) | Event::Empty(tag) = &event {
            locked |= tag.local_name().as_ref() == "encryption-data";
        }
        Ok(())
    })?;
    if locked { Err(fail("encrypted", "the document is protected with a password")) } else { Ok(()) }
}

/// Comments, deleted text, tables of contents and the number of a note are not the document's words.
fn is_left_out(name: &str) -> bool {
    matches!(
        name,
        "annotation"
            | "tracked-changes"
            | "table-of-content"
            | "note-citation"
            | "forms"
            | "automatic-styles"
            | "font-face-decls"
    )
}

impl Body {
    fn put(&mut self, text: &str) -> Outcome {
        if self.open > 0 && self.skipped == 0 {
            self.text.push_str(text);
        }
        Ok(())
    }

    fn start(&mut self, tag: &BytesStart<'_>, out: &mut Chunker<'_>) -> Outcome {
        let name = tag.local_name();
        let name = name.as_ref();
        if self.skipped > 0 || is_left_out(name) {
            self.skipped = self.skipped.saturating_add(1);
            return Ok(());
        }
        match name {
            "p" | "h" => {
                if self.around.is_none() && self.tables == 0 {
                    self.heading = level(name, tag);
                }
                self.open = self.open.saturating_add(1);
            }
            "list-item" => self.item = true,
            "note" if self.around.is_none() => self.around = Some(std::mem::take(&mut self.text)),
            "table" => {
                if self.tables == 0 {
                    out.end_paragraph()?;
                }
                self.tables = self.tables.saturating_add(1);
            }
            "s" => {
                let count = attribute(tag, "c").and_then(|count| count.parse().ok()).unwrap_or(1);
                self.put(&" ".repeat(SPACES.min(count)))?;
            }
            "tab" => self.put("\t")?,
            "line-break" => self.put("\n")?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str, out: &mut Chunker<'_>) -> Outcome {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        match name {
            "p" | "h" => {
                self.open = self.open.saturating_sub(1);
                if self.around.is_some() || self.tables > 0 {
                    // Paragraphs of one note or cell stay together until it ends.
                    self.text.push(' ');
                    return Ok(());
                }
                return self.paragraph(out);
            }
            "list-item" => self.item = false,
            "note" => {
                if let Some(around) = self.around.take() {
                    self.notes.push(std::mem::replace(&mut self.text, around));
                }
            }
            "table-cell" if self.tables > 0 => {
                let cell = std::mem::take(&mut self.text);
                self.row.push(cell.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            "table-row" => {
                let cells: Vec<String> =
                    std::mem::take(&mut self.row).into_iter().filter(|cell| !cell.is_empty()).collect();
                if !cells.is_empty() {
                    return out.verbatim(&cells.join(" | "), 0);
                }
            }
            "table" => {
                self.tables = self.tables.saturating_sub(1);
                if self.tables == 0 {
                    out.end_paragraph()?;
                    return self.notes(out);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn paragraph(&mut self, out: &mut Chunker<'_>) -> Outcome {
        let text = std::mem::take(&mut self.text);
        let heading = self.heading.take();
        if text.trim().is_empty() {
            out.end_paragraph()?;
        } else if let Some(level) = heading {
            out.heading(level, &text)?;
        } else {
            out.end_paragraph()?;
            let mark = if std::mem::take(&mut self.item) { "- " } else { "" };
            out.prose(&format!("{mark}{text}"), 0)?;
            out.end_paragraph()?;
        }
        self.notes(out)
    }

    fn notes(&mut self, out: &mut Chunker<'_>) -> Outcome {
        for note in std::mem::take(&mut self.notes) {
            out.prose(&note, 0)?;
            out.end_paragraph()?;
        }
        Ok(())
    }
}

/// `text:outline-level`, or the style of a document's title.
fn level(name: &str, tag: &BytesStart<'_>) -> Option<u8> {
    if name == "h" {
        let level = attribute(tag, "outline-level").and_then(|level| level.parse::<u8>().ok());
        return Some(level.unwrap_or(1).clamp(1, 9));
    }
    (attribute(tag, "style-name").as_deref() == Some("Title")).then_some(1)
}
