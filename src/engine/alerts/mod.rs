//! Alerts at work: rules are evaluated over the store of metrics on the engine's timer, what becomes of alerts is
//! kept, told to the log and to event streams, and recorded as series.

mod actions;
mod load;
mod notice_actions;
mod notices;
mod send;
mod trial;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use actions::act;
pub use actions::{AlertAction, AlertQuery, AlertReply};
pub use load::check as check_rules;
pub(super) use load::{listed, text};
pub use notice_actions::check_notify;
pub use trial::{TryFault, try_rules};

use super::run::Inner;
use super::{approvals, incidents, metrics};
use crate::api::types::{EventKind, OwnWork};
use crate::base::InOrder;
use crate::observe::alert::{
    self, AlertShelf, Found, Group, Inhibition, KeptAlert, Phase, Rule, Silence, Times, evaluate, found,
    recorded, step,
};
use crate::observe::metric::{Family, Kind, Point, Reading};
use crate::observe::promql::{Context, Labels, METRIC_NAME};
use crate::observe::trace::{self, Ending, Note, Trace};
use crate::resilience::Effect;

/// How often rules are evaluated where their group does not say.
const USUAL_MS: u64 = 60_000;
/// Alerts of all rules together.
const ALERTS_MOST: usize = 1000;
/// A command that starts the engine for itself is over before this.
const PATIENCE_S: u64 = 10;
/// One evaluation of a rule may take so long.
const RULE_US: u64 = 500_000;
/// No further group is begun within a tick after so long.
const TICK_US: u64 = 250_000;

/// A rule with what it found.
pub(super) struct LiveRule {
    /// Its name, with a number where its group has several of that name.
    key: String,
    rule: Rule,
    alerts: alert::Alerts,
    recorded: Vec<(Labels, f64)>,
    error: String,
    evaluated_ms: u64,
    took_us: u64,
    /// The evaluation that changed its alerts last, as a `traceparent`.
    trace: String,
}

/// A group with its rules.
pub(super) struct LiveGroup {
    file: String,
    group: Group,
    rules: Vec<LiveRule>,
    evaluated_ms: u64,
    took_us: u64,
}

impl LiveGroup {
    fn interval_ms(&self) -> u64 {
        self.group.interval_ms.unwrap_or(USUAL_MS).max(1000)
    }

    fn is_due(&self, now: u64) -> bool {
        now / self.interval_ms() != self.evaluated_ms / self.interval_ms()
    }
}

/// Everything that is known of alerts.
#[derive(Default)]
pub(super) struct Desk {
    loaded: bool,
    groups: Vec<LiveGroup>,
    inhibitions: Vec<Inhibition>,
    silences: Vec<Silence>,
    problems: Vec<String>,
    /// What is wrong in files that are read all the same.
    warnings: Vec<String>,
    /// By key: what the store does not have yet; nothing where it is to forget.
    unsaved: BTreeMap<[u8; 16], Option<KeptAlert>>,
}

impl Desk {
    fn alerts(&self) -> impl Iterator<Item = (&LiveGroup, &LiveRule, &Labels, &alert::Alert)> {
        self.groups.iter().flat_map(|group| {
            group.rules.iter().flat_map(move |rule| {
                rule.alerts.iter().map(move |(labels, alert)| (group, rule, labels, alert))
            })
        })
    }

    fn firing(&self) -> Vec<Labels> {
        let firing = self.alerts().filter(|(.., alert)| alert.phase == Phase::Firing);
        firing.map(|(_, _, labels, _)| labels.clone()).collect()
    }
}

/// An alert that fires, or an incident that is open, for those who are told.
pub(super) struct Fact {
    pub(super) key: [u8; 16],
    pub(super) labels: Labels,
    pub(super) loud: bool,
    pub(super) name: String,
    pub(super) severity: String,
    pub(super) summary: String,
    /// Since when; absent where it does not fire just now.
    pub(super) fired_ms: Option<u64>,
    /// What its rule says of incidents, and of breaches.
    pub(super) incident: String,
    pub(super) breach: String,
    pub(super) annotations: Vec<(String, String)>,
    /// What a rule found.
    pub(super) value: Option<f64>,
    /// The evaluation that found it, as a `traceparent`.
    pub(super) trace: String,
}

