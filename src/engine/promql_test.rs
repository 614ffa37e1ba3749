//! Runs PromQL test scripts: nothing of a box is needed for it.

use crate::api::types::{PromqlFinding, PromqlTestReport};
use crate::observe::promql::script::{self, Finding};

/// What a script came to.
#[must_use]
pub fn promql_test(script: &str) -> PromqlTestReport {
    let report = script::run(script);
    let words = |findings: Vec<Finding>| {
        let word =
            |finding: Finding| PromqlFinding { line: finding.line, query: finding.query, what: finding.what };
        findings.into_iter().map(word).collect()
    };
    PromqlTestReport {
        passed: report.passed,
        failed: words(report.failed),
        out_of_scope: words(report.outside),
    }
}
