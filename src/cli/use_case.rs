//! `spud use-case ...`: what the box may be asked for.

use clap::{Args, Subcommand, ValueEnum};

use super::context::Context;
use super::error::{CliError, USAGE};
use super::output::clean;
use super::principal::named;
use crate::api::client::escape;
use crate::api::types::Page;
use crate::api::types::registry::ModelComparison;
use crate::api::types::use_case::{
    DeprecateUseCase, UseCase, UseCaseCaller, UseCaseReason, UseCaseRevision, WriteUseCase,
};
use crate::base::{format_since, format_time, parse_time};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HowMuch {
    Low,
    Medium,
    High,
    Critical,
}

impl HowMuch {
    fn word(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// What is written of a use case.
#[derive(Debug, Args)]
pub(super) struct Written {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
    /// What allows it, such as "contract" or "none: no personal data"
    #[arg(long, value_name = "TEXT")]
    legal_basis: Option<String>,
    /// Kinds of data that it touches, with commas between
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    data_kind: Option<Vec<String>>,
    /// Where it may look (may be repeated); everywhere if none is ever named
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    collection: Option<Vec<String>>,
    /// What is at stake: it sets the votes that are needed (critical: two at least)
    #[arg(long, value_name = "HOW")]
    impact: Option<HowMuch>,
    /// How long it is kept who asked under it; questions and answers are kept of no use case
    #[arg(long, value_name = "DAYS")]
    retention: Option<u32>,
    /// The only models that may answer, by SHA-256 or name (may be repeated); any if none is ever named
    #[arg(long, value_name = "MODEL", value_delimiter = ',')]
    model: Option<Vec<String>>,
    /// nDCG@10 that a model must have on the judged questions of its collections, in thousandths; 0: any
    #[arg(long, value_name = "THOUSANDTHS", value_parser = clap::value_parser!(u32).range(0..=1000))]
    quality: Option<u32>,
    /// The objective that it is promised (spud sla list); empty: none
    #[arg(long, value_name = "OBJECTIVE")]
    sla: Option<String>,
}

impl Written {
    fn request(self, name: String) -> WriteUseCase {
        WriteUseCase {
            name,
            purpose: self.purpose,
            owner: self.owner,
            legal_basis: self.legal_basis,
            data: self.data_kind,
            collections: self.collection,
            impact: self.impact.map(HowMuch::word),
            retention_days: self.retention,
            models: self.model,
            quality: self.quality,
            objective: self.sla,
            etag: None,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Why {
    name: String,
    /// Why: kept in the history and in the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List use cases
    List,
    /// Show one: terms, history, and who asked under it
    Show { name: String },
    /// Its terms over time: each edit and submission, who made it, and what it changed
    History { name: String },
    /// Compare two revisions of its terms (those of history); without any, the last two
    Compare {
        name: String,
        #[arg(requires = "b")]
        a: Option<u64>,
        b: Option<u64>,
    },
    /// Write a draft
    Create {
        /// Lower-case letters, digits, '-', '_' and '.'
        name: String,
        #[command(flatten)]
        written: Written,
    },
    /// Change a draft; what is not named stays
    Edit {
        name: String,
        #[command(flatten)]
        written: Written,
        /// Only if nothing happened to it since it had this tag (`etag` of show --json)
        #[arg(long, value_name = "TAG")]
        if_match: Option<String>,
    },
    /// Ask others to let it be deployed
    Submit(Why),
    /// Let questions be asked under it
    Deploy(Why),
    /// Tell callers that it ends, and when
    Deprecate {
        #[command(flatten)]
        why: Why,
        /// From then on nothing is answered under it: 2026-12-31 (UTC)
        #[arg(long, value_name = "DATE")]
        retires: Option<String>,
        /// The use case to ask under instead
        #[arg(long, value_name = "NAME")]
        successor: Option<String>,
    },
    /// Answer nothing under it any more, at once
    Retire(Why),
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let path = |name: &str, verb: &str| format!("/v1/use-cases/{}/{verb}", escape(name));
    let mut link = context.connect()?;
    let mut because = |why: Why, verb: &str| -> Result<UseCase, CliError> {
        Ok(link.send("POST", &path(&why.name, verb), &UseCaseReason { reason: why.reason })?)
    };
    let one: UseCase = match verb {
        Verb::Submit(why) => because(why, "submit")?,
        Verb::Deploy(why) => because(why, "deploy")?,
        Verb::Retire(why) => because(why, "retire")?,
        Verb::List => {
            let page: Page<UseCase> = link.get("/v1/use-cases")?;
            return list(&page, context);
        }
        Verb::Show { name } => link.get(&format!("/v1/use-cases/{}", escape(&name)))?,
        Verb::History { name } => {
            let page: Page<UseCaseRevision> = link.get(&path(&name, "revisions"))?;
            return history(&page, context);
        }
        Verb::Compare { name, a, b } => {
            let query = a.zip(b).map_or_else(String::new, |(a, b)| format!("?a={a}&b={b}"));
            let found: ModelComparison = link.get(&format!("{}{query}", path(&name, "compare")))?;
            super::registry::compared(&found, false, context)?;
            return Ok(0);
        }
        Verb::Create { name, written } => link.send("POST", "/v1/use-cases", &written.request(name))?,
        Verb::Edit { name, written, if_match } => {
            let target = format!("/v1/use-cases/{}", escape(&name));
            let body = serde_json::to_vec(&written.request(String::new())).unwrap_or_default();
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(if_match.as_deref().map(|tag| ("if-match", tag)));
            link.client().fork().put_bytes("PUT", &target, &headers, &body)?
        }
        Verb::Deprecate { why, retires, successor } => {
            let Why { name, reason } = why;
            let retires_ms = match &retires {
                None => None,
                Some(text) => Some(parse_time(text).ok_or_else(|| {
                    CliError::new(USAGE, format!("'{text}' is no date"), "write 2026-12-31 (UTC)")
                })?),
            };
            let request = DeprecateUseCase { reason, retires_ms, successor };
            link.send("POST", &path(&name, "deprecate"), &request)?
        }
    };
    show(&one, context)
}

fn history(page: &Page<UseCaseRevision>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    let row = |one: &UseCaseRevision| {
        let who = named(&one.by, one.login.as_ref());
        let changed = one.changed.join(", ");
        vec![
            one.revision.to_string(),
            format_since(one.at_ms),
            one.what.clone(),
            who,
            changed,
            one.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["REVISION", "WHEN (UTC)", "WHAT", "BY", "CHANGED", "REASON"], &rows)?;
    Ok(0)
}

fn list(page: &Page<UseCase>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    let row = |one: &UseCase| {
        let asked: u64 = one.callers.iter().map(|caller| caller.questions).sum();
        let ends = one.retires_ms.map_or_else(|| "-".to_owned(), format_time);
        let (state, impact) = (one.state.clone(), one.impact.clone());
        vec![one.name.clone(), state, impact, one.owner.clone(), asked.to_string(), ends, one.purpose.clone()]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["NAME", "STATE", "IMPACT", "OWNER", "ASKED", "ENDS (UTC)", "PURPOSE"], &rows)?;
    Ok(0)
}

fn show(one: &UseCase, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(one)?;
        return Ok(0);
    }
    let named_or = |items: &[String], none: &str| match items {
        [] => none.to_owned(),
        items => items.join(", "),
    };
    let request = one.approval.as_ref().map_or_else(String::new, |id| format!(" (request {id})"));
    let days = one.retention_days.map_or_else(|| "not said".to_owned(), |days| format!("{days} days"));
    let mut lines = vec![
        ("name", one.name.clone()),
        ("state", format!("{}{request}", one.state)),
        ("purpose", one.purpose.clone()),
        ("owner", one.owner.clone()),
        ("legal basis", one.legal_basis.clone()),
        ("data", named_or(&one.data, "none named")),
        ("collections", named_or(&one.collections, "all")),
        ("impact", one.impact.clone()),
        ("retention", days),
        ("models", named_or(&one.models, "any")),
    ];
    if let Some(quality) = one.quality {
        lines.push(("quality", format!("nDCG@10 of {quality} thousandths at least")));
    }
    if let Some(objective) = &one.objective {
        let state = one.objective_state.as_deref().unwrap_or("there is no such objective any more");
        lines.push(("sla", format!("{objective}: {state}")));
    }
    if let Some(at) = one.retires_ms {
        lines.push(("ends", format!("{} UTC", format_time(at))));
    }
    if let Some(successor) = &one.successor {
        lines.push(("successor", successor.clone()));
    }
    for (name, value) in lines {
        context.out.line(&format!("{name:<11} {}", clean(&value)))?;
    }
    let said = one.history.iter().map(|event| event.reason.as_str());
    context.out.careful([one.purpose.as_str(), &one.owner, &one.legal_basis].into_iter().chain(said))?;
    if !one.history.is_empty() {
        context.out.line("")?;
    }
    for event in &one.history {
        let reason = if event.reason.is_empty() { String::new() } else { format!(": {}", event.reason) };
        let line = format!("{} {} by {}{reason}", format_since(event.at_ms), event.what, event.by);
        context.out.line(&clean(&line))?;
    }
    if !one.callers.is_empty() {
        context.out.line("")?;
        let row = |one: &UseCaseCaller| {
            let who = named(&one.who, one.login.as_ref());
            vec![who, one.questions.to_string(), format_time(one.last_ms)]
        };
        let rows: Vec<Vec<String>> = one.callers.iter().map(row).collect();
        context.out.table(&["WHO ASKS", "QUESTIONS", "LAST (UTC)"], &rows)?;
    }
    Ok(0)
}
