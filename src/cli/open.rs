//! `--open N`: the source of a result in the editor or pager, at its line.

use std::io::Write;
use std::process::{Command, Stdio};

use super::ask::heading;
use super::context::Context;
use super::error::{CliError, FAILED, UNAVAILABLE};
use super::output::clean_lines;
use crate::api::client::escape;
use crate::api::host::Attached;
use crate::api::types::{Hit, Page, Passage, SearchResponse};

pub(super) fn result(
    number: usize,
    found: &SearchResponse,
    link: &mut Attached,
    context: &mut Context,
) -> Result<u8, CliError> {
    let Some(hit) = found.results.iter().find(|hit| hit.rank == number) else {
        let what = format!("there is no result {number}: {} were found", found.results.len());
        return Err(CliError::new(FAILED, what, "ask without --open to see them"));
    };
    let on_disk = std::path::Path::new(&hit.path).is_file();
    let readable =
        !matches!(hit.kind.as_str(), "pdf" | "docx" | "odt" | "epub") && !hit.path.ends_with(".gz");
    if on_disk && readable {
        return source(hit);
    }
    let target = format!(
        "/v1/documents/{}/passages?around={}&before=200&after=200",
        escape(&hit.document),
        escape(&hit.chunk)
    );
    let passages: Page<Passage> = link.get(&target)?;
    let mut text = format!("{}\n{}\n", heading(hit), hit.path);
    for passage in &passages.items {
        let mark = if passage.chunk == hit.chunk { "\n>>> " } else { "\n" };
        text.push_str(&format!("{mark}{}\n\n{}\n", passage.heading.join(" > "), passage.text));
    }
    page(&clean_lines(&text), context)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// What takes a line only as part of a path, or not at all; vi, nano, emacs, micro, less and more know `+line`.
const NO_LINES: [&str; 5] = ["cat", "bat", "head", "code", "ed"];

/// `$VISUAL`, `$EDITOR` or `$PAGER`, at the line.
fn source(hit: &Hit) -> Result<u8, CliError> {
    let program =
        ["VISUAL", "EDITOR", "PAGER"].into_iter().find_map(variable).unwrap_or_else(|| "less".to_owned());
    let mut words = program.split_whitespace();
    let name = words.next().unwrap_or("less");
    let knows = !NO_LINES.contains(&name.rsplit('/').next().unwrap_or(name));
    let mut command = Command::new(name);
    command.args(words);
    if let Some(line) = hit.place.line_start.filter(|_| knows) {
        command.arg(format!("+{line}"));
    }
    let status = command.arg(&hit.path).status().map_err(|error| not_started(&program, &error))?;
    Ok(if status.success() { 0 } else { FAILED })
}

fn page(text: &str, context: &mut Context) -> Result<u8, CliError> {
    use std::io::IsTerminal;
    if !std::io::stdout().is_terminal() {
        context.out.line(text)?;
        return Ok(0);
    }
    let program = variable("PAGER").unwrap_or_else(|| "less".to_owned());
    let mut words = program.split_whitespace();
    let mut child = Command::new(words.next().unwrap_or("less"))
        .args(words)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(&program, &error))?;
    if let Some(mut input) = child.stdin.take() {
        // A pager that was left early has shown enough.
        let _ = input.write_all(text.as_bytes());
    }
    child.wait().map_err(|error| not_started(&program, &error))?;
    Ok(0)
}

fn not_started(program: &str, error: &std::io::Error) -> CliError {
    CliError::new(UNAVAILABLE, format!("'{program}' cannot be started: {error}"), "set EDITOR or PAGER")
}
