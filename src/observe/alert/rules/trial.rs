//! Files that try rules out: series as they might come, and the alerts and values that are then expected.
//!
//! Format: <https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/>.

use super::node::{Node, Problem, Value};
use super::read::{Reader, Texts, get};
use super::{Format, parse_document};
use crate::base::InOrder;

const FILE: [&str; 4] = ["rule_files", "evaluation_interval", "group_eval_order", "tests"];
const TEST: [&str; 7] = [
    "interval",
    "name",
    "input_series",
    "alert_rule_test",
    "promql_expr_test",
    "external_labels",
    "external_url",
];
const SERIES: [&str; 2] = ["series", "values"];
const ALERT: [&str; 3] = ["eval_time", "alertname", "exp_alerts"];
const EXPECTED: [&str; 2] = ["exp_labels", "exp_annotations"];
const EXPR: [&str; 3] = ["expr", "eval_time", "exp_samples"];
const SAMPLE: [&str; 2] = ["labels", "value"];
/// Tests of one file.
const TESTS_MOST: usize = 500;

/// What a file of tests says.
#[derive(Debug, Clone, Default)]
pub struct TrialFile {
    /// Files of rules, as they are named: relative to this file.
    pub rule_files: Vec<String>,
    /// How often rules are evaluated, in milliseconds.
    pub interval_ms: u64,
    /// Groups that come first, in this order.
    pub order: Vec<String>,
    pub trials: Vec<Trial>,
}

/// One test.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    pub name: String,
    /// Between two values of a series, in milliseconds.
    pub interval_ms: u64,
    /// Line in the file, and the series in the notation of `promqltest`.
    pub series: Vec<(usize, String)>,
    pub alerts: Vec<AlertCase>,
    pub values: Vec<ValueCase>,
    /// What templates are told of the box.
    pub external_labels: Texts,
    pub external_url: String,
}

/// Which alerts of a name fire at a time.
#[derive(Debug, Clone)]
pub struct AlertCase {
    pub line: usize,
    pub time_ms: u64,
    pub name: String,
    /// Labels and annotations of each.
    pub expected: Vec<(Texts, Texts)>,
}

/// What an expression gives at a time.
#[derive(Debug, Clone)]
pub struct ValueCase {
    pub line: usize,
    pub time_ms: u64,
    pub expr: String,
    /// Labels in the notation of series, and the value.
    pub expected: Vec<(String, String)>,
}

/// Reads a file of tests.
///
/// # Errors
/// Everything that is wrong, by place.
pub fn read_trials(text: &str, format: Format) -> Result<TrialFile, Vec<Problem>> {
    let root = parse_document(text, format).map_err(|problem| vec![problem])?;
    let mut reader = Reader::new(text, "");
    let file = reader.trials(&root);
    reader.problems.order_by_key(|problem| problem.at);
    if reader.problems.is_empty() { Ok(file) } else { Err(reader.problems) }
}

const MINUTE_MS: u64 = 60_000;

impl Reader<'_> {
    fn trials(&mut self, root: &Node) -> TrialFile {
        if root.value == Value::Null {
            return TrialFile::default();
        }
        let pairs = self.map(root, "a file of tests", &FILE);
        let rule_files = self.names(get(pairs, "rule_files"), "rule_files");
        let order = self.names(get(pairs, "group_eval_order"), "group_eval_order");
        let interval_ms = self.step(get(pairs, "evaluation_interval"), "evaluation_interval");
        let nodes = self.list(get(pairs, "tests"), "tests");
        if let Some(node) = nodes.get(TESTS_MOST) {
            self.wrong(node, format!("a file holds at most {TESTS_MOST} tests"), "make several files of it");
        }
        let trials = nodes.iter().take(TESTS_MOST).map(|node| self.trial(node)).collect();
        TrialFile { rule_files, interval_ms, order, trials }
    }

    fn step(&mut self, node: Option<&Node>, what: &str) -> u64 {
        self.duration(node, what).filter(|ms| *ms > 0).unwrap_or(MINUTE_MS)
    }

    fn trial(&mut self, node: &Node) -> Trial {
        let pairs = self.map(node, "a test", &TEST);
        let name = self.text(get(pairs, "name"), "name").unwrap_or_default();
        let interval_ms = self.step(get(pairs, "interval"), "interval");
        let external_labels = self.pairs(get(pairs, "external_labels"), "external_labels");
        let external_url = self.text(get(pairs, "external_url"), "external_url").unwrap_or_default();
        let mut trial = Trial { name, interval_ms, external_labels, external_url, ..Trial::default() };
        for node in self.list(get(pairs, "input_series"), "input_series") {
            let pairs = self.map(node, "a series", &SERIES);
            let series = self.needed(node, get(pairs, "series"), "series");
            let values = self.needed(node, get(pairs, "values"), "values");
            trial.series.push((node.at.line, format!("{series} {values}")));
        }
        for node in self.list(get(pairs, "alert_rule_test"), "alert_rule_test") {
            let pairs = self.map(node, "a test of alerts", &ALERT);
            let name = self.needed(node, get(pairs, "alertname"), "alertname");
            let time_ms = self.duration(get(pairs, "eval_time"), "eval_time").unwrap_or(0);
            let mut expected = Vec::new();
            for node in self.list(get(pairs, "exp_alerts"), "exp_alerts") {
                let pairs = self.map(node, "an expected alert", &EXPECTED);
                let labels = self.pairs(get(pairs, "exp_labels"), "exp_labels");
                expected.push((labels, self.pairs(get(pairs, "exp_annotations"), "exp_annotations")));
            }
            trial.alerts.push(AlertCase { line: node.at.line, time_ms, name, expected });
        }
        for node in self.list(get(pairs, "promql_expr_test"), "promql_expr_test") {
            let pairs = self.map(node, "a test of an expression", &EXPR);
            let expr = self.needed(node, get(pairs, "expr"), "expr");
            let time_ms = self.duration(get(pairs, "eval_time"), "eval_time").unwrap_or(0);
            let mut expected = Vec::new();
            for node in self.list(get(pairs, "exp_samples"), "exp_samples") {
                let pairs = self.map(node, "an expected sample", &SAMPLE);
                let labels = self.text(get(pairs, "labels"), "labels").unwrap_or_default();
                expected.push((labels, self.needed(node, get(pairs, "value"), "value")));
            }
            trial.values.push(ValueCase { line: node.at.line, time_ms, expr, expected });
        }
        trial
    }

    fn needed(&mut self, parent: &Node, node: Option<&Node>, what: &str) -> String {
        if node.is_none() {
            self.wrong(parent, format!("{what} is missing here"), "");
        }
        self.text(node, what).unwrap_or_default()
    }
}
