//! `spud redact`: a text without its secrets and personal data. Needs no box and no data folder.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::error::{CliError, NO_INPUT};
use crate::api::host;
use crate::api::types::redaction::RedactionReport;

#[derive(Debug, Args)]
pub(super) struct RedactArgs {
    /// A file, or standard input with -
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Say what is found and where, in place of the text
    #[arg(long)]
    report: bool,
}

pub(super) fn run(args: &RedactArgs, context: &mut Context) -> Result<u8, CliError> {
    let input: Box<dyn Read> = if args.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).map_err(|error| {
            let what = format!("{} cannot be read: {error}", args.file.display());
            CliError::new(NO_INPUT, what, "check the path and its permissions")
        })?)
    };
    if args.report || context.json {
        let report = host::redact_stream(input, io::sink())?;
        return said(&report, context).map(|()| 0);
    }
    let mut output = BufWriter::new(io::stdout().lock());
    let report = host::redact_stream(input, &mut output)?;
    output.flush()?;
    let counts: Vec<String> = report.counts.iter().map(|one| format!("{} {}", one.count, one.kind)).collect();
    if !counts.is_empty() {
        context.remark(&format!("redacted: {}", counts.join(", ")));
    }
    Ok(0)
}

fn said(report: &RedactionReport, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(report);
    }
    if report.counts.is_empty() {
        return context.out.line(&format!("Nothing in {} bytes.", report.bytes));
    }
    let rows: Vec<Vec<String>> =
        report.counts.iter().map(|one| vec![one.kind.clone(), one.count.to_string()]).collect();
    context.out.table(&["KIND", "COUNT"], &rows)?;
    context.out.line("")?;
    let rows: Vec<Vec<String>> = report
        .places
        .iter()
        .map(|one| {
            vec![one.line.to_string(), one.offset.to_string(), one.bytes.to_string(), one.kind.clone()]
        })
        .collect();
    context.out.table(&["LINE", "OFFSET", "BYTES", "KIND"], &rows)
}
