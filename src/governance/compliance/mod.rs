//! Controls of frameworks, and which entries of the audit log say something about each: a table, and what it counts.
//!
//! Invariant: pure; says what there is evidence of and what there is none of, and never that a control is met.

use serde::Deserialize;

use crate::asset;
use crate::base::InOrder;

/// Entries that are named for a probe: the newest ones.
pub const NAMED: usize = 12;

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub name: String,
    /// Of entries.
    pub kinds: Vec<String>,
    pub about: String,
    /// What no entry can show.
    pub gap: String,
}

/// A framework with its controls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    pub id: String,
    pub title: String,
    /// What this box cannot show anything of.
    pub outside: String,
    /// Id, then the names of probes.
    controls: Vec<String>,
}

impl Framework {
    /// Ids of controls with the names of their probes.
    pub fn controls(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.controls.iter().map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap_or_default(), words.collect())
        })
    }
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    probes: Vec<Probe>,
    pub frameworks: Vec<Framework>,
}

impl Table {
    /// The one that is shipped.
    ///
    /// # Errors
    /// What is wrong with it: a test keeps that from happening.
    pub fn shipped() -> Result<Self, String> {
        toml::from_str(&asset!("compliance/spud.toml")).map_err(|error| error.to_string())
    }

    #[must_use]
    pub fn probe(&self, name: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.name == name)
    }

    #[must_use]
    pub fn framework(&self, id: &str) -> Option<&Framework> {
        self.frameworks.iter().find(|framework| framework.id == id)
    }
}

/// What a probe found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub count: u64,
    /// Sequences, newest first.
    pub newest: Vec<u64>,
}

/// Counts entries by their kinds; given newest first.
#[derive(Debug, Default)]
pub struct Counter {
    by_kind: Vec<(String, Found)>,
}

impl Counter {
    pub fn add(&mut self, kind: &str, sequence: u64) {
        let at = self.by_kind.iter().position(|(known, _)| known == kind).unwrap_or(self.by_kind.len());
        if at == self.by_kind.len() {
            self.by_kind.push((kind.to_owned(), Found::default()));
        }
        if let Some((_, found)) = self.by_kind.get_mut(at) {
            found.count += 1;
            if found.newest.len() < NAMED {
                found.newest.push(sequence);
            }
        }
    }

    /// What a probe found among all that was added.
    #[must_use]
    pub fn found(&self, probe: &Probe) -> Found {
        let of = |kind: &String| Some(&self.by_kind.iter().find(|(known, _)| known == kind)?.1);
        let mut newest: Vec<u64> =
            probe.kinds.iter().filter_map(of).flat_map(|one| one.newest.clone()).collect();
        newest.order_by(|a, b| b.cmp(a));
        newest.truncate(NAMED);
        Found { count: probe.kinds.iter().filter_map(of).map(|one| one.count).sum(), newest }
    }
}

/// What is said of a control: all its probes found something, some did, none did.
#[must_use]
pub fn standing(counts: &[u64]) -> &'static str {
    match (counts.iter().any(|count| *count > 0), counts.iter().all(|count| *count > 0)) {
        (true, true) => "evidence",
        (true, false) => "some evidence",
        (false, _) => "no evidence",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_sound() {
        let table = Table::shipped().unwrap();
        let ids: Vec<&str> = table.frameworks.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["soc2", "iso27001", "hipaa", "pci-dss", "gdpr"]);
        let mut used = BTreeSet::new();
        for framework in &table.frameworks {
            let mut seen = BTreeSet::new();
            for (id, probes) in framework.controls() {
                assert!(seen.insert(id.to_owned()), "{id} twice");
                assert!(!probes.is_empty(), "{id} has no probe");
                for probe in probes {
                    assert!(table.probe(probe).is_some(), "{id}: no probe '{probe}'");
                    used.insert(probe.to_owned());
                }
            }
            assert!(seen.len() >= 15 && !framework.outside.is_empty(), "{}", framework.id);
        }
        assert_eq!(used.len(), table.probes.len(), "every probe is used");
        let text = asset!("compliance/spud.toml").to_lowercase();
        assert!(!text.contains("satisfied") && !text.contains("compliant"), "nothing is said to be met");
    }

    #[test]
    fn entries_are_counted_by_kind_and_the_newest_named() {
        let probe = |kinds: &[&str]| Probe {
            name: String::new(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            about: String::new(),
            gap: String::new(),
        };
        let mut counter = Counter::default();
        for sequence in (0..40).rev() {
            counter.add(if sequence % 2 == 0 { "a.b" } else { "a.c" }, sequence);
        }
        let found = counter.found(&probe(&["a.b", "a.c"]));
        assert_eq!((found.count, found.newest.len(), found.newest[0], found.newest[11]), (40, NAMED, 39, 28));
        assert_eq!(counter.found(&probe(&["a"])), Found::default());
        assert_eq!(standing(&[1, 2]), "evidence");
        assert_eq!((standing(&[1, 0]), standing(&[0])), ("some evidence", "no evidence"));
    }
}
