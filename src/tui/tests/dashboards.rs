//! Dashboards on the screen: every kind of panel, picked, changed by keys, saved, and what it costs.

use super::fixtures::*;
use super::observe::{answer_all, asked, dashboard, listed, wave};
use crate::api::types::dashboard::{Dashboard, DashboardList, DashboardPanel};
use crate::api::types::{
    ConfigEvent, Event, EventKind, MetricPoint, MetricResult, MetricSeries, MetricValue, Problem,
};
use crate::tui::effect::{DashboardRequest, Effect, MetricRequest, Request, RowsRequest};
use crate::tui::model::{Model, Overlay, PARTS, Rows};
use crate::tui::msg::{DashboardAnswer, Msg, Reply};
use crate::tui::theme::Tone;
use crate::tui::update::update;

fn panel(kind: &str, title: &str, query: &str, unit: &str) -> DashboardPanel {
    let queries = if query.is_empty() { Vec::new() } else { vec![query.to_owned()] };
    DashboardPanel {
        kind: kind.into(),
        title: title.into(),
        queries,
        unit: unit.into(),
        width: 6,
        height: 5,
        ..DashboardPanel::default()
    }
}

fn graph(title: &str, query: &str, unit: &str) -> DashboardPanel {
    panel("graph", title, query, unit)
}

fn named(name: &str, title: &str, panels: Vec<DashboardPanel>) -> Dashboard {
    let (file, etag) = ("built in".to_owned(), "7".to_owned());
    Dashboard { name: name.into(), title: title.into(), panels, file, etag, ..Dashboard::default() }
}

/// Two dashboards: one of graphs, one with a panel of each kind.
pub(super) fn list() -> DashboardList {
    let p95 = "histogram_quantile(0.95, sum by (le) (rate(spud_query_seconds_bucket[5m])))";
    let graphs = vec![
        graph("Questions a second", "sum(rate(spud_queries_total[5m]))", ""),
        graph("Slowest 5 of 100 questions", p95, "seconds"),
        graph("Answers from the cache", "spud_cache_ratio", "ratio"),
        graph("Memory of spud", "process_resident_memory_bytes{job=\"\"}", "bytes"),
        graph("Free disk", "spud_disk_free_bytes", "bytes"),
        graph("Operations that wait", "sum(spud_queue_operations)", ""),
    ];
    let gauge = DashboardPanel {
        min: Some(0.0),
        max: Some(1.0),
        thresholds: vec![0.5, 0.7],
        width: 4,
        height: 3,
        ..panel("gauge", "Disk in use", "disk", "ratio")
    };
    let stat = DashboardPanel { width: 4, height: 3, ..panel("stat", "Dead letters", "dead", "") };
    let table = DashboardPanel { width: 4, height: 3, ..panel("table", "By outcome", "by_outcome", "") };
    let bands = DashboardPanel {
        queries: ["0.5", "0.9", "0.99"].map(|q| format!("histogram_quantile({q}, x)")).into(),
        ..graph("Percentiles", "", "seconds")
    };
    let log = DashboardPanel { height: 12, filter: "level:warn pump".into(), ..panel("log", "Log", "", "") };
    let alert =
        DashboardPanel { matchers: vec!["severity=critical".into()], ..panel("alert", "Alerts", "", "") };
    let heat = DashboardPanel { height: 4, ..panel("heatmap", "Times", "sum by (le) (b)", "seconds") };
    let kinds = vec![gauge, stat, table, bands, heat, log, alert];
    DashboardList {
        items: vec![named("box", "The box", graphs), named("kinds", "All kinds", kinds)],
        problems: Vec::new(),
    }
}

