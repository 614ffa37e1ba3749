//! `spud role ...`: roles, grants, and the review of grants.

use std::time::Duration;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use super::principal::{duration, named};
use super::role_review::{self, Review};
use crate::api::client::escape;
use crate::api::types::Page;
use crate::api::types::access::{AccessGrant, AccessRole, GrantRole};
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the roles
    List {
        /// With everything that each may do
        #[arg(long)]
        permissions: bool,
    },
    /// Grant a role (operator, analyst, approver, admin, auditor)
    Grant {
        /// uid:1000, gid:100, a login name, or a principal with tokens
        to: String,
        role: String,
        /// Why: kept with the grant
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// How long, such as 30d; without it, until it is revoked
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        time: Option<Duration>,
    },
    /// Take a granted role, by the grant's number; the last vote of others is taken by root alone
    Revoke {
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Review grants: who has what, since when, last used; a review is opened, decided, closed, and told
    Review(Box<Review>),
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    if let Verb::Review(asked) = verb {
        return role_review::run(*asked, context);
    }
    let mut link = context.connect()?;
    match verb {
        Verb::Review(_) => {}
        Verb::List { permissions } => {
            let page: Page<AccessRole> = link.get("/v1/roles")?;
            roles(&page, permissions, context)?;
        }
        Verb::Grant { to, role, reason, time } => {
            let request = GrantRole { to, role, reason, ttl_s: time.map(|time| time.as_secs()) };
            let made: AccessGrant = link.send("POST", "/v1/roles/grants", &request)?;
            grants(std::slice::from_ref(&made), context)?;
        }
        Verb::Revoke { id, reason } => {
            let path = format!("/v1/roles/grants/{}?reason={}", escape(&id), escape(&reason));
            link.call("DELETE", &path, None)?;
            context.remark(&format!("The grant {id} is revoked."));
        }
    }
    Ok(0)
}

fn roles(page: &Page<AccessRole>, permissions: bool, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    for role in &page.items {
        context.out.line(&clean(&format!("{:<9} {}", role.name, role.about)))?;
        if permissions {
            for permission in &role.permissions {
                context.out.line(&clean(&format!("  {permission}")))?;
            }
        }
    }
    Ok(())
}

pub(super) fn grants(all: &[AccessGrant], context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(&Page { items: all.to_vec(), next: None });
    }
    if all.is_empty() {
        return context.out.line("No grant wants a look.");
    }
    let time = |ms: Option<u64>, none: &str| ms.map_or_else(|| none.to_owned(), format_time);
    let row = |grant: &AccessGrant| {
        vec![
            if grant.id.is_empty() { "-".to_owned() } else { grant.id.clone() },
            named(&grant.to, grant.login.as_ref()),
            grant.role.clone(),
            grant.by.clone(),
            time(grant.at_ms, "-"),
            time(grant.until_ms, "-"),
            time(grant.used_ms, "-"),
            grant.state.clone(),
            grant.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let titles = ["NO", "TO", "ROLE", "BY", "SINCE (UTC)", "UNTIL", "LAST USED", "STATE", "REASON"];
    context.out.table(&titles, &rows)
}
