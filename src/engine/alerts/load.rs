//! Reads the rules: those that come with spud, and those of the site over them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Alerting, Desk, LiveGroup, LiveRule};
use crate::asset;
use crate::base::{InOrder, utf8};
use crate::engine::run::Inner;
use crate::observe::alert::{
    self, AlertShelf, FILE_BYTES, Format, Group, KeptAlert, RuleFile, key, read, restored,
};

fn shipped() -> String {
    asset!("rules/spud.yaml")
}
const BUILT_IN: &str = "built in";
/// Files of rules in one folder.
const FILES_MOST: usize = 50;
/// Rules of all files together.
const RULES_MOST: usize = 500;

/// Reads a file of rules as a box of this tier would; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check(name: &str, text: &str, tier: &str) -> Result<usize, Vec<String>> {
    let format = Format::of(name).unwrap_or(Format::Yaml);
    let told = |problems: Vec<alert::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let file = read(text, format, tier).map_err(told)?;
    if !file.warnings.is_empty() {
        return Err(told(file.warnings));
    }
    Ok(file.groups.iter().map(|group| group.rules.len()).sum())
}

/// Reads rules and what was kept of alerts, where that was not done yet.
pub(super) fn ensure(inner: &Inner, desk: &mut Desk) {
    if desk.loaded {
        return;
    }
    let first = desk.groups.is_empty();
    let mut before = std::mem::take(desk);
    desk.unsaved = before.unsaved;
    let told = std::mem::take(&mut before.problems).into_iter().chain(std::mem::take(&mut before.warnings));
    let told: Vec<String> = told.collect();
    let mut known: Vec<KeptAlert> = before.groups.into_iter().flat_map(kept_of).collect();
    if first {
        let (alerts, silences) =
            (AlertShelf::alerts(&inner.modes.control), AlertShelf::silences(&inner.modes.control));
        match (alerts, silences) {
            (Ok(alerts), Ok(silences)) => (known, desk.silences) = (alerts, silences),
            // It is tried again: a store that fails comes back, and its alerts with it.
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "alerts that were kept cannot be read yet");
                return;
            }
        }
    } else {
        desk.silences = AlertShelf::silences(&inner.modes.control).unwrap_or_default();
    }
    files(inner, desk, &told);
    for kept in known {
        let group = desk.groups.iter_mut().find(|live| live.group.name == kept.group);
        let rule = group.and_then(|group| group.rules.iter_mut().find(|rule| rule.key == kept.rule));
        match rule.filter(|rule| rule.rule.is_alert) {
            Some(rule) => {
                let now = inner.clock.now_ms();
                let alert = if first { restored(kept.alert, rule.rule.hold_ms, now) } else { kept.alert };
                rule.alerts.insert(kept.labels, alert);
            }
            // Its rule is gone.
            None => drop(desk.unsaved.insert(key(&kept.group, &kept.rule, &kept.labels), None)),
        }
    }
    desk.loaded = true;
}

fn kept_of(group: LiveGroup) -> Vec<KeptAlert> {
    let name = group.group.name;
    let of = |rule: LiveRule| {
        let (group, rule_key) = (name.clone(), rule.key);
        rule.alerts.into_iter().map(move |(labels, alert)| KeptAlert {
            group: group.clone(),
            rule: rule_key.clone(),
            labels,
            alert,
        })
    };
    group.rules.into_iter().flat_map(of).collect()
}

/// Reads all files; what was told of them before is not told again.
fn files(inner: &Inner, desk: &mut Desk, told: &[String]) {
    let tier = inner.tier.tier;
    match read(&shipped(), Format::Yaml, tier) {
        Ok(file) => take(desk, BUILT_IN, file),
        Err(problems) => desk.problems.extend(problems.iter().map(|problem| format!("{BUILT_IN}:{problem}"))),
    }
    for path in inner.settings.config_folders.iter().flat_map(|folder| listed(&folder.join("rules"))) {
        let name = path.display().to_string();
        let format = Format::of(&name).unwrap_or(Format::Yaml);
        match text(&path).map_err(|what| vec![format!("{name}: {what}")]).and_then(|text| {
            let placed = |problem: &alert::Problem| format!("{name}:{problem}");
            read(&text, format, tier).map_err(|problems| problems.iter().map(placed).collect())
        }) {
            Ok(file) => {
                desk.warnings.extend(file.warnings.iter().map(|warning| format!("{name}:{warning}")));
                take(desk, &name, file);
            }
            Err(problems) => desk.problems.extend(problems),
        }
    }
    for problem in desk.problems.iter().filter(|problem| !told.contains(problem)) {
        tracing::error!(problem, "a file of rules is left out");
    }
    for problem in desk.warnings.iter().filter(|problem| !told.contains(problem)) {
        tracing::warn!(problem, "a template of an alert cannot be read");
    }
}

