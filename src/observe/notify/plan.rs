//! What is to be told now: follows from what fires, what was told, and the time. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::{Route, Settings};
use crate::observe::promql::{Labels, Matcher};

/// Route, receiver and labels of a group, in 16 bytes.
pub type GroupId = [u8; 16];
/// Key of an alert.
type AlertKey = [u8; 16];
/// Since when there is news of a group that was not told yet.
pub type Waits = BTreeMap<GroupId, u64>;

/// How an alert is, to those who are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It fires and wants somebody.
    Firing,
    /// It fires, or flaps, and is silenced, inhibited or seen: no news, in either direction.
    Muted,
}

/// An alert that fires.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub key: AlertKey,
    pub labels: &'a Labels,
    pub stage: Stage,
}

/// What a receiver was told of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub route: String,
    /// Alerts that it believes to fire, each with its name and summary.
    pub alerts: BTreeMap<AlertKey, (String, String)>,
    pub sent_ms: u64,
}

/// A notice that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub group: GroupId,
    pub route: String,
    pub receiver: String,
    /// All of the group that fire and want somebody.
    pub firing: Vec<AlertKey>,
    /// Name and summary of those that ended.
    pub resolved: Vec<(String, String)>,
    /// Nothing is new: it is told again.
    pub again: bool,
    /// Only an end that this route does not tell: it is noted, and nobody hears of it.
    pub silent: bool,
    /// Told before and still true.
    pub kept: BTreeSet<AlertKey>,
}

/// The group that an alert with these labels belongs to.
#[must_use]
pub fn group_id(route: &Route, receiver: &str, labels: &Labels) -> GroupId {
    let own = route.group_by.iter().flat_map(|name| [name.as_str(), labels.get(name)]);
    let mut hasher = blake3::Hasher::new();
    for part in [route.name.as_str(), receiver].into_iter().chain(own) {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(hasher.finalize().as_bytes()) {
        *to = *from;
    }
    id
}

fn all(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|one| one.matches(labels))
}

#[derive(Default)]
struct Members {
    firing: Vec<AlertKey>,
    muted: BTreeSet<AlertKey>,
    urgent: bool,
}

