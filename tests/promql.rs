//! `spud metric promqltest`: what a user and a script see of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::json;

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

/// As PromQL writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// What `promtool` says of a file; nothing where it is missing, and that is told.
fn promtool(verb: &str, file: &serde_json::Value) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file.yml"), file.to_string()).unwrap();
    let mut command = std::process::Command::new("promtool");
    match command.args([verb, "rules", "file.yml"]).current_dir(folder.path()).output() {
        Ok(output) => Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
        Err(error) => {
            eprintln!("skipped: promtool cannot be started ({error})");
            None
        }
    }
}

fn cells(line: &str) -> Vec<Option<String>> {
    line.split('\t').map(|cell| serde_json::from_str(cell).ok()).collect()
}

/// The tables that the library's tests compare with say what Prometheus says.
#[test]
fn tables_of_faults_and_patterns_are_those_of_promtool() {
    let mut rules: Vec<(String, String)> = Vec::new();
    for (name, is_pattern) in [("malformed.tsv", false), ("patterns.tsv", true)] {
        for line in fs::read_to_string(own(name)).unwrap().lines() {
            let (text, said) = line.split_once('\t').unwrap();
            let text: String = serde_json::from_str(text).unwrap();
            let (query, place) = if is_pattern {
                (format!("x{{a=~{}}}", quoted(&text)), "1:3: parse error: ")
            } else {
                (text, "")
            };
            // A rule without an expression is no rule, and nobody reads it.
            if query.is_empty() {
                continue;
            }
            rules.push((query, if said == "OK" { String::new() } else { format!("{place}{said}") }));
        }
    }
    let list: Vec<_> = rules
        .iter()
        .enumerate()
        .map(|(at, (query, _))| json!({"record": format!("r{at}"), "expr": query}))
        .collect();
    let file = json!({"groups": [{"name": "g", "rules": list}]});
    let Some(said) = promtool("check", &file) else { return };
    let mut wrong = String::new();
    for (at, (query, expected)) in rules.iter().enumerate() {
        let name = format!(", \"r{at}\": could not parse expression: ");
        let found = said.split(&name).nth(1).unwrap_or_default();
        let is_same =
            if expected.is_empty() { found.is_empty() } else { found.starts_with(expected.as_str()) };
        if !is_same {
            wrong += &format!(
                "{query:?}\n  table    {expected}\n  promtool {}\n",
                found.lines().next().unwrap_or_default()
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_patterns_match_is_what_promtool_matches() {
    let table = fs::read_to_string(own("matches.tsv")).unwrap();
    let one = |line: &str| {
        let [pattern, text, found] = cells(line).try_into().unwrap();
        let (pattern, text): (String, String) = (pattern.unwrap(), text.unwrap());
        let given =
            format!("label_replace(vector(1), \"s\", {}, \"\", \"\")", quoted(&text.replace('$', "$$")));
        let query = format!("label_replace({given}, \"d\", \"M$1\", \"s\", {})", quoted(&pattern));
        let d = found.map(|found| format!("d={}", quoted(&format!("M{found}"))));
        let s = (!text.is_empty()).then(|| format!("s={}", quoted(&text)));
        let labels: Vec<String> = d.into_iter().chain(s).collect();
        let labels = format!("{{{}}}", labels.join(", "));
        json!({"expr": query, "eval_time": "0", "exp_samples": [{"labels": labels, "value": 1}]})
    };
    let tests: Vec<_> = table.lines().map(one).collect();
    assert!(tests.len() > 300);
    let file = json!({"rule_files": [], "tests": [{"interval": "1m", "input_series": [], "promql_expr_test": tests}]});
    let Some(said) = promtool("test", &file) else { return };
    assert!(said.contains("SUCCESS"), "{said}");
}
