//! Incidents from outside: the API over the socket, the command line, alerts that open them, kill -9.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::command::{good, json as json_of, run};
use support::{Daemon, Reply, signal, until};

const RULES: &str = r#"
groups:
  - name: test
    interval: 1s
    rules:
      - alert: PumpDown
        expr: vector(1)
        labels: {severity: critical, pump: "7"}
        annotations: {summary: "Pump 7 stands"}
      - alert: CardGone
        expr: vector(1)
        labels: {severity: warning}
        annotations: {summary: "The card is gone", incident: data, breach: "yes"}
      - alert: Loud
        expr: vector(1)
        labels: {severity: critical}
        annotations: {incident: "no"}
      - alert: Small
        expr: vector(1)
        labels: {severity: warning}
"#;

const NOTIFY: &str = "[[receivers]]\nname = 'inbox'\nkind = 'inbox'\n[[routes]]\nreceivers = ['inbox']\n\
                      matchers = ['alertname=Incident']\nwait = '0s'\ninterval = '0s'\n";

fn rules(data: &Path, text: &str) {
    let folder = data.join("config/rules");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("site.new"), text).unwrap();
    fs::rename(folder.join("site.new"), folder.join("site.yaml")).unwrap();
}

fn patch(daemon: &Daemon, id: &str, tag: &str, body: &Value) -> Reply {
    let tag = if tag.is_empty() { String::new() } else { format!("If-Match: {tag}\r\n") };
    let headers = format!("Content-Type: application/json\r\n{tag}");
    daemon.ask("PATCH", &format!("/v1/incidents/{id}"), &headers, &body.to_string())
}

