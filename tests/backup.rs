//! Backups from outside: the same answers after a restore, kill -9 at any moment, flipped bits, a live box, schedule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use spud::store::Control;
use spud::store::backup::{Journal, ScheduleRecord};
use support::Daemon;
use support::command::{good, json, run, spud_on};

/// A box with some documents of its own.
fn a_box(folder: &Path, documents: usize) -> PathBuf {
    let source = folder.join("source");
    fs::create_dir_all(&source).unwrap();
    for n in 0..documents {
        let care = format!("Oil the bearing of unit {n} every {} hours. ", n + 3).repeat(20);
        let text = format!("# Unit {n}\n\nThe serial word of unit {n} is zyx{n}q.\n\n## Care\n\n{care}\n");
        fs::write(source.join(format!("unit-{n:03}.md")), text).unwrap();
    }
    let data = folder.join("data");
    good(&data, &["add", "--collection", "units", source.to_str().unwrap()]);
    data
}

/// What a box answers, without what differs from run to run.
fn answers(data: &Path) -> Vec<Value> {
    ["zyx3q", "how often is the bearing of unit 7 oiled?", "clean the pump filter"]
        .iter()
        .map(|question| {
            let mut answer = json(data, &["ask", question]);
            answer["took_us"] = Value::Null;
            answer["cache"] = Value::Null;
            answer
        })
        .collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

#[test]
fn a_fresh_box_gives_the_same_answers_and_an_unchanged_one_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = a_box(dir.path(), 30);
    let to = dir.path().join("usb");
    let to = to.to_str().unwrap();
    let first = json(&data, &["backup", "create", "--to", to]);
    assert_eq!(
        (&first["state"], first["problems"].as_array().unwrap().len()),
        (&"done".into(), 0),
        "{first}"
    );
    let second = json(&data, &["backup", "create", "--to", to]);
    let new = second["new_bytes"].as_u64().unwrap();
    // The audit log tells of the first backup: that much is new.
    assert!(new < 6_000, "{new} bytes of an unchanged box");
    assert!(first["new_bytes"].as_u64().unwrap() > 100 * new);
    assert_eq!(json(&data, &["backup", "list", "--from", to])["items"].as_array().unwrap().len(), 2);
    let before = answers(&data);
    assert!(before[0]["found"] == true);

    let fresh = dir.path().join("fresh");
    let restored = json(&fresh, &["backup", "restore", "--from", to]);
    assert_eq!(restored["first_seen"], true);
    assert_eq!(answers(&fresh), before);
    assert_eq!(json(&fresh, &["check"])["ok"], true);
    // The key of the box stays on the box; the restored one believes it and signs with its own.
    let known = json(&fresh, &["backup", "list", "--from", to]);
    assert!(known["items"].as_array().unwrap().iter().all(|backup| backup["trusted"] == true));
    let own = json(&fresh, &["backup", "create", "--to", to]);
    let listed = json(&fresh, &["backup", "show", own["backup"].as_str().unwrap(), "--from", to]);
    assert_ne!(listed["key"], restored["key"]);
    // The old box does not know that key, and says so.
    let verify = run(&data, &["backup", "verify", "--from", to]);
    assert_eq!(verify.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verify.stdout).contains("does not know"));
}

