//! The stores from outside: an old format, a newer one, every record framed, salvage, compact, check, group commit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use redb::TableDefinition;
use serde_json::Value;
use spud::store::{Database, EPOCH, check_rows, codec, table_names};
use support::Daemon;
use support::command::{json, run};

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// The store as the release before format epochs wrote it, from `tests/data/format-1`.
fn old_box(data: &Path) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format-1");
    let unpack = |name: &str, to: PathBuf| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, zstd::decode_all(&fs::read(golden.join(name)).unwrap()[..]).unwrap()).unwrap();
    };
    unpack("corpus.redb.zst", data.join("corpus.redb"));
    unpack("control.redb.zst", data.join("control.redb"));
    unpack("1-00000001.seg.zst", data.join("segments/1/00000001.seg"));
    // The built-in documents were removed by hand there.
    fs::create_dir_all(data.join("handbook")).unwrap();
    fs::write(data.join("handbook/.version"), "0.1.0\n").unwrap();
}

fn documents(folder: &Path, count: usize) -> PathBuf {
    let source = folder.join("source");
    fs::create_dir_all(&source).unwrap();
    for n in 0..count {
        let text =
            format!("# Unit {n}\n\nThe serial word of unit {n} is zyx{n}q. {}\n", "Oil it. ".repeat(40));
        fs::write(source.join(format!("unit-{n:03}.md")), text).unwrap();
    }
    source
}

fn finds(data: &Path, word: &str) -> bool {
    json(data, &["ask", word])["found"] == true
}

fn operations(data: &Path) -> usize {
    json(data, &["operation", "list"])["items"].as_array().unwrap().len()
}

#[test]
fn an_old_store_is_brought_up_to_date_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    old_box(&data);
    assert!(finds(&data, "zyxold") && finds(&data, "zyxfan"));
    assert_eq!(operations(&data), 2);
    let history = json(&data, &["mode", "history"]);
    assert!(
        history["items"].as_array().unwrap().iter().any(|change| change["reason"] == "golden"),
        "{history}"
    );
    let check = json(&data, &["check"]);
    assert_eq!(check["ok"], true, "{check}");
    // Old numbers are still found: the same file again is no new document.
    for name in ["corpus.redb", "control.redb"] {
        let database = Database::create(data.join(name)).unwrap();
        let read = database.begin_read().unwrap();
        let found = check_rows(&read).unwrap();
        assert_eq!(found.problems, Vec::<String>::new());
        assert!(table_names(&read).unwrap().contains(&"format".to_owned()));
        let write = database.begin_write().unwrap();
        assert_eq!(write.list_persistent_savepoints().unwrap().count(), 0, "savepoints pin space");
        write.abort().unwrap();
    }
    let documents = json(&data, &["document", "list"]);
    let again = dir.path().join("again.md");
    fs::write(&again, "# Again\n\nzyxagain.\n").unwrap();
    assert!(run(&data, &["add", "--collection", "manuals", again.to_str().unwrap()]).status.success());
    let more = json(&data, &["document", "list"]);
    assert_eq!(more["items"].as_array().unwrap().len(), documents["items"].as_array().unwrap().len() + 1);
}

#[test]
fn a_store_of_a_newer_spud_is_refused_with_what_to_do() {
    for name in ["corpus.redb", "control.redb"] {
        let dir = tempfile::tempdir().unwrap();
        assert!(run(dir.path(), &["status"]).status.success());
        let database = Database::create(dir.path().join(name)).unwrap();
        let write = database.begin_write().unwrap();
        // epoch, lowest epoch of a program that may open it, program
        let record = codec::encode(1, &(EPOCH + 1, EPOCH + 1, "9.9.9".to_owned())).unwrap();
        write.open_table(Bytes::new("format")).unwrap().insert(&b"epoch"[..], record.as_slice()).unwrap();
        write.commit().unwrap();
        drop(database);
        let refused = run(dir.path(), &["status"]);
        assert_eq!(refused.status.code(), Some(78), "{refused:?}");
        let errors = String::from_utf8_lossy(&refused.stderr);
        assert!(
            errors.contains(name) && errors.contains("newer spud") && errors.contains("restore"),
            "{errors}"
        );
    }
}

