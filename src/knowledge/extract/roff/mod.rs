//! Man pages: man(7) and mdoc(7) source to sections and paragraphs.
//!
//! Invariant: no macro is ever executed: definitions are skipped, conditions are answered as a terminal would.

mod escape;
mod man;
mod mdoc;

use std::collections::HashMap;
use std::io::Read;

use super::chunker::Chunker;
use super::error::Outcome;
use super::lines::Lines;

/// What the lines before tell about the next one.
#[derive(Default)]
pub(super) struct Page {
    strings: HashMap<String, String>,
    /// Lines keep their layout.
    verbatim: bool,
    /// The next text is the tag of a list item.
    tag: bool,
    mdoc: mdoc::State,
    /// `name(section)`.
    name: String,
    in_name: bool,
    name_line: String,
    /// Skips a definition up to this macro.
    until: Option<String>,
    /// Depth of `\{ \}` in a part not taken.
    skipping: u32,
    /// Whether the last `.ie` was taken.
    taken: bool,
    table: Option<Table>,
    number: u32,
}

/// A tbl(1) table: format lines first, then rows.
#[derive(Default)]
struct Table {
    rows: bool,
    cell: bool,
    row: String,
    mark: Option<char>,
}

pub(super) fn parse<R: Read>(lines: &mut Lines<R>, out: &mut Chunker<'_>) -> Outcome {
    let mut page = Page::default();
    while let Some(line) = lines.next()? {
        page.number = line.number;
        let mut text = line.text;
        // A backslash at the end of a line joins the next one.
        while text.ends_with('\\') && !text.ends_with("\\\\") && text.len() < 64 << 10 {
            let Some(more) = lines.next()? else { break };
            text.pop();
            text.push_str(&more.text);
        }
        page.line(&text, out)?;
    }
    page.leave_name(out)
}

impl Page {
    fn line(&mut self, text: &str, out: &mut Chunker<'_>) -> Outcome {
        if let Some(end) = &self.until {
            let here = text.strip_prefix(['.', '\'']).map(str::trim_start);
            if here.and_then(|here| here.split_whitespace().next()) == Some(end) {
                self.until = None;
            }
            return Ok(());
        }
        if self.skipping > 0 {
            let opens = u32::try_from(text.matches("\\{").count()).unwrap_or(0);
            let closes = u32::try_from(text.matches("\\}").count()).unwrap_or(0);
            self.skipping = (self.skipping + opens).saturating_sub(closes);
            return Ok(());
        }
        if self.table.is_some() && !text.starts_with(".TE") {
            return self.table_line(text, out);
        }
        match text.strip_prefix(['.', '\'']) {
            Some(control) => self.control(control.trim_start(), out),
            None => self.text(text, out),
        }
    }

    fn control(&mut self, control: &str, out: &mut Chunker<'_>) -> Outcome {
        if control.is_empty() || control.starts_with("\\\"") || control.starts_with("\\}") {
            return Ok(());
        }
        let glued = ["el\\{", "br\\}"].iter().any(|word| control.starts_with(word));
        let (name, rest) = if glued {
            control.split_at(2)
        } else {
            control.split_once([' ', '\t']).unwrap_or((control, ""))
        };
        if self.request(name, rest.trim_start(), out)? {
            return Ok(());
        }
        let arguments = escape::arguments(rest);
        if mdoc::is_macro(name) && self.mdoc.on || matches!(name, "Dd" | "Dt") {
            return self.mdoc_macro(name, &arguments, out);
        }
        self.man_macro(name, &arguments, out)
    }

