//! Flipped bits in the stores: whatever is read is right, or missing and named; never something else.
//!
//! `SPUD_FLIPS` sets how many bits are flipped, each alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use spud::resilience::queue::{LaneLimits, NewOperation, Queue, QueueSettings};
use spud::store::{Control, mend_flips};
use support::disk::{Board, Dice};
use support::queue_life::CACHE;

fn queue() -> Queue {
    let limits = LaneLimits { operations: 1 << 30, bytes: 1 << 30, drop_oldest: false };
    Queue::new(QueueSettings { limits: [limits; 4], attempts_most: 3, upstream: true }, 7, 1_000)
}

/// What a flip costs: nothing, one record, a handful, the opening of the store, or the process that opened it.
#[derive(Debug, Default)]
struct Seen {
    whole: u64,
    missing: u64,
    several: u64,
    most: u64,
    refused: u64,
    stopped: u64,
}

/// Which of two commits holds, and whether the store was closed.
const GOD_BYTE: usize = 9;

/// The store after what flipped was looked for and put right: records that are missing then.
fn look_at_mended(
    board: &Board,
    (bad, kept): (&[u8], &BTreeMap<u64, Vec<u8>>),
    folder: &Path,
) -> Result<u64, String> {
    let path = folder.join("mended");
    fs::write(&path, bad).unwrap();
    assert_eq!(mend_flips(&path).unwrap(), 1);
    board.put(0, &fs::read(&path).unwrap());
    look(board, kept)
}

/// Every payload by its number, as a person asks for them.
fn look(board: &Board, kept: &BTreeMap<u64, Vec<u8>>) -> Result<u64, String> {
    board.on();
    let control = Control::over(board.disk(0), CACHE).map_err(|error| error.to_string())?;
    let queue = queue();
    queue.load(&control, 2_000).map_err(|error| error.to_string())?;
    let mut missing = 0;
    for (number, payload) in kept {
        match queue.find(&control, *number) {
            Ok(Some((_, Some(found)))) => assert_eq!(&found, payload, "operation {number} is another one"),
            Ok(_) | Err(_) => missing += 1,
        }
    }
    Ok(missing)
}

#[test]
fn a_flipped_bit_never_gives_a_wrong_operation() {
    let (board, mut dice, folder) = (Board::new(5, 1), Dice(5), tempfile::tempdir().unwrap());
    let kept: BTreeMap<u64, Vec<u8>> = {
        let control = Control::over(board.disk(0), CACHE).unwrap();
        let queue = queue();
        let new: Vec<NewOperation> = (0..400)
            .map(|n| NewOperation {
                kind: "rot".into(),
                payload: format!("payload {n} {}", "y".repeat(n % 300)).into_bytes(),
                ..NewOperation::default()
            })
            .collect();
        let answers = queue.post(&control, &new, 1_000).unwrap();
        answers.into_iter().zip(new).map(|(added, new)| (added.unwrap().id.number, new.payload)).collect()
    };
    let mut seen = Seen::default();
    let flips = std::env::var("SPUD_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_500);
    let good = board.image(0);
    let bits = good.len() * 8;
    // Most of a young file is empty; a flip there changes nothing.
    let filled: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
    for flip in 0..flips {
        let byte = match flip % 4 {
            0 => dice.below(512),
            1 => dice.below(good.len() as u64),
            _ => filled[dice.below(filled.len() as u64) as usize] as u64,
        };
        let anywhere = byte as usize * 8 + dice.below(8) as usize;
        let bit = if flip < 8 { GOD_BYTE * 8 + flip as usize } else { anywhere };
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        board.put(0, &bad);
        let costs_more = |what: &str| {
            assert!(
                matches!(look_at_mended(&board, (&bad, &kept), folder.path()), Ok(0)),
                "bit {bit}: {what}, and is not put right"
            );
        };
        // redb stops over some damage of its own pages; a process ends then and gives no wrong answer.
        match std::panic::catch_unwind(|| look(&board, &kept)) {
            Ok(Ok(0)) => seen.whole += 1,
            Ok(Ok(1)) => seen.missing += 1,
            Ok(Ok(lost)) => {
                costs_more("several records are lost");
                seen.several += 1;
                seen.most = seen.most.max(lost);
            }
            Ok(Err(what)) => {
                costs_more(&what);
                seen.refused += 1;
            }
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                assert!(!said.contains("is another one"), "bit {bit}: {said}");
                costs_more(&said);
                seen.stopped += 1;
            }
        }
    }
    println!("{flips} bits of {bits}: {seen:?}");
    assert!(seen.missing > flips / 10, "no flip hit anything");
    // One record at most, or it was put right above. Only a page's frame, a fiftieth of what is filled, asks for that.
    assert!(seen.several * 25 < flips, "{seen:?}");
}

fn spud(data: &Path, args: &[&str]) -> Output {
    support::spud().arg("--data").arg(data).args(["--tier", "lite"]).args(args).output().unwrap()
}

/// Names of the files with something in them, from the folder on.
fn list(root: &Path, below: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = below.join(entry.file_name());
        match entry.metadata().unwrap() {
            meta if meta.is_dir() => list(root, &name, found),
            meta if meta.is_file() && meta.len() > 0 => found.push(name.to_str().unwrap().to_owned()),
            _ => {}
        }
    }
    found.sort();
}

