//! `spud check`: every segment, record and model.

use clap::Args;

use super::context::Context;
use super::error::{CliError, FAILED, INTERRUPTED};
use super::interrupt::Interrupt;
use super::job::{OnInterrupt, list_failures, summary, wait};
use super::output::clean;
use crate::api::host::Attached;
use crate::api::types::{CheckReport, CheckRequest, JobState};
use crate::base::format_bytes;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Drop what is damaged and index its documents again
    #[arg(long)]
    repair: bool,
    /// Read the backups, too
    #[arg(long)]
    backups: bool,
}

pub(super) fn run(args: &CheckArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let mut report: CheckReport =
        link.send("POST", "/v1/check", &CheckRequest { repair: args.repair, backups: args.backups })?;
    if !context.json {
        show(&report, args.repair, context)?;
    }
    let code = if report.jobs.is_empty() {
        if report.ok { 0 } else { FAILED }
    } else {
        rebuild(&mut report, &mut link, context)?
    };
    if context.json {
        context.print_json(&report)?;
    }
    Ok(code)
}

fn show(report: &CheckReport, repair: bool, context: &mut Context) -> Result<(), CliError> {
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
    } else if !repair {
        context.remark("`spud check --repair` drops what is damaged and indexes its documents again");
    }
    Ok(())
}

/// Waits for the jobs of a repair: an engine that lives only as long as this command would leave them undone.
/// Good only when every file is back and a second look finds nothing.
fn rebuild(report: &mut CheckReport, link: &mut Attached, context: &mut Context) -> Result<u8, CliError> {
    let interrupt = Interrupt::listen();
    let mut whole = true;
    for job in &mut report.jobs {
        *job = wait(&job.id, OnInterrupt::Leave, &interrupt, link, context)?;
        if !job.state.is_final() {
            context.remark("interrupted; the next `spud` command or the daemon goes on with the repair");
            return Ok(INTERRUPTED);
        }
        whole &= job.state == JobState::Done && job.files_failed == 0;
        if !context.json {
            context.out.line(&summary(job))?;
            if job.files_failed > 0 {
                list_failures(job, link, context)?;
            }
        }
    }
    let after: CheckReport = link.send("POST", "/v1/check", &CheckRequest::default())?;
    if !context.json {
        for problem in &after.problems {
            let line = context.out.paint.bad(&format!("still: {}", clean(problem)));
            context.out.line(&line)?;
        }
        if whole && after.ok {
            context.out.line("Everything is whole again.")?;
        }
    }
    Ok(if whole && after.ok { 0 } else { FAILED })
}