    /// Requests of roff itself.
    fn request(&mut self, name: &str, rest: &str, out: &mut Chunker<'_>) -> Outcome<bool> {
        match name {
            "de" | "am" | "ig" | "de1" | "am1" => {
                let rest = rest.split_once("\\\"").map_or(rest, |(words, _)| words);
                let end =
                    if name == "ig" { rest } else { rest.split_whitespace().nth(1).unwrap_or_default() };
                self.until = Some(if end.trim().is_empty() { ".".to_owned() } else { end.trim().to_owned() });
            }
            "ds" | "as" => self.define(rest),
            "if" | "ie" => {
                let (holds, body) = condition(rest);
                self.taken = holds;
                self.branch(holds, body, out)?;
            }
            "el" => self.branch(!self.taken, rest, out)?,
            "TS" => {
                out.end_paragraph()?;
                self.table = Some(Table::default());
            }
            "TE" => {
                self.table = None;
                out.end_paragraph()?;
            }
            "EQ" => self.until = Some("EN".to_owned()),
            "PS" => self.until = Some("PE".to_owned()),
            "so" => {
                out.title(&self.name.clone());
                out.prose(&format!("See {}.", rest.trim()), self.number)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn define(&mut self, rest: &str) {
        let Some((name, value)) = rest.split_once([' ', '\t']) else { return };
        if self.strings.len() < 256 && value.len() < 256 {
            let value = escape::plain(value.trim_start().trim_start_matches('"'), &self.strings);
            self.strings.insert(name.to_owned(), value);
        }
    }

    fn branch(&mut self, holds: bool, body: &str, out: &mut Chunker<'_>) -> Outcome {
        let body = body.trim_start();
        if let Some(block) = body.strip_prefix("\\{") {
            let block = block.trim_start_matches('\\').trim();
            if !holds {
                self.skipping = u32::from(!block.contains("\\}"));
            } else if !block.is_empty() {
                return self.simple(block, out);
            }
            return Ok(());
        }
        if holds && !body.is_empty() { self.simple(body, out) } else { Ok(()) }
    }

    /// The body of a condition; a further condition inside it is not followed.
    fn simple(&mut self, body: &str, out: &mut Chunker<'_>) -> Outcome {
        match body.strip_prefix(['.', '\'']) {
            Some(inner) if inner.starts_with("if") || inner.starts_with("ie") || inner.starts_with("el") => {
                Ok(())
            }
            Some(inner) => self.control(inner, out),
            None => self.text(body, out),
        }
    }

    fn table_line(&mut self, text: &str, out: &mut Chunker<'_>) -> Outcome {
        let number = self.number;
        let plain = escape::plain(text, &self.strings);
        let Some(table) = &mut self.table else { return Ok(()) };
        if !table.rows {
            if let Some(at) = text.find("tab(") {
                table.mark = text.get(at + 4..).and_then(|rest| rest.chars().next());
            }
            table.rows = text.trim_end().ends_with('.');
            return Ok(());
        }
        let mark = table.mark.unwrap_or('\t');
        if text.starts_with('.') || text.trim_matches(['_', '=', ' ']).is_empty() {
            let words = text.split_once(' ').map_or("", |(_, rest)| rest);
            if table.cell && matches!(text.get(1..3), Some("B " | "I " | "BR" | "IR" | "RB" | "RI" | "BI")) {
                table.row.push_str(&escape::plain(words, &self.strings));
                table.row.push(' ');
            }
            return Ok(());
        }
        let closed = plain.strip_prefix("T}");
        if closed.is_some() {
            table.cell = false;
        }
        let part = closed.unwrap_or(&plain);
        let opens = part.ends_with("T{");
        table.row.push_str(&part.trim_end_matches("T{").replace(mark, " | "));
        table.cell = (table.cell && closed.is_none()) || opens;
        if table.cell && table.row.len() < 64 << 10 {
            if !table.row.ends_with(' ') {
                table.row.push(' ');
            }
            return Ok(());
        }
        let row = std::mem::take(&mut table.row);
        out.verbatim(row.trim_matches([' ', '|']), number)
    }

    /// Source text of a line.
    fn text(&mut self, text: &str, out: &mut Chunker<'_>) -> Outcome {
        let plain = escape::plain(text, &self.strings);
        self.put(&plain, out)
    }

    /// Text as read, into the right kind of paragraph.
    fn put(&mut self, plain: &str, out: &mut Chunker<'_>) -> Outcome {
        if self.in_name && self.name_line.len() < 300 {
            self.name_line.push_str(plain.trim());
            self.name_line.push(' ');
        }
        if self.verbatim {
            return out.verbatim(plain, self.number);
        }
        if plain.trim().is_empty() {
            return out.end_paragraph();
        }
        if std::mem::take(&mut self.tag) {
            let tag = plain.trim();
            let mark = if tag.ends_with([':', '.', '•', '*', '-', ')']) { "" } else { ":" };
            return out.prose(&format!("{tag}{mark}"), self.number);
        }
        out.prose(plain, self.number)
    }

    fn section(&mut self, level: u8, heading: &str, out: &mut Chunker<'_>) -> Outcome {
        self.leave_name(out)?;
        self.verbatim = false;
        self.tag = false;
        self.in_name = level == 2 && heading.eq_ignore_ascii_case("name");
        out.heading(level, heading)
    }

    /// The title: `grep(1) - print lines that match patterns`.
    fn leave_name(&mut self, out: &mut Chunker<'_>) -> Outcome {
        if !std::mem::take(&mut self.in_name) || self.name.is_empty() {
            return Ok(());
        }
        let about = [" - ", " – ", " — ", " -- "].iter().find_map(|dash| self.name_line.split_once(dash));
        if let Some((_, about)) = about {
            out.end_section()?;
            let about: String = about.trim().chars().take(120).collect();
            out.retitle(&format!("{} - {}", self.name, about));
        }
        Ok(())
    }
}

/// Whether a condition holds on a terminal, and what depends on it.
fn condition(rest: &str) -> (bool, &str) {
    let (negated, rest) = rest.strip_prefix('!').map_or((false, rest), |inner| (true, inner));
    let end = rest.find([' ', '\t']).or_else(|| rest.find("\\{")).unwrap_or(rest.len());
    let (test, body) = (rest.get(..end).unwrap_or_default(), rest.get(end..).unwrap_or_default());
    let holds = matches!(test, "n" | "\\n(.g" | "\\n[.g]" | "1");
    (holds != negated, body)
}
