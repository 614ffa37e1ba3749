//! What 100 rules cost, on a store as a box has it. Run by hand: it prints a figure and judges none.

use super::rules::{Format, read};
use super::{evaluate, found, recorded};
use crate::base::{Clock, InOrder, SystemClock};
use crate::observe::metric::{Family, Kind, Point, Reading};
use crate::observe::promql::{Context, Limits};
use crate::observe::series::{SeriesSettings, Telemetry};

const STEP_MS: u64 = 15_000;
const MINUTES: u64 = 60;

fn family(number: u64, value: f64) -> Family {
    let point = |at: u64| Point {
        labels: vec![("lane".into(), at.to_string())],
        reading: Reading::Number(value + f64::from(u32::try_from(at).unwrap())),
    };
    let name = format!("metric_{number}");
    Family {
        name: name.into(),
        kind: Kind::Gauge,
        unit: "".into(),
        help: "".into(),
        points: (0..5).map(point).collect(),
    }
}

#[test]
#[ignore = "measures: cargo test --release --lib hundred_rules -- --ignored --nocapture"]
fn hundred_rules() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = Telemetry::new(SeriesSettings {
        folder: folder.path().to_owned(),
        interval_ms: STEP_MS,
        bytes: 64 << 20,
        memory: 8 << 20,
        series: 2000,
    });
    let start = 1_790_000_000_000 / STEP_MS * STEP_MS;
    let steps = MINUTES * 60_000 / STEP_MS;
    for step in 0..steps {
        let families: Vec<Family> =
            (0..100).map(|number| family(number, (step * number % 17) as f64)).collect();
        telemetry.record(start + step * STEP_MS, &families, true).unwrap();
    }
    let rules: String = (0..100)
        .map(|n| match n % 5 {
            0 => format!("  - alert: A{n}\n    expr: metric_{n} > 3\n    annotations: {{summary: '{{{{ $value }}}}'}}\n"),
            1 => format!("  - alert: A{n}\n    expr: rate(metric_{n}[5m]) > 0.5\n"),
            2 => format!("  - record: r:{n}\n    expr: sum by (lane) (metric_{n})\n"),
            3 => format!("  - alert: A{n}\n    expr: metric_{n} / metric_{} > 0.9\n", n - 1),
            _ => format!("  - alert: A{n}\n    expr: avg_over_time(metric_{n}[15m]) > 8\n"),
        })
        .collect();
    let file = read(&format!("groups:\n- name: g\n  rules:\n{rules}"), Format::Yaml, "full").unwrap();
    let context = Context { source: &telemetry, limits: Limits::default(), late: &|| false };
    let now = i64::try_from(start + (steps - 1) * STEP_MS).unwrap();
    let clock = SystemClock::default();
    let mut took = Vec::new();
    let mut results = 0;
    for _ in 0..20 {
        let began = clock.monotonic_us();
        for rule in &file.groups[0].rules {
            let values = evaluate(rule, 0, now, context).unwrap();
            results += values.len();
            if rule.is_alert {
                let _ = found(rule, values).unwrap();
            } else {
                let _ = recorded(rule, values).unwrap();
            }
        }
        took.push(clock.monotonic_us() - began);
    }
    took.order();
    assert!(results > 0);
    println!("100 rules over 500 series: median {} us, worst {} us", took[10], took[19]);
}
