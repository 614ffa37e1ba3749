//! `spud violation ...`: what rules found in the audit log, and the rules.

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::types::Page;
use crate::api::types::incident::Incident;
use crate::api::types::violation::ViolationRule;
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List incidents that rules over the audit log opened, closed ones too
    List {
        /// At most so many
        #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// List the rules
    Rules,
    /// Print the rules for other programs
    Export {
        /// As Sigma rules and correlations (YAML)
        #[arg(long, required = true)]
        sigma: bool,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    if let Verb::List { n } = verb {
        let page: Page<Incident> = link.get(&format!("/v1/incidents?state=all&violations=1&limit={n}"))?;
        return list(&page, context);
    }
    let page: Page<ViolationRule> = link.get("/v1/violations/rules")?;
    match verb {
        Verb::Export { .. } => {
            let all: Vec<&str> =
                page.items.iter().map(|rule| rule.sigma.as_str()).filter(|text| !text.is_empty()).collect();
            for line in all.join("---\n").lines() {
                context.out.line(&clean(line))?;
            }
            let left = page.items.iter().filter(|rule| rule.sigma.is_empty()).map(|rule| rule.id.as_str());
            let left: Vec<&str> = left.collect();
            if !left.is_empty() {
                context.remark(&format!("Sigma has no words for: {}", left.join(", ")));
            }
        }
        _ if context.json => context.print_json(&page)?,
        _ => {
            let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
            context.out.table(&["RULE", "SEVERITY", "TYPE", "FINDS", "WHAT"], &rows)?;
        }
    }
    Ok(0)
}

fn row(rule: &ViolationRule) -> Vec<String> {
    vec![rule.id.clone(), rule.severity.clone(), rule.incident.clone(), rule.finds(), rule.title.clone()]
}

fn list(page: &Page<Incident>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    if page.items.is_empty() {
        context.out.line("No rule found anything.")?;
        return Ok(0);
    }
    let row = |one: &Incident| {
        vec![
            one.id.clone(),
            one.severity.clone(),
            one.state.clone(),
            format_time(one.seen_ms),
            one.times.to_string(),
            one.title.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["INCIDENT", "SEVERITY", "STATE", "LAST (UTC)", "TIMES", "WHAT"], &rows)?;
    Ok(0)
}
