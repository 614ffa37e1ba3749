//! Probes and the metrics of other programs, as those programs and people meet them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::command::{run, said};
use support::{Daemon, spud, until};

/// Recorded every second, so that no test waits long.
const QUICK: &[&str] = &["--set", "metrics.interval_s=1"];

fn site(data: &Path, text: &str) {
    let folder = data.join("config/probes");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("site.toml"), text).unwrap();
}

fn started(text: &str, more: &[&str]) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    site(folder.path(), &text.replace("DATA", folder.path().to_str().unwrap()));
    let options: Vec<&str> = QUICK.iter().chain(more).copied().collect();
    Daemon::start_in(folder, &options)
}

/// The first series of an answer with its value, once there is one.
fn first(daemon: &Daemon, query: &str) -> (Value, String) {
    until(query, || {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reply = daemon.get(&format!("/api/v1/query?query={encoded}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        let found = reply.json()["data"]["result"][0].clone();
        let value = found["value"][1].as_str()?.to_owned();
        Some((found["metric"].clone(), value))
    })
}

fn probe(daemon: &Daemon, name: &str) -> Value {
    let list = daemon.get("/v1/probes").json();
    let found = list["items"].as_array().unwrap().iter().find(|probe| probe["name"] == name).cloned();
    found.unwrap_or_else(|| panic!("no probe {name}: {list}"))
}

#[test]
fn a_program_pushes_what_it_measures() {
    let daemon = Daemon::start(QUICK);
    let text = "# TYPE batch_rows_total counter\nbatch_rows_total{job=\"own\"} 41\n";
    let reply = daemon.ask("POST", "/v1/metrics?job=night", "Content-Type: text/plain\r\n", text);
    assert_eq!((reply.status, &reply.json()["samples"]), (200, &Value::from(1)), "{reply:?}");
    let (labels, value) = first(&daemon, "batch_rows_total");
    assert_eq!((value.as_str(), &labels["job"]), ("41", &Value::from("night")));
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(labels["principal"], format!("uid:{uid}"));
    assert_eq!(labels["exported_job"], "own");
    // It is given back apart: `/metrics` is this box alone.
    let back = daemon.get("/v1/metrics").body;
    assert!(back.contains("# TYPE batch_rows_total counter\nbatch_rows_total{"), "{back}");
    assert!(!daemon.get("/metrics").body.contains("batch_rows_total"));
    for (bad, why) in
        [("spud_mode 1\n", "the box's own"), ("a 1\nb{ 2\n", "line 2"), ("a\n", "line 1: there is no value")]
    {
        let reply = daemon.ask("POST", "/v1/metrics", "", bad);
        assert!(reply.status == 422 || reply.status == 400, "{reply:?}");
        assert!(reply.body.contains(why), "{why}: {reply:?}");
    }
    // Nobody fills the store: the whole push is refused, and what was there stays.
    let many: String = (0..6000).map(|at| format!("many{{n=\"{at}\"}} 1\n")).collect();
    let reply = daemon.ask("POST", "/v1/metrics", "", &many);
    assert!(reply.body.contains("room for") && reply.status >= 400, "{reply:?}");
    assert!(daemon.get("/v1/metrics").body.contains("batch_rows_total"));
}

#[test]
fn the_command_pushes_with_and_without_a_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let push = |text: &str| {
        let mut child = spud()
            .arg("--data")
            .arg(folder.path())
            .args(["metric", "push", "--job", "night", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let alone = push("lonely 7\n");
    assert!(alone.status.success() && said(&alone).contains("1 samples taken"), "{}", said(&alone));
    let daemon = Daemon::start_in(folder, QUICK);
    let (_, value) = first(&daemon, "max_over_time(lonely[1h])");
    assert_eq!(value, "7", "it was recorded without a daemon");
    let path = daemon.folder.path().join("bad.prom");
    fs::write(&path, "a b c\n").unwrap();
    let bad = run(daemon.folder.path(), &["metric", "push", path.to_str().unwrap()]);
    assert!(!bad.status.success() && said(&bad).contains("line 1"), "{}", said(&bad));
}

#[test]
fn statsd_datagrams_are_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statsd.sock");
    let setting = format!("metrics.statsd={}", path.display());
    let mut daemon = Daemon::start_in(folder, &["--set", "metrics.interval_s=1", "--set", &setting]);
    let sender = UnixDatagram::unbound().unwrap();
    until("the socket", || sender.connect(&path).ok());
    sender.send(b"web.req:3|c|#code:200\nweb.req:2|c|@0.5|#code:200\nload:20|ms\nnonsense").unwrap();
    let (labels, value) = first(&daemon, "web_req_total");
    assert_eq!((value.as_str(), &labels["code"], &labels["job"]), ("7", &"200".into(), &"statsd".into()));
    assert_eq!(first(&daemon, "load_seconds_count").1, "1");
    let own = daemon.get("/metrics").body;
    assert!(own.contains("spud_statsd_lines_total{outcome=\"taken\"} 3"), "{own}");
    assert!(own.contains("spud_statsd_lines_total{outcome=\"bad\"} 1"), "{own}");
    assert_eq!(daemon.terminate(), Some(0), "{}", daemon.said());
    assert!(!path.exists(), "the socket is taken away");
}

/// Answers every request with metrics, on a Unix socket.
fn target(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let body = "# TYPE app_jobs gauge\napp_jobs{kind=\"a\"} 5\n";
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

#[test]
fn targets_are_scraped_as_prometheus_does() {
    let folder = tempfile::tempdir().unwrap();
    target(&folder.path().join("app.sock"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    site(
        folder.path(),
        &format!(
            "[[scrape]]\nname = 'app'\nurl = 'http://unix:{}/app.sock:/metrics'\ninterval = '5s'\nlabels = {{ room = 'cellar' }}\n\
             [[scrape]]\nname = 'gone'\nurl = 'http://127.0.0.1:{port}/metrics'\ninterval = '5s'\n",
            folder.path().display()
        ),
    );
    let daemon = Daemon::start_in(folder, QUICK);
    let (labels, value) = first(&daemon, "app_jobs");
    assert_eq!((value.as_str(), &labels["job"], &labels["room"]), ("5", &"app".into(), &"cellar".into()));
    assert_eq!(first(&daemon, "up{job=\"app\"}").1, "1");
    assert_eq!(first(&daemon, "up{job=\"gone\"}").1, "0");
    assert_eq!(first(&daemon, "scrape_samples_scraped{job=\"app\"}").1, "1");
    let targets = daemon.get("/api/v1/targets").json();
    let active = targets["data"]["activeTargets"].as_array().unwrap();
    let health: Vec<&str> = active.iter().map(|one| one["health"].as_str().unwrap()).collect();
    assert_eq!(
        (health, &active[1]["lastError"]),
        (vec!["up", "down"], &"nobody listens".into()),
        "{targets}"
    );
    let listed = said(&run(daemon.folder.path(), &["metric", "targets"]));
    assert!(listed.contains("app") && listed.contains("nobody listens"), "{listed}");
}

#[test]
fn a_critical_probe_that_is_down_closes_the_door() {
    let text = "[[probe]]\nname = 'mark'\ncritical = true\nperiodSeconds = 1\nfailureThreshold = 2\n\
        exec = { command = ['/bin/sh', '-c', 'test -e DATA/mark || { echo no mark; exit 3; }'] }\n\
        [[probe]]\nname = 'old'\nperiodSeconds = 1\nfailureThreshold = 1\nfileAge = { path = 'DATA/none' }\n";
    let daemon = started(text, &[]);
    let down = until("down", || Some(probe(&daemon, "mark")).filter(|probe| probe["state"] == "down"));
    assert!(down["detail"].as_str().unwrap().contains("exit code 3: no mark"), "{down}");
    let ready = daemon.get("/readyz");
    assert!(ready.status == 503 && ready.body.contains("probe:mark"), "{ready:?}");
    assert!(!ready.body.contains("no mark"), "what a program wrote is not for everybody: {ready:?}");
    assert!(first(&daemon, "spud_probe_up{probe=\"mark\"} == 0").0["kind"] == "exec");
    let tested = run(daemon.folder.path(), &["probe", "test", "mark"]);
    assert_eq!(tested.status.code(), Some(1), "{}", said(&tested));
    fs::write(daemon.folder.path().join("mark"), "").unwrap();
    until("up", || Some(daemon.get("/readyz")).filter(|ready| ready.status == 200));
    let tested = run(daemon.folder.path(), &["probe", "test", "mark"]);
    assert!(tested.status.success() && said(&tested).contains("exit code 0"), "{}", said(&tested));
    // The other one is down, warns, and closes nothing.
    let report = daemon.get("/v1/health").json();
    let checks = report["checks"].as_array().unwrap();
    let old = checks.iter().find(|check| check["name"] == "probe:old").unwrap_or_else(|| panic!("{report}"));
    assert_eq!((&old["status"], &old["gates"]), (&"warn".into(), &false.into()));
    let log = daemon.get("/v1/logs?level=warn").body;
    assert!(log.contains("a probe is down"), "{log}");
    assert_eq!(daemon.post("/v1/probes/nobody/test", "").status, 404);
}

#[test]
fn files_of_probes_are_checked_and_read_again() {
    let daemon = started("[[probe]]\nname = 'a'\ndisc = {}\n", &[]);
    let list = daemon.get("/v1/probes").json();
    let problems = list["problems"].as_array().unwrap();
    assert!(problems.iter().any(|one| one.as_str().unwrap().contains("site.toml:3:1")), "{list}");
    let path = daemon.folder.path().join("config/probes/site.toml");
    let checked = run(daemon.folder.path(), &["probe", "check", path.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(65), "{}", said(&checked));
    assert!(said(&checked).contains("\"disk\""), "{}", said(&checked));
    let fine = daemon.folder.path().join("fine.toml");
    std::fs::write(
        &fine,
        "[[probe]]\nname = 'c'\nunixSocket = { path = '/x' }\n[[scrape]]\nname = 'd'\nurl = 'http://127.0.0.1:1/metrics'\n",
    )
    .unwrap();
    let both = run(daemon.folder.path(), &["probe", "check", fine.to_str().unwrap(), path.to_str().unwrap()]);
    assert_eq!(both.status.code(), Some(65), "{}", said(&both));
    assert!(said(&both).contains("fine.toml: 2 probes and targets, nothing wrong"), "{}", said(&both));
    assert!(said(&both).contains("site.toml:3:1"), "{}", said(&both));
    site(daemon.folder.path(), "[[probe]]\nname = 'b'\nunixSocket = { path = '/nonexistent' }\n");
    support::signal(&daemon.child, rustix::process::Signal::HUP);
    let list = until("the new file", || {
        let list = daemon.get("/v1/probes").json();
        (list["items"][0]["name"] == "b").then_some(list)
    });
    assert_eq!(list["problems"].as_array().map(Vec::len), Some(0), "{list}");
}

#[test]
fn a_profile_says_where_time_and_memory_go() {
    let daemon = Daemon::start(&[]);
    assert_eq!(daemon.post("/v1/ask", r#"{"q": "what is spud"}"#).status, 200);
    let profile = daemon.get("/v1/profile").json();
    let has = |kind: &str, name: &str| {
        let rows = profile[kind].as_array().unwrap();
        let found = rows.iter().find(|row| row["name"] == name);
        found.and_then(|row| row["total"].as_u64()).unwrap_or_else(|| panic!("no {kind} {name}: {profile}"))
    };
    has("cpu", "search");
    assert!(has("memory", "memory") > 100_000 && has("memory", "program") > 100_000, "{profile}");
    assert!(has("io", "files read") > 0 && has("io", "control.redb written") > 0, "{profile}");
    assert!(has("time", "question ask") > 0, "{profile}");
    let told = said(&run(daemon.folder.path(), &["profile"]));
    assert!(told.contains("PROCESSOR TIME") && told.contains("control.redb written"), "{told}");
    let over = said(&run(daemon.folder.path(), &["profile", "--over", "1s"]));
    assert!(over.starts_with("Within 1s"), "{over}");
}

#[test]
fn names_are_completed() {
    let daemon = Daemon::start(QUICK);
    first(&daemon, "spud_mode_level");
    let words = |start: &str| {
        let reply = daemon.get(&format!("/v1/metrics/words?start={start}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        serde_json::from_value::<Vec<String>>(reply.json()["data"].clone()).unwrap()
    };
    assert!(words("spud_mode").contains(&"spud_mode_level".to_owned()));
    assert_eq!(words("quantile_o"), ["quantile_over_time"]);
    assert_eq!(words("bottom"), ["bottomk"]);
    assert_eq!(words("xyzzy"), Vec::<String>::new());
}
