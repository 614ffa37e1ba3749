//! `spud mode ...`: what the box gives up, why, and what brings it back.

use std::time::Duration;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::client::escape;
use crate::api::types::{ForceMode, ModeAxis, ModeBrief, ModeChange, ModeReport, Page};
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show the mode, since when and why, and what is given up
    Show,
    /// Show every measure beside its limits, and the last change
    Explain,
    /// List changes of the mode, newest first
    History {
        /// At most so many
        #[arg(short, long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// Force a mode for a time (normal, reduced, queue, selective, memory, emergency)
    Force {
        mode: String,
        /// Why: kept in the history
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long, such as 30m or 1h; at most a week
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
        ttl: Duration,
    },
    /// Let the box choose its mode again
    Auto,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 30m or 1h"))
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    match verb {
        Verb::Show => {
            let report: ModeReport = link.get("/v1/mode")?;
            show(&report, context)?;
        }
        Verb::Explain => {
            let report: ModeReport = link.get("/v1/mode")?;
            // A box whose store failed has no history to show, and is worth explaining all the same.
            let last = link.get::<Page<ModeChange>>("/v1/mode/history?limit=1").ok();
            explain(&report, last.as_ref().and_then(|page| page.items.first()), context)?;
        }
        Verb::History { n } => {
            let page: Page<ModeChange> =
                link.get(&format!("/v1/mode/history?limit={}", escape(&n.to_string())))?;
            history(&page, context)?;
        }
        Verb::Force { mode, reason, ttl } => {
            let request = ForceMode { mode, reason, ttl_s: ttl.as_secs() };
            let report: ModeReport = link.send("POST", "/v1/mode/force", &request)?;
            show(&report, context)?;
        }
        Verb::Auto => {
            let report: ModeReport = link.send("POST", "/v1/mode/auto", &())?;
            show(&report, context)?;
        }
    }
    Ok(0)
}

/// One line for `spud status` and `spud doctor`.
pub(super) fn summary(mode: &ModeBrief) -> String {
    if mode.is_normal() {
        return "Normal".to_owned();
    }
    let mut line = format!("{} since {} UTC", mode.title, format_time(mode.since_ms));
    if !mode.reason.is_empty() {
        line.push_str(&format!(": {}", mode.reason));
    }
    line
}

fn show(report: &ModeReport, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(report);
    }
    let mode = &report.now;
    let text = clean(&summary(mode));
    let line = if mode.is_normal() { context.out.paint.good(&text) } else { context.out.paint.bad(&text) };
    context.out.line(&line)?;
    for effect in &mode.effects {
        context.out.line(&format!("  {:<18} {}", clean(&effect.short), clean(&effect.about)))?;
    }
    if !mode.way_back.is_empty() {
        context.out.line(&format!("back: {}", clean(&mode.way_back)))?;
    }
    if let Some(forced) = &mode.forced {
        let until = format_time(forced.until_ms);
        let line =
            format!("forced: {} until {until} UTC by {}: {}", forced.mode, forced.actor, forced.reason);
        context.out.line(&clean(&line))?;
    }
    Ok(())
}

fn explain(report: &ModeReport, last: Option<&ModeChange>, context: &mut Context) -> Result<(), CliError> {
    show(report, context)?;
    if context.json {
        return Ok(());
    }
    context.out.line("")?;
    let rows: Vec<Vec<String>> = report.axes.iter().flat_map(rows).collect();
    context.out.table(&["AXIS", "NOW", "MEASURE", "VALUE", "ENTER", "LEAVE", "BRINGS"], &rows)?;
    let ballast = if report.ballast { "held" } else { "not held" };
    context.out.line(&format!("The ballast (2 MiB to give up when the disk is full) is {ballast}."))?;
    if let Some(change) = last {
        context.out.line(&clean(&format!("Last change: {}", sentence(change))))?;
    }
    Ok(())
}

fn rows(axis: &ModeAxis) -> Vec<Vec<String>> {
    let row = |(at, reading): (usize, &crate::api::types::ModeReading)| {
        let first = |text: &str| if at == 0 { text.to_owned() } else { String::new() };
        vec![
            first(&axis.axis),
            first(&axis.mode),
            reading.what.clone(),
            reading.value.clone(),
            reading.enter.clone(),
            reading.leave.clone(),
            reading.mode.clone(),
        ]
    };
    axis.readings.iter().enumerate().map(row).collect()
}

fn sentence(change: &ModeChange) -> String {
    let by = if change.actor.is_empty() { String::new() } else { format!(" by {}", change.actor) };
    format!(
        "{} UTC, {} to {} ({}{by}): {}",
        format_time(change.at_ms),
        change.from,
        change.to,
        change.cause,
        change.reason
    )
}

fn history(page: &Page<ModeChange>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("The mode has never changed.");
    }
    let row = |change: &ModeChange| {
        let cause = change.axis.as_ref().map_or(String::new(), |axis| format!(" ({axis})"));
        vec![
            format_time(change.at_ms),
            change.from.clone(),
            change.to.clone(),
            format!("{}{cause}", change.cause),
            change.actor.clone(),
            change.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["AT (UTC)", "FROM", "TO", "CAUSE", "BY", "REASON"], &rows)
}
