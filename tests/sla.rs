//! Service levels from outside: files of objectives, what is measured, the incident of a violation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::command::{good, json as json_of};
use support::{Daemon, spud, until};

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
    for place in ["bad.yaml:13:20: budgetingMethod", "bad.yaml:14:25: target is a number"] {
        assert!(said(&output).contains(place), "{place}: {}", said(&output));
    }
}

#[test]
fn a_violation_is_measured_recorded_and_opens_an_incident() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("config/sla")).unwrap();
    fs::write(folder.path().join("config/sla/site.yaml"), NEVER).unwrap();
    fs::write(folder.path().join("config/sla/wrong.yaml"), "kind: nothing\n").unwrap();
    let daemon = Daemon::start_in(folder, &["--set", "metrics.interval_s=1"]);
    let data = daemon.folder.path();
    let one = until("never is measured", || {
        let one = daemon.get("/v1/sla/never").json();
        (one["state"] == "spent").then_some(one)
    });
    assert!(one["file"].as_str().unwrap().ends_with("config/sla/site.yaml"), "{one}");
    assert_eq!((&one["attained"], &one["method"]), (&json!(0.0), &json!("Occurrences")));
    assert!(one["budget_left"].as_f64().unwrap() < -8.0, "{one}");
    let all = json_of(data, &["sla", "list"]);
    assert_eq!(all["items"].as_array().unwrap().len(), 6, "{all}");
    // Where nothing was asked yet, nothing is said: not 100 %.
    let p95 = all["items"].as_array().unwrap().iter().find(|one| one["name"] == "answers-p95").unwrap();
    assert_eq!((&p95["state"], &p95["attained"]), (&json!("no-data"), &Value::Null));
    let out = good(data, &["sla", "show", "never"]);
    assert!(out.contains("spent") && out.contains("burn") && out.contains("increase"), "{out}");
    assert!(good(data, &["sla", "list"]).contains("answers-p95"));
    assert_eq!(daemon.get("/v1/sla/nope").status, 404);
    let incident = until("the incident", || {
        let all = daemon.get("/v1/incidents").json()["items"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["key"] == "slo:never")
    });
    assert_eq!((&incident["type"], &incident["times"]), (&json!("safety"), &json!(1)));
    assert!(incident["title"].as_str().unwrap().contains("never is spent"), "{incident}");
    until("the timeline", || {
        let reply = daemon.get("/api/v1/query?query=spud_slo_budget_ratio").json();
        let all = reply["data"]["result"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["metric"]["slo"] == "never")
    });
}
