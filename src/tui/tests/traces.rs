//! Traces in the Observe view: the list, the waterfall, failures in groups.

use super::fixtures::*;
use super::observe::dashboard;
use crate::api::types::{ErrorGroup, TraceDetail, TraceSpan, TraceSummary};
use crate::tui::effect::{Effect, Request, TraceRequest};
use crate::tui::model::{Model, TraceKind};
use crate::tui::msg::{Reply, TraceAnswer};

const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn summary(name: &str, took_us: u64, kept: &str, error: &str) -> TraceSummary {
    TraceSummary {
        id: ID.into(),
        name: name.into(),
        started_ms: NOW - 90_000,
        took_us,
        failed: kept == "failed",
        error: error.into(),
        kept: kept.into(),
        spans: 3,
    }
}

fn detail() -> TraceDetail {
    let span = |name: &str, depth: usize, start_us: u64, took_us: u64| TraceSpan {
        id: format!("{start_us:016x}"),
        parent: None,
        depth,
        name: name.into(),
        kind: if depth == 0 { "server".into() } else { "internal".into() },
        start_us: (NOW - 90_000) * 1000 + start_us,
        took_us,
        failed: false,
        error: String::new(),
        attributes: [("http.response.status_code".to_owned(), 200.into())].into(),
    };
    TraceDetail {
        id: ID.into(),
        kept: "slow".into(),
        started_us: (NOW - 90_000) * 1000,
        took_us: 840_000,
        spans: vec![
            span("POST /v1/ask", 0, 0, 840_000),
            span("wait", 1, 0, 90_000),
            span("work", 1, 90_000, 740_000),
            span("lexical", 2, 100_000, 200_000),
            TraceSpan { failed: true, error: "torn".into(), ..span("pas\u{202e}sages", 2, 320_000, 500_000) },
        ],
        ..TraceDetail::default()
    }
}

fn listed(size: (u16, u16)) -> Model {
    let mut m = dashboard(size);
    let effects = keys(&mut m, "w");
    assert_eq!(effects, [Effect::Request(Request::Trace(TraceRequest::List(TraceKind::All)))]);
    let items = vec![
        summary("POST /v1/ask", 840_000, "slow", ""),
        summary("GET /v1/status", 1_200, "failed", "the store\u{1b} broke"),
        summary("job add", 12_000_000, "usual", ""),
    ];
    reply(&mut m, Reply::Trace(TraceAnswer::List(TraceKind::All, items)));
    m
}

#[test]
fn looks() {
    for size in [(80, 24), (40, 10)] {
        let mut m = listed(size);
        insta::assert_snapshot!(format!("traces_{}x{}", size.0, size.1), shot(&m));
        assert_eq!(keys(&mut m, "enter"), [Effect::Request(Request::Trace(TraceRequest::Show(ID.into())))]);
        reply(&mut m, Reply::Trace(TraceAnswer::Whole(Box::new(detail()))));
        keys(&mut m, "down down");
        insta::assert_snapshot!(format!("traces_waterfall_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "down down enter");
        insta::assert_snapshot!(format!("traces_span_{}x{}", size.0, size.1), shot(&m));
    }
}

#[test]
fn failures_are_listed_and_lead_to_a_trace() {
    let group = |message: &str, trace: Option<&str>| ErrorGroup {
        id: "0011223344556677".into(),
        kind: "request".into(),
        place: "/v1/ask".into(),
        pattern: "it took N s".into(),
        message: message.into(),
        count: 1234,
        first_ms: NOW - 86_400_000,
        last_ms: NOW - 60_000,
        trace: trace.map(str::to_owned),
    };
    for size in [(80, 24), (40, 10)] {
        let mut m = listed(size);
        assert_eq!(keys(&mut m, "e"), [Effect::Request(Request::Trace(TraceRequest::Errors))]);
        let groups = vec![group("it took 5 s", Some(ID)), group("it took 6 s", None)];
        reply(&mut m, Reply::Trace(TraceAnswer::Groups(groups)));
        insta::assert_snapshot!(format!("failures_{}x{}", size.0, size.1), shot(&m));
        assert_eq!(keys(&mut m, "enter"), [Effect::Request(Request::Trace(TraceRequest::Show(ID.into())))]);
        // Without a trace, there is what is known of the group.
        assert!(keys(&mut m, "down enter").is_empty() && m.overlay.is_some());
    }
}

#[test]
fn keys_lead_in_and_out() {
    let mut m = listed((80, 24));
    let next = |m: &mut Model| keys(m, "v");
    assert_eq!(next(&mut m), [Effect::Request(Request::Trace(TraceRequest::List(TraceKind::Failed)))]);
    // What was asked before comes late.
    reply(&mut m, Reply::Trace(TraceAnswer::List(TraceKind::All, vec![summary("x", 1, "usual", "")])));
    assert!(m.traces.items.is_none());
    next(&mut m);
    next(&mut m);
    reply(&mut m, Reply::Trace(TraceAnswer::List(TraceKind::All, vec![summary("x", 1, "usual", "")])));
    assert_eq!(keys(&mut m, "y"), [Effect::Copy(ID.into())]);
    reply(&mut m, Reply::Trace(TraceAnswer::Whole(Box::new(detail()))));
    assert_eq!(m.traces.len(), 5);
    assert!(keys(&mut m, "esc").is_empty() && m.traces.shown);
    assert_eq!(keys(&mut m, "esc").len(), 6, "back to the graphs, which are asked for");
    assert!(!m.traces.shown);
    // Alerts take the place of traces, and the other way round.
    keys(&mut m, "w a");
    assert!(m.alerts.shown && !m.traces.shown);
    keys(&mut m, "w");
    assert!(!m.alerts.shown && m.traces.shown);
}