/// Everything that a box can hold, so that every table has rows.
fn filled_box(dir: &Path) -> PathBuf {
    let data = dir.join("data");
    let source = documents(dir, 6);
    fs::write(source.join("broken.pdf"), b"%PDF-1.4 broken").unwrap();
    run(&data, &["add", "--collection", "units", source.to_str().unwrap()]);
    fs::remove_file(source.join("unit-000.md")).unwrap();
    run(&data, &["add", "--collection", "units", source.to_str().unwrap()]);
    assert!(finds(&data, "zyx3q"));
    fs::write(dir.join("payload"), "{\"a\": 1}").unwrap();
    let payload = dir.join("payload");
    assert!(run(&data, &["operation", "post", payload.to_str().unwrap()]).status.success());
    assert!(run(&data, &["mode", "force", "reduced", "--reason", "test"]).status.success());
    assert!(run(&data, &["backup", "schedule", "--daily", "02:30"]).status.success());
    assert!(run(&data, &["backup", "create"]).status.success());
    let daemon = Daemon::start_in(into_temp(&data), &[]);
    let posted = daemon.ask(
        "POST",
        "/v1/operations?kind=t",
        "Content-Type: text/plain\r\nIdempotency-Key: k\r\n",
        "x",
    );
    assert_eq!(posted.status, 202);
    assert_eq!(daemon.post("/v1/ask", "{\"q\": \"zyx4q\"}").status, 200);
    std::thread::sleep(std::time::Duration::from_secs(6)); // the answer cache is written out
    let mut daemon = daemon;
    assert_eq!(daemon.terminate(), Some(0));
    let kept = dir.join("kept");
    fs::rename(daemon.folder.path(), &kept).unwrap();
    kept
}

fn into_temp(data: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(data.parent().unwrap()).unwrap();
    fs::remove_dir(folder.path()).unwrap();
    fs::rename(data, folder.path()).unwrap();
    folder
}

#[test]
fn every_record_of_every_table_is_framed() {
    let dir = tempfile::tempdir().unwrap();
    let data = filled_box(dir.path());
    let mut seen = Vec::new();
    for name in ["corpus.redb", "control.redb"] {
        let database = Database::create(data.join(name)).unwrap();
        let read = database.begin_read().unwrap();
        let found = check_rows(&read).unwrap();
        assert_eq!(found.problems, Vec::<String>::new(), "{name}");
        for table in table_names(&read).unwrap() {
            let rows = spud::store::check_rows(&read).unwrap().records;
            assert!(rows > 0);
            seen.push(table);
        }
    }
    for expected in [
        "answers",
        "answer_order",
        "collections",
        "counters",
        "documents",
        "failures",
        "jobs",
        "paths",
        "segments",
        "tombstones",
        "format",
        "mode_changes",
        "mode_forced",
        "operations",
        "operation_payloads",
        "operation_keys",
        "operation_key_order",
        "queue",
        "backup",
        "backup_runs",
    ] {
        assert!(seen.iter().any(|table| table == expected), "no table {expected}: {seen:?}");
    }
}

/// Flips bits in a value of a table, as a worn cell would: redb does not notice.
fn hurt(path: &Path, table: &'static str, bits: u8) -> String {
    let value = {
        let database = Database::create(path).unwrap();
        let read = database.begin_read().unwrap();
        let mut last = Vec::new();
        spud::store::each_row::<spud::store::StoreError>(&read, table, |_, value| {
            last = value.to_vec();
            Ok(())
        })
        .unwrap();
        last
    };
    let mut bytes = fs::read(path).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - value.len()).filter(|at| bytes[*at..].starts_with(&value)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + value.len() - 1] ^= bits;
    }
    fs::write(path, bytes).unwrap();
    table.to_owned()
}

#[test]
fn check_names_damage_in_any_store() {
    for (store, table) in [("corpus.redb", "paths"), ("corpus.redb", "jobs"), ("control.redb", "operations")]
    {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        old_box(&data);
        assert_eq!(json(&data, &["check"])["ok"], true);
        // One bit would be put right at the next start (tests/rot.rs).
        hurt(&data.join(store), table, 3);
        let report = json(&data, &["check"]);
        assert_eq!(report["ok"], false, "{store} {table}");
        let problems = report["problems"].to_string();
        assert!(problems.contains(store) && problems.contains(table), "{problems}");
        assert_eq!(run(&data, &["check"]).status.code(), Some(1));
    }
}

