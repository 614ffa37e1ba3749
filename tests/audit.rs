//! The audit log from outside: what is entered, what others can verify of it, what survives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use signed_note::{Note, StandardVerifier, VerifierList};
use support::Daemon;
use support::command::{good, run};
use tlog_tiles::{Checkpoint, HashReader, Tile, TileHashReader, TileReader, tlog};

fn json(data: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&good(data, &[args, &["--json"]].concat())).unwrap()
}

/// Entries of a filter, newest first.
fn entries(daemon: &Daemon, query: &str) -> Vec<Value> {
    let reply = daemon.get(&format!("/v1/audit/entries?limit=1000&{query}"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["items"].as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn texts(entry: &Value) -> Vec<(&str, Option<&str>)> {
    let items = entry["texts"].as_array().unwrap();
    items.iter().map(|item| (text(&item["name"]), item["text"].as_str())).collect()
}

fn done(daemon: &Daemon, method: &str, target: &str, body: &str) -> Value {
    let reply = daemon.ask(method, target, "Content-Type: application/json\r\n", body);
    assert!((200..300).contains(&reply.status), "{method} {target}: {reply:?}");
    serde_json::from_str(&reply.body).unwrap_or_default()
}

fn some_changes(daemon: &Daemon) {
    done(daemon, "POST", "/v1/collections", r#"{"name":"pumps"}"#);
    done(daemon, "POST", "/v1/queue/pause", r#"{"reason":"Anna has the flu"}"#);
    done(daemon, "POST", "/v1/queue/resume", "");
    done(daemon, "PUT", "/v1/config/log.level", r#"{"value":"warn","reason":"less noise"}"#);
    done(daemon, "DELETE", "/v1/collections/pumps", "");
}

fn hash(base64: &Value) -> tlog::Hash {
    tlog::Hash::parse_hash(text(base64)).unwrap()
}

fn hashes(list: &Value) -> Vec<tlog::Hash> {
    list.as_array().unwrap().iter().map(hash).collect()
}

#[test]
fn every_change_is_entered_with_who_what_and_outcome() {
    let daemon = Daemon::start(&[]);
    some_changes(&daemon);
    let refused = daemon.ask("DELETE", "/v1/collections/nowhere", "", "");
    assert_eq!(refused.status, 404);
    let shown = |query: &str| -> Vec<(String, String)> {
        let found = entries(&daemon, query);
        found.iter().map(|e| (text(&e["kind"]).to_owned(), text(&e["outcome"]).to_owned())).collect()
    };
    let pair = |kind: &str, outcome: &str| (kind.to_owned(), outcome.to_owned());
    assert_eq!(
        shown("kind=collection&subject=pumps"),
        [
            pair("collection.removed", "done"),
            pair("collection.removed", "begun"),
            pair("collection.created", "done"),
            pair("collection.created", "begun")
        ]
    );
    assert_eq!(
        shown("subject=collection:nowhere"),
        [pair("collection.removed", "failed"), pair("collection.removed", "begun")]
    );
    assert_eq!(shown("kind=queue"), [pair("queue.resumed", "done"), pair("queue.paused", "done")]);
    let uid = rustix::process::getuid().as_raw();
    let paused = &entries(&daemon, "kind=queue.paused")[0];
    assert_eq!(text(&paused["actor"]), format!("uid:{uid}"));
    assert_eq!(texts(paused), [("reason", Some("Anna has the flu"))]);
    assert!(!text(&paused["leaf"]).contains("Anna"), "what a person wrote is not in the tree");
    let set = entries(&daemon, "kind=config.set");
    let (after, before) = (&set[0], &set[1]);
    assert_eq!(after["of"], before["seq"]);
    assert_ne!(after["before"], after["after"], "the settings are others now");
    assert!(!entries(&daemon, "text=has+the+FLU").is_empty());
    assert!(entries(&daemon, "outcome=denied").is_empty());
    let wrong = daemon.get("/v1/audit/entries?outcome=perhaps");
    assert_eq!((wrong.status, daemon.get("/v1/audit/entries/x").status), (422, 422), "{wrong:?}");
    // What changes nothing leaves nothing.
    let changes = entries(&daemon, "kind=config").len();
    done(&daemon, "PUT", "/v1/config/log.level", r#"{"value":"info","dry_run":true}"#);
    assert_eq!(entries(&daemon, "kind=config").len(), changes);
    // Page by page, and from the beginning, nothing is missing.
    let data = daemon.folder.path();
    let lines = good(data, &["audit", "export", "--json"]);
    let numbers: Vec<u64> = lines
        .lines()
        .map(|line| text(&serde_json::from_str::<Value>(line).unwrap()["seq"]).parse().unwrap())
        .collect();
    assert!(numbers.len() > 10);
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    let page = json(data, &["audit", "list", "-n", "2"]);
    let next = text(&page["next"]).to_owned();
    let further = json(data, &["audit", "list", "-n", "2", "--cursor", &next]);
    let second = text(&page["items"][1]["seq"]).parse::<u64>().unwrap();
    assert_eq!(text(&further["items"][0]["seq"]).parse::<u64>().unwrap(), second - 1);
    assert!(good(data, &["audit", "list", "--kind", "queue"]).contains("queue.paused"));
}

#[test]
fn checkpoints_and_proofs_hold_for_verifiers_of_others() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    done(&daemon, "POST", "/v1/collections", r#"{"name":"first"}"#);
    let early = json(data, &["audit", "checkpoint"]);
    some_changes(&daemon);
    let late = json(data, &["audit", "checkpoint"]);
    let status = daemon.get("/v1/audit").json();
    let vkey = text(&status["key"]).to_owned();
    let verified = |note: &Value| -> Checkpoint {
        let note = Note::from_bytes(text(note).as_bytes()).unwrap();
        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]);
        let (held, unknown) = note.verify(&known).unwrap();
        assert_eq!((held.len(), unknown.len()), (1, 0));
        Checkpoint::from_bytes(note.text()).unwrap()
    };
    // Page by page, as other lists are.
    let page = |query: &str| {
        let page = daemon.get(&format!("/v1/audit/checkpoints?limit=1{query}")).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
        (page["items"][0]["size"].as_u64().unwrap(), page["next"].as_str().map(str::to_owned))
    };
    let (first, next) = page("");
    let mut before = (first, next);
    while let Some(next) = &before.1 {
        let after = page(&format!("&cursor={next}"));
        assert!(after.0 < before.0, "no page is empty, none comes again: {next}");
        before = after;
    }
    assert!(before.0 < first);
    assert_eq!(daemon.get("/v1/audit/checkpoints?limit=1001").status, 422);
    let (old, new) = (verified(&early["note"]), verified(&late["note"]));
    assert_eq!(Some(new.origin()), status["origin"].as_str());
    assert!(old.size() < new.size());
    for seq in 0..new.size() {
        let proof = json(data, &["audit", "prove", &seq.to_string()]);
        let leaf = tlog::record_hash(text(&proof["leaf"]).as_bytes());
        tlog::check_record(&hashes(&proof["hashes"]), new.size(), *new.hash(), seq, leaf).unwrap();
        assert!(text(&proof["proof"]).starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {seq}\n")));
    }
    let proof = json(data, &["audit", "prove", "--from", &old.size().to_string()]);
    tlog::check_tree(&hashes(&proof["hashes"]), new.size(), *new.hash(), old.size(), *old.hash()).unwrap();
    let beyond = daemon.get(&format!("/v1/audit/entries/0/proof?size={}", new.size() + 100));
    assert_eq!(beyond.status, 409, "{beyond:?}");
    // The box says the same of itself, and notices a checkpoint of another story.
    let file = data.join("early");
    fs::write(&file, text(&early["note"])).unwrap();
    let told = good(data, &["audit", "verify", "--checkpoint", file.to_str().unwrap()]);
    assert!(
        told.contains(&format!("The first {} entries are those of the checkpoint.", old.size())),
        "{told}"
    );
    fs::write(&file, text(&early["note"]).replacen('\n', "/other\n", 1)).unwrap();
    assert_eq!(
        run(data, &["audit", "verify", "--checkpoint", file.to_str().unwrap()]).status.code(),
        Some(65)
    );
}

/// Tiles as they lie in a folder.
struct Exported<'a>(&'a Path);

impl TileReader for Exported<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        // Their paths name the height, which the layout of C2SP does not.
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles.iter().map(|tile| fs::read(path(tile)).unwrap()).collect())
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

#[test]
fn exported_tiles_are_read_by_others() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    for n in 0..140 {
        let body = format!(r#"{{"reason":"number {n}"}}"#);
        done(&daemon, "POST", "/v1/queue/pause", &body);
        done(&daemon, "POST", "/v1/queue/resume", "");
    }
    let refused = run(data, &["audit", "export", "--tiles", "/proc/nowhere"]);
    assert_eq!(refused.status.code(), Some(1), "no checkpoint yet: {refused:?}");
    good(data, &["audit", "checkpoint"]);
    let folder = data.join("exported");
    good(data, &["audit", "export", "--tiles", folder.to_str().unwrap()]);
    let note = Note::from_bytes(&fs::read(folder.join("checkpoint")).unwrap()).unwrap();
    let head = Checkpoint::from_bytes(note.text()).unwrap();
    assert!(head.size() > 280, "more than one tile: {}", head.size());
    let tiles = Exported(&folder);
    let reader = TileHashReader::new(head.size(), *head.hash(), &tiles);
    assert_eq!(tlog::tree_hash(head.size(), &reader).unwrap(), *head.hash());
    let mut leaves = Vec::new();
    for path in ["tile/entries/000".to_owned(), format!("tile/entries/001.p/{}", head.size() - 256)] {
        let bytes = fs::read(folder.join(path)).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let (leaf, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
            leaves.push(leaf.to_vec());
            rest = after;
        }
    }
    assert_eq!(leaves.len() as u64, head.size());
    for (seq, leaf) in leaves.iter().enumerate() {
        let at = tlog::stored_hash_index(0, seq as u64);
        assert_eq!(reader.read_hashes(&[at]).unwrap(), [tlog::record_hash(leaf)]);
    }
    let outside = daemon.get("/v1/audit/tile?path=tile/0/../../keys/backup.key");
    assert_eq!(outside.status, 422, "{outside:?}");
}

#[test]
fn a_laptop_anchors_the_log_and_texts_can_be_erased() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    some_changes(&daemon);
    let status = || daemon.get("/v1/audit").json();
    let note = data.join("note");
    fs::write(&note, good(data, &["audit", "checkpoint"])).unwrap();
    let size: u64 = fs::read_to_string(&note).unwrap().lines().nth(1).unwrap().parse().unwrap();
    let before = status();
    assert_eq!(before["unanchored"], before["size"]);
    // On a laptop, with no box at hand.
    let laptop = tempfile::tempdir().unwrap();
    let (key, none) = (laptop.path().join("key"), laptop.path().join("none"));
    let made = good(&none, &["audit", "key", key.to_str().unwrap(), "--name", "laptop.example/anna"]);
    let public = made.trim().to_owned();
    assert_eq!(good(&none, &["audit", "key", key.to_str().unwrap()]).trim(), public);
    let again = run(&none, &["audit", "key", key.to_str().unwrap(), "--name", "other"]);
    assert_eq!(again.status.code(), Some(73), "a key is not overwritten");
    let (note_at, key_at) = (note.to_str().unwrap(), key.to_str().unwrap());
    let log = text(&status()["key"]).to_owned();
    for words in [
        &["audit", "verify"][..],
        &["audit", "list"],
        &["compliance", "list"],
        &["evidence", "list"],
        &["evidence", "bundle", "nowhere"],
        &["backup", "verify"],
        &["backup", "list"],
    ] {
        let looked = run(&none, words);
        assert_eq!(looked.status.code(), Some(2), "{words:?}: {looked:?}");
        assert!(String::from_utf8_lossy(&looked.stderr).contains("holds no box"), "{words:?}: {looked:?}");
    }
    let signed = good(&none, &["audit", "cosign", note_at, "--key", key_at, "--log", &log]);
    assert!(!none.exists(), "no box was made");
    let wrong = log.replacen('+', "x+", 1);
    let refused = run(&none, &["audit", "cosign", note_at, "--key", key_at, "--log", &wrong]);
    assert_eq!(refused.status.code(), Some(65));
    Note::from_bytes(signed.as_bytes()).unwrap();
    // Back on the box: not without the key of whoever signed.
    let cosigned = data.join("cosigned");
    fs::write(&cosigned, &signed).unwrap();
    let unknown = run(data, &["audit", "anchor", cosigned.to_str().unwrap()]);
    assert_eq!(unknown.status.code(), Some(65), "{unknown:?}");
    good(data, &["audit", "anchor", cosigned.to_str().unwrap(), "--cosigner", &public]);
    let now = status();
    assert_eq!(text(&now["anchored"]["name"]), "laptop.example/anna");
    assert_eq!(now["unanchored"].as_u64().unwrap(), now["size"].as_u64().unwrap() - size);
    assert_eq!(text(&entries(&daemon, "kind=audit.anchored&outcome=done")[0]["subject"]), size.to_string());
    // Erased: the words are gone, the proof is not.
    let paused = entries(&daemon, "kind=queue.paused")[0].clone();
    let seq = text(&paused["seq"]).to_owned();
    let proof = json(data, &["audit", "prove", &seq]);
    let told = run(data, &["audit", "erase", &seq, "--reason", "Art. 17"]);
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && said.contains("erased here and from what the entry is about"), "{said}");
    let erased = json(data, &["audit", "show", &seq]);
    assert_eq!(texts(&erased), [("reason", None)]);
    assert_eq!(erased["leaf"], paused["leaf"]);
    assert_eq!(json(data, &["audit", "prove", &seq, "--size", &proof["size"].to_string()]), proof);
    assert!(entries(&daemon, "text=the+flu").is_empty());
    assert_eq!(texts(&entries(&daemon, "kind=audit.erased")[0]), [("reason", Some("Art. 17"))]);
    assert_eq!(run(data, &["audit", "erase", &seq, "--reason", "again"]).status.code(), Some(1));
    let told = good(data, &["audit", "verify"]);
    assert!(
        told.contains("(1 with erased texts)") && told.contains("Everything is as it was entered."),
        "{told}"
    );
}

#[test]
fn what_was_acknowledged_is_in_the_log_after_kill_9() {
    let mut daemon = Daemon::start(&[]);
    for turn in 0..3 {
        done(&daemon, "POST", "/v1/queue/pause", &format!(r#"{{"reason":"turn {turn}"}}"#));
        done(&daemon, "POST", "/v1/collections", &format!(r#"{{"name":"c{turn}"}}"#));
        daemon.child.kill().unwrap();
        daemon.child.wait().unwrap();
        let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
        daemon = Daemon::start_in(folder, &[]);
        assert_eq!(entries(&daemon, &format!("kind=queue.paused&text=turn+{turn}")).len(), 1);
        assert_eq!(entries(&daemon, &format!("subject=collection:c{turn}")).len(), 2);
        let verdict = daemon.post("/v1/audit/verify", "").json();
        assert_eq!(verdict["ok"], true, "{verdict}");
    }
    // A box that stops on purpose signs what it did.
    let last: u64 = text(&entries(&daemon, "subject=collection:c2")[0]["seq"]).parse().unwrap();
    assert_eq!(daemon.terminate(), Some(0));
    let status = json(daemon.folder.path(), &["audit", "status"]);
    assert!(status["checkpoint"]["size"].as_u64().unwrap() > last, "{status}");
}

#[test]
fn an_older_state_in_its_place_is_another_log() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    good(data, &["collection", "create", "kept"]);
    let made = good(data, &["backup", "create"]);
    let first = json(data, &["audit", "checkpoint"]);
    good(data, &["collection", "create", "lost"]);
    good(data, &["audit", "checkpoint"]);
    let id = json(data, &["backup", "list"])["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(made.contains(&id), "{made}");
    good(data, &["backup", "restore", &id, "--force"]);
    let names = good(data, &["collection", "list"]);
    assert!(names.contains("kept") && !names.contains("lost"), "{names}");
    let again = json(data, &["audit", "checkpoint"]);
    let origin = |checkpoint: &Value| text(&checkpoint["note"]).lines().next().unwrap().to_owned();
    assert_ne!(origin(&first), origin(&again), "one name for one story");
    let parted = json(data, &["audit", "list", "--kind", "audit.parted"]);
    assert_eq!(parted["items"].as_array().unwrap().len(), 1);
    good(data, &["audit", "verify"]);
    good(data, &["check"]);
}

#[test]
fn a_log_whose_tree_is_damaged_is_mended_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    for n in 0..7 {
        good(data, &["collection", "create", &format!("c{n}")]);
    }
    let database = spud::store::Database::create(data.join("control.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.delete_table(spud::store::Table::new("audit_nodes")).unwrap();
    write.commit().unwrap();
    drop(database);
    // Of four changes, one needs a node that is gone.
    let change = |n: usize| run(data, &["collection", "create", &format!("d{n}")]).status.success();
    assert!(!(0..4).all(change), "nothing missed the tree");
    assert!(!run(data, &["audit", "verify"]).status.success());
    let told = run(data, &["check", "--repair"]);
    assert!(String::from_utf8_lossy(&told.stdout).contains("nodes of its tree were made again"), "{told:?}");
    assert_eq!(json(data, &["audit", "verify"])["problems"], Value::Array(Vec::new()));
    assert!((4..8).all(change));
    let newest = json(data, &["audit", "list", "--kind", "audit.mended"]);
    assert_eq!(newest["items"].as_array().unwrap().len(), 1, "{newest}");
}
