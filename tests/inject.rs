//! System calls of the real program that fail, by `strace`: it says so, keeps what it had, and goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::spud;

fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// One operation posted by a program of its own, with the nth call of a kind failing.
fn post(data: &std::path::Path, text: &str, inject: Option<(&str, &str, u32)>) -> Output {
    let plain = spud();
    let mut command = match inject {
        None => spud(),
        Some((call, error, nth)) => {
            let mut command = Command::new("strace");
            command.args(["-f", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
            command.arg("-e").arg(format!("inject={call}:error={error}:when={nth}"));
            command.arg(plain.get_program());
            command
        }
    };
    command.arg("--data").arg(data).args([
        "operation",
        "post",
        "-",
        "--kind",
        "note",
        "--content-type",
        "text/plain",
    ]);
    for name in ["SPUD_DATA", "SPUD_SOCKET", "SPUD_TIER", "SPUD_CONFIG"] {
        command.env_remove(name);
    }
    let (piped, pipe) = (Stdio::piped, Stdio::piped());
    let mut child = command.stdin(pipe).stdout(piped()).stderr(piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn failing_writes_and_syncs_are_told_and_nothing_acknowledged_is_lost() {
    if !can_trace() {
        println!("skipped: strace is not installed or may not trace");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert!(post(&data, "first", None).status.success());
    let (mut accepted, mut failed) = (vec!["first".to_owned()], 0);
    for (call, error) in
        [("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("fdatasync", "EIO"), ("fdatasync", "ENOSPC")]
    {
        for nth in [1, 2, 4, 7] {
            let text = format!("{call} {error} {nth}");
            let output = post(&data, &text, Some((call, error, nth)));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("panicked"), "{text}: {said}");
            match output.status.code() {
                Some(0) => accepted.push(text),
                Some(_) => {
                    failed += 1;
                    assert!(
                        said.contains("disk") || said.contains("store") || said.contains("error"),
                        "{text}: {said}"
                    );
                }
                None => panic!("{text}: killed by a signal: {said}"),
            }
        }
    }
    assert!(failed > 0, "no fault struck");
    // Without any mending: the next one works, and all that was accepted is there.
    assert!(post(&data, "last", None).status.success());
    accepted.push("last".into());
    let listed = spud().arg("--data").arg(&data).args(["operation", "list", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&listed.stderr)));
    let count = listed["items"].as_array().or(listed.as_array()).map_or(0, Vec::len);
    assert!(count >= accepted.len(), "{count} listed, {} accepted", accepted.len());
}

/// Calls at which ingest is killed.
const CALLS: &str =
    "openat,write,writev,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat";

fn run(data: &Path, arguments: &[&str]) -> Output {
    spud().arg("--data").arg(data).args(["--tier", "lite"]).args(arguments).output().unwrap()
}

/// One thing that the program asked of the kernel, on a file of its data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    name: String,
    /// From the data folder on.
    path: PathBuf,
    /// The how manieth of its name, thread and file.
    nth: usize,
}

/// Adds the documents under strace, with more options for that.
fn add_traced(data: &Path, source: &Path, trace: &Path, options: &[String]) -> Output {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-s", "0", "-o"])
        .arg(trace)
        .arg("-e")
        .arg(format!("trace={CALLS}"))
        .args(options);
    command.arg(spud().get_program()).arg("--data").arg(data).args(["--tier", "lite"]);
    command.args(["add", "--collection", "units"]).arg(source).stdin(Stdio::null());
    for name in ["SPUD_DATA", "SPUD_SOCKET", "SPUD_TIER", "SPUD_CONFIG"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

/// What a trace tells, such as `17 fsync(9</tmp/x/segments/2/00000002.seg>) = 0`.
fn calls(trace: &Path, data: &Path) -> Vec<Call> {
    let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
    let mut counts: BTreeMap<(String, String, PathBuf), usize> = BTreeMap::new();
    let lines = text.lines().filter_map(|line| {
        let (thread, rest) = line.split_once(' ')?;
        let (name, arguments) = rest.trim_start().split_once('(')?;
        // Names are given in quotes, open files in brackets.
        let path = match name {
            "openat" | "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                arguments.rsplit_once('"')?.0.rsplit_once('"')?.1
            }
            _ => arguments.split_once('<')?.1.split_once('>')?.0,
        };
        if name == "openat" && !arguments.contains("O_CREAT") {
            return None;
        }
        let path = Path::new(path).strip_prefix(data).ok()?.to_owned();
        let nth = counts.entry((thread.to_owned(), name.to_owned(), path.clone())).or_default();
        *nth += 1;
        Some(Call { name: name.to_owned(), path, nth: *nth })
    });
    lines.collect()
}

/// What a power cut does beyond the kill: a segment that was not synced is torn in one way or another, one whose
/// folder was not synced has no name. How many were struck.
fn cut_power(data: &Path, done: &[Call]) -> usize {
    let (mut written, mut synced) = (BTreeMap::new(), BTreeMap::new());
    for (at, call) in done.iter().enumerate() {
        match call.name.as_str() {
            "fsync" | "fdatasync" => drop(synced.insert(call.path.clone(), at)),
            _ if call.path.extension().is_some_and(|end| end == "seg") => {
                written.insert(call.path.clone(), at);
            }
            _ => {}
        }
    }
    let mut struck = 0;
    for (path, at) in written {
        let is_synced = |path: &Path| synced.get(path).is_some_and(|synced| *synced > at);
        let file = data.join(&path);
        if !file.is_file() || (is_synced(&path) && is_synced(path.parent().unwrap())) {
            continue;
        }
        struck += 1;
        let bytes = fs::read(&file).unwrap();
        match done.len() % 3 {
            _ if is_synced(&path) => fs::remove_file(&file).unwrap(),
            0 => fs::write(&file, &bytes[..bytes.len() / 2]).unwrap(),
            1 => fs::write(&file, vec![0; bytes.len()]).unwrap(),
            _ => fs::remove_file(&file).unwrap(),
        }
    }
    struck
}

/// Killed at calls all over a run, with the segments that were not synced torn: the library is whole, and the next
/// run goes on to the end. `SPUD_KILLS` sets how many beside those that touch a segment.
#[test]
fn ingest_cut_at_any_write_sync_or_rename_stays_whole() {
    if !can_trace() {
        println!("skipped: strace is not installed or may not trace");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let (good, source, trace) = (folder.join("good"), folder.join("source"), folder.join("trace"));
    fs::create_dir_all(&source).unwrap();
    for n in 0..12 {
        let text =
            format!("# Unit {n}\n\nThe serial word of unit {n} is zyx{n}q. {}\n", "Oil it. ".repeat(200));
        fs::write(source.join(format!("unit-{n:03}.md")), text).unwrap();
    }
    assert!(run(&good, &["status"]).status.success());
    let data = folder.join("data");
    support::copy(&good, &data);
    assert!(add_traced(&data, &source, &trace, &[]).status.success());
    let all = calls(&trace, &data);
    fs::remove_dir_all(&data).unwrap();
    let touches = |at: &usize| all[*at].path.starts_with("segments");
    let kills = std::env::var("SPUD_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let others: Vec<usize> = (0..all.len()).filter(|at| !touches(at)).collect();
    let mut points: Vec<usize> = (0..all.len()).filter(touches).collect();
    assert!(points.len() >= 4, "{all:?}");
    points.extend(others.iter().step_by((others.len() / kills).max(1)));
    let (mut killed, mut struck) = (0, 0);
    for at in &points {
        let Call { name, path, nth } = &all[*at];
        let what = format!("{name} {nth} of {}", path.display());
        support::copy(&good, &data);
        let path = data.join(path).to_str().unwrap().to_owned();
        let options = ["-P".into(), path, "-e".into(), format!("inject={name}:signal=KILL:when={nth}")];
        killed += usize::from(!add_traced(&data, &source, &trace, &options).status.success());
        struck += cut_power(&data, &all[..*at]);
        let check = run(&data, &["check", "--json"]);
        let report: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap_or_default();
        assert_eq!(report["ok"], true, "{what}: {check:?}");
        let again = run(&data, &["add", "--collection", "units", source.to_str().unwrap()]);
        assert!(again.status.success(), "{what}: {again:?}");
        for n in [0, 11] {
            let asked = run(&data, &["ask", &format!("zyx{n}q"), "--collection", "units"]);
            let said = String::from_utf8_lossy(&asked.stdout).into_owned();
            assert!(said.contains(&format!("zyx{n}q")), "{what}: {asked:?}");
        }
        fs::remove_dir_all(&data).unwrap();
    }
    println!("{} of {} calls, {killed} kills, {struck} segments torn or nameless", points.len(), all.len());
    assert!(killed * 4 > points.len() * 3, "only {killed} kills of {}", points.len());
    assert!(struck >= 3, "{struck} segments were under way");
}
