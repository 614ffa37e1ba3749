//! What breaks: flipped bits, kill -9 in the middle of ingest, a full disk, two processes, wild questions.
//! Whatever happens, the answer is right, or it says what is wrong; nothing panics, nothing is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

fn spud(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spud"));
    command.arg("--data").arg(data).args(["--tier", "lite"]).stdin(Stdio::null());
    for name in ["SPUD_DATA", "SPUD_SOCKET", "SPUD_TIER", "SPUD_CONFIG"] {
        command.env_remove(name);
    }
    command
}

fn run(data: &Path, args: &[&str]) -> Output {
    spud(data).args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn no_panic(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    assert!(output.status.code().is_some(), "killed by a signal: {:?}", output.status);
}

/// Forty small documents, each with a word of its own.
fn documents(folder: &Path, count: usize) -> PathBuf {
    let source = folder.join("source");
    fs::create_dir_all(&source).unwrap();
    for n in 0..count {
        let text = format!(
            "# Unit {n}\n\nThe serial word of unit {n} is zyx{n}q.\n\n## Care\n\n{}\n",
            format!("Oil the bearing of unit {n} every {} hours and write it down. ", n + 3).repeat(30)
        );
        fs::write(source.join(format!("unit-{n:03}.md")), text).unwrap();
    }
    source
}

fn ask(data: &Path, question: &str) -> Value {
    let output = run(data, &["ask", "--json", question]);
    no_panic(&output);
    json(&output)
}

fn finds(data: &Path, n: usize) -> bool {
    let answer = ask(data, &format!("zyx{n}q"));
    let first = &answer["results"][0];
    answer["found"] == true && first["path"].as_str().is_some_and(|p| p.ends_with(&format!("unit-{n:03}.md")))
}

#[test]
fn killed_at_any_moment_the_library_stays_whole_and_the_job_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let source = documents(dir.path(), 40);
    assert!(run(&data, &["status"]).status.success());
    for pause in [15u64, 40, 70, 110, 170] {
        let mut child = spud(&data)
            .args(["add", "--collection", "units"])
            .arg(&source)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        let report = json(&run(&data, &["check", "--json"]));
        assert_eq!(report["ok"], true, "after {pause} ms: {report}");
    }
    let added = run(&data, &["add", "--collection", "units", source.to_str().unwrap()]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let documents = json(&run(&data, &["document", "list", "--collection", "units", "--json"]));
    let listed = documents.as_array().or(documents["items"].as_array()).unwrap().len();
    assert_eq!(listed, 40, "every document once");
    for n in [0, 7, 39] {
        assert!(finds(&data, n), "unit {n}");
    }
}

#[test]
fn a_flipped_bit_is_named_and_rebuilt_and_never_a_wrong_answer() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let source = documents(dir.path(), 12);
    assert!(run(&data, &["add", "--collection", "units", source.to_str().unwrap()]).status.success());
    let segment = fs::read_dir(data.join("segments/2")).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&segment).unwrap();
    let step = good.len() / 9;
    for at in (step / 2..good.len()).step_by(step) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&segment, &bad).unwrap();
        let report = json(&run(&data, &["check", "--json"]));
        assert_eq!(report["ok"], false, "byte {at}");
        assert!(
            report["problems"][0].as_str().unwrap().contains(segment.file_name().unwrap().to_str().unwrap())
        );
        let answer = ask(&data, "zyx5q");
        if answer["found"] == true {
            assert!(answer["results"][0]["text"].as_str().unwrap().contains("zyx5q"), "byte {at}: {answer}");
        } else {
            assert!(answer["notes"].to_string().contains("left out"), "byte {at}: silent loss {answer}");
        }
    }
    let repair = run(&data, &["check", "--repair"]);
    no_panic(&repair);
    // Without a daemon the engine ends with the command: the repair must be done by then.
    let said = String::from_utf8_lossy(&repair.stdout).into_owned();
    assert_eq!(repair.status.code(), Some(0), "{said}");
    assert!(said.contains("done, 12 of 12 files") && said.contains("Everything is whole again."), "{said}");
    let jobs = json(&run(&data, &["job", "list", "--json"]));
    assert!(jobs["items"].as_array().unwrap().iter().all(|job| job["state"] == "done"), "{jobs}");
    assert!(finds(&data, 5), "repaired from the source files");
    assert_eq!(json(&run(&data, &["check", "--json"]))["ok"], true);
}

