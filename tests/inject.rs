//! System calls of the real program that fail, by `strace`: it says so, keeps what it had, and goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::io::Write;
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
