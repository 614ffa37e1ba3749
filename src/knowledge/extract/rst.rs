//! reStructuredText: titles by their underlines, literal blocks, directives, fields.
//!
//! Invariant: one line in memory at a time (two at a heading); heading levels follow the order of their marks.

use std::io::Read;

use super::chunker::Chunker;
use super::error::Outcome;
use super::inline;
use super::lines::{Line, Lines};

#[derive(Default)]
struct State {
    /// Marks of headings in the order met; with `true` where there is a line above too.
    levels: Vec<(char, bool)>,
    /// Lines indented deeper than this belong to a literal block.
    literal: Option<usize>,
    /// Lines indented deeper than this belong to a comment.
    hidden: Option<usize>,
}

pub(super) fn parse<R: Read>(lines: &mut Lines<R>, out: &mut Chunker<'_>) -> Outcome {
    let mut state = State::default();
    while let Some(line) = lines.next()? {
        let text = line.text.trim();
        if text.is_empty() {
            if state.literal.is_none() {
                out.end_paragraph()?;
            }
            continue;
        }
        if inside(&mut state, &line, out)? || heading(&mut state, lines, &line, out)? {
            continue;
        }
        body(&mut state, &line, out)?;
    }
    Ok(())
}

fn indent(line: &Line) -> usize {
    line.text.chars().take_while(|c| c.is_whitespace()).count()
}

fn inside(state: &mut State, line: &Line, out: &mut Chunker<'_>) -> Outcome<bool> {
    let deep = indent(line);
    if state.hidden.is_some_and(|above| deep > above) {
        return Ok(true);
    }
    state.hidden = None;
    if state.literal.is_some_and(|above| deep > above) {
        let option = line.text.trim().starts_with(':');
        if !option {
            out.verbatim(&line.text, line.number)?;
        }
        return Ok(true);
    }
    if state.literal.take().is_some() {
        out.end_paragraph()?;
    }
    Ok(false)
}

fn mark_of(text: &str) -> Option<char> {
    let text = text.trim_end();
    let mark = text.chars().next().filter(char::is_ascii_punctuation)?;
    (text.len() >= 2 && text.chars().all(|c| c == mark)).then_some(mark)
}

fn heading<R: Read>(
    state: &mut State,
    lines: &mut Lines<R>,
    line: &Line,
    out: &mut Chunker<'_>,
) -> Outcome<bool> {
    if let Some(mark) =
        mark_of(&line.text).filter(|_| line.text.trim_end().len() >= 4 || line.text.starts_with("=="))
    {
        let Some(title) = lines.next()? else { return Ok(true) };
        let Some(under) = lines.next()? else {
            lines.unread(title);
            return Ok(true);
        };
        if mark_of(&under.text) == Some(mark) && !title.text.trim().is_empty() && !title.text.contains("  ") {
            let level = level(state, mark, true);
            return out.heading(level, &inline::rst(title.text.trim())).map(|()| true);
        }
        // A transition or the edge of a table: both lines are text.
        for text in [title, under] {
            if !text.text.trim().is_empty() && mark_of(&text.text).is_none() {
                body(state, &text, out)?;
            } else {
                out.end_paragraph()?;
            }
        }
        return Ok(true);
    }
    if line.cut || line.text.len() > 200 || line.text.starts_with(' ') {
        return Ok(false);
    }
    let Some(under) = lines.next()? else { return Ok(false) };
    let width = line.text.trim_end().chars().count();
    match mark_of(&under.text) {
        Some(mark) if under.text.trim_end().len() + 1 >= width => {
            let level = level(state, mark, false);
            out.heading(level, &inline::rst(line.text.trim())).map(|()| true)
        }
        _ => {
            lines.unread(under);
            Ok(false)
        }
    }
}

fn level(state: &mut State, mark: char, above: bool) -> u8 {
    let at = state.levels.iter().position(|known| *known == (mark, above)).unwrap_or_else(|| {
        state.levels.push((mark, above));
        state.levels.len() - 1
    });
    u8::try_from(at + 1).unwrap_or(u8::MAX)
}

fn body(state: &mut State, line: &Line, out: &mut Chunker<'_>) -> Outcome {
    let text = line.text.trim();
    if let Some(rest) = text.strip_prefix("..").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
        out.end_paragraph()?;
        return directive(state, line, rest.trim(), out);
    }
    if is_table(text) {
        return out.verbatim(text.trim_matches('|').trim(), line.number);
    }
    if text.chars().all(|c| matches!(c, '+' | '-' | '=' | ' ' | '|')) {
        return out.end_paragraph();
    }
    if let Some(item) = list_item(text) {
        out.end_paragraph()?;
        return out.prose(&format!("- {}", inline::rst(item)), line.number);
    }
    if let Some((field, value)) = text.strip_prefix(':').and_then(|rest| rest.split_once(": "))
        && !field.contains('`')
        && field.len() < 60
    {
        out.end_paragraph()?;
        return out.prose(&format!("{field}: {}", inline::rst(value)), line.number);
    }
    if let Some(before) = text.strip_suffix("::") {
        state.literal = Some(indent(line));
        if !before.is_empty() {
            out.prose(&format!("{}:", inline::rst(before)), line.number)?;
        }
        return out.end_paragraph();
    }
    out.prose(&inline::rst(text), line.number)
}

fn is_table(text: &str) -> bool {
    text.len() > 2 && text.starts_with('|') && text.ends_with('|')
}

/// `.. name:: argument`; without a name it is a comment or a target.
fn directive(state: &mut State, line: &Line, rest: &str, out: &mut Chunker<'_>) -> Outcome {
    let Some((name, argument)) = rest.split_once("::").filter(|(name, _)| !name.contains(' ')) else {
        if !(rest.starts_with('[') && rest.contains(']')) {
            state.hidden = Some(indent(line));
            return Ok(());
        }
        return out.prose(&inline::rst(rest), line.number);
    };
    let argument = argument.trim();
    match name {
        "code" | "code-block" | "sourcecode" | "parsed-literal" | "literal" | "highlight" | "prompt"
        | "doctest" => {
            state.literal = Some(indent(line));
            Ok(())
        }
        "toctree" | "image" | "figure" | "raw" | "include" | "contents" | "only" | "index" | "csv-table"
        | "automodule" | "currentmodule" | "module" | "meta" | "default-role" => {
            state.hidden = Some(indent(line));
            Ok(())
        }
        _ if argument.is_empty() => Ok(()),
        _ => out.prose(&inline::rst(argument), line.number),
    }
}

fn list_item(text: &str) -> Option<&str> {
    if let Some(rest) =
        text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")).or_else(|| text.strip_prefix("#. "))
    {
        return Some(rest.trim_start());
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    ((1..=4).contains(&digits)).then(|| text.get(digits..)?.strip_prefix(". ")).flatten()
}
