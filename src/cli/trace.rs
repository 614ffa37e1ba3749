//! `spud trace ...`: what requests, jobs and deliveries did, and for how long; failures in groups.

use std::path::Path;

use clap::Subcommand;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::audit_files::put;
use super::context::Context;
use super::error::{CANNOT_CREATE, CliError, UNAVAILABLE, USAGE};
use super::metric_show::moment;
use super::output::{clean, width};
use crate::api::client::escape;
use crate::api::host;
use crate::api::types::{ErrorGroup, Page, TraceDetail, TraceSpan, TraceSummary};
use crate::base::{Clock, SystemClock, format_second, format_time};

/// Widest name in a picture, and columns of a time.
const NAME: usize = 36;
const TIME: usize = 9;
/// Fewest columns of the picture itself.
const PICTURE: usize = 12;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the traces that were kept: failed, asked for, slow, and some usual ones
    #[command(
        after_help = "Examples:\n  spud trace list --slow --name /v1/ask\n  spud trace list --failed --since 2h"
    )]
    List {
        /// Only those that took longer than nearly all others of their name
        #[arg(long)]
        slow: bool,
        /// Only those that failed
        #[arg(long)]
        failed: bool,
        /// Only names that contain this
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Only of this time and later: a time, or how long ago
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// At most so many
        #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50,
              value_parser = clap::value_parser!(u32).range(1..=1000))]
        number: u32,
    },
    /// Show one trace as a waterfall, by id or the begin of it
    Show {
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Write one trace, or all of a time, as OTLP/JSON into a file, or send it to a collector
    #[command(after_help = "Examples:\n  spud trace export --since 1h --otlp traces.json\n  \
                      spud trace export 4bf9 --otlp http://127.0.0.1:4318/v1/traces")]
    Export {
        #[arg(value_name = "ID", required_unless_present = "since", conflicts_with = "since")]
        id: Option<String>,
        /// All of this time and later: a time, or how long ago
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// A file, - for standard output, or the address of a collector
        #[arg(long, value_name = "FILE|URL")]
        otlp: String,
    },
    /// List failures in groups: what failed, where, how often, since when, and a trace
    Errors,
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let now_ms = SystemClock::default().now_ms();
    match verb {
        Verb::List { slow, failed, name, since, number } => {
            let mut target = format!("/v1/traces?limit={number}");
            for (flag, word) in [(slow, "slow"), (failed, "failed")] {
                if flag {
                    target.push_str(&format!("&{word}=1"));
                }
            }
            if let Some(name) = name {
                target.push_str(&format!("&name={}", escape(&name)));
            }
            if let Some(since) = since {
                target.push_str(&format!("&since={}", moment(&since, now_ms)?));
            }
            let page: Page<TraceSummary> = context.connect()?.get(&target)?;
            list(&page, context)?;
        }
        Verb::Show { id } => {
            let detail: TraceDetail = context.connect()?.get(&format!("/v1/traces/{}", escape(&id)))?;
            show(&detail, context)?;
        }
        Verb::Export { id, since, otlp } => {
            let target = match (id, since) {
                (Some(id), _) => format!("/v1/traces/otlp?id={}", escape(&id)),
                (None, Some(since)) => format!("/v1/traces/otlp?since={}", moment(&since, now_ms)?),
                (None, None) => return Err(CliError::new(USAGE, "which traces?", "give an ID or --since")),
            };
            let document = context.connect()?.bytes(&target)?;
            export(&document, &otlp, context)?;
        }
        Verb::Errors => {
            let page: Page<ErrorGroup> = context.connect()?.get("/v1/errors")?;
            errors(&page, context)?;
        }
    }
    Ok(0)
}

