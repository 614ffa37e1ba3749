//! Search, measured on one thread and uncached, over a real library.
//!
//! `SPUD_BENCH_DATA` names a data folder that `spud add` made, `SPUD_BENCH_QUERIES` a JSON Lines file of
//! `{"id","text"}`. Without them a small library is built from `assets/corpus` and asked its own headings.
//! `SPUD_BENCH_ONLY=lexical` measures the lexical stages and the building of lists only.
//! `SPUD_BENCH_CORPUS` names a JSON Lines file of `{"title","text"}` whose posting lists are built, alone.
//! `SPUD_BENCH_DUMP` names a folder that gets `vectors.npy` and `queries.npy` (f32), for other programs.
//! Prints one `figure<TAB>value<TAB>unit` a line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use spud::hardware::ProcessReader;
use spud::knowledge::{
    Answers, Effort, Key, Layer, Library, Lists, Question, Stage, default_model_id, open_default_model,
};

const RESULTS: usize = 10;
/// Coarse candidates that are tried.
const RESCORED: [usize; 6] = [1000, 4000, 8000, 12_000, 16_000, 0];
/// Questions whose exact order is made.
const JUDGED: usize = 100;

fn main() {
    // `cargo test --benches` and `cargo bench -- --list` only want to know that it runs.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let data = std::env::var_os("SPUD_BENCH_DATA").map_or_else(|| small(scratch.path()), PathBuf::from);
    let library = open(&data);
    let queries = queries();
    let chunks: u64 = library.snapshot().collections.values().map(|c| c.chunks()).sum();
    let segments: u64 = library.snapshot().collections.values().map(|c| c.segment_count()).sum();
    let bytes: u64 = library.snapshot().collections.values().map(|c| c.index_bytes()).sum();
    figure("chunks", chunks as f64, "");
    figure("segments", segments as f64, "");
    figure("index", bytes as f64 / 1e6, "MB");
    figure("queries", queries.len() as f64, "");
    if let Some(folder) = std::env::var_os("SPUD_BENCH_DUMP") {
        dump(&library, &queries, Path::new(&folder));
        return;
    }
    if std::env::var_os("SPUD_BENCH_ONLY").is_some_and(|only| only == "lexical") {
        return lexical(&library, &queries, scratch.path());
    }
    hybrid(&library, &queries);
    lexical(&library, &queries, scratch.path());
    dense(&library, &queries);
    cached(&library, &queries);
    embedding(&library);
    bandwidth();
}

fn lexical(library: &Library, queries: &[String], scratch: &Path) {
    let plain = Effort { candidates: RESULTS, ..Effort::default() };
    stage("lexical", library, queries, Stage::Lexical, plain);
    stage("lexical, no near words", library, queries, Stage::Words, plain);
    lists(scratch);
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("{name}\t{value:.4}\t{unit}");
}

fn open(data: &Path) -> Library {
    let model = open_default_model(data).expect("the model opens");
    Library::open(data, 16 << 20, Arc::new(model), default_model_id().to_owned()).expect("the library opens")
}

fn small(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    let added = Command::new(env!("CARGO_BIN_EXE_spud"))
        .arg("--data")
        .arg(&data)
        .arg("--socket")
        .arg(folder.join("none.sock"))
        .args(["add", concat!(env!("CARGO_MANIFEST_DIR"), "/assets/corpus")])
        .stdout(Stdio::null())
        .status()
        .expect("spud runs");
    assert!(added.success());
    data
}

fn queries() -> Vec<String> {
    let Some(path) = std::env::var_os("SPUD_BENCH_QUERIES") else {
        let handbook = include_str!("../assets/corpus/handbook.md");
        return handbook.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();
    };
    let text = fs::read_to_string(path).expect("the queries can be read");
    let read = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).ok()?["text"].as_str().map(str::to_owned)
    };
    text.lines().filter_map(read).collect()
}

/// Prints p50, p95, p99 in milliseconds.
fn percentiles(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    for (label, part) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let at = (times.len() * part).div_ceil(100).clamp(1, times.len()) - 1;
        figure(&format!("{name} {label}"), times[at].as_secs_f64() * 1e3, "ms");
    }
}

