//! Promises that are counts and sizes: they hold on any machine, in any build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::Daemon;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn size_of_folder(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// A daemon on a fresh folder of the smallest tier, with nothing left to do.
fn idle_daemon() -> Daemon {
    let daemon = Daemon::start(&["--tier", "ultra_lite"]);
    std::thread::sleep(Duration::from_secs(2));
    daemon
}

fn process(daemon: &Daemon) -> PathBuf {
    Path::new("/proc").join(daemon.child.id().to_string())
}

/// A number of `/proc/.../status`, without its unit.
fn field(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number =
        value.and_then(|value| value.split_whitespace().next()).unwrap_or_else(|| panic!("no {name}"));
    number.parse().unwrap()
}

/// Times that each thread gave the processor away, by thread id.
fn switches(daemon: &Daemon) -> BTreeMap<String, (String, u64)> {
    let threads = fs::read_dir(process(daemon).join("task")).unwrap().map(|entry| entry.unwrap().path());
    let of = |thread: PathBuf| {
        let status = fs::read_to_string(thread.join("status")).unwrap();
        let name = fs::read_to_string(thread.join("comm")).unwrap().trim().to_owned();
        let id = thread.file_name().unwrap().to_string_lossy().into_owned();
        (id, (name, field(&status, "voluntary_ctxt_switches")))
    };
    threads.map(of).collect()
}

#[test]
fn the_assets_stay_small() {
    let model = fs::metadata(root().join("assets/model/default.packed")).unwrap().len();
    let corpus = size_of_folder(&root().join("assets/corpus"));
    println!("model {model} bytes, corpus {corpus} bytes");
    assert!(model <= 1_200_000, "the packed model has {model} bytes");
    assert!(corpus <= 64 << 10, "the built-in corpus has {corpus} bytes");
}

#[test]
fn an_idle_daemon_sleeps_but_for_its_sampler() {
    const SECONDS: u64 = 5;
    let daemon = idle_daemon();
    let before = switches(&daemon);
    std::thread::sleep(Duration::from_secs(SECONDS));
    let after = switches(&daemon);
    let mut others = 0;
    for (id, (name, count)) in &after {
        let woken = count - before.get(id).map_or(0, |(_, count)| *count);
        println!("{name}: {woken} in {SECONDS} s");
        if name == "ticker" {
            // Once a second, and a few more for files it reads and locks it meets.
            assert!(woken <= SECONDS * 4, "the sampler woke {woken} times in {SECONDS} s");
        } else {
            others += woken;
        }
    }
    assert!(
        before.values().any(|(name, _)| name == "ticker"),
        "the sampler has another name now: {before:?}"
    );
    assert!(others <= 3, "other threads woke {others} times in {SECONDS} s");
    assert_eq!(before.len(), after.len(), "threads come and go in an idle daemon");
}

#[test]
fn an_idle_daemon_of_the_smallest_tier_is_small() {
    let daemon = idle_daemon();
    let status = fs::read_to_string(process(&daemon).join("status")).unwrap();
    let (resident, anonymous) = (field(&status, "VmRSS"), field(&status, "RssAnon"));
    let threads = field(&status, "Threads");
    let files = fs::read_dir(process(&daemon).join("fd")).unwrap().count();
    println!("{resident} KiB resident, {anonymous} KiB anonymous, {threads} threads, {files} open files");
    // A debug build maps much more code than the shipped one (16 MB is its goal).
    assert!(resident <= 48 << 10, "{resident} KiB resident");
    assert!(anonymous <= 24 << 10, "{anonymous} KiB anonymous");
    assert!(threads <= 12, "{threads} threads");
    assert!(files <= 40, "{files} open files");
}
