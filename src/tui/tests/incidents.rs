//! The incidents view: what it looks like, that it is read-only until unlocked, that a change takes a reason.

use serde_json::json;

use super::fixtures::*;
use crate::api::types::access::WhoAmI;
use crate::api::types::incident::{BreachClock, Incident, IncidentEvent};
use crate::api::types::sla::{BurnRate, Objective};
use crate::api::types::{MetricPoint, MetricResult, MetricSeries, MetricValue};
use crate::tui::effect::{Effect, IncidentRequest, Request};
use crate::tui::model::{Model, View};
use crate::tui::msg::{AccessReply, IncidentAnswer, Reply};

const HOUR: u64 = 3_600_000;

fn incident(id: &str, state: &str, severity: &str, kind: &str, title: &str) -> Incident {
    Incident {
        id: id.into(),
        etag: "3".into(),
        title: title.into(),
        kind: kind.into(),
        severity: severity.into(),
        state: state.into(),
        by: "box".into(),
        at_ms: NOW - 5 * HOUR,
        times: 1,
        ..Incident::default()
    }
}

fn event(ago_ms: u64, by: &str, act: &str, text: &str) -> IncidentEvent {
    let (by, act, text) = (by.into(), act.into(), text.into());
    IncidentEvent { at_ms: NOW - ago_ms, by, act, text, ..IncidentEvent::default() }
}

fn card() -> Incident {
    Incident {
        by: "uid:1000".into(),
        login: Some("ann".into()),
        owner: Some("uid:1001".into()),
        owner_login: Some("ben".into()),
        breach: Some(BreachClock { until_ms: NOW + 67 * HOUR, left_s: 67 * 3600, told_ms: None }),
        links: vec!["entry:17".into()],
        timeline: vec![
            event(5 * HOUR, "uid:1000", "opened", "left in the bus"),
            event(4 * HOUR, "uid:1000", "assigned", "to uid:1001"),
            event(3 * HOUR, "uid:1001", "acknowledged", ""),
        ],
        ..incident("7", "acknowledged", "critical", "data", "Card with names lost")
    }
}

fn items() -> Vec<Incident> {
    vec![
        incident(
            "8",
            "open",
            "critical",
            "availability",
            "SpudStoreFailed: A store cannot be\u{1b}[2J written",
        ),
        card(),
        incident("5", "resolved", "warning", "model-quality", "Answers about pumps are wrong"),
    ]
}

fn shown(size: (u16, u16), permissions: &[&str]) -> Model {
    let mut model = full(size);
    let effects = keys(&mut model, "alt-i");
    assert_eq!(requests(&effects), [&IncidentRequest::List(false)]);
    let permissions = permissions.iter().map(|one| (*one).to_owned()).collect();
    let me = WhoAmI { principal: "uid:1000".into(), permissions, ..WhoAmI::default() };
    reply(&mut model, Reply::Access(AccessReply::WhoAmI(Box::new(me))));
    reply(&mut model, Reply::Incident(IncidentAnswer::List(items())));
    model
}

const ALL: &[&str] = &["read-incidents", "open-incidents", "handle-incidents", "close-incidents"];

fn requests(effects: &[Effect]) -> Vec<&IncidentRequest> {
    let of = |effect: &'_ Effect| matches!(effect, Effect::Request(Request::Incident(_)));
    effects
        .iter()
        .filter(|effect| of(effect))
        .filter_map(
            |effect| if let Effect::Request(Request::Incident(one)) = effect { Some(one) } else { None },
        )
        .collect()
}

#[test]
fn views() {
    for size in [(80, 24), (40, 10)] {
        let name = |what: &str| format!("incidents_{what}_{}x{}", size.0, size.1);
        let mut m = shown(size, ALL);
        keys(&mut m, "down");
        insta::assert_snapshot!(name("list"), shot(&m));
        let effects = keys(&mut m, "enter");
        assert_eq!(requests(&effects), [&IncidentRequest::Show("7".into())]);
        reply(&mut m, Reply::Incident(IncidentAnswer::One(Box::new(card()))));
        insta::assert_snapshot!(name("detail"), shot(&m));
        keys(&mut m, "esc u e");
        insta::assert_snapshot!(name("change"), shot(&m));
        keys(&mut m, "esc n");
        insta::assert_snapshot!(name("open"), shot(&m));
    }
}

