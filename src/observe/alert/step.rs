//! The life of an alert: inactive, pending, firing, resolved. A pure step from what was and what was found.

use std::collections::BTreeMap;

use crate::observe::promql::Labels;

/// How long a resolved alert is remembered, in milliseconds.
const REMEMBERED_MS: u64 = 15 * 60_000;
/// After a restart a pending alert is watched for so long at least, or as long as its rule wants.
const GRACE_MS: u64 = 5 * 60_000;
/// So many changes within an hour are flapping.
const FLAPS: usize = 6;
const FLAPS_MS: u64 = 3_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Pending,
    Firing,
    Resolved,
}

impl Phase {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// Somebody has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
}

/// One alert. Times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    pub phase: Phase,
    pub value: f64,
    pub annotations: Vec<(String, String)>,
    /// Since when its condition holds.
    pub active_ms: u64,
    pub fired_ms: Option<u64>,
    /// Since when its condition no longer holds, while it goes on firing.
    pub keeps_since_ms: Option<u64>,
    pub resolved_ms: Option<u64>,
    /// When it began or ceased to fire, lately.
    pub changes: Vec<u64>,
    pub acknowledged: Option<Acknowledged>,
    /// It does not end before: what it is about may not have been looked at since the start.
    pub held_until_ms: u64,
}

impl Alert {
    fn new(now: u64) -> Self {
        Self {
            phase: Phase::Pending,
            value: 0.0,
            annotations: Vec::new(),
            active_ms: now,
            fired_ms: None,
            keeps_since_ms: None,
            resolved_ms: None,
            changes: Vec::new(),
            acknowledged: None,
            held_until_ms: 0,
        }
    }

    /// True where it fires and resolves again and again.
    #[must_use]
    pub fn is_flapping(&self, now: u64) -> bool {
        self.changes.iter().filter(|at| now.saturating_sub(**at) < FLAPS_MS).count() >= FLAPS
    }

    fn changed(&mut self, now: u64) {
        self.changes.push(now);
        let more = self.changes.len().saturating_sub(FLAPS);
        self.changes.drain(..more);
    }
}

/// Alerts of one rule, by their labels.
pub type Alerts = BTreeMap<Labels, Alert>;

/// The times of a rule, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    pub hold: u64,
    pub keep: u64,
    pub cooldown: u64,
}

/// What a rule found for one set of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub value: f64,
    pub annotations: Vec<(String, String)>,
}

/// A change of state; `to` is absent where a pending alert is inactive again or a resolved one is forgotten.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub labels: Labels,
    pub from: Option<Phase>,
    pub to: Option<Phase>,
}

/// An alert after a restart. Nobody watched the condition of a pending one meanwhile, so that it does not fire at once,
/// but after a part of its time at the soonest. One that fires is not over because a probe has not looked yet.
#[must_use]
pub fn restored(mut alert: Alert, hold: u64, now: u64) -> Alert {
    if alert.phase == Phase::Pending {
        let latest = now.saturating_add(hold.min(GRACE_MS)).saturating_sub(hold);
        alert.active_ms = alert.active_ms.max(latest);
    }
    alert.held_until_ms = now.saturating_add(GRACE_MS);
    alert
}

/// Alerts after an evaluation, and what changed.
#[must_use]
pub fn step(
    mut alerts: Alerts,
    times: Times,
    mut found: BTreeMap<Labels, Found>,
    now: u64,
) -> (Alerts, Vec<Change>) {
    let mut changes = Vec::new();
    let mut told = |labels: &Labels, from: Option<Phase>, to: Option<Phase>| {
        changes.push(Change { labels: labels.clone(), from, to });
    };
    alerts.retain(|labels, alert| {
        let from = alert.phase;
        let (kept, marked) = match found.remove(labels) {
            Some(found) => (true, holds(alert, times, found, now)),
            None => ceased(alert, times, now),
        };
        if !kept {
            told(labels, Some(from), None);
        } else if marked || alert.phase != from {
            told(labels, Some(from), Some(alert.phase));
        }
        kept
    });
    for (labels, found) in found {
        let mut alert = Alert::new(now);
        holds(&mut alert, times, found, now);
        told(&labels, None, Some(alert.phase));
        alerts.insert(labels, alert);
    }
    (alerts, changes)
}

/// Its condition holds. True where more than its phase has to be kept.
fn holds(alert: &mut Alert, times: Times, found: Found, now: u64) -> bool {
    if alert.phase == Phase::Resolved {
        (alert.phase, alert.active_ms, alert.fired_ms, alert.acknowledged) =
            (Phase::Pending, now, None, None);
    }
    (alert.value, alert.annotations) = (found.value, found.annotations);
    let rested = alert.resolved_ms.is_none_or(|at| now.saturating_sub(at) >= times.cooldown);
    if alert.phase == Phase::Pending && now.saturating_sub(alert.active_ms) >= times.hold && rested {
        (alert.phase, alert.fired_ms, alert.resolved_ms) = (Phase::Firing, Some(now), None);
        alert.changed(now);
    }
    alert.keeps_since_ms.take().is_some()
}

