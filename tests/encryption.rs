//! Encryption at rest from outside: what a thief sees, kill -9 while rows turn, lost and wrong keys, backups.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spud::resilience::queue::{LaneLimits, NewOperation, Queue, QueueSettings};
use spud::store::Control;
use support::Daemon;
use support::command::{good, run};

const STORES: [&str; 2] = ["control.redb", "corpus.redb"];
const CONFIG: Option<i32> = Some(78);

fn read(data: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&good(data, &[args, &["--json"]].concat())).unwrap()
}

/// Exit code and what was said.
fn refused(data: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = run(data, args);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn key_file(path: &Path, key: &str) -> String {
    fs::write(path, key).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    format!("file:{}", path.display())
}

/// A box with documents and operations that must not be seen; enough rows that turning them takes commits.
fn a_box(folder: &Path, operations: usize) -> PathBuf {
    let (data, source) = (folder.join("data"), folder.join("source"));
    fs::create_dir_all(&source).unwrap();
    for n in 0..12 {
        let text =
            format!("# Zyxtitle {n}\n\nThe serial word of unit {n} is zyx{n}q. {}\n", "Oil it. ".repeat(40));
        fs::write(source.join(format!("unit-{n:03}.md")), text).unwrap();
    }
    good(&data, &["add", "--collection", "units", source.to_str().unwrap()]);
    let control = Control::open(&data.join("control.redb"), 1 << 20).unwrap();
    let limits = LaneLimits { operations: 1 << 30, bytes: 1 << 30, drop_oldest: false };
    let queue = Queue::new(QueueSettings { limits: [limits; 4], attempts_most: 3, upstream: true }, 7, 1_000);
    let new = |n: usize| NewOperation {
        kind: "secret".into(),
        payload: format!("zyxpayload {n} {}", "p".repeat(200)).into_bytes(),
        ..NewOperation::default()
    };
    for chunk in (0..operations).collect::<Vec<_>>().chunks(1_000) {
        let all: Vec<NewOperation> = chunk.iter().map(|n| new(*n)).collect();
        queue.post(&control, &all, 1_000).unwrap();
    }
    data
}

/// Which of the stores hold these bytes anywhere.
fn stores_with(data: &Path, needle: &str) -> Vec<&'static str> {
    let has = |name: &&str| {
        let bytes = fs::read(data.join(name)).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    };
    STORES.into_iter().filter(has).collect()
}

