//! Alerts, rules and silences in the words of the API.

use std::collections::BTreeMap;

use super::{Desk, LiveRule};
use crate::api::types;
use crate::base::{InOrder, ordered_map, to_hex};
use crate::observe::alert::{self, Phase, Silence, inhibited, key, silenced};
use crate::observe::promql::{Labels, format_float};

fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    ordered_map(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// An alert of this group and rule.
pub(super) fn alert(
    desk: &Desk,
    firing: &[Labels],
    (group, rule): (&str, &str),
    labels: &Labels,
    alert: &alert::Alert,
    now: u64,
) -> types::Alert {
    let acknowledged = alert.acknowledged.as_ref().map(|one| types::AlertAcknowledgement {
        by: one.by.clone(),
        reason: one.reason.clone(),
        at_ms: one.at_ms,
    });
    types::Alert {
        id: to_hex(&key(group, rule, labels)),
        name: labels.get("alertname").to_owned(),
        state: alert.phase.name().to_owned(),
        group: group.to_owned(),
        labels: map(labels.iter()),
        annotations: map(alert.annotations.iter().map(|(name, text)| (name.as_str(), text.as_str()))),
        value: format_float(alert.value),
        active_ms: alert.active_ms,
        fired_ms: alert.fired_ms,
        resolved_ms: alert.resolved_ms,
        silenced_by: silenced(&desk.silences, labels, now).iter().map(u64::to_string).collect(),
        inhibited: inhibited(&desk.inhibitions, labels, firing),
        flapping: alert.is_flapping(now),
        acknowledged,
        grouping: String::new(),
    }
}

/// What a group of alerts is called: `alertname=PumpDown, site=shed`.
pub(super) fn grouping(alert: &types::Alert, by: &[String]) -> String {
    let value = |name: &String| alert.labels.get(name).map_or("", String::as_str);
    by.iter().map(|name| format!("{name}={}", value(name))).collect::<Vec<_>>().join(", ")
}

/// All alerts: firing ones first, the newest first among their like.
pub(super) fn alerts(desk: &Desk, now: u64) -> Vec<types::Alert> {
    let firing = desk.firing();
    let mut all: Vec<(Phase, types::Alert)> = desk
        .alerts()
        .map(|(group, rule, labels, one)| {
            (one.phase, alert(desk, &firing, (&group.group.name, &rule.key), labels, one, now))
        })
        .collect();
    let rank = |phase: Phase| match phase {
        Phase::Firing => 0,
        Phase::Pending => 1,
        Phase::Resolved => 2,
    };
    all.order_by_key(|(phase, alert)| (rank(*phase), u64::MAX - alert.active_ms, alert.id.clone()));
    all.into_iter().map(|(_, alert)| alert).collect()
}

fn rule(desk: &Desk, group: &str, live: &LiveRule, now: u64) -> types::AlertRule {
    let firing = desk.firing();
    let active = live.alerts.iter().filter(|(_, alert)| alert.phase != Phase::Resolved);
    let alerts: Vec<types::Alert> =
        active.map(|(labels, one)| alert(desk, &firing, (group, &live.key), labels, one, now)).collect();
    let any = |state: &str| alerts.iter().any(|alert| alert.state == state);
    let state = match live.rule.is_alert {
        false => "",
        true if any("firing") => "firing",
        true if any("pending") => "pending",
        true => "inactive",
    };
    let health = match (live.evaluated_ms, live.error.is_empty()) {
        (0, _) => "unknown",
        (_, true) => "ok",
        (_, false) => "err",
    };
    let pairs = |all: &[(String, String)]| map(all.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    types::AlertRule {
        name: live.rule.name.clone(),
        kind: if live.rule.is_alert { "alerting" } else { "recording" }.to_owned(),
        expr: live.rule.expr.query().to_owned(),
        for_ms: live.rule.hold_ms,
        keep_firing_for_ms: live.rule.keep_ms,
        cooldown_ms: live.rule.cooldown_ms,
        labels: pairs(&live.rule.labels),
        annotations: pairs(&live.rule.annotations),
        state: state.to_owned(),
        health: health.to_owned(),
        error: live.error.clone(),
        evaluated_ms: live.evaluated_ms,
        took_us: live.took_us,
        alerts,
    }
}

pub(super) fn rules(desk: &Desk, now: u64) -> types::AlertRules {
    let group = |live: &super::LiveGroup| types::AlertGroup {
        name: live.group.name.clone(),
        file: live.file.clone(),
        interval_ms: live.interval_ms(),
        limit: live.group.limit,
        evaluated_ms: live.evaluated_ms,
        took_us: live.took_us,
        rules: live.rules.iter().map(|one| rule(desk, &live.group.name, one, now)).collect(),
    };
    types::AlertRules {
        groups: desk.groups.iter().map(group).collect(),
        problems: desk.problems.iter().chain(&desk.warnings).cloned().collect(),
    }
}

pub(super) fn silence(one: &Silence) -> types::AlertSilence {
    types::AlertSilence {
        id: one.id.to_string(),
        matchers: one.matchers.clone(),
        by: one.by.clone(),
        reason: one.reason.clone(),
        from_ms: one.from_ms,
        until_ms: one.until_ms,
    }
}
