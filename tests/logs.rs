//! The box's own log as people use it: packed after rotation, searched over all files, more or less of it at run time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use spud::base::{Clock, SystemClock, format_second};
use support::Daemon;

const DAY_MS: u64 = 86_400_000;
/// Lines of one file.
const LINES: usize = 8_000;

/// Yesterday's log, of this many files, as a run before left it: unpacked. Each line has a mark and a number of its own.
fn leave(data: &Path, files: usize) -> Vec<PathBuf> {
    fs::create_dir_all(data.join("logs")).unwrap();
    let yesterday = format_second(SystemClock::default().now_ms() - DAY_MS);
    let day = &yesterday[..10];
    let name = |part| match part {
        1 => format!("spud.{day}.jsonl"),
        part => format!("spud.{day}.{part}.jsonl"),
    };
    let line = |n: usize| {
        let level = if n.is_multiple_of(1000) { "ERROR" } else { "INFO" };
        let (second, request) = (n / 60 % 60, 0xabc0_0000 + n);
        format!(
            "{{\"timestamp\":\"{day}T08:{second:02}:{:02}.{:06}Z\",\"level\":\"{level}\",\"message\":\"left behind\",\"request\":\"{request:x}-0\",\"number\":{n},\"target\":\"spud::test\"}}\n",
            n % 60,
            n % 1_000_000
        )
    };
    (0..files)
        .map(|part| {
            let path = data.join("logs").join(name(part + 1));
            fs::write(&path, (part * LINES..(part + 1) * LINES).map(line).collect::<String>()).unwrap();
            path
        })
        .collect()
}

fn packed(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.zst", path.display()))
}

fn wait_until(fine: impl Fn() -> bool, what: &str) {
    for _ in 0..1500 {
        if fine() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} never came");
}

fn log(data: &Path, arguments: &[&str]) -> Output {
    support::spud().arg("--data").arg(data).arg("logs").args(arguments).output().unwrap()
}

fn numbers(output: &Output) -> Vec<u64> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let number =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["fields"]["number"].as_u64();
    text.lines().map(|line| number(line).unwrap()).collect()
}

#[test]
fn all_of_it_is_searched_packed_or_not_and_damage_costs_one_block() {
    let folder = tempfile::tempdir().unwrap();
    let files = leave(folder.path(), 3);
    let daemon = Daemon::start_in(folder, &["--tier", "lite"]);
    let data = daemon.folder.path().to_owned();
    wait_until(|| files.iter().all(|file| packed(file).exists() && !file.exists()), "packing");
    // The tools of others read it as it is.
    let whole = zstd::stream::decode_all(fs::File::open(packed(&files[1])).unwrap()).unwrap();
    assert_eq!(whole.split(|byte| *byte == b'\n').count(), LINES + 1);

    assert_eq!(
        numbers(&log(&data, &["--json", "--grep", "left behind", "-n", "5"])),
        [23995, 23996, 23997, 23998, 23999]
    );
    let request = format!("{:x}-0", 0xabc0_0000_u64 + 777);
    assert_eq!(numbers(&log(&data, &["--json", "--trace", &request])), [777]);
    assert_eq!(numbers(&log(&data, &["--json", "--word", &request])), [777]);
    let some = numbers(&log(&data, &["--json", "--level", "error", "--grep", "left behind", "-n", "100"]));
    assert_eq!(some, (0..24).map(|n| n * 1000).collect::<Vec<u64>>());
    // More than one page.
    let all = numbers(&log(&data, &["--json", "--grep", "left behind", "-n", "100000"]));
    assert_eq!(all, (0..24_000).collect::<Vec<u64>>());
    let none = log(&data, &["--since", "1h", "--grep", "left behind"]);
    assert!(none.status.success() && none.stdout.is_empty(), "{none:?}");

    let page = daemon.get(&format!("/v1/logs?word={request}")).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    assert!(page["skipped_blocks"].as_u64().unwrap() > 2, "a rare word needs few blocks: {page}");
    assert!(page["scanned_bytes"].as_u64().unwrap() < whole.len() as u64, "{page}");
    for wrong in ["before=yesterday", "since=soon", "n=2001", "level=loud", "words=x"] {
        let reply = daemon.get(&format!("/v1/logs?{wrong}"));
        assert!((400..500).contains(&reply.status), "{wrong}: {reply:?}");
    }

    let mut bytes = fs::read(packed(&files[1])).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 8;
    fs::write(packed(&files[1]), bytes).unwrap();
    let page = daemon.get("/v1/logs?contains=left%20behind&n=2000&level=error").json();
    assert_eq!(page["damaged_blocks"], 1, "{page}");
    let rest = page["items"].as_array().unwrap().len();
    assert!((18..24).contains(&rest), "{rest} errors are left of 24");
}

