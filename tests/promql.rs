//! `spud metric promqltest`: what a user and a script see of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/promql").join(name)
}

/// A home that is empty, to see that no data folder is made.
fn spud(home: &Path) -> Command {
    let mut command = Command::cargo_bin("spud").unwrap();
    command.env_clear().env("HOME", home).args(["metric", "promqltest"]);
    command
}

#[test]
fn scripts_that_pass_end_with_a_count_and_leave_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let files = ["language.test", "functions.test", "histograms.test"].map(own);
    let output = spud(home.path()).args(&files).assert().success().get_output().stdout.clone();
    let lines: Vec<String> = String::from_utf8(output).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "0 out of scope");
    assert!(lines[1].ends_with(" passed, 0 failed"), "{}", lines[1]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "no data folder is needed");
}

#[test]
fn failures_and_what_is_out_of_scope_are_named_by_line() {
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("mine.test");
    let text = "load 1m\n  a 1 2\n  h {{count:1}}x2\n\neval instant at 1m a\n  a 3\n\neval instant at 1m sum(h)\n  {} 1\n\n\
        eval instant at 0 a\n  a 1\n\nhello\n";
    fs::write(&script, text).unwrap();
    let name = script.display().to_string();
    spud(home.path())
        .arg(&script)
        .assert()
        .code(1)
        .stdout(predicate::str::contains(format!(
            "{name}:5: a\n    expected 3 for {{__name__=\"a\"}}, got 2\n"
        )))
        .stdout(predicate::str::contains(format!("{name}:14: ")))
        .stdout(predicate::str::ends_with(format!("1 out of scope: {name}:8\n1 passed, 2 failed\n")));
    let json = spud(home.path()).arg(&script).arg("--json").assert().code(1).get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json[&name]["passed"], 1);
    assert_eq!(json[&name]["out_of_scope"][0]["line"], 8);
}

#[test]
fn files_that_cannot_be_scripts_are_refused() {
    let home = tempfile::tempdir().unwrap();
    spud(home.path()).assert().code(2);
    spud(home.path()).arg("none.test").assert().code(66).stderr(predicate::str::contains("none.test"));
    let bytes = home.path().join("bytes");
    fs::write(&bytes, [0xff, 0xfe]).unwrap();
    spud(home.path()).arg(&bytes).assert().code(65).stderr(predicate::str::contains("no test script"));
}
