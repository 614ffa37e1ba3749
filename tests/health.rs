//! How the box stands, as programs and people ask for it; and damage that nobody asked about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde_json::Value;
use support::Daemon;
use support::command::run;

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut checks = report["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check '{name}': {report}"))
}

fn only_segment(daemon: &Daemon) -> PathBuf {
    let mut folders = fs::read_dir(daemon.folder.path().join("segments")).unwrap().flatten();
    let folder = folders.next().unwrap().path();
    fs::read_dir(folder).unwrap().flatten().next().unwrap().path()
}

/// A daemon whose built-in documents are indexed.
fn filled() -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["ask", "pump seal"]).status.success());
    Daemon::start_in(folder, &[])
}

#[test]
fn every_room_says_how_it_stands() {
    let daemon = filled();
    let report = daemon.get("/v1/health").json();
    for name in ["catalogue", "model", "control", "index", "audit", "entropy"] {
        assert_eq!(check(&report, name)["status"], "pass", "{report}");
    }
    for name in ["clock", "latency", "errors", "upstream", "memory", "disk", "thermal", "store"] {
        assert!(check(&report, name)["since_ms"].as_u64() > Some(0), "{report}");
    }
    assert_eq!(report["ready"], true);
    let ready = daemon.get("/readyz");
    assert_eq!((ready.status, &ready.json()["status"]), (200, &Value::from("ready")));
    assert_eq!(check(&ready.json(), "model")["gates"], true);
    let metrics = daemon.get("/metrics").body;
    assert!(metrics.contains("spud_health_check_status{check=\"index\"} 0"), "{metrics}");
    let told = run(daemon.folder.path(), &["health"]);
    assert!(String::from_utf8_lossy(&told.stdout).contains("questions are answered"), "{told:?}");
}

#[test]
fn damage_is_found_before_somebody_asks_for_it() {
    let daemon = filled();
    assert_eq!(check(&daemon.get("/v1/health").json(), "index")["status"], "pass");
    let path = only_segment(&daemon);
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 100).unwrap();
    file.write_all_at(&[byte[0] ^ 8], 100).unwrap();
    // The model has its turns, too.
    let found = (0..4).map(|_| daemon.get("/v1/health").json()).find(|report| report["status"] == "fail");
    let report = found.expect("nobody noticed");
    let index = check(&report, "index");
    assert!(index["detail"].as_str().unwrap().contains("fails its check"), "{index}");
    assert!(index["advice"].as_str().unwrap().contains("--repair"), "{index}");
    assert_eq!(report["ready"], true, "what is whole is still served");
    assert!(!daemon.get("/v1/status").json()["damaged"].as_array().unwrap().is_empty());
    let told = run(daemon.folder.path(), &["health"]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let logs = daemon.get("/v1/logs?level=error").body;
    assert!(logs.contains("a health check fails"), "{logs}");
    let repaired = run(daemon.folder.path(), &["check", "--repair"]);
    assert!(String::from_utf8_lossy(&repaired.stdout).contains("indexed again"), "{repaired:?}");
}
