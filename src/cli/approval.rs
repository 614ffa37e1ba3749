//! `spud approval ...`: what waits for votes, and votes.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::approval_sign;
use super::context::Context;
use super::error::CliError;
use super::output::{clean, clean_lines};
use super::principal::named;
use crate::api::client::escape;
use crate::api::types::Page;
use crate::api::types::approval::{Approval, ApprovalWord, DelegateVote, Gate};
use crate::base::format_time;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Which {
    Pending,
    Approved,
    Rejected,
    Withdrawn,
    Expired,
    All,
}

impl Which {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::All => "all",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List requests, newest first
    List {
        #[arg(long, value_name = "STATE", default_value = "pending")]
        state: Which,
        /// Only of this kind, such as role
        #[arg(long)]
        kind: Option<String>,
        /// At most so many
        #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// Show a request: what would change, gates, votes, history
    Show { id: String },
    /// Vote for it; the last vote that it needs carries it out
    Approve {
        id: String,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        signed: Signed,
    },
    /// Vote against it: one such vote ends it
    Reject {
        id: String,
        #[command(flatten)]
        why: Why,
        #[command(flatten)]
        signed: Signed,
    },
    /// Say something about it
    Comment { id: String, text: String },
    /// Give your vote on it to somebody else
    Delegate {
        id: String,
        /// uid:1001, or a login
        to: String,
        #[command(flatten)]
        why: Why,
    },
    /// Take back what you submitted
    Withdraw {
        id: String,
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    #[command(flatten)]
    Sign(approval_sign::Verb),
}

#[derive(Debug, clap::Args)]
pub(super) struct Why {
    /// Why: kept with the request and in the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only if nothing happened to it since it had this tag (`etag` of show --json)
    #[arg(long, value_name = "TAG")]
    if_match: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Signed {
    /// What ssh-keygen -Y sign wrote over `spud approval document`
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let path = |id: &str, verb: &str| format!("/v1/approvals/{}/{verb}", escape(id));
    let send = |path: String, reason: String, tag: Option<String>, file: Option<PathBuf>| {
        let signature = file.map(|file| approval_sign::signature(&file)).transpose()?;
        let body = serde_json::to_vec(&ApprovalWord { reason, etag: None, signature }).unwrap_or_default();
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(tag.as_deref().map(|tag| ("if-match", tag)));
        Ok::<Approval, CliError>(link.client().fork().put_bytes("POST", &path, &headers, &body)?)
    };
    let done = match verb {
        Verb::List { state, kind, n } => {
            let kind = kind.map_or_else(String::new, |kind| format!("&kind={}", escape(&kind)));
            let target = format!("/v1/approvals?state={}{kind}&limit={n}", state.word());
            let page: Page<Approval> = link.get(&target)?;
            return list(&page, context);
        }
        Verb::Show { id } => {
            let one: Approval = link.get(&format!("/v1/approvals/{}", escape(&id)))?;
            return show(&one, context);
        }
        Verb::Sign(verb) => return approval_sign::run(verb, &mut link, context),
        Verb::Approve { id, why, signed } => {
            send(path(&id, "approve"), why.reason, why.if_match, signed.signature)?
        }
        Verb::Reject { id, why, signed } => {
            send(path(&id, "reject"), why.reason, why.if_match, signed.signature)?
        }
        Verb::Comment { id, text } => send(path(&id, "comment"), text, None, None)?,
        Verb::Withdraw { id, reason } => send(path(&id, "withdraw"), reason, None, None)?,
        Verb::Delegate { id, to, why } => {
            let body = serde_json::to_vec(&DelegateVote { to, reason: why.reason }).unwrap_or_default();
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(why.if_match.as_deref().map(|tag| ("if-match", tag)));
            link.client().fork().put_bytes("POST", &path(&id, "delegate"), &headers, &body)?
        }
    };
    if context.json {
        context.print_json(&done)?;
    } else {
        context.out.line(&clean(&sentence(&done)))?;
    }
    Ok(0)
}

fn sentence(one: &Approval) -> String {
    let Approval { id, title, votes, votes_needed, state, .. } = one;
    let needed = match votes_needed {
        1 => "vote".to_owned(),
        many => format!("{many} votes"),
    };
    if let Some(failed) = one.history.last().filter(|event| event.act == "failed") {
        return format!("Request {id} has its {needed}, but it could not be done: {}", failed.text);
    }
    match state.as_str() {
        "approved" => format!("Request {id} has its {needed}: {title} is done."),
        "pending" => format!("Request {id} waits: {votes} of {votes_needed} votes to {title}."),
        state => format!("Request {id} is {state}; nothing was changed."),
    }
}

fn list(page: &Page<Approval>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    if page.items.is_empty() {
        context.out.line("Nothing waits for votes.")?;
        return Ok(0);
    }
    let row = |one: &Approval| {
        vec![
            one.id.clone(),
            one.state.clone(),
            one.title.clone(),
            one.impact.clone(),
            format!("{} of {}", one.votes, one.votes_needed),
            named(&one.by, one.login.as_ref()),
            format_time(one.expires_ms),
            one.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["NO", "STATE", "WHAT", "IMPACT", "VOTES", "BY", "UNTIL (UTC)", "REASON"], &rows)?;
    Ok(0)
}

fn show(one: &Approval, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(one)?;
        return Ok(0);
    }
    let lines = [
        ("request", format!("{} ({}), tag {}", one.id, one.state, one.etag)),
        ("what", one.title.clone()),
        ("subject", format!("{} {}", one.kind, one.subject)),
        ("digest", one.digest.clone()),
        ("impact", one.impact.clone()),
        ("by", named(&one.by, one.login.as_ref())),
        ("reason", one.reason.clone()),
        (
            "votes",
            format!(
                "{} of {}{}, of the role {}",
                one.votes,
                one.votes_needed,
                if one.signature_needed { " signed" } else { "" },
                one.roles.join(" or ")
            ),
        ),
        ("waits", format!("from {} until {} UTC", format_time(one.at_ms), format_time(one.expires_ms))),
    ];
    for (name, value) in lines {
        context.out.line(&format!("{name:<8} {}", clean(&value)))?;
    }
    context.out.line("")?;
    for line in clean_lines(&one.diff).lines() {
        context.out.line(&format!("  {line}"))?;
    }
    gates(&one.gates, context)?;
    context.out.line("")?;
    for event in &one.history {
        let whom = event.whom.as_ref().map_or_else(String::new, |whom| match event.act.as_str() {
            "delegated" => format!(" to {whom}"),
            _ => format!(" for {whom}"),
        });
        let by = named(&event.by, event.login.as_ref());
        let text = if event.text.is_empty() { String::new() } else { format!(": {}", event.text) };
        let signed = event.signed.as_ref().map_or_else(String::new, |mark| format!(", signed {mark}"));
        let line = format!("{} {by} {}{whom}{signed}{text}", format_time(event.at_ms), event.act);
        context.out.line(&clean(&line))?;
    }
    let texts = [&one.title, &one.subject, &one.by, &one.reason, &one.diff];
    let said = one.history.iter().flat_map(|event| [&event.text, &event.by]);
    context.out.careful(texts.into_iter().chain(said).map(String::as_str))?;
    Ok(0)
}

/// Gates with their figures.
pub(super) fn gates(all: &[Gate], context: &mut Context) -> Result<(), CliError> {
    if all.is_empty() {
        return Ok(());
    }
    context.out.line("")?;
    let row = |gate: &Gate| vec![gate.name.clone(), gate.state.clone(), gate.what.clone()];
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    context.out.table(&["GATE", "STATE", "FIGURES"], &rows)
}
