//! Alerts in the Observe view: what they look like, and that a reason is asked for.

use super::fixtures::*;
use super::observe::dashboard;
use crate::api::types::{Alert, AlertAcknowledgement, Event, EventKind, Notification, SilenceAlerts};
use crate::tui::effect::{AlertRequest, Effect, Request};
use crate::tui::model::{Model, Overlay, Side, SideList, View};
use crate::tui::msg::{AlertAnswer, Msg, Reply, Wire};
use crate::tui::update::update;

fn alert(id: &str, name: &str, severity: &str, summary: &str) -> Alert {
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Alert {
        id: id.into(),
        name: name.into(),
        state: "firing".into(),
        group: "spud-box".into(),
        labels: pairs(&[("alertname", name), ("severity", severity)]),
        annotations: pairs(&[("summary", summary)]),
        value: "0.07".into(),
        active_ms: NOW - 3_600_000,
        fired_ms: Some(NOW - 3_300_000),
        ..Alert::default()
    }
}

fn alerts() -> Vec<Alert> {
    let seen =
        AlertAcknowledgement { by: "uid:1000".into(), reason: "fan is ordered".into(), at_ms: NOW - 60_000 };
    vec![
        alert("a1", "SpudDiskLow", "warning", "Only 7% of the disk is free"),
        Alert { acknowledged: Some(seen), ..alert("b2", "SpudHot", "warning", "The box is 84 degrees hot") },
        Alert {
            silenced_by: vec!["77".into()],
            ..alert("c3", "Pump\u{202e}Down", "critical", "Pump 7 stands")
        },
        Alert { state: "pending".into(), ..alert("d4", "SpudSlow", "warning", "Questions are slow") },
    ]
}

fn listed(size: (u16, u16)) -> Model {
    let mut m = dashboard(size);
    let effects = keys(&mut m, "a");
    assert_eq!(effects, [Effect::Request(Request::Alert(AlertRequest::List("")))]);
    reply(&mut m, Reply::Alert(AlertAnswer::List(alerts())));
    m
}

#[test]
fn alerts_that_are_told_together_stand_together() {
    let mut m = listed((130, 24));
    let in_group = |alert: Alert, name: &str| Alert { grouping: format!("pump={name}"), ..alert };
    let all = alerts().into_iter().zip(["7", "7", "8", ""]).map(|(alert, name)| in_group(alert, name));
    reply(&mut m, Reply::Alert(AlertAnswer::List(all.collect())));
    let shown = shot(&m);
    let row = |name: &str| shown.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(row("SpudDiskLow").contains("pump=7") && !row("SpudDiskLow").contains("· "), "{shown}");
    assert!(row("· SpudHot").matches("pump=7").count() == 0, "{shown}");
    let effects = keys(&mut m, "z");
    assert_eq!(effects, [Effect::Request(Request::Alert(AlertRequest::List("alertname")))]);
    assert_eq!(keys(&mut m, "z z z").len(), 3);
    assert!(m.notice.as_ref().unwrap().text.contains("as they are told"));
    // What an event says of one alert does not take it out of its group.
    let event = EventKind::Alert(Box::new(alerts().remove(0)));
    update(&mut m, Msg::Events(vec![Event { id: 2, at_ms: NOW, kind: event }], Wire::default()));
    assert_eq!(m.alerts.items[0].grouping, "pump=7");
}

fn status_with_alerts(model: &mut Model) {
    let status = crate::api::types::Status { alerts: 2, ..status() };
    reply(model, Reply::Status(Box::new(status)));
}

