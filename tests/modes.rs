//! Degradation as people and programs meet it: over the socket, on the command line, across a kill -9.
//!
//! Nothing is really exhausted: a tiers file with other limits makes this very box look short of something.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use predicates::str::contains;
use serde_json::Value;
use support::Daemon;
use tempfile::TempDir;

/// A tiers file with other figures in `[modes]`.
fn tiers(folder: &TempDir, figures: &[(&str, &str)]) -> PathBuf {
    let mut text = include_str!("../tiers.toml").to_owned();
    for (key, value) in figures {
        let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap().to_owned();
        text = text.replacen(&line, &format!("{key} = {value}"), 1);
    }
    let path = folder.path().join("tiers.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn daemon_with(figures: &[(&str, &str)]) -> (Daemon, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = tiers(&folder, figures);
    (Daemon::start(&["--config", file.to_str().unwrap()]), folder)
}

fn mode(daemon: &Daemon) -> Value {
    let reply = daemon.get("/v1/mode");
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// A job may work half a minute before its first commit meets the fault, and longer on a slow machine.
fn wait_for(daemon: &Daemon, wanted: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        let report = mode(daemon);
        if report["mode"] == wanted {
            return report;
        }
        assert!(Instant::now() < until, "{wanted} did not come: {report}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn cli(daemon: &Daemon) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::from_std(support::spud());
    command.arg("--data").arg(daemon.folder.path());
    command
}

fn force(daemon: &Daemon, mode: &str, ttl_s: u64) -> support::Reply {
    let body = serde_json::json!({"mode": mode, "reason": "a test", "ttl_s": ttl_s});
    daemon.post("/v1/mode/force", &body.to_string())
}

#[test]
fn a_calm_box_is_normal_everywhere() {
    let (daemon, _folder) = daemon_with(&[("disk_selective", "0"), ("disk_selective_least", "0")]);
    let report = mode(&daemon);
    assert_eq!((report["mode"].as_str(), report["title"].as_str()), (Some("normal"), Some("Normal")));
    assert_eq!(report["axes"].as_array().unwrap().len(), 7);
    assert_eq!(daemon.get("/v1/status").json()["mode"]["mode"], "normal");
    assert_eq!(daemon.get("/v1/hardware").json()["mode"]["mode"], "normal");
    assert_eq!(daemon.get("/v1/breakers").json()["items"].as_array().unwrap().len(), 0);
    assert_eq!(daemon.get("/v1/mode/history").json()["items"].as_array().unwrap().len(), 0);
    cli(&daemon).args(["mode", "show"]).assert().success().stdout("Normal\n");
    cli(&daemon).args(["status"]).assert().success().stdout(contains("mode       Normal"));
    cli(&daemon).args(["doctor"]).assert().success().stdout(contains("mode          Normal"));
    cli(&daemon).args(["mode", "history"]).assert().success().stdout("The mode has never changed.\n");
}

#[test]
fn refusals_of_the_modes_are_problem_documents() {
    let daemon = Daemon::start(&[]);
    let cases = [
        ("POST", "/v1/mode/force", "{\"mode\":\"panic\",\"reason\":\"x\",\"ttl_s\":60}", 422, "panic"),
        ("POST", "/v1/mode/force", "{\"mode\":\"reduced\",\"reason\":\" \",\"ttl_s\":60}", 422, "reason"),
        ("POST", "/v1/mode/force", "{\"mode\":\"reduced\",\"reason\":\"x\",\"ttl_s\":0}", 422, "seconds"),
        (
            "POST",
            "/v1/mode/force",
            "{\"mode\":\"reduced\",\"reason\":\"x\",\"ttl_s\":9999999}",
            422,
            "seconds",
        ),
        ("GET", "/v1/mode/history?cursor=x", "", 422, "cursor"),
        ("GET", "/v1/mode/history?limit=2000", "", 422, "1000"),
        ("GET", "/v1/mode?x=1", "", 422, "x"),
    ];
    for (method, target, body, status, words) in cases {
        let reply = daemon.ask(method, target, "Content-Type: application/json\r\n", body);
        assert_eq!(reply.status, status, "{method} {target}: {reply:?}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(words), "{reply:?}");
    }
    let odd = daemon.ask("GET", "/v1/search?q=valve", "X-Criticality: urgent\r\n", "");
    assert_eq!(odd.status, 400);
    assert!(odd.body.contains("X-Criticality"), "{odd:?}");
    cli(&daemon).args(["mode", "force", "reduced"]).assert().code(2).stderr(contains("--reason"));
    cli(&daemon)
        .args(["mode", "force", "panic", "--reason", "x"])
        .assert()
        .code(65)
        .stderr(contains("panic"));
    cli(&daemon).args(["mode", "force", "reduced", "--reason", "x", "--ttl", "soon"]).assert().code(2);
}

#[test]
fn a_full_disk_sheds_refuses_ingest_and_answers() {
    let (daemon, _folder) = daemon_with(&[("disk_emergency", "\"900 TiB\"")]);
    let report = wait_for(&daemon, "emergency");
    assert_eq!(report["axis"], "disk");
    assert!(report["reason"].as_str().unwrap().starts_with("free space"), "{report}");
    assert!(!daemon.folder.path().join("ballast").exists());
    let refused = daemon.post("/v1/documents", "{\"paths\":[\"/etc/hostname\"]}");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()["type"], "urn:spud:problem:degraded");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(refused.json()["detail"].as_str().unwrap().contains("nothing new is taken in"));
    assert!(refused.json()["advice"].as_str().unwrap().contains("free space at least"));
    let ask = |criticality: &str| {
        daemon
            .ask("GET", "/v1/ask?q=how+do+I+reset+E-05", &format!("X-Criticality: {criticality}\r\n"), "")
            .status
    };
    assert_eq!((ask("critical"), ask("default"), ask("sheddable"), ask("batch")), (200, 200, 503, 503));
    // What shows and mends the box is not turned away, whoever asks.
    assert_eq!(daemon.ask("GET", "/v1/status", "X-Criticality: batch\r\n", "").status, 200);
    assert_eq!(daemon.post("/v1/embeddings", "{\"input\":\"x\"}").status, 503);
    // A forced mode does not hide it.
    let forced = force(&daemon, "normal", 600);
    assert_eq!(forced.status, 200, "{forced:?}");
    assert_eq!(forced.json()["mode"], "emergency");
    assert_eq!(forced.json()["forced"]["mode"], "normal");
    let shown = cli(&daemon).args(["mode", "explain"]).assert().success();
    shown.stdout(contains("Emergency since")).stdout(contains("free space")).stdout(contains("not held"));
    cli(&daemon).args(["add", "/etc/hostname"]).assert().code(69).stderr(contains("nothing new is taken in"));
    cli(&daemon).args(["ask", "how do I reset E-05?"]).assert().success();
}

/// A small file system in memory that is gone with the test; `None` where this user may not mount.
struct Mount(TempDir);

impl Mount {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then_some(Self(folder))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_that_is_really_full_is_survived() {
    let Some(mount) = Mount::new("48m") else {
        println!("skipped: this user may not mount a tmpfs");
        return;
    };
    let daemon = Daemon::start_in(tempfile::tempdir_in(mount.0.path()).unwrap(), &[]);
    let docs = tempfile::tempdir().unwrap();
    std::fs::write(docs.path().join("a.md"), "# Valve\n\nThe valve is blue.\n").unwrap();
    cli(&daemon).arg("add").arg(docs.path()).assert().success();
    let ballast = daemon.folder.path().join("ballast");
    let until = Instant::now() + Duration::from_secs(10);
    while !ballast.exists() {
        assert!(Instant::now() < until, "no ballast");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(200));
    let fill = mount.0.path().join("fill");
    let mut file = std::fs::File::create(&fill).unwrap();
    while file.write_all(&[7; 1 << 16]).is_ok() {}
    drop(file);
    wait_for(&daemon, "emergency");
    assert!(!ballast.exists(), "the ballast is given up");
    cli(&daemon).args(["ask", "what colour is the valve?"]).assert().success().stdout(contains("blue"));
    cli(&daemon).arg("add").arg(docs.path()).assert().code(69);
    cli(&daemon).arg("remove").arg(docs.path().join("a.md")).assert().success();
    std::fs::remove_file(&fill).unwrap();
    let freed = Instant::now();
    wait_for(&daemon, "selective_processing");
    assert!(freed.elapsed() < Duration::from_secs(6), "it took {:?}", freed.elapsed());
    cli(&daemon).arg("add").arg(docs.path()).assert().success();
    let until = Instant::now() + Duration::from_secs(5);
    while !ballast.exists() {
        assert!(Instant::now() < until, "the ballast was not taken again");
        std::thread::sleep(Duration::from_millis(50));
    }
    let history = daemon.get("/v1/mode/history").json();
    let path: Vec<&str> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .filter_map(|change| change["to"].as_str())
        .collect();
    assert_eq!(path, ["selective_processing", "emergency", "selective_processing"]);
}

/// A memory cgroup of this test's own; `None` where this user may not make one.
struct Group {
    folder: PathBuf,
    limit: &'static str,
}

impl Group {
    fn new() -> Option<Self> {
        let name = format!("spud-test-{}", std::process::id());
        let old = PathBuf::from("/sys/fs/cgroup/memory");
        let (above, limit) = if old.is_dir() {
            (old, "memory.limit_in_bytes")
        } else {
            (PathBuf::from("/sys/fs/cgroup"), "memory.max")
        };
        let folder = above.join(name);
        std::fs::create_dir(&folder).ok()?;
        let group = Self { folder, limit };
        group.set_limit(512 << 20).then_some(group)
    }

    /// What cannot simply be dropped.
    fn used(&self) -> u64 {
        let text = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let usage = if self.limit == "memory.max" { "memory.current" } else { "memory.usage_in_bytes" };
        let stat = text("memory.stat");
        let of = |key: &str| {
            stat.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        let files = of("active_file ") + of("inactive_file ");
        text(usage).trim().parse::<u64>().unwrap_or(0).saturating_sub(files)
    }

    fn set_limit(&self, bytes: u64) -> bool {
        std::fs::write(self.folder.join(self.limit), bytes.to_string()).is_ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel lets go of a dead process a moment after its end.
        for _ in 0..50 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_box_under_real_memory_pressure_degrades_and_recovers() {
    let Some(group) = Group::new() else {
        println!("skipped: this user may not make a memory cgroup");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // A resting box holds 7 MB: with the usual figures it would have the room of one of its own ticks left.
    let quick = [
        ("constrained_hold_s", "1"),
        ("emergency_hold_s", "1"),
        ("disk_selective", "0"),
        ("memory_constrained", "60"),
        ("memory_constrained_leave", "50"),
    ];
    let file = tiers(&folder, &quick);
    let data = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new("sh");
    let enter = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", group.folder.display());
    command.args(["-c", &enter, "sh", env!("CARGO_BIN_EXE_spud"), "--data"]).arg(data.path());
    command.arg("--config").arg(&file).args(["--tier", "standard", "daemon"]);
    let child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut daemon = Daemon { folder: data, child };
    wait_until_served(&daemon);
    daemon.get("/v1/ask?q=pump");
    // What is read in the first seconds (rules, objectives, policies) must be there: it is no pressure, it is growth.
    let settled = Instant::now() + Duration::from_secs(40);
    let mut before = 0;
    while group.used() > before + (256 << 10) && Instant::now() < settled {
        before = group.used();
        std::thread::sleep(Duration::from_secs(4));
    }
    // The limit follows what is left when files and slabs were given back, until there is nothing more to give.
    let until = Instant::now() + Duration::from_secs(30);
    let report = loop {
        group.set_limit(group.used() * 100 / 66);
        std::thread::sleep(Duration::from_millis(500));
        let report = mode(&daemon);
        if report["mode"] != "normal" {
            break report;
        }
        assert!(Instant::now() < until, "it was not noticed: {report}");
    };
    assert_eq!(report["axis"], "memory", "{report}");
    let answer = daemon.get("/v1/ask?q=which+oil+does+the+generator+take");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(group.set_limit(512 << 20));
    wait_for(&daemon, "normal");
    assert!(daemon.child.try_wait().unwrap().is_none(), "it was killed");
    drop(daemon);
}

/// The limit on the size of files makes every growth of the store fail, as a broken disk would.
fn limit_files(daemon: &Daemon, bytes: Option<u64>) {
    let pid = rustix::process::Pid::from_child(&daemon.child);
    let limit = rustix::process::Rlimit { current: bytes, maximum: None };
    rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, limit).unwrap();
}

#[test]
fn a_store_that_fails_is_opened_again_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = tiers(&folder, &[("emergency_hold_s", "1"), ("disk_selective", "0")]);
    let data = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_spud"), "--data"]);
    command.arg(data.path()).arg("--config").arg(&file).arg("daemon");
    let child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let daemon = Daemon { folder: data, child };
    wait_until_served(&daemon);
    let docs = tempfile::tempdir().unwrap();
    for n in 0..1500 {
        let text = format!("# Part {n}\n\nThe part number {n} is kept in rack {}.\n", n % 17);
        std::fs::write(docs.path().join(format!("a-rather-long-name-of-a-part-{n}.md")), text).unwrap();
    }
    let store = std::fs::metadata(daemon.folder.path().join("corpus.redb")).unwrap().len();
    let job = daemon.post("/v1/documents", &format!("{{\"paths\":[\"{}\"]}}", docs.path().display()));
    assert_eq!(job.status, 202, "{job:?}");
    // Less than the file has: whatever its free pages, what 1500 documents need does not fit below.
    limit_files(&daemon, Some(store / 2));
    let id = job.json()["id"].as_str().unwrap().to_owned();
    let report = wait_for(&daemon, "emergency");
    assert_eq!(report["axis"], "store", "{report}");
    let until = Instant::now() + Duration::from_secs(10);
    while daemon.get("/v1/ask?q=how+do+I+reset+E-05").status != 200 {
        assert!(Instant::now() < until, "no answer in Emergency");
        std::thread::sleep(Duration::from_millis(100));
    }
    limit_files(&daemon, None);
    let until = Instant::now() + Duration::from_secs(120);
    while daemon.get(&format!("/v1/jobs/{id}")).json()["state"] != "done" {
        assert!(
            Instant::now() < until,
            "the job did not go on: {}",
            daemon.get(&format!("/v1/jobs/{id}")).body
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let made = daemon.get("/v1/collections/default").json();
    assert_eq!(made["documents"], 1500, "{made}");
    wait_for(&daemon, "normal");
    cli(&daemon).args(["check"]).assert().success();
}

fn wait_until_served(daemon: &Daemon) {
    let until = Instant::now() + Duration::from_secs(30);
    while std::os::unix::net::UnixStream::connect(daemon.socket()).is_err() {
        assert!(Instant::now() < until, "no socket");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn memory_over_its_budget_is_seen_and_kept_in_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let file = tiers(
        &folder,
        &[
            ("memory_constrained", "1"),
            ("memory_constrained_leave", "0"),
            ("memory_emergency", "95"),
            ("memory_for_s", "0"),
            ("disk_selective", "0"),
        ],
    );
    // What an engine cannot do without is more than 1 % of the smallest budget: 1 MiB.
    let daemon = Daemon::start(&["--config", file.to_str().unwrap(), "--tier", "ultra_lite"]);
    daemon.get("/v1/ask?q=pump");
    let report = wait_for(&daemon, "memory_constrained");
    assert_eq!(report["axis"], "memory");
    assert!(report["inputs"]["memory_percent"].as_f64().unwrap() > 0.0);
    let history = daemon.get("/v1/mode/history?limit=5").json();
    let change = &history["items"][0];
    assert_eq!(
        (change["to"].as_str(), change["cause"].as_str()),
        (Some("memory_constrained"), Some("worse"))
    );
    assert!(change["inputs"]["memory_percent"].as_f64().unwrap() >= 1.0, "{change}");
    cli(&daemon).args(["mode", "history"]).assert().success().stdout(contains("worse (memory)"));
}

#[test]
fn a_forced_mode_outlives_kill_9_and_ends_by_itself() {
    let mut daemon = Daemon::start(&[]);
    let mut stream = daemon.connect();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == ": spud"));
    cli(&daemon)
        .args(["mode", "force", "reduced", "--reason", "the generator runs hot", "--ttl", "1h"])
        .assert()
        .success()
        .stdout(contains("Reduced Performance since"))
        .stdout(contains("the generator runs hot"));
    let event = lines.find(|line| line.contains("\"type\":\"mode\"")).unwrap();
    assert!(event.contains("reduced_performance") && event.contains("the generator runs hot"), "{event}");
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(folder, &[]);
    let report = mode(&daemon);
    assert_eq!(report["mode"], "reduced_performance");
    let actor = report["forced"]["actor"].as_str().unwrap();
    assert!(actor.starts_with(&format!("uid {}", rustix::process::getuid().as_raw())), "{actor}");
    let history = daemon.get("/v1/mode/history").json();
    assert_eq!(history["items"][0]["reason"], "the generator runs hot");
    let answer = daemon.get("/v1/ask?q=which+oil+does+the+generator+take").json();
    assert!(answer["notes"][0].as_str().unwrap().contains("fewer candidates"), "{answer}");
    assert_eq!(force(&daemon, "emergency", 1).json()["mode"], "emergency");
    std::thread::sleep(Duration::from_millis(1000));
    let until = Instant::now() + Duration::from_secs(10);
    while mode(&daemon)["forced"] != Value::Null {
        assert!(Instant::now() < until, "it did not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let history = daemon.get("/v1/mode/history?limit=10").json();
    let causes: Vec<&str> =
        history["items"].as_array().unwrap().iter().filter_map(|change| change["cause"].as_str()).collect();
    assert!(causes.contains(&"expired"), "{causes:?}");
}

#[test]
fn history_comes_page_by_page() {
    let daemon = Daemon::start(&[]);
    for n in 0..5 {
        assert_eq!(force(&daemon, ["reduced", "memory"][n % 2], 60).status, 200);
    }
    let first = daemon.get("/v1/mode/history?limit=3").json();
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    let next = first["next"].as_str().unwrap();
    let second = daemon.get(&format!("/v1/mode/history?limit=3&cursor={next}")).json();
    let ids = |page: &Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().parse().unwrap()).collect()
    };
    let all: Vec<u64> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert!(all.len() >= 5 && all.windows(2).all(|pair| pair[0] == pair[1] + 1), "{all:?}");
    let json = cli(&daemon).args(["mode", "auto", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["forced"], Value::Null);
}

#[test]
fn paused_work_says_so_and_goes_on() {
    let daemon = Daemon::start(&[]);
    let docs = tempfile::tempdir().unwrap();
    std::fs::write(docs.path().join("a.md"), "# A\n\nThe answer is in the valve.\n").unwrap();
    force(&daemon, "reduced", 600);
    let job = daemon.post("/v1/documents", &format!("{{\"paths\":[\"{}\"]}}", docs.path().display()));
    assert_eq!(job.status, 202, "{job:?}");
    let id = job.json()["id"].as_str().unwrap().to_owned();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(daemon.get(&format!("/v1/jobs/{id}")).json()["state"], "queued");
    assert_eq!(daemon.post("/v1/mode/auto", "{}").status, 200);
    let until = Instant::now() + Duration::from_secs(20);
    while daemon.get(&format!("/v1/jobs/{id}")).json()["state"] != "done" {
        assert!(Instant::now() < until, "the job did not go on");
        std::thread::sleep(Duration::from_millis(50));
    }
}
