//! What watching costs inside the box: counting, a hundred rules, and the panels of a dashboard over one day of 500 series
//! at 1 Hz. `cargo bench --bench observe` prints one "figure<TAB>value<TAB>unit" a line and judges none; another size
//! of the store than 64 MiB is given as a number, and then how many seconds there are instead of a day's:
//! `cargo bench --bench observe -- 8 3600`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use spud::observe::alert::{Format, evaluate, found, read, recorded};
use spud::observe::metric::{Counter, Described, Family, Histogram, Kind, Point, Reading, Registry};
use spud::observe::promql::{Context, Limits, parse, range};
use spud::observe::series::{SeriesSettings, Telemetry};

const DAY_S: u64 = 86_400;
/// Some day; the store takes what time it is told.
const BEGIN_MS: u64 = 1_790_000_000_000 / 3_600_000 * 3_600_000;
const FAMILIES: u64 = 100;
const LANES: u64 = 5;

fn figure(name: &str, value: f64, unit: &str) {
    println!("{name}\t{value:.3}\t{unit}");
}

/// Median and worst of so many times, in milliseconds.
fn times(name: &str, count: usize, mut work: impl FnMut()) {
    let mut took: Vec<f64> = (0..count)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    figure(&format!("{name}: median"), took[count / 2], "ms");
    figure(&format!("{name}: worst"), took[count - 1], "ms");
}

/// What the whole process holds at most while this is done, the store and what was allocated before included.
fn height(name: &str, work: impl FnOnce()) {
    // Forgets how high it was before (proc(5)).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    work();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let height: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    figure(&format!("{name}: resident"), height / 1e3, "MB");
}

fn counting() {
    const TIMES: u64 = 50_000_000;
    let registry = Registry::new(10);
    let described = Described {
        name: "bench_total",
        kind: Kind::Counter,
        unit: "",
        help: "A count",
        labels: &["route"],
        bounds: &[],
    };
    let counter = registry.many::<Counter>(described).unwrap().with(&["/a"]);
    let histogram = Histogram::default();
    let each = |name: &str, work: &dyn Fn(u64)| {
        let best = (0..3).map(|_| {
            let begun = Instant::now();
            (0..TIMES).for_each(|n| work(black_box(n)));
            begun.elapsed().as_secs_f64() * 1e9 / TIMES as f64
        });
        figure(name, best.fold(f64::MAX, f64::min), "ns");
    };
    each("counter, one more", &|_| counter.one());
    each("histogram, one observation", &|n| histogram.observe(n & 0xffff));
    assert_eq!((counter.get(), histogram.snapshot().count()), (3 * TIMES, 3 * TIMES));
}

/// Half of them counters that rise unevenly, half gauges that wander.
fn families(row: u64) -> Vec<Family> {
    let of = |number: u64| {
        let is_counter = number.is_multiple_of(2);
        // A counter never falls: unevenness is less than a step.
        let value = |lane: u64| {
            let rate = 5 + number % 7 + lane;
            if is_counter { row * rate + (row * number) % 5 } else { 500 + (row / (7 + lane) * number) % 97 }
        };
        let point = |lane: u64| Point {
            labels: vec![("lane".into(), lane.to_string())],
            reading: Reading::Number(value(lane) as f64),
        };
        Family {
            name: if is_counter { format!("work_{number}_total") } else { format!("level_{number}") }.into(),
            kind: if is_counter { Kind::Counter } else { Kind::Gauge },
            unit: "".into(),
            help: "".into(),
            points: (0..LANES).map(point).collect(),
        }
    };
    (0..FAMILIES).map(of).collect()
}

fn store(folder: &Path, interval_ms: u64, bytes: u64) -> Telemetry {
    Telemetry::new(SeriesSettings {
        folder: folder.to_owned(),
        interval_ms,
        bytes,
        memory: 8 << 20,
        series: 2000,
    })
}