#[test]
fn looks() {
    for size in [(80, 24), (40, 10)] {
        let mut m = listed(size);
        status_with_alerts(&mut m);
        insta::assert_snapshot!(format!("alerts_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "x");
        insta::assert_snapshot!(format!("alerts_silence_{}x{}", size.0, size.1), shot(&m));
        let mut m = listed(size);
        keys(&mut m, "down enter");
        insta::assert_snapshot!(format!("alerts_detail_{}x{}", size.0, size.1), shot(&m));
    }
}

#[test]
fn a_reason_is_asked_for_before_an_alert_is_seen_or_silenced() {
    let mut m = listed((80, 24));
    // Enter moves on and stops at Cancel, which takes nothing away.
    assert!(keys(&mut m, "c enter enter").is_empty() && m.overlay.is_none());
    // The button without a reason.
    assert!(keys(&mut m, "c up enter").is_empty());
    let Some(Overlay::Alert(dialog)) = &m.overlay else { panic!("{:?}", m.overlay) };
    assert!(dialog.problem.unwrap().contains("reason"));
    let effects = keys(&mut m, "o k enter right enter");
    let wanted = AlertRequest::Acknowledge("a1".into(), "ok".into());
    assert_eq!(effects, [Effect::Request(Request::Alert(wanted))]);
    let effects = keys(&mut m, "x h m enter backspace backspace 2 h enter right enter");
    let matchers = vec!["alertname=\"SpudDiskLow\"".into(), "severity=\"warning\"".into()];
    let wanted = AlertRequest::Silence(SilenceAlerts { matchers, reason: "hm".into(), ttl_s: 7200 });
    assert_eq!(effects, [Effect::Request(Request::Alert(wanted))]);
    // A silence is ended where there is one.
    assert!(keys(&mut m, "u").is_empty());
    let effects = keys(&mut m, "down down u");
    assert_eq!(effects, [Effect::Request(Request::Alert(AlertRequest::Unsilence("77".into())))]);
}

#[test]
fn what_receivers_were_told_is_listed() {
    let notice = |receiver: &str, state: &str, title: &str, error: &str| Notification {
        id: "7".into(),
        message_id: "spud_0f".into(),
        receiver: receiver.into(),
        title: title.into(),
        text: "firing SpudDiskLow (warning): Only 7% of the disk is free".into(),
        state: state.into(),
        created_ms: NOW - 120_000,
        attempts: 2,
        error: error.into(),
        ..Notification::default()
    };
    for size in [(80, 24), (40, 10)] {
        let mut m = listed(size);
        let effects = keys(&mut m, "o");
        assert_eq!(effects, [Effect::Request(Request::Alert(AlertRequest::Notices))]);
        let all = vec![
            notice("ops", "waiting", "shed: SpudDiskLow fires", "status 503: later"),
            notice("inbox", "sent", "shed: SpudDiskLow fires", ""),
        ];
        reply(&mut m, Reply::Alert(AlertAnswer::Notices(all)));
        insta::assert_snapshot!(format!("notices_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "down enter");
        insta::assert_snapshot!(format!("notices_detail_{}x{}", size.0, size.1), shot(&m));
        // An alert that is not in sight is neither seen nor silenced by a key.
        assert!(keys(&mut m, "esc c x").is_empty() && m.overlay.is_none());
        assert_eq!(keys(&mut m, "esc"), [Effect::Request(Request::Alert(AlertRequest::List("")))]);
        assert!(m.alerts.shown && m.alerts.alert().is_some());
    }
}

#[test]
fn alerts_come_in_while_they_are_looked_at() {
    let mut m = listed((80, 24));
    let mut more = alerts().remove(0);
    more.state = "resolved".into();
    let new = alert("e5", "PumpDown", "critical", "Pump 8 stands");
    let events =
        [more, new].map(|alert| Event { id: 1, at_ms: NOW, kind: EventKind::Alert(Box::new(alert)) });
    update(&mut m, Msg::Events(events.to_vec(), Wire::default()));
    assert_eq!(m.alerts.items.len(), 5);
    assert_eq!(m.alerts.items.iter().filter(|alert| alert.state == "resolved").count(), 1);
    assert!(m.notice.as_ref().unwrap().text.contains("Pump 8 stands"));
    // Back to the graphs, which are asked for.
    assert_eq!(keys(&mut m, "esc").len(), 6);
    assert!(!m.alerts.shown);
}

#[test]
fn what_is_selected_stays_so_when_others_come() {
    let mut m = listed((80, 24));
    keys(&mut m, "down");
    assert_eq!(m.alerts.alert().unwrap().id, "b2");
    let new = |id: &str| alert(id, "PumpDown", "critical", "Pump 8 stands");
    let events =
        ["e5", "f6"].map(|id| Event { id: 1, at_ms: NOW, kind: EventKind::Alert(Box::new(new(id))) });
    update(&mut m, Msg::Events(events.to_vec(), Wire::default()));
    assert_eq!(m.alerts.alert().unwrap().id, "b2");
    keys(&mut m, "c");
    let shown = shot(&m);
    assert!(shown.contains("84 degrees") && shown.contains("severity=\"warning\""), "{shown}");
    let effects = keys(&mut m, "o k enter right enter");
    let wanted = AlertRequest::Acknowledge("b2".into(), "ok".into());
    assert_eq!(effects, [Effect::Request(Request::Alert(wanted))]);
    // Where notices are shown, it is a notice that is selected.
    keys(&mut m, "o");
    let event = Event { id: 3, at_ms: NOW, kind: EventKind::Alert(Box::new(new("g7"))) };
    update(&mut m, Msg::Events(vec![event], Wire::default()));
    assert_eq!(m.alerts.selected, 0);
}

#[test]
fn an_alert_without_a_summary_ends_with_its_state() {
    let mut bare = alerts().remove(0);
    bare.annotations.clear();
    assert_eq!(crate::tui::model::alert_row(&bare).1, "SpudDiskLow, firing");
}

fn side(m: &mut Model, side: Side, body: &serde_json::Value) {
    let list = match side {
        Side::Receivers => SideList::receivers(&serde_json::from_value(body.clone()).unwrap()),
        Side::Silences => {
            SideList::silences(&serde_json::from_value::<Vec<_>>(body["items"].clone()).unwrap())
        }
        Side::Rules => SideList::rules(&serde_json::from_value(body.clone()).unwrap()),
    };
    reply(m, Reply::Alert(AlertAnswer::Side(list)));
}

#[test]
fn receivers_silences_and_rules_stand_behind_what_was_told() {
    let receivers = serde_json::json!({"file": "/etc/spud/notify.toml", "receivers": [
        {"name": "inbox", "kind": "inbox", "routes": ["default"]},
        {"name": "ops", "kind": "webhook", "routes": ["critical"], "waiting": 3, "error": "status 503: later"},
    ]});
    let silences = serde_json::json!({"items": [{"id": "77", "matchers": ["alertname=\"PumpDown\"", "pump=~\"7|8\""],
        "by": "uid:1000", "reason": "maintenance", "from_ms": NOW, "until_ms": NOW + 3_600_000}]});
    let rules = serde_json::json!({"problems": [], "groups": [{"name": "box", "file": "built in", "rules": [
        {"name": "SpudHot", "expr": "spud_temperature > 80", "state": "inactive", "health": "ok"},
        {"name": "Site", "expr": "a / b", "state": "inactive", "health": "err", "error": "many-to-many"},
    ]}]});
    let list = |side: Side| [Effect::Request(Request::Alert(AlertRequest::Side(side)))];
    for size in [(80, 24), (40, 10)] {
        let mut m = listed(size);
        keys(&mut m, "o");
        assert_eq!(keys(&mut m, "tab"), list(Side::Receivers));
        side(&mut m, Side::Receivers, &receivers);
        insta::assert_snapshot!(format!("receivers_{}x{}", size.0, size.1), shot(&m));
        let effects = keys(&mut m, "down T");
        assert_eq!(effects, [Effect::Request(Request::Alert(AlertRequest::Test("ops".into())))]);
        assert_eq!(keys(&mut m, "tab"), list(Side::Silences));
        // What comes too late is not shown in the place of another list.
        side(&mut m, Side::Receivers, &receivers);
        assert!(!shot(&m).contains("inbox"));
        side(&mut m, Side::Silences, &silences);
        insta::assert_snapshot!(format!("silences_{}x{}", size.0, size.1), shot(&m));
        // Neither seen nor silenced: no alert is in sight.
        assert!(keys(&mut m, "c x").is_empty() && m.overlay.is_none());
        let ended = AlertRequest::Unsilence("77".into());
        assert_eq!(keys(&mut m, "u"), [Effect::Request(Request::Alert(ended))]);
        assert_eq!(keys(&mut m, "tab"), list(Side::Rules));
        side(&mut m, Side::Rules, &rules);
        insta::assert_snapshot!(format!("rules_{}x{}", size.0, size.1), shot(&m));
        keys(&mut m, "down enter");
        assert!(shot(&m).contains("many-to-many"));
        keys(&mut m, "esc");
        assert_eq!(keys(&mut m, "tab"), [Effect::Request(Request::Alert(AlertRequest::List("")))]);
        assert!(m.alerts.lists_alerts());
        keys(&mut m, "tab tab esc");
        assert!(m.alerts.lists_alerts());
        keys(&mut m, "esc tab");
        assert_ne!(m.view, View::Observe, "elsewhere the key shows the next view");
    }
}

#[test]
fn the_footer_names_the_keys_of_the_list_that_is_shown() {
    let last = |m: &Model| shot(m).lines().last().unwrap().to_owned();
    let mut m = listed((80, 24));
    assert!(last(&m).contains("c seen") && last(&m).contains("x silence"), "{}", last(&m));
    keys(&mut m, "w");
    assert!(last(&m).contains("v kind") && !last(&m).contains("seen"), "{}", last(&m));
    keys(&mut m, "esc");
    assert!(!last(&m).contains("seen") && !last(&m).contains("kind"), "{}", last(&m));
}
