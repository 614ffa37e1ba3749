//! `spud metric ...`: what the box measures, now and before, and the language to ask about it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;

use super::context::Context;
use super::error::{CliError, DATA_ERROR, FAILED};
use super::metric_show;
use super::output::clean;
use crate::api::host;
use crate::api::types::{PromqlFinding, PromqlTestReport};

/// Bytes of a script; those of Prometheus have some hundred kilobytes.
const LONGEST: u64 = 16 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the metrics of the box: name, kind, unit, what it is
    List {
        /// Only names that contain this text
        #[arg(value_name = "TEXT")]
        contains: Option<String>,
    },
    /// Ask for values at one time, in PromQL
    #[command(after_help = "Example: spud metric query 'rate(spud_queries_total[5m])'")]
    Query {
        #[arg(value_name = "EXPR")]
        expression: String,
        /// When: a time (2026-03-01T08:00:00Z), or how long ago (1h)
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Ask for values over a time, in PromQL
    #[command(after_help = "Example: spud metric range process_resident_memory_bytes --from 6h --step 10m")]
    Range {
        #[arg(value_name = "EXPR")]
        expression: String,
        /// A time, or how long ago
        #[arg(long, value_name = "TIME", default_value = "1h")]
        from: String,
        /// A time, or how long ago; now where it is not given
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// Time between two values; a sixtieth of the whole where it is not given
        #[arg(long, value_name = "TIME", value_parser = duration)]
        step: Option<Duration>,
        /// How wide points may be that stand for samples: auto, or such as 5m; 0s reads every sample
        #[arg(long, value_name = "TIME", default_value = "0s")]
        resolution: String,
    },
    /// List the names of labels, or the values of one
    Labels {
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Only of series that this selector means, such as '{job="node"}'
        #[arg(long = "match", value_name = "SELECTOR")]
        selectors: Vec<String>,
    },
    /// List the series that selectors mean
    Series {
        #[arg(required = true, value_name = "SELECTOR")]
        selectors: Vec<String>,
    },
    /// Print every metric as it stands, in the text format of Prometheus
    Export {
        /// In the format of OpenMetrics
        #[arg(long)]
        openmetrics: bool,
    },
    /// Tell the box what a program measures, in the text format of Prometheus
    #[command(after_help = "Example: echo 'batch_rows_total 41' | spud metric push --job night -")]
    Push {
        /// A file, or - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A name for the program
        #[arg(long, value_name = "NAME")]
        job: Option<String>,
    },
    /// List the programs whose metrics are read: [[scrape]] in files below probes/
    Targets,
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
        Verb::List { contains } => metric_show::list(contains.as_deref(), context),
        Verb::Query { expression, at } => metric_show::query(&expression, at.as_deref(), context),
        Verb::Range { expression, from, to, step, resolution } => {
            metric_show::range(&expression, (&from, to.as_deref(), step), &resolution, context)
        }
        Verb::Labels { name, selectors } => metric_show::labels(name.as_deref(), &selectors, context),
        Verb::Series { selectors } => metric_show::series(&selectors, context),
        Verb::Export { openmetrics } => metric_show::export(openmetrics, context),
        Verb::Push { file, job } => metric_show::push(&file, job.as_deref(), context),
        Verb::Targets => super::probe::list(true, context),
        Verb::Promqltest { files } => promqltest(&files, context),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 30s or 5m"))
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
