//! `spud notify ...`: who is told of alerts, and what they were sent.

use std::path::PathBuf;

use clap::Subcommand;

use super::alert::read;
use super::context::Context;
use super::error::{CliError, DATA_ERROR};
use super::output::clean;
use crate::api::client::escape;
use crate::api::host;
use crate::api::types::{Notification, NotificationStatus, Page};
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List what receivers were sent, newest first
    List,
    /// List who is told, by which routes, and what waits for them
    Receivers,
    /// Send a notice to see whether it arrives
    Test {
        /// As `spud notify receivers` names it
        #[arg(value_name = "RECEIVER")]
        receiver: String,
    },
    /// Check a file of receivers and routes (notify.toml); needs no data folder
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    if let Verb::Check { file } = &verb {
        let name = clean(&file.display().to_string());
        let problems = match host::check_notify(&read(file)?) {
            Ok(count) if !context.json => {
                context.out.line(&format!("{name}: {count} receivers, nothing wrong"))?;
                Vec::new()
            }
            Ok(_) => Vec::new(),
            Err(problems) => problems,
        };
        if context.json {
            context.print_json(&problems)?;
        }
        for problem in problems.iter().filter(|_| !context.json) {
            let line = context.out.paint.bad(&format!("{name}:{}", clean(problem)));
            context.out.line(&line)?;
        }
        return Ok(if problems.is_empty() { 0 } else { DATA_ERROR });
    }
    let mut link = context.connect()?;
    match verb {
        Verb::List => {
            let page: Page<Notification> = link.get("/v1/notifications")?;
            list(&page, context)?;
        }
        Verb::Receivers => {
            let status: NotificationStatus = link.get("/v1/notifications/receivers")?;
            receivers(&status, context)?;
        }
        Verb::Test { receiver } => {
            let path = format!("/v1/notifications/receivers/{}/test", escape(&receiver));
            let notice: Notification = link.send("POST", &path, &())?;
            if context.json {
                context.print_json(&notice)?;
            } else if notice.state == "waiting" {
                let text = format!(
                    "On its way to {}; `spud notify list` shows whether it arrived.",
                    clean(&receiver)
                );
                context.out.line(&text)?;
            } else {
                context.out.line("Kept; `spud notify list` shows it.")?;
            }
        }
        Verb::Check { .. } => {}
    }
    Ok(0)
}

fn list(page: &Page<Notification>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("Nobody was told of anything yet.");
    }
    let row = |one: &Notification| {
        let state = match (one.state.as_str(), one.attempts) {
            (state, 0 | 1) => state.to_owned(),
            (state, attempts) => format!("{state} ({attempts} tries)"),
        };
        let what =
            if one.error.is_empty() { one.title.clone() } else { format!("{}: {}", one.title, one.error) };
        vec![format_time(one.created_ms), one.receiver.clone(), state, what]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["AT (UTC)", "RECEIVER", "STATE", "WHAT"], &rows)
}

fn receivers(status: &NotificationStatus, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(status);
    }
    let rows: Vec<Vec<String>> = status
        .receivers
        .iter()
        .map(|one| {
            let waiting = one.waiting.to_string();
            vec![one.name.clone(), one.kind.clone(), one.routes.join(", "), waiting, one.error.clone()]
        })
        .collect();
    context.out.table(&["RECEIVER", "KIND", "ROUTES", "WAITING", "ERROR"], &rows)?;
    for problem in &status.problems {
        let line = context.out.paint.bad(&clean(problem));
        context.out.line(&line)?;
    }
    Ok(())
}
