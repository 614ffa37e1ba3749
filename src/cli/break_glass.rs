//! `spud break-glass ...`: a permission in an emergency, which takes two people and opens an incident.

use std::time::Duration;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use super::principal::duration;
use crate::api::client::escape;
use crate::api::types::approval::{Approval, ApprovalWord, BreakGlass};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Ask for one permission, for yourself; somebody else confirms within the hour
    Request {
        /// Such as restore-backups: `spud role list --permissions` names all
        permission: String,
        /// Why: entered into the audit log and the incident
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long from the confirmation on, at most 4h
        #[arg(long = "for", value_name = "TIME", default_value = "15m", value_parser = duration)]
        time: Duration,
    },
    /// Agree to a request of somebody else: the pass is good from now on, and a critical incident is open
    Confirm {
        id: String,
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let one: Approval = match verb {
        Verb::Request { permission, reason, time } => {
            let request = BreakGlass { permission, reason, ttl_s: Some(time.as_secs()) };
            link.send("POST", "/v1/break-glass", &request)?
        }
        Verb::Confirm { id, reason } => {
            let word = ApprovalWord { reason, ..ApprovalWord::default() };
            link.send("POST", &format!("/v1/approvals/{}/approve", escape(&id)), &word)?
        }
    };
    if context.json {
        context.print_json(&one)?;
        return Ok(0);
    }
    let line = match one.state.as_str() {
        "pending" => format!("Somebody else confirms it: spud break-glass confirm {} --reason WHY", one.id),
        _ => format!("Request {} is {}: {}", one.id, one.state, one.title),
    };
    context.out.line(&clean(&line))?;
    Ok(0)
}
