//! `spud dashboard ...`: what is shown of metrics, logs and alerts; files that hold it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::check_files::check_files;
use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::client::escape;
use crate::api::host::{self, Attached};
use crate::api::types::dashboard::{Dashboard, DashboardList, DashboardPanel, WriteDashboard};
use crate::api::types::{MetricEnvelope, MetricValue};
use crate::base::{Clock, SystemClock};
use crate::tui;

/// Points of a graph, and lines of a log.
const POINTS: u64 = 72;
const LOG_LINES: u64 = 50;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List dashboards, and files that cannot be read
    List,
    /// Print the panels of a dashboard once; with --json their data
    Show {
        name: String,
        /// How far back, such as 15m, 6h or 7d
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
        last: Duration,
    },
    /// Check files of dashboards; needs no data folder
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print a dashboard as TOML
    Export { name: String },
    /// Save a dashboard from a file, or from standard input (-)
    #[command(after_help = "Example: spud dashboard export box | sed s/1h/6h/ | spud dashboard save mine -")]
    Save {
        /// 1 to 63 of a-z, 0-9, - and _
        name: String,
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only where nobody changed it since: the tag that `show --json` gives
        #[arg(long, value_name = "TAG")]
        if_match: Option<String>,
    },
    /// Remove a dashboard that was saved; what comes with spud is there again
    Remove { name: String },
}

fn path(name: &str) -> String {
    format!("/v1/dashboards/{}", escape(name))
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Check { files } => {
            return check_files(&files, "panels", context, &host::check_dashboard);
        }
        Verb::List => list(context)?,
        Verb::Show { name, last } => {
            let mut link = context.connect()?;
            let one: Dashboard = link.get(&path(&name))?;
            show(&one, last.as_secs().max(60), link, context)?;
        }
        Verb::Export { name } => {
            let one: Dashboard = context.connect()?.get(&path(&name))?;
            for line in one.text.lines() {
                context.out.line(&clean(line))?;
            }
        }
        Verb::Save { name, file, if_match } => {
            let text = text(&file)?;
            let request = WriteDashboard { text, etag: if_match };
            let one: Dashboard = context.connect()?.send("PUT", &path(&name), &request)?;
            told(&one, &format!("Saved in {}.", clean(&one.file)), context)?;
        }
        Verb::Remove { name } => {
            let one: Dashboard = context.connect()?.send("DELETE", &path(&name), &())?;
            told(&one, &format!("Removed {}.", clean(&one.file)), context)?;
        }
    }
    Ok(0)
}

fn told(one: &Dashboard, text: &str, context: &mut Context) -> Result<(), CliError> {
    if context.json { context.print_json(one) } else { context.out.line(text) }
}

fn text(file: &std::path::Path) -> Result<String, CliError> {
    if file.as_os_str() != "-" {
        return super::alert::read(file);
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::stdin().lock(), &mut text)
        .map_err(|error| CliError::input(file, &error))?;
    Ok(text)
}

fn list(context: &mut Context) -> Result<(), CliError> {
    let all: DashboardList = context.connect()?.get("/v1/dashboards")?;
    if context.json {
        return context.print_json(&all);
    }
    let row = |one: &Dashboard| {
        vec![one.name.clone(), one.panels.len().to_string(), one.title.clone(), one.file.clone()]
    };
    let rows: Vec<Vec<String>> = all.items.iter().map(row).collect();
    context.out.table(&["NAME", "PANELS", "TITLE", "FILE"], &rows)?;
    for problem in &all.problems {
        let line = context.out.paint.bad(&clean(problem));
        context.out.line(&line)?;
    }
    Ok(())
}

fn show(one: &Dashboard, span_s: u64, link: Attached, context: &mut Context) -> Result<(), CliError> {
    let now_ms = SystemClock::default().now_ms();
    if !context.json {
        let ascii = !tui::speaks_utf8();
        let (mut link, engine) = super::terminal::SocketLink::open(link);
        for line in tui::dashboard_lines(&mut link, one, span_s, now_ms, ascii) {
            context.out.line(&clean(&line))?;
        }
        drop(engine);
        return Ok(());
    }
    let mut link = link;
    let step_s = (span_s / POINTS).max(1);
    let end_s = now_ms / 1000 / step_s * step_s;
    let time = format!(
        "start={}&end={end_s}&step={step_s}&max_source_resolution=auto",
        end_s.saturating_sub(span_s)
    );
    let mut panels = Vec::new();
    for panel in &one.panels {
        panels
            .push(json!({"title": panel.title, "kind": panel.kind, "data": data(panel, &time, &mut link)?}));
    }
    context.print_json(&json!({
        "name": one.name, "title": one.title, "etag": one.etag, "file": one.file, "panels": panels,
    }))
}

/// What the API says of a panel, as it says it; of a graph for each of its queries.
fn data(panel: &DashboardPanel, time: &str, link: &mut Attached) -> Result<Value, CliError> {
    Ok(match panel.kind.as_str() {
        "log" => {
            let (level, contains) = panel.log_filter();
            let pairs = [("&level=", level), ("&contains=", contains)];
            let given =
                pairs.iter().filter_map(|(name, text)| Some(format!("{name}{}", escape(text.as_ref()?))));
            link.get(&format!("/v1/logs?n={LOG_LINES}{}", given.collect::<String>()))?
        }
        "alert" => {
            let matchers = panel.matchers.iter().map(|matcher| format!("matcher={}", escape(matcher)));
            link.get(&format!("/v1/alerts?{}", matchers.collect::<Vec<_>>().join("&")))?
        }
        _ => {
            let mut all = Vec::new();
            for query in &panel.queries {
                let target = format!("/api/v1/query_range?query={}&{time}", escape(query));
                let reply: MetricEnvelope<MetricValue> = link.get(&target)?;
                all.push(json!(reply.data.unwrap_or_default()));
            }
            Value::Array(all)
        }
    })
}