/// Its condition does not hold. Whether it is remembered, and whether more than its phase has to be kept.
fn ceased(alert: &mut Alert, times: Times, now: u64) -> (bool, bool) {
    match alert.phase {
        Phase::Pending => {
            // One that rests after it was resolved is remembered for that.
            alert.phase = Phase::Resolved;
            (alert.resolved_ms.is_some(), false)
        }
        Phase::Firing if now < alert.held_until_ms => (true, false),
        Phase::Firing => {
            let fresh = alert.keeps_since_ms.is_none() && times.keep > 0;
            let since = *alert.keeps_since_ms.get_or_insert(now);
            if now.saturating_sub(since) >= times.keep {
                (alert.phase, alert.resolved_ms, alert.keeps_since_ms) = (Phase::Resolved, Some(now), None);
                alert.changed(now);
            }
            (true, fresh)
        }
        Phase::Resolved => {
            let age = alert.resolved_ms.map_or(u64::MAX, |at| now.saturating_sub(at));
            (age < REMEMBERED_MS.max(times.cooldown) || alert.is_flapping(now), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    /// Steps once a minute; `x` where the condition holds. A letter for each state.
    fn life(times: Times, seen: &str) -> String {
        let labels = Labels::new([("alertname", "A")]);
        let mut alerts = Alerts::new();
        let mut out = String::new();
        for (at, c) in (1u64..).zip(seen.chars()) {
            let found = Found { value: 1.0, annotations: Vec::new() };
            let found = (c == 'x').then(|| (labels.clone(), found)).into_iter().collect();
            let before = alerts.get(&labels).map(|alert: &Alert| alert.phase);
            let (after, changes) = step(alerts, times, found, at * MINUTE);
            alerts = after;
            let phase = alerts.get(&labels).map(|alert| alert.phase);
            // Whatever changes is told, once, as it is.
            assert_eq!(phase != before, changes.iter().any(|one| one.from != one.to), "{seen} at {at}");
            assert!(changes.iter().all(|one| one.from == before && one.to == phase));
            out.push(match phase {
                None => '.',
                Some(Phase::Pending) => 'p',
                Some(Phase::Firing) => 'F',
                Some(Phase::Resolved) => 'r',
            });
        }
        out
    }

    #[test]
    fn alerts_are_pending_then_fire_then_are_resolved() {
        let minutes = |hold, keep, cooldown| Times {
            hold: hold * MINUTE,
            keep: keep * MINUTE,
            cooldown: cooldown * MINUTE,
        };
        let cases = [
            (minutes(0, 0, 0), " xx xx", ".FFrFF"),
            (minutes(2, 0, 0), "xxxx x  x", "ppFFrprrp"),
            (minutes(2, 0, 0), "x x xx", "p.p.pp"),
            (minutes(0, 2, 0), "x   x", "FFFrF"),
            (minutes(0, 2, 0), "x x    ", "FFFFFrr"),
            (minutes(0, 0, 4), "x xxxxx", "FrpppFF"),
            (minutes(0, 0, 0), "x                 ", "Frrrrrrrrrrrrrrr.."),
        ];
        for (times, seen, wanted) in cases {
            assert_eq!(life(times, seen), wanted, "{seen:?}");
        }
    }

    #[test]
    fn a_pending_alert_is_watched_again_after_a_restart() {
        let alert = |phase, active| Alert { phase, ..Alert::new(active * MINUTE) };
        let after = |phase, active, hold| {
            restored(alert(phase, active), hold * MINUTE, 100 * MINUTE).active_ms / MINUTE
        };
        // 60 minutes are wanted: 55 of them at most are believed.
        assert_eq!(after(Phase::Pending, 80, 60), 80);
        assert_eq!(after(Phase::Pending, 10, 60), 45);
        // All of a short time is waited for again.
        assert_eq!(after(Phase::Pending, 10, 2), 100);
        assert_eq!(after(Phase::Firing, 10, 60), 10);
    }

    #[test]
    fn an_alert_that_fired_before_a_restart_is_over_minutes_after_it_at_the_soonest() {
        let labels = Labels::new([("alertname", "A")]);
        let fired = Alert { phase: Phase::Firing, ..Alert::new(0) };
        let mut alerts = Alerts::from([(labels.clone(), restored(fired, 0, 100 * MINUTE))]);
        let mut phase = |at: u64, seen: bool| {
            let found = seen.then(|| (labels.clone(), Found { value: 1.0, annotations: Vec::new() }));
            let now = at * MINUTE;
            alerts = step(std::mem::take(&mut alerts), Times::default(), found.into_iter().collect(), now).0;
            (alerts[&labels].phase, alerts[&labels].changes.len())
        };
        // Its series is there from before, is stale then, and comes again when the probe has looked.
        for (at, seen) in [(100, true), (101, false), (104, true), (104, false)] {
            assert_eq!(phase(at, seen), (Phase::Firing, 0));
        }
        assert_eq!(phase(105, false), (Phase::Resolved, 1));
    }

    #[test]
    fn what_comes_and_goes_is_flapping() {
        let labels = Labels::new([("alertname", "A")]);
        let mut alerts = Alerts::new();
        for at in 0..6 {
            let found = Found { value: 1.0, annotations: Vec::new() };
            let found = (at % 2 == 0).then(|| (labels.clone(), found)).into_iter().collect();
            alerts = step(alerts, Times::default(), found, at * MINUTE).0;
            assert_eq!(alerts[&labels].is_flapping(at * MINUTE), at == 5);
        }
        assert!(!alerts[&labels].is_flapping(62 * MINUTE));
    }
}
