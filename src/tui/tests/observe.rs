//! The Observe view: what it looks like, what its keys do, what it costs.

use super::fixtures::*;
use crate::api::types::{MetricPoint, MetricResult, MetricSeries, MetricValue, Problem};
use crate::tui::effect::{DashboardRequest, Effect, MetricRequest, Request};
use crate::tui::model::{Model, PARTS};
use crate::tui::msg::{DashboardAnswer, Msg, Reply};
use crate::tui::update::update;

const SIZES: [(u16, u16); 2] = [(80, 24), (40, 10)];

pub(super) fn asked(effects: &[Effect]) -> Vec<MetricRequest> {
    let of = |effect: &Effect| match effect {
        Effect::Request(Request::Metric(request)) => Some(request.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

/// A made-up answer: a wave of as many points as were asked for.
pub(super) fn wave(request: &MetricRequest, series: usize) -> MetricValue {
    let one = |number: usize| {
        let values = (request.start_s..=request.end_s).step_by(usize::try_from(request.step_s).unwrap());
        let value = |time: u64| {
            let angle = (time - request.start_s) as f64 / 300.0 + number as f64;
            MetricPoint(
                time as f64,
                format!("{:.3}", (angle.sin() + 1.5) * (request.panel / PARTS + 1) as f64),
            )
        };
        MetricSeries {
            metric: [("__name__".to_owned(), "wave".to_owned()), ("n".to_owned(), number.to_string())].into(),
            value: None,
            values: values.map(value).collect(),
        }
    };
    MetricValue { kind: "matrix".into(), result: MetricResult::Series((0..series).map(one).collect()) }
}

pub(super) fn answer_all(model: &mut Model, effects: &[Effect], series: usize) {
    for request in asked(effects) {
        let value = wave(&request, series);
        reply(model, Reply::Metric(Box::new(request), value));
    }
}

fn both(name: &str, make: impl Fn((u16, u16)) -> Model) {
    for size in SIZES {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shot(&make(size)));
    }
}

/// The first dashboard, as the box lists it, without values.
pub(super) fn listed(size: (u16, u16)) -> (Model, Vec<Effect>) {
    let mut m = full(size);
    let effects = keys(&mut m, "f9");
    assert_eq!(effects, [Effect::Request(Request::Dashboard(DashboardRequest::List))]);
    let list = DashboardAnswer::List(super::dashboards::list());
    let msg = Msg::Reply(Box::new(Reply::Dashboard(list)), Default::default());
    let effects = update(&mut m, msg);
    (m, effects)
}

pub(super) fn dashboard(size: (u16, u16)) -> Model {
    let (mut m, effects) = listed(size);
    answer_all(&mut m, &effects, 1);
    m
}

fn typed(size: (u16, u16), series: usize) -> Model {
    let mut m = dashboard(size);
    let effects = keys(&mut m, "/ w a v e enter");
    assert_eq!(asked(&effects)[0].query, "wave");
    answer_all(&mut m, &effects, series);
    m
}

#[test]
fn looks() {
    both("observe", dashboard);
    both("observe_loading", |size| listed(size).0);
    both("observe_series", |size| typed(size, 3));
    both("observe_figures", |size| {
        let mut m = typed(size, 3);
        keys(&mut m, "t down");
        m
    });
    both("observe_problem", |size| {
        let mut m = dashboard(size);
        let effects = keys(&mut m, "/ s u m ( * ) enter");
        let request = asked(&effects).remove(0);
        let detail = "invalid parameter \"query\": 1:5: parse error: unexpected <op:*>".into();
        let problem = Problem { status: 400, title: "Error".into(), detail, ..Problem::default() };
        update(
            &mut m,
            Msg::Refused(Box::new(Request::Metric(request)), Box::new(problem), Default::default()),
        );
        m
    });
}

/// What no graph can show has no least, no mean and no greatest; what is huge has a mean.
#[test]
fn figures_of_what_is_no_number_are_none() {
    let mut m = typed((80, 24), 2);
    let effects = keys(&mut m, "r");
    let request = asked(&effects).remove(0);
    let mut value = wave(&request, 2);
    if let MetricResult::Series(series) = &mut value.result {
        series[0].values.iter_mut().for_each(|point| point.1 = "NaN".into());
        series[1].values.iter_mut().for_each(|point| point.1 = "1e308".into());
    }
    reply(&mut m, Reply::Metric(Box::new(request), value));
    keys(&mut m, "t");
    let screen = shot(&m);
    let row = |name: &str| screen.lines().find(|line| line.contains(name)).unwrap_or(&screen).to_owned();
    assert_eq!(row("n=0").matches('-').count(), 4, "{screen}");
    assert!(row("n=1").matches("1.0e308").count() == 4, "{screen}");
}

#[test]
fn time_is_zoomed_and_moved() {
    let mut m = dashboard((80, 24));
    assert_eq!(keys(&mut m, "r").len(), 1, "which dashboards there are");
    let again = DashboardAnswer::List(super::dashboards::list());
    let msg = Msg::Reply(Box::new(Reply::Dashboard(again)), Default::default());
    let first = asked(&update(&mut m, msg)).remove(0);
    assert_eq!((first.end_s - first.start_s, first.step_s), (3600, 50));
    let closer = asked(&keys(&mut m, "+")).remove(0);
    assert_eq!((closer.end_s - closer.start_s, closer.step_s), (900, 12));
    let earlier = asked(&keys(&mut m, "left")).remove(0);
    assert!(closer.end_s - earlier.end_s >= 225 - 12);
    let newest = asked(&keys(&mut m, "n")).remove(0);
    assert_eq!(newest.end_s, closer.end_s);
    keys(&mut m, "+");
    assert!(asked(&keys(&mut m, "+")).is_empty());
    assert!(m.notice.as_ref().unwrap().text.contains("as far as it goes"));
}

#[test]
fn panels_open_as_expressions_and_late_answers_are_dropped() {
    let mut m = dashboard((80, 24));
    let before = asked(&keys(&mut m, "+"));
    let effects = keys(&mut m, "down enter");
    assert!(asked(&effects)[0].query.starts_with("histogram_quantile("));
    let late = before[0].clone();
    let value = wave(&late, 1);
    reply(&mut m, Reply::Metric(Box::new(late), value));
    assert!(m.observe.lines(0).is_none());
    let effects = keys(&mut m, "esc");
    assert_eq!(asked(&effects).len(), 6, "back on the dashboard");
}

#[test]
fn letters_are_text_while_an_expression_is_typed() {
    let mut m = dashboard((80, 24));
    keys(&mut m, "/ q 1 ?");
    assert_eq!(m.observe.editing.as_ref().unwrap().text(), "q1?");
    keys(&mut m, "esc");
    assert!(m.observe.editing.is_none() && m.observe.is_dashboard());
}

#[test]
fn tab_goes_on_with_a_name() {
    let mut m = dashboard((80, 24));
    keys(&mut m, "/ s u m ( s p");
    let effects = keys(&mut m, "tab");
    assert_eq!(effects, [Effect::Request(Request::Words("sp".into()))]);
    let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    reply(&mut m, Reply::Words("sp".into(), words(&["spud_mode", "spud_mode_level"])));
    let typed = |m: &Model| m.observe.editing.as_ref().unwrap().text();
    assert_eq!(typed(&m), "sum(spud_mode", "as far as they agree");
    assert!(shot(&m).contains("spud_mode  spud_mode_level"), "{}", shot(&m));
    keys(&mut m, "_");
    assert!(!shot(&m).contains("spud_mode  spud_mode_level"), "{}", shot(&m));
    reply(&mut m, Reply::Words("spud_mode".into(), words(&["spud_mode_other"])));
    assert_eq!(typed(&m), "sum(spud_mode_", "an answer that came too late changes nothing");
    reply(&mut m, Reply::Words("spud_mode_".into(), words(&["spud_mode_level"])));
    assert_eq!(typed(&m), "sum(spud_mode_level");
    reply(&mut m, Reply::Words("spud_mode_level".into(), Vec::new()));
    assert_eq!(keys(&mut m, ") tab"), [], "there is no name to go on with");
}

#[test]
fn percentiles_stand_together_as_bands() {
    let mut m = typed((80, 24), 3);
    assert!(asked(&keys(&mut m, "%")).is_empty(), "there is no histogram");
    assert!(m.notice.as_ref().unwrap().text.contains("_bucket"));
    keys(&mut m, "/ ctrl-u");
    for c in "a_seconds_bucket".chars() {
        keys(&mut m, &c.to_string());
    }
    keys(&mut m, "enter");
    let effects = keys(&mut m, "%");
    let queries: Vec<String> = asked(&effects).into_iter().map(|one| one.query).collect();
    assert_eq!(queries.len(), 3);
    assert_eq!(queries[2], "histogram_quantile(0.99, sum by (le) (rate(a_seconds_bucket[5m])))");
    for (at, request) in asked(&effects).into_iter().enumerate() {
        let value = wave(&MetricRequest { panel: at * PARTS, ..request.clone() }, 1);
        reply(&mut m, Reply::Metric(Box::new(request), value));
    }
    insta::assert_snapshot!("observe_bands_80x24", shot(&m));
    insta::assert_snapshot!("observe_bands_ascii_80x24", shot_with(&m, &look(true)));
    assert_eq!(asked(&keys(&mut m, "%")).len(), 1, "and back");
}

/// Series of one metric whose names are longer than a row.
fn cpus(request: &MetricRequest) -> MetricValue {
    let mut value = wave(request, 3);
    let MetricResult::Series(series) = &mut value.result else { panic!("series") };
    for (number, one) in series.iter_mut().enumerate() {
        let labels = [
            ("__name__", "node_cpu_seconds_total"),
            ("instance", "127.0.0.1:9100"),
            ("job", "node"),
            ("cpu", ["0", "0", "1"][number]),
            ("mode", ["idle", "user", "idle"][number]),
        ];
        one.metric = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    }
    value
}

#[test]
fn names_leave_out_what_all_series_share() {
    for size in SIZES {
        let mut m = dashboard(size);
        let request = asked(&keys(&mut m, "/ c p u enter")).remove(0);
        let value = cpus(&request);
        reply(&mut m, Reply::Metric(Box::new(request), value));
        keys(&mut m, "down");
        insta::assert_snapshot!(format!("observe_several_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "s");
        insta::assert_snapshot!(format!("observe_large_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "t");
        let shown = shot(&m);
        assert!(shown.contains("cpu=0 mode=user") && shown.contains("cpu=1 mode=idle"), "{shown}");
        keys(&mut m, "enter");
        let shown = shot(&m);
        assert!(shown.contains("127.0.0.1:9100") && shown.contains("user"), "{shown}");
    }
}

#[test]
fn a_problem_is_told_whole_below_its_place() {
    let mut m = dashboard((80, 24));
    keys(&mut m, "/");
    let query =
        format!("sum by (job) (rate({}[5m])) + on (job) sum(*)", "a_very_long_name_of_a_metric".repeat(3));
    for c in query.chars() {
        keys(&mut m, &if c == ' ' { "space".to_owned() } else { c.to_string() });
    }
    let request = asked(&keys(&mut m, "enter")).remove(0);
    let column = query.find('*').unwrap() + 1;
    let detail = format!(
        "invalid parameter \"query\": 1:{column}: parse error: unexpected <op:*> in aggregation, where an expression \
         was expected and nothing else may stand"
    );
    let problem = Problem { status: 400, detail, ..Problem::default() };
    update(&mut m, Msg::Refused(Box::new(Request::Metric(request)), Box::new(problem), Default::default()));
    let shown = shot(&m);
    let rows: Vec<&str> = shown.lines().collect();
    let at = rows.iter().position(|row| row.trim() == "^").unwrap();
    let place = |row: &str, mark: char| row.chars().position(|c| c == mark).unwrap();
    assert_eq!(place(rows[at], '^'), place(rows[at - 1], '*'), "{shown}");
    let told = rows[at + 1..at + 4].join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.starts_with("parse error: unexpected") && told.contains("nothing else may stand"),
        "{shown}"
    );
    // It is there until the expression changes.
    keys(&mut m, "/");
    assert!(shot(&m).contains("unexpected"));
    keys(&mut m, "backspace");
    assert!(!shot(&m).contains("unexpected"), "{}", shot(&m));
}
