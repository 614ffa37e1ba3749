//! The store as a whole: what was recorded is found again, after crashes, with damage, at every width.

use std::fs;
use std::path::Path;

use super::plan::BLOCK_SAMPLES;
use super::telemetry::HOUR_MS;
use super::{SeriesSettings, Telemetry};
use crate::observe::metric::{Family, Kind};
use crate::observe::promql::{
    Answer, Context, EvalFault, Limits, METRIC_NAME, MatchOp, Matcher, Of, Sample, Series, Source, Wanted,
    parse, range,
};

const SECOND: u64 = 15_000;

fn settings(folder: &Path) -> SeriesSettings {
    SeriesSettings {
        folder: folder.to_owned(),
        interval_ms: SECOND,
        bytes: 8 << 20,
        memory: 4 << 20,
        series: 1000,
    }
}

fn families(count: f64, gauge: f64) -> Vec<Family> {
    let family = |name: &'static str, kind, value: f64| {
        let mut family =
            Family { name: name.into(), kind, unit: "".into(), help: "".into(), points: Vec::new() };
        family.push(&[("lane", "a")], value);
        family.push(&[("lane", "b")], value * 2.0);
        family
    };
    vec![family("done_total", Kind::Counter, count), family("depth", Kind::Gauge, gauge)]
}

/// Rows of whole hours from `from_ms` on; the counter rises by one a row.
fn fill(telemetry: &Telemetry, from_ms: u64, rows: u64) {
    for row in 0..rows {
        let at = from_ms + row * SECOND;
        let number = f64::from(u32::try_from(at / SECOND).unwrap());
        telemetry.record(at + 123, &families(number, (number * 0.1).sin()), true).unwrap();
    }
}

fn select(telemetry: &Telemetry, name: &str, more: &[(&str, &str)]) -> Vec<Series> {
    let name = [(METRIC_NAME, name)];
    let matchers = name.iter().chain(more).map(|(n, v)| Matcher::new(*n, MatchOp::Equal, *v).unwrap());
    let mut found = telemetry.select(&all_of(&matchers.collect::<Vec<_>>()), &mut |_| Ok(())).unwrap();
    found.retain(|series| !series.samples.is_empty());
    found
}

fn all_of(matchers: &[Matcher]) -> Wanted<'_> {
    Wanted {
        matchers,
        after: i64::MIN,
        until: i64::MAX,
        most: 1_000_000,
        width: 0,
        of: Of::Last,
        steps: None,
        late: &|| false,
    }
}

/// Every sample is the one that was recorded at its time.
fn check(series: &Series, factor: f64, samples: usize) {
    assert_eq!(series.samples.len(), samples);
    assert!(series.samples.windows(2).all(|pair| pair[0].time < pair[1].time));
    for sample in &series.samples {
        let at = u64::try_from(sample.time).unwrap();
        assert_eq!(at % SECOND, 0, "times are whole intervals");
        let number = f64::from(u32::try_from(at / SECOND).unwrap());
        assert_eq!(sample.value, number * factor);
    }
}

#[test]
fn rows_are_found_again_before_and_after_they_are_blocks_and_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let begin = 1_000 * HOUR_MS as u64;
    let telemetry = Telemetry::new(settings(folder.path()));
    assert!(telemetry.is_due(begin));
    fill(&telemetry, begin, 100);
    assert!(!telemetry.is_due(begin + 99 * SECOND + 5000));
    assert!(telemetry.is_due(begin + 100 * SECOND));
    let found = select(&telemetry, "done_total", &[]);
    assert_eq!(found.len(), 2);
    check(&found[0], 1.0, 100);
    check(&found[1], 2.0, 100);
    // As after a kill: nothing was closed, nothing cut. All rows were synced when they came.
    let copy = tempfile::tempdir().unwrap();
    for name in ["telemetry.redb", "telemetry.tail"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    // A unit test's own program cannot look at a store as a child; the flag of an open store is taken off.
    drop(telemetry);
    fs::copy(folder.path().join("telemetry.redb"), copy.path().join("telemetry.redb")).unwrap();
    let again = Telemetry::new(settings(copy.path()));
    check(&select(&again, "done_total", &[("lane", "b")])[0], 2.0, 100);
    fill(&again, begin + 100 * SECOND, 500);
    let stored = again.stored();
    assert!(stored.tiers[0].1 > 0 && stored.tiers[1].1 > 0, "{stored:?}");
    check(&select(&again, "done_total", &[("lane", "a")])[0], 1.0, 600);
    drop(again);
    let last = Telemetry::new(settings(copy.path()));
    check(&select(&last, "done_total", &[("lane", "a")])[0], 1.0, 600);
    assert_eq!(last.stored().series, 4);
}

