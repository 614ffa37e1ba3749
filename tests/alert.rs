//! Alerts from outside: rule files, the API of Prometheus, the command line, restarts and kill -9.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::command::{good, json as json_of, run, said};
use support::{Daemon, signal, spud, until};

/// Recorded every second, so that no test waits long.
const QUICK: &[&str] = &["--set", "metrics.interval_s=1"];

const FIRES: &str = r#"
groups:
  - name: test
    interval: 1s
    rules:
      - alert: PumpDown
        expr: label_replace(vector(0), "pump", "7", "", "") == 0
        labels: {severity: critical}
        annotations:
          summary: "Pump {{ $labels.pump }} stands, {{ $value | printf \"%.1f\" }}"
      - alert: PumpSlow
        expr: vector(3)
        labels: {severity: warning, pump: "7"}
      - alert: PumpLater
        expr: vector(1)
        for: 1h
      - record: job:pumps:sum
        expr: vector(42)
inhibit:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [pump]
"#;

fn rules(data: &Path, text: &str) {
    let folder = data.join("config/rules");
    fs::create_dir_all(&folder).unwrap();
    // Written beside it and moved: nobody reads half a file.
    fs::write(folder.join("site.new"), text).unwrap();
    fs::rename(folder.join("site.new"), folder.join("site.yaml")).unwrap();
}

/// A box with these rules, from its first moment on.
fn with_rules(text: &str) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    rules(folder.path(), text);
    Daemon::start_in(folder, QUICK)
}

/// Alerts of the rules of the test, by name; those that come with spud depend on the machine.
fn alerts(daemon: &Daemon) -> Vec<Value> {
    let reply = daemon.get("/v1/alerts");
    assert_eq!(reply.status, 200, "{reply:?}");
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.into_iter().filter(|alert| alert["group"] == "test").collect()
}

fn named(daemon: &Daemon, name: &str) -> Option<Value> {
    alerts(daemon).into_iter().find(|alert| alert["name"] == name)
}

fn in_state(daemon: &Daemon, name: &str, state: &str) -> Value {
    until(&format!("{name} {state}"), || named(daemon, name).filter(|alert| alert["state"] == state))
}

