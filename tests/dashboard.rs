//! Dashboards from outside: listed, shown, saved with a tag, kept over kill -9, noticed when a file changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;

use serde_json::Value;
use support::command::{good, json as json_of, run};
use support::{Daemon, until};

const QUICK: &[&str] = &["--set", "metrics.interval_s=1"];
const TEXT: &str = "title = 'Pump'\n\n[[panel]] # the first\ntitle = 'Resident'\nquery = 'process_resident_memory_bytes{job=\"\"}'\nunit = 'bytes'\n";

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[test]
fn one_is_saved_with_its_tag_and_lasts_over_kill_9() {
    let mut daemon = Daemon::start(QUICK);
    let list = daemon.get("/v1/dashboards").json();
    assert_eq!(names(&list), ["box", "queue", "search"]);
    let put = |daemon: &Daemon, name: &str, headers: &str, text: &str| {
        let body = serde_json::json!({ "text": text }).to_string();
        let headers = format!("Content-Type: application/json\r\n{headers}");
        daemon.ask("PUT", &format!("/v1/dashboards/{name}"), &headers, &body)
    };
    let saved = put(&daemon, "pump", "", TEXT);
    assert_eq!(saved.status, 200, "{saved:?}");
    let tag = saved.header("etag").unwrap().to_owned();
    let wrong = put(&daemon, "pump", "", "title = 'x'\n[[panel]]\ntitle = 'a'\nquery = 'sum('\n");
    assert_eq!(wrong.status, 422, "{wrong:?}");
    assert!(wrong.json()["detail"].as_str().unwrap().contains("pump.toml:4:"), "{wrong:?}");
    let other = put(&daemon, "pump", "If-Match: \"0\"\r\n", TEXT);
    assert_eq!(other.status, 412, "{other:?}");
    let again = put(&daemon, "pump", &format!("If-Match: {tag}\r\n"), &TEXT.replace("Pump", "Pumps"));
    assert_eq!(again.status, 200, "{again:?}");
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    let daemon = Daemon::start_in(std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap()), QUICK);
    let one = daemon.get("/v1/dashboards/pump").json();
    assert_eq!((&one["title"], &one["text"]), (&"Pumps".into(), &TEXT.replace("Pump", "Pumps").into()));
    let entries = daemon.get("/v1/audit/entries").json().to_string();
    assert!(entries.contains("dashboard.saved"), "{entries}");
    assert_eq!(daemon.ask("DELETE", "/v1/dashboards/pump", "", "").status, 200);
    assert_eq!(daemon.ask("DELETE", "/v1/dashboards/box", "", "").status, 409);
    assert_eq!(daemon.get("/v1/dashboards/pump").status, 404);
}

#[test]
fn a_file_is_noticed_and_one_that_is_wrong_leaves_what_it_said() {
    let daemon = Daemon::start(QUICK);
    let folder = daemon.folder.path().join("config/dashboards");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("pump.toml"), TEXT).unwrap();
    until("the file", || Some(()).filter(|()| daemon.get("/v1/dashboards/pump").status == 200));
    fs::write(folder.join("pump.toml"), "title =").unwrap();
    let list = until("the mistake", || {
        let list = daemon.get("/v1/dashboards").json();
        Some(list.clone()).filter(|list| !list["problems"].as_array().unwrap().is_empty())
    });
    assert!(list["problems"][0].as_str().unwrap().contains("pump.toml:1:"), "{list}");
    assert!(names(&list).contains(&"pump"), "{list}");
}

#[test]
fn commands_show_check_export_and_save() {
    let daemon = Daemon::start(QUICK);
    let data = daemon.folder.path();
    until("a measured moment", || {
        let found = daemon.get("/api/v1/query?query=process_resident_memory_bytes").json();
        Some(()).filter(|()| !found["data"]["result"].as_array().unwrap().is_empty())
    });
    let shown = good(data, &["dashboard", "show", "box", "--last", "5m"]);
    assert!(shown.starts_with("The box (built in)") && shown.contains("Memory of spud"), "{shown}");
    assert!(!shown.contains("loading"), "{shown}");
    let queue = good(data, &["dashboard", "show", "queue"]);
    assert!(queue.contains("Oldest of them") && queue.contains("Warnings of the log"), "{queue}");
    // Steps stand at whole multiples: what was measured a moment ago comes with the next one.
    let memory = until("values of a panel", || {
        let values = json_of(data, &["dashboard", "show", "box", "--last", "5m"]);
        let panels = values["panels"].as_array().unwrap();
        let memory = panels.iter().find(|panel| panel["title"] == "Memory of spud").unwrap();
        Some(memory.clone()).filter(|memory| memory["data"][0]["result"][0]["values"].is_array())
    });
    assert_eq!(memory["data"][0]["resultType"], "matrix", "{memory}");
    // What is exported can be saved under another name as it is, comments and all.
    let file = data.join("mine.toml");
    fs::write(&file, good(data, &["dashboard", "export", "box"])).unwrap();
    let path = file.to_str().unwrap();
    assert!(good(data, &["dashboard", "check", path]).contains("6 panels, nothing wrong"));
    assert!(good(data, &["dashboard", "save", "mine", path]).contains("dashboards/mine.toml"));
    let texts = ["box", "mine"].map(|name| good(data, &["dashboard", "export", name]));
    assert_eq!(texts[0], texts[1]);
    assert!(texts[0].starts_with("# The box"), "{}", texts[0]);
    assert!(good(data, &["dashboard", "list"]).contains("mine"));
    fs::write(&file, "title = 'x'\n[[panel]]\nkind = 'pie'\n").unwrap();
    let wrong = run(data, &["dashboard", "check", path]);
    assert_eq!(wrong.status.code(), Some(65), "{wrong:?}");
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("mine.toml:3:8: kind"), "{wrong:?}");
    assert!(!run(data, &["dashboard", "save", "Mine", path]).status.success());
    good(data, &["dashboard", "remove", "mine"]);
    assert!(!run(data, &["dashboard", "show", "mine"]).status.success());
}
