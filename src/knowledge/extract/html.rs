//! HTML: headings, paragraphs, lists, tables and code, with the lines of the source.
//!
//! Invariant: counters instead of a tree, so no nesting is too deep; lines are those of the source, in order.

use std::ops::Range;

use spud_markup::Event;

use super::chunker::Chunker;
use super::error::Outcome;

/// Reads one page that is in memory.
pub(super) fn parse(page: String, out: &mut Chunker<'_>) -> Outcome {
    // HTML also ends a line at a lone carriage return; editors and `grep -n` do not, and theirs are the lines
    // we cite. With a space instead, the tokenizer's offsets and line ends are those of the page. In place,
    // because a page may fill a quarter of the memory allowed.
    let mut page = page.into_bytes();
    page.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b' ');
    let page = page.as_slice();
    let mut reader = Reader::new(page, out);
    let mut outcome = Ok(());
    spud_markup::read(page, &mut |event, bytes| {
        if outcome.is_ok() {
            outcome = reader.event(event, &bytes);
        }
    });
    outcome?;
    reader.move_to(page.len());
    reader.block()
}

/// What the text between two tags is part of.
struct Reader<'r, 'c> {
    source: &'r [u8],
    out: &'r mut Chunker<'c>,
    /// Line of the byte at `counted`.
    line: u32,
    counted: usize,
    /// The element whose content is left out, and how often it is open.
    skip: Option<(Vec<u8>, u32)>,
    heading: Option<(u8, String, u32)>,
    title: Option<String>,
    pre: u32,
    row: Option<String>,
    text: String,
    text_line: u32,
}

impl<'r, 'c> Reader<'r, 'c> {
    fn new(source: &'r [u8], out: &'r mut Chunker<'c>) -> Self {
        Self {
            source,
            out,
            line: 1,
            counted: 0,
            skip: None,
            heading: None,
            title: None,
            pre: 0,
            row: None,
            text: String::new(),
            text_line: 0,
        }
    }

    fn event(&mut self, event: Event<'_>, bytes: &Range<usize>) -> Outcome {
        self.move_to(bytes.start);
        match event {
            Event::Start(name) => self.start(name),
            Event::End(name) => self.end(name),
            Event::Text(text) => self.string(text, bytes.end),
        }
    }

    fn move_to(&mut self, at: usize) {
        self.line = self.line_at(at);
        self.counted = self.counted.max(at);
    }