/// Rounds in which every query is timed, here and in `peers.py`: the best time of each counts. What the neighbours of
/// a shared machine take meanwhile is not the query's, and would be all that a p99 of 300 shows.
const ROUNDS: usize = 3;

/// Every query once to warm the page cache, then timed.
fn timed(name: &str, queries: &[String], mut each: impl FnMut(&str)) {
    queries.iter().for_each(|query| each(query));
    let mut times = vec![Duration::MAX; queries.len()];
    for _ in 0..ROUNDS {
        for (query, best) in queries.iter().zip(&mut times) {
            let start = Instant::now();
            each(query);
            *best = start.elapsed().min(*best);
        }
    }
    percentiles(name, times);
}

fn hybrid(library: &Library, queries: &[String]) {
    timed("hybrid", queries, |text| {
        let question = Question { text: text.to_owned(), n: RESULTS, ..Question::default() };
        std::hint::black_box(library.ask(&question).expect("an answer"));
    });
    let now = ProcessReader::default().read();
    figure("rss after hybrid", now.rss as f64 / 1e6, "MB");
    figure("rss peak after hybrid", now.peak as f64 / 1e6, "MB");
    figure("anonymous after hybrid", now.anonymous as f64 / 1e6, "MB");
}

fn stage(name: &str, library: &Library, queries: &[String], stage: Stage, effort: Effort) {
    timed(name, queries, |text| {
        std::hint::black_box(library.nearest(text, stage, effort).expect("candidates"));
    });
}

/// Posting lists of a whole corpus: processor time without what reading the file costs.
fn lists(folder: &Path) {
    let Some(path) = std::env::var_os("SPUD_BENCH_CORPUS") else { return };
    let lines = BufReader::new(File::open(path).expect("the corpus can be read")).lines();
    let (mut lists, mut parts, mut took, mut bytes) = (Lists::default(), 0, Duration::ZERO, 0);
    let mut write = |lists: Lists, took: &mut Duration| {
        parts += 1;
        let start = Instant::now();
        bytes += lists.write(&folder.join(format!("lists.{parts}"))).expect("lists are written");
        *took += start.elapsed();
    };
    for line in lines {
        let passage: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let field = |name: &str| passage[name].as_str().unwrap_or_default();
        let start = Instant::now();
        lists.add(field("title"), field("text")).expect("a passage is added");
        took += start.elapsed();
        if lists.held() > 64 << 20 {
            write(std::mem::take(&mut lists), &mut took);
        }
    }
    write(lists, &mut took);
    figure("lexical build", took.as_secs_f64(), "s");
    figure("lexical build parts", f64::from(parts), "");
    figure("lexical build bytes", bytes as f64 / 1e6, "MB");
}

/// Dense search alone: recall against the exact order of the int8 vectors, and time, by coarse candidates.
fn dense(library: &Library, queries: &[String]) {
    let before = ProcessReader::default().read().anonymous;
    let judged = &queries[..queries.len().min(JUDGED)];
    let near = |text: &str, rescored| {
        let effort = Effort { candidates: RESULTS, rescored };
        library.nearest(text, Stage::Dense, effort).expect("candidates")
    };
    let exact: Vec<_> = judged.iter().map(|text| near(text, usize::MAX)).collect();
    timed("dense exact", judged, |text| drop(std::hint::black_box(near(text, usize::MAX))));
    for rescored in RESCORED {
        let (mut hit, mut wanted) = (0, 0);
        for (text, exact) in judged.iter().zip(&exact) {
            // Chunks of equal text have equal vectors: any of a tie counts.
            let least = exact.last().map_or(0.0, |last| last.score);
            let places: HashSet<_> = exact.iter().map(|found| found.place).collect();
            let right =
                |found: &&spud::knowledge::Near| found.score >= least || places.contains(&found.place);
            hit += near(text, rescored).iter().filter(right).count();
            wanted += exact.len();
        }
        figure(
            &format!("dense {rescored} recall@10"),
            f64::from(u32::try_from(hit).unwrap()) / wanted.max(1) as f64,
            "",
        );
        timed(&format!("dense {rescored}"), queries, |text| drop(std::hint::black_box(near(text, rescored))));
    }
    let now = ProcessReader::default().read();
    figure("anonymous of dense", now.anonymous.saturating_sub(before) as f64 / 1e6, "MB");
    figure("anonymous after dense", now.anonymous as f64 / 1e6, "MB");
}

