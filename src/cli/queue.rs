//! `spud queue ...`: lanes, upstream and dead letters.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Subcommand;

use super::context::Context;
use super::error::{CliError, FAILED, IO_ERROR, UNAVAILABLE};
use super::operation;
use super::output::clean;
use crate::api::client::escape;
use crate::api::types::{Operation, Page, PauseQueue, Purged, QueueLane, QueueStatus};
use crate::base::{format_bytes, format_time};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show the lanes, the upstream and what is tried next
    Status,
    /// List dead letters, newest first
    List {
        /// At most so many
        #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// Show an operation with its payload
    Show { id: String },
    /// Queue a dead letter again, in its old place
    Retry { id: String },
    /// Give a dead letter another payload: from a file, from -, or in $EDITOR
    Edit {
        id: String,
        #[arg(value_name = "FILE|-")]
        file: Option<PathBuf>,
        #[arg(long, value_name = "TYPE")]
        content_type: Option<String>,
    },
    /// Throw a dead letter away, or all of them
    Purge {
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        #[arg(long)]
        all: bool,
        /// Kept in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Deliver nothing until resumed
    Pause {
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Deliver again
    Resume,
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Status => {
            let status: QueueStatus = context.connect()?.get("/v1/queue")?;
            show(&status, context)?;
        }
        Verb::List { n } => {
            let page: Page<Operation> = context.connect()?.get(&format!("/v1/queue/dead?limit={n}"))?;
            operation::list(&page, context)?;
        }
        Verb::Show { id } => operation::show(&id, context)?,
        Verb::Retry { id } => {
            let target = format!("/v1/queue/dead/{}/retry", escape(&id));
            let operation: Operation = context.connect()?.send("POST", &target, &())?;
            changed(&operation, "queued again", context)?;
        }
        Verb::Edit { id, file, content_type } => edit(&id, file.as_deref(), content_type, context)?,
        Verb::Purge { id, reason, .. } => {
            let id = id.map_or_else(String::new, |id| format!("/{}", escape(&id)));
            let target = format!("/v1/queue/dead{id}?reason={}", escape(&reason));
            let purged: Purged = context.connect()?.send("DELETE", &target, &())?;
            if context.json {
                context.print_json(&purged)?;
            } else {
                context.out.line(&format!("{} thrown away", purged.purged))?;
            }
        }
        Verb::Pause { reason } => {
            let request = PauseQueue { reason };
            let status: QueueStatus = context.connect()?.send("POST", "/v1/queue/pause", &request)?;
            show(&status, context)?;
        }
        Verb::Resume => {
            let status: QueueStatus = context.connect()?.send("POST", "/v1/queue/resume", &())?;
            show(&status, context)?;
        }
    }
    Ok(0)
}

fn changed(operation: &Operation, what: &str, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(operation);
    }
    let id = if operation.delivery_id.is_empty() { &operation.id } else { &operation.delivery_id };
    context.out.line(&format!("{} {what}", clean(id)))
}

fn show(status: &QueueStatus, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(status);
    }
    let row = |lane: &QueueLane| {
        vec![
            lane.lane.clone(),
            lane.operations.to_string(),
            format!("{} of {}", format_bytes(lane.bytes), format_bytes(lane.most_bytes)),
            lane.oldest_ms.map_or("-".to_owned(), format_time),
            lane.added_per_minute.to_string(),
            lane.delivered_per_minute.to_string(),
            lane.delivered.to_string(),
            lane.dropped.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = status.lanes.iter().map(row).collect();
    let head = ["LANE", "WAIT", "BYTES", "OLDEST (UTC)", "IN/MIN", "OUT/MIN", "DELIVERED", "DROPPED"];
    context.out.table(&head, &rows)?;
    let upstream = &status.upstream;
    let mut line = match &upstream.url {
        Some(url) => format!("upstream: {} ({}, breaker {})", url, upstream.state, upstream.breaker),
        None => "upstream: none; operations wait (spud daemon --upstream URL)".to_owned(),
    };
    if upstream.url.is_some() && !upstream.reason.is_empty() {
        line.push_str(&format!(": {}", upstream.reason));
    }
    context.out.line(&clean(&line))?;
    if upstream.url.is_some() {
        context.out.line(&clean(&format!("  {}", upstream.words())))?;
    }
    if !upstream.last_error.is_empty() && upstream.last_error != upstream.reason {
        context.out.line(&clean(&format!("last error: {}", upstream.last_error)))?;
    }
    if let Some(at_ms) = upstream.retry_ms.or(status.next_retry_ms) {
        context.out.line(&format!("next try: {} UTC", format_time(at_ms)))?;
    }
    if let Some(seconds) = status.empty_in_s() {
        let span = humantime::format_duration(std::time::Duration::from_secs(seconds));
        context.out.line(&format!("empty in about {span}, at the rate of the last minute"))?;
    }
    context.out.line(&format!("dead letters: {}", status.dead_letters))?;
    for own in &status.own {
        let words = own.words();
        let next = own.next_ms.map_or_else(String::new, |at| format!("; next {} UTC", format_time(at)));
        if !words.is_empty() || !next.is_empty() {
            let words = if words.is_empty() { own.kind.clone() } else { words };
            context.out.line(&clean(&format!("on the box: {words}{next}")))?;
        }
    }
    Ok(())
}

fn edit(
    id: &str,
    file: Option<&Path>,
    content_type: Option<String>,
    context: &mut Context,
) -> Result<(), CliError> {
    let mut link = context.connect()?;
    let payload = match file {
        Some(file) => operation::read(file)?,
        None => {
            let target = format!("/v1/operations/{}/payload", escape(id));
            let before = link.call("GET", &target, None)?.body;
            let after = in_editor(&before)?;
            if after == before {
                return Err(CliError::new(FAILED, "nothing was changed", ""));
            }
            after
        }
    };
    // Without a type, the old one stays.
    let headers = [("content-type", content_type.as_deref().unwrap_or_default())];
    let target = format!("/v1/queue/dead/{}", escape(id));
    let edited: Operation = link.client().fork().put_bytes("PUT", &target, &headers, &payload)?;
    changed(
        &edited,
        "edited, another message to the upstream now; `spud queue retry` queues it again",
        context,
    )
}

fn in_editor(before: &[u8]) -> Result<Vec<u8>, CliError> {
    let failed =
        |error: std::io::Error| CliError::new(IO_ERROR, format!("no draft file: {error}"), "set TMPDIR");
    let mut draft = tempfile::Builder::new().prefix("spud-").tempfile().map_err(failed)?;
    std::io::Write::write_all(&mut draft, before).map_err(failed)?;
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let program = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let mut words = program.split_whitespace();
    let status = Command::new(words.next().unwrap_or("vi")).args(words).arg(draft.path()).status();
    let status = status.map_err(|error| {
        CliError::new(UNAVAILABLE, format!("'{program}' cannot be started: {error}"), "set EDITOR")
    })?;
    if !status.success() {
        return Err(CliError::new(FAILED, format!("'{program}' ended with {status}"), "nothing was changed"));
    }
    std::fs::read(draft.path()).map_err(failed)
}
