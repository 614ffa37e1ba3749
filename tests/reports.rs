//! What the box says of itself to its upstream: its health, of which only the newest waits, and its use.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::Daemon;
use tempfile::TempDir;

/// A data folder with these settings of the queue, and an upstream that nobody serves.
fn folder(settings: &str) -> TempDir {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("config")).unwrap();
    let text = format!("[queue]\nupstream = \"http://{address}/\"\n{settings}\n");
    std::fs::write(folder.path().join("config/spud.toml"), text).unwrap();
    folder
}

fn waiting(daemon: &Daemon, kind: &str) -> Vec<Value> {
    let page = daemon.get("/v1/operations?limit=1000").json();
    page["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind).cloned().collect()
}

fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "it took too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn payload(daemon: &Daemon, operation: &Value) -> Value {
    let id = operation["id"].as_str().unwrap();
    let shown = daemon.get(&format!("/v1/operations/{id}")).json();
    serde_json::from_str(shown["payload"].as_str().unwrap()).unwrap()
}

#[test]
fn only_the_newest_health_waits() {
    let daemon = Daemon::start_in(folder("health_s = 1"), &[]);
    let first = until(|| waiting(&daemon, "spud.health").pop());
    let health = payload(&daemon, &first);
    assert!(health["rss_bytes"].as_u64().unwrap() > 0 && health["mode"].is_string(), "{health}");
    let later = until(|| waiting(&daemon, "spud.health").pop().filter(|one| one["id"] != first["id"]));
    assert!(later["created_ms"].as_u64() > first["created_ms"].as_u64());
    // One that was being tried when the next was made may be there beside it, no more.
    assert!(waiting(&daemon, "spud.health").len() <= 2);
}

#[test]
fn use_is_told_in_numbers_when_the_box_stops() {
    let question = "how hot may a battery get";
    let mut daemon = Daemon::start_in(folder("deliver = [\"usage\"]\nhealth_s = 1"), &[]);
    // The counting begins with the first second.
    std::thread::sleep(Duration::from_millis(1_500));
    for _ in 0..3 {
        let body = format!("{{\"q\": \"{question}\"}}");
        assert_eq!(daemon.post("/v1/search", &body).status, 200);
    }
    assert_eq!(daemon.terminate(), Some(0));
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(folder, &[]);
    let told = until(|| waiting(&daemon, "spud.usage").pop());
    assert_eq!((&told["lane"], &told["key"]), (&"bulk".into(), &"spud.usage".into()));
    let used = payload(&daemon, &told);
    assert_eq!(used["queries"], 3, "{used}");
    assert!(used["until_ms"].as_u64() > used["from_ms"].as_u64());
    assert!(!used.to_string().contains("battery"));
    assert!(waiting(&daemon, "spud.health").is_empty() && waiting(&daemon, "spud.mode").is_empty());
}

#[test]
fn signed_heads_of_the_audit_log_are_told() {
    let daemon = Daemon::start_in(folder("deliver = [\"checkpoint\"]"), &[]);
    assert_eq!(daemon.post("/v1/collections", r#"{"name":"pumps"}"#).status, 201);
    let made = daemon.post("/v1/audit/checkpoints", "").json();
    let told = until(|| waiting(&daemon, "spud.checkpoint").pop());
    let shown = daemon.get(&format!("/v1/operations/{}", told["id"].as_str().unwrap())).json();
    assert_eq!(shown["payload"], made["note"]);
    // Nothing new, nothing told.
    assert_eq!(daemon.post("/v1/audit/checkpoints", "").json()["note"], made["note"]);
    assert_eq!(waiting(&daemon, "spud.checkpoint").len(), 1);
}

#[test]
fn an_incident_is_told_with_each_change_and_without_its_notes() {
    let daemon = Daemon::start_in(folder("deliver = [\"incident\"]"), &[]);
    let open =
        r#"{"title":"pump room under water","type":"safety","severity":"critical","text":"seen by night"}"#;
    let made = daemon.post("/v1/incidents", open);
    assert_eq!(made.status, 201, "{}", made.body);
    let told = until(|| waiting(&daemon, "spud.incident").pop());
    assert_eq!(told["lane"], "critical");
    let shown = daemon.get(&format!("/v1/operations/{}", told["id"].as_str().unwrap())).json();
    let payload: serde_json::Value = serde_json::from_str(shown["payload"].as_str().unwrap()).unwrap();
    assert_eq!((&payload["title"], &payload["state"]), (&"pump room under water".into(), &"open".into()));
    assert!(!shown["payload"].as_str().unwrap().contains("night"), "notes stay on the box");
    let path = format!("/v1/incidents/{}", made.json()["id"].as_str().unwrap());
    let seen = daemon.ask(
        "PATCH",
        &path,
        "content-type: application/json\r\n",
        r#"{"state":"acknowledged","text":"on my way"}"#,
    );
    assert_eq!(seen.status, 200, "{}", seen.body);
    let both = until(|| Some(waiting(&daemon, "spud.incident")).filter(|all| all.len() == 2));
    assert_eq!(both[0]["key"], both[1]["key"], "one after the other");
}
