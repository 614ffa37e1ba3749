//! `spud log`: the newest lines, and those that come.

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::client::escape;
use crate::api::types::{EventKind, LogLine, Page};

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Wait for new lines
    #[arg(short, long)]
    follow: bool,
    /// Newest lines to show (at most 2000)
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u16).range(1..=2000))]
    number: u16,
    /// This level and worse: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    level: Option<String>,
    /// Only lines that contain this
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
}

pub(super) fn run(args: &LogArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    // Listening begins before the newest lines are read, so that none falls between.
    let stream = if args.follow { Some(link.client().events(None)?) } else { None };
    let mut target = format!("/v1/logs?n={}", args.number);
    for (name, value) in [("level", &args.level), ("contains", &args.contains)] {
        if let Some(value) = value {
            target.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    let page: Page<LogLine> = link.get(&target)?;
    for line in &page.items {
        show(line, context)?;
    }
    context.out.flush()?;
    let Some(mut stream) = stream else { return Ok(0) };
    while let Some(event) = stream.next_event()? {
        if let EventKind::Log(line) = event.kind
            && wanted(args, &line)
            && !page.items.contains(&line)
        {
            show(&line, context)?;
            context.out.flush()?;
        }
    }
    Ok(0)
}

fn wanted(args: &LogArgs, line: &LogLine) -> bool {
    const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
    let rank = |level: &str| LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level)).unwrap_or(0);
    let severe = args.level.as_ref().is_none_or(|level| rank(&line.level) <= rank(level));
    severe && args.contains.as_ref().is_none_or(|text| line.message.contains(text))
}

fn show(line: &LogLine, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        let text = serde_json::to_string(line).map_err(std::io::Error::from)?;
        return context.out.line(&text);
    }
    let paint = context.out.paint;
    let level = format!("{:<5}", clean(&line.level));
    let level = if matches!(line.level.as_str(), "ERROR" | "WARN") { paint.bad(&level) } else { level };
    let mut text = format!("{} {level} {}", paint.dim(&clean(&line.timestamp)), clean(&line.message));
    for (name, value) in &line.fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.push_str(&paint.dim(&format!(" {}={}", clean(name), clean(&value))));
    }
    context.out.line(&text)
}