fn items(daemon: &Daemon, query: &str) -> Vec<Value> {
    let reply = daemon.get(&format!("/v1/incidents{query}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["items"].as_array().unwrap().clone()
}

/// Every event of the timeline stands in the audit log, under its number.
fn entered(daemon: &Daemon, incident: &Value) {
    for event in incident["timeline"].as_array().unwrap() {
        let entry = daemon.get(&format!("/v1/audit/entries/{}", event["entry"].as_str().unwrap())).json();
        assert_eq!(entry["kind"], format!("incident.{}", event["act"].as_str().unwrap()), "{entry}");
        assert_eq!((&entry["subject"], &entry["outcome"]), (&incident["id"], &json!("done")));
    }
}

#[test]
fn incidents_are_opened_worked_on_and_closed_over_the_api() {
    let daemon = Daemon::start(&[]);
    let card = r#"{"title": "Card lost", "type": "data", "severity": "critical", "text": "in the bus", "breach": true}"#;
    let keyed = "Content-Type: application/json\r\nIdempotency-Key: k1\r\n";
    let made = daemon.ask("POST", "/v1/incidents", keyed, card);
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/incidents/1")), "{made:?}");
    assert_eq!(
        daemon.ask("POST", "/v1/incidents", keyed, card).json()["id"],
        "1",
        "asked twice, opened once"
    );
    let one = daemon.get("/v1/incidents/1");
    assert_eq!(one.header("etag"), Some("\"1\""));
    assert!(one.json()["breach"]["left_s"].as_i64().unwrap() > 71 * 3600, "{one:?}");
    // What was seen is what is changed.
    let taken =
        patch(&daemon, "1", "\"1\"", &json!({"state": "acknowledged", "owner": "uid:4242", "note": "on it"}));
    assert_eq!((taken.status, taken.header("etag")), (200, Some("\"4\"")), "{taken:?}");
    assert_eq!(patch(&daemon, "1", "\"1\"", &json!({"note": "late"})).status, 412);
    for (body, status, word) in [
        (json!({}), 422, "nothing is to change"),
        (json!({"state": "gone"}), 422, "no state 'gone'"),
        (json!({"severity": "huge"}), 422, "info, warning"),
        (json!({"unknown": 1}), 422, "unknown"),
        (json!({"note": " "}), 422, "a note of 1 to"),
        (json!({"links": ["ufo:1"]}), 422, "alert:4a1f"),
        (json!({"links": ["entry:99999"]}), 422, "there is no entry 99999"),
        (json!({"type": "safety"}), 422, "no breach"),
        (json!({"state": "resolved"}), 422, "a reason"),
        (json!({"state": "closed", "text": "learnt"}), 409, "not resolved"),
    ] {
        let reply = patch(&daemon, "1", "", &body);
        assert!(reply.status == status && reply.body.contains(word), "{body}: {reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    }
    let body = json!({"state": "resolved", "text": "found", "told": true, "links": ["entry:0"]});
    assert_eq!(patch(&daemon, "1", "", &body).status, 200);
    let closed =
        patch(&daemon, "1", "", &json!({"state": "closed", "text": "cards are encrypted now"})).json();
    assert_eq!(
        (&closed["state"], &closed["post_mortem"]),
        (&json!("closed"), &json!("cards are encrypted now"))
    );
    assert_eq!(patch(&daemon, "1", "", &json!({"note": "late"})).status, 409);
    entered(&daemon, &closed);
    // Pages, filters.
    for n in 2..5 {
        let body = format!(r#"{{"title": "t{n}", "type": "policy", "severity": "warning"}}"#);
        assert_eq!(daemon.post("/v1/incidents", &body).status, 201);
    }
    let page = daemon.get("/v1/incidents?limit=2").json();
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!("4"), &json!("3")));
    assert_eq!(items(&daemon, "?limit=2&cursor=3").len(), 1);
    assert_eq!(daemon.get("/v1/incidents?limit=3").json()["next"], json!(null), "no page is empty");
    assert_eq!(items(&daemon, "?state=all").len(), 4);
    assert_eq!(items(&daemon, "?state=closed&type=data&severity=error")[0]["id"], "1");
    for (query, status) in [("?state=odd", 422), ("?cursor=x", 422), ("?limit=5000", 422), ("?x=1", 422)] {
        assert_eq!(daemon.get(&format!("/v1/incidents{query}")).status, status, "{query}");
    }
    assert_eq!((daemon.get("/v1/incidents/9").status, daemon.get("/v1/incidents/x").status), (404, 404));
}

#[test]
fn incidents_are_worked_on_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let out = good(
        data,
        &["incident", "open", "Wrong answers", "--type", "model-quality", "--text", "about pumps"],
    );
    assert!(out.contains("Incident 1 (error) is open: Wrong answers"), "{out}");
    let out = good(
        data,
        &["incident", "open", "Stick lost", "--type", "data", "--breach", "--severity", "critical"],
    );
    assert!(out.contains("left to tell the authority"), "{out}");
    good(data, &["incident", "ack", "1"]);
    good(data, &["incident", "assign", "1", "uid:4242", "--reason", "knows pumps"]);
    good(data, &["incident", "note", "1", "asked\u{1b}[31m twice"]);
    good(data, &["incident", "set", "1", "--severity", "warning", "--title", "Wrong about pumps"]);
    good(data, &["incident", "link", "1", "incident:2", "entry:0"]);
    good(data, &["incident", "mitigate", "1", "--reason", "the manual is out"]);
    good(data, &["incident", "resolve", "1", "--reason", "the new manual is in"]);
    assert_eq!(run(data, &["incident", "close", "1"]).status.code(), Some(2), "a post-mortem is needed");
    good(data, &["incident", "close", "1", "--post-mortem", "old manuals are taken out now"]);
    let out = good(data, &["incident", "show", "1"]);
    assert!(out.contains("uid:4242 ") || out.contains("uid:4242\n"), "{out}");
    for word in ["knows pumps", "title was: Wrong answers", "incident:2 entry:0", "old manuals", "(entry "] {
        assert!(out.contains(word), "{word}: {out}");
    }
    assert!(!out.contains('\u{1b}'), "{out:?}");
    good(data, &["incident", "reopen", "1", "--reason", "still wrong"]);
    assert_eq!(run(data, &["incident", "close", "2", "--post-mortem", "x"]).status.code(), Some(1));
    assert_eq!(run(data, &["incident", "show", "77"]).status.code(), Some(1));
    assert_eq!(run(data, &["incident", "open", "x", "--type", "ufo"]).status.code(), Some(2));
    let all = json_of(data, &["incident", "list", "--state", "all", "--severity", "critical"]);
    assert_eq!((all["items"].as_array().unwrap().len(), &all["items"][0]["id"]), (1, &json!("2")));
    let out = good(data, &["incident", "list"]);
    assert!(out.contains("BREACH") && out.contains("71 h") && out.contains("Wrong about pumps"), "{out}");
}

#[test]
fn critical_alerts_open_incidents_once_and_all_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    rules(folder.path(), RULES);
    fs::write(folder.path().join("config/notify.toml"), NOTIFY).unwrap();
    let quick = &["--set", "metrics.interval_s=1"];
    let mut daemon = Daemon::start_in(folder, quick);
    let titled = |daemon: &Daemon, word: &str| {
        items(daemon, "?state=all").into_iter().find(|one| one["title"].as_str().unwrap().contains(word))
    };
    let pump = until("PumpDown", || titled(&daemon, "PumpDown"));
    let card = until("CardGone", || titled(&daemon, "CardGone"));
    assert_eq!((&pump["type"], &pump["severity"]), (&json!("availability"), &json!("critical")));
    assert_eq!((&card["type"], &card["severity"]), (&json!("data"), &json!("warning")));
    assert!(card["breach"].is_object() && pump["breach"].is_null(), "{card}");
    assert!(pump["links"][0].as_str().unwrap().starts_with("alert:"), "{pump}");
    until("a notice", || {
        let told = daemon.get("/v1/notifications").body;
        told.contains("Pump 7 stands").then_some(())
    });
    assert!(titled(&daemon, "Loud").is_none() && titled(&daemon, "Small").is_none());
    let id = pump["id"].as_str().unwrap().to_owned();
    let taken = patch(&daemon, &id, "", &json!({"state": "acknowledged", "note": "Eva drives there"})).json();
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    drop(daemon);
    let daemon = Daemon::start_in(folder, quick);
    assert_eq!(daemon.get(&format!("/v1/incidents/{id}")).json(), taken);
    entered(&daemon, &taken);
    // The alert still fires: that is no other incident, nor the same again.
    until("an evaluation after the start", || {
        let groups = daemon.get("/api/v1/rules").json()["data"]["groups"].as_array().unwrap().clone();
        let group = groups.into_iter().find(|group| group["name"] == "test").unwrap();
        (group["rules"][0]["health"] == "ok").then_some(())
    });
    rules(
        daemon.folder.path(),
        &RULES.replace(
            "alert: PumpDown\n        expr: vector(1)",
            "alert: PumpDown\n        expr: vector(1) > 1",
        ),
    );
    let over = until("its end", || {
        let one = daemon.get(&format!("/v1/incidents/{id}")).json();
        let last = one["timeline"].as_array().unwrap().last().unwrap()["act"].clone();
        (last == "ceased").then_some(one)
    });
    assert_eq!((&over["times"], over["timeline"].as_array().unwrap().len()), (&json!(1), 4), "{over}");
    let mine = items(&daemon, "?state=all").into_iter().filter(|one| one["key"] == pump["key"]).count();
    assert_eq!(mine, 1);
    entered(&daemon, &over);
}
