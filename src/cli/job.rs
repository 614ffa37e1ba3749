//! `spud job ...`, and following a job to its end.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Subcommand;

use super::context::Context;
use super::error::{CliError, FAILED, INTERRUPTED};
use super::interrupt::Interrupt;
use super::output::clean;
use crate::api::client::escape;
use crate::api::host::Attached;
use crate::api::types::{Failure, Job, JobState, Page};
use crate::base::{format_bytes, format_time};

/// How often a job is looked at, and how often its line is drawn.
const LOOK: Duration = Duration::from_millis(200);
/// Failures listed one by one.
const LISTED: usize = 10;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List jobs, newest first
    List,
    /// Show one job
    Show { id: String },
    /// Cancel a job; what it has committed stays
    Cancel { id: String },
    /// Wait for a job's end
    Wait { id: String },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    match verb {
        Verb::List => {
            let page: Page<Job> = link.get("/v1/jobs")?;
            list(&page, context)
        }
        Verb::Show { id } => {
            let job: Job = link.get(&format!("/v1/jobs/{}", escape(&id)))?;
            show(&job, context)
        }
        Verb::Cancel { id } => {
            let job: Job = link.send("DELETE", &format!("/v1/jobs/{}", escape(&id)), &())?;
            show(&job, context)
        }
        Verb::Wait { id } => {
            let job = follow(&id, &Interrupt::listen(), &mut link, context)?;
            outcome(&job, &mut link, context)
        }
    }
}

fn list(page: &Page<Job>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|job| {
            vec![
                job.id.clone(),
                job.kind.clone(),
                state(job.state).to_owned(),
                job.collection.clone(),
                format!("{}/{}", job.files_done, job.files_total),
                job.files_failed.to_string(),
                format_time(job.created_ms),
            ]
        })
        .collect();
    context.out.table(&["ID", "KIND", "STATE", "COLLECTION", "FILES", "FAILED", "CREATED (UTC)"], &rows)?;
    Ok(0)
}

fn show(job: &Job, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(job)?;
    } else {
        context.out.line(&summary(job))?;
    }
    Ok(0)
}

fn state(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

pub(super) fn summary(job: &Job) -> String {
    // Jobs of models are about no collection and no files.
    if job.collection.is_empty() && job.files_total == 0 {
        let passages = if job.chunks > 0 { format!(", {} passages", job.chunks) } else { String::new() };
        let error = job.error.as_ref().map_or_else(String::new, |error| format!("; {}", clean(error)));
        return format!("{} job {}: {}{passages}{error}", job.kind, job.id, state(job.state));
    }
    let mut line = format!(
        "{} job {} in {}: {}, {} of {} files, {} passages, {} unchanged, {} removed, {} failed",
        job.kind,
        job.id,
        clean(&job.collection),
        state(job.state),
        job.files_done,
        job.files_total,
        job.chunks,
        job.files_skipped,
        job.files_removed,
        job.files_failed,
    );
    if let Some(error) = &job.error {
        line.push_str(&format!("; {}", clean(error)));
    }
    line
}

/// What Ctrl-C does to a job that is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnInterrupt {
    Cancel,
    /// It is durable: whoever has the engine next goes on with it.
    Leave,
}

/// Waits for a job's end; Ctrl-C cancels it.
pub(super) fn follow(
    id: &str,
    interrupt: &Interrupt,
    link: &mut Attached,
    context: &Context,
) -> Result<Job, CliError> {
    wait(id, OnInterrupt::Cancel, interrupt, link, context)
}