#[test]
fn salvage_brings_over_what_is_whole_and_names_what_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for (name, count) in [("one", 6), ("two", 5)] {
        let source = documents(&dir.path().join(name), count);
        assert!(run(&data, &["add", "--collection", name, source.to_str().unwrap()]).status.success());
    }
    let whole = dir.path().join("whole");
    let report = json(&data, &["salvage", "--into", whole.to_str().unwrap()]);
    assert_eq!(report["lost"].as_array().unwrap().len(), 0, "{report}");
    assert!(finds(&whole, "zyx5q"));
    assert_eq!(json(&whole, &["check"])["ok"], true);
    // Again into the same folder: refused.
    assert!(!run(&data, &["salvage", "--into", whole.to_str().unwrap()]).status.success());

    // One flipped bit is found by the checks of redb's pages, and put right in what is brought over.
    let good = fs::read(data.join("corpus.redb")).unwrap();
    hurt(&data.join("corpus.redb"), "documents", 1);
    let mended = dir.path().join("mended");
    let report = json(&data, &["salvage", "--into", mended.to_str().unwrap()]);
    assert_eq!(report["lost"].as_array().unwrap().len(), 0, "{report}");
    assert!(report["mended"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(json(&mended, &["check"])["ok"], true);
    fs::write(data.join("corpus.redb"), good).unwrap();

    hurt(&data.join("corpus.redb"), "documents", 3);
    let segments: Vec<PathBuf> = ["2", "3"]
        .iter()
        .flat_map(|folder| fs::read_dir(data.join("segments").join(folder)).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .collect();
    let mut bytes = fs::read(&segments[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segments[0], bytes).unwrap();
    let before = fs::read(data.join("corpus.redb")).unwrap();
    let saved = dir.path().join("saved");
    let output = run(&data, &["salvage", "--into", saved.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lost = report["lost"].to_string();
    assert!(lost.contains("table documents") && lost.contains("fails its check"), "{lost}");
    let segment = segments[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(lost.contains(&segment) && lost.contains("unit-"), "documents of the segment by name: {lost}");
    assert_eq!(fs::read(data.join("corpus.redb")).unwrap(), before, "the damaged store is only read");
    assert!(finds(&saved, "pump"), "what is whole answers");
    // A store that is no store at all: the rest is saved, and it is said.
    fs::write(data.join("control.redb"), vec![0x5a; 8192]).unwrap();
    let rest = dir.path().join("rest");
    let report = json(&data, &["salvage", "--into", rest.to_str().unwrap()]);
    assert!(report["lost"].to_string().contains("control.redb: cannot be opened"), "{report}");
    assert!(report["records"].as_u64().unwrap() > 10);
}

/// Pages of the tree itself are hurt, so that redb stops or panics: what came before and behind is kept.
#[test]
fn salvage_survives_a_tree_that_breaks_its_reader() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let source = documents(dir.path(), 120);
    assert!(run(&data, &["add", "--collection", "many", source.to_str().unwrap()]).status.success());
    let path = data.join("corpus.redb");
    let whole = fs::read(&path).unwrap();
    let mut most = 0;
    for page in (4..whole.len() / 4096).step_by(5) {
        let mut bytes = whole.clone();
        for byte in &mut bytes[page * 4096..page * 4096 + 64] {
            *byte ^= 0xa5;
        }
        fs::write(&path, &bytes).unwrap();
        let into = dir.path().join(format!("saved-{page}"));
        let output = run(&data, &["salvage", "--into", into.to_str().unwrap(), "--json"]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "page {page}: {output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        most = most.max(report["records"].as_u64().unwrap());
        fs::remove_dir_all(&into).unwrap();
    }
    assert!(most > 200, "{most}");
}

#[test]
fn compact_says_before_and_after_and_a_live_box_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let source = documents(folder.path(), 60);
    assert!(run(folder.path(), &["add", "--collection", "units", source.to_str().unwrap()]).status.success());
    let daemon = Daemon::start_in(folder, &[]);
    let data = daemon.folder.path();
    let report = json(data, &["compact"]);
    let stores = report["stores"].as_array().unwrap();
    assert_eq!(stores.len(), 2);
    for store in stores {
        let [before, after] = ["before_bytes", "after_bytes"].map(|name| store[name].as_u64().unwrap());
        assert!(after > 0 && after <= before, "{store}");
    }
    assert!(finds(data, "zyx7q"));
    let posted = daemon.ask("POST", "/v1/operations?kind=t", "Content-Type: text/plain\r\n", "x");
    assert_eq!(posted.status, 202);
}

/// Operations that come at the same time share commits; each answer is given after its commit.
#[test]
fn posts_at_the_same_time_share_commits_and_what_is_written_is_shown() {
    let daemon = Daemon::start(&[]);
    let commits = || daemon.get("/v1/status").json()["writes"]["commits"].as_u64().unwrap();
    let before = commits();
    let posts = 240;
    std::thread::scope(|scope| {
        for thread in 0..24 {
            let daemon = &daemon;
            scope.spawn(move || {
                for n in 0..posts / 24 {
                    let body = format!("{thread} {n}");
                    let reply =
                        daemon.ask("POST", "/v1/operations?kind=t", "Content-Type: text/plain\r\n", &body);
                    assert_eq!(reply.status, 202, "{reply:?}");
                }
            });
        }
    });
    let used = commits() - before;
    println!("{posts} posts in {used} commits");
    assert!(used < posts * 3 / 4, "{used} commits for {posts} posts");
    let writes = daemon.get("/v1/status").json()["writes"].clone();
    assert!(writes["store_bytes"].as_u64().unwrap() > 0, "{writes}");
    assert!(writes["bytes_per_commit"].as_u64().unwrap() >= 4096, "{writes}");
}
