//! Tries rules out on series that were written by hand, and holds what they find against what is expected.

use std::collections::BTreeMap;

use super::evaluate::{found_from, vector};
use super::rules::{AlertCase, Group, Trial, TrialFile, ValueCase};
use super::step::{Alerts, Phase, Times, step};
use super::template::Outside;
use super::{evaluate, recorded};
use crate::base::InOrder;
use crate::observe::promql::script::{self, Store};
use crate::observe::promql::{Context, Labels, Limits, METRIC_NAME, format_float, parse, parse_number};

/// Evaluations of one test: a typing error must not run for ever.
const STEPS_MOST: u64 = 100_000;
/// Relative difference of values that are taken for the same.
const TOLERANCE: f64 = 1e-6;

/// What is not as expected, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub line: usize,
    /// The alert or the expression.
    pub of: String,
    pub what: String,
}

/// Runs all tests of a file on these rules. Gives how many cases passed, and those that failed.
#[must_use]
pub fn try_out(file: &TrialFile, groups: &[Group]) -> (usize, Vec<Failure>) {
    let rank = |group: &&Group| file.order.iter().position(|name| *name == group.name).unwrap_or(usize::MAX);
    let mut groups: Vec<&Group> = groups.iter().collect();
    groups.order_by_key(rank);
    let (mut cases, mut failed) = (0, Vec::new());
    for trial in &file.trials {
        cases += trial.alerts.len() + trial.values.len();
        failed.extend(tried(trial, file.interval_ms, &groups));
    }
    (cases.saturating_sub(failed.len()), failed)
}

fn millis(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn tried(trial: &Trial, every_ms: u64, groups: &[&Group]) -> Vec<Failure> {
    let whole = |line: usize, what: String| vec![Failure { line, of: trial.name.clone(), what }];
    let mut store = Store::default();
    for (line, series) in &trial.series {
        if let Err(what) = store.add(series, millis(trial.interval_ms)) {
            return whole(*line, what);
        }
    }
    let times = trial.alerts.iter().map(|case| (case.time_ms, case.line));
    let (last, line) =
        times.chain(trial.values.iter().map(|case| (case.time_ms, case.line))).max().unwrap_or((0, 1));
    if last / every_ms > STEPS_MOST {
        return whole(
            line,
            format!("this would take more than {STEPS_MOST} evaluations: evaluate less often"),
        );
    }
    let outside = Outside { labels: &trial.external_labels, url: &trial.external_url };
    let mut run =
        Run { store, outside, alerts: BTreeMap::new(), before: BTreeMap::new(), errors: BTreeMap::new() };
    let mut failed = Vec::new();
    for now in (0..=last).step_by(usize::try_from(every_ms).unwrap_or(usize::MAX)) {
        for (at, group) in groups.iter().enumerate() {
            run.evaluate(at, group, now);
        }
        // A case between two evaluations sees the one before.
        let here = |case: &&AlertCase| case.time_ms >= now && case.time_ms - now < every_ms;
        for case in trial.alerts.iter().filter(here) {
            if let Err(what) = run.alerts_are(case, groups) {
                failed.push(Failure { line: case.line, of: case.name.clone(), what });
            }
        }
    }
    for case in &trial.values {
        if let Err(what) = run.values_are(case) {
            failed.push(Failure { line: case.line, of: case.expr.clone(), what });
        }
    }
    failed.order_by_key(|one| one.line);
    failed
}

/// Place of a rule: of its group, and within it.
type Place = (usize, usize);

struct Run<'a> {
    store: Store,
    outside: Outside<'a>,
    alerts: BTreeMap<Place, Alerts>,
    /// Series that a rule wrote last.
    before: BTreeMap<Place, Vec<Labels>>,
    errors: BTreeMap<Place, String>,
}