/// Groups of a file; one takes the place of a group of the same name in a file below.
fn take(desk: &mut Desk, file: &str, read: RuleFile) {
    for group in read.groups {
        desk.groups.retain(|known| known.group.name != group.name);
        let count: usize = desk.groups.iter().map(|known| known.rules.len()).sum();
        if count + group.rules.len() > RULES_MOST {
            desk.problems
                .push(format!("{file}: {} is left out: a box has at most {RULES_MOST} rules", group.name));
            continue;
        }
        desk.groups.push(live(file, group));
    }
    desk.inhibitions.extend(read.inhibitions);
}

fn live(file: &str, mut group: Group) -> LiveGroup {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let rule = |rule: alert::Rule| {
        let times = names.entry(rule.name.clone()).or_default();
        *times += 1;
        let key = if *times == 1 { rule.name.clone() } else { format!("{}#{times}", rule.name) };
        LiveRule {
            key,
            rule,
            alerts: alert::Alerts::new(),
            recorded: Vec::new(),
            error: String::new(),
            evaluated_ms: 0,
            took_us: 0,
            trace: String::new(),
        }
    };
    let rules = std::mem::take(&mut group.rules).into_iter().map(rule).collect();
    LiveGroup { file: file.to_owned(), group, rules, evaluated_ms: 0, took_us: 0 }
}

/// Files of rules in a folder, by name.
pub(in crate::engine) fn listed(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_rules = |path: &PathBuf| path.to_str().and_then(Format::of).is_some();
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_rules).collect();
    paths.order();
    paths.truncate(FILES_MOST);
    paths
}

pub(in crate::engine) fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(format!("it has more than {FILE_BYTES} bytes"));
    }
    utf8(bytes)
}

impl Alerting {
    /// Makes sure that rules are there for who looks at them, however early.
    pub(super) fn loaded(&self, inner: &Inner) -> std::sync::MutexGuard<'_, Desk> {
        let mut desk = self.desk();
        if !inner.settings.scratch {
            ensure(inner, &mut desk);
        }
        desk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::metrics::TABLE;

    /// What in an expression is named like one of our metrics.
    fn words(query: &str) -> impl Iterator<Item = &str> {
        let all = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        all.filter(|word| word.starts_with("spud_") || word.starts_with("process_"))
    }

    #[test]
    fn shipped_rules_are_sound_on_every_tier() {
        for tier in ["ultra_lite", "lite", "standard", "full"] {
            let file = read(&shipped(), Format::Yaml, tier)
                .unwrap_or_else(|problems| panic!("{tier}: {problems:?}"));
            for rule in file.groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.is_alert) {
                let has = |name: &str| {
                    rule.annotations.iter().any(|(known, text)| known == name && !text.is_empty())
                };
                assert!(has("summary") && has("runbook"), "{}", rule.name);
                assert!(rule.labels.iter().any(|(name, _)| name == "severity"), "{}", rule.name);
                for metric in words(rule.expr.query()) {
                    let base = ["_bucket", "_count", "_sum"].iter().find_map(|end| metric.strip_suffix(end));
                    let is = |name: &str| name == metric || Some(name) == base;
                    assert!(TABLE.iter().any(|one| is(one.name)), "{}: there is no {metric}", rule.name);
                }
                let handbook = include_str!("../../../assets/corpus/handbook.md");
                assert!(handbook.contains(&rule.name), "the handbook has no runbook for {}", rule.name);
            }
        }
    }
}
