//! Notifications from outside: who is told, in which form, once in effect however often the power goes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::command::{good, json as json_of, run};
use support::{Daemon, signal, spud, until};

const QUICK: &[&str] = &["--set", "metrics.interval_s=1"];
const RULES: &str = "groups:\n- name: test\n  interval: 1s\n  rules:\n  - alert: PumpDown\n    expr: vector(0) == 0\n    labels: {severity: critical}\n    annotations: {summary: pump 7 stands, runbook: turn it on}\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Debug, Clone)]
struct Seen {
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// An HTTP server that refuses the first requests and notes all of them.
struct Ear {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// So many requests are answered with 503.
    refuse: Arc<AtomicUsize>,
}

impl Ear {
    fn start(refuse: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, refuse) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(refuse)));
        let (notes, left) = (Arc::clone(&seen), Arc::clone(&refuse));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &notes, &left);
            }
        });
        Self { url, seen, refuse }
    }

    fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|one| one.path == path).cloned().collect()
    }

    fn wait(&self, path: &str, count: usize) -> Vec<Seen> {
        until(path, || Some(self.seen(path)).filter(|seen| seen.len() >= count))
    }
}

fn serve(stream: TcpStream, notes: &Mutex<Vec<Seen>>, refuse: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    notes.lock().unwrap().push(Seen { path, headers, body });
    let refused =
        refuse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let status = if refused { "503 Later" } else { "204 No Content" };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = reader.get_mut().write_all(answer.as_bytes());
}

/// Rules and receivers of a site.
fn site(data: &Path, rules: &str, notify: &str) {
    let folder = data.join("config/rules");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("site.yaml"), rules).unwrap();
    fs::write(data.join("secret"), SECRET).unwrap();
    fs::write(data.join("config/notify.toml"), notify.replace("DATA", data.to_str().unwrap())).unwrap();
}

fn everybody(url: &str) -> String {
    let receiver = |kind: &str, more: &str| {
        format!("[[receivers]]\nname = '{kind}'\nkind = '{kind}'\nurl = '{url}/{kind}'\n{more}\n")
    };
    format!(
        "{}{}{}{}[[receivers]]\nname = 'inbox'\nkind = 'inbox'\n[[routes]]\nreceivers = ['webhook', 'slack', 'discord', 'standard', 'inbox']\nmatchers = ['alertname=PumpDown']\nwait = '0s'\ninterval = '0s'\n",
        receiver("webhook", "token = 'file:DATA/secret'"),
        receiver("slack", ""),
        receiver("discord", ""),
        receiver("standard", "secret = 'file:DATA/secret'"),
    )
}

fn notices(daemon: &Daemon) -> Vec<Value> {
    let reply = daemon.get("/v1/notifications");
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["items"].as_array().unwrap().clone()
}

#[test]
fn every_kind_of_receiver_is_told_once_and_of_the_end() {
    let ear = Ear::start(0);
    let folder = tempfile::tempdir().unwrap();
    site(folder.path(), RULES, &everybody(&ear.url));
    let daemon = Daemon::start_in(folder, QUICK);
    let data = daemon.folder.path();
    let webhook = ear.wait("/webhook", 1).remove(0);
    assert!(webhook.headers["title"].ends_with(": PumpDown fires"), "{webhook:?}");
    assert_eq!(
        (webhook.headers["priority"].as_str(), webhook.body.as_str()),
        ("urgent", "firing PumpDown (critical): pump 7 stands\n    runbook: turn it on")
    );
    assert_eq!(webhook.headers["authorization"], format!("Bearer {SECRET}"));
    let slack: Value = serde_json::from_str(&ear.wait("/slack", 1)[0].body).unwrap();
    assert!(slack["text"].as_str().unwrap().contains("pump 7 stands"), "{slack}");
    let discord: Value = serde_json::from_str(&ear.wait("/discord", 1)[0].body).unwrap();
    assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
    let standard = ear.wait("/standard", 1).remove(0);
    assert!(
        standard.headers["webhook-signature"].starts_with("v1,")
            && standard.headers["webhook-id"].starts_with("notice_")
    );
    let body: Value = serde_json::from_str(&standard.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["alerts"][0]["name"]),
        (&json!("alert.firing"), &json!("PumpDown"))
    );
    let alert = &body["data"]["alerts"][0];
    assert_eq!((&alert["value"], &alert["annotations"]["runbook"]), (&json!("0"), &json!("turn it on")));
    assert!(alert["since"].as_str().unwrap().ends_with('Z'), "{alert}");
    for seen in [&webhook, &standard] {
        let parent = &seen.headers["traceparent"];
        assert!(parent.starts_with("00-") && parent.len() == 55, "{parent}");
    }
    until("all sent", || {
        let all = notices(&daemon);
        (all.len() == 5 && all.iter().all(|one| one["state"] == "sent")).then_some(())
    });
    assert!(good(data, &["notify", "list"]).contains("PumpDown fires"));
    let receivers = good(data, &["notify", "receivers"]);
    assert!(
        receivers.contains("standard") && !receivers.contains(&ear.url) && !receivers.contains("whsec"),
        "{receivers}"
    );
    // The end is told, too, and nobody hears of it twice.
    site(data, &RULES.replace("== 0", "== 1"), &everybody(&ear.url));
    let ended = ear.wait("/webhook", 2).remove(1);
    assert!(ended.headers["title"].ends_with(": PumpDown is over"), "{ended:?}");
    assert_eq!(ended.body, "resolved PumpDown: pump 7 stands");
    let output = run(data, &["notify", "test", "slack"]);
    assert!(output.status.success(), "{output:?}");
    assert!(ear.wait("/slack", 3)[2].body.contains("a test"));
    assert_eq!(ear.seen("/slack").len(), 3);
    assert!(daemon.get("/v1/audit/entries").body.contains("notification.tested"));
    assert_eq!(run(data, &["notify", "test", "nobody"]).status.code(), Some(1));
}

