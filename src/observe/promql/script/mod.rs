//! Runs test scripts in the language of Prometheus' `promqltest`: load series, evaluate, compare.
//!
//! Format: <https://github.com/prometheus/prometheus/blob/main/promql/promqltest/README.md>. As there, each
//! instant case is run again as a range, and with its time pinned by `@` at other times.

mod case;
mod compare;
mod notation;
mod read;
mod store;

use super::Labels;
use read::Command;
pub use store::Store;

/// What a script came to. A case is one `eval`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub passed: usize,
    pub failed: Vec<Finding>,
    /// Cases about native histograms and about experiments of Prometheus that are not here.
    pub outside: Vec<Finding>,
}

/// One case, by its line, and what there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub line: usize,
    pub query: String,
    pub what: String,
}

/// What one case came to.
enum Verdict {
    Passed,
    Failed(String),
    Outside(&'static str),
}

/// Labels as series are written: `name{label="x"}`.
///
/// # Errors
/// What is wrong with them.
pub fn labels(text: &str) -> Result<Labels, String> {
    let (labels, rest) = notation::labels(text.trim())?;
    if rest.trim().is_empty() { Ok(labels) } else { Err(format!("{rest:?} follows the labels")) }
}

/// Runs a script. What is wrong with the script itself counts as failed, at its line.
#[must_use]
pub fn run(script: &str) -> Report {
    let mut report = Report::default();
    let mut store = Store::default();
    for (line, command) in read::commands(script) {
        match command {
            Err(what) => report.failed.push(Finding { line, query: String::new(), what }),
            Ok(Command::Clear) => store = Store::default(),
            Ok(Command::Load(load)) => store.load(load),
            Ok(Command::Eval(eval)) => {
                let finding = |what: String| Finding { line, query: eval.query.clone(), what };
                match case::run(&eval, &store) {
                    Verdict::Passed => report.passed += 1,
                    Verdict::Failed(what) => report.failed.push(finding(what)),
                    Verdict::Outside(why) => report.outside.push(finding(why.to_owned())),
                }
            }
        }
    }
    report
}
