//! Evidence from outside: statements of what was done, and a folder that others verify without spud.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::Daemon;
use support::command::{good, json as told, run, said};
use support::terminal::Terminal;

fn done(daemon: &Daemon, method: &str, target: &str, body: &Value) -> Value {
    let reply = daemon.ask(method, target, "Content-Type: application/json\r\n", &body.to_string());
    assert!((200..300).contains(&reply.status), "{method} {target}: {reply:?}");
    serde_json::from_str(&reply.body).unwrap_or_default()
}

/// An incident with everything that happens to one, among entries that are no evidence.
fn some_evidence(daemon: &Daemon) {
    let card = json!({"title": "Card, \"lost\"", "type": "data", "severity": "error", "text": "=in the bus"});
    done(daemon, "POST", "/v1/incidents", &card);
    done(daemon, "POST", "/v1/queue/pause", &json!({"reason": "\"sha256\":\"no evidence\""}));
    for n in 0..5 {
        done(daemon, "PATCH", "/v1/incidents/1", &json!({"note": format!("looked {n}")}));
    }
    done(daemon, "PATCH", "/v1/incidents/1", &json!({"state": "resolved", "text": "found"}));
}

/// Every file of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Openssl 3, which the script of a bundle needs; where there is none, the test says that it looked at less.
fn has_openssl() -> bool {
    let version = Command::new("openssl").arg("version").output();
    let is_there = version.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).starts_with("OpenSSL 3"));
    if !is_there {
        eprintln!("SKIPPED: there is no openssl 3 here; the script of the bundle was not run");
    }
    is_there
}

fn verified(folder: &Path, key: &[&str]) -> Output {
    Command::new("sh").arg(folder.join("verify.sh")).args(key).output().unwrap()
}

#[test]
fn statements_are_listed_shown_and_verified() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    some_evidence(&daemon);
    let page = daemon.get("/v1/evidence?limit=1000").json();
    let items = page["items"].as_array().unwrap();
    assert!(items.len() == 7 && items.iter().all(|one| one["topic"] == "incident"), "{page}");
    assert_eq!(items[0]["what"], "incident.resolved");
    let none = daemon.get("/v1/evidence?topic=approval").json();
    assert!(none["items"].as_array().unwrap().is_empty());
    let of =
        |query: &str| daemon.get(&format!("/v1/evidence?{query}")).json()["items"].as_array().unwrap().len();
    assert_eq!(
        (of("subject=incident:1"), of("subject=incident:2"), of("from=2001-01-01&to=2002-01-01")),
        (7, 0, 0)
    );
    let first = daemon.get("/v1/evidence?limit=3").json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(of(&format!("cursor={next}")), 4);
    for (target, status) in [("?topic=x", 422), ("?odd=1", 422), ("/x", 422), ("/99999", 409)] {
        let reply = daemon.get(&format!("/v1/evidence{target}"));
        assert_eq!(reply.status, status, "{target}: {reply:?}");
    }
    // What is no evidence says so.
    let paused = daemon.get("/v1/audit/entries?kind=queue.paused").json()["items"][0]["seq"].clone();
    let reply = daemon.get(&format!("/v1/evidence/{}", paused.as_str().unwrap()));
    assert!(reply.status == 409 && reply.body.contains("queue.paused"), "{reply:?}");
    // Before a checkpoint there is a statement without a proof.
    let id = items[0]["id"].as_str().unwrap();
    let early = daemon.get(&format!("/v1/evidence/{id}")).json();
    let fresh = told(data, &["audit", "status"]);
    if fresh["checkpoint"].is_null() {
        assert!(early["size"].is_null() && early["hashes"].as_array().unwrap().is_empty(), "{early}");
    }
    good(data, &["audit", "checkpoint"]);
    let one = daemon.get(&format!("/v1/evidence/{id}")).json();
    assert_eq!(
        (&one["envelope"], &one["statement"]),
        (&early["envelope"], &early["statement"]),
        "every time the same"
    );
    assert!(one["size"].as_u64().is_some() && one["checkpoint"].is_string(), "{one}");
    let statement: Value = serde_json::from_str(one["statement"].as_str().unwrap()).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://spud.invalid/attestation/incident/v1");
    assert_eq!(statement["predicate"]["texts"]["text"]["text"], "found");
    assert!(good(data, &["evidence", "list", "--topic", "incident"]).contains("incident.resolved"));
    assert!(good(data, &["evidence", "show", id]).contains("in-toto.io"));
    // Verified with the key of the box, with a file of keys, by two of them, and not once it was changed.
    let file = data.join("one.json");
    let (path, keys) = (file.to_str().unwrap(), data.join("keys.txt"));
    fs::write(&file, good(data, &["evidence", "show", id, "--envelope"])).unwrap();
    assert!(good(data, &["evidence", "verify", path]).contains("1 of 1"));
    let laptop = data.join("laptop.key");
    let public = good(data, &["audit", "key", laptop.to_str().unwrap(), "--name", "laptop"]);
    fs::write(
        &keys,
        format!("{}{}{public}", one["key_pem"].as_str().unwrap(), one["key_openssh"].as_str().unwrap()),
    )
    .unwrap();
    let by_two = ["evidence", "verify", path, "--keys", keys.to_str().unwrap(), "--threshold", "2"];
    assert_eq!(run(data, &by_two).status.code(), Some(1), "one key in two forms is one");
    let twice = good(data, &["evidence", "sign", path, "--key", laptop.to_str().unwrap()]);
    fs::write(&file, twice).unwrap();
    assert!(good(data, &by_two).contains("2 of 2"));
    let changed = fs::read_to_string(&file).unwrap().replacen("\"payload\":\"e", "\"payload\":\"f", 1);
    fs::write(&file, changed).unwrap();
    assert_eq!(run(data, &by_two).status.code(), Some(1));
    fs::write(&keys, "no key").unwrap();
    assert_eq!(run(data, &by_two).status.code(), Some(65));
    fs::write(&file, "{}").unwrap();
    assert_eq!(run(data, &["evidence", "verify", path]).status.code(), Some(65));
}

