//! `spud operation ...`: what is to be delivered to the upstream.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::{clean, clean_lines};
use crate::api::client::escape;
use crate::api::types::{Operation, OperationDetail, Page};
use crate::base::{Clock, SystemClock, format_bytes, format_time};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Queue a file's content, or standard input with -
    Post {
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
        /// critical, high, normal or bulk
        #[arg(long, value_name = "LANE")]
        lane: Option<String>,
        /// Operations of one key are delivered one after the other
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// What it is, such as reading.stored
        #[arg(long, value_name = "WORD")]
        kind: Option<String>,
        #[arg(long, value_name = "TYPE", default_value = "application/json")]
        content_type: String,
        /// Not before so much time from now
        #[arg(long, value_name = "TIME", value_parser = duration)]
        delay: Option<Duration>,
        /// A dead letter if it was not delivered after so much time
        #[arg(long, value_name = "TIME", value_parser = duration)]
        ttl: Option<Duration>,
        /// The same key queues once, however often it is posted
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List operations: what waits by lane, oldest first
    List {
        /// waiting, dead or done
        #[arg(long, value_name = "STATE", default_value = "waiting")]
        state: String,
        #[arg(long, value_name = "LANE")]
        lane: Option<String>,
        /// At most so many
        #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// Show one operation with its payload
    Show { id: String },
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 30m or 1h"))
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Post { file, lane, key, kind, content_type, delay, ttl, idempotency_key } => {
            let payload = read(&file)?;
            let now_ms = SystemClock::default().now_ms();
            let at = |wait: Duration| {
                now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)).to_string()
            };
            let words = [
                ("lane", lane),
                ("key", key),
                ("kind", kind),
                ("not_before_ms", delay.map(at)),
                ("expires_ms", ttl.map(at)),
            ];
            let query: Vec<String> = words
                .into_iter()
                .filter_map(|(name, value)| Some(format!("{name}={}", escape(&value?))))
                .collect();
            let mut headers = vec![("content-type", content_type.as_str())];
            headers.extend(idempotency_key.as_deref().map(|key| ("idempotency-key", key)));
            if headers.iter().any(|(_, value)| value.chars().any(|letter| !matches!(letter, ' '..='~'))) {
                return Err(CliError::usage(
                    "a type or key has letters that no header can carry",
                    "use ASCII",
                ));
            }
            let link = context.connect()?;
            let target = format!("/v1/operations?{}", query.join("&"));
            let posted: Operation = link.client().fork().put_bytes("POST", &target, &headers, &payload)?;
            if context.json {
                context.print_json(&posted)?;
            } else {
                context.out.line(&posted.id)?;
            }
        }
        Verb::List { state, lane, n } => {
            let lane = lane.map_or(String::new(), |lane| format!("&lane={}", escape(&lane)));
            let target = format!("/v1/operations?state={}&limit={n}{lane}", escape(&state));
            let page: Page<Operation> = context.connect()?.get(&target)?;
            list(&page, context)?;
        }
        Verb::Show { id } => show(&id, context)?,
    }
    Ok(0)
}

/// A file, or standard input for `-`.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    if file.as_os_str() != "-" {
        return std::fs::read(file).map_err(|error| CliError::input(file, &error));
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| CliError::input(file, &error))?;
    Ok(bytes)
}

/// The id without the box's own part, which is the same for all.
fn short(id: &str) -> &str {
    id.split_once('-').map_or(id, |(_, rest)| rest)
}

pub(super) fn list(page: &Page<Operation>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("None.");
    }
    let row = |operation: &Operation| {
        vec![
            short(&operation.id).to_owned(),
            operation.lane.clone(),
            operation.state.clone(),
            format_time(operation.created_ms),
            operation.attempts.to_string(),
            operation.kind.clone(),
            operation.key.clone(),
            operation.last_error.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["ID", "LANE", "STATE", "MADE (UTC)", "TRIES", "KIND", "KEY", "LAST ERROR"], &rows)?;
    if page.next.is_some() {
        context.remark("there are more: ask for more with -n");
    }
    Ok(())
}

pub(super) fn show(id: &str, context: &mut Context) -> Result<(), CliError> {
    let detail: OperationDetail = context.connect()?.get(&format!("/v1/operations/{}", escape(id)))?;
    if context.json {
        return context.print_json(&detail);
    }
    let operation = &detail.operation;
    let time = |ms: Option<u64>| ms.map_or(String::new(), format_time);
    for (name, value) in [
        ("id", operation.id.clone()),
        ("state", operation.state.clone()),
        ("kind", operation.kind.clone()),
        ("lane", operation.lane.clone()),
        ("key", operation.key.clone()),
        (
            "made",
            format!(
                "{} UTC by uid {}, pid {}",
                format_time(operation.created_ms),
                operation.uid,
                operation.pid
            ),
        ),
        ("not before", time(operation.not_before_ms)),
        ("expires", time(operation.expires_ms)),
        ("ended", time(operation.ended_ms)),
        ("tries", operation.attempts.to_string()),
        ("last error", operation.last_error.clone()),
        ("payload", format!("{}, {}", format_bytes(operation.bytes), operation.content_type)),
    ] {
        if !value.is_empty() {
            context.out.line(&format!("{name:<11}{}", clean(&value)))?;
        }
    }
    if let Some(payload) = &detail.payload {
        context.out.line("")?;
        context.out.line(&clean_lines(payload))?;
    }
    Ok(())
}