    /// The line of a byte that is still ahead.
    fn line_at(&self, at: usize) -> u32 {
        let passed = self.source.get(self.counted..at).unwrap_or_default();
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX))
    }

    fn start(&mut self, name: &[u8]) -> Outcome {
        if let Some((skipped, depth)) = &mut self.skip {
            if name == skipped.as_slice() {
                *depth = depth.saturating_add(1);
            }
            // A navigation that was never closed must not swallow the page.
            if !matches!(name, b"main" | b"article" | b"h1") {
                return Ok(());
            }
            self.skip = None;
        }
        match name {
            b"script" | b"style" | b"nav" | b"footer" | b"aside" | b"noscript" | b"template" | b"svg"
            | b"select" | b"button" | b"iframe" | b"object" => self.skip = Some((name.to_vec(), 1)),
            b"title" if self.out.known_title().is_none() => self.title = Some(String::new()),
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => {
                self.block()?;
                let level = name.get(1).map_or(6, |digit| digit.saturating_sub(b'0'));
                self.heading = Some((level, String::new(), self.line));
            }
            b"pre" | b"textarea" => {
                self.block()?;
                self.pre = self.pre.saturating_add(1);
            }
            b"tr" => {
                self.block()?;
                self.row = Some(String::new());
            }
            b"td" | b"th" => self.cell(),
            b"li" => {
                self.block()?;
                self.text.push_str("- ");
            }
            b"br" if self.pre == 0 => self.text.push(' '),
            b"br" => self.text.push('\n'),
            _ if is_block(name) && self.row.is_none() => self.block()?,
            _ if is_block(name) => self.text.push(' '),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &[u8]) -> Outcome {
        if let Some((skipped, depth)) = &mut self.skip {
            if name == skipped.as_slice() {
                *depth -= 1;
            }
            if *depth == 0 || matches!(name, b"body" | b"html") {
                self.skip = None;
            }
            return Ok(());
        }
        match name {
            b"title" => {
                if let Some(title) = self.title.take() {
                    self.out.title(&title);
                }
            }
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => self.end_heading()?,
            b"pre" | b"textarea" => {
                self.block()?;
                self.pre = self.pre.saturating_sub(1);
            }
            b"tr" => self.end_row()?,
            b"table" => {
                self.end_row()?;
                self.out.end_paragraph()?;
            }
            _ if is_block(name) && self.row.is_none() => self.block()?,
            _ => {}
        }
        Ok(())
    }

    fn end_heading(&mut self) -> Outcome {
        match self.heading.take() {
            Some((level, text, _)) => {
                self.out.heading(level, text.trim_end_matches(['¶', '#', '\u{f0c1}', ' ']))
            }
            None => Ok(()),
        }
    }

    fn string(&mut self, value: &[u8], end: usize) -> Outcome {
        if self.skip.is_some() {
            return Ok(());
        }
        let value = String::from_utf8_lossy(value);
        if let Some(title) = &mut self.title {
            title.push_str(&value);
        } else if let Some((_, heading, _)) = &mut self.heading {
            heading.push_str(&value);
        } else if self.pre > 0 {
            self.begin();
            self.text.push_str(&value);
        } else {
            // Line by line, so that a long paragraph keeps its own lines. `&#10;` is a line end in the value
            // that the source does not have.
            let (first, last) = (self.line, self.line_at(end));
            for (at, part) in value.split('\n').enumerate() {
                if at > 0 {
                    self.flush_line()?;
                    self.line = self.line.saturating_add(1).min(last);
                }
                self.begin();
                self.text.push_str(part);
            }
            self.line = first;
        }
        Ok(())
    }

    fn begin(&mut self) {
        if self.text.trim_matches(['-', ' ']).is_empty() {
            self.text_line = self.line;
        }
    }

    /// Hands one source line of running text over; the paragraph goes on.
    fn flush_line(&mut self) -> Outcome {
        if self.row.is_some() || self.text.trim_matches(['-', ' ']).is_empty() {
            if !self.text.ends_with(' ') && !self.text.is_empty() {
                self.text.push(' ');
            }
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        self.out.prose(&text, self.text_line)
    }

    /// The block of text is complete.
    fn block(&mut self) -> Outcome {
        let text = std::mem::take(&mut self.text);
        if self.row.is_some() {
            self.row = None;
        }
        if text.trim_matches(['-', ' ', '\n']).is_empty() {
            return self.out.end_paragraph();
        }
        if self.pre == 0 {
            self.out.prose(&text, self.text_line)?;
        } else {
            let mut number = self.text_line;
            for line in text.trim_end().split('\n') {
                self.out.verbatim(line, number)?;
                // `<br>` and `&#10;` end lines that the source does not.
                number = number.saturating_add(1).min(self.line);
            }
        }
        self.out.end_paragraph()
    }

    fn cell(&mut self) {
        if let Some(row) = &mut self.row {
            let text = std::mem::take(&mut self.text);
            add_cell(row, &text);
        }
    }

    fn end_row(&mut self) -> Outcome {
        self.cell();
        match self.row.take() {
            Some(row) if !row.is_empty() => self.out.verbatim(&row, self.line),
            _ => Ok(()),
        }
    }
}

fn add_cell(row: &mut String, text: &str) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !text.is_empty() {
        if !row.is_empty() {
            row.push_str(" | ");
        }
        row.push_str(&text);
    }
}

fn is_block(name: &[u8]) -> bool {
    matches!(
        name,
        b"p" | b"div"
            | b"section"
            | b"article"
            | b"main"
            | b"header"
            | b"ul"
            | b"ol"
            | b"li"
            | b"dl"
            | b"dt"
            | b"dd"
            | b"table"
            | b"thead"
            | b"tbody"
            | b"caption"
            | b"blockquote"
            | b"figure"
            | b"figcaption"
            | b"hr"
            | b"body"
            | b"head"
            | b"address"
            | b"details"
            | b"summary"
            | b"form"
            | b"fieldset"
            | b"center"
    )
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn lines(page: &str) -> Vec<(String, Option<(u32, u32)>)> {
        let mut found = Vec::new();
        let mut sink = |chunk: super::super::Chunk| {
            found.push((chunk.text, chunk.place.lines));
            ControlFlow::Continue(())
        };
        let mut out = Chunker::new(1 << 20, &mut sink);
        parse(page.to_owned(), &mut out).unwrap();
        out.finish().unwrap();
        found
    }

    #[test]
    fn lines_are_those_of_the_source_whatever_ends_them() {
        for end in ["\n", "\r\n"] {
            let page = "<h1>a</h1>|<p>one|two|</p><h2>b</h2>|<pre>x|y</pre>|<h2>c</h2><p>last</p>";
            let found = lines(&page.replace('|', end));
            let places: Vec<_> = found.iter().map(|(_, lines)| lines.unwrap()).collect();
            assert_eq!(places, [(2, 3), (5, 6), (7, 7)], "{end:?}");
        }
    }

    /// Once "lines 4 to 3": a lone carriage return counted as a line of the text but not of the source.
    #[test]
    fn what_is_no_line_end_in_the_source_counts_no_lines() {
        assert_eq!(lines("\r\r!<!>\n!"), [("! !".into(), Some((1, 2)))]);
        assert_eq!(lines("a&#10;b&#10;c<i>\nd"), [("a b c d".into(), Some((1, 2)))]);
        assert_eq!(lines("<pre>a<br>b<br>c\nd</pre>"), [("a\nb\nc\nd".into(), Some((1, 2)))]);
    }
}