#[test]
fn a_bundle_is_verified_without_spud_and_made_anew_byte_by_byte() {
    let mut daemon = Daemon::start(&[]);
    let data = daemon.folder.path().to_owned();
    let at = |name: &str| data.join(name);
    let bundle = |name: &str, more: &[&str]| {
        let folder = at(name);
        let words = [&["evidence", "bundle", folder.to_str().unwrap()], more].concat();
        run(&data, &words)
    };
    some_evidence(&daemon);
    assert_eq!(bundle("early", &["--size", "99"]).status.code(), Some(65), "no such checkpoint");
    let size = told(&data, &["audit", "checkpoint"])["size"].to_string();
    let first = bundle("first", &[]);
    assert!(first.status.success() && said(&first).contains("7 statements"), "{}", said(&first));
    assert_eq!(bundle("first", &[]).status.code(), Some(73), "nothing is written over");
    let (odd, into) = (at("typo"), at("elsewhere"));
    let nowhere = run(&odd, &["evidence", "bundle", into.to_str().unwrap()]);
    assert!(!nowhere.status.success() && said(&nowhere).contains("holds no box"), "{}", said(&nowhere));
    assert!(!odd.exists() && !into.exists());
    assert_eq!(bundle("none", &["--from", "2001-01-01", "--to", "2002-01-01"]).status.code(), Some(65));
    let made = files(&at("first"));
    assert_eq!(made.keys().filter(|name| name.starts_with("envelopes/")).count(), 7);
    assert!(String::from_utf8_lossy(&made["index.csv"]).contains("incident.opened"));
    // The same checkpoint gives the same bytes: later, after a kill, with more in the log.
    done(&daemon, "PATCH", "/v1/incidents/1", &json!({"state": "closed", "text": "learnt"}));
    good(&data, &["audit", "checkpoint"]);
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    assert!(bundle("again", &["--size", &size]).status.success());
    assert_eq!(files(&at("again")), made);
    assert!(bundle("later", &[]).status.success());
    assert_eq!(files(&at("later")).keys().filter(|name| name.starts_with("envelopes/")).count(), 8);
    if !has_openssl() {
        return;
    }
    for name in ["first", "later"] {
        let output = verified(&at(name), &[]);
        assert!(output.status.success() && said(&output).starts_with("OK: "), "{}", said(&output));
    }
    // With another key, nothing holds.
    let other = at("other.pem");
    let secret = at("other.key");
    let fine =
        |words: &[&str]| assert!(Command::new("openssl").args(words).output().unwrap().status.success());
    fine(&["genpkey", "-algorithm", "ed25519", "-out", secret.to_str().unwrap()]);
    fine(&["pkey", "-in", secret.to_str().unwrap(), "-pubout", "-out", other.to_str().unwrap()]);
    let output = verified(&at("first"), &[other.to_str().unwrap()]);
    assert!(
        !output.status.success() && said(&output).contains("did not sign the checkpoint"),
        "{}",
        said(&output)
    );
    every_change_is_noticed(&at("first"), &made);
}

