//! What holds: every setting with its value, where it comes from and what it hides; budgets and figures made of it.

use super::environment::Environment;
use super::error::Finding;
use super::load::{Given, Loaded, Origin};
use super::schema::{SETTINGS, Setting, Usual, setting};
use super::value::Value;
use crate::hardware::{Budgets, Choice, Thresholds};

/// One setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub setting: &'static Setting,
    pub value: Value,
    pub origin: Origin,
    /// What it hides, nearest first; the last is the default.
    pub below: Vec<Given>,
}

/// Every setting, in the order of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    pub entries: Vec<Entry>,
    pub environment: Environment,
    pub environment_from: String,
    /// Of the tier, with what is set here.
    pub budgets: Budgets,
    pub thresholds: Thresholds,
}

impl Loaded {
    /// The value that was given for a key, if any.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Given> {
        self.given.iter().rev().find(|given| given.key == key)
    }
}

impl Effective {
    /// Lays what was read over the tier's defaults; says which rules between settings are broken.
    #[must_use]
    pub fn resolve(loaded: &Loaded, choice: &Choice, cores: u32) -> (Self, Vec<Finding>) {
        let mut budgets = choice.budgets.clone();
        let mut thresholds = choice.thresholds.clone();
        let mut entries = Vec::with_capacity(SETTINGS.len());
        for setting in SETTINGS {
            let mut given: Vec<Given> =
                loaded.given.iter().rev().filter(|given| given.key == setting.key).cloned().collect();
            given.push(default_of(setting, choice, loaded));
            let first = given.remove(0);
            put(setting.key, &first.value, &mut budgets, &mut thresholds);
            entries.push(Entry { setting, value: first.value, origin: first.origin, below: given });
        }
        budgets.search_workers = budgets.search_workers.min(cores).max(1);
        let (environment, environment_from) = (loaded.environment, loaded.environment_from.clone());
        let effective = Self { entries, environment, environment_from, budgets, thresholds };
        let findings = effective.broken_rules();
        (effective, findings)
    }

    /// Rules that hold between several settings.
    fn broken_rules(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .thresholds
            .problems()
            .into_iter()
            .map(|(name, what)| {
                let key = format!("modes.{name}");
                Finding::error(self.place_of(&key, &what), &key, format!("modes: {what}"))
            })
            .collect();
        if let Err(error) = self.budgets.check_sum() {
            let set = |key: &&str| self.entry(key).is_some_and(|entry| entry.origin.layer() != "default");
            let keys = ["memory.total", "memory.index_buffer", "memory.store_cache", "memory.answer_cache"];
            let key = keys.iter().find(|key| set(key)).copied().unwrap_or("memory.total");
            let place = self.entry(key).map_or_else(String::new, |entry| entry.origin.place());
            let hint = "raise memory.total, lower a part, or choose a smaller box.tier";
            findings.push(Finding::error(place, key, error.to_string()).hint(Some(hint.to_owned())));
        }
        findings
    }

    /// Where a broken rule is best mended: the figure itself where it was set, else any that the rule names.
    fn place_of(&self, key: &str, what: &str) -> String {
        let set = |entry: &&Entry| entry.origin.layer() != "default";
        let own = self.entry(key).filter(set);
        let named = || {
            self.entries.iter().filter(set).find(|entry| {
                let name = entry.setting.name();
                entry.setting.section() == "modes" && what.split(' ').any(|word| word == name)
            })
        };
        own.or_else(named).map_or_else(|| "tiers.toml".to_owned(), |entry| entry.origin.place())
    }

    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.setting.key == key)
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A text, where it is set.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A number; 0 where there is none.
    #[must_use]
    pub fn number(&self, key: &str) -> u64 {
        match self.value(key) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.value(key), Some(Value::Flag(true)))
    }

    #[must_use]
    pub fn list(&self, key: &str) -> &[String] {
        match self.value(key) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// These settings, but those that want a restart stay as they are in `running`.
    #[must_use]
    pub fn without_restart(&self, running: &Self) -> Self {
        let mut next = self.clone();
        next.environment = running.environment;
        next.environment_from.clone_from(&running.environment_from);
        for (entry, old) in next.entries.iter_mut().zip(&running.entries) {
            if !entry.setting.reload {
                entry.clone_from(old);
                put(old.setting.key, &old.value, &mut next.budgets, &mut next.thresholds);
            }
        }
        // Never more than cores: what was started is what runs.
        next.budgets.search_workers = running.budgets.search_workers;
        next
    }
}

