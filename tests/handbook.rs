//! The built-in corpus answers the questions people would ask of it, and admits what it does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Daemon, spud};

/// The exit code and the reply.
fn ask(daemon: &Daemon, question: &str) -> (i32, Value) {
    let output = assert_cmd::Command::from_std(spud())
        .arg("--data")
        .arg(daemon.folder.path())
        .args(["ask", "--json", "-n", "5", question])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let reply = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{question}: no JSON ({error}); standard error: {stderr}"));
    (output.status.code().unwrap(), reply)
}

/// File name and innermost heading of each result.
fn places(reply: &Value) -> Vec<(String, String)> {
    let results = reply["results"].as_array().unwrap();
    let of = |hit: &Value| {
        let path = Path::new(hit["path"].as_str().unwrap());
        let heading = hit["heading"].as_array().unwrap().last().or(hit.get("title"));
        let heading = heading.and_then(Value::as_str).unwrap_or_default();
        (path.file_name().unwrap().to_string_lossy().into_owned(), heading.to_owned())
    };
    results.iter().map(of).collect()
}

fn text<'a>(question: &'a Value, key: &str) -> &'a str {
    question[key].as_str().unwrap()
}

#[test]
fn answers_questions_about_the_built_in_corpus() {
    let questions: Vec<Value> = include_str!("data/handbook.questions.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let daemon = Daemon::start(&[]);
    let (mut answerable, mut in_three, mut file_first) = (0, 0, 0);
    let (mut unanswerable, mut admitted) = (0, 0);
    for question in &questions {
        let (code, reply) = ask(&daemon, text(question, "text"));
        let found = reply["found"].as_bool().unwrap();
        assert_eq!(code, i32::from(!found), "the exit code says whether something was found");
        let places = places(&reply);
        assert_eq!(found, !places.is_empty());
        if question["file"].is_null() {
            unanswerable += 1;
            admitted += usize::from(!found);
            if found {
                println!("noise: {} -> {:?}", text(question, "text"), places.first());
            }
            continue;
        }
        answerable += 1;
        let wanted = (text(question, "file").to_owned(), text(question, "heading").to_owned());
        let right = places.iter().take(3).any(|place| *place == wanted);
        in_three += usize::from(right);
        let file = places.first().is_some_and(|(file, _)| *file == wanted.0);
        file_first += usize::from(file);
        if !right || !file {
            let what = if right { "file not first" } else { "miss" };
            println!("{what}: {} wanted {wanted:?}, got {places:?}", text(question, "text"));
        }
    }
    println!("{in_three} of {answerable} in the first 3, {file_first} with the right file first");
    println!("{admitted} of {unanswerable} unanswerable questions admitted");
    assert!(answerable >= 45 && unanswerable >= 10);
    assert!(in_three * 100 >= answerable * 90, "{in_three} of {answerable} in the first 3");
    assert!(file_first * 100 >= answerable * 80, "{file_first} of {answerable} with the right file first");
    assert!(
        admitted * 10 >= unanswerable * 7,
        "{admitted} of {unanswerable} unanswerable questions admitted"
    );
}

#[test]
fn every_judged_heading_exists() {
    for line in include_str!("data/handbook.questions.jsonl").lines() {
        let question: Value = serde_json::from_str(line).unwrap();
        let Some(file) = question["file"].as_str() else { continue };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/corpus").join(file);
        let document = std::fs::read_to_string(path).unwrap();
        let wanted = text(&question, "heading");
        let has = document
            .lines()
            .any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == wanted);
        assert!(has, "{file} has no heading '{wanted}'");
    }
}
