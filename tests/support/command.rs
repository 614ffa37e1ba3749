//! The program run to its end on a data folder, with the budgets of one tier whatever machine tests it.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::spud;

/// The program on this folder.
pub fn spud_on(data: &Path) -> Command {
    let mut command = spud();
    command.arg("--data").arg(data).args(["--tier", "lite"]);
    command
}

/// Runs it; whatever it says, it has not panicked.
pub fn run(data: &Path, args: &[&str]) -> Output {
    let output = spud_on(data).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked"), "{args:?}: {errors}");
    output
}

/// What it prints where it succeeds, as it must.
pub fn good(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {text}{errors}");
    text
}

/// What it prints under `--json`, whatever its exit code.
pub fn json(data: &Path, args: &[&str]) -> Value {
    let output = run(data, &[args, &["--json"]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{args:?}: {e}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Runs it as another user of the box, where one is named: only root can.
pub fn run_as(user: Option<u32>, data: &Path, words: &[&str]) -> Output {
    let mut command = spud();
    command.arg("--data").arg(data).args(words);
    if let Some(user) = user {
        command.uid(user).gid(0);
    }
    command.output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Everything that it printed.
pub fn said(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The same, of one that must have succeeded.
pub fn fine(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

pub fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}
