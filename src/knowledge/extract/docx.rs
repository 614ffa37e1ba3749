//! The body of a DOCX: paragraphs, headings by style, tables by row.
//!
//! Invariant: holds one paragraph or table row, never the tree.

use quick_xml::events::{BytesStart, Event};

use super::chunker::Chunker;
use super::error::Outcome;
use super::zipped::{attribute, walk};

#[derive(Default)]
struct Body {
    text: String,
    style: String,
    in_text: bool,
    list: bool,
    /// How many tables we are in.
    tables: u32,
    row: Vec<String>,
}

pub(super) fn parse(xml: &[u8], out: &mut Chunker<'_>) -> Outcome {
    let mut body = Body::default();
    walk(xml, &mut |event| match &event {
        Event::Start(tag) => {
            body.start(tag);
            Ok(())
        }
        Event::Empty(tag) => {
            body.start(tag);
            body.in_text = false;
            if tag.local_name().as_ref() == "p" { body.paragraph(out) } else { Ok(()) }
        }
        Event::Text(text) if body.in_text => {
            body.text.push_str(text);
            Ok(())
        }
        Event::GeneralRef(name) if body.in_text => {
            body.text.push_str(&entity(name));
            Ok(())
        }
        Event::CData(text) if body.in_text => {
            body.text.push_str(text);
            Ok(())
        }
        Event::End(tag) => body.end(tag.local_name().as_ref(), out),
        _ => Ok(()),
    })?;
    body.paragraph(out)
}

/// The five entities of XML and numbers.
pub(super) fn entity(name: &str) -> String {
    match name {
        "amp" => "&".into(),
        "lt" => "<".into(),
        "gt" => ">".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        _ => {
            let point = match name.strip_prefix("#x") {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => name.strip_prefix('#').and_then(|digits| digits.parse().ok()),
            };
            point.and_then(char::from_u32).map(String::from).unwrap_or_default()
        }
    }
}

impl Body {
    fn start(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "t" => self.in_text = true,
            "tab" if !self.text.is_empty() => self.text.push('\t'),
            "br" | "cr" => self.text.push('\n'),
            "noBreakHyphen" => self.text.push('-'),
            "pStyle" => self.style = attribute(tag, "val").unwrap_or_default(),
            "numPr" => self.list = true,
            "tbl" => self.tables = self.tables.saturating_add(1),
            _ => {}
        }
    }

    fn end(&mut self, name: &str, out: &mut Chunker<'_>) -> Outcome {
        match name {
            "t" => self.in_text = false,
            "p" => return self.paragraph(out),
            "tc" if self.tables > 0 => self.row.push(std::mem::take(&mut self.text)),
            "tr" => {
                let cells: Vec<String> = std::mem::take(&mut self.row)
                    .iter()
                    .map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" "))
                    .filter(|cell| !cell.is_empty())
                    .collect();
                return if cells.is_empty() { Ok(()) } else { out.verbatim(&cells.join(" | "), 0) };
            }
            "tbl" => {
                self.tables = self.tables.saturating_sub(1);
                return out.end_paragraph();
            }
            _ => {}
        }
        Ok(())
    }

    fn paragraph(&mut self, out: &mut Chunker<'_>) -> Outcome {
        let style = std::mem::take(&mut self.style);
        let list = std::mem::take(&mut self.list);
        if self.tables > 0 {
            // Paragraphs of one cell stay together until the cell ends.
            self.text.push(' ');
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return out.end_paragraph();
        }
        if let Some(level) = level(&style) {
            return out.heading(level, &text);
        }
        out.end_paragraph()?;
        let mark = if list { "- " } else { "" };
        out.prose(&format!("{mark}{text}"), 0)?;
        out.end_paragraph()
    }
}

/// `Heading2`, `heading 2`, `berschrift2`, `Title`.
fn level(style: &str) -> Option<u8> {
    let style = style.to_ascii_lowercase();
    if style == "title" {
        return Some(1);
    }
    let digit = style.chars().next_back().and_then(|c| c.to_digit(10)).filter(|d| *d > 0)?;
    let named =
        ["heading", "berschrift", "titre", "titolo", "ttulo", "kop"].iter().any(|word| style.contains(word));
    named.then(|| u8::try_from(digit).ok()).flatten()
}

/// `dc:title` of the document's properties.
pub(super) fn title(xml: &[u8]) -> String {
    let (mut title, mut inside) = (String::new(), false);
    let read = walk(xml, &mut |event| {
        match &event {
            Event::Start(tag) => inside = tag.local_name().as_ref() == "title",
            Event::End(_) => inside = false,
            Event::Text(text) if inside => title.push_str(text),
            Event::GeneralRef(name) if inside => title.push_str(&entity(name)),
            _ => {}
        }
        Ok(())
    });
    if read.is_ok() { title } else { String::new() }
}
