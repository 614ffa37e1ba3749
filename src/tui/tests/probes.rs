//! Probes and targets in the Observe view: the list, one that is opened, one that is tried.

use super::fixtures::*;
use super::observe::dashboard;
use crate::api::types::{Probe, ProbeList, Profile, ProfileRow};
use crate::tui::effect::{Effect, ProbeRequest, Request};
use crate::tui::model::Model;
use crate::tui::msg::{ProbeAnswer, Reply};

fn probe(name: &str, kind: &str, state: &str, detail: &str) -> Probe {
    Probe {
        name: name.into(),
        kind: kind.into(),
        what: "http://127.0.0.1:8080/healthz".into(),
        state: state.into(),
        critical: name == "web",
        since_ms: NOW - 90_000,
        last_ms: (state != "unknown").then_some(NOW - 4000),
        detail: detail.into(),
        took_us: 2_500,
        period_ms: 10_000,
        runs: 9,
        failed: 3,
        file: "/etc/spud/probes/site.toml".into(),
        ..Probe::default()
    }
}

fn listed(size: (u16, u16)) -> Model {
    let mut m = dashboard(size);
    assert_eq!(keys(&mut m, "p"), [Effect::Request(Request::Probe(ProbeRequest::List))]);
    let items = vec![
        probe("web", "http", "down", "status \u{1b}503"),
        probe("db", "tcp", "up", "it takes connections"),
        probe("node", "scrape", "unknown", ""),
    ];
    reply(&mut m, Reply::Probe(ProbeAnswer::List(ProbeList { items, problems: Vec::new() })));
    m
}

#[test]
fn probes_stand_in_the_place_of_graphs() {
    for size in [(80, 24), (40, 10)] {
        insta::assert_snapshot!(format!("probes_{}x{}", size.0, size.1), shot(&listed(size)));
    }
    let mut m = listed((80, 24));
    keys(&mut m, "enter");
    insta::assert_snapshot!("probe_open", shot(&m));
    keys(&mut m, "esc esc");
    assert!(!m.probes.shown, "back to the graphs");
    let mut m = listed((80, 24));
    keys(&mut m, "a");
    assert!(m.alerts.shown && !m.probes.shown, "one list at a time");
    keys(&mut m, "p");
    assert!(!m.alerts.shown && m.probes.shown);
}

#[test]
fn a_probe_is_let_look_at_once() {
    let mut m = listed((80, 24));
    let asked = |name: &str| [Effect::Request(Request::Probe(ProbeRequest::Test(name.into())))];
    assert_eq!(keys(&mut m, "down T"), asked("db"));
    let tested = probe("db", "tcp", "down", "nobody listens");
    reply(&mut m, Reply::Probe(ProbeAnswer::Tested(Box::new(tested))));
    assert!(shot(&m).contains("db: down, nobody listens"), "{}", shot(&m));
}

#[test]
fn a_profile_is_opened_over_whatever_is_shown() {
    let mut m = full((80, 24));
    assert_eq!(keys(&mut m, "alt-p"), [Effect::Request(Request::Profile)]);
    let row = |name: &str, total| ProfileRow { name: name.into(), count: 2, total };
    let profile = Profile {
        uptime_ms: 65_000,
        cpu: vec![row("search", 2_500_000), row("ticker", 0)],
        memory: vec![row("memory", 9 << 20)],
        time: vec![row("request /v1/ask", 900)],
        ..Profile::default()
    };
    reply(&mut m, Reply::Profile(Box::new(profile)));
    insta::assert_snapshot!("profile", shot(&m));
}
