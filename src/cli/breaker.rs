//! `spud breaker ...`: which dependency is left alone for a while, and holding a breaker by hand.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::context::Context;
use super::error::CliError;
use super::mode::duration;
use super::output::clean;
use crate::api::client::escape;
use crate::api::types::{Breaker, ForceBreaker, Page};
use crate::base::format_time;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum State {
    /// Nothing goes through
    Open,
    /// Everything goes through, whatever comes back
    Closed,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the breakers: state, calls that are judged, failures, when it is tried next
    List,
    /// Hold a breaker open or closed for a time; it survives a restart
    Force {
        name: String,
        state: State,
        /// Why: shown to whoever wonders
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long, such as 30m or 1h; at most a week
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
        ttl: Duration,
    },
    /// Let a breaker decide for itself again; what waited is tried at once
    Auto { name: String },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let page: Page<Breaker> = match verb {
        Verb::List => link.get("/v1/breakers")?,
        Verb::Force { name, state, reason, ttl } => {
            let state = if matches!(state, State::Open) { "open" } else { "closed" }.to_owned();
            let request = ForceBreaker { state, reason, ttl_s: ttl.as_secs(), ..ForceBreaker::default() };
            link.send("POST", &format!("/v1/breakers/{}/force", escape(&name)), &request)?
        }
        Verb::Auto { name } => link.send("POST", &format!("/v1/breakers/{}/auto", escape(&name)), &())?,
    };
    if context.json {
        context.print_json(&page)?;
    } else if page.items.is_empty() {
        context.out.line("No breakers: neither an upstream nor a receiver of notices is configured.")?;
    } else {
        let head =
            ["BREAKER", "STATE", "SINCE (UTC)", "CALLS", "FAILED", "REFUSED", "NEXT TRY (UTC)", "HELD"];
        context.out.table(&head, &page.items.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(0)
}

fn row(breaker: &Breaker) -> Vec<String> {
    vec![
        clean(&breaker.name),
        breaker.state.clone(),
        format_time(breaker.since_ms),
        breaker.calls.to_string(),
        breaker.failures.to_string(),
        breaker.refused.to_string(),
        breaker.retry_ms.map_or("-".to_owned(), format_time),
        breaker.held.as_ref().map_or("-".to_owned(), |held| {
            clean(&format!("until {} by {}: {}", format_time(held.until_ms), held.by, held.reason))
        }),
    ]
}