fn of_rows(effects: &[Effect]) -> Vec<RowsRequest> {
    let of = |effect: &Effect| match effect {
        Effect::Request(Request::Dashboard(DashboardRequest::Rows(rows))) => Some(rows.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn send(m: &mut Model, answer: DashboardAnswer) -> Vec<Effect> {
    update(m, Msg::Reply(Box::new(Reply::Dashboard(answer)), Default::default()))
}

/// A cumulative histogram of four buckets that grows.
fn buckets(request: &MetricRequest) -> MetricValue {
    let one = |(at, le): (usize, &str)| MetricSeries {
        metric: [("le".to_owned(), le.to_owned())].into(),
        value: None,
        values: (request.start_s..=request.end_s)
            .step_by(usize::try_from(request.step_s).unwrap())
            .map(|time| {
                let hot = (time - request.start_s) as f64 / 3600.0;
                MetricPoint(time as f64, format!("{}", [0.0, 1.0, 1.0 + 3.0 * hot, 1.0 + 3.0 * hot][at]))
            })
            .collect(),
    };
    let series = ["0.01", "0.1", "1", "+Inf"].into_iter().enumerate().map(one).collect();
    MetricValue { kind: "matrix".into(), result: MetricResult::Series(series) }
}

/// The second dashboard, with values.
pub(super) fn kinds(size: (u16, u16)) -> Model {
    let mut m = dashboard(size);
    assert_eq!(keys(&mut m, "d").len(), 1);
    let effects = keys(&mut m, "down enter");
    assert_eq!(effects, [Effect::Request(Request::Dashboard(DashboardRequest::List))]);
    let effects = send(&mut m, DashboardAnswer::List(list()));
    fill(&mut m, &effects);
    m
}

fn fill(m: &mut Model, effects: &[Effect]) {
    for request in asked(effects) {
        let value = match request.query.as_str() {
            "sum by (le) (b)" => buckets(&request),
            "by_outcome" => wave(&request, 3),
            _ => wave(&MetricRequest { panel: request.panel % PARTS * PARTS, ..request.clone() }, 1),
        };
        reply(m, Reply::Metric(Box::new(request), value));
    }
    for request in of_rows(effects) {
        let texts: Rows = match request.log {
            true => {
                vec![(Tone::Warn, "10:00:00 pump 7 is slow".into()), (Tone::Bad, "10:00:01 it stands".into())]
            }
            false => vec![(Tone::Bad, "PumpDown, firing: Pump 7 stands".into())],
        };
        send(m, DashboardAnswer::Rows(request, texts));
    }
}

/// The next step of time: what the box measures goes up and down by the hour.
pub(super) fn later(m: &mut Model) {
    m.now_ms += 50_000;
    let status = Event { id: 1, at_ms: 0, kind: EventKind::Status(Box::new(status())) };
    let effects = update(m, Msg::Events(vec![status], Default::default()));
    assert!(!asked(&effects).is_empty(), "what is shown goes on");
    for request in asked(&effects) {
        let value = match request.query.as_str() {
            "sum by (le) (b)" => buckets(&request),
            _ => {
                let mut value = wave(&request, 1);
                let MetricResult::Series(series) = &mut value.result else { continue };
                for point in series.iter_mut().flat_map(|one| &mut one.values) {
                    point.1 = format!("{:.2}", (point.0 / 1700.0).sin() * 0.4 + 1.0);
                }
                value
            }
        };
        reply(m, Reply::Metric(Box::new(request), value));
    }
}

#[test]
fn every_kind_has_its_look() {
    for size in [(80, 24), (40, 10)] {
        insta::assert_snapshot!(format!("dashboard_kinds_{}x{}", size.0, size.1), shot(&kinds(size)));
    }
    insta::assert_snapshot!("dashboard_kinds_ascii", shot_with(&kinds((80, 24)), &look(true)));
    let mut m = kinds((80, 24));
    keys(&mut m, "end");
    insta::assert_snapshot!("dashboard_second_page", shot(&m));
    keys(&mut m, "d");
    insta::assert_snapshot!("dashboard_list", shot(&m));
    let mut m = kinds((80, 24));
    let effects = keys(&mut m, "t");
    fill(&mut m, &effects);
    insta::assert_snapshot!("dashboard_figures", shot(&m));
}

#[test]
fn only_what_is_in_sight_is_asked_for() {
    let mut m = kinds((80, 24));
    let effects = keys(&mut m, "+");
    assert_eq!((asked(&effects).len(), of_rows(&effects).len()), (7, 0));
    let effects = keys(&mut m, "end");
    let rows = of_rows(&effects);
    assert_eq!((asked(&effects).len(), rows.len()), (0, 2));
    assert_eq!((rows[0].level.as_deref(), rows[0].contains.as_deref()), (Some("warn"), Some("pump")));
    assert_eq!(rows[1].matchers, ["severity=critical"]);
    assert!(keys(&mut m, "up").is_empty(), "the same page");
    // An answer to an earlier question changes nothing.
    let late = RowsRequest { serial: 1, ..rows[0].clone() };
    send(&mut m, DashboardAnswer::Rows(late, vec![(Tone::Text, "late".into())]));
    assert!(!shot(&m).contains("late"));
}

#[test]
fn a_panel_that_cannot_be_asked_says_why() {
    let (mut m, effects) = listed((80, 24));
    let request = asked(&effects).remove(1);
    let problem = Problem { status: 400, detail: "1:5: parse error".into(), ..Problem::default() };
    let refused = Msg::Refused(Box::new(Request::Metric(request)), Box::new(problem), Default::default());
    update(&mut m, refused);
    assert!(shot(&m).contains("1:5: parse error"), "{}", shot(&m));
}

#[test]
fn panels_are_changed_moved_added_taken_away_and_saved() {
    let mut m = dashboard((80, 24));
    keys(&mut m, "down E");
    insta::assert_snapshot!("dashboard_panel_form", shot(&m));
    keys(&mut m, "ctrl-u S l o w tab right");
    let Some(Overlay::Form(form)) = &m.overlay else { panic!("a form") };
    assert_eq!((form.value(0), form.value(1)), ("Slow".to_owned(), "stat".to_owned()));
    let fields = form.rows.len();
    // A number that is none is told where it is.
    for _ in 0..fields - 2 {
        keys(&mut m, "tab");
    }
    keys(&mut m, "up up ctrl-u x tab tab tab tab enter");
    assert!(shot(&m).contains("2 to 12 columns"), "{}", shot(&m));
    keys(&mut m, "ctrl-u 1 2 tab tab tab tab enter");
    assert!(m.overlay.is_none() && m.dashboards.changed);
    let slow = &m.dashboards.panels()[1];
    assert_eq!((slow.title.as_str(), slow.kind.as_str(), slow.width), ("Slow", "stat", 12));
    keys(&mut m, "<");
    assert_eq!((m.dashboards.panels()[0].title.as_str(), m.observe.selected), ("Slow", 0));
    keys(&mut m, ">");
    keys(&mut m, "X");
    assert_eq!(m.dashboards.panels().len(), 5);
    let effects = keys(&mut m, "I N e w tab tab u p up up up enter");
    let new = &m.dashboards.panels()[m.observe.selected];
    assert_eq!((new.title.as_str(), new.queries.as_slice()), ("New", &["up".to_owned()][..]));
    assert!(asked(&effects).iter().any(|one| one.query == "up"), "it is filled at once");
    // What was changed outlives a fresh list.
    send(&mut m, DashboardAnswer::List(list()));
    assert!(m.dashboards.changed);
    keys(&mut m, "W ctrl-u m i n e tab tab tab");
    let effects = keys(&mut m, "enter");
    let [Effect::Request(Request::Dashboard(DashboardRequest::Save(name, request)))] = effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!((name.as_str(), &request.etag), ("mine", &None));
    assert_eq!(request.text.matches("[[panel]]").count(), 6);
    let saved =
        Dashboard { file: "/etc/spud/dashboards/mine.toml".into(), ..named("mine", "Mine", Vec::new()) };
    send(&mut m, DashboardAnswer::Saved(Box::new(saved)));
    assert!(!m.dashboards.changed && m.dashboards.at == 2);
    assert!(shot(&m).contains("/etc/spud/dashboards/mine.toml"));
}

#[test]
fn a_name_that_is_taken_is_not_written_over_and_a_changed_one_is_dropped_on_demand() {
    let mut m = dashboard((80, 24));
    keys(&mut m, "X W ctrl-u k i n d s tab tab tab enter");
    assert!(shot(&m).contains("another one of that name"), "{}", shot(&m));
    let effects = keys(&mut m, "esc U");
    assert_eq!(effects, [Effect::Request(Request::Dashboard(DashboardRequest::List))]);
    send(&mut m, DashboardAnswer::List(list()));
    assert_eq!(m.dashboards.panels().len(), 6);
    keys(&mut m, "d X");
    assert!(shot(&m).contains("comes with spud"), "{}", shot(&m));
    let effects = keys(&mut m, "tab enter");
    let remove = Request::Dashboard(DashboardRequest::Remove("box".into()));
    assert_eq!(effects, [Effect::Request(remove)]);
}

#[test]
fn panels_open_as_expressions_with_their_unit_and_bands() {
    let mut m = kinds((80, 24));
    let effects = keys(&mut m, "down down down enter");
    assert_eq!(asked(&effects).len(), 3, "percentiles stay together");
    let effects = keys(&mut m, "esc");
    fill(&mut m, &effects);
    keys(&mut m, "end enter");
    assert!(m.observe.is_dashboard() && m.notice.as_ref().unwrap().text.contains("asks nothing"));
    answer_all(&mut m, &[], 1);
}

/// Two dashboards whose first panels differ in kind.
fn two() -> DashboardList {
    let logs = vec![panel("log", "Log", "", ""), panel("stat", "Dead", "dead", "")];
    let values = vec![panel("gauge", "Disk in use", "disk", "ratio"), panel("stat", "Dead", "dead", "")];
    let items = vec![named("queue", "The queue", logs), named("disk", "The disk", values)];
    DashboardList { items, problems: Vec::new() }
}

#[test]
fn a_panel_never_shows_what_another_one_was_told() {
    let mut m = full((80, 24));
    keys(&mut m, "f9");
    let effects = send(&mut m, DashboardAnswer::List(two()));
    fill(&mut m, &effects);
    assert!(shot(&m).contains("it stands"), "{}", shot(&m));
    let late = of_rows(&effects).remove(0);
    keys(&mut m, "d down enter");
    // What comes too late is not for the panel in this place.
    send(&mut m, DashboardAnswer::Rows(late, vec![(Tone::Text, "late".into())]));
    let effects = send(&mut m, DashboardAnswer::List(two()));
    assert!(!shot(&m).contains("it stands") && !shot(&m).contains("late"), "{}", shot(&m));
    fill(&mut m, &effects);
    assert!(shot(&m).contains("Disk in use") && !shot(&m).contains("it stands"), "{}", shot(&m));
    // A panel that is brought back has its own values.
    let effects = keys(&mut m, "d up enter");
    assert_eq!(effects.len(), 2);
    let effects = send(&mut m, DashboardAnswer::List(two()));
    fill(&mut m, &effects);
    let effects = keys(&mut m, "X");
    fill(&mut m, &effects);
    keys(&mut m, "U");
    let mut other = two();
    other.items[0].panels[0].kind = "heatmap".into();
    other.items[0].panels[0].queries = vec!["sum by (le) (b)".into()];
    let effects = send(&mut m, DashboardAnswer::List(other));
    fill(&mut m, &effects);
    assert!(!shot(&m).contains("it stands"), "{}", shot(&m));
}

#[test]
fn a_refusal_goes_when_the_query_is_answered() {
    let (mut m, effects) = listed((80, 24));
    let request = asked(&effects).remove(1);
    let problem = Problem { status: 503, detail: "busy".into(), ..Problem::default() };
    let refused =
        Msg::Refused(Box::new(Request::Metric(request.clone())), Box::new(problem), Default::default());
    update(&mut m, refused);
    assert!(shot(&m).contains("busy"));
    let value = wave(&request, 1);
    reply(&mut m, Reply::Metric(Box::new(request), value));
    assert!(!shot(&m).contains("busy"), "{}", shot(&m));
}

#[test]
fn a_dashboard_that_changed_elsewhere_is_asked_for_again() {
    let mut m = kinds((100, 30));
    let of = |cause: &str| {
        let event = ConfigEvent { cause: cause.into(), ..ConfigEvent::default() };
        Msg::Events(
            vec![Event { id: 2, at_ms: NOW, kind: EventKind::Config(Box::new(event)) }],
            Default::default(),
        )
    };
    let asks = |effects: &[Effect]| {
        effects.iter().any(|one| matches!(one, Effect::Request(Request::Dashboard(DashboardRequest::List))))
    };
    let effects = update(&mut m, of("dashboards"));
    assert!(asks(&effects), "{effects:?}");
    let effects = update(&mut m, of("files"));
    assert!(!asks(&effects), "{effects:?}");
    // What came is shown.
    let mut all = list();
    all.items[1].title = "Changed elsewhere".into();
    send(&mut m, DashboardAnswer::List(all));
    assert_eq!(m.dashboards.shown().map(|one| one.title.as_str()), Some("Changed elsewhere"));
}