/// Over the socket as any other program asks, and from a key of the screen: the same as the command writes.
#[test]
fn a_bundle_comes_as_a_tar_from_the_api_and_from_the_screen() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path().to_owned();
    some_evidence(&daemon);
    let refused = |query: &str, said: &str| {
        let reply = daemon.get(&format!("/v1/evidence/bundle?{query}"));
        assert!(reply.status == 422 && reply.body.contains(said), "{query}: {reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{query}");
    };
    if daemon.get("/v1/audit").json()["checkpoint"].is_null() {
        refused("", "no checkpoint yet");
    }
    let size = told(&data, &["audit", "checkpoint"])["size"].to_string();
    refused("size=99999", "no checkpoint of 99999 entries");
    refused("from=2001-01-01&to=2002-01-01", "no evidence of that time");
    refused("size=x", "not a whole number");
    refused("topic=incident", "unknown query parameter");
    let exports = || {
        let page = daemon.get("/v1/audit/entries?kind=evidence.exported").json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(exports(), 0, "what was refused was not taken");
    // HTTP/1.0 knows no chunks: what comes is the tar.
    let text =
        daemon.raw(format!("GET /v1/evidence/bundle?size={size} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes());
    let reply = support::take_apart(&text);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-tar")));
    assert_eq!(exports(), 1, "once, however many pieces it has");
    let folder = data.join("by-command");
    good(&data, &["evidence", "bundle", folder.to_str().unwrap(), "--size", &size]);
    assert_eq!(exports(), 2);
    let mut terminal = Terminal::open(&data, 24, 80, &[]);
    terminal.wait_for("Ask, as you would ask a colleague");
    terminal.send("\x1b[23~");
    terminal.wait_for("incident.resolved");
    terminal.send("e");
    terminal.wait_for("Write the evidence out");
    terminal.send("\r");
    terminal.wait_for("Written: unpack it");
    let newest = daemon.get("/v1/audit").json()["checkpoint"]["size"].to_string();
    assert_eq!(newest, size, "nothing was signed meanwhile");
    assert_eq!(fs::read(data.join(format!("evidence-{size}.tar"))).unwrap(), reply.body.as_bytes());
    assert_eq!(exports(), 3);
    if Command::new("tar").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no tar here; the bundle of the API was not unpacked");
        return;
    }
    let (file, into) = (data.join("bundle.tar"), data.join("by-tar"));
    fs::write(&file, &reply.body).unwrap();
    fs::create_dir(&into).unwrap();
    let tar = |words: &[&str]| Command::new("tar").args(words).output().unwrap();
    let listed = tar(&["-tf", file.to_str().unwrap()]);
    let names = said(&listed);
    assert!(listed.status.success() && names.trim_end().ends_with("SHA256SUMS"), "{names}");
    let unpacked = tar(&["-xf", file.to_str().unwrap(), "-C", into.to_str().unwrap()]);
    assert!(unpacked.status.success() && said(&unpacked).is_empty(), "{}", said(&unpacked));
    assert_eq!(files(&into), files(&folder), "every way gives the same files");
    assert_eq!(names.lines().count(), files(&into).len());
    if has_openssl() {
        let output = verified(&into, &[]);
        assert!(
            output.status.success() && said(&output).starts_with("OK: 7 statements"),
            "{}",
            said(&output)
        );
    }
}

/// A bundle that was made so, file by file.
fn every_change_is_noticed(folder: &Path, made: &BTreeMap<String, Vec<u8>>) {
    // Every kind of file counts, also where somebody makes the manifest anew.
    let mut folders = std::collections::BTreeSet::new();
    for (name, bytes) in made.iter().filter(|(name, _)| !matches!(name.as_str(), "SHA256SUMS" | "verify.sh"))
    {
        if !folders.insert(name.split_once('/').map_or(name.as_str(), |(folder, _)| folder)) {
            continue;
        }
        let mut wrong = bytes.clone();
        let middle = wrong.len() / 2;
        match wrong.get_mut(middle) {
            Some(byte) => *byte = if *byte == b'A' { b'B' } else { b'A' },
            None => wrong.push(b'A'),
        }
        fs::write(folder.join(name), wrong).unwrap();
        let output = verified(folder, &[]);
        assert!(said(&output).contains("FAILED") && !output.status.success(), "{name}: {}", said(&output));
        if matches!(name.split('/').next(), Some("envelopes" | "entries" | "proofs" | "checkpoint")) {
            let sums = made.keys().filter(|name| *name != "SHA256SUMS").map(|name| {
                let path = folder.join(name);
                let output =
                    Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(path).output().unwrap();
                format!("{}  {name}\n", &String::from_utf8_lossy(&output.stdout)[..64])
            });
            fs::write(folder.join("SHA256SUMS"), sums.collect::<String>()).unwrap();
            let output = verified(folder, &[]);
            assert!(!output.status.success(), "{name} was changed with its manifest: {}", said(&output));
            fs::write(folder.join("SHA256SUMS"), &made["SHA256SUMS"]).unwrap();
        }
        fs::write(folder.join(name), bytes).unwrap();
    }
    fs::write(folder.join("more.txt"), "x").unwrap();
    assert!(!verified(folder, &[]).status.success(), "a file that nobody named");
}