impl Run<'_> {
    fn context(&self) -> Context<'_> {
        Context { source: &self.store, limits: Limits::default(), late: &|| false }
    }

    fn evaluate(&mut self, at: usize, group: &Group, now: u64) {
        let time = millis(now.saturating_sub(group.offset_ms));
        for (place, rule) in group.rules.iter().enumerate().map(|(rule, one)| ((at, rule), one)) {
            let results = evaluate(rule, group.limit, time, self.context());
            let written = results.and_then(|results| {
                if !rule.is_alert {
                    return recorded(rule, results);
                }
                let times = Times { hold: rule.hold_ms, keep: rule.keep_ms, cooldown: rule.cooldown_ms };
                let alerts = self.alerts.remove(&place).unwrap_or_default();
                let found = found_from(rule, results, time, self.context(), self.outside)?;
                let (alerts, _) = step(alerts, times, found, now);
                let series = alerts.iter().filter_map(|(labels, alert)| series_of(labels, alert.phase));
                let series = series.collect();
                self.alerts.insert(place, alerts);
                Ok(series)
            });
            match written {
                Ok(series) => {
                    self.errors.remove(&place);
                    self.write(place, millis(now), series);
                }
                Err(error) => drop(self.errors.insert(place, error)),
            }
        }
    }

    fn write(&mut self, place: Place, time: i64, series: Vec<(Labels, f64)>) {
        let labels: Vec<Labels> = series.iter().map(|(labels, _)| labels.clone()).collect();
        for gone in self.before.remove(&place).unwrap_or_default() {
            if !labels.contains(&gone) {
                self.store.put(gone, time, None);
            }
        }
        for (labels, value) in series {
            self.store.put(labels, time, Some(value));
        }
        self.before.insert(place, labels);
    }

    fn alerts_are(&self, case: &AlertCase, groups: &[&Group]) -> Result<(), String> {
        let mut got = Vec::new();
        let mut known = false;
        for (at, group) in groups.iter().enumerate() {
            for (rule, one) in
                group.rules.iter().enumerate().filter(|(_, one)| one.is_alert && one.name == case.name)
            {
                known = true;
                if let Some(error) = self.errors.get(&(at, rule)) {
                    return Err(format!("the rule {} could not be evaluated: {error}", one.name));
                }
                let alerts = self.alerts.get(&(at, rule)).into_iter().flatten();
                let firing = alerts.filter(|(_, alert)| alert.phase == Phase::Firing);
                got.extend(
                    firing.map(|(labels, alert)| (labels.clone(), Labels::new(alert.annotations.clone()))),
                );
            }
        }
        if !known && !case.expected.is_empty() {
            return Err(format!("no rule has the name {:?}", case.name));
        }
        let expected = case.expected.iter().map(|(labels, annotations)| {
            let name = ("alertname".to_owned(), case.name.clone());
            (Labels::new(labels.iter().cloned().chain([name])), Labels::new(annotations.iter().cloned()))
        });
        let mut expected: Vec<(Labels, Labels)> = expected.collect();
        got.order();
        expected.order();
        if got == expected {
            Ok(())
        } else {
            Err(format!("expected {}, got {}", listed(&expected), listed(&got)))
        }
    }

    fn values_are(&self, case: &ValueCase) -> Result<(), String> {
        let expr = parse(&case.expr).map_err(|fault| fault.to_string())?;
        let mut got = vector(&expr, millis(case.time_ms), self.context())?;
        let mut expected = Vec::new();
        for (labels, value) in &case.expected {
            let number = parse_number(value).ok_or_else(|| format!("{value:?} is no number"))?;
            expected.push((script::labels(labels)?, number));
        }
        got.order_by(|a, b| a.0.cmp(&b.0));
        expected.order_by(|a, b| a.0.cmp(&b.0));
        let same = |((a, x), (b, y)): (&(Labels, f64), &(Labels, f64))| a == b && alike(*x, *y);
        if got.len() == expected.len() && expected.iter().zip(&got).all(same) {
            return Ok(());
        }
        let shown = |all: &[(Labels, f64)]| {
            let all: Vec<String> =
                all.iter().map(|(labels, value)| format!("{labels} {}", format_float(*value))).collect();
            if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
        };
        Err(format!("expected {}, got {}", shown(&expected), shown(&got)))
    }
}

fn alike(expected: f64, got: f64) -> bool {
    let near = (expected - got).abs() <= TOLERANCE * expected.abs().max(got.abs());
    near || expected.to_bits() == got.to_bits() || expected.is_nan() && got.is_nan() || expected == got
}