#[test]
fn a_restore_replaces_nothing_unless_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let data = a_box(dir.path(), 8);
    good(&data, &["backup", "create"]);
    let before = answers(&data);
    good(&data, &["collection", "remove", "units"]);
    assert_ne!(answers(&data), before);
    let refused = run(&data, &["backup", "restore"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"));
    assert_ne!(answers(&data), before);
    let restored = json(&data, &["backup", "restore", "--force"]);
    assert_eq!(answers(&data), before);
    let aside = PathBuf::from(restored["replaced"].as_str().unwrap());
    assert!(aside.join("corpus.redb").exists() && aside.join("control.redb").exists());
    // Wrong keys, wrong names, folders without backups: told, and nothing is made.
    let fresh = dir.path().join("fresh");
    let from = data.join("backups");
    let from = from.to_str().unwrap();
    for args in [
        &["backup", "restore", "--from", from, "--key", &"00".repeat(32)][..],
        &["backup", "restore", "--from", from, "--key", "xyz"],
        &["backup", "restore", "20200101", "--from", from],
        &["backup", "restore", "--from", dir.path().to_str().unwrap()],
    ] {
        let output = run(&fresh, args);
        assert!(!output.status.success(), "{args:?}");
        assert!(!fresh.exists(), "{args:?} left something behind");
    }
}

#[test]
fn a_flipped_bit_is_named_refused_and_mended_by_the_next_backup() {
    let dir = tempfile::tempdir().unwrap();
    let data = a_box(dir.path(), 8);
    good(&data, &["backup", "create"]);
    let backups = data.join("backups");
    let fresh = dir.path().join("fresh");
    let from = backups.to_str().unwrap();
    let mut pieces = files_below(&backups.join("pieces"));
    pieces.sort_by_key(|path| fs::metadata(path).unwrap().len());
    for path in [pieces[0].clone(), pieces[pieces.len() - 1].clone()] {
        let whole = fs::read(&path).unwrap();
        let mut hurt = whole.clone();
        let middle = hurt.len() / 2;
        hurt[middle] ^= 4;
        fs::write(&path, &hurt).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let verify = run(&data, &["backup", "verify"]);
        assert_eq!(verify.status.code(), Some(1));
        let text = String::from_utf8_lossy(&verify.stdout).into_owned();
        assert!(text.contains(&name), "{text}");
        let check = json(&data, &["check", "--backups"]);
        assert_eq!(check["ok"], false, "{check}");
        let restore = run(&fresh, &["backup", "restore", "--from", from]);
        assert!(!restore.status.success());
        assert!(String::from_utf8_lossy(&restore.stderr).contains(&name));
        assert!(!fresh.exists(), "half a box was left");
        // Forced onto a box, it leaves that as it is.
        assert!(!run(&data, &["backup", "restore", "--force"]).status.success());
        assert_eq!(json(&data, &["check"])["ok"], true);
        assert!(!data.join(".restoring").exists() && !data.join(".restored").exists());
        assert_eq!(run(&data, &["backup", "verify", "--repair"]).status.code(), Some(1));
        good(&data, &["backup", "create"]);
        let mended = json(&data, &["backup", "verify"]);
        // Of the first backup only what the box still has could be written anew: that is all of it.
        assert_eq!(mended["state"], "done", "{mended}");
    }
    let manifest = files_below(&backups.join("manifests")).remove(0);
    let mut bytes = fs::read(&manifest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&manifest, bytes).unwrap();
    let name = manifest.file_name().unwrap().to_string_lossy().into_owned();
    let verify = run(&data, &["backup", "verify"]);
    assert!(String::from_utf8_lossy(&verify.stdout).contains(&name));
    assert!(!run(&fresh, &["backup", "restore", &name, "--from", from]).status.success());
    assert!(!fresh.exists());
    // What a damaged manifest names is not known: nothing may be swept.
    let prune = run(&data, &["backup", "prune", "--keep-last", "1"]);
    assert!(!prune.status.success());
    good(&fresh, &["backup", "restore", "--from", from]); // the newest is whole
}

#[test]
fn killed_at_any_moment_the_repository_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let data = a_box(dir.path(), 40);
    good(&data, &["backup", "create"]);
    let source = dir.path().join("source");
    let keep = ["--keep-last", "2", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0"];
    for (round, pause) in [10u64, 45, 80, 130, 200].into_iter().enumerate() {
        fs::write(source.join(format!("new-{round}.md")), format!("# New {round}\n\nWord new{round}word.\n"))
            .unwrap();
        good(&data, &["add", "--collection", "units", source.to_str().unwrap()]);
        for work in [&["backup", "create"][..], &[&["backup", "prune"][..], &keep].concat()] {
            let mut child =
                spud_on(&data).args(work).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(pause));
            child.kill().unwrap();
            child.wait().unwrap();
            let verify = json(&data, &["backup", "verify"]);
            assert_eq!(verify["state"], "done", "{work:?} after {pause} ms: {verify}");
        }
    }
    good(&data, &["backup", "create"]);
    good(&data, &[&["backup", "prune"][..], &keep].concat());
    assert_eq!(json(&data, &["backup", "list"])["items"].as_array().unwrap().len(), 2);
    let fresh = dir.path().join("fresh");
    good(&fresh, &["backup", "restore", "--from", data.join("backups").to_str().unwrap()]);
    assert_eq!(answers(&fresh), answers(&data));
    assert_eq!(json(&fresh, &["ask", "new4word"])["found"], true);
}

