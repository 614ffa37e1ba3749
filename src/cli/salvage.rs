//! `spud salvage` and `spud compact`.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::error::{CliError, FAILED, TRY_AGAIN};
use super::output::clean;
use crate::api::host;
use crate::api::types::CompactReport;
use crate::base::format_bytes;

#[derive(Debug, Args)]
pub(super) struct SalvageArgs {
    /// New folder for what can be read
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

pub(super) fn run(args: &SalvageArgs, context: &mut Context) -> Result<u8, CliError> {
    if host::is_served(&context.options) {
        let what = "a spud serves this data folder";
        return Err(CliError::new(TRY_AGAIN, what, "stop it first: what is read must not change meanwhile"));
    }
    let into = std::path::absolute(&args.into).unwrap_or_else(|_| args.into.clone());
    let report = host::salvage(&context.options, &into)?;
    if context.json {
        context.print_json(&report)?;
    } else {
        for lost in &report.lost {
            let line = context.out.paint.bad(&format!("lost: {}", clean(lost)));
            context.out.line(&line)?;
        }
        context.out.line(&clean(&format!(
            "{} records of {} tables, {} segments and {} files are in {}",
            report.records, report.tables, report.segments, report.files, report.into
        )))?;
        if report.mended > 0 {
            context.out.line(&format!("{} flipped bits of the stores were put right", report.mended))?;
        }
        if report.lost.is_empty() {
            context.out.line("Nothing is lost.")?;
        }
    }
    Ok(if report.lost.is_empty() { 0 } else { FAILED })
}

pub(super) fn compact(context: &mut Context) -> Result<u8, CliError> {
    let report: CompactReport = context.connect()?.send("POST", "/v1/compact", &())?;
    if context.json {
        context.print_json(&report)?;
        return Ok(0);
    }
    for store in &report.stores {
        let [before, after] = [store.before_bytes, store.after_bytes].map(format_bytes);
        context.out.line(&format!("{:<14} {before} before, {after} after", store.name))?;
    }
    Ok(0)
}
