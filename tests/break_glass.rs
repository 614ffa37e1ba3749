//! Break-glass from outside: two people of one box, what the pass opens, what is told of it, and who sees what came of
//! the restore that it was for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use support::Daemon;
use support::command::{fine, json_of, run_as, said, text};

/// Votes.
const ANNA: u32 = 2001;
/// Asks, as everybody may.
const OLAF: u32 = 2002;
const DENIED: Option<i32> = Some(77);

#[test]
fn a_pass_is_told_and_whoever_restores_with_it_sees_that_run_and_no_other() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can be two other people");
        return;
    }
    let daemon =
        Daemon::start(&["--tier", "lite", "--listen", "127.0.0.1:0", "--set", "approval.subjects=restore"]);
    let data = daemon.folder.path();
    fs::set_permissions(data, fs::Permissions::from_mode(0o755)).unwrap();
    let root = |words: &[&str]| run_as(None, data, words);
    let (anna, olaf) =
        (|words: &[&str]| run_as(Some(ANNA), data, words), |words: &[&str]| run_as(Some(OLAF), data, words));
    fine(&root(&["role", "grant", "uid:2001", "approver", "--reason", "votes"]));
    fine(&root(&["backup", "create"]));

    let restore = ["--json", "backup", "restore", "latest", "--force", "--reason", "the card dies"];
    let explain = ["policy", "explain", "restore-backups", "--principal", "uid:2002"];
    assert_eq!(olaf(&restore).status.code(), DENIED);
    assert!(fine(&root(&explain)).contains("denied:"), "{}", said(&root(&explain)));
    fine(&olaf(&["break-glass", "request", "restore-backups", "--reason", "the card dies"]));
    assert!(fine(&root(&explain)).contains("denied:"), "nobody agreed yet");
    assert_eq!(olaf(&["break-glass", "confirm", "1", "--reason", "me"]).status.code(), DENIED);
    fine(&anna(&["break-glass", "confirm", "1", "--reason", "go on"]));
    // It is told what opens the door, until when, and who agreed.
    let told = fine(&root(&explain));
    let pass =
        told.lines().find(|line| line.trim_start().starts_with("pass ")).unwrap_or_else(|| panic!("{told}"));
    assert!(told.contains("allowed:") && told.contains("break-glass"), "{told}");
    assert!(
        pass.contains("restore-backups until ") && pass.ends_with("agreed to by uid:2001 (request 1)"),
        "{pass}"
    );
    let line = pass.trim_start().trim_start_matches("pass").trim();
    assert!(fine(&root(&["principal", "show", "uid:2002"])).contains(line));
    let me = fine(&olaf(&["principal", "show"]));
    assert!(me.contains(line) && me.contains(" restore-backups"), "{me}");
    assert!(!fine(&root(&["principal", "show", "uid:2001"])).contains("pass"));
    let others = ["policy", "explain", "restore-backups", "--principal", "uid:2003"];
    assert!(fine(&root(&others)).contains("denied:"), "the pass of somebody else");

    // The restore begins without a vote, and who began it follows it to its end.
    let done = olaf(&restore);
    let run = json_of(&done);
    assert!(done.status.success() && run["state"] == "done" && run["kind"] == "restore", "{}", said(&done));
    let id = run["id"].as_str().unwrap();
    // The pass is for that alone: neither the list of runs nor, for anybody else, this run.
    assert_eq!(olaf(&["backup", "status"]).status.code(), DENIED);
    fine(&root(&["principal", "add", "robot"]));
    fine(&root(&["role", "grant", "robot", "analyst", "--reason", "asks"]));
    let made = root(&["principal", "token", "create", "robot", "--scope", "*"]);
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    let bearer = format!("Authorization: Bearer {}", text(&made.stdout).trim());
    let head = format!(
        "GET /v1/backup/runs/{id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{bearer}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 403") && reply.contains("read-backups"), "{reply}");
    assert_eq!(
        daemon.get(&format!("/v1/backup/runs/{id}")).json()["state"],
        "done",
        "who may read backups may"
    );
    for (kind, actor) in [("break_glass.granted", "uid:2001"), ("backup.restored", "uid:2002")] {
        let log = daemon.get(&format!("/v1/audit/entries?kind={kind}&actor={actor}")).json();
        assert!(log["items"].as_array().is_some_and(|items| !items.is_empty()), "{kind}: {log}");
    }
}