fn default_of(setting: &'static Setting, choice: &Choice, loaded: &Loaded) -> Given {
    let given = |value, why: String| Given { key: setting.key, value, origin: Origin::Default(why) };
    let tier = || format!("tier {}", choice.tier);
    match (setting.key, setting.default) {
        ("box.environment", _) => {
            let (environment, why) = (loaded.environment.name().to_owned(), loaded.environment_from.clone());
            given(Value::Text(environment), why)
        }
        ("log.level", _) if loaded.environment == Environment::Dev && loaded.environment_named => {
            given(Value::Text("debug".to_owned()), "environment dev".to_owned())
        }
        (_, Usual::Unset) => given(Value::None, "built in".to_owned()),
        (_, Usual::Is(text)) => {
            given(Value::parse(setting.kind, text).unwrap_or(Value::None), "built in".to_owned())
        }
        (key, Usual::Tier) => {
            let figure = key.strip_prefix("modes.").and_then(|name| {
                let all = choice.thresholds.all();
                all.into_iter().find(|(known, _)| *known == name).map(|(_, figure)| Value::Number(figure))
            });
            let mut budgets = choice.budgets.clone();
            let budget = field(key, &mut budgets).map(|field| match field {
                Field::Wide(number) => Value::Number(*number),
                Field::Narrow(number) => Value::Number(u64::from(*number)),
                Field::Text(text) => Value::Text(text.clone()),
            });
            given(figure.or(budget).unwrap_or(Value::None), tier())
        }
    }
}

/// A budget by the key of its setting.
enum Field<'a> {
    Wide(&'a mut u64),
    Narrow(&'a mut u32),
    Text(&'a mut String),
}

fn field<'a>(key: &str, budgets: &'a mut Budgets) -> Option<Field<'a>> {
    Some(match key {
        "memory.total" => Field::Wide(&mut budgets.memory_total),
        "memory.store_cache" => Field::Wide(&mut budgets.store_cache),
        "memory.control_cache" => Field::Wide(&mut budgets.control_cache),
        "memory.answer_cache" => Field::Wide(&mut budgets.l1_cache),
        "memory.index_buffer" => Field::Wide(&mut budgets.index_buffer),
        "disk.answer_cache" => Field::Wide(&mut budgets.l2_cache),
        "extract.memory" => Field::Wide(&mut budgets.extractor_memory),
        "extract.seconds" => Field::Wide(&mut budgets.extractor_seconds),
        "ingest.batch_size" => Field::Narrow(&mut budgets.batch_size),
        "search.workers" => Field::Narrow(&mut budgets.search_workers),
        "search.vector_width" => Field::Narrow(&mut budgets.vector_width),
        "api.connections" => Field::Narrow(&mut budgets.connections),
        "log.level" => Field::Text(&mut budgets.log_level),
        "memory.metrics" => Field::Wide(&mut budgets.metric_memory),
        "metrics.interval_s" => Field::Narrow(&mut budgets.metric_seconds),
        "metrics.bytes" => Field::Wide(&mut budgets.metric_bytes),
        "metrics.series" => Field::Narrow(&mut budgets.metric_series),
        "log.bytes" => Field::Wide(&mut budgets.log_bytes),
        "retention.days" => Field::Narrow(&mut budgets.retention_days),
        _ => return None,
    })
}

