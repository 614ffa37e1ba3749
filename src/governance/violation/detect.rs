//! What an entry more means.

use std::collections::{BTreeMap, VecDeque};

use super::rule::{LEAST_MOST, Rule};

const HOUR_MS: u64 = 3_600_000;
/// Actors that are remembered for a rule: the one that was seen longest ago makes room.
const ACTORS_MOST: usize = 200;
/// The same rule finds the same actor once in so long.
const QUIET_MS: u64 = HOUR_MS;
/// The box itself, whose entries say nothing of people.
const BOX: &str = "box";

/// An entry, as far as rules look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sequence: u64,
    pub at_ms: u64,
    pub kind: String,
    pub actor: String,
    pub subject: String,
    pub outcome: String,
}

/// A violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: String,
    pub actor: String,
    pub at_ms: u64,
    /// Entries that make it, the last one last.
    pub entries: Vec<u64>,
}

/// Times and sequences.
type Times = VecDeque<(u64, u64)>;

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    rules: Vec<Rule>,
    /// By rule and actor: what counts.
    counted: BTreeMap<(usize, String), Times>,
    /// By rule and actor: when somebody did what the rule waits for, about them.
    before: BTreeMap<(usize, String), (u64, u64)>,
    /// By rule and actor: when it was told last.
    told: BTreeMap<(usize, String), u64>,
    last: Option<(u64, u64)>,
}

fn is_of(kind: &str, kinds: &[String]) -> bool {
    kinds.iter().any(|wanted| {
        kind.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Makes room for one more.
fn bounded<T>(map: &mut BTreeMap<(usize, String), T>, at: impl Fn(&T) -> u64) {
    if map.len() >= ACTORS_MOST
        && let Some(oldest) = map.iter().min_by_key(|(_, value)| at(value)).map(|(key, _)| key.clone())
    {
        map.remove(&oldest);
    }
}

impl Watch {
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, ..Self::default() }
    }

    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Looks at the next entry.
    pub fn step(&mut self, seen: &Seen) -> Vec<Finding> {
        let mut found = Vec::new();
        let rules = std::mem::take(&mut self.rules);
        for (at, rule) in rules.iter().enumerate() {
            let Some(entries) = self.holds(at, rule, seen) else { continue };
            let key = (at, seen.actor.clone());
            let quiet = self.told.get(&key).is_some_and(|told| seen.at_ms.abs_diff(*told) < QUIET_MS);
            if quiet {
                continue;
            }
            bounded(&mut self.told, |told| *told);
            self.told.insert(key, seen.at_ms);
            // The latest time that was known: one that was set back says nothing new.
            let at_ms = self.last.map_or(seen.at_ms, |(_, latest)| latest.max(seen.at_ms));
            let (rule, actor) = (rule.id.clone(), seen.actor.clone());
            found.push(Finding { rule, actor, at_ms, entries });
        }
        self.rules = rules;
        // The latest time that was ever seen is what later ones are compared with.
        let latest = self.last.map_or(seen.at_ms, |(_, latest)| latest.max(seen.at_ms));
        self.last = Some((seen.sequence, latest));
        found
    }

    /// The entries that make a rule hold with this one.
    fn holds(&mut self, at: usize, rule: &Rule, seen: &Seen) -> Option<Vec<u64>> {
        let within_ms = rule.within_s.saturating_mul(1000);
        match (rule.sign.as_str(), self.last) {
            ("clock-back", Some((_, latest))) => {
                return (seen.at_ms.saturating_add(within_ms) < latest).then(|| vec![seen.sequence]);
            }
            ("gap", Some((sequence, _))) => {
                return (seen.sequence > sequence + 1).then(|| vec![sequence, seen.sequence]);
            }
            ("", _) => {}
            _ => return None,
        }
        if is_of(&seen.kind, &rule.after) && seen.outcome == "done" {
            bounded(&mut self.before, |(at_ms, _)| *at_ms);
            self.before.insert((at, seen.subject.clone()), (seen.at_ms, seen.sequence));
        }
        let hour = seen.at_ms / HOUR_MS % 24;
        let in_hours = rule.window().is_none_or(|(from, until)| match from <= until {
            true => (from..until).contains(&hour),
            false => hour >= from || hour < until,
        });
        let counts = seen.actor != BOX
            && in_hours
            && (rule.kinds.is_empty() || is_of(&seen.kind, &rule.kinds))
            && (rule.outcome.is_empty() || seen.outcome == rule.outcome);
        if !counts {
            return None;
        }
        let key = (at, seen.actor.clone());
        if !rule.after.is_empty() {
            let (granted_ms, sequence) = *self.before.get(&key)?;
            let soon = seen.at_ms.saturating_sub(granted_ms) <= within_ms && sequence != seen.sequence;
            return soon.then(|| vec![sequence, seen.sequence]);
        }
        if !self.counted.contains_key(&key) {
            bounded(&mut self.counted, |times: &Times| times.back().map_or(0, |(at_ms, _)| *at_ms));
        }
        let times = self.counted.entry(key).or_default();
        times.push_back((seen.at_ms, seen.sequence));
        while times.len() > LEAST_MOST
            || times.front().is_some_and(|(at_ms, _)| seen.at_ms.saturating_sub(*at_ms) > within_ms)
        {
            times.pop_front();
        }
        if times.len() < rule.least {
            return None;
        }
        let entries = times.iter().map(|(_, sequence)| *sequence).collect();
        times.clear();
        Some(entries)
    }
}

#[cfg(test)]
impl Watch {
    /// Actors that are remembered, over all rules.
    pub(super) fn remembered(&self) -> usize {
        self.counted.len() + self.before.len() + self.told.len()
    }
}