#[test]
fn what_no_step_looks_at_is_left_out_and_a_late_reader_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let begin = 1_000 * HOUR_MS as u64;
    let telemetry = Telemetry::new(settings(folder.path()));
    fill(&telemetry, begin, 900);
    telemetry.cut_now().unwrap();
    fill(&telemetry, begin + 900 * SECOND, 50);
    let matchers = [Matcher::new(METRIC_NAME, MatchOp::Equal, "done_total").unwrap()];
    let all = telemetry.select(&all_of(&matchers), &mut |_| Ok(())).unwrap();
    let (first, step) = (begin as i64 + 60_000, 300_000);
    let few = telemetry
        .select(&Wanted { steps: Some((first, step)), ..all_of(&matchers) }, &mut |_| Ok(()))
        .unwrap();
    for (all, few) in all.iter().zip(&few) {
        assert_eq!((all.samples.len(), &all.labels), (950, &few.labels));
        assert!(few.samples.len() < 100, "{}", few.samples.len());
        for now in (0..47).map(|at| first + at * step) {
            let newest = |samples: &[Sample]| samples.iter().rev().find(|sample| sample.time <= now).copied();
            assert_eq!(newest(&few.samples), newest(&all.samples));
        }
    }
    let late = telemetry.select(&Wanted { late: &|| true, ..all_of(&matchers) }, &mut |_| Ok(()));
    assert_eq!(late, Err(EvalFault::TimedOut));
}

/// What a point does not know is read of the samples: the least value of a counter, falls of what is none.
#[test]
fn points_are_not_read_for_what_they_do_not_tell() {
    let folder = tempfile::tempdir().unwrap();
    let begin = 1_000 * HOUR_MS as u64;
    let telemetry = Telemetry::new(settings(folder.path()));
    fill(&telemetry, begin, 960);
    telemetry.cut_now().unwrap();
    let (start, end) = (begin as i64 + HOUR_MS, begin as i64 + 3 * HOUR_MS);
    let told = |query: &str, resolution: i64| {
        let limits = Limits { resolution, ..Limits::default() };
        let context = Context { source: &telemetry, limits, late: &|| false };
        range(&parse(query).unwrap(), start, end, 1_800_000, context).unwrap().answer
    };
    for query in ["min_over_time(done_total[30m])", "increase(depth[30m])", "rate(depth[30m])"] {
        assert_eq!(told(query, i64::MAX), told(query, 0), "{query}");
    }
    assert_ne!(told("done_total offset 20s", i64::MAX), told("done_total offset 20s", 0), "points are read");
}