#[test]
fn killed_while_it_restores_a_box_is_the_old_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = a_box(dir.path(), 10);
    good(&data, &["backup", "create"]);
    let new = answers(&data);
    let mut outcomes = (0, 0);
    for pause in [10u64, 60, 150, 300, 500, 800, 1200] {
        let gone = run(&data, &["collection", "remove", "units"]);
        assert!(gone.status.success());
        let old = answers(&data);
        let mut child = spud_on(&data)
            .args(["backup", "restore", "--force"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = answers(&data);
        assert!(now == old || now == new, "after {pause} ms: {now:?}");
        if now == new {
            outcomes.1 += 1
        } else {
            outcomes.0 += 1
        }
        assert_eq!(json(&data, &["check"])["ok"], true);
        good(&data, &["backup", "restore", "--force"]);
    }
    println!("old {}, new {}", outcomes.0, outcomes.1);
    assert_eq!(answers(&data), new);
}

#[test]
fn a_live_box_is_backed_up_tried_and_replaced_at_its_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = a_box(dir.path(), 8);
    let folder = tempfile::tempdir_in(dir.path()).unwrap();
    fs::remove_dir(folder.path()).unwrap();
    fs::rename(&data, folder.path()).unwrap();
    let mut daemon = Daemon::start_in(folder, &[]);
    let data = daemon.folder.path().to_owned();
    let over = |daemon: &Daemon, begun: Value| -> Value {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let run = daemon.get(&format!("/v1/backup/runs/{}", begun["id"].as_str().unwrap())).json();
            if run["state"] != "running" {
                return run;
            }
            assert!(Instant::now() < until, "{run}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // Writers go on meanwhile.
    let begun = daemon.post("/v1/backups", "{}");
    assert_eq!(begun.status, 202, "{begun:?}");
    for n in 0..20 {
        let posted =
            daemon.ask("POST", "/v1/operations?kind=t", "Content-Type: text/plain\r\n", &n.to_string());
        assert_eq!(posted.status, 202);
    }
    let made = over(&daemon, begun.json());
    assert_eq!(made["state"], "done", "{made}");
    let id = made["backup"].as_str().unwrap().to_owned();
    let drill = over(&daemon, daemon.post("/v1/backups/drill", "{}").json());
    assert_eq!(drill["state"], "done", "{drill}");
    assert!(drill["message"].as_str().unwrap().contains("answers as those"), "{drill}");
    assert!(!data.join(".drill").exists());
    let status = daemon.get("/v1/backup").json();
    assert_eq!(status["last_good"].as_str(), Some(id.as_str()));
    assert_eq!(status["last_drill"]["state"], "done");

    let before = answers(&data);
    good(&data, &["collection", "remove", "units"]);
    let target = format!("/v1/backups/{id}/restore");
    assert_eq!(daemon.post(&target, "{}").status, 409, "not without force");
    assert_eq!(daemon.post(&target, "{\"force\": true, \"nonsense\": 1}").status, 422);
    let asked = "{\"force\": true, \"reason\": \"the disk died\"}";
    let staged = over(&daemon, daemon.post(&target, asked).json());
    assert_eq!(staged["state"], "done", "{staged}");
    assert_ne!(answers(&data), before, "it goes on serving what it has");
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(answers(&data), before, "the next start has the backup");
    let aside = data.join(format!("replaced-by-{id}"));
    assert!(aside.join("corpus.redb").exists());
    let old = Control::open(&aside.join("control.redb"), 256 << 10).unwrap();
    let size = spud::audit::Log::open(&old.snapshot().unwrap()).unwrap().size();
    let told = of_kind(&data, "backup.restored");
    let mine: Vec<&Value> = told.iter().filter(|entry| entry["outcome"] == "done").collect();
    assert_eq!(mine.len(), 1, "{told:?}");
    assert_eq!((mine[0]["subject"].as_str(), mine[0]["actor"].as_str()), (Some(&*id), Some(&*me())));
    let texts = mine[0]["texts"].to_string();
    assert!(texts.contains("the disk died"), "{texts}");
    assert!(texts.contains(&format!("{size} entries with the root ")), "{texts}");
    assert_eq!(of_kind(&data, "audit.parted").len(), 1);
    good(&data, &["audit", "verify"]);
}

fn me() -> String {
    format!("uid:{}", rustix::process::getuid().as_raw())
}

/// Entries of the audit log.
fn of_kind(data: &Path, kind: &str) -> Vec<Value> {
    json(data, &["audit", "list", "--kind", kind])["items"].as_array().unwrap().clone()
}

/// Whatever was done before a kill: the note lies there again, and what it says is in the log already.
#[test]
fn a_restore_is_entered_once_and_parts_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let data = a_box(dir.path(), 2);
    good(&data, &["backup", "create"]);
    let origin =
        |data: &Path| json(data, &["audit", "status"])["origin"].as_str().unwrap_or_default().to_owned();
    good(&data, &["audit", "checkpoint"]);
    let before = origin(&data);
    // Twice, with no start between: both are told.
    good(&data, &["backup", "restore", "--force", "--reason", "first"]);
    good(&data, &["backup", "restore", "--force", "--reason", "second"]);
    let note = data.join(".restored-from");
    let text = fs::read_to_string(&note).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    for _ in 0..3 {
        let told = of_kind(&data, "backup.restored");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0]["texts"].to_string().contains("second"), "{told:?}");
        assert!(told.iter().all(|entry| entry["actor"] == *me()));
        assert_eq!(of_kind(&data, "audit.parted").len(), 1);
        assert!(!note.exists());
        fs::write(&note, &text).unwrap();
    }
    let after = origin(&data);
    assert!(after != before && !before.is_empty(), "{before} {after}");
    // Killed at its first start, again and again.
    for pause in [1u64, 20, 60, 120] {
        good(&data, &["backup", "restore", "--force"]);
        for _ in 0..3 {
            let mut child =
                spud_on(&data).args(["status"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(pause));
            let _ = child.kill();
            child.wait().unwrap();
        }
        assert_eq!(of_kind(&data, "audit.parted").len(), 1, "after {pause} ms");
        assert_eq!(of_kind(&data, "backup.restored").len(), 1, "after {pause} ms");
        good(&data, &["audit", "verify"]);
    }
    assert_ne!(origin(&data), after, "each restore is another log");
}

