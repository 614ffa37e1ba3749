//! `spud session ...`: who is connected, and an end to it.

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::principal::named;
use crate::api::client::escape;
use crate::api::types::Page;
use crate::api::types::access::Session;
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List who is connected: processes of this box, and tokens
    List,
    /// End a session; a token that it came with is revoked for good. Who is let in by the kernel can come again:
    /// take their roles for that
    Revoke {
        id: String,
        /// Why: entered into the audit log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    match verb {
        Verb::List => {
            let page: Page<Session> = link.get("/v1/sessions")?;
            if context.json {
                context.print_json(&page)?;
                return Ok(0);
            }
            let row = |one: &Session| {
                vec![
                    one.id.clone(),
                    named(&one.principal, one.login.as_ref()),
                    one.via.clone(),
                    format_time(one.since_ms),
                    format_time(one.last_ms),
                    one.requests.to_string(),
                ]
            };
            let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
            context.out.table(&["SESSION", "WHO", "BY", "SINCE (UTC)", "LAST (UTC)", "REQUESTS"], &rows)?;
        }
        Verb::Revoke { id, reason } => {
            link.call("DELETE", &format!("/v1/sessions/{}?reason={}", escape(&id), escape(&reason)), None)?;
            context.remark(&format!("The session {id} is over."));
        }
    }
    Ok(0)
}
