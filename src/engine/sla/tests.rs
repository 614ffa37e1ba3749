//! Objectives over metrics that were recorded: too few events, a budget that is spent, the incident of it.

use super::{Desk, Live, load, measure, violated};
use crate::engine::run::{Inner, Settings};
use crate::engine::{Engine, incidents};
use crate::governance::incident::Shelf;
use crate::governance::sla::{Standing, judge};
use crate::observe::metric::{Family, Kind, Point, Reading};

const MINUTE: u64 = 60_000;

fn counter(name: &'static str, value: f64) -> Family {
    Family {
        name: name.into(),
        kind: Kind::Counter,
        unit: "".into(),
        help: "".into(),
        points: vec![Point { labels: Vec::new(), reading: Reading::Number(value) }],
    }
}

/// Records two hours of a counter of good and of all events, one moment a minute.
fn record(inner: &Inner, until_ms: u64, good_a_minute: f64, all_a_minute: f64) {
    for minute in 0..120u32 {
        let at = until_ms - u64::from(119 - minute) * MINUTE;
        let of = |a_minute: f64| a_minute * f64::from(minute);
        let families = [counter("good_total", of(good_a_minute)), counter("all_total", of(all_a_minute))];
        inner.telemetry.record(at, &families, true).unwrap();
    }
}

fn objective(target: &str) -> Live {
    let text = format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: pumps}}\nspec:\n  indicator:\n    spec:\n      ratioMetric:\n        counter: true\n        good: {{metricSource: {{type: Prometheus, spec: {{query: good_total}}}}}}\n        total: {{metricSource: {{type: Prometheus, spec: {{query: all_total}}}}}}\n  timeWindow: [{{duration: 1d, isRolling: true}}]\n  budgetingMethod: Occurrences\n  objectives: [{{target: {target}}}]\n"
    );
    Live::new("test".into(), crate::observe::objective::read(&text).unwrap().remove(0))
}

fn judged(inner: &Inner, live: &mut Live, now_ms: u64) {
    measure::measure(inner, live, now_ms).unwrap();
    let of = |window: u64| live.counts.get(&window).copied().flatten();
    let one = &live.objective;
    live.verdict = Some(judge(one.target, one.least, of(one.window_ms), of));
}

fn engine(data: &tempfile::TempDir) -> Engine {
    let settings = Settings { data_dir: data.path().to_owned(), ..Settings::default() };
    let engine = Engine::open(settings).unwrap();
    engine.inner().modes.idle.store(true, std::sync::atomic::Ordering::Relaxed);
    engine
}

#[test]
fn a_budget_that_is_spent_opens_one_incident_and_tells_of_its_end() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(&data);
    let inner = engine.inner();
    let now = inner.clock.now_ms();
    let mut live = objective("0.99");
    judged(inner, &mut live, now);
    assert_eq!(live.verdict.unwrap().standing, Standing::NoData, "nothing was recorded");
    record(inner, now, 8.0, 10.0);
    judged(inner, &mut live, now);
    let verdict = live.verdict.unwrap();
    let (attained, left) = (verdict.attained.unwrap(), verdict.left.unwrap());
    assert!((attained - 0.8).abs() < 0.01 && left < -18.0, "{verdict:?}");
    assert_eq!((verdict.standing, verdict.alarm.unwrap().long_ms), (Standing::Spent, 60 * MINUTE));
    violated(inner, &mut live, true, now);
    violated(inner, &mut live, false, now + 1);
    let control = inner.config_history().unwrap();
    let one = Shelf::of_key(control, "slo:pumps").unwrap().unwrap();
    assert_eq!((one.id, one.times, one.severity.name()), (1, 1, "critical"));
    assert!(one.title.contains("pumps is spent") && one.events[0].text.contains("over 1h and 5m"), "{one:?}");
    assert!(one.events.iter().all(|event| event.entry.is_some()));
    // After a start the same violation is no news; its end is.
    live.since_ms = None;
    violated(inner, &mut live, true, now + 2);
    assert_eq!(Shelf::of_key(control, "slo:pumps").unwrap().unwrap().times, 1);
    assert_eq!(incidents::waits_since(inner, "slo:pumps"), Some(now));
    live.objective.target = 0.5;
    judged(inner, &mut live, now);
    violated(inner, &mut live, false, now + 3);
    let one = Shelf::of_key(control, "slo:pumps").unwrap().unwrap();
    assert_eq!((one.events.len(), live.since_ms), (2, None));
    assert!(one.events[1].text.contains("met again"), "{one:?}");
}

#[test]
fn an_objective_that_opens_nothing_says_so_and_a_reload_keeps_what_was_measured() {
    let data = tempfile::tempdir().unwrap();
    let engine = engine(&data);
    let inner = engine.inner();
    let now = inner.clock.now_ms();
    record(inner, now, 1.0, 10.0);
    let mut live = objective("0.99");
    live.objective.incident = "no".into();
    judged(inner, &mut live, now);
    violated(inner, &mut live, true, now);
    assert!(live.since_ms.is_some() && Shelf::unclosed(inner.config_history().unwrap()).unwrap().is_empty());
    let mut desk = Desk::default();
    load::ensure(inner, &mut desk);
    assert_eq!((desk.all.len(), desk.problems.len()), (5, 0));
    desk.all[2].evaluated_ms = 7;
    desk.loaded = false;
    load::ensure(inner, &mut desk);
    assert_eq!((desk.all.len(), desk.all[2].evaluated_ms, desk.all[1].evaluated_ms), (5, 7, 0));
}