impl Fact {
    /// Of a thing that no rule found: an incident, a request.
    pub(super) fn of(
        group: &str,
        (name, severity): (&str, &str),
        (thing, id): (&str, &str),
        kind: &str,
        summary: String,
    ) -> Self {
        Self {
            key: alert::key(group, name, &Labels::new([(thing, id)])),
            labels: Labels::new([("alertname", name), ("severity", severity), (thing, id), ("type", kind)]),
            loud: true,
            name: format!("{name} {id}"),
            severity: severity.to_owned(),
            summary,
            fired_ms: None,
            incident: String::new(),
            breach: String::new(),
            annotations: Vec::new(),
            value: None,
            trace: String::new(),
        }
    }
}

/// What an annotation says, or else a label.
fn said(alert: &alert::Alert, labels: &Labels, wanted: &str) -> String {
    let text = alert.annotations.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.as_str());
    text.unwrap_or_else(|| labels.get(wanted)).to_owned()
}

impl Desk {
    /// Alerts that fire; one that flaps counts until it is calm.
    fn facts(&self, now: u64) -> Vec<Fact> {
        let firing = self.firing();
        let fires = |alert: &alert::Alert| alert.phase == Phase::Firing || alert.is_flapping(now);
        let all = self.alerts().filter(|(.., alert)| alert.phase != Phase::Pending && fires(alert));
        all.map(|(group, rule, labels, alert)| Fact {
            key: alert::key(&group.group.name, &rule.key, labels),
            loud: alert.phase == Phase::Firing && self.is_loud(labels, alert, &firing, now),
            name: labels.get("alertname").to_owned(),
            severity: labels.get("severity").to_owned(),
            summary: said(alert, labels, "summary"),
            fired_ms: alert.fired_ms.filter(|_| alert.phase == Phase::Firing),
            incident: said(alert, labels, "incident"),
            breach: said(alert, labels, "breach"),
            annotations: alert.annotations.clone(),
            value: Some(alert.value),
            trace: rule.trace.clone(),
            labels: labels.clone(),
        })
        .collect()
    }

    fn is_loud(&self, labels: &Labels, alert: &alert::Alert, firing: &[Labels], now: u64) -> bool {
        alert.acknowledged.is_none()
            && alert::silenced(&self.silences, labels, now).is_empty()
            && !alert::inhibited(&self.inhibitions, labels, firing)
    }
}

/// Alerts of a box.
#[derive(Default)]
pub(super) struct Alerting {
    desk: Mutex<Desk>,
    notices: notices::Notices,
}

impl Alerting {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rules are read again at the next tick.
    pub(super) fn reload(&self) {
        self.desk().loaded = false;
        self.notices.reload();
    }

    /// Notices that wait are tried at once.
    pub(super) fn try_now(&self, now_ms: u64) {
        self.notices.try_now(now_ms);
    }

    /// Notices that wait to be sent.
    pub(super) fn waiting(&self, inner: &Inner) -> OwnWork {
        let desk = self.notices.loaded(inner);
        let oldest = desk.waiting.values().min_by_key(|notice| notice.created_ms);
        OwnWork {
            kind: "notices".to_owned(),
            running: u64::from(desk.sending),
            waiting: (desk.waiting.len() as u64).saturating_sub(u64::from(desk.sending)),
            oldest_ms: oldest.map(|notice| notice.created_ms),
            next_ms: desk.waiting.values().map(|notice| notice.not_before_ms).min(),
        }
    }

    /// Who is told of alerts, by name.
    pub(super) fn receivers(&self, inner: &Inner) -> Vec<(String, crate::observe::notify::Kind)> {
        let desk = self.notices.loaded(inner);
        desk.settings.receivers.iter().map(|receiver| (receiver.name.clone(), receiver.kind)).collect()
    }

    /// How many are pending, how many fire, how many rules and files fail.
    pub(super) fn counts(&self) -> [u64; 3] {
        let desk = self.desk();
        let of = |phase| desk.alerts().filter(|(.., alert)| alert.phase == phase).count() as u64;
        let rules = desk.groups.iter().flat_map(|group| &group.rules);
        let failing = rules.filter(|rule| !rule.error.is_empty()).count() + desk.problems.len();
        [of(Phase::Pending), of(Phase::Firing), failing as u64]
    }

    pub(super) fn waiting_notices(&self) -> u64 {
        self.notices.desk().waiting.len() as u64
    }

    /// How many fire that nobody has silenced or seen, and that no other makes needless.
    pub(super) fn loud(&self, now: u64) -> u64 {
        let desk = self.desk();
        let firing = desk.firing();
        let fires = desk.alerts().filter(|(.., alert)| alert.phase == Phase::Firing);
        let loud = fires.filter(|(_, _, labels, alert)| desk.is_loud(labels, alert, &firing, now));
        loud.count() as u64
    }

