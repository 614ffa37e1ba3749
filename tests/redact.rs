//! Texts without secrets and personal data, from outside: a file, a request, and what people write into reasons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use support::command::{good, json as told, run};
use support::{Daemon, spud};

const CARD: &str = "4111 1111 1111 1111";

#[test]
fn files_and_pipes_lose_what_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let file = data.join("letter.txt");
    let path = file.to_str().unwrap();
    fs::write(&file, format!("Dear Anna,\nthe card {CARD} and anna@example.org.\n\u{fe}\n")).unwrap();
    let text = good(data, &["redact", path]);
    assert_eq!(text, "Dear Anna,\nthe card [redacted: card] and [redacted: email].\n\u{fe}\n");
    let report = good(data, &["redact", path, "--report"]);
    assert!(report.contains("card") && report.contains("email") && !report.contains("4111"), "{report}");
    let report = told(data, &["redact", path]);
    assert_eq!(report["counts"], json!([{"kind": "card", "count": 1}, {"kind": "email", "count": 1}]));
    assert_eq!((&report["places"][0]["line"], &report["places"][0]["offset"]), (&json!(2), &json!(20)));
    assert_eq!(run(data, &["redact", "/nowhere"]).status.code(), Some(66));
    // More than is held at once, through a pipe, bytes that are no text among it.
    let mut child =
        spud().args(["redact", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let filling = [&vec![b'x'; 300_000][..], b"\xff\xfe "].concat();
    let writer = std::thread::spawn(move || {
        for _ in 0..3 {
            input.write_all(&filling).unwrap();
            input.write_all(CARD.as_bytes()).unwrap();
            input.write_all(b"\n").unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let lines: Vec<&[u8]> = output.stdout.split(|byte| *byte == b'\n').collect();
    assert!(output.status.success() && lines.len() == 4);
    for line in &lines[..3] {
        assert_eq!((line.len(), line.ends_with(b"\xff\xfe [redacted: card]")), (300_000 + 19, true));
    }
    assert!(!data.join("control.redb").exists(), "no box is needed, and none was made");
}

#[test]
fn what_people_write_is_kept_without_it() {
    let daemon = Daemon::start(&[]);
    let reply =
        daemon.post("/v1/redact", &json!({"text": format!("to DE89370400440532013000, {CARD}")}).to_string());
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["text"], "to [redacted: iban], [redacted: card]");
    assert_eq!(daemon.post("/v1/redact", r#"{"texts": 1}"#).status, 422);
    let open = json!({"title": "Lost anna@example.org", "type": "data", "text": format!("card {CARD}")});
    let made = daemon.post("/v1/incidents", &open.to_string()).json();
    assert_eq!(made["title"], "Lost [redacted: email]");
    assert_eq!(made["timeline"][0]["text"], "card [redacted: card]");
    let pause = json!({"reason": "password=hunter2 is out, tell +49 30 901820"});
    assert_eq!(daemon.post("/v1/queue/pause", &pause.to_string()).status, 200);
    let entry: Value = daemon.get("/v1/audit/entries?kind=queue.paused").json()["items"][0].clone();
    assert_eq!(entry["texts"][0]["text"], "password=[redacted: password] is out, tell [redacted: phone]");
    // The stores and the log have none of it, wherever one looks.
    let data = daemon.folder.path();
    for secret in [CARD, "anna@example.org", "hunter2", "901820"] {
        let mut folders = vec![data.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    let found = memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
                    assert!(!found, "{secret} is in {}", path.display());
                }
            }
        }
    }
}