#[test]
fn a_series_of_before_a_restart_goes_on_until_its_program_may_have_been_asked() {
    let folder = tempfile::tempdir().unwrap();
    let begin = 1_000 * HOUR_MS as u64;
    fill(&Telemetry::new(settings(folder.path())), begin, 10);
    let own = &families(50.0, 0.5)[..1];
    let values = |after_ms: u64| {
        let copy = tempfile::tempdir().unwrap();
        for name in ["telemetry.redb", "telemetry.tail"] {
            fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        let telemetry = Telemetry::new(settings(copy.path()));
        select(&telemetry, "depth", &[]);
        (0..40).for_each(|row| telemetry.record(begin + after_ms + row * SECOND, own, true).unwrap());
        let found = select(&telemetry, "depth", &[("lane", "a")]).remove(0);
        (found.samples.iter().filter(|sample| !sample.value.is_nan()).count(), found.samples.len())
    };
    // A minute later: as it was, until five minutes after its last value; then the mark that it is gone.
    assert_eq!(values(60_000 + 9 * SECOND), (10 + 16, 27));
    assert_eq!(values(24 * HOUR_MS as u64), (10, 11), "nobody believes what was a day ago");
}

#[test]
fn older_times_are_told_by_wider_points() {
    let folder = tempfile::tempdir().unwrap();
    let small = SeriesSettings { bytes: 36 << 10, ..settings(folder.path()) };
    let telemetry = Telemetry::new(small);
    let begin = 5_000 * HOUR_MS as u64;
    fill(&telemetry, begin, 240 * 24 * 4);
    let stored = telemetry.stored();
    assert!(stored.tiers.iter().all(|(bytes, samples)| *bytes > 0 && *samples > 0), "{stored:?}");
    assert!(stored.tiers[0].0 <= 9 << 10, "the oldest raw blocks are gone: {stored:?}");
    let found = select(&telemetry, "done_total", &[("lane", "a")]).remove(0);
    check(&found, 1.0, found.samples.len());
    let first = found.samples[0].time - begin as i64;
    assert!(first < 12 * HOUR_MS, "hours reach back further than the raw tier: {first}");
    let steps: Vec<i64> = found.samples.windows(2).map(|pair| pair[1].time - pair[0].time).collect();
    assert!(steps.contains(&(SECOND as i64)) && steps.iter().any(|step| *step >= 5 * 60_000), "{steps:?}");
    let most = select(&telemetry, "depth", &[("lane", "a"), ("__rollup__", "max")]).remove(0);
    let mean = select(&telemetry, "depth", &[("lane", "a"), ("__rollup__", "avg")]).remove(0);
    assert_eq!(most.samples.len(), mean.samples.len());
    let pairs = most.samples.iter().zip(&mean.samples);
    assert!(pairs.clone().all(|(most, mean)| most.value >= mean.value && mean.value.abs() <= 1.0));
    assert!(pairs.clone().any(|(most, mean)| most.value > mean.value));
    let wrong = Matcher::new("__rollup__", MatchOp::Equal, "median").unwrap();
    assert!(telemetry.select(&all_of(&[wrong]), &mut |_| Ok(())).is_err());
}

/// A graph of an hour is the same within a step, of far fewer samples.
#[test]
fn graphs_are_made_of_points_where_samples_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::new(SeriesSettings { interval_ms: 1000, ..settings(folder.path()) });
    let begin = 5_000 * HOUR_MS as u64;
    let wave = |row: u64| f64::from(u32::try_from(row * 37 % 61).unwrap());
    for row in 0..7200 {
        telemetry
            .record(begin + row * 1000, &families(begin as f64 / 1000.0 + row as f64, wave(row)), true)
            .unwrap();
    }
    telemetry.cut_now().unwrap();
    let ask = |query: &str, resolution: i64, samples: usize| {
        let limits = Limits { resolution, samples, ..Limits::default() };
        let context = Context { source: &telemetry, limits, late: &|| false };
        let (start, end) = (begin as i64 + 1_800_000, begin as i64 + 7_200_000);
        range(&parse(query).unwrap(), start, end, 300_000, context).map(|outcome| outcome.answer)
    };
    let values = |answer: Answer| match answer {
        Answer::Matrix(series) => series[0].samples.iter().map(|sample| sample.value).collect::<Vec<f64>>(),
        other => panic!("{other:?}"),
    };
    for (query, off) in [
        ("rate(done_total{lane=\"a\"}[5m])", 1e-9),
        ("max_over_time(depth{lane=\"a\"}[5m])", 0.0),
        ("min_over_time(depth{lane=\"a\"}[5m])", 0.0),
        ("done_total{lane=\"a\"}", 60.0),
        ("avg_over_time(depth{lane=\"a\"}[5m])", 0.0),
    ] {
        let exact = values(ask(query, 0, 1_000_000).unwrap());
        let auto = values(ask(query, i64::MAX, 1_000_000).unwrap());
        assert!(exact.len() == auto.len() && exact.len() > 10, "{query}: {} {}", exact.len(), auto.len());
        assert!(exact.iter().zip(&auto).all(|(a, b)| (a - b).abs() <= off), "{query}: {exact:?} {auto:?}");
    }
    // What needs each sample is never made of points; what does not is made of a sixtieth of them.
    let few = |query: &str, resolution: i64| ask(query, resolution, 1000).is_ok();
    assert!(few("rate(done_total[5m])", i64::MAX) && !few("rate(done_total[5m])", 0));
    assert!(!few("rate(done_total[5m])", 59_999), "no points are as narrow");
    assert!(!few("rate(done_total[4m])", i64::MAX), "five of them must fit");
    assert!(!few("stddev_over_time(depth[5m])", i64::MAX));
}

#[test]
fn a_damaged_store_is_set_aside_and_recording_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("telemetry.redb"), vec![7u8; 5000]).unwrap();
    fs::write(folder.path().join("telemetry.tail"), b"nonsense").unwrap();
    let telemetry = Telemetry::new(settings(folder.path()));
    fill(&telemetry, HOUR_MS as u64, 3);
    assert!(folder.path().join("telemetry.redb.damaged").exists());
    check(&select(&telemetry, "done_total", &[("lane", "a")])[0], 1.0, 3);
}