#[test]
fn a_repair_that_cannot_read_its_sources_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let source = documents(dir.path(), 3);
    assert!(run(&data, &["add", "--collection", "units", source.to_str().unwrap()]).status.success());
    let segment = fs::read_dir(data.join("segments/2")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    fs::write(source.join("unit-001.md"), b"").unwrap();
    let repair = run(&data, &["check", "--repair", "--json"]);
    no_panic(&repair);
    assert_eq!(repair.status.code(), Some(1));
    let report = json(&repair);
    assert_eq!(
        (&report["jobs"][0]["state"], &report["jobs"][0]["files_failed"]),
        (&"done".into(), &1.into())
    );
    let errors = run(&data, &["check", "--repair"]);
    assert_eq!(errors.status.code(), Some(0), "what is left is whole");
}

#[test]
fn a_damaged_model_is_unpacked_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(run(&data, &["status"]).status.success());
    let folder = fs::read_dir(data.join("models"))
        .unwrap()
        .find_map(|e| e.ok().filter(|e| e.path().is_dir()))
        .unwrap();
    let model = folder.path().join("model.spud");
    let mut bytes = fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&model, &bytes).unwrap();
    let report = json(&run(&data, &["check", "--json"]));
    assert!(report["problems"].to_string().contains("model.spud"), "{report}");
    no_panic(&run(&data, &["check", "--repair"]));
    assert_eq!(json(&run(&data, &["check", "--json"]))["ok"], true);
    // Tables that cannot be read at all are mended without being asked.
    fs::write(&model, b"no model").unwrap();
    assert!(run(&data, &["ask", "how do I replace the pump seal"]).status.success());
}

#[test]
fn a_damaged_catalogue_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(run(&data, &["status"]).status.success());
    fs::write(data.join("corpus.redb"), b"this is no database").unwrap();
    let output = run(&data, &["ask", "anything"]);
    no_panic(&output);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("corpus.redb"));
}

#[test]
fn wild_questions_get_answers_or_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(run(&data, &["status"]).status.success());
    let long = "pump ".repeat(2000);
    let questions = [
        "the of and",
        "水泵漏水怎么办",
        "كيف أصلح المضخة",
        "🥔🔧",
        "\u{1b}[31mred\u{7}",
        "\"seal",
        "\"\"",
        "a",
        "E-05",
        "???",
        "NOT (a OR b) AND *",
        "\u{202e}gnp.exe",
        &long,
    ];
    for question in questions {
        let output = run(&data, &["ask", "--", question]);
        no_panic(&output);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{question:.20}: {:?}", output.status);
        assert!(!output.stdout.contains(&0x1b), "escape codes reach the terminal");
    }
    for question in ["", "   "] {
        let output = run(&data, &["ask", "--", question]);
        no_panic(&output);
        assert!(!output.status.success());
    }
    let huge = "x".repeat(100_000);
    let output = run(&data, &["ask", "--", &huge]);
    no_panic(&output);
    assert!(!output.status.success());
}

#[test]
fn changed_and_removed_files_follow() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let source = documents(dir.path(), 6);
    let add = || {
        let output = run(&data, &["add", "--json", "--collection", "units", source.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        json(&output)
    };
    add();
    let again = add();
    assert_eq!(
        (again["files_done"].as_u64(), again["files_skipped"].as_u64()),
        (Some(0), Some(6)),
        "{again}"
    );
    fs::write(source.join("unit-003.md"), "# Unit 3\n\nIts serial word is now qqfresh.\n").unwrap();
    fs::remove_file(source.join("unit-004.md")).unwrap();
    let third = add();
    assert_eq!(
        (third["files_done"].as_u64(), third["files_removed"].as_u64()),
        (Some(1), Some(1)),
        "{third}"
    );
    assert_eq!(ask(&data, "qqfresh")["found"], true);
    assert!(!finds(&data, 3) && !finds(&data, 4) && finds(&data, 5));
}