/// Everything that is due now (milliseconds since 1970). `waits` remembers when news came.
#[must_use]
pub fn plan(
    settings: &Settings,
    alerts: &[Seen<'_>],
    told: &BTreeMap<GroupId, Told>,
    waits: &mut Waits,
    now: u64,
) -> Vec<Due> {
    let mut dues = Vec::new();
    let mut news = BTreeSet::new();
    for route in &settings.routes {
        for receiver in &route.receivers {
            let mut groups: BTreeMap<GroupId, Members> = BTreeMap::new();
            for alert in alerts.iter().filter(|alert| all(&route.matchers, alert.labels)) {
                let group = groups.entry(group_id(route, receiver, alert.labels)).or_default();
                let before = told.get(&group_id(route, receiver, alert.labels));
                let fresh = before.is_none_or(|told| !told.alerts.contains_key(&alert.key));
                match alert.stage {
                    Stage::Firing => {
                        group.firing.push(alert.key);
                        group.urgent |= fresh && !route.urgent.is_empty() && all(&route.urgent, alert.labels);
                    }
                    Stage::Muted => drop(group.muted.insert(alert.key)),
                }
            }
            // A group of which nothing fires any more is only known by what was told.
            let prefix = (route.name.as_str(), receiver.as_str());
            for (id, _) in told.iter().filter(|(_, told)| told.route == key_of(prefix)) {
                groups.entry(*id).or_default();
            }
            for (id, members) in groups {
                let due = one(route, receiver, id, &members, told.get(&id), now);
                let Some(due) = due else { continue };
                if !due.again {
                    news.insert(id);
                    let since = *waits.entry(id).or_insert(now);
                    if now.saturating_sub(since) < route.wait_ms {
                        continue;
                    }
                }
                let sent = told.get(&id).map_or(0, |told| told.sent_ms);
                // A clock that was set back holds nothing up for long.
                if sent > 0 && sent <= now && now - sent < route.interval_ms && !members.urgent {
                    continue;
                }
                let quiet = route.quiet.is_some_and(|quiet| quiet.holds(now));
                if !quiet || members.urgent {
                    dues.push(due);
                }
            }
        }
    }
    waits.retain(|id, _| news.contains(id));
    dues
}

/// How what was told names its route and receiver.
fn key_of((route, receiver): (&str, &str)) -> String {
    format!("{route}\u{0}{receiver}")
}

fn one(
    route: &Route,
    receiver: &str,
    id: GroupId,
    members: &Members,
    told: Option<&Told>,
    now: u64,
) -> Option<Due> {
    let empty = BTreeMap::new();
    let before = told.map_or(&empty, |told| &told.alerts);
    let is_new = |key: &&AlertKey| !before.contains_key(*key);
    let fresh = members.firing.iter().filter(is_new).count();
    let still = |key: &AlertKey| members.firing.contains(key) || members.muted.contains(key);
    let ended: Vec<(String, String)> =
        before.iter().filter(|(key, _)| !still(key)).map(|(_, words)| words.clone()).collect();
    let age = told.map_or(0, |told| now.saturating_sub(told.sent_ms));
    let again = fresh == 0 && ended.is_empty();
    let old = route.repeat_ms > 0 && age >= route.repeat_ms && !members.firing.is_empty();
    if again && !old {
        return None;
    }
    Some(Due {
        group: id,
        route: key_of((&route.name, receiver)),
        receiver: receiver.to_owned(),
        firing: members.firing.clone(),
        silent: fresh == 0 && !again && !route.resolved,
        resolved: if route.resolved { ended } else { Vec::new() },
        again,
        kept: before.keys().copied().filter(still).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::settings::Quiet;
    use super::*;

    const MINUTE: u64 = 60_000;

    fn route() -> Route {
        let mut route = Settings::default().routes.remove(0);
        (route.wait_ms, route.interval_ms, route.repeat_ms) = (MINUTE, 5 * MINUTE, 60 * MINUTE);
        route
    }

    fn labels(name: &str, severity: &str) -> Labels {
        Labels::new([("alertname", name), ("severity", severity)])
    }

    /// What a receiver hears, minute by minute: `a` where alert a fires, `A` where it is muted.
    fn heard(route: Route, minutes: &[&str]) -> Vec<String> {
        let settings = Settings { routes: vec![route], ..Settings::default() };
        let (mut told, mut waits) = (BTreeMap::new(), Waits::new());
        let mut out = Vec::new();
        for (at, alive) in (1u64..).zip(minutes) {
            let now = at * MINUTE;
            let all: Vec<(char, Labels)> = alive
                .chars()
                .map(|c| (c, labels("X", if c.eq_ignore_ascii_case(&'u') { "critical" } else { "warning" })))
                .collect();
            let seen = |(c, labels): &'_ (char, Labels)| {
                let stage = if c.is_uppercase() { Stage::Muted } else { Stage::Firing };
                ([c.to_ascii_lowercase() as u8; 16], stage, labels.clone())
            };
            let parts: Vec<_> = all.iter().map(seen).collect();
            let alerts: Vec<Seen<'_>> =
                parts.iter().map(|(key, stage, labels)| Seen { key: *key, labels, stage: *stage }).collect();
            for due in plan(&settings, &alerts, &told, &mut waits, now) {
                if due.silent {
                    out.push(format!("{at}:silent"));
                    told.remove(&due.group);
                    continue;
                }
                let name = |key: &AlertKey| char::from(key[0]);
                let firing: String = due.firing.iter().map(name).collect();
                let gone: String = due.resolved.iter().map(|(name, _)| name.clone()).collect();
                out.push(format!("{at}:{firing}-{gone}"));
                let known = due.kept.iter().chain(&due.firing);
                let alerts = known.map(|key| (*key, (name(key).to_string(), String::new()))).collect();
                told.insert(due.group, Told { route: due.route, alerts, sent_ms: now });
            }
        }
        out
    }

    #[test]
    fn news_is_told_once_together_and_with_its_end() {
        // It waits a minute, takes along what came meanwhile, and tells the rest five minutes later.
        assert_eq!(heard(route(), &["a", "ab", "abc", "bc", "bc", "bc", "bc", "bc"]), ["2:ab-", "7:bc-a"]);
        // What came and went meanwhile was no news.
        assert!(heard(route(), &["a", "", "a", "", ""]).is_empty());
        // Silenced or seen: neither told, nor said to be over.
        assert_eq!(heard(route(), &["a", "a", "A", "A", "A", "A", "A", "A", "", "", ""]), ["2:a-", "10:-a"]);
        assert!(heard(route(), &["A", "A", "A"]).is_empty());
        // A route that does not tell ends.
        let route = Route { resolved: false, ..route() };
        assert_eq!(heard(route, &["a", "a", "", "", "", "", "", "", "", ""]), ["2:a-", "7:silent"]);
    }

    #[test]
    fn what_still_fires_is_told_again() {
        let long = vec!["a"; 70];
        assert_eq!(heard(route(), &long), ["2:a-", "62:a-"]);
        assert_eq!(heard(Route { repeat_ms: 0, ..route() }, &long), ["2:a-"]);
    }

    #[test]
    fn in_quiet_hours_only_what_is_urgent_is_told() {
        let quiet = Some(Quiet { from: 0, to: 10 });
        let urgent =
            vec![crate::observe::promql::parse_selector("{severity=\"critical\"}").unwrap().remove(0)];
        let minutes = ["a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a"];
        assert_eq!(heard(Route { quiet, urgent: urgent.clone(), ..route() }, &minutes), ["10:a-"]);
        let minutes = ["a", "a", "au", "au", "au"];
        assert_eq!(heard(Route { quiet, urgent, ..route() }, &minutes), ["3:au-"]);
    }

    #[test]
    fn routes_choose_by_labels_and_groups_are_apart() {
        let mut settings = Settings { routes: vec![Route { wait_ms: 0, ..route() }], ..Settings::default() };
        let (a, b) = (labels("A", "warning"), labels("B", "info"));
        let alerts = [
            Seen { key: [1; 16], labels: &a, stage: Stage::Firing },
            Seen { key: [2; 16], labels: &b, stage: Stage::Firing },
        ];
        let count =
            |settings: &Settings| plan(settings, &alerts, &BTreeMap::new(), &mut Waits::new(), 9).len();
        assert_eq!(count(&settings), 2);
        settings.routes[0].group_by = Vec::new();
        assert_eq!(count(&settings), 1);
        settings.routes[0].matchers = crate::observe::promql::parse_selector("{severity=\"none\"}").unwrap();
        assert_eq!(count(&settings), 0);
    }
}