fn put(key: &str, value: &Value, budgets: &mut Budgets, thresholds: &mut Thresholds) {
    match (field(key, budgets), value) {
        (Some(Field::Wide(field)), Value::Number(number)) => *field = *number,
        (Some(Field::Narrow(field)), Value::Number(number)) => {
            *field = u32::try_from(*number).unwrap_or(u32::MAX);
        }
        (Some(Field::Text(field)), Value::Text(text)) => field.clone_from(text),
        (_, Value::Number(number)) => {
            key.strip_prefix("modes.").map(|name| thresholds.set(name, *number));
        }
        _ => {}
    }
}

impl Entry {
    /// The value as people read it; a secret shows where it lies, never what it is.
    #[must_use]
    pub fn shown(&self) -> String {
        self.value.shown(self.setting.kind, self.setting.unit)
    }

    #[must_use]
    pub fn is_set(&self) -> bool {
        self.origin.layer() != "default"
    }
}

impl Given {
    /// The value as people read it.
    #[must_use]
    pub fn shown(&self) -> String {
        setting(self.key).map_or_else(String::new, |setting| self.value.shown(setting.kind, setting.unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Host, Overrides, Places};
    use crate::hardware::{Probe, Tiers};
    use std::path::Path;

    fn resolve(text: &str) -> (Effective, Vec<Finding>) {
        let places = Places { edited: "/nowhere".into(), folders: vec!["/nowhere".into()], extra: None };
        let path = places.edited_file();
        let host = Host { name: "box".into(), service: true, root: false };
        let loaded = places.load(&Overrides::default(), &host, Some((&path, text)));
        assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
        let probe = Probe::read(Path::new("/"), Path::new("/"));
        let choice = Tiers::embedded().unwrap().choose(&probe, Some("lite")).unwrap();
        Effective::resolve(&loaded, &choice, 4)
    }

    #[test]
    fn every_setting_has_a_value_of_its_kind() {
        let (effective, findings) = resolve("");
        assert!(findings.is_empty(), "{findings:?}");
        for entry in &effective.entries {
            let value = entry.value.clone();
            assert!(
                value == Value::None || value.clone().check(entry.setting.kind) == Ok(value),
                "{entry:?}"
            );
            let tier = entry.setting.default == Usual::Tier;
            assert!(!tier || entry.value != Value::None, "{} has no default", entry.setting.key);
        }
    }

    #[test]
    fn what_is_set_reaches_budgets_and_figures() {
        let (effective, findings) = resolve(
            "[memory]\nindex_buffer = \"2 MiB\"\n[modes]\nleave = 50\n[log]\nlevel = \"warn\"\n[search]\nworkers = 60\n",
        );
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!((effective.budgets.index_buffer, effective.thresholds.leave), (2 << 20, 50));
        assert_eq!((effective.budgets.log_level.as_str(), effective.budgets.search_workers), ("warn", 4));
        let entry = effective.entry("modes.leave").unwrap();
        assert_eq!(entry.origin.place(), "/nowhere/spud.toml:4:1");
        assert_eq!(entry.below[0].origin.place(), "tier lite");
    }

    #[test]
    fn rules_between_settings_are_told_all_at_once() {
        let (_, findings) = resolve(
            "[memory]\ntotal = \"32 MiB\"\n[modes]\nlatency_reduced = 900\nerrors_reduced = 40\nthermal_leave_c = 99\n",
        );
        let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:#?}");
        assert!(said[0].starts_with("/nowhere/spud.toml:4:1: error: modes: latency_reduced must be smaller"));
        assert!(said[3].starts_with("/nowhere/spud.toml:2:1: error: the memory budgets add up"), "{said:#?}");
    }

    #[test]
    fn what_wants_a_restart_stays() {
        let (running, _) = resolve("[search]\nworkers = 1\n");
        let (files, _) = resolve("[search]\nworkers = 2\n[modes]\nleave = 50\n");
        let next = files.without_restart(&running);
        assert_eq!((next.budgets.search_workers, next.thresholds.leave), (1, 50));
        assert_eq!(next.entry("search.workers").unwrap().value, Value::Number(1));
    }
}
