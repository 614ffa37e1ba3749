//! Markdown, line by line: headings, fences, lists, tables, front matter, with exact line numbers.
//!
//! Invariant: one line in memory at a time; no construct nests, so no depth can hurt.

use std::io::Read;

use super::chunker::Chunker;
use super::error::Outcome;
use super::inline;
use super::lines::{Line, Lines};
use super::plain::is_underline;

/// What the lines before tell about the next one.
#[derive(Default)]
struct State {
    /// The fence that closes the code block we are in.
    fence: Option<String>,
    comment: bool,
    /// The line before was empty.
    blank: bool,
    list: bool,
}

pub(super) fn parse<R: Read>(lines: &mut Lines<R>, out: &mut Chunker<'_>) -> Outcome {
    let mut state = State { blank: true, ..State::default() };
    front_matter(lines, out)?;
    while let Some(line) = lines.next()? {
        if in_block(&mut state, &line, out)? {
            continue;
        }
        let text = line.text.trim();
        if text.is_empty() {
            out.end_paragraph()?;
            state.blank = true;
            continue;
        }
        if !setext(lines, &line, out)? {
            plain_line(&mut state, &line, out)?;
        }
        state.blank = false;
    }
    Ok(())
}

/// `---` / `title: x` / `---` at the top.
fn front_matter<R: Read>(lines: &mut Lines<R>, out: &mut Chunker<'_>) -> Outcome {
    let Some(first) = lines.next()? else { return Ok(()) };
    let mark = first.text.trim_end().to_owned();
    if mark != "---" && mark != "+++" {
        lines.unread(first);
        return Ok(());
    }
    for _ in 0..200 {
        let Some(line) = lines.next()? else { return Ok(()) };
        if line.text.trim_end() == mark || line.text.trim_end() == "..." {
            return Ok(());
        }
        let pair = line.text.split_once([':', '=']);
        if let Some(("title", value)) = pair.map(|(key, value)| (key.trim(), value)) {
            out.title(value.trim().trim_matches(['"', '\'']));
        } else if line.text.contains(' ') && pair.is_none() && line.text.len() > 200 {
            lines.unread(line);
            return Ok(());
        }
    }
    Ok(())
}

/// Inside a fence or a comment the line is not Markdown.
fn in_block(state: &mut State, line: &Line, out: &mut Chunker<'_>) -> Outcome<bool> {
    let text = line.text.trim_start();
    if let Some(fence) = &state.fence {
        if text.starts_with(fence.as_str()) && text.trim_end().trim_start_matches(['`', '~']).is_empty() {
            state.fence = None;
            out.end_paragraph()?;
        } else {
            out.verbatim(&line.text, line.number)?;
        }
        return Ok(true);
    }
    if state.comment {
        state.comment = !text.contains("-->");
        return Ok(true);
    }
    if text.starts_with("<!--") {
        state.comment = !text.contains("-->");
        return Ok(true);
    }
    let ticks = text.len() - text.trim_start_matches('`').len();
    let waves = text.len() - text.trim_start_matches('~').len();
    let run = ticks.max(waves);
    let info = text.get(run..).unwrap_or_default();
    if run >= 3 && !(ticks >= 3 && info.contains('`')) {
        state.fence = text.get(..run).map(str::to_owned);
        out.end_paragraph()?;
        return Ok(true);
    }
    Ok(false)
}

/// A heading by its underline.
fn setext<R: Read>(lines: &mut Lines<R>, line: &Line, out: &mut Chunker<'_>) -> Outcome<bool> {
    let text = line.text.trim();
    if line.cut
        || text.len() > 200
        || line.text.starts_with("    ")
        || text.starts_with(['#', '>', '|', '-', '*', '+'])
    {
        return Ok(false);
    }
    let Some(next) = lines.next()? else { return Ok(false) };
    let under = next.text.trim();
    let level = match under.chars().next() {
        Some('=') => 1,
        Some('-') => 2,
        _ => 0,
    };
    if level > 0 && is_underline(text, under) {
        out.heading(level, &inline::markdown(text))?;
        return Ok(true);
    }
    lines.unread(next);
    Ok(false)
}

fn plain_line(state: &mut State, line: &Line, out: &mut Chunker<'_>) -> Outcome {
    let text = line.text.trim();
    let indent = line.text.chars().take_while(|c| *c == ' ').count();
    if indent < 4
        && let Some((level, heading)) = atx(text)
    {
        state.list = false;
        return out.heading(level, &inline::markdown(heading));
    }
    if is_rule(text) || is_reference(text) {
        return out.end_paragraph();
    }
    let code = (indent >= 4 || line.text.starts_with('\t')) && !state.list;
    if text.starts_with('|') || code {
        return table_or_code(line, code, out);
    }
    if let Some(item) = list_item(text) {
        state.list = true;
        out.end_paragraph()?;
        return out.prose(&format!("- {}", inline::markdown(item)), line.number);
    }
    if state.blank && indent == 0 {
        state.list = false;
    }
    let quoted = text.trim_start_matches(['>', ' ']);
    out.prose(&inline::markdown(quoted), line.number)
}

fn table_or_code(line: &Line, code: bool, out: &mut Chunker<'_>) -> Outcome {
    if code {
        return out.verbatim(&line.text, line.number);
    }
    let row = line.text.trim().trim_matches('|');
    if row.chars().all(|c| matches!(c, '-' | ':' | '|' | ' ')) {
        return Ok(());
    }
    let cells: Vec<String> = row.split('|').map(|cell| inline::markdown(cell.trim())).collect();
    out.verbatim(&cells.join(" | "), line.number)
}

/// `## Heading ##` with its level.
fn atx(text: &str) -> Option<(u8, &str)> {
    let rest = text.trim_start_matches('#');
    let level = text.len() - rest.len();
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let title = rest.trim();
    let bare = title.trim_end_matches('#');
    let title = if bare.ends_with(' ') || bare.is_empty() { bare.trim_end() } else { title };
    let title = title.split_once(" {#").map_or(title, |(before, _)| before);
    Some((u8::try_from(level).unwrap_or(6), title))
}

fn list_item(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(['-', '*', '+']).and_then(|rest| rest.strip_prefix(' ')) {
        return Some(rest.trim_start().trim_start_matches("[ ] ").trim_start_matches("[x] "));
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let after = text.get(digits..)?;
    ((1..=9).contains(&digits) && (after.starts_with(". ") || after.starts_with(") ")))
        .then(|| after.get(2..))
        .flatten()
}

fn is_rule(text: &str) -> bool {
    let marks = text.chars().filter(|c| !c.is_whitespace());
    let first = text.chars().next().unwrap_or(' ');
    matches!(first, '-' | '*' | '_' | '=') && marks.clone().count() >= 3 && marks.clone().all(|c| c == first)
}

/// `[name]: https://target` carries no words.
fn is_reference(text: &str) -> bool {
    text.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).is_some_and(|(name, target)| {
        !name.starts_with('^') && (target.contains("://") || target.starts_with(['/', '<', '.', '#']))
    })
}
