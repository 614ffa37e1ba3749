//! `spud event`: what happens, as it happens, an event a line.

use clap::Args;
use serde_json::Value;

use super::context::Context;
use super::error::{CliError, UNAVAILABLE};
use super::output::clean;
use crate::api::types::EventKind;
use crate::base::format_second;

/// What tells that the box remembers no event from there on.
const GAP: &str = "missed";

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  spud event --kind mode --kind alert\n  spud event --json | jq -c .data\n\n\
                        What was missed while nobody listened comes with --after; the box remembers the newest ones."
)]
pub(super) struct EventArgs {
    /// Only events of this kind (more than once for several), and those that tell of a gap; status, the sample that
    /// comes every second, is left out otherwise
    #[arg(long, value_name = "KIND", value_parser = EventKind::NAMES)]
    kind: Vec<String>,
    /// Begin with those that came after this one, by its id
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
    /// End after so many
    #[arg(short, long, value_name = "N")]
    number: Option<usize>,
}

pub(super) fn run(args: &EventArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut stream = context.connect()?.client().events(args.after)?;
    let mut left = args.number.unwrap_or(usize::MAX);
    while left > 0
        && let Some(event) = stream.next_event()?
    {
        let text = serde_json::to_string(&event).unwrap_or_default();
        let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_asked = if args.kind.is_empty() { kind != "status" } else { args.kind.contains(&kind) };
        if !is_asked && kind != GAP {
            continue;
        }
        if context.json {
            context.out.line(&text)?;
        } else {
            let data = value.get_mut("data").map(Value::take).unwrap_or_default();
            let line = format!("{}  {}  {kind}  {data}", event.id, format_second(event.at_ms));
            context.out.line(&clean(&line))?;
        }
        context.out.flush()?;
        left -= usize::from(kind != GAP);
    }
    if left == 0 {
        return Ok(0);
    }
    let advice = "events are those of a box that runs: `spud daemon`, then go on with --after ID";
    Err(CliError::new(UNAVAILABLE, "nothing tells of events here (any more)", advice))
}