/// `840 us`, `12.3 ms`, `1.20 s`
fn took(us: u64) -> String {
    match us {
        0..=999 => format!("{us} us"),
        1_000..=999_999 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

fn list(page: &Page<TraceSummary>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("No trace was kept.");
    }
    let row = |one: &TraceSummary| {
        let name = if one.failed { format!("{}: {}", one.name, one.error) } else { one.name.clone() };
        vec![
            one.id.chars().take(12).collect(),
            format_second(one.started_ms),
            took(one.took_us),
            one.kept.clone(),
            name,
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["ID", "BEGAN (UTC)", "TOOK", "KEPT", "NAME"], &rows)
}

fn show(detail: &TraceDetail, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(detail);
    }
    let head = format!(
        "{}  {}  {}, {}",
        clean(&detail.id),
        format_second(detail.started_us / 1000),
        took(detail.took_us),
        clean(&detail.kept)
    );
    let head = if detail.failed { context.out.paint.bad(&head) } else { context.out.paint.bold(&head) };
    context.out.line(&head)?;
    let names = detail.spans.iter().map(|span| label(span).width()).max().unwrap_or(0).min(NAME);
    let room = width().saturating_sub(names + TIME + 5).max(PICTURE);
    for span in &detail.spans {
        let line = row(detail, span, names, room);
        let line = if span.failed { context.out.paint.bad(&line) } else { line };
        context.out.line(&line)?;
    }
    for span in &detail.spans {
        let mut facts: Vec<String> = span.attributes.iter().map(|(name, value)| fact(name, value)).collect();
        if !span.error.is_empty() {
            facts.push(format!("error: {}", span.error));
        }
        if !facts.is_empty() {
            context.out.line(&clean(&format!("  {}: {}", span.name, facts.join(", "))))?;
        }
    }
    if detail.dropped > 0 {
        context.out.line(&format!("  {} more spans found no place", detail.dropped))?;
    }
    for (word, ids) in [("came from", &detail.links), ("led to", &detail.linked)] {
        for id in ids {
            context.out.line(&format!("  {word} {}", clean(id)))?;
        }
    }
    context.remark(&format!("its lines of the log: spud log --trace {}", detail.id));
    Ok(())
}

fn fact(name: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{name}={text}")
}

fn label(span: &TraceSpan) -> String {
    format!("{}{}", "  ".repeat(span.depth.min(8)), clean(&span.name))
}

/// Name, time, and where it stands in the whole.
fn row(detail: &TraceDetail, span: &TraceSpan, names: usize, room: usize) -> String {
    let (before, length) = detail.bar(span, room);
    let mut name = label(span);
    while name.width() > names {
        name.pop();
    }
    let space = " ".repeat(names.saturating_sub(name.width()));
    let bar = format!("{}{}", " ".repeat(before), "=".repeat(length));
    format!("{name}{space} {:>TIME$} |{bar:<room$}|", took(span.took_us))
}

fn export(document: &[u8], to: &str, context: &mut Context) -> Result<(), CliError> {
    if to == "-" {
        // Control characters are escaped by JSON.
        return context.out.line(&String::from_utf8_lossy(document));
    }
    if to.starts_with("http://") || to.starts_with("https://") {
        let advice = "it should be a collector's address, such as http://127.0.0.1:4318/v1/traces";
        return host::send_otlp(to, document).map_err(|what| CliError::new(UNAVAILABLE, what, advice));
    }
    let path = Path::new(to);
    // A typing error makes no folders.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        let what = format!("{} cannot be written: there is no folder {}", path.display(), folder.display());
        return Err(CliError::new(CANNOT_CREATE, what, "make the folder, or choose another place"));
    }
    put(path, document)
}

fn errors(page: &Page<ErrorGroup>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("Nothing failed.");
    }
    let row = |one: &ErrorGroup| {
        let trace = one.trace.as_deref().unwrap_or("-");
        vec![
            one.count.to_string(),
            format_time(one.first_ms),
            format_time(one.last_ms),
            trace.chars().take(12).collect(),
            format!("{} {}", one.kind, one.place),
            one.message.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["COUNT", "FIRST (UTC)", "LAST (UTC)", "TRACE", "WHERE", "WHAT"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waterfall_keeps_its_columns() {
        let span = |name: &str, depth: usize, start_us: u64, took_us: u64| TraceSpan {
            name: name.into(),
            depth,
            start_us,
            took_us,
            ..TraceSpan::default()
        };
        let detail = TraceDetail {
            started_us: 0,
            took_us: 20_000,
            spans: vec![span("POST /v1/ask", 0, 0, 20_000), span("le\u{1b}xical", 1, 5_000, 5_000)],
            ..TraceDetail::default()
        };
        let rows: Vec<String> = detail.spans.iter().map(|span| row(&detail, span, 12, 20)).collect();
        assert_eq!(rows[0], "POST /v1/ask   20.0 ms |====================|");
        assert_eq!(rows[1], "  le\u{fffd}xical      5.0 ms |     =====          |");
        assert_eq!([took(7), took(1_234), took(1_234_567)], ["7 us", "1.2 ms", "1.23 s"]);
    }
}