/// The series that tells of an alert, as the box records it.
fn series_of(labels: &Labels, phase: Phase) -> Option<(Labels, f64)> {
    if phase == Phase::Resolved {
        return None;
    }
    let own = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let more = [(METRIC_NAME, "ALERTS"), ("alertstate", phase.name())];
    Some((Labels::new(own.chain(more.map(|(name, value)| (name.to_owned(), value.to_owned())))), 1.0))
}

fn listed(all: &[(Labels, Labels)]) -> String {
    let one = |(labels, annotations): &(Labels, Labels)| format!("{labels} with {annotations}");
    if all.is_empty() { "no alert".to_owned() } else { all.iter().map(one).collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{Format, read, read_trials};
    use super::*;

    const RULES: &str = "groups:\n- name: a\n  rules:\n  - record: job:up:sum\n    expr: sum by (job) (up)\n  - alert: Down\n    expr: job:up:sum == 0\n    for: 5m\n    labels: {severity: page}\n    annotations: {summary: '{{ $labels.job }} is down'}\n";

    fn tried_out(tests: &str) -> (usize, Vec<Failure>) {
        let rules = read(RULES, Format::Yaml, "full").unwrap();
        try_out(&read_trials(tests, Format::Yaml).unwrap(), &rules.groups)
    }

    #[test]
    fn rules_are_tried_out_as_promtool_does() {
        let text = r#"
rule_files: [a.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'up{job="web", instance="1"}'
        values: '1 1 0x20'
      - series: 'up{job="db"}'
        values: '1+0x30'
    alert_rule_test:
      - eval_time: 6m
        alertname: Down
      - eval_time: 7m30s
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: page, job: web}
            exp_annotations: {summary: web is down}
    promql_expr_test:
      - expr: job:up:sum
        eval_time: 4m
        exp_samples:
          - {labels: 'job:up:sum{job="web"}', value: 0}
          - {labels: 'job:up:sum{job="db"}', value: 1}
      - expr: ALERTS{alertstate="pending"}
        eval_time: 3m
        exp_samples:
          - labels: 'ALERTS{alertname="Down", alertstate="pending", job="web", severity="page"}'
            value: 1
"#;
        assert_eq!(tried_out(text), (4, Vec::new()));
    }

    #[test]
    fn templates_are_told_what_a_test_says_of_the_box() {
        let rules = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up\n    annotations: {x: '{{ .ExternalLabels.b }} {{ $externalLabels.a }} {{ .ExternalURL }} {{ $externalURL }} {{ externalURL }} {{ pathPrefix }}'}\n";
        let tests = "tests:\n- external_labels: {b: x, a: eu}\n  external_url: http://h:1/p?q\n  input_series: [{series: up, values: 1}]\n  alert_rule_test:\n  - {eval_time: 0m, alertname: A, exp_alerts: [{exp_annotations: {x: 'x eu http://h:1/p?q http://h:1/p?q http://h:1/p?q /p'}}]}\n";
        let rules = read(rules, Format::Yaml, "full").unwrap();
        let tests = read_trials(tests, Format::Yaml).unwrap();
        assert_eq!(try_out(&tests, &rules.groups), (1, Vec::new()));
    }

    #[test]
    fn what_is_not_as_expected_is_told_with_its_line() {
        let text = "tests:\n- input_series:\n  - {series: 'up{job=\"a\"}', values: '0x20'}\n  alert_rule_test:\n  - {eval_time: 5m, alertname: Down}\n  - {eval_time: 4m, alertname: Down}\n  - {eval_time: 4m, alertname: None}\n  - {eval_time: 4m, alertname: None, exp_alerts: [{}]}\n  promql_expr_test:\n  - {expr: 'sum(', eval_time: 1m}\n  - {expr: up, eval_time: 1m}\n";
        let (passed, failed) = tried_out(text);
        let lines: Vec<usize> = failed.iter().map(|one| one.line).collect();
        assert_eq!((passed, lines), (2, vec![5, 8, 10, 11]));
        assert!(failed[0].what.starts_with("expected no alert, got {"), "{}", failed[0].what);
        assert!(failed[3].what.starts_with("expected nothing, got {"), "{}", failed[3].what);
        let wrong =
            read_trials("tests:\n- intervall: 1m\n  alert_rule_test:\n  - eval_time: x\n", Format::Yaml);
        assert_eq!(wrong.unwrap_err().iter().map(|one| one.at.line).collect::<Vec<_>>(), [2, 4, 4]);
    }
}