/// An hour at 15 s, as rules find it.
fn hundred_rules() {
    const STEP_MS: u64 = 15_000;
    let folder = tempfile::tempdir().unwrap();
    let telemetry = store(folder.path(), STEP_MS, 64 << 20);
    let last = 3_600_000 / STEP_MS;
    (0..=last).for_each(|row| telemetry.record(BEGIN_MS + row * STEP_MS, &families(row), true).unwrap());
    let rule = |n: u64| {
        let (work, level) = (format!("work_{}_total", n / 2 * 2), format!("level_{}", n / 2 * 2 + 1));
        match n % 5 {
            0 => format!(
                "  - alert: A{n}\n    expr: {level} > 3\n    annotations: {{summary: '{{{{ $value }}}}'}}\n"
            ),
            1 => format!("  - alert: A{n}\n    expr: rate({work}[5m]) > 0.5\n"),
            2 => format!("  - record: r:{n}\n    expr: sum by (lane) ({level})\n"),
            3 => format!("  - alert: A{n}\n    expr: {level} / {work} > 0.9\n"),
            _ => format!("  - alert: A{n}\n    expr: avg_over_time({level}[15m]) > 8\n"),
        }
    };
    let rules: String = (0..100).map(rule).collect();
    let file = read(&format!("groups:\n- name: g\n  rules:\n{rules}"), Format::Yaml, "full").unwrap();
    let context = Context { source: &telemetry, limits: Limits::default(), late: &|| false };
    let now = i64::try_from(BEGIN_MS + last * STEP_MS).unwrap();
    let mut results = 0;
    times("100 rules over 500 series", 20, || {
        for rule in &file.groups[0].rules {
            let values = evaluate(rule, 0, now, context).unwrap();
            results += values.len();
            match rule.is_alert {
                true => drop(black_box(found(rule, values, now, context).unwrap())),
                false => drop(black_box(recorded(rule, values).unwrap())),
            }
        }
    });
    assert!(results > 0);
}

/// One day at 1 Hz, as far as it is kept in these bytes, and what a dashboard asks of it.
fn one_day(bytes: u64, seconds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = store(folder.path(), 1000, bytes);
    let begun = Instant::now();
    (0..seconds).for_each(|row| telemetry.record(BEGIN_MS + row * 1000, &families(row), true).unwrap());
    figure("a row of 500 series, recorded", begun.elapsed().as_secs_f64() * 1e6 / seconds as f64, "us");
    let stored = telemetry.stored();
    figure("one day on disk", stored.file_bytes as f64 / 1e6, "MB");
    figure("samples kept raw", stored.tiers[0].1 as f64 / 1e6, "million");
    let (start, end) = (BEGIN_MS as i64, (BEGIN_MS + (seconds - 1) * 1000) as i64);
    // As Prometheus reads it, and as graphs do.
    const AUTO: i64 = i64::MAX;
    for (query, resolution) in [
        "level_7{lane=\"1\"}",
        "level_7",
        "rate(work_8_total[5m])",
        "sum(rate(work_8_total[5m]))",
        "max_over_time(level_9[5m])",
        "avg by (lane) ({__name__=~\"level_.*\"})",
        "sum by (lane) (rate({__name__=~\"work_.*\"}[5m]))",
        "count({__name__=~\"work_.*|level_.*\"})",
    ]
    .into_iter()
    .flat_map(|query| [(query, 0), (query, AUTO)])
    {
        let expression = parse(query).unwrap();
        let limits = Limits { samples: usize::MAX, resolution, ..Limits::default() };
        let context = Context { source: &telemetry, limits, late: &|| false };
        let how = if resolution == AUTO { "points of a minute" } else { "every sample" };
        let name = format!("one day in steps of 5 minutes, {how}: {query}");
        let ask = || drop(black_box(range(&expression, start, end, 300_000, context).unwrap()));
        height(&name, ask);
        times(&name, 11, ask);
    }
}

fn main() {
    let mut numbers = std::env::args().filter_map(|text| text.parse::<u64>().ok());
    let (mib, seconds) = (numbers.next().unwrap_or(64), numbers.next().unwrap_or(DAY_S));
    counting();
    hundred_rules();
    one_day(mib << 20, seconds);
}