#[test]
fn a_reader_makes_no_files_and_a_box_that_must_not_write_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::new(settings(folder.path()));
    assert!(select(&telemetry, "done_total", &[]).is_empty());
    telemetry.record(HOUR_MS as u64, &families(240.0, 0.0), false).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    check(&select(&telemetry, "done_total", &[("lane", "a")])[0], 1.0, 1);
    let off = Telemetry::new(SeriesSettings { interval_ms: 0, ..settings(folder.path()) });
    assert!(!off.is_due(HOUR_MS as u64));
}

#[test]
fn memory_and_series_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::new(SeriesSettings { series: 3, memory: 800, ..settings(folder.path()) });
    for row in 0..1000 {
        telemetry.record(row * SECOND, &families(1.0, 2.0), false).unwrap();
    }
    let stored = telemetry.stored();
    assert_eq!((stored.series, stored.refused), (3, 1000));
    let held: usize = select(&telemetry, "done_total", &[]).iter().map(|series| series.samples.len()).sum();
    assert!(held <= 100, "{held}");
}

#[test]
fn a_clock_that_is_set_back_loses_nothing_of_what_was() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::new(settings(folder.path()));
    fill(&telemetry, 100 * HOUR_MS as u64, 10);
    fill(&telemetry, 50 * HOUR_MS as u64, 10);
    check(&select(&telemetry, "done_total", &[("lane", "a")])[0], 1.0, 20);
    telemetry.cut_now().unwrap();
    check(&select(&telemetry, "done_total", &[("lane", "a")])[0], 1.0, 20);
}

/// Whoever reads on hears of each block; not where times come out of order: what is behind one is then before another.
#[test]
fn blocks_are_heard_of_one_after_another() {
    let folder = tempfile::tempdir().unwrap();
    let begin = 1_000 * HOUR_MS as u64;
    let telemetry = Telemetry::new(settings(folder.path()));
    let matchers = [Matcher::new(METRIC_NAME, MatchOp::Equal, "done_total").unwrap()];
    let heard = || {
        let mut ends = Vec::new();
        let found = telemetry.select(&all_of(&matchers), &mut |series| {
            ends.push(series.iter().map(|one| one.samples.last().unwrap().time).collect::<Vec<_>>());
            series.iter_mut().for_each(|one| drop(one.samples.drain(..one.samples.len() - 1)));
            Ok(())
        });
        (ends, found.unwrap())
    };
    // More than one block, and what is none yet.
    let rows = 3 * BLOCK_SAMPLES as u64 / 8;
    fill(&telemetry, begin, rows);
    telemetry.cut_now().unwrap();
    fill(&telemetry, begin + rows * SECOND, 5);
    let (ends, found) = heard();
    assert!(ends.len() >= 2 && ends.is_sorted_by(|a, b| a < b), "{ends:?}");
    assert!(ends.iter().all(|ends| ends.len() == 2 && ends[0] == ends[1]));
    check(&found[0], 1.0, 6);
    // What was taken away is not held.
    let most = rows as usize;
    let few = Wanted { most, ..all_of(&matchers) };
    let too_much = Err(EvalFault::TooMuch { what: "samples", most });
    assert_eq!(telemetry.select(&few, &mut |_| Ok(())), too_much);
    let drop_all = &mut |series: &mut [Series]| {
        series.iter_mut().for_each(|one| one.samples.clear());
        Ok(())
    };
    assert!(telemetry.select(&few, drop_all).is_ok());
    let stop = telemetry.select(&all_of(&matchers), &mut |_| Err(EvalFault::TimedOut));
    assert_eq!(stop, Err(EvalFault::TimedOut));
    fill(&telemetry, begin + 300 * SECOND, 50);
    telemetry.cut_now().unwrap();
    let (ends, found) = heard();
    assert_eq!(ends, Vec::<Vec<i64>>::new());
    check(&found[0], 1.0, rows as usize + 5);
}