#[test]
fn a_notice_survives_kill_9_and_is_one_in_effect() {
    // Nobody takes anything yet.
    let ear = Ear::start(usize::MAX);
    let folder = tempfile::tempdir().unwrap();
    site(folder.path(), RULES, &everybody(&ear.url));
    let mut daemon = Daemon::start_in(folder, QUICK);
    ear.wait("/standard", 1);
    until("a reason", || notices(&daemon).into_iter().find(|one| one["error"].to_string().contains("503")));
    // It is a failure of that receiver, with a trace that tells more.
    let failed = until("a failure", || {
        let all = daemon.get("/v1/errors").json()["items"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["kind"] == "notice" && one["place"] == "standard")
    });
    assert_eq!(failed["trace"].as_str().map(str::len), Some(32), "{failed}");
    for _ in 0..2 {
        signal(&daemon.child, rustix::process::Signal::KILL);
        daemon.child.wait().unwrap();
        let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
        drop(daemon);
        daemon = Daemon::start_in(folder, QUICK);
    }
    let before = ear.seen("/standard").len();
    ear.refuse.store(0, Ordering::Relaxed);
    ear.wait("/standard", before + 1);
    until("all sent", || {
        let all = notices(&daemon);
        (!all.is_empty() && all.iter().all(|one| one["state"] == "sent")).then_some(())
    });
    // Many attempts, one message each.
    for kind in ["standard", "webhook", "slack"] {
        let ids: std::collections::BTreeSet<String> =
            ear.seen(&format!("/{kind}")).iter().map(|one| one.headers["idempotency-key"].clone()).collect();
        assert_eq!(ids.len(), 1, "{kind}: {ids:?}");
    }
    assert_eq!(notices(&daemon).len(), 5);
}

#[test]
fn files_that_are_wrong_are_told_and_what_is_acknowledged_is_not() {
    let ear = Ear::start(0);
    let folder = tempfile::tempdir().unwrap();
    let text = everybody(&ear.url);
    site(folder.path(), RULES, &text.replace("wait = '0s'", "wait = '1h'"));
    let file = folder.path().join("config/notify.toml").to_str().unwrap().to_owned();
    let output = spud().args(["notify", "check", &file]).output().unwrap();
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("5 receivers"),
        "{output:?}"
    );
    let daemon = Daemon::start_in(folder, QUICK);
    let data = daemon.folder.path();
    until("it fires", || {
        let listed = json_of(data, &["alert", "list"])["items"].as_array().unwrap().clone();
        listed.into_iter().find(|alert| alert["name"] == "PumpDown" && alert["state"] == "firing")
    });
    good(data, &["alert", "ack", "PumpDown", "--reason", "Eva drives there"]);
    // A file that is wrong leaves what held before.
    site(data, RULES, "[[receivers]]\nname = 'x'\nkind = 'pager'\n");
    let problems = until("a problem", || {
        let status = json_of(data, &["notify", "receivers"]);
        Some(status["problems"].to_string()).filter(|text| text.contains("notify.toml:1:1"))
    });
    assert!(problems.contains("pager"), "{problems}");
    assert_eq!(json_of(data, &["notify", "receivers"])["receivers"].as_array().unwrap().len(), 5);
    let output = spud().args(["notify", "check", &file]).output().unwrap();
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    // Without waiting: a test arrives, and what somebody has seen is not told.
    site(data, RULES, &text);
    until("the new file", || {
        let status = json_of(data, &["notify", "receivers"]);
        (status["problems"] == json!([])).then_some(())
    });
    good(data, &["notify", "test", "webhook"]);
    assert!(ear.wait("/webhook", 1)[0].headers["title"].ends_with(": a test"));
    let told = ear.seen("/webhook").iter().filter(|one| one.headers["title"].contains("PumpDown")).count();
    assert_eq!(told, 0);
}
