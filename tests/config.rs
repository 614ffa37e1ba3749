//! Settings from outside: files, drop-ins, variables and options; edits by API and command line; trials that
//! survive kill -9; a corpus of good files and of bad ones with their complete lists of errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::command::text;
use support::{Daemon, Reply, signal, spud, until};

fn run(data: &Path, words: &[&str]) -> Output {
    spud().arg("--data").arg(data).args(words).output().unwrap()
}

fn file(data: &Path) -> PathBuf {
    data.join("config/spud.toml")
}

fn setting(daemon: &Daemon, key: &str) -> Value {
    let reply = daemon.get(&format!("/v1/config/{key}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn put(daemon: &Daemon, key: &str, headers: &str, body: &Value) -> Reply {
    let headers = format!("Content-Type: application/json\r\n{headers}");
    daemon.ask("PUT", &format!("/v1/config/{key}"), &headers, &body.to_string())
}

/// The limit of slow questions that the mode machine goes by now.
fn target_ms(daemon: &Daemon) -> String {
    let report = daemon.get("/v1/mode").json();
    let axes = report["axes"].as_array().unwrap();
    let latency = axes.iter().find(|axis| axis["axis"] == "latency").unwrap();
    latency["readings"][0]["enter"].as_str().unwrap().to_owned()
}

fn corpus(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(kind);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    assert!(files.len() > 8, "{files:?}");
    files
}

fn validate(daemon: &Daemon, text: &str) -> Value {
    let reply = daemon.post("/v1/config/validate", &json!({"text": text}).to_string());
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// One line a problem, in order, with the name of the file alone.
fn lines(check: &Value) -> String {
    let line = |problem: &Value| {
        let part = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        let place = part("place");
        let place = place.rsplit('/').next().unwrap_or_default();
        let hint = if part("hint").is_empty() { String::new() } else { format!("; {}", part("hint")) };
        format!("{place}: {}: {}{hint}\n", part("severity"), part("what"))
    };
    check["problems"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn good_files_load_and_bad_ones_give_all_their_errors() {
    // The tier decides what fits: the same on every machine.
    let daemon = Daemon::start(&["--tier", "lite"]);
    for path in corpus("good") {
        let check = validate(&daemon, &fs::read_to_string(&path).unwrap());
        assert_eq!(check["ok"], true, "{}: {check}", path.display());
    }
    let templates = daemon.get("/v1/config/templates").json();
    assert_eq!(templates["items"].as_array().unwrap().len(), 6);
    for template in templates["items"].as_array().unwrap() {
        let check = validate(&daemon, template["text"].as_str().unwrap());
        assert_eq!(check["ok"], true, "{template}: {check}");
    }
    for path in corpus("bad") {
        let check = validate(&daemon, &fs::read_to_string(&path).unwrap());
        assert_eq!(check["ok"], false, "{} is not bad", path.display());
        let (said, golden) = (lines(&check), path.with_extension("expected"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&golden, &said).unwrap();
        }
        let wanted = fs::read_to_string(&golden).unwrap();
        assert_eq!(said, wanted, "{}", path.display());
        assert!(!said.contains("hunter2"), "a secret is never repeated");
    }
    let mut unheard: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(corpus("bad")[0].parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        unheard.extend((!path.with_extension("toml").exists()).then_some(path));
    }
    assert!(unheard.is_empty(), "expected lists without a file: {unheard:?}");
}

#[test]
fn a_daemon_refuses_bad_files_with_every_error_and_exit_78() {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir_all(data.path().join("config/spud.toml.d")).unwrap();
    fs::write(file(data.path()), "[log]\nlevel = \"wran\"\n").unwrap();
    fs::write(data.path().join("config/spud.toml.d/10-a.conf"), "[api]\nconections = 3\n").unwrap();
    for words in [&["daemon"][..], &["config", "validate"], &["status"]] {
        let output = run(data.path(), words);
        assert_eq!(output.status.code(), Some(78), "{words:?}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("spud.toml:2:9: error: log.level: 'wran'"), "{said}");
        assert!(
            said.contains("10-a.conf:2:1: error: there is no setting 'api.conections'; did you mean"),
            "{said}"
        );
    }
    let output =
        spud().arg("--data").arg(data.path()).args(["--set", "log.leve=info", "status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(
        text(&output.stderr)
            .contains("--set: error: there is no setting 'log.leve'; did you mean 'log.level'?")
    );
}

#[test]
fn an_edit_takes_hold_keeps_comments_and_is_explained() {
    let daemon = Daemon::start(&["--tier", "lite"]);
    let data = daemon.folder.path();
    fs::create_dir_all(data.join("config")).unwrap();
    fs::write(file(data), "# the van\n[modes]\nlatency_target_ms = 300 # was slow\n").unwrap();
    until("the file's value", || (setting(&daemon, "modes.latency_target_ms")["value"] == 300).then_some(()));
    let before = target_ms(&daemon);
    let output = run(data, &["config", "set", "modes.latency_target_ms", "350", "--reason", "a slower card"]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains("modes.latency_target_ms: 300 ms -> 350 ms"), "{output:?}");
    assert_ne!(target_ms(&daemon), before, "it holds at once");
    assert_eq!(
        fs::read_to_string(file(data)).unwrap(),
        "# the van\n[modes]\nlatency_target_ms = 350 # was slow\n"
    );
    let output = run(data, &["config", "explain", "modes.latency_target_ms"]);
    let said = text(&output.stdout);
    assert!(
        said.contains("config/spud.toml:3:1 (file)") && said.contains("hides      300 ms of tier lite"),
        "{said}"
    );
    let history = daemon.get("/v1/config/history").json();
    let newest = &history["items"][0];
    assert_eq!((&newest["cause"], &newest["reason"]), (&json!("set"), &json!("a slower card")));
    let me = format!("uid {}", rustix::process::getuid().as_raw());
    assert!(newest["actor"].as_str().unwrap().starts_with(&me), "{newest}");
    // Back to what it was: the version before.
    let version = history["items"][1]["id"].as_str().unwrap().to_owned();
    let output = run(data, &["config", "rollback", &version]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(setting(&daemon, "modes.latency_target_ms")["value"], 300);
    // An unknown key, a bad value, a restart.
    let output = run(data, &["config", "get", "modes.latency_targt_ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("did you mean 'modes.latency_target_ms'?"), "{output:?}");
    let output = run(data, &["config", "set", "modes.latency_reduced", "9000"]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let output = run(data, &["config", "set", "search.workers", "3"]);
    assert!(text(&output.stderr).contains("search.workers is taken up at the next start"), "{output:?}");
    let report = daemon.get("/v1/config").json();
    assert_eq!(report["drift"]["waiting"][0]["key"], "search.workers", "{}", report["drift"]);
    let output = run(data, &["config", "unset", "search.workers"]);
    assert!(output.status.success());
    assert!(daemon.get("/v1/config").json()["drift"].is_null());
}

#[test]
fn files_that_change_are_taken_up_and_bad_ones_change_nothing() {
    let daemon = Daemon::start(&[]);
    let folder = daemon.folder.path().join("config");
    let drop_ins = folder.join("spud.toml.d");
    fs::create_dir_all(&drop_ins).unwrap();
    fs::write(drop_ins.join("50-x.conf"), "[api]\nseconds = 33\n").unwrap();
    until("the drop-in", || (setting(&daemon, "api.seconds")["value"] == 33).then_some(()));
    fs::write(drop_ins.join("50-x.conf"), "[api]\nseconds = 0\nbody = 1\n").unwrap();
    let drift = until("drift", || {
        let drift = daemon.get("/v1/config").json()["drift"].clone();
        (!drift.is_null()).then_some(drift)
    });
    assert_eq!(drift["problems"].as_array().unwrap().len(), 2, "{drift}");
    assert_eq!(setting(&daemon, "api.seconds")["value"], 33, "what ran before goes on");
    let output = run(daemon.folder.path(), &["config", "validate"]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(text(&output.stdout).lines().count(), 2, "{output:?}");
    fs::remove_file(drop_ins.join("50-x.conf")).unwrap();
    until("the default", || {
        let report = daemon.get("/v1/config").json();
        (report["drift"].is_null() && setting(&daemon, "api.seconds")["value"] == 60).then_some(())
    });
    // A link is whole from the start; SIGHUP reads again, too.
    fs::write(daemon.folder.path().join("elsewhere"), "[api]\nseconds = 44\n").unwrap();
    fs::hard_link(daemon.folder.path().join("elsewhere"), drop_ins.join("60-y.conf")).unwrap();
    signal(&daemon.child, rustix::process::Signal::HUP);
    until("the linked file", || (setting(&daemon, "api.seconds")["value"] == 44).then_some(()));
    // An edit that another file hides says so.
    let output = run(daemon.folder.path(), &["config", "set", "api.seconds", "50"]);
    assert!(text(&output.stderr).contains("60-y.conf:2:1 hides it: 44 s holds"), "{output:?}");
}

#[test]
fn whoever_listens_hears_of_a_change() {
    use std::io::{Read, Write};
    let daemon = Daemon::start(&[]);
    let mut stream = daemon.connect();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut seen = String::new();
    let mut hear = |what: &str| {
        let mut bytes = [0; 4096];
        while !seen.contains(what) {
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the stream ended: {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    hear("HTTP/1.1 200");
    let made = put(&daemon, "api.seconds", "", &json!({"value": "31", "reason": "shorter"}));
    assert_eq!(made.status, 200, "{made:?}");
    hear("\"cause\":\"set\"");
    hear("\"reason\":\"shorter\"");
    fs::write(file(daemon.folder.path()), "[api]\nseconds = none\n").unwrap();
    hear("\"cause\":\"drift\"");
}

#[test]
fn stale_edits_are_refused() {
    let daemon = Daemon::start(&[]);
    let reply = daemon.get("/v1/config/log.level");
    let tag = reply.header("etag").unwrap().to_owned();
    let first = put(&daemon, "log.level", &format!("If-Match: {tag}\r\n"), &json!({"value": "warn"}));
    assert_eq!(first.status, 200, "{first:?}");
    let again = put(&daemon, "log.level", &format!("If-Match: {tag}\r\n"), &json!({"value": "error"}));
    assert_eq!(again.status, 412, "{again:?}");
    assert_eq!(again.json()["type"], "urn:spud:problem:stale");
    let other = put(&daemon, "api.seconds", "", &json!({"value": 30}));
    assert_eq!(other.status, 200);
    let whole = daemon.get("/v1/config").header("etag").unwrap().to_owned();
    let apply = |tag: &str, text: &str| {
        let headers = format!("Content-Type: application/json\r\nIf-Match: {tag}\r\n");
        daemon.ask("POST", "/v1/config/apply", &headers, &json!({"text": text}).to_string())
    };
    assert_eq!(apply(&tag, "").status, 412);
    assert_eq!(apply(&whole, "[log]\nlevel = \"warn\"\n").status, 200);
    let bad = put(&daemon, "log.level", "", &json!({"value": {"a": 1}}));
    assert_eq!(bad.status, 422, "{bad:?}");
    assert_eq!(put(&daemon, "no.such", "", &json!({"value": 1})).status, 404);
    let dry = put(&daemon, "log.level", "", &json!({"value": "error", "dry_run": true}));
    assert_eq!((dry.status, dry.json()["differences"][0]["to"].clone()), (200, json!("error")));
    assert_eq!(setting(&daemon, "log.level")["value"], "warn", "a dry run changes nothing");
}

#[test]
fn a_trial_reverts_by_itself_even_after_kill_9() {
    let mut daemon = Daemon::start(&["--tier", "lite"]);
    let data = daemon.folder.path().to_owned();
    let set = |words: &[&str]| {
        let output = run(&data, words);
        assert!(output.status.success(), "{output:?}");
        text(&output.stderr)
    };
    set(&["config", "set", "api.seconds", "40"]);
    let said = set(&["config", "set", "api.seconds", "41", "--confirm", "10s"]);
    assert!(said.contains("On trial: reverts in"), "{said}");
    // Confirmed in time: it stays.
    set(&["config", "confirm"]);
    assert!(daemon.get("/v1/config").json()["trial"].is_null());
    assert_eq!(run(&data, &["config", "confirm"]).status.code(), Some(1), "nothing waits any more");
    // Not confirmed: it goes, kill -9 or not.
    set(&["config", "set", "api.seconds", "42", "--confirm", "10s"]);
    set(&["config", "set", "log.level", "error"]);
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    assert!(fs::read_to_string(file(&data)).unwrap().contains("seconds = 42"));
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    drop(daemon);
    let daemon = Daemon::start_in(folder, &["--tier", "lite"]);
    let trial = daemon.get("/v1/config").json()["trial"].clone();
    assert!(trial.is_null() || trial["left_ms"].as_u64().unwrap() <= 10_000, "{trial}");
    until("the revert", || (setting(&daemon, "api.seconds")["value"] == 41).then_some(()));
    assert_eq!(
        fs::read_to_string(file(&data)).unwrap(),
        "[api]\nseconds = 41\n",
        "all that came after the trial began"
    );
    let newest = daemon.get("/v1/config/history").json()["items"][0].clone();
    assert_eq!(newest["cause"], "revert", "{newest}");
    // The last change can be put on trial afterwards, too.
    set(&["config", "set", "api.seconds", "43"]);
    let said = set(&["config", "commit-confirm", "20s"]);
    assert!(said.contains("On trial"), "{said}");
    let daemon = &daemon;
    until("the second revert", || (setting(daemon, "api.seconds")["value"] == 41).then_some(()));
}

#[test]
fn a_trial_whose_time_passed_while_nobody_ran_is_over_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let output = run(data.path(), &["config", "set", "search.workers", "2", "--confirm", "10s"]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stderr).contains("No daemon runs"), "{output:?}");
    std::thread::sleep(Duration::from_millis(10_500));
    let output = run(data.path(), &["--json", "config", "get", "search.workers"]);
    let got: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&got["layer"], &got["waiting"]), (&json!("default"), &Value::Null), "{got}");
}

#[test]
fn secrets_are_named_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("token");
    fs::write(&secret, "s3cr3t-T0ken\n").unwrap();
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    let reference = format!("file:{}", secret.display());
    let output = run(data, &["config", "set", "queue.upstream_token", &reference]);
    assert!(output.status.success(), "{output:?}");
    let refused = run(data, &["config", "set", "queue.upstream_token", "s3cr3t-T0ken"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(!text(&refused.stderr).contains("s3cr3t"), "{refused:?}");
    for words in [&["config", "show"][..], &["--json", "config", "show", "--all"], &["config", "history"]] {
        let output = run(data, words);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success() && !said.contains("s3cr3t"), "{said}");
    }
    for entry in fs::read_dir(data.join("logs")).unwrap() {
        assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains("s3cr3t"));
    }
}

#[test]
fn variables_options_and_environments_stand_in_their_order() {
    let data = tempfile::tempdir().unwrap();
    fs::create_dir_all(data.path().join("config")).unwrap();
    fs::write(file(data.path()), "[log]\nlevel = \"error\"\n").unwrap();
    fs::write(data.path().join("config/spud.staging.toml"), "[log]\nlevel = \"warn\"\n").unwrap();
    let get = |variables: &[(&str, &str)], words: &[&str]| {
        let mut command = spud();
        command.arg("--data").arg(data.path()).args(words).args(["--json", "config", "get", "log.level"]);
        let output = command.envs(variables.iter().copied()).stderr(Stdio::inherit()).output().unwrap();
        let got: Value = serde_json::from_slice(&output.stdout).unwrap();
        (got["value"].as_str().unwrap().to_owned(), got["layer"].as_str().unwrap().to_owned())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(get(&[], &[]), pair("error", "file"));
    assert_eq!(get(&[("SPUD_ENVIRONMENT", "staging")], &[]), pair("warn", "file"));
    assert_eq!(get(&[("SPUD_LOG_LEVEL", "info")], &[]), pair("info", "environment"));
    assert_eq!(get(&[("SPUD_LOG_LEVEL", "info")], &["--set", "log.level=trace"]), pair("trace", "option"));
    let extra = data.path().join("extra.toml");
    fs::write(&extra, "[log]\nlevel = \"debug\"\n").unwrap();
    assert_eq!(get(&[("SPUD_CONFIG", extra.to_str().unwrap())], &[]), pair("debug", "file"));
}

#[test]
fn the_service_is_planned_and_written_below_a_root() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path().to_str().unwrap();
    let install = |what: &str| {
        let words = ["--tier", "lite", "install", what, "--root", at, "--binary", "/usr/local/bin/spud"];
        let output = spud().args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout)
    };
    let plan = install("--dry-run");
    assert!(
        plan.contains("etc/systemd/system/spud.service")
            && plan.contains("ExecStart=/usr/local/bin/spud daemon")
    );
    // The lite tier: 128 MiB for the daemon, 256 MiB more with an extractor.
    assert!(plan.contains("MemoryHigh=128M") && plan.contains("MemoryMax=384M"), "{plan}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "a dry run writes nothing");
    assert!(install("--apply").contains("spud.service: is new"));
    fs::write(root.path().join("etc/spud/spud.toml"), "[log]\n").unwrap();
    let again = install("--apply");
    assert!(
        again.contains("spud.service: is there already") && again.contains("spud.toml: is there and stays")
    );
    assert_eq!(fs::read_to_string(root.path().join("etc/spud/spud.toml")).unwrap(), "[log]\n");
    let neither = spud().arg("install").output().unwrap();
    assert_eq!(neither.status.code(), Some(2));
}

#[test]
fn a_passed_socket_is_served_and_stays() {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passed.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let data = tempfile::tempdir().unwrap();
    let raw = listener.as_raw_fd();
    // A shell sets its own process id, which exec keeps; the socket becomes number 3.
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" --data \"$1\" daemon";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_spud")]).arg(data.path()).stdin(Stdio::null());
    // SAFETY: dup2 may be called between fork and exec.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || match libc::dup2(raw, 3) {
            -1 => Err(std::io::Error::last_os_error()),
            3 if raw == 3 => match libc::fcntl(3, libc::F_SETFD, 0) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            },
            _ => Ok(()),
        });
    }
    let mut child = command.spawn().unwrap();
    // Nobody has to wait for the start: the socket is there, and the answer comes.
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    signal(&child, rustix::process::Signal::TERM);
    assert!(child.wait().unwrap().success());
    assert!(path.exists(), "the service manager's socket stays");
}

#[test]
fn a_template_is_applied_and_the_schema_is_published() {
    let daemon = Daemon::start(&["--tier", "standard"]);
    let data = daemon.folder.path();
    let output = run(data, &["config", "apply-template", "kiosk", "--dry-run"]);
    assert!(text(&output.stdout).contains("ingest.watch: true -> false"), "{output:?}");
    assert!(!file(data).exists());
    let output = run(data, &["config", "apply-template", "kiosk", "--reason", "the lobby"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(setting(&daemon, "ingest.watch")["value"], false);
    assert!(fs::read_to_string(file(data)).unwrap().starts_with("# spud: a kiosk"));
    let schema = daemon.get("/v1/config/schema").json();
    assert_eq!(schema["properties"]["log"]["properties"]["level"]["enum"][0], "error");
    let reply = daemon.post("/v1/config/apply", "{\"template\": \"kosk\"}");
    assert_eq!(reply.status, 404);
    // Fewer bytes for a body, at once.
    let long = "x".repeat(70_000);
    let reply = daemon.post("/v1/config/validate", &json!({"text": long}).to_string());
    assert_eq!(reply.status, 413, "{reply:?}");
}
