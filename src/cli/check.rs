//! `spud check`: every segment, record and model.

use clap::Args;

use super::context::Context;
use super::error::{CliError, FAILED};
use super::output::clean;
use crate::api::types::{CheckReport, CheckRequest};
use crate::base::format_bytes;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Drop what is damaged and index its documents again
    #[arg(long)]
    repair: bool,
}

pub(super) fn run(args: &CheckArgs, context: &mut Context) -> Result<u8, CliError> {
    let report: CheckReport =
        context.connect()?.send("POST", "/v1/check", &CheckRequest { repair: args.repair })?;
    if context.json {
        context.print_json(&report)?;
    } else {
        context.out.line(&format!(
            "checked {} segments ({} blocks), {} records, {} models: {}",
            report.segments,
            report.blocks,
            report.records,
            report.models,
            format_bytes(report.bytes)
        ))?;
        for problem in &report.problems {
            let line = context.out.paint.bad(&clean(problem));
            context.out.line(&line)?;
        }
        for repaired in &report.repaired {
            context.out.line(&format!("repaired: {}", clean(repaired)))?;
        }
        if report.problems.is_empty() {
            context.out.line("Everything is whole.")?;
        } else if !args.repair {
            context.remark("`spud check --repair` drops what is damaged and indexes its documents again");
        }
    }
    Ok(if report.ok { 0 } else { FAILED })
}