fn whole(data: &Path, operations: usize) {
    let check = read(data, &["check"]);
    assert_eq!(check["ok"], true, "{check}");
    assert_eq!(read(data, &["ask", "zyx3q"])["found"], true);
    let queued: u64 = read(data, &["queue", "status"])["lanes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lane| lane["operations"].as_u64().unwrap())
        .sum();
    assert_eq!(queued, operations as u64);
    let payload = good(data, &["operation", "list", "--json"]);
    assert!(payload.contains("secret"));
}

fn state(data: &Path) -> String {
    read(data, &["store", "status"])["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_thief_sees_nothing_and_the_box_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = a_box(folder.path(), 50);
    assert_eq!(state(&data), "plain");
    assert_eq!(stores_with(&data, "zyxpayload"), ["control.redb"], "there is something to steal");
    assert_eq!(stores_with(&data, "Zyxtitle"), ["corpus.redb"]);
    let key = key_file(&folder.path().join("key"), "0123456789abcdef0123456789abcdef0123");
    let said = good(&data, &["store", "encrypt", "--key", &key]);
    assert!(
        said.contains("encrypted") && said.contains("segments/") && said.contains("loses everything"),
        "{said}"
    );
    for needle in ["zyxpayload", "Zyxtitle"] {
        assert_eq!(stores_with(&data, needle), [""; 0], "{needle}");
    }
    whole(&data, 50);
    // New rows are sealed as well.
    let more = folder.path().join("more.md");
    fs::write(&more, "# Zyxtitle more\n\nThe word is zyxmoreq.\n").unwrap();
    good(&data, &["add", "--collection", "units", more.to_str().unwrap()]);
    assert_eq!(stores_with(&data, "Zyxtitle"), [""; 0]);
    assert_eq!(read(&data, &["ask", "zyxmoreq"])["found"], true);
    let before = read(&data, &["store", "status"]);
    good(&data, &["store", "rotate"]);
    let after = read(&data, &["store", "status"]);
    assert_eq!((&after["state"], &after["rows"]), (&json!("encrypted"), &after["rows_done"]));
    assert_ne!(before["key_id"], after["key_id"]);
    whole(&data, 50);
    good(&data, &["store", "decrypt"]);
    assert_eq!(state(&data), "plain");
    assert!(!data.join("store.seal").exists() && !data.join("keys/store.seal").exists());
    assert_eq!(stores_with(&data, "Zyxtitle"), ["corpus.redb"]);
    whole(&data, 50);
}

#[test]
fn without_the_right_key_nothing_starts_and_nothing_is_taken_for_damage() {
    let folder = tempfile::tempdir().unwrap();
    let data = a_box(folder.path(), 5);
    let path = folder.path().join("key");
    let key = key_file(&path, "0123456789abcdef0123456789abcdef0123");
    for (bad, what) in [
        ("passwort", "--key"),
        ("file:/nowhere/at/all", "cannot be read"),
        (&key_file(&folder.path().join("short"), "short"), "at least 32"),
        (&key_file(&data.join("inside"), "0123456789abcdef0123456789abcdef"), "inside the data folder"),
    ] {
        let (code, said) = refused(&data, &["store", "encrypt", "--key", bad]);
        assert!(code != Some(0) && said.contains(what), "{bad}: {code:?} {said}");
    }
    assert_eq!(state(&data), "plain");
    good(&data, &["store", "encrypt", "--key", &key]);
    let away = folder.path().join("away");
    fs::rename(&path, &away).unwrap();
    for args in [&["status"][..], &["daemon"], &["ask", "zyx3q"]] {
        let (code, said) = refused(&data, args);
        assert_eq!(code, CONFIG, "{said}");
        assert!(said.contains("key cannot be had") && said.contains("store.key"), "{said}");
    }
    // Elsewhere, by the setting.
    let elsewhere = format!("store.key=file:{}", away.display());
    assert_eq!(read(&data, &["--set", &elsewhere, "ask", "zyx3q"])["found"], true);
    key_file(&path, "another key of more than 32 characters");
    let (code, said) = refused(&data, &["daemon"]);
    assert_eq!(code, CONFIG);
    assert!(said.contains("another one") && said.contains("nothing is damaged"), "{said}");
    fs::rename(&away, &path).unwrap();
    // One header is enough, a damaged one is written again.
    let (first, second) = (data.join("store.seal"), data.join("keys/store.seal"));
    let header = fs::read(&first).unwrap();
    fs::remove_file(&first).unwrap();
    fs::write(&second, &header).unwrap();
    whole(&data, 5);
    assert_eq!(fs::read(&first).unwrap(), header);
    fs::write(&first, b"torn").unwrap();
    fs::write(&second, b"torn").unwrap();
    let (code, said) = refused(&data, &["status"]);
    assert!(code == CONFIG && said.contains("damaged"), "{code:?} {said}");
    fs::remove_file(&first).unwrap();
    fs::remove_file(&second).unwrap();
    let (code, said) = refused(&data, &["status"]);
    assert!(code == CONFIG && said.contains("store.seal is missing"), "{code:?} {said}");
    fs::write(&first, &header).unwrap();
    whole(&data, 5);
}

/// Starts a daemon, asks for something, kills it after so long; true when it had ended by then.
fn killed_while(data: &Path, request: Option<(&str, &str)>, after: Duration) -> bool {
    let mut child = support::spud()
        .arg("--data")
        .arg(data)
        .args(["--tier", "lite", "daemon"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let ask = |method: &str, target: &str, body: &str| -> Option<Value> {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(data.join("spud.sock")).ok()?;
        let length = body.len();
        write!(stream, "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        serde_json::from_str(reply.split_once("\r\n\r\n")?.1).ok()
    };
    let mut report = None;
    while report.is_none() && Instant::now() < until {
        report = match request {
            Some((target, body)) => ask("POST", target, body),
            None => ask("GET", "/v1/store", ""),
        };
    }
    assert!(report.is_some(), "the daemon did not start");
    std::thread::sleep(after);
    let settled = ask("GET", "/v1/store", "")
        .is_some_and(|report| ["plain", "encrypted"].contains(&report["state"].as_str().unwrap_or("")));
    child.kill().unwrap();
    child.wait().unwrap();
    settled
}

#[test]
fn kill_9_at_any_moment_of_a_turn_loses_nothing() {
    const OPERATIONS: usize = 4_000;
    let folder = tempfile::tempdir().unwrap();
    let data = a_box(folder.path(), OPERATIONS);
    let key = key_file(&folder.path().join("key"), "0123456789abcdef0123456789abcdef0123");
    let body = json!({"key": key}).to_string();
    let mut cuts = 0;
    for (target, body) in
        [("/v1/store/encrypt", body.as_str()), ("/v1/store/rotate", "{}"), ("/v1/store/decrypt", "")]
    {
        let mut settled = killed_while(&data, Some((target, body)), Duration::from_millis(1));
        let mut pause = 30;
        while !settled {
            cuts += 1;
            settled = killed_while(&data, None, Duration::from_millis(pause));
            pause *= 2;
        }
        whole(&data, OPERATIONS);
        let plain = target.ends_with("decrypt");
        assert_eq!(state(&data), if plain { "plain" } else { "encrypted" });
        assert_eq!(stores_with(&data, "zyxpayload").is_empty(), !plain, "{target}");
    }
    println!("{cuts} cuts in the middle");
    assert!(cuts >= 3, "no cut fell into a turn");
}

#[test]
fn a_backup_stays_encrypted_and_a_fresh_box_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let data = a_box(folder.path(), 20);
    let key = key_file(&folder.path().join("key"), "0123456789abcdef0123456789abcdef0123");
    good(&data, &["store", "encrypt", "--key", &key]);
    let to = folder.path().join("backups");
    let to = to.to_str().unwrap();
    good(&data, &["backup", "create", "--to", to]);
    good(&data, &["backup", "drill", "--from", to]);
    let fresh = folder.path().join("fresh");
    good(&fresh, &["backup", "restore", "--from", to]);
    for needle in ["zyxpayload", "Zyxtitle"] {
        assert_eq!(stores_with(&fresh, needle), [""; 0]);
    }
    whole(&fresh, 20);
    assert_eq!(state(&fresh), "encrypted");
    // A key of before is a key of before: the drill says so, and a restore asks for it.
    let other = key_file(&folder.path().join("other"), "another key of more than 32 characters");
    good(&data, &["store", "rotate", "--key", &other]);
    whole(&data, 20);
    let (_, said) = refused(&data, &["backup", "drill", "--from", to]);
    let drill = run(&data, &["backup", "drill", "--from", to]);
    assert!(!drill.status.success(), "{said}");
    good(&data, &["backup", "restore", "--from", to, "--force"]);
    assert!(!data.join("keys/store.seal").exists(), "the header of the box before went aside with it");
    whole(&data, 20);
    fs::remove_file(folder.path().join("key")).unwrap();
    assert_eq!(refused(&data, &["status"]).0, CONFIG);
}

#[test]
fn salvage_of_an_encrypted_box_gives_an_encrypted_box() {
    let folder = tempfile::tempdir().unwrap();
    let data = a_box(folder.path(), 20);
    let path = folder.path().join("key");
    let key = key_file(&path, "0123456789abcdef0123456789abcdef0123");
    good(&data, &["store", "encrypt", "--key", &key]);
    let into = folder.path().join("saved");
    let report = read(&data, &["salvage", "--into", into.to_str().unwrap()]);
    assert_eq!(report["lost"], json!([]), "{report}");
    whole(&into, 20);
    assert_eq!(stores_with(&into, "zyxpayload"), [""; 0]);
    fs::remove_file(path).unwrap();
    let again = folder.path().join("again");
    assert_eq!(refused(&data, &["salvage", "--into", again.to_str().unwrap()]).0, CONFIG);
}

#[test]
fn a_passphrase_is_never_said_and_can_come_from_the_setting() {
    let mut daemon = Daemon::start(&[]);
    let secret = "correct horse battery staple";
    let weak =
        daemon.post("/v1/store/encrypt", &json!({"key": "passphrase", "passphrase": "short"}).to_string());
    assert_eq!(weak.status, 422, "{weak:?}");
    assert_eq!(daemon.post("/v1/store/encrypt", "{\"key\": \"passphrase\"}").status, 422);
    let begun =
        daemon.post("/v1/store/encrypt", &json!({"key": "passphrase", "passphrase": secret}).to_string());
    assert_eq!(begun.status, 200, "{begun:?}");
    let again =
        daemon.post("/v1/store/encrypt", &json!({"key": "passphrase", "passphrase": secret}).to_string());
    assert_eq!(again.status, 409, "{again:?}");
    let until = Instant::now() + Duration::from_secs(60);
    while daemon.get("/v1/store").json()["state"] != "encrypted" && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let report = daemon.get("/v1/store").json();
    assert_eq!((&report["state"], &report["key"]), (&json!("encrypted"), &json!("passphrase")));
    assert!(report["derivation"].as_str().unwrap().starts_with("Argon2id, "), "{report}");
    assert_eq!(daemon.terminate(), Some(0));
    let data = daemon.folder.path();
    for entry in fs::read_dir(data.join("logs")).into_iter().flatten().flatten() {
        let log = fs::read(entry.path()).unwrap();
        assert!(!log.windows(secret.len()).any(|window| window == secret.as_bytes()), "it is in the log");
    }
    let place = tempfile::tempdir().unwrap();
    let setting = format!("store.key={}", key_file(&place.path().join("p"), secret));
    good(data, &["--set", &setting, "status"]);
}
