//! Service levels from outside: files of objectives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;

use support::spud;

/// Never met: no request ends with this code. The requests of the test are enough of them.
const NEVER: &str = "apiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: never\n  annotations: {least: \"1\", incident: safety}\nspec:\n  indicator:\n    spec:\n      ratioMetric:\n        counter: true\n        good: {metricSource: {type: Prometheus, spec: {query: 'spud_api_requests_total{code=\"299\"}'}}}\n        total: {metricSource: {type: Prometheus, spec: {query: spud_api_requests_total}}}\n  timeWindow: [{duration: 1h, isRolling: true}]\n  budgetingMethod: Occurrences\n  objectives: [{target: 0.9}]\n";

#[test]
fn files_are_checked_without_a_box() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("good.yaml"), NEVER).unwrap();
    fs::write(path("bad.yaml"), NEVER.replace("target: 0.9", "target: 90").replace("Occurrences", "Weeks"))
        .unwrap();
    let run = |args: &[&str]| spud().args(args).output().unwrap();
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let output = run(&["sla", "check", &path("good.yaml")]);
    assert!(output.status.success() && said(&output).contains("1 objectives, nothing wrong"), "{output:?}");
    let output = run(&["sla", "check", &path("bad.yaml")]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    for place in ["bad.yaml:14:20: budgetingMethod", "bad.yaml:15:25: target is a number"] {
        assert!(said(&output).contains(place), "{place}: {}", said(&output));
    }
}
