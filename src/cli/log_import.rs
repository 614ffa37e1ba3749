//! `spud log import`: lines of another program into the box's log, as they come. `spud log sources`: files that the
//! box follows by itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::client::escape;
use crate::api::types::{ImportedLog, LogSource, Page};

/// Read at once; a pipe gives less, and what it gives is sent.
const PIECE: u64 = 64 << 10;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  spud log import /var/log/nginx/error.log.1 --source nginx\n  \
                        journalctl -o export -f | spud log import - --source journal --form journal\n  \
                        some-program 2>&1 | spud log import - --source some-program\n\nFiles that the daemon is \
                        to follow by itself are the setting log.files.")]
pub(super) struct ImportArgs {
    /// A file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Who wrote it: `spud log --source NAME` finds it
    #[arg(long, value_name = "NAME")]
    source: String,
    /// Lines of text or JSON, or what `journalctl -o export` writes
    #[arg(long, value_enum, default_value = "lines")]
    form: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Lines,
    Journal,
}

pub(super) fn import(args: &ImportArgs, context: &mut Context) -> Result<u8, CliError> {
    let fault = |error: &std::io::Error| CliError::input(&args.file, error);
    let mut input: Box<dyn Read> = match args.file == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(&args.file).map_err(|error| fault(&error))?),
    };
    let form = match args.form {
        Form::Lines => "lines",
        Form::Journal => "journal",
    };
    let link = context.connect()?;
    let mut client = link.client().fork();
    let (mut held, mut lines) = (Vec::new(), 0);
    loop {
        let mut piece = [0; PIECE as usize];
        let count = input.read(&mut piece).map_err(|error| fault(&error))?;
        held.extend_from_slice(piece.get(..count).unwrap_or_default());
        let is_end = count == 0;
        if held.is_empty() {
            break;
        }
        let target = format!("/v1/logs?source={}&form={form}&end={is_end}", escape(&args.source));
        let headers = [("content-type", "text/plain")];
        let done: ImportedLog = client.put_bytes("POST", &target, &headers, &held)?;
        lines += done.lines;
        held.drain(..usize::try_from(done.used_bytes).unwrap_or(usize::MAX).min(held.len()));
        if is_end {
            break;
        }
    }
    match context.json {
        true => context.print_json(&serde_json::json!({ "lines": lines }))?,
        false => context.out.line(&format!("{lines} lines taken."))?,
    }
    Ok(0)
}

pub(super) fn sources(context: &mut Context) -> Result<u8, CliError> {
    let page: Page<LogSource> = context.connect()?.get("/v1/logs/sources")?;
    if context.json {
        context.print_json(&page)?;
        return Ok(0);
    }
    let row = |one: &LogSource| {
        vec![clean(&one.source), one.read_bytes.to_string(), clean(&one.path), clean(&one.problem)]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["source", "read", "path", "problem"], &rows)?;
    if rows.is_empty() {
        context.remark("No files are followed. The setting log.files names them; a daemon reads them.");
    }
    Ok(0)
}
