//! The command line as people and scripts use it, with a daemon and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Daemon, signal, spud};
use tempfile::TempDir;

fn run(data: &Path, args: &[&str]) -> Output {
    spud().arg("--data").arg(data).args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn manuals() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pump = "# Pump\n\n## Faults\n\nError E-05 means that the inlet pressure is too low. Open the inlet valve.\n\n\
                ## Service\n\nReplace the shaft seal every 2000 hours of operation.\n";
    std::fs::write(folder.path().join("pump.md"), pump).unwrap();
    std::fs::write(
        folder.path().join("fan.txt"),
        "The fan belt is tightened with the screw on the left side.\n",
    )
    .unwrap();
    folder
}

#[test]
fn the_main_job_without_a_daemon() {
    let (data, docs) = (tempfile::tempdir().unwrap(), manuals());
    let added = run(data.path(), &["add", docs.path().to_str().unwrap(), "--collection", "pumps"]);
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    assert!(!err(&added).contains('\u{1b}'), "no progress bar without a terminal");
    let answer = run(data.path(), &["ask", "what does E-05 mean?", "--collection", "pumps"]);
    assert_eq!(answer.status.code(), Some(0), "{answer:?}");
    let text = out(&answer);
    assert!(text.contains("inlet pressure is too low. [1]") && text.contains("pump.md:5"), "{text}");
    let json = run(data.path(), &["ask", "--json", "--collection", "pumps", "-n", "1", "shaft", "seal"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["results"].as_array().unwrap().len(), 1);
    assert!(json["results"][0]["text"].as_str().unwrap().contains("2000 hours"));
    let nothing = run(data.path(), &["ask", "--collection", "pumps", "xylophone quartet rehearsal"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(out(&nothing).contains("Nothing relevant"), "{nothing:?}");
    let gone = run(data.path(), &["remove", docs.path().join("fan.txt").to_str().unwrap()]);
    assert_eq!(gone.status.code(), Some(0), "{gone:?}");
    let list = run(data.path(), &["document", "list", "--json", "--collection", "pumps"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn the_same_commands_with_a_daemon() {
    let (daemon, docs) = (Daemon::start(&[]), manuals());
    let data = daemon.folder.path();
    let added = run(data, &["add", docs.path().to_str().unwrap()]);
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    assert!(out(&run(data, &["search", "shaft seal"])).contains("pump.md"));
    let status = run(data, &["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["daemon"], true);
    assert_eq!(status["pid"], daemon.child.id());
    let again = run(data, &["add", docs.path().to_str().unwrap(), "--json"]);
    let job: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(job["files_skipped"], 2, "unchanged files are skipped: {job}");
    let detached = run(data, &["add", "--detach", "--force", docs.path().to_str().unwrap(), "--json"]);
    let id = serde_json::from_slice::<Value>(&detached.stdout).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(run(data, &["job", "wait", &id]).status.code(), Some(0));
    for list in ["collection", "document", "job", "model"] {
        let listed = run(data, &[list, "list"]);
        assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    }
}

#[test]
fn a_daemon_waits_for_a_command_that_has_the_box_for_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["status"]).status.success());
    let held = std::fs::File::open(folder.path().join("control.redb")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let release = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(400));
        drop(held);
    });
    let daemon = Daemon::start_in(folder, &[]);
    assert_eq!(daemon.get("/healthz").status, 200);
    release.join().unwrap();
}

#[test]
fn two_commands_race_for_a_box_without_a_daemon() {
    let data = tempfile::tempdir().unwrap();
    let start = || {
        spud()
            .arg("--data")
            .arg(data.path())
            .args(["status", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let all: Vec<_> = (0..6).map(|_| start().unwrap()).collect();
    for child in all {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    }
}

#[test]
fn doctor_shows_box_tier_and_budgets() {
    let data = tempfile::tempdir().unwrap();
    let text = out(&run(data.path(), &["doctor", "--tier", "lite"]));
    assert!(text.contains("tier lite") && text.contains("--tier") && text.contains("store_cache"), "{text}");
    let json = run(data.path(), &["doctor", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["memory_effective"].as_u64().unwrap() > 0);
    assert!(!json["tier_reason"].as_str().unwrap().is_empty());
    let by_environment = spud()
        .env("SPUD_TIER", "ultra_lite")
        .arg("--data")
        .arg(data.path())
        .args(["doctor", "--json"])
        .output();
    let json: Value = serde_json::from_slice(&by_environment.unwrap().stdout).unwrap();
    assert_eq!(json["tier"], "ultra_lite");
}

#[test]
fn settings_that_are_wrong_end_with_78() {
    let data = tempfile::tempdir().unwrap();
    let tier = run(data.path(), &["--tier", "litte", "status"]);
    assert_eq!(tier.status.code(), Some(78));
    assert!(err(&tier).contains("did you mean 'lite'"), "{}", err(&tier));
    let file = data.path().join("t.toml");
    std::fs::write(&file, include_str!("../tiers.toml").replace("batch_size", "batchsize")).unwrap();
    let config = run(data.path(), &["--config", file.to_str().unwrap(), "status"]);
    assert_eq!(config.status.code(), Some(78));
    assert!(
        err(&config).contains("t.toml:") && err(&config).contains("did you mean 'batch_size'"),
        "{}",
        err(&config)
    );
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let output = spud().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("spud ask"), "{}", err(&output));
}

#[test]
fn usage_errors_help() {
    let typo = spud().arg("serch").output().unwrap();
    assert_eq!(typo.status.code(), Some(2));
    assert!(err(&typo).contains("'search'"), "{}", err(&typo));
    assert_eq!(spud().arg("--help").output().unwrap().status.code(), Some(0));
    assert_eq!(spud().args(["ask"]).output().unwrap().status.code(), Some(2));
    assert_eq!(spud().args(["ask", "-n", "0", "x"]).output().unwrap().status.code(), Some(2));
    assert_eq!(spud().args(["ask", "--after", "soon", "x"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_path_that_does_not_exist_fails_and_is_named() {
    let data = tempfile::tempdir().unwrap();
    let output = run(data.path(), &["add", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("/no/such/file"), "{}", err(&output));
}

#[test]
fn a_socket_path_that_is_too_long_is_explained() {
    let data = tempfile::tempdir().unwrap();
    let long = data.path().join("x".repeat(120));
    let output = run(data.path(), &["--socket", long.to_str().unwrap(), "status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("107"), "{}", err(&output));
}

#[test]
fn broken_pipes_end_quietly() {
    let data = tempfile::tempdir().unwrap();
    let mut child = spud()
        .arg("--data")
        .arg(data.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(err(&output), "");
}

#[test]
fn hostile_names_and_texts_cannot_write_to_the_terminal() {
    let (data, docs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = "evil\u{1b}]0;owned\u{7}\u{202e}name\nnext.md";
    std::fs::write(
        docs.path().join(name),
        "# Evil\u{1b}[2J title\n\nThe gauge glass\u{9b}31m is cleaned weekly.\n",
    )
    .unwrap();
    let added = run(data.path(), &["add", docs.path().to_str().unwrap()]);
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    for args in [&["ask", "gauge glass"][..], &["search", "gauge glass"], &["document", "list"]] {
        let text = out(&run(data.path(), args));
        assert!(text.contains("evil"), "{text}");
        let bad = ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'];
        assert!(!text.contains(bad), "{args:?}: {text:?}");
    }
}

#[test]
fn colours_only_when_allowed() {
    let (data, docs) = (tempfile::tempdir().unwrap(), manuals());
    run(data.path(), &["add", docs.path().to_str().unwrap()]);
    assert!(!out(&run(data.path(), &["ask", "shaft seal"])).contains('\u{1b}'));
    assert!(out(&run(data.path(), &["ask", "--color", "always", "shaft seal"])).contains('\u{1b}'));
}

#[test]
fn completions_and_manual_pages_come_from_the_definition() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(out(&spud().args(["completions", shell]).output().unwrap()).contains("collection"));
    }
    assert!(out(&spud().arg("man").output().unwrap()).contains(".TH"));
    let pages = spud().arg("man").arg(folder.path()).output().unwrap();
    assert_eq!(pages.status.code(), Some(0));
    assert!(folder.path().join("spud-collection-list.1").exists());
}

#[test]
fn open_shows_the_source_in_the_editor_at_its_line() {
    let (data, docs) = (tempfile::tempdir().unwrap(), manuals());
    run(data.path(), &["add", docs.path().to_str().unwrap()]);
    let opened = |editor: &str| {
        let mut command = spud();
        command.arg("--data").arg(data.path()).args(["ask", "--open", "1", "shaft seal"]);
        out(&command.env("EDITOR", editor).env_remove("VISUAL").output().unwrap())
    };
    let text = opened("echo editor");
    assert!(text.starts_with("editor +") && text.contains("pump.md"), "{text}");
    let source = opened("/bin/cat");
    assert_eq!(source, std::fs::read_to_string(docs.path().join("pump.md")).unwrap(), "cat knows no line");
}

#[test]
fn interrupting_an_add_is_clean_and_can_be_resumed() {
    let (data, docs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..3000 {
        let mut file = std::fs::File::create(docs.path().join(format!("{number}.md"))).unwrap();
        writeln!(file, "# Part {number}\n\nThe part number {number} is kept in rack {}.\n", number % 17)
            .unwrap();
    }
    let docs_path = docs.path().to_str().unwrap();
    let child = spud()
        .arg("--data")
        .arg(data.path())
        .args(["add", docs_path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(600));
    signal(&child, rustix::process::Signal::INT);
    let started = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    // A very fast box may have been done already.
    let code = output.status.code();
    assert!(code == Some(130) || code == Some(0), "{code:?} {}", err(&output));
    if code == Some(130) {
        assert!(err(&output).contains("same command again"), "{}", err(&output));
    }
    let again = run(data.path(), &["add", docs_path]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    let list = run(data.path(), &["collection", "show", "default", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["documents"], 3000, "{list}");
}

#[test]
fn eval_runs_in_a_throw_away_box() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let corpus = write(
        "c.jsonl",
        "{\"id\":\"d1\",\"title\":\"Pump\",\"text\":\"The shaft seal is replaced every 2000 hours.\"}\n{\"id\":\"d2\",\"title\":\"Fan\",\"text\":\"The fan belt is tightened with a screw.\"}\n",
    );
    let queries = write("q.jsonl", "{\"id\":\"q1\",\"text\":\"when is the shaft seal replaced\"}\n");
    let qrels = write("r.tsv", "q1\td1\t1\n");
    let output = spud()
        .args(["eval", "--json", "--corpus", &corpus, "--queries", &queries, "--qrels", &qrels])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!((report["ndcg_at_10"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{report}");
    for key in [
        "recall_at_10",
        "mrr",
        "latency_ms",
        "queries",
        "documents",
        "index_bytes",
        "peak_rss_bytes",
        "model",
        "tier",
    ] {
        assert!(report.get(key).is_some(), "{key} is missing");
    }
}

#[test]
fn an_interrupted_eval_leaves_nothing_behind() {
    let (folder, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let corpus = (0..60_000).map(|n| {
        format!("{{\"id\":\"d{n}\",\"text\":\"The shaft seal of pump {n} is replaced every {n} hours.\"}}\n")
    });
    let corpus = write("c.jsonl", corpus.collect());
    let queries = write("q.jsonl", "{\"id\":\"q1\",\"text\":\"when is the seal replaced\"}\n".to_owned());
    let qrels = write("r.tsv", "q1\td1\t1\n".to_owned());
    for name in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let mut child = spud()
            .env("TMPDIR", temporary.path())
            .args(["eval", "--corpus", &corpus, "--queries", &queries, "--qrels", &qrels])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let entries = || std::fs::read_dir(temporary.path()).unwrap().count();
        while entries() == 0 {
            assert!(Instant::now() < until, "no temporary folder");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(300));
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(entries(), 0, "{name:?}");
    }
}

#[test]
fn when_the_process_with_the_engine_dies_another_command_takes_over() {
    let (data, docs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..2000 {
        std::fs::write(
            docs.path().join(format!("{number}.md")),
            format!("# Part {number}\n\nKept in rack 5.\n"),
        )
        .unwrap();
    }
    // A command that stays has the engine; the second one attaches to it.
    let mut first = spud()
        .arg("--data")
        .arg(data.path())
        .args(["log", "-f"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while std::os::unix::net::UnixStream::connect(data.path().join("spud.sock")).is_err() {
        assert!(Instant::now() < until, "no socket");
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = spud()
        .arg("--data")
        .arg(data.path())
        .args(["add", "--json", docs.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    first.kill().unwrap();
    first.wait().unwrap();
    let output = second.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let job: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(job["state"], "done", "{job}");
    let list = run(data.path(), &["collection", "show", "default", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&list.stdout).unwrap()["documents"], 2000);
}
