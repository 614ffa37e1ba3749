//! Search over a gigabyte of the box's own log, packed: `cargo bench --bench logs`, or with another size in MiB,
//! `cargo bench --bench logs -- 256`. Prints one figure a line; times are the best of three, with the
//! files in the page cache: by the clock, and of the processor, which says the same on a busy machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use spud::observe::{LogReader, LogWanted};

/// Bytes of one file before it is packed.
const FILE: u64 = 64 << 20;

/// Lines as spud writes them: times, levels, targets, messages, request ids that occur in a few lines each.
fn write_lines(path: &Path, first: u64) -> (u64, u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let (mut n, mut bytes) = (first, 0);
    let messages = [
        "answered",
        "indexed a document",
        "an operation was delivered",
        "the cache was emptied",
        "a request was refused",
    ];
    while bytes < FILE {
        let mut dice = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        dice ^= dice >> 29;
        let level = ["INFO", "INFO", "INFO", "DEBUG", "WARN"][(dice % 5) as usize];
        let line = format!(
            "{{\"timestamp\":\"2026-11-{:02}T{:02}:{:02}:{:02}.{:06}Z\",\"level\":\"{level}\",\"message\":\"{}\",\"request\":\"{:x}-{}\",\"micros\":{},\"collection\":\"manuals-{}\",\"target\":\"spud::engine::ask\"}}\n",
            1 + n / 86_400_000 % 28,
            n / 3_600_000 % 24,
            n / 60_000 % 60,
            n / 1000 % 60,
            dice % 1_000_000,
            messages[(dice >> 8) as usize % messages.len()],
            0x19b3c0_u64 + n / 3,
            n % 3,
            dice >> 50,
            (dice >> 20) % 40,
        );
        out.write_all(line.as_bytes()).unwrap();
        (n, bytes) = (n + 1, bytes + line.len() as u64);
    }
    out.flush().unwrap();
    (n, bytes)
}

/// Seconds of the processor that this thread has had.
fn processor() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn main() {
    let mib: u64 = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(1024);
    let folder = tempfile::tempdir().unwrap();
    let (mut n, mut raw, mut packing) = (0, 0, 0.0);
    let mut part = 1;
    while raw < mib << 20 {
        let path = folder.path().join(format!("spud.2026-11-21.{part}.jsonl"));
        let (next, bytes) = write_lines(&path, n);
        (n, raw, part) = (next, raw + bytes, part + 1);
        let began = processor();
        spud::observe::pack_log(&path).unwrap();
        packing += processor() - began;
    }
    let packed: u64 =
        fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("raw                      {} MB, {n} lines", raw / 1_000_000);
    println!("packed                   {} MB, at {:.0} MB/s", packed / 1_000_000, raw as f64 / 1e6 / packing);
    let rare = format!("{:x}-1", 0x19b3c0_u64 + n / 6);
    let all = LogWanted { n: 2000, ..LogWanted::default() };
    let some = |text: &str| Some(text.to_owned());
    let questions = [
        ("a text that is nowhere", LogWanted { contains: some("flux capacitor"), ..all.clone() }),
        ("part of a rare word", LogWanted { contains: some(rare.trim_end_matches("-1")), ..all.clone() }),
        ("errors (there are none)", LogWanted { level: some("error"), ..all.clone() }),
        ("a rare word", LogWanted { word: some(&rare), ..all.clone() }),
        ("a request's id", LogWanted { trace: some(&rare), ..all.clone() }),
        ("a word that is nowhere", LogWanted { word: some("capacitor"), ..all.clone() }),
        ("the newest 2000 warnings", LogWanted { level: some("warn"), ..all }),
    ];
    for (name, wanted) in questions {
        let reader = LogReader::new(folder.path());
        let (mut best, mut busy, mut lines, mut scanned, mut skipped) = (f64::MAX, f64::MAX, 0, 0, 0);
        for _ in 0..3 {
            let (began, began_busy) = (Instant::now(), processor());
            let (mut before, mut first) = (None, true);
            (lines, scanned, skipped) = (0, 0, 0);
            while first || (before.is_some() && lines < wanted.n) {
                let found = reader.find(&LogWanted { before: before.take(), ..wanted.clone() });
                (lines, scanned, skipped) =
                    (lines + found.lines.len(), scanned + found.scanned, skipped + found.skipped_blocks);
                (before, first) = (found.next, false);
            }
            best = best.min(began.elapsed().as_secs_f64());
            busy = busy.min(processor() - began_busy);
        }
        println!(
            "{name:<24} {:.1} ms, {:.1} of the processor, {lines} lines, {} MB looked at, {skipped} blocks passed over",
            best * 1e3,
            busy * 1e3,
            scanned / 1_000_000
        );
    }
}
