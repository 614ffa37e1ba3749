//! `spud violation ...`: what rules found in the audit log, and the rules.

use std::path::PathBuf;

use clap::Subcommand;

use super::check_files::check_files;
use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::host;
use crate::api::types::Page;
use crate::api::types::incident::Incident;
use crate::api::types::violation::{ViolationRule, ViolationRules};
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
    /// Check files of rules; needs no data folder where files are named
    Check {
        /// Absent: those of the configuration
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the rules for other programs
    Export {
        /// As Sigma rules and correlations (YAML)
        #[arg(long, required = true)]
        sigma: bool,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    if let Verb::Check { files } = verb {
        let files = if files.is_empty() { host::violation_files(&context.options) } else { files };
        if files.is_empty() {
            context.out.line("There is no violations.toml in the configuration.")?;
        }
        return check_files(&files, "rules", context, &|_, text| host::check_violations(text));
    }
    let mut link = context.connect()?;
    if let Verb::List { n } = verb {
        let page: Page<Incident> = link.get(&format!("/v1/incidents?state=all&violations=1&limit={n}"))?;
        let code = list(&page, context)?;
        stand(&link.get("/v1/violations/rules")?, context);
        return Ok(code);
    }
    let page: ViolationRules = link.get("/v1/violations/rules")?;
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
            stand(&page, context);
        }
    }
    Ok(0)
}

/// Which rules are off, with how to switch them on, and which files are wrong.
fn stand(all: &ViolationRules, context: &Context) {
    for problem in &all.problems {
        let said = format!("wrong: {problem}");
        context.remark(&context.error_paint().bad(&clean(&said)));
    }
    for id in &all.off {
        context.remark(&format!(
            "off: {id}. To switch it on: on = [\"{id}\"] before the rules of {}, then systemctl reload spud",
            clean(&all.file)
        ));
    }
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