#[test]
fn rules_fire_and_are_told_as_prometheus_tells_them() {
    let daemon = with_rules(FIRES);
    let down = in_state(&daemon, "PumpDown", "firing");
    assert_eq!(down["annotations"]["summary"], "Pump 7 stands, 0.0");
    assert_eq!((&down["labels"]["alertname"], &down["inhibited"]), (&json!("PumpDown"), &json!(false)));
    // A worse alert of the same pump makes the lesser one needless.
    assert_eq!(in_state(&daemon, "PumpSlow", "firing")["inhibited"], true);
    assert_eq!(in_state(&daemon, "PumpLater", "pending")["fired_ms"], Value::Null);
    let groups = daemon.get("/api/v1/rules").json()["data"]["groups"].as_array().unwrap().clone();
    let group = groups.iter().find(|group| group["name"] == "test").unwrap();
    assert!(group["file"].as_str().unwrap().ends_with("config/rules/site.yaml"), "{group}");
    assert_eq!((&group["interval"], &group["rules"][0]["type"]), (&json!(1.0), &json!("alerting")));
    assert_eq!((&group["rules"][0]["state"], &group["rules"][0]["health"]), (&json!("firing"), &json!("ok")));
    assert_eq!(
        (&group["rules"][2]["state"], &group["rules"][2]["duration"]),
        (&json!("pending"), &json!(3600.0))
    );
    assert_eq!(
        (&group["rules"][3]["type"], &group["rules"][3]["name"]),
        (&json!("recording"), &json!("job:pumps:sum"))
    );
    let told = daemon.get("/api/v1/alerts").json()["data"]["alerts"].as_array().unwrap().clone();
    let told = told.iter().find(|alert| alert["labels"]["alertname"] == "PumpSlow").unwrap();
    assert_eq!((&told["value"], &told["state"]), (&json!("3e+00"), &json!("firing")));
    // What was recorded, and the series of alerts.
    for (query, wanted) in
        [("job:pumps:sum", "42"), ("ALERTS%7Balertname=%22PumpDown%22,alertstate=%22firing%22%7D", "1")]
    {
        let value = until(query, || {
            let reply = daemon.get(&format!("/api/v1/query?query={query}")).json();
            reply["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
        });
        assert_eq!(value, wanted, "{query}");
    }
    until("a line of the log", || {
        let log = daemon.get("/v1/logs?contains=an%20alert%20fires");
        log.body.contains("PumpDown").then_some(())
    });
    let status = daemon.get("/v1/status").json();
    assert!(status["alerts"].as_u64().unwrap() >= 1, "{status}");
}

/// Names, each with the group that it stands in, of what a list says.
fn grouped(list: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let items = list["items"].as_array().unwrap().iter().filter(|one| one["group"] == "test");
    items.map(|one| (text(one, "name"), text(one, "grouping"))).collect()
}

#[test]
fn alerts_stand_by_the_groups_they_are_told_in_or_by_labels() {
    let folder = tempfile::tempdir().unwrap();
    rules(folder.path(), FIRES);
    let routes = "[[receivers]]\nname = 'in'\nkind = 'inbox'\n[[routes]]\nreceivers = ['in']\nmatchers = ['pump=7']\ngroup_by = ['pump']\n";
    fs::write(folder.path().join("config/notify.toml"), routes).unwrap();
    let daemon = Daemon::start_in(folder, QUICK);
    for name in ["PumpDown", "PumpSlow"] {
        in_state(&daemon, name, "firing");
    }
    in_state(&daemon, "PumpLater", "pending");
    let data = daemon.folder.path();
    let told = grouped(&daemon.get("/v1/alerts").json());
    let of = |name: &str| told.iter().find(|(known, _)| known == name).unwrap().1.clone();
    // One that no route tells is in no group.
    assert_eq!([of("PumpDown"), of("PumpSlow"), of("PumpLater")], ["pump=7", "pump=7", ""]);
    let listed =
        json_of(data, &["alert", "list", "--group-by", "severity,pump", "--match", "alertname=~Pump.*"]);
    let mut all = grouped(&listed);
    all.sort();
    let pair = |name: &str, group: &str| (name.to_owned(), group.to_owned());
    assert_eq!(
        all,
        [
            pair("PumpDown", "severity=critical, pump=7"),
            pair("PumpLater", "severity=, pump="),
            pair("PumpSlow", "severity=warning, pump=7")
        ]
    );
    let one =
        grouped(&json_of(data, &["alert", "list", "--match", "severity=critical", "--match", "pump=7"]));
    assert_eq!(one, [pair("PumpDown", "pump=7")]);
    let bad = daemon.get("/v1/alerts?matcher=pump");
    assert_eq!(bad.status, 422, "{bad:?}");
}

#[test]
fn alerts_are_seen_silenced_and_told_again() {
    let daemon = with_rules(FIRES);
    let data = daemon.folder.path();
    in_state(&daemon, "PumpDown", "firing");
    let out = good(data, &["alert", "list"]);
    assert!(out.contains("PumpDown") && out.contains("firing, inhibited"), "{out}");
    let out = good(
        data,
        &["alert", "silence", "alertname=PumpDown", "pump=~[0-9]+", "--for", "2h", "--reason", "works"],
    );
    assert!(out.contains("works"), "{out}");
    let silenced = named(&daemon, "PumpDown").unwrap();
    let id = silenced["silenced_by"][0].as_str().unwrap().to_owned();
    let listed = json_of(data, &["alert", "silences"]);
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["reason"]), (&json!(id), &json!("works")));
    assert!(listed["items"][0]["by"].as_str().unwrap().starts_with("uid:"), "{listed}");
    assert!(good(data, &["alert", "unsilence", &id]).contains("is over"));
    assert_eq!(named(&daemon, "PumpDown").unwrap()["silenced_by"], json!([]));
    assert_eq!(run(data, &["alert", "unsilence", &id]).status.code(), Some(1));
    let out = good(data, &["alert", "ack", "PumpDown", "--reason", "Eva drives there"]);
    assert!(out.contains("seen") && out.contains("Eva drives there"), "{out}");
    assert_eq!(named(&daemon, "PumpDown").unwrap()["acknowledged"]["reason"], "Eva drives there");
    // All of it is in the audit log.
    let entries = daemon.get("/v1/audit/entries").body;
    for kind in ["alert.silenced", "alert.unsilenced", "alert.acknowledged"] {
        assert!(entries.contains(kind), "{kind}: {entries}");
    }
    // What is wrong is told, and changes nothing.
    for (body, word) in [
        (r#"{"matchers": [], "reason": "x", "ttl_s": 60}"#, "at least one matcher"),
        (r#"{"matchers": ["a=~["], "reason": "x", "ttl_s": 60}"#, "matcher"),
        (r#"{"matchers": ["a=b"], "reason": " ", "ttl_s": 60}"#, "reason"),
        (r#"{"matchers": ["a=b"], "reason": "x", "ttl_s": 0}"#, "30 days"),
        (r#"{"matchers": ["a=b"], "reason": "x", "ttl_s": 99999999}"#, "30 days"),
    ] {
        let reply = daemon.post("/v1/alerts/silences", body);
        assert!(reply.status == 422 && reply.body.contains(word), "{body}: {reply:?}");
    }
    assert_eq!(daemon.get("/v1/alerts/silences").json()["items"], json!([]));
    assert_eq!(daemon.get("/v1/alerts/nope").status, 404);
}

#[test]
fn what_was_known_of_alerts_survives_kill_9_and_the_end_of_its_cause() {
    let mut daemon = with_rules(FIRES);
    let data = daemon.folder.path().to_owned();
    let before = in_state(&daemon, "PumpDown", "firing");
    let pending = in_state(&daemon, "PumpLater", "pending");
    good(&data, &["alert", "ack", "PumpDown", "--reason", "seen"]);
    good(&data, &["alert", "silence", "alertname=PumpSlow", "--reason", "known"]);
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    drop(daemon);
    let daemon = Daemon::start_in(folder, QUICK);
    // Before anything is evaluated again, and after.
    for _ in 0..2 {
        let after = in_state(&daemon, "PumpDown", "firing");
        assert_eq!((&after["id"], &after["fired_ms"]), (&before["id"], &before["fired_ms"]));
        assert_eq!(after["acknowledged"]["reason"], "seen");
        assert_eq!(named(&daemon, "PumpLater").unwrap()["active_ms"], pending["active_ms"]);
        assert!(named(&daemon, "PumpSlow").unwrap()["silenced_by"][0].is_string());
        until("another evaluation", || {
            let groups = daemon.get("/api/v1/rules").json()["data"]["groups"].as_array().unwrap().clone();
            let group = groups.into_iter().find(|group| group["name"] == "test").unwrap();
            (group["rules"][0]["health"] == "ok").then_some(())
        });
    }
    // The cause is gone: the rule finds nothing any more.
    rules(&data, &FIRES.replace("== 0", "== 1"));
    let resolved = in_state(&daemon, "PumpDown", "resolved");
    assert!(resolved["resolved_ms"].as_u64().unwrap() >= resolved["fired_ms"].as_u64().unwrap());
}

#[test]
fn a_probe_that_is_down_before_and_after_a_kill_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let rule =
        "groups:\n- name: test\n  interval: 1s\n  rules:\n  - {alert: Down, expr: spud_probe_up == 0}\n";
    rules(folder.path(), rule);
    let probe =
        "[[probe]]\nname = \"gone\"\nperiodSeconds = 1\nfailureThreshold = 3\ntcpSocket = { port = 1 }\n";
    fs::create_dir_all(folder.path().join("config/probes")).unwrap();
    fs::write(folder.path().join("config/probes/site.toml"), probe).unwrap();
    let mut daemon = Daemon::start_in(folder, QUICK);
    let before = in_state(&daemon, "Down", "firing");
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    drop(daemon);
    let daemon = Daemon::start_in(folder, QUICK);
    let state = || named(&daemon, "Down").map(|alert| (alert["state"].clone(), alert["fired_ms"].clone()));
    let same = Some((json!("firing"), before["fired_ms"].clone()));
    // Until the probe has looked often enough to know that it is down, and a while longer.
    let mut known = 0;
    until("what the probe saw", || {
        assert_eq!(state(), same);
        let probes = daemon.get("/v1/probes").json();
        known += usize::from(probes["items"][0]["state"] == "down");
        (known > 40).then_some(())
    });
    let log = daemon.get("/v1/logs?contains=is%20over").json();
    assert_eq!(log["items"], json!([]), "nobody was told that it is over");
}

#[test]
fn files_that_are_wrong_are_left_out_and_told_with_their_places() {
    let wrong = "groups:\n- name: test\n  rules:\n  - alert: A\n    expr: sum(up\n    fro: 5m\n";
    let daemon = with_rules(wrong);
    let data = daemon.folder.path();
    let told = json_of(data, &["alert", "rules"]);
    let problems = told["problems"].to_string();
    assert!(problems.contains("site.yaml:5:") && problems.contains("site.yaml:6:5"), "{problems}");
    // What comes with spud goes on.
    assert!(told["groups"].as_array().unwrap().iter().any(|group| group["name"] == "spud-box"), "{told}");
    rules(data, FIRES);
    in_state(&daemon, "PumpDown", "firing");
}

#[test]
fn rules_are_checked_and_tried_out_without_a_box() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
    write("good.yaml", FIRES);
    write(
        "good.toml",
        "[[groups]]\nname = 'a'\n[[groups.rules]]\nalert = 'Down'\nexpr = 'up == 0'\nfor = '2m'\n",
    );
    write("bad.yaml", "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: up ==\n    labels: {a-b: c}\n");
    write(
        "test.yaml",
        "rule_files: [good.toml]\ntests:\n- input_series:\n  - {series: 'up{job=\"a\"}', values: '0x9'}\n  alert_rule_test:\n  - eval_time: 1m\n    alertname: Down\n  - eval_time: 2m\n    alertname: Down\n    exp_alerts: [{exp_labels: {job: a}}]\n",
    );
    let run = |args: &[&str]| spud().args(args).output().unwrap();
    let output = run(&["alert", "check", &path("good.yaml"), &path("good.toml")]);
    assert!(output.status.success() && said(&output).contains("4 rules, nothing wrong"), "{output:?}");
    let output = run(&["alert", "check", &path("bad.yaml")]);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(said(&output).contains("bad.yaml:5:") && said(&output).contains("bad.yaml:6:14"), "{output:?}");
    let output = run(&["alert", "test", &path("test.yaml")]);
    assert!(output.status.success() && said(&output).contains("2 passed, 0 failed"), "{output:?}");
    write("test.yaml", &fs::read_to_string(path("test.yaml")).unwrap().replace("job: a", "job: b"));
    let output = run(&["alert", "test", &path("test.yaml")]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        said(&output).contains("test.yaml:8: Down") && said(&output).contains("1 passed, 1 failed"),
        "{output:?}"
    );
    assert_eq!(run(&["alert", "test", &path("none.yaml")]).status.code(), Some(66));
}