    /// Recorded series and those of active alerts, to be recorded with all others.
    #[allow(clippy::cast_precision_loss)] // seconds of our centuries
    pub(super) fn families(&self) -> Vec<Family> {
        let desk = self.desk();
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut push = |labels: &Labels, name: &str, state: Option<&str>, value: f64| {
            let family = families.entry(name.to_owned()).or_insert_with(|| Family {
                name: name.to_owned().into(),
                kind: Kind::Gauge,
                unit: "".into(),
                help: "".into(),
                points: Vec::new(),
            });
            let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
            let mut pairs: Vec<_> =
                own.map(|(name, value)| (name.to_owned().into(), value.to_owned())).collect();
            pairs.extend(state.map(|state| ("alertstate".into(), state.to_owned())));
            family.points.push(Point { labels: pairs, reading: Reading::Number(value) });
        };
        for (_, _, labels, alert) in desk.alerts().filter(|(.., alert)| alert.phase != Phase::Resolved) {
            push(labels, "ALERTS", Some(alert.phase.name()), 1.0);
            push(labels, "ALERTS_FOR_STATE", None, (alert.active_ms / 1000) as f64);
        }
        for rule in desk.groups.iter().flat_map(|group| &group.rules) {
            for (labels, value) in &rule.recorded {
                push(labels, labels.metric(), None, *value);
            }
        }
        families.into_values().collect()
    }
}

/// Called once a second, so many seconds after the start.
pub(super) fn tick(inner: &Arc<Inner>, seconds: u64) {
    if inner.settings.scratch || !inner.settings.daemon && seconds < PATIENCE_S {
        return;
    }
    // Before something is measured, rules would find that all is gone.
    if inner.telemetry.stored().samples == 0 {
        return;
    }
    let now = inner.clock.now_ms();
    let mut desk = inner.alerting.desk();
    load::ensure(inner, &mut desk);
    let mut told = Vec::new();
    let mut room = ALERTS_MOST.saturating_sub(desk.alerts().count());
    let began_us = inner.clock.monotonic_us();
    let mut due: Vec<&mut LiveGroup> = desk.groups.iter_mut().filter(|group| group.is_due(now)).collect();
    // Who waited longest comes first; the rest comes at the next tick where the time is over.
    due.order_by_key(|group| group.evaluated_ms);
    let trace = (!due.is_empty()).then(|| inner.traces.begin_work(None));
    let at = trace.as_ref().map(Trace::enter);
    let count = due.len() as u64;
    for group in due {
        if inner.clock.monotonic_us().saturating_sub(began_us) > TICK_US {
            break;
        }
        told.extend(evaluated(inner, group, now, &mut room));
    }
    drop(at);
    if let Some(trace) = trace {
        let notes = [("spud.groups", Note::Number(count)), ("spud.changes", Note::Number(told.len() as u64))];
        let ending = Ending { verb: "evaluate", what: "rules", error: None, notes: &notes };
        inner.traces.end_work(trace, &ending);
    }
    for change in &told {
        let known = change.kept.clone();
        let key = alert::key(&change.group, &change.rule, &change.labels);
        desk.unsaved.insert(key, known);
    }
    save(inner, &mut desk);
    tell(inner, &desk, &told, now);
    let mut facts = desk.facts(now);
    let is_known = desk.loaded;
    drop(desk);
    // Before it is known what fires, everything would seem to be over.
    if is_known {
        incidents::watch(inner, &facts);
        facts.extend(incidents::tell(inner));
        facts.extend(approvals::tell(inner));
        notices::tick(inner, &facts);
    }
}

/// What became of one alert.
struct Told {
    group: String,
    rule: String,
    labels: Labels,
    from: Option<Phase>,
    /// Absent where it is forgotten.
    kept: Option<KeptAlert>,
}