#[test]
fn killed_while_it_packs_no_line_is_lost_and_none_comes_twice() {
    let mut folder = tempfile::tempdir().unwrap();
    let files = leave(folder.path(), 6);
    let options = ["--tier", "lite", "--set", "log.bytes=64MiB"];
    for pause in [1, 20, 60, 120] {
        let mut daemon = Daemon::start_in(folder, &options);
        std::thread::sleep(Duration::from_millis(pause));
        daemon.child.kill().unwrap();
        daemon.child.wait().unwrap();
        folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
        drop(daemon);
        let _ = fs::remove_file(folder.path().join("spud.sock"));
    }
    let daemon = Daemon::start_in(folder, &options);
    let data = daemon.folder.path().to_owned();
    let all = numbers(&log(&data, &["--json", "--grep", "left behind", "-n", "100000"]));
    assert_eq!(all, (0..6 * LINES as u64).collect::<Vec<u64>>());
    wait_until(|| files.iter().all(|file| packed(file).exists() && !file.exists()), "packing");
    let left: Vec<String> = fs::read_dir(data.join("logs"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(left.iter().all(|name| !name.ends_with(".part")), "{left:?}");
}

#[test]
fn a_part_of_the_program_says_more_at_once_and_less_again() {
    let daemon = Daemon::start(&["--tier", "lite"]);
    let data = daemon.folder.path().to_owned();
    let answered = |word: &str| {
        daemon.get(&format!("/v1/status?seen={word}"));
        daemon.get("/v1/hardware");
        let page = daemon.get("/v1/logs?level=debug&contains=answered").json();
        page["items"].as_array().unwrap().iter().filter(|line| line["target"] == "spud::api::server").count()
    };
    assert_eq!(answered("before"), 0);
    let set = log(&data, &["level", "spud::api=debug", "--reason", "what do they ask"]);
    assert!(set.status.success(), "{set:?}");
    wait_until(|| answered("after") > 0, "a line of debug");
    let shown = log(&data, &["level"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("everything  info") && text.contains("spud::api  debug"), "{text}");
    assert_eq!(log(&data, &["level", "spud::api=loud"]).status.code(), Some(2));
    assert!(log(&data, &["level", "spud::api="]).status.success());
    let shown = log(&data, &["level"]);
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("spud::api"), "{shown:?}");
    // It is a change of settings as any other.
    let history = support::spud().arg("--data").arg(&data).args(["config", "history"]).output().unwrap();
    assert!(String::from_utf8_lossy(&history.stdout).contains("what do they ask"), "{history:?}");
}

fn found(data: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = log(data, &[&["--json"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn imported(data: &Path, arguments: &[&str], input: &[u8]) -> Output {
    use std::io::Write;
    let mut command = support::spud();
    command.arg("--data").arg(data).args(["log", "import", "-"]).args(arguments);
    let piped = std::process::Stdio::piped;
    let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn lines_of_other_programs_are_searched_with_the_box_s_own() {
    let daemon = Daemon::start(&["--tier", "lite"]);
    let data = daemon.folder.path().to_owned();
    let text = (0..5000).map(|n| format!("2026-03-01T08:00:00Z WARN pump {n} is dry\n")).collect::<String>();
    let done = imported(&data, &["--source", "pumpd"], (text + "no end").as_bytes());
    assert_eq!(String::from_utf8_lossy(&done.stdout), "5001 lines taken.\n", "{done:?}");
    let journal = b"__REALTIME_TIMESTAMP=1772352001000007\nPRIORITY=3\nSYSLOG_IDENTIFIER=sshd\nMESSAGE\n\x07\0\0\0\0\0\0\0a\n\nb\n\nc\n\nMESSAGE=last";
    let done = imported(&data, &["--source", "journal", "--form", "journal"], journal);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "2 lines taken.\n", "{done:?}");
    let lines = found(&data, &["--source", "pumpd", "--grep", "pump 4999"]);
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"WARN".into()));
    assert_eq!(lines[0]["timestamp"], "2026-03-01T08:00:00.000000Z");
    let lines = found(&data, &["--source", "journal", "--level", "error"]);
    assert_eq!((&lines[0]["target"], &lines[0]["message"]), (&"journal/sshd".into(), &"a\n\nb\n\nc".into()));
    assert!(found(&data, &["--source", "pump"]).is_empty(), "a name is meant whole");
    assert!(!found(&data, &["--source", "spud"]).is_empty());
    let wrong = imported(&data, &["--source", "spud"], b"x\n");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("the box's own lines"), "{wrong:?}");
    assert_eq!(daemon.ask("POST", "/v1/logs?source=a&form=x", "", "x\n").status, 422);
    assert_eq!(daemon.ask("POST", "/v1/logs", "", "x\n").status, 422);
}

#[test]
fn a_file_is_followed_over_rotation_and_a_kill() {
    let site = tempfile::tempdir().unwrap();
    let file = site.path().join("app.log");
    let add = |text: &str| {
        use std::io::Write;
        let mut file = fs::File::options().create(true).append(true).open(&file).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    add("mark-0 was there\n");
    let setting = format!("log.files=['{}/*.log']", site.path().display());
    let mut daemon = Daemon::start(&["--tier", "lite", "--set", &setting]);
    let data = daemon.folder.path().to_owned();
    let has = |mark: &str| found(&data, &["--grep", &format!("{mark} ")]).len();
    wait_until(|| has("mark-0") > 0, "the end of a file that was there");
    add("mark-1 came\nmark-2 is not ");
    wait_until(|| has("mark-1") > 0, "a line that came");
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    add("ended\n");
    fs::rename(&file, site.path().join("app.log.1")).unwrap();
    add("mark-3 came after\n");
    let empty = tempfile::tempdir().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, empty);
    let daemon = Daemon::start_in(folder, &["--tier", "lite", "--set", &setting]);
    wait_until(|| has("mark-3") > 0, "a line after the rotation");
    // At least once each: what was read in the last ten seconds may come again.
    assert!(has("mark-2") >= 1, "the end of the old file");
    let page = daemon.get("/v1/logs/sources").json();
    assert!(page["items"][0]["path"].as_str().unwrap().ends_with("app.log"), "{page}");
    assert_eq!(page["items"][0]["problem"], "");
}
