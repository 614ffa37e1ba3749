//! The whole program in a real pseudo-terminal: opens, answers a typed question, leaves the terminal as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::terminal::{PATIENCE, Terminal};

#[test]
fn a_first_question_gets_a_cited_answer_and_the_terminal_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(dir.path(), 24, 80, &[]);
    terminal.wait_for("Ask, as you would ask a colleague");
    terminal.send("how do I replace the pump seal");
    terminal.wait_for("replace the pump seal");
    terminal.send("\r");
    terminal.wait_for("[1]");
    terminal.wait_for("WP40");
    terminal.send("\x13");
    terminal.wait_for("Written to");
    let mut files = std::fs::read_dir(dir.path()).unwrap().flatten().map(|file| file.path());
    let written = files.find(|path| path.extension().is_some_and(|end| end == "txt")).unwrap();
    let text = std::fs::read_to_string(&written).unwrap();
    assert!(written.to_str().unwrap().contains("spud-ask-2") && text.contains("WP40"), "{text}");
    terminal.send("\x03");
    assert_eq!(terminal.ends(), Some(0));
    let all = String::from_utf8_lossy(&terminal.bytes).into_owned();
    assert!(all.contains("\x1b[?1049h") && all.contains("\x1b[?1049l"), "the alternate screen is left again");
    assert!(all.rfind("\x1b[?25h") > all.rfind("\x1b[?25l"), "the cursor shows again");
}

#[test]
fn a_terminal_of_one_cell_and_a_closed_one_are_survived() {
    let dir = tempfile::tempdir().unwrap();
    let mut tiny = Terminal::open(dir.path(), 1, 1, &[]);
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until && tiny.bytes.is_empty() {
        tiny.read();
    }
    tiny.send("\x03");
    assert_eq!(tiny.ends(), Some(0));

    let mut closed = Terminal::open(dir.path(), 24, 80, &[]);
    closed.wait_for("Ask");
    let Terminal { master, mut child, .. } = closed;
    drop(master);
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it did not notice that its terminal is gone");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(dir.path(), 24, 80, &[("TERM", "dumb"), ("LANG", "C")]);
    terminal.send("how do I replace the pump seal\r");
    terminal.wait_for("[1]");
    terminal.send(":quit\r");
    assert_eq!(terminal.ends(), Some(0));
    assert!(!terminal.bytes.contains(&0x1b), "no escape codes");
}

/// A process that stays and has the engine.
fn host(data: &Path, arguments: &[&str]) -> Child {
    let child = Command::new(env!("CARGO_BIN_EXE_spud"))
        .arg("--data")
        .arg(data)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + PATIENCE;
    while !answers(data) {
        assert!(Instant::now() < until, "no socket");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn answers(data: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(data.join("spud.sock")).is_ok()
}

const F1: &str = "\x1bOP";

#[test]
fn when_the_process_with_the_engine_is_killed_the_screen_finds_or_becomes_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = host(dir.path(), &["log", "-f"]);
    let mut terminal = Terminal::open(dir.path(), 24, 80, &[]);
    terminal.wait_for("Ask, as you would ask a colleague");
    terminal.send(F1);
    terminal.wait_for("● connected");
    first.kill().unwrap();
    first.wait().unwrap();
    terminal.wait_for("connection lost");
    terminal.wait_for("● connected");
    assert!(answers(dir.path()), "the engine is in the screen's process now");
    terminal.send("2how do I replace the pump seal\r");
    terminal.wait_for("WP40");
    terminal.send("\x03");
    assert_eq!(terminal.ends(), Some(0));
    assert!(!answers(dir.path()), "and ends with it");
}

#[test]
fn a_daemon_that_is_started_again_is_found_and_not_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = host(dir.path(), &["daemon"]);
    let mut terminal = Terminal::open(dir.path(), 24, 80, &[]);
    terminal.wait_for("Ask, as you would ask a colleague");
    terminal.send(F1);
    terminal.wait_for("● connected");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    terminal.wait_for("connection lost");
    // Longer than the first wait between two tries.
    let until = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < until {
        terminal.read();
        assert!(!answers(dir.path()), "the daemon's place was taken");
    }
    let mut daemon = host(dir.path(), &["daemon"]);
    terminal.wait_without("connection lost");
    terminal.wait_for("● connected");
    terminal.send("\x03");
    assert_eq!(terminal.ends(), Some(0));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}