#[test]
fn it_is_read_only_until_it_is_unlocked() {
    let mut m = shown((80, 24), ALL);
    for key in ["a", "e", "R", "x"] {
        assert!(keys(&mut m, key).is_empty() && m.overlay.is_none(), "{key}");
        assert!(shot(&m).contains("read-only: u unlocks"), "{}", shot(&m));
    }
    keys(&mut m, "u");
    // The button alone, and only with a reason, asks for anything.
    assert!(keys(&mut m, "a enter enter enter enter enter").is_empty(), "Cancel");
    assert!(m.overlay.is_none());
    assert!(keys(&mut m, "a up enter").is_empty());
    assert!(shot(&m).contains("A reason is needed"), "{}", shot(&m));
    let sent = keys(&mut m, "o n w a y enter right enter");
    let change = json!({"etag": "3", "state": "acknowledged", "text": "onway"});
    assert_eq!(orders(&sent), [("PATCH /v1/incidents/8".into(), change)]);
    let effects = done(&mut m, "Incident 8 is acknowledged. (redacted: 1 card)");
    assert_eq!(requests(&effects), [&IncidentRequest::List(false)]);
    assert!(shot(&m).contains("Incident 8 is acknowledged. (redacted: 1 card)"), "{}", shot(&m));
    // What its state does not allow is said at once.
    assert!(keys(&mut m, "x").is_empty() && m.overlay.is_none());
    assert!(shot(&m).contains("Incident 8 is open."), "{}", shot(&m));
    // A reason alone is a note; severity and owner are changed together.
    let sent = keys(&mut m, "e tab tab tab h m enter right enter");
    assert_eq!(orders(&sent)[0].1, json!({"etag": "3", "note": "hm"}));
    let sent = keys(&mut m, "down e tab left tab backspace 9 tab h m enter right enter");
    let change = orders(&sent).remove(0).1;
    assert_eq!((&change["severity"], &change["owner"]), (&json!("error"), &json!("uid:1009")));
    assert_eq!((&change["note"], &change["text"]), (&json!(null), &json!("hm")));
    // Telling the authority, and links.
    let sent = keys(&mut m, "L e n t r y : 1 7 enter right enter");
    assert_eq!(orders(&sent)[0].1["links"], json!(["entry:17"]));
    assert!(keys(&mut m, "up T").is_empty() && m.overlay.is_none(), "no clock runs");
    let sent = keys(&mut m, "down T b y space p h o n e enter right enter");
    assert_eq!(
        (&orders(&sent)[0].1["told"], &orders(&sent)[0].1["text"]),
        (&json!(true), &json!("by phone"))
    );
    keys(&mut m, "/ c r i t enter");
    assert_eq!(m.incidents.incident().unwrap().id, "8");
    keys(&mut m, "esc");
    keys(&mut m, "u");
    assert!(keys(&mut m, "e").is_empty() && m.overlay.is_none());
}

#[test]
fn an_incident_is_told_of_and_closed_ones_are_listed() {
    let mut m = shown((80, 24), ALL);
    assert!(keys(&mut m, "n up enter").is_empty());
    assert!(shot(&m).contains("A title is needed"), "{}", shot(&m));
    let sent = keys(&mut m, "L o s t tab right tab right tab b u s tab right enter enter right enter");
    let open =
        json!({"title": "Lost", "type": "data", "severity": "critical", "text": "bus", "breach": true});
    assert_eq!(orders(&sent), [("POST /v1/incidents".into(), open)]);
    assert_eq!(requests(&keys(&mut m, "t")), [&IncidentRequest::List(true)]);
    // The selection stays with its incident.
    keys(&mut m, "down");
    reply(&mut m, Reply::Incident(IncidentAnswer::List(items().into_iter().skip(1).collect())));
    assert_eq!(m.incidents.incident().unwrap().id, "7");
    assert_eq!(m.view, View::Incidents);
}

fn objectives() -> Vec<Objective> {
    let objective = |name: &str, state: &str, target: f64, was: Option<f64>, left: Option<f64>| Objective {
        name: name.into(),
        title: "95 of 100 questions within 250 ms".into(),
        state: state.into(),
        target,
        attained: was,
        budget_left: left,
        total: 1234.0,
        bad: 61.0,
        method: "Occurrences".into(),
        burns: [300_000, 1_800_000, 3_600_000]
            .map(|window_ms| BurnRate {
                window_ms,
                burn: was.map(|was| (1.0 - was) / (1.0 - target)),
                total: 50.0,
            })
            .into(),
        queries: vec!["sum(increase(a[300000ms]))".into()],
        ..Objective::default()
    };
    vec![
        objective("answers-p95", "met", 0.95, Some(0.97), Some(0.4)),
        objective("requests-served", "spent", 0.995, Some(0.99), Some(-1.0)),
        objective("availability", "no-data", 0.995, None, None),
    ]
}

#[test]
fn service_levels_show_what_is_left_of_their_budgets() {
    for size in [(80, 24), (40, 10)] {
        let mut m = shown(size, &[ALL, &["read-metrics"]].concat());
        let effects = keys(&mut m, "right");
        let asked = [&IncidentRequest::Objectives, &IncidentRequest::Budgets(NOW / 1000)];
        assert_eq!(requests(&effects), asked);
        reply(&mut m, Reply::Incident(IncidentAnswer::Objectives(objectives())));
        let points = (0..120u32).map(|n| {
            let at = (NOW / 1000) as f64 - f64::from(119 - n) * 21_600.0;
            MetricPoint(at, format!("{}", 1.0 - f64::from(n) / 200.0))
        });
        let metric = [("slo".to_owned(), "answers-p95".to_owned())].into();
        let series = MetricSeries { metric, values: points.collect(), ..MetricSeries::default() };
        let value = MetricValue { result: MetricResult::Series(vec![series]), ..MetricValue::default() };
        reply(&mut m, Reply::Incident(IncidentAnswer::Budgets(Box::new(value))));
        insta::assert_snapshot!(format!("service_levels_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "enter");
        insta::assert_snapshot!(format!("service_level_{}x{}", size.0, size.1), shot(&m));
        // No key for incidents works on what is not in sight.
        assert!(keys(&mut m, "esc u a e R x").is_empty() && m.overlay.is_none());
        assert_eq!(keys(&mut m, "down y"), [Effect::Copy("requests-served".into())]);
        assert_eq!(requests(&keys(&mut m, "left")), [&IncidentRequest::List(false)]);
    }
}

#[test]
fn keys_say_which_permission_is_missing() {
    let mut m = shown((80, 24), &["read-incidents", "handle-incidents"]);
    keys(&mut m, "u x");
    assert!(m.overlay.is_none() && shot(&m).contains("needs close-incidents"), "{}", shot(&m));
    keys(&mut m, "n");
    assert!(m.overlay.is_none() && shot(&m).contains("needs open-incidents"), "{}", shot(&m));
}