/// A box whose power was cut, so that both stores were left open; or one that was stopped.
fn filled_box(folder: &Path, cut: bool) -> std::path::PathBuf {
    let (data, source) = (folder.join("data"), folder.join("source"));
    fs::create_dir_all(&source).unwrap();
    for n in 0..40 {
        let text =
            format!("# Unit {n}\n\nThe serial word of unit {n} is zyx{n}q. {}\n", "Oil it. ".repeat(40));
        fs::write(source.join(format!("unit-{n:03}.md")), text).unwrap();
    }
    assert!(spud(&data, &["add", "--collection", "units", source.to_str().unwrap()]).status.success());
    let mut daemon = support::spud()
        .arg("--data")
        .arg(&data)
        .args(["--tier", "lite", "daemon"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while std::os::unix::net::UnixStream::connect(data.join("spud.sock")).is_err() {
        assert!(daemon.try_wait().unwrap().is_none(), "the daemon ended");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let payload = source.join("unit-001.md");
    assert!(spud(&data, &["operation", "post", payload.to_str().unwrap()]).status.success());
    if cut {
        daemon.kill().unwrap();
        fs::remove_file(data.join("spud.sock")).unwrap();
    } else {
        support::signal(&daemon, rustix::process::Signal::TERM);
    }
    daemon.wait().unwrap();
    data
}

/// The real program on a box with one flipped bit: it answers rightly, or says what to do; and what is told is
/// enough to have a box again.
#[test]
fn one_flipped_bit_in_any_file_never_gives_a_wrong_answer_and_the_box_can_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let good = filled_box(folder.path(), true);
    let mut dice = Dice(7);
    let flips: usize = std::env::var("SPUD_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let mut files = Vec::new();
    list(&good, Path::new(""), &mut files);
    for part in ["control.redb", "corpus.redb", "segments/", "models/", "handbook/", "keys/", "logs/"] {
        assert!(files.iter().any(|name| name.starts_with(part)), "{part} is not in {files:?}");
    }
    for name in &files {
        // The stores, the segments and the model are what answers; two flips are enough for what is beside them.
        let answers = ["control.redb", "corpus.redb", "segments/", "models/"];
        let flips = if answers.iter().any(|part| name.starts_with(part)) { flips } else { flips.min(2) };
        let mut seen = Seen::default();
        let bytes = fs::read(good.join(name)).unwrap();
        let filled: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        for flip in 0..flips {
            let byte = match flip % 4 {
                0 => dice.below(bytes.len().min(320) as u64) as usize,
                _ if filled.is_empty() => dice.below(bytes.len() as u64) as usize,
                _ => filled[dice.below(filled.len() as u64) as usize],
            };
            let bit = dice.below(8);
            let data = folder.path().join("flipped");
            support::copy(&good, &data);
            let mut bad = bytes.clone();
            bad[byte] ^= 1 << bit;
            fs::write(data.join(name), bad).unwrap();
            let asked = spud(&data, &["ask", "zyx3q", "--collection", "units"]);
            let (said, errors) =
                (String::from_utf8_lossy(&asked.stdout), String::from_utf8_lossy(&asked.stderr));
            if asked.status.success() {
                assert!(said.contains("zyx3q"), "{name} byte {byte} bit {bit}: {said}");
                seen.whole += 1;
            } else {
                let is_read = name.starts_with("segments/") || name.starts_with("models/");
                assert!(is_read, "{name} byte {byte} bit {bit} stops an answer: {errors}");
                match errors.contains("panicked") || asked.status.code().is_none() {
                    true => seen.stopped += 1,
                    false => seen.refused += 1,
                }
                assert!(
                    !errors.is_empty(),
                    "{name} byte {byte} bit {bit}: it fails and says nothing: {said}"
                );
                let saved = folder.path().join("saved");
                let salvage = spud(&data, &["salvage", "--into", saved.to_str().unwrap()]);
                let told = String::from_utf8_lossy(&salvage.stdout).into_owned();
                let status = spud(&saved, &["status"]);
                assert!(status.status.success(), "{name} byte {byte} bit {bit}: {told} {status:?}");
                fs::remove_dir_all(&saved).unwrap();
            }
            fs::remove_dir_all(&data).unwrap();
        }
        println!("{name}: {flips} bits: {seen:?}");
    }
}

/// A store that was closed is put right as well, before anything is read of it.
#[test]
fn one_flipped_bit_in_a_store_that_was_closed_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = filled_box(folder.path(), false);
    let mut dice = Dice(8);
    for name in ["control.redb", "corpus.redb"] {
        let bytes = fs::read(good.join(name)).unwrap();
        let filled: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        let anywhere: Vec<_> =
            (0..6).map(|_| (filled[dice.below(filled.len() as u64) as usize], dice.below(8))).collect();
        for (byte, bit) in (0..8).map(|bit| (GOD_BYTE, bit)).chain(anywhere) {
            let data = folder.path().join("flipped");
            support::copy(&good, &data);
            let mut bad = bytes.clone();
            bad[byte] ^= 1 << bit;
            fs::write(data.join(name), bad).unwrap();
            let check = spud(&data, &["check"]);
            assert!(check.status.success(), "{name} byte {byte} bit {bit}: {check:?}");
            let asked = spud(&data, &["ask", "zyx3q", "--collection", "units"]);
            assert!(String::from_utf8_lossy(&asked.stdout).contains("zyx3q"), "{name} byte {byte} bit {bit}");
            fs::remove_dir_all(&data).unwrap();
        }
    }
}
