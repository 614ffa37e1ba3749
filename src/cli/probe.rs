//! `spud probe ...`: what the box looks at beside itself, and whose metrics it reads.

use std::path::PathBuf;

use clap::Subcommand;

use super::check_files::check_files;
use super::context::Context;
use super::error::{CliError, FAILED};
use super::output::clean;
use crate::api::client::escape;
use crate::api::host;
use crate::api::types::{Probe, ProbeList};
use crate::base::format_second;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List probes and targets: how they stand, what was seen last
    List,
    /// Look now, by name; it counts as no result
    Test {
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Check files of probes and targets; needs no data folder
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::List => list(false, context),
        Verb::Test { name } => test(&name, context),
        Verb::Check { files } => check_files(&files, "probes and targets", context, &host::check_probes),
    }
}

/// All of them, or targets only.
pub(super) fn list(targets: bool, context: &mut Context) -> Result<u8, CliError> {
    let mut list: ProbeList = context.connect()?.get("/v1/probes")?;
    list.items.retain(|probe| !targets || probe.kind == "scrape");
    if context.json {
        context.print_json(&list)?;
        return Ok(0);
    }
    if list.items.is_empty() && list.problems.is_empty() {
        context
            .out
            .line("There are none: they stand in files below `probes/` in a folder of the configuration.")?;
    } else {
        let rows: Vec<Vec<String>> = list.items.iter().map(row).collect();
        context.out.table(&["NAME", "KIND", "STATE", "SINCE (UTC)", "LAST SEEN", "WHAT"], &rows)?;
    }
    for problem in &list.problems {
        let line = context.out.paint.bad(&clean(problem));
        context.out.line(&line)?;
    }
    Ok(0)
}

fn row(probe: &Probe) -> Vec<String> {
    let state = if probe.critical { format!("{} (critical)", probe.state) } else { probe.state.clone() };
    let seen = if probe.detail.is_empty() { "-".to_owned() } else { probe.detail.clone() };
    vec![
        probe.name.clone(),
        probe.kind.clone(),
        state,
        format_second(probe.since_ms),
        seen,
        probe.what.clone(),
    ]
}

fn test(name: &str, context: &mut Context) -> Result<u8, CliError> {
    let path = format!("/v1/probes/{}/test", escape(name));
    let probe: Probe = context.connect()?.send("POST", &path, &())?;
    let good = probe.state == "up";
    if context.json {
        context.print_json(&probe)?;
    } else {
        let (name, detail) = (clean(&probe.name), clean(&probe.detail));
        let line = format!("{name}: {}, {detail} ({} ms)", clean(&probe.state), probe.took_us / 1000);
        let line = if good { line } else { context.out.paint.bad(&line) };
        context.out.line(&line)?;
    }
    Ok(if good { 0 } else { FAILED })
}
