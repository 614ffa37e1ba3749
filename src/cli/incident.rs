//! `spud incident ...`: what went wrong, who sees to it, and how it ended.

use clap::{Args, Subcommand, ValueEnum};

use super::context::Context;
use super::error::CliError;
use super::output::{clean, clean_lines};
use super::principal::named;
use crate::api::client::escape;
use crate::api::types::Page;
use crate::api::types::incident::{BreachClock, ChangeIncident, Incident, OpenIncident};
use crate::base::format_time;

const TYPES: [&str; 6] = ["model-quality", "data", "security", "availability", "policy", "safety"];
const SEVERITIES: [&str; 4] = ["info", "warning", "error", "critical"];
const STATES: [&str; 6] = ["open", "acknowledged", "mitigated", "resolved", "closed", "all"];

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List incidents that are not closed, newest first
    List {
        /// Only those in this state; all for all
        #[arg(long, value_name = "STATE", value_parser = STATES)]
        state: Option<String>,
        /// Only of this type
        #[arg(long = "type", value_name = "TYPE", value_parser = TYPES)]
        kind: Option<String>,
        /// Only so bad, or worse
        #[arg(long, value_parser = SEVERITIES)]
        severity: Option<String>,
        /// At most so many
        #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// Show an incident: who, links, the clock of a breach, timeline
    Show { id: String },
    /// Open an incident
    #[command(
        after_help = "Example: spud incident open 'Card with names lost' --type data --severity critical \
                            --breach --text 'left in the bus'"
    )]
    Open {
        title: String,
        #[arg(long = "type", value_name = "TYPE", value_parser = TYPES)]
        kind: String,
        #[arg(long, default_value = "error", value_parser = SEVERITIES)]
        severity: String,
        /// What is known
        #[arg(long, default_value = "")]
        text: String,
        /// uid:1001, a login or a principal
        #[arg(long, value_name = "WHO")]
        owner: Option<String>,
        /// Personal data got lost, changed or out: 72 hours to tell the authority (GDPR, art. 33)
        #[arg(long)]
        breach: bool,
        /// Such as alert:4a1f or entry:17; may be repeated
        #[arg(long = "link", value_name = "KIND:ID")]
        links: Vec<String>,
    },
    /// Say something about it
    Note {
        id: String,
        text: String,
        #[command(flatten)]
        only: Only,
    },
    /// Give it to somebody; without a name, to nobody
    Assign {
        id: String,
        /// uid:1001, a login or a principal
        #[arg(default_value = "")]
        who: String,
        #[command(flatten)]
        why: Why,
    },
    /// Change its severity, type or title, or what is to be said of a breach
    Set {
        id: String,
        #[arg(long, value_parser = SEVERITIES)]
        severity: Option<String>,
        #[arg(long = "type", value_name = "TYPE", value_parser = TYPES)]
        kind: Option<String>,
        #[arg(long)]
        title: Option<String>,
        /// Whether personal data got lost, changed or out; no needs a reason
        #[arg(long, value_name = "YES|NO")]
        breach: Option<YesNo>,
        /// The authority was told of the breach: its clock stands
        #[arg(long)]
        told: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Point to an alert, an audit entry, another incident, ...
    Link {
        id: String,
        /// Such as alert:4a1f, entry:17, approval:3, incident:2
        #[arg(value_name = "KIND:ID", required = true)]
        links: Vec<String>,
        #[command(flatten)]
        only: Only,
    },
    /// Say that somebody works on it
    #[command(visible_alias = "ack")]
    Acknowledge {
        id: String,
        #[command(flatten)]
        why: Why,
    },
    /// Say that it does no more harm, with the reason
    Mitigate {
        id: String,
        #[command(flatten)]
        why: Why,
    },
    /// Say that its cause is gone, with the reason
    Resolve {
        id: String,
        #[command(flatten)]
        why: Why,
    },
    /// End one that is resolved, with what was learnt
    Close {
        id: String,
        /// What happened, why, and what is different now
        #[arg(long, value_name = "TEXT")]
        post_mortem: String,
        #[command(flatten)]
        only: Only,
    },
    /// Take up one again that is resolved or closed, with the reason
    Reopen {
        id: String,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum YesNo {
    Yes,
    No,
}

#[derive(Debug, Args)]
pub(super) struct Only {
    /// Only if nothing happened to it since it had this tag (`etag` of show --json)
    #[arg(long, value_name = "TAG")]
    if_match: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// Why: kept with the incident and in the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    only: Only,
}

/// Where a verb takes an incident.
fn moved(state: &str, text: String, only: Only) -> ChangeIncident {
    ChangeIncident { state: Some(state.to_owned()), text, etag: only.if_match, ..ChangeIncident::default() }
}

/// The change that a verb asks for.
fn change(verb: Verb) -> Option<(String, ChangeIncident)> {
    let none = ChangeIncident::default();
    Some(match verb {
        Verb::List { .. } | Verb::Show { .. } | Verb::Open { .. } => return None,
        Verb::Note { id, text, only } => {
            (id, ChangeIncident { note: Some(text), etag: only.if_match, ..none })
        }
        Verb::Assign { id, who, why } => {
            (id, ChangeIncident { owner: Some(who), text: why.reason, etag: why.only.if_match, ..none })
        }
        Verb::Set { id, severity, kind, title, breach, told, why } => {
            let breach = breach.map(|word| word == YesNo::Yes);
            let (text, etag) = (why.reason, why.only.if_match);
            (id, ChangeIncident { severity, kind, title, breach, told, text, etag, ..none })
        }
        Verb::Link { id, links, only } => (id, ChangeIncident { links, etag: only.if_match, ..none }),
        Verb::Acknowledge { id, why } => (id, moved("acknowledged", why.reason, why.only)),
        Verb::Mitigate { id, why } => (id, moved("mitigated", why.reason, why.only)),
        Verb::Resolve { id, why } => (id, moved("resolved", why.reason, why.only)),
        Verb::Close { id, post_mortem, only } => (id, moved("closed", post_mortem, only)),
        Verb::Reopen { id, why } => (id, moved("open", why.reason, why.only)),
    })
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let done: Incident = match verb {
        Verb::List { state, kind, severity, n } => {
            let pairs = [("state", state), ("type", kind), ("severity", severity)];
            let given = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let words: String = given.map(|(name, value)| format!("&{name}={}", escape(&value))).collect();
            let page: Page<Incident> = link.get(&format!("/v1/incidents?limit={n}{words}"))?;
            return list(&page, context);
        }
        Verb::Show { id } => {
            let one: Incident = link.get(&format!("/v1/incidents/{}", escape(&id)))?;
            return show(&one, context);
        }
        Verb::Open { title, kind, severity, text, owner, breach, links } => {
            let severity = Some(severity);
            let request = OpenIncident { title, kind, severity, text, owner, breach, links };
            link.send("POST", "/v1/incidents", &request)?
        }
        other => {
            let Some((id, change)) = change(other) else { return Ok(0) };
            link.send("PATCH", &format!("/v1/incidents/{}", escape(&id)), &change)?
        }
    };
    if context.json {
        context.print_json(&done)?;
    } else {
        let Incident { id, title, severity, state, .. } = &done;
        context.out.line(&clean(&format!("Incident {id} ({severity}) is {state}: {title}")))?;
        if let Some(clock) = &done.breach {
            context.out.line(&breach(clock))?;
        }
    }
    Ok(0)
}

/// `41 h left to tell the authority, until 2026-11-24 10:00:00 UTC`
fn breach(clock: &BreachClock) -> String {
    let until = format_time(clock.until_ms);
    match (clock.told_ms, clock.left_s) {
        (Some(ms), _) => format!("the authority was told at {} UTC", format_time(ms)),
        (None, ..0) => format!("the time to tell the authority was over at {until} UTC"),
        (None, left) => format!("{} left to tell the authority, until {until} UTC", hours(left)),
    }
}

fn hours(seconds: i64) -> String {
    format!("{} h {} min", seconds / 3600, seconds % 3600 / 60)
}

fn list(page: &Page<Incident>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    if page.items.is_empty() {
        context.out.line("There is no such incident.")?;
        return Ok(0);
    }
    let row = |one: &Incident| {
        let left = one.breach.as_ref().filter(|clock| clock.told_ms.is_none());
        vec![
            one.id.clone(),
            one.severity.clone(),
            one.kind.clone(),
            one.state.clone(),
            format_time(one.at_ms),
            one.owner.as_ref().map_or("-".to_owned(), |owner| named(owner, one.owner_login.as_ref())),
            left.map_or("-".to_owned(), |clock| match clock.left_s {
                ..0 => "over".to_owned(),
                left => hours(left),
            }),
            one.title.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    let head = ["NO", "SEVERITY", "TYPE", "STATE", "SINCE (UTC)", "OWNER", "BREACH", "TITLE"];
    context.out.table(&head, &rows)?;
    Ok(0)
}

fn show(one: &Incident, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(one)?;
        return Ok(0);
    }
    let times = if one.times > 1 {
        format!(", {} times, last {}", one.times, format_time(one.seen_ms))
    } else {
        String::new()
    };
    let mut lines = vec![
        ("incident", format!("{} ({}), tag {}", one.id, one.state, one.etag)),
        ("title", one.title.clone()),
        ("type", format!("{}, {}", one.kind, one.severity)),
        ("by", format!("{} at {} UTC{times}", named(&one.by, one.login.as_ref()), format_time(one.at_ms))),
        ("owner", one.owner.as_ref().map_or("nobody".to_owned(), |it| named(it, one.owner_login.as_ref()))),
    ];
    lines.extend(one.breach.as_ref().map(|clock| ("breach", breach(clock))));
    lines.extend((!one.links.is_empty()).then(|| ("links", one.links.join(" "))));
    for (name, value) in lines {
        context.out.line(&format!("{name:<8} {}", clean(&value)))?;
    }
    context.out.line("")?;
    for event in &one.timeline {
        let by = named(&event.by, event.login.as_ref());
        let entry = event.entry.as_ref().map_or_else(String::new, |entry| format!(" (entry {entry})"));
        let line = format!("{} {by} {}{entry}", format_time(event.at_ms), event.act);
        context.out.line(&clean(&line))?;
        for line in clean_lines(&event.text).lines() {
            context.out.line(&format!("  {line}"))?;
        }
    }
    Ok(0)
}
