//! Plain text and log files.
//!
//! Invariant: one line in memory at a time; every line keeps its number.

use std::io::Read;

use super::chunker::Chunker;
use super::error::Outcome;
use super::lines::{Line, Lines};

/// Paragraphs between empty lines; underlined lines are headings; aligned blocks keep their layout.
pub(super) fn text<R: Read>(lines: &mut Lines<R>, out: &mut Chunker<'_>) -> Outcome {
    while let Some(line) = lines.next()? {
        if line.text.trim().is_empty() {
            out.end_paragraph()?;
            continue;
        }
        if !line.cut && could_be_heading(&line.text) {
            match lines.next()? {
                Some(under) if is_underline(&line.text, &under.text) => {
                    let level = if under.text.starts_with(['=', '*', '#']) { 1 } else { 2 };
                    out.heading(level, line.text.trim())?;
                    continue;
                }
                Some(next) => lines.unread(next),
                None => {}
            }
        }
        if is_rule(&line.text) {
            out.end_paragraph()?;
        } else {
            body(&line, out)?;
        }
    }
    Ok(())
}

fn body(line: &Line, out: &mut Chunker<'_>) -> Outcome {
    if line.text.contains('\u{c}') {
        out.end_paragraph()?;
    }
    if is_laid_out(&line.text) {
        out.verbatim(&line.text, line.number)
    } else {
        out.prose(&line.text, line.number)
    }
}

fn could_be_heading(text: &str) -> bool {
    let text = text.trim_end();
    text.len() < 120 && text.chars().next().is_some_and(char::is_alphanumeric)
}

/// A line of one repeated mark about as long as the line above it.
pub(super) fn is_underline(above: &str, line: &str) -> bool {
    let line = line.trim_end();
    let Some(mark) = line.chars().next() else { return false };
    let width = above.trim_end().chars().count();
    matches!(mark, '=' | '-' | '~' | '*' | '#' | '^' | '+')
        && line.len() >= 3
        && line.chars().all(|c| c == mark)
        && line.len() + 3 >= width
        && line.len() <= width + 20
}

fn is_rule(text: &str) -> bool {
    let text = text.trim();
    text.len() >= 4 && text.chars().all(|c| matches!(c, '-' | '=' | '*' | '_' | '~' | '#' | '+'))
}

/// Columns or code: indented deeper than a paragraph, or gaps inside the line.
fn is_laid_out(text: &str) -> bool {
    let inner = text.trim();
    text.starts_with("    ") || text.starts_with('\t') || inner.contains('\t') || inner.contains("   ")
}

/// Entries stay lines and are grouped up to the size of a passage.
pub(super) fn log<R: Read>(lines: &mut Lines<R>, out: &mut Chunker<'_>) -> Outcome {
    while let Some(line) = lines.next()? {
        if !line.text.trim().is_empty() {
            out.verbatim(&line.text, line.number)?;
        }
    }
    Ok(())
}

/// Whether a line begins with a time, as log entries do.
pub(super) fn begins_with_time(line: &str) -> bool {
    let line = line.trim_start_matches(['[', '(', '<', ' ']);
    let start: String = line.chars().take(24).collect();
    let mask: String = start.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let syslog = month.iter().any(|m| mask.starts_with(m)) && mask.contains("00:00:00");
    let iso = mask.starts_with("0000-00-00") || mask.starts_with("0000/00/00");
    let clock =
        mask.starts_with("00:00:00") || mask.starts_with("00/Jan") || mask.starts_with("0000000000.000");
    let kernel = line.len() < start.len() + 400 && mask.trim_start().starts_with('0') && {
        let digits = mask.trim_start_matches('0');
        digits.starts_with(".000000]")
    };
    let web = line.chars().take(160).collect::<String>().contains(" - - [") || line.contains("] \"GET ");
    syslog || iso || clock || kernel || web
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_recognised() {
        for line in [
            "2024-05-01T10:00:00Z start",
            "[2024-05-01 10:00:00] start",
            "May  1 10:00:00 box sshd[1]: start",
            "[    0.000000] Linux version",
            "127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200 1",
        ] {
            assert!(begins_with_time(line), "{line}");
        }
        assert!(!begins_with_time("May I ask"));
        assert!(!begins_with_time("2024 was a good year"));
    }
}