/// Bytes a sample, everything on disk counted: of what node_exporter told of a box, moment by moment.
///
/// `SPUD_SCRAPES=FOLDER cargo test --lib -- --ignored --nocapture bytes_a_sample`; the folder holds what it answered,
/// a file a second, by name. Without it the kernel is read while the test runs, on `SPUD_ROWS` moments with
/// `SPUD_PAUSE_MS` between them (for noise that is real).
#[test]
#[ignore = "measures for minutes"]
fn bytes_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let number =
        |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let scrapes = std::env::var("SPUD_SCRAPES").ok().map(scrapes_of);
    let (rows, pause) = (number("SPUD_ROWS", 2880), number("SPUD_PAUSE_MS", 20));
    let (rows, interval_ms) = scrapes.as_ref().map_or((rows, SECOND), |files| (files.len() as u64, 1000));
    let telemetry = Telemetry::new(SeriesSettings {
        bytes: 1 << 30,
        memory: 64 << 20,
        series: 5000,
        interval_ms,
        ..settings(folder.path())
    });
    let begin = 400_000 * HOUR_MS as u64;
    let mut samples = 0;
    for row in 0..rows {
        let families = match &scrapes {
            Some(files) => of_text(&fs::read_to_string(&files[usize::try_from(row).unwrap()]).unwrap()),
            None => {
                std::thread::sleep(std::time::Duration::from_millis(pause));
                of_proc(row)
            }
        };
        let mut count = 0;
        families.iter().for_each(|family| family.each_series(|_, _, _, _| count += 1));
        samples += count;
        telemetry.record(begin + row * interval_ms, &families, true).unwrap();
    }
    telemetry.cut_now().unwrap();
    let (stored, written) = (telemetry.stored(), telemetry.written());
    #[allow(clippy::cast_precision_loss)]
    let a_sample = |bytes: u64| bytes as f64 / f64::from(u32::try_from(samples).unwrap());
    let raw = a_sample(stored.tiers[0].0);
    let all = a_sample(stored.tiers.iter().map(|(bytes, _)| bytes).sum());
    println!(
        "{samples} samples, {} series: {raw:.3} bytes a sample raw, {all:.3} all tiers, {:.3} with files; {} bytes written",
        stored.series,
        a_sample(stored.file_bytes),
        written.bytes
    );
    for tier in stored.tiers {
        println!("{tier:?}");
    }
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        println!(
            "{:?} {} long, {} on disk",
            entry.file_name(),
            meta.len(),
            std::os::unix::fs::MetadataExt::blocks(&meta) * 512
        );
    }
    assert!(raw > 0.0);
}

fn scrapes_of(folder: String) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn of_text(text: &str) -> Vec<Family> {
    let family = |sample: crate::observe::intake::Sample| {
        let name = sample.labels.iter().find(|(name, _)| *name == METRIC_NAME).unwrap().1.to_owned();
        let labels: Vec<(String, String)> = sample
            .labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME)
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        let kind = if sample.kind == Kind::Counter { Kind::Counter } else { Kind::Gauge };
        let mut family =
            Family { name: name.into(), kind, unit: "".into(), help: "".into(), points: Vec::new() };
        let labels: Vec<(&'static str, &str)> =
            labels.iter().map(|(name, value)| (&*name.clone().leak(), value.as_str())).collect();
        family.push(&labels, sample.value);
        family
    };
    crate::observe::intake::read_text(text).unwrap().into_iter().map(family).collect()
}

/// What the kernel counts, as node_exporter would tell it.
fn of_proc(row: u64) -> Vec<Family> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let family = |name: &'static str, kind| Family {
        name: name.into(),
        kind,
        unit: "".into(),
        help: "".into(),
        points: Vec::new(),
    };
    let mut memory = family("node_memory_bytes", Kind::Gauge);
    for line in read("/proc/meminfo").lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(kb)) = (words.next(), words.next().and_then(|kb| kb.parse::<f64>().ok())) {
            memory.push(&[("name", name)], kb * 1024.0);
        }
    }
    let mut events = family("node_vmstat_total", Kind::Counter);
    for line in read("/proc/vmstat").lines() {
        if let Some((name, count)) = line.split_once(' ') {
            events.push(&[("name", name)], count.parse().unwrap_or(0.0));
        }
    }
    let mut cpu = family("node_cpu_seconds_total", Kind::Counter);
    for line in read("/proc/stat").lines().filter(|line| line.starts_with("cpu")) {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        for (word, at) in words.zip(0..) {
            let state = at.to_string();
            cpu.push(&[("cpu", &name), ("state", &state)], word.parse::<f64>().unwrap_or(0.0) / 100.0);
        }
    }
    let mut disk = family("node_disk_total", Kind::Counter);
    for line in read("/proc/diskstats").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        for (word, at) in words.iter().skip(3).zip(0..) {
            let field = at.to_string();
            let name = words.get(2).copied().unwrap_or_default();
            disk.push(&[("device", name), ("field", &field)], word.parse().unwrap_or(0.0));
        }
    }
    let mut load = family("node_load", Kind::Gauge);
    for (word, at) in read("/proc/loadavg").split_whitespace().take(3).zip(0..) {
        let window = at.to_string();
        load.push(&[("window", &window)], word.parse().unwrap_or(0.0));
    }
    let mut rows = family("rows_total", Kind::Counter);
    rows.push(&[], f64::from(u32::try_from(row).unwrap_or(0)));
    vec![memory, events, cpu, disk, load, rows]
}