#[test]
fn a_daemon_makes_prunes_and_tries_backups_by_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    good(&data, &["status"]);
    let to = folder.path().join("elsewhere");
    let set = json(
        &data,
        &["backup", "schedule", "--to", to.to_str().unwrap(), "--daily", "02:30", "--keep-daily", "5"],
    );
    assert_eq!((&set["when"], &set["keep_daily"]), (&"daily 02:30".into(), &5.into()));
    assert_eq!(run(&data, &["backup", "schedule", "--daily", "25:00"]).status.code(), Some(65));
    // As if it had been set long ago: what was missed while the box was off is made up for.
    let control = Control::open(&data.join("control.redb"), 256 << 10).unwrap();
    let kept = Journal::schedule(&control).unwrap().unwrap();
    Journal::set_schedule(&control, Some(&ScheduleRecord { since_ms: 1, drill_days: 1, ..kept }), |_| Ok(()))
        .unwrap();
    drop(control);
    let daemon = Daemon::start_in(folder, &[]);
    let until = Instant::now() + Duration::from_secs(60);
    let runs = loop {
        let status = daemon.get("/v1/backup").json();
        let runs = status["runs"].as_array().unwrap().clone();
        if runs.len() >= 3 {
            assert!(status["next_ms"].as_u64().unwrap() > status["last_good_ms"].as_u64().unwrap());
            break runs;
        }
        assert!(Instant::now() < until, "{status}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let kinds: Vec<_> = runs.iter().map(|run| run["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["drill", "prune", "create"]);
    assert!(runs.iter().all(|run| run["scheduled"] == true && run["state"] == "done"), "{runs:?}");
    assert!(to.join("spud-backups").exists());
    // A disk that is not there is told; the card below its mount point is not filled.
    let away = data.join("away");
    fs::rename(&to, &away).unwrap();
    let missing = run(&data, &["backup", "create"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stdout).contains("mount"), "{missing:?}");
    assert!(!to.exists());
    assert_eq!(run(&data, &["backup", "list"]).status.code(), Some(65));
    fs::rename(&away, &to).unwrap();
    let off = json(&data, &["backup", "schedule", "--off"]);
    assert_eq!(off, Value::Null);
}
