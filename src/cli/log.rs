//! `spud log`: the newest lines that hold something, over all files of the log, and those that come.

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::CliError;
use super::metric_show::moment;
use super::output::clean;
use super::{log_import, log_level};
use crate::api::client::escape;
use crate::api::types::{EventKind, LogLine, LogPage};
use crate::base::{Clock, SystemClock};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Examples:\n  spud log --since 2h --level warn\n  spud log --grep 'disk is full' -n 500\n  \
                        spud log --trace 19b3c0-7\n  spud log --source nginx\n  spud log level spud::api=debug --for 10m\n\nRotated files are \
                        packed (.zst): zstd -dc FILE, or lnav, reads them."
)]
pub(super) struct LogArgs {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Wait for new lines
    #[arg(short, long)]
    follow: bool,
    /// Newest lines to show
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    number: u32,
    /// This level and worse: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", value_parser = LEVELS)]
    level: Option<String>,
    /// Only lines that contain this
    #[arg(long, value_name = "TEXT", visible_alias = "contains")]
    grep: Option<String>,
    /// Only lines with this word, or words in this order; fast over any amount of log
    #[arg(long, value_name = "WORD")]
    word: Option<String>,
    /// Only lines with a field of this value: the id of a request, a trace, a job
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// Only lines of this program: spud, or a source that was imported or followed
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only lines of this time and later: a time, or how long ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines until then
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what is recorded, or record more or less from now on, without a restart
    Level(log_level::LevelArgs),
    /// Add lines of another program, as they come
    Import(log_import::ImportArgs),
    /// List the files of other programs that are followed (log.files)
    Sources,
}

pub(super) fn run(args: LogArgs, context: &mut Context) -> Result<u8, CliError> {
    match &args.verb {
        Some(Verb::Level(level)) => return log_level::run(level, context),
        Some(Verb::Import(wanted)) => return log_import::import(wanted, context),
        Some(Verb::Sources) => return log_import::sources(context),
        None => {}
    }
    let mut link = context.connect()?;
    // Listening begins before the newest lines are read, so that none falls between.
    let stream = if args.follow { Some(link.client().events(None)?) } else { None };
    let question = question(&args)?;
    let (mut pages, mut left, mut before) = (Vec::new(), args.number as usize, None);
    let mut damaged = 0;
    while left > 0 {
        let mut target = format!("/v1/logs?n={}{question}", left.min(2000));
        if let Some(before) = before {
            target.push_str(&format!("&before={before}"));
        }
        let page: LogPage = link.get(&target)?;
        left = left.saturating_sub(page.items.len());
        damaged += page.damaged_blocks;
        before = page.next;
        pages.push(page.items);
        if before.is_none() {
            break;
        }
    }
    for line in pages.iter().rev().flatten() {
        show(line, context)?;
    }
    context.out.flush()?;
    if damaged > 0 {
        context.remark(&format!("{damaged} packed blocks of the log are damaged and left out."));
    }
    let Some(mut stream) = stream else { return Ok(0) };
    while let Some(event) = stream.next_event()? {
        if let EventKind::Log(line) = event.kind
            && wanted(&args, &line)
            && !pages.iter().any(|page| page.contains(&line))
        {
            show(&line, context)?;
            context.out.flush()?;
        }
    }
    Ok(0)
}

fn question(args: &LogArgs) -> Result<String, CliError> {
    let now_ms = SystemClock::default().now_ms();
    let mut question = String::new();
    let texts = [
        ("level", &args.level),
        ("contains", &args.grep),
        ("word", &args.word),
        ("trace", &args.trace),
        ("source", &args.source),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            question.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    for (name, value) in [("since", &args.since), ("until", &args.until)] {
        if let Some(value) = value {
            question.push_str(&format!("&{name}={}", moment(value, now_ms)?));
        }
    }
    Ok(question)
}

/// The same of a line that comes.
fn wanted(args: &LogArgs, line: &LogLine) -> bool {
    let rank = |level: &str| LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level)).unwrap_or(0);
    let severe = args.level.as_ref().is_none_or(|level| rank(&line.level) <= rank(level));
    let text = || serde_json::to_string(line).unwrap_or_default();
    let holds = |text: &str, wanted: &str| text.contains(wanted) || line.message.contains(wanted);
    severe
        && args.grep.as_ref().is_none_or(|wanted| holds(&text(), wanted))
        && args.word.as_ref().is_none_or(|wanted| holds(&text(), wanted))
        && args.trace.as_ref().is_none_or(|id| text().contains(&format!(":\"{id}\"")))
        && args.source.as_ref().is_none_or(|source| line.target.starts_with(source))
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