fn cached(library: &Library, queries: &[String]) {
    let answers = Answers::open(&library.database(), 32 << 20, 0).expect("a cache");
    let fingerprint = library.snapshot().fingerprint();
    let key = |text: &str| Key { fingerprint, question: text.to_owned() };
    for text in queries {
        let question = Question { text: text.clone(), n: RESULTS, ..Question::default() };
        answers.put(key(text), Arc::new(library.ask(&question).expect("an answer")));
    }
    timed("l1 hit", queries, |text| {
        let found = answers.get(&library.database(), &key(text));
        assert!(found.is_some_and(|(_, layer)| layer == Layer::L1));
    });
}

/// Tokenizing and embedding the built-in handbook, passage by passage.
fn embedding(library: &Library) {
    let handbook = include_str!("../assets/corpus/handbook.md");
    let passages: Vec<&str> = handbook.split("\n\n").collect();
    let (mut vector, mut rows) = (vec![0.0; library.model().width(128)], Vec::new());
    let mut best = f64::MAX;
    for _ in 0..50 {
        let start = Instant::now();
        for passage in &passages {
            library.model().embed(passage, &mut vector, &mut rows).expect("a vector");
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    figure("tokenize and embed", handbook.len() as f64 / best / 1e6, "MB/s");
}

/// What this machine reads from memory, one thread: the limit of any scan.
fn bandwidth() {
    let data = vec![1u64; 32 << 20];
    let best = (0..5).map(|_| {
        let start = Instant::now();
        std::hint::black_box(data.iter().fold(0u64, |sum, word| sum.wrapping_add(*word)));
        start.elapsed().as_secs_f64()
    });
    figure("memory read", (data.len() * 8) as f64 / best.fold(f64::MAX, f64::min) / 1e9, "GB/s");
}

/// Stored vectors and the queries' vectors as NumPy arrays.
fn dump(library: &Library, queries: &[String], folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let (mut count, mut width) = (0, 0);
    let body = folder.join("vectors.raw");
    let mut out = BufWriter::new(File::create(&body).unwrap());
    library
        .vectors(|row, scale| {
            (count, width) = (count + 1, row.len());
            row.iter().for_each(|value| out.write_all(&(f32::from(*value) * scale).to_le_bytes()).unwrap());
            ControlFlow::Continue(())
        })
        .expect("vectors");
    out.flush().unwrap();
    write_npy(&folder.join("vectors.npy"), count, width, &mut File::open(&body).unwrap());
    fs::remove_file(&body).unwrap();
    let (mut vector, mut rows, mut all) = (vec![0.0; width], Vec::new(), Vec::new());
    for text in queries {
        library.model().embed(text, &mut vector, &mut rows).expect("a vector");
        vector.iter().for_each(|value| all.extend_from_slice(&value.to_le_bytes()));
    }
    write_npy(&folder.join("queries.npy"), queries.len(), width, &mut all.as_slice());
}

fn write_npy(path: &Path, rows: usize, columns: usize, body: &mut dyn std::io::Read) {
    let mut head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // The header ends with a line feed, on a multiple of 64 bytes.
    let padding = 63 - (10 + head.len()) % 64;
    head.push_str(&" ".repeat(padding));
    head.push('\n');
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(b"\x93NUMPY\x01\x00").unwrap();
    out.write_all(&u16::try_from(head.len()).unwrap().to_le_bytes()).unwrap();
    out.write_all(head.as_bytes()).unwrap();
    std::io::copy(body, &mut out).unwrap();
    out.flush().unwrap();
}