/// Waits for a job's end, or until interrupted.
pub(super) fn wait(
    id: &str,
    on_interrupt: OnInterrupt,
    interrupt: &Interrupt,
    link: &mut Attached,
    context: &Context,
) -> Result<Job, CliError> {
    let draw = std::io::stderr().is_terminal() && !context.quiet && !context.json;
    let target = format!("/v1/jobs/{}", escape(id));
    let result = loop {
        let job: Job = match link.get(&target) {
            Ok(job) => job,
            Err(error) => break Err(error.into()),
        };
        if draw {
            eprint!("\r\u{1b}[K{}", progress(&job, super::output::width().saturating_sub(1)));
        }
        if job.state.is_final() {
            break Ok(job);
        }
        if interrupt.is_asked() {
            if on_interrupt == OnInterrupt::Leave {
                break Ok(job);
            }
            let cancelled: Result<Job, _> = link.send("DELETE", &target, &());
            let ended = wait_for_end(&target, link);
            break match (cancelled, ended) {
                (Ok(_), Some(job)) => Ok(job),
                (Ok(job), None) => Ok(job),
                (Err(error), _) => Err(error.into()),
            };
        }
        std::thread::sleep(LOOK);
    };
    if draw {
        eprint!("\r\u{1b}[K");
    }
    result
}

/// A cancelled job finishes the file it is at: up to ten seconds.
fn wait_for_end(target: &str, link: &mut Attached) -> Option<Job> {
    for _ in 0..100 {
        let job: Job = link.get(target).ok()?;
        if job.state.is_final() {
            return Some(job);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    None
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a bar of 20 cells
fn progress(job: &Job, width: usize) -> String {
    let done = if job.bytes_total > 0 {
        job.bytes_done as f64 / job.bytes_total as f64
    } else if job.files_total > 0 {
        job.files_done as f64 / job.files_total as f64
    } else {
        0.0
    }
    .clamp(0.0, 1.0);
    let cells = (done * 20.0) as usize;
    let bar = format!("[{}{}]", "#".repeat(cells), "-".repeat(20usize.saturating_sub(cells)));
    let left = job.eta_ms.map_or_else(String::new, |ms| format!(", {} left", time_left(ms)));
    let line = format!(
        "{bar} {:3.0}%  {}/{} files, {}/s{left}  {}",
        done * 100.0,
        job.files_done,
        job.files_total,
        format_bytes(job.bytes_per_second),
        clean(job.current.as_deref().unwrap_or_default()),
    );
    line.chars().take(width).collect()
}

fn time_left(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// Prints what a job did; 1 when nothing could be done.
pub(super) fn outcome(job: &Job, link: &mut Attached, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(job)?;
    } else if !context.quiet || job.state != JobState::Done {
        context.out.line(&summary(job))?;
    }
    if job.files_failed > 0 && !context.json {
        list_failures(job, link, context)?;
    }
    Ok(match job.state {
        JobState::Done if job.files_failed > 0 && job.chunks == 0 && job.files_skipped == 0 => FAILED,
        JobState::Done => 0,
        JobState::Cancelled => {
            context.remark("cancelled; what was committed stays. Give the same command again to go on");
            INTERRUPTED
        }
        JobState::Queued | JobState::Running => {
            context.remark(
                "cancelled; the job ends after the file it is at. Give the same command again to go on",
            );
            INTERRUPTED
        }
        JobState::Failed => FAILED,
    })
}

/// The files that a job could not read, and what can be done.
pub(super) fn list_failures(job: &Job, link: &mut Attached, context: &Context) -> Result<(), CliError> {
    let target = format!("/v1/failures?collection={}", escape(&job.collection));
    let failures: Page<Failure> = link.get(&target)?;
    let since = job.started_ms.unwrap_or(job.created_ms);
    let new: Vec<&Failure> = failures.items.iter().filter(|failure| failure.at_ms >= since).collect();
    for failure in new.iter().take(LISTED) {
        context.remark(&format!(
            "  {}: {} ({}); {}",
            failure.path, failure.reason, failure.kind, failure.advice
        ));
    }
    if new.len() > LISTED {
        context.remark(&format!("  and {} more: GET /v1/failures lists them", new.len() - LISTED));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_of_a_model_is_about_no_files() {
        let promote = Job {
            id: "6".into(),
            kind: "promote".into(),
            state: JobState::Failed,
            error: Some("gates failed: quality".into()),
            ..Job::default()
        };
        assert_eq!(summary(&promote), "promote job 6: failed; gates failed: quality");
        let add = Job { kind: "add".into(), collection: "garden".into(), ..promote };
        assert!(summary(&add).starts_with("add job 6 in garden: failed, 0 of 0 files"), "{}", summary(&add));
    }
}
