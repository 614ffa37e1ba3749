//! `spud metric`: questions about metrics.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::context::Context;
use super::error::{CliError, DATA_ERROR, FAILED};
use super::output::clean;
use crate::api::host;
use crate::api::types::{PromqlFinding, PromqlTestReport};

/// Bytes of a script; those of Prometheus have some hundred kilobytes.
const LONGEST: u64 = 16 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run test scripts of Prometheus (promqltest) against this PromQL
    ///
    /// Each failure is shown with its file and line. The last line is "N passed, M failed", the one before it lists
    /// the cases that need native histograms or experiments of Prometheus that are not here. Needs no data folder.
    Promqltest {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Promqltest { files } => promqltest(&files, context),
    }
}

fn promqltest(files: &[PathBuf], context: &mut Context) -> Result<u8, CliError> {
    let mut reports: BTreeMap<String, PromqlTestReport> = BTreeMap::new();
    for file in files {
        let report = host::promql_test(&read(file)?);
        let name = clean(&file.display().to_string());
        if !context.json {
            for failure in &report.failed {
                show(&name, failure, context)?;
            }
        }
        reports.insert(name, report);
    }
    let passed: usize = reports.values().map(|report| report.passed).sum();
    let failed: usize = reports.values().map(|report| report.failed.len()).sum();
    if context.json {
        context.print_json(&reports)?;
    } else {
        context.out.line(&out_of_scope(&reports))?;
        context.out.line(&format!("{passed} passed, {failed} failed"))?;
    }
    Ok(if failed == 0 { 0 } else { FAILED })
}

fn show(name: &str, failure: &PromqlFinding, context: &mut Context) -> Result<(), CliError> {
    let head = format!("{name}:{}: {}", failure.line, clean(&failure.query));
    let head = context.out.paint.bad(&head);
    context.out.line(&head)?;
    context.out.line(&format!("    {}", clean(&failure.what)))
}

/// All on one line: scripts look at the last two.
fn out_of_scope(reports: &BTreeMap<String, PromqlTestReport>) -> String {
    let count: usize = reports.values().map(|report| report.out_of_scope.len()).sum();
    let listed =
        reports.iter().filter(|(_, report)| !report.out_of_scope.is_empty()).map(|(name, report)| {
            let lines: Vec<String> =
                report.out_of_scope.iter().map(|finding| finding.line.to_string()).collect();
            format!("{name}:{}", lines.join(","))
        });
    let listed: Vec<String> = listed.collect();
    if listed.is_empty() {
        "0 out of scope".to_owned()
    } else {
        format!("{count} out of scope: {}", listed.join(" "))
    }
}

fn read(path: &Path) -> Result<String, CliError> {
    let file = File::open(path).map_err(|error| CliError::input(path, &error))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| CliError::input(path, &error))?;
    let long = bytes.len() as u64 > LONGEST;
    String::from_utf8(bytes).ok().filter(|_| !long).ok_or_else(|| {
        let what = format!("{} is no test script", path.display());
        CliError::new(DATA_ERROR, what, "scripts are UTF-8 text of at most 16 MiB")
    })
}
