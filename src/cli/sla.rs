//! `spud sla ...`: what was promised, what is left of the error budgets, how fast they are spent.

use std::path::PathBuf;

use clap::Subcommand;

use super::check_files::check_files;
use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::client::escape;
use crate::api::host;
use crate::api::types::Page;
use crate::api::types::sla::Objective;
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List objectives with what is left of their error budgets
    List,
    /// Show one objective: figures, burn rates, what is asked of the metrics
    Show { name: String },
    /// Check files of objectives (OpenSLO v1, kind SLO); needs no data folder
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Check { files } => {
            check_files(&files, "objectives", context, &|_, text| host::check_objectives(text))
        }
        Verb::List => {
            let page: Page<Objective> = context.connect()?.get("/v1/sla")?;
            list(&page, context).map(|()| 0)
        }
        Verb::Show { name } => {
            let one: Objective = context.connect()?.get(&format!("/v1/sla/{}", escape(&name)))?;
            show(&one, context).map(|()| 0)
        }
    }
}

fn percent(part: Option<f64>) -> String {
    part.map_or_else(|| "-".to_owned(), |part| format!("{:.2} %", part * 100.0))
}

fn burn(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

fn list(page: &Page<Objective>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    let row = |one: &Objective| {
        vec![
            one.name.clone(),
            one.state.clone(),
            percent(Some(one.target)),
            percent(one.attained),
            percent(one.budget_left),
            burn(one.burns.get(2).and_then(|rate| rate.burn)),
            format!("{:.0}", one.total),
            one.title.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["NAME", "STATE", "TARGET", "WAS", "BUDGET LEFT", "BURN 1H", "EVENTS", "WHAT"], &rows)
}

fn show(one: &Objective, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(one);
    }
    let mut lines = vec![
        ("name", format!("{} ({})", one.name, one.file)),
        ("what", one.title.clone()),
        ("about", one.about.clone()),
        ("state", one.state.clone()),
        (
            "target",
            format!(
                "{} over {} days, by {}",
                percent(Some(one.target)),
                one.window_ms / 86_400_000,
                one.method
            ),
        ),
        ("was", format!("{}, {:.0} of {:.0} events bad", percent(one.attained), one.bad, one.total)),
        ("budget", format!("{} left", percent(one.budget_left))),
    ];
    if one.state == "no-data" {
        lines.push(("why", format!("fewer than {:.0} events: nothing is said", one.least)));
    }
    lines.extend((!one.error.is_empty()).then(|| ("error", one.error.clone())));
    lines.extend(
        one.since_ms.map(|ms| ("violated", format!("{} since {} UTC", one.violation, format_time(ms)))),
    );
    for rate in &one.burns {
        let span = humantime::format_duration(std::time::Duration::from_millis(rate.window_ms));
        let span = span.to_string().replace("day", " day");
        lines.push(("burn", format!("{} over {span}, {:.0} events", burn(rate.burn), rate.total)));
    }
    lines.extend(one.queries.iter().map(|query| ("asks", query.clone())));
    for (name, value) in lines {
        context.out.line(&format!("{name:<8} {}", clean(&value)))?;
    }
    Ok(())
}