fn evaluated(inner: &Inner, group: &mut LiveGroup, now: u64, room: &mut usize) -> Vec<Told> {
    let began_us = inner.clock.monotonic_us();
    let time = i64::try_from(now.saturating_sub(group.group.offset_ms)).unwrap_or(i64::MAX);
    let mut told = Vec::new();
    // Everything was looked at since the start, and what was seen is recorded.
    let is_known = inner.probes.settled_for_ms(now) > 2 * inner.telemetry.interval_ms();
    for live in &mut group.rules {
        if is_known {
            live.alerts.values_mut().for_each(|alert| alert.held_until_ms = 0);
        }
        let (rule_us, before) = (inner.clock.monotonic_us(), told.len());
        let late = || inner.clock.monotonic_us().saturating_sub(rule_us) > RULE_US;
        let context = Context { source: &inner.telemetry, limits: metrics::limits(inner, time), late: &late };
        let results = evaluate(&live.rule, group.group.limit, time, context);
        let done = results.and_then(|results| {
            if live.rule.is_alert {
                became(
                    live,
                    &group.group.name,
                    found(&live.rule, results, time, context)?,
                    now,
                    room,
                    &mut told,
                )
            } else {
                live.recorded = recorded(&live.rule, results)?;
                Ok(())
            }
        });
        let error = done.err().unwrap_or_default();
        if !error.is_empty() {
            // A value of before is no value of now.
            live.recorded.clear();
        }
        if !error.is_empty() && live.error != error {
            tracing::warn!(
                group = group.group.name,
                rule = live.rule.name,
                error,
                "a rule could not be evaluated"
            );
        }
        if told.len() > before {
            live.trace = trace::now_at().map(|at| at.to_string()).unwrap_or_default();
        }
        (live.error, live.evaluated_ms) = (error, now);
        live.took_us = inner.clock.monotonic_us().saturating_sub(rule_us);
    }
    group.evaluated_ms = now;
    group.took_us = inner.clock.monotonic_us().saturating_sub(began_us);
    inner.instruments.rules_seconds.observe(group.took_us);
    told
}

fn became(
    live: &mut LiveRule,
    group: &str,
    found: BTreeMap<Labels, Found>,
    now: u64,
    room: &mut usize,
    told: &mut Vec<Told>,
) -> Result<(), String> {
    let new = found.keys().filter(|labels| !live.alerts.contains_key(labels)).count();
    *room = room
        .checked_sub(new)
        .ok_or_else(|| format!("there are {ALERTS_MOST} alerts already, and {new} more would come"))?;
    let rule = &live.rule;
    let times = Times { hold: rule.hold_ms, keep: rule.keep_ms, cooldown: rule.cooldown_ms };
    let (alerts, changes) = step(std::mem::take(&mut live.alerts), times, found, now);
    live.alerts = alerts;
    for change in changes {
        let alert = live.alerts.get(&change.labels).cloned();
        let kept = alert.map(|alert| KeptAlert {
            group: group.to_owned(),
            rule: live.key.clone(),
            labels: change.labels.clone(),
            alert,
        });
        let (group, rule) = (group.to_owned(), live.key.clone());
        told.push(Told { group, rule, labels: change.labels, from: change.from, kept });
    }
    Ok(())
}

/// All that changed, in one commit; what cannot be kept now is tried again at the next tick.
fn save(inner: &Inner, desk: &mut Desk) {
    if desk.unsaved.is_empty() || inner.modes.effects().has(Effect::ReadOnly) {
        return;
    }
    let kept: Vec<KeptAlert> = desk.unsaved.values().flatten().cloned().collect();
    let gone: Vec<[u8; 16]> =
        desk.unsaved.iter().filter(|(_, kept)| kept.is_none()).map(|(key, _)| *key).collect();
    match AlertShelf::keep(&inner.modes.control, &kept, &gone, |_| Ok(())) {
        Ok(()) => desk.unsaved.clear(),
        Err(error) => {
            inner.modes.store_said(&error);
            tracing::warn!(%error, "alerts could not be kept; it is tried again");
        }
    }
}

/// Every change of state, to the log and to who listens.
fn tell(inner: &Inner, desk: &Desk, told: &[Told], now: u64) {
    let firing = desk.firing();
    for change in told {
        let to = change.kept.as_ref().map(|kept| kept.alert.phase);
        if to == change.from {
            continue;
        }
        let (alert, labels) = (change.labels.get("alertname"), change.labels.to_string());
        let (group, from) = (change.group.as_str(), change.from.map_or("inactive", Phase::name));
        match to {
            Some(Phase::Firing) => tracing::warn!(alert, group, from, labels, "an alert fires"),
            Some(Phase::Resolved) => tracing::info!(alert, group, from, labels, "an alert is resolved"),
            Some(Phase::Pending) => tracing::info!(alert, group, from, labels, "an alert is pending"),
            None => tracing::info!(alert, group, from, labels, "an alert is inactive"),
        }
        if let Some(kept) = &change.kept {
            let words =
                words::alert(desk, &firing, (&kept.group, &kept.rule), &kept.labels, &kept.alert, now);
            inner.events.publish(now, EventKind::Alert(Box::new(words)));
        }
    }
}
