//! Looks through the audit log as it grows: what a rule finds opens an incident.
//!
//! A start looks at the newest entries once more. That is no news: an incident knows until when it was seen.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::run::Inner;
use super::{alerts, incidents};
use crate::api::types::violation::{ViolationRule, ViolationRules};
use crate::audit::{AuditError, Leaf, Log};
use crate::governance::incident::{IncidentError, Kind, Link, Severity};
pub use crate::governance::violation::check as check_violations;
use crate::governance::violation::{
    Finding as Found, Rule, Seen, Watch, in_force, layered, read, shipped, sigma, unheard,
};
use crate::observe::health::Finding;
use crate::resilience::Effect;

/// Name of the file in a folder of the configuration.
const FILE: &str = "violations.toml";
/// How often it is looked for new entries.
const EVERY_S: u64 = 5;
/// Entries that a start looks at again, and those of one look.
const AGAIN: u64 = 1_000;
const AT_ONCE: u64 = 500;
/// Entries that an incident links to.
const LINKED: usize = 10;

#[derive(Default)]
struct Desk {
    watch: Option<Watch>,
    /// Rules that are off.
    off: Vec<String>,
    /// What each file said when it was right.
    site: BTreeMap<PathBuf, Vec<Rule>>,
    /// Files that are wrong now, each as file:line:column: what.
    problems: Vec<String>,
    /// The entry that is looked at next; absent before the first look.
    next: Option<u64>,
}

/// Violations of a box.
#[derive(Default)]
pub(super) struct Violations {
    desk: Mutex<Desk>,
}

impl Violations {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rules are read again at the next look.
    pub(super) fn reload(&self) {
        self.desk().forget();
    }
}

impl Desk {
    /// What was seen is looked at again, by rules that are read again; a file that is wrong by then says what it said.
    fn forget(&mut self) {
        (self.watch, self.next) = (None, None);
    }

    /// The rules that hold, read where that is due.
    fn watch(&mut self, inner: &Inner) -> &mut Watch {
        let Self { watch, off, site, problems, .. } = self;
        watch.get_or_insert_with(|| {
            let folders = inner.settings.config_folders.iter().map(|folder| folder.join(FILE));
            let (rules, are_off) = load(folders.collect(), site, problems);
            *off = are_off;
            Watch::new(rules)
        })
    }
}

/// The rules of all files, and those that are off. A file that is wrong is told, and what it said before holds.
fn load(
    paths: Vec<PathBuf>,
    site: &mut BTreeMap<PathBuf, Vec<Rule>>,
    problems: &mut Vec<String>,
) -> (Vec<Rule>, Vec<String>) {
    problems.clear();
    site.retain(|path, _| paths.contains(path));
    let mut all = read(&shipped()).unwrap_or_default();
    for path in paths {
        if !path.exists() {
            site.remove(&path);
            continue;
        }
        let text = alerts::text(&path);
        match text.and_then(|text| Ok((read(&text).map_err(|error| error.to_string())?, unheard(&text)))) {
            Ok((over, unheard)) => {
                // One that can never hold does no harm to the others.
                for problem in unheard {
                    tracing::warn!(file = %path.display(), %problem, "a rule of violations waits for nothing");
                    problems.push(format!("{}:{problem}; the rest of it holds", path.display()));
                }
                site.insert(path.clone(), over);
            }
            Err(problem) => {
                let said =
                    if site.contains_key(&path) { "what it said before holds" } else { "it is left out" };
                tracing::error!(file = %path.display(), problem, said, "rules of violations are wrong");
                problems.push(format!("{}:{problem}; {said}", path.display()));
            }
        }
        all = layered(all, site.get(&path).cloned().unwrap_or_default());
    }
    in_force(all)
}

/// The rules in the API's words.
pub(super) fn listed(inner: &Inner) -> ViolationRules {
    let word = |rule: &Rule| ViolationRule {
        id: rule.id.clone(),
        title: rule.title.clone(),
        kinds: rule.kinds.clone(),
        outcome: rule.outcome.clone(),
        least: rule.least,
        within_s: rule.within_s,
        hours: rule.hours.clone(),
        after: rule.after.clone(),
        sign: rule.sign.clone(),
        level: rule.level.clone(),
        incident: rule.incident.clone(),
        severity: rule.severity.clone(),
        sigma: sigma(rule).unwrap_or_default(),
    };
    let mut desk = inner.violations.desk();
    let items = desk.watch(inner).rules().iter().map(word).collect();
    let file = inner.settings.config_folders.last().map(|folder| folder.join(FILE).display().to_string());
    ViolationRules {
        items,
        next: None,
        off: desk.off.clone(),
        problems: desk.problems.clone(),
        file: file.unwrap_or_default(),
    }
}

/// Whether the rules are those that the files say now.
pub(super) fn stands(inner: &Inner) -> Finding {
    let mut desk = inner.violations.desk();
    let rules = desk.watch(inner).rules().len();
    match desk.problems.first() {
        None => Finding::pass("violations", format!("{rules} rules look through the audit log")),
        Some(problem) => {
            Finding::warn("violations", problem.clone(), "spud violation check, then systemctl reload spud")
        }
    }
}

/// Called once a second, so many seconds after the start.
pub(super) fn tick(inner: &Inner, seconds: u64) {
    if inner.settings.scratch || seconds % EVERY_S != 1 || inner.modes.effects().has(Effect::ReadOnly) {
        return;
    }
    match look(inner) {
        Ok(()) => {}
        Err(IncidentError::Store(error)) => {
            inner.modes.store_said(&error);
            tracing::warn!(%error, "the audit log could not be looked through; it is tried again");
        }
        Err(error) => tracing::error!(%error, "a violation could not be told"),
    }
}

/// Looks at what was entered since the last look.
fn look(inner: &Inner) -> Result<(), IncidentError> {
    let snapshot = inner.modes.control.snapshot()?;
    let log = match Log::open(&snapshot) {
        Ok(log) => log,
        Err(AuditError::Store(error)) => return Err(error.into()),
        // Whatever else is wrong with it is told by the checks of the log.
        Err(_) => return Ok(()),
    };
    let mut desk = inner.violations.desk();
    let looked = look_on(inner, &log, &mut desk);
    if looked.is_err() {
        // What was found and not told is found again.
        desk.forget();
    }
    looked
}

fn look_on(inner: &Inner, log: &Log, desk: &mut Desk) -> Result<(), IncidentError> {
    desk.watch(inner);
    let Desk { watch: Some(watch), next, .. } = desk else { return Ok(()) };
    let from = next.unwrap_or_else(|| log.size().saturating_sub(AGAIN));
    let most = if next.is_none() { AGAIN } else { AT_ONCE };
    for sequence in from..log.size().min(from.saturating_add(most)) {
        // One that cannot be read is a gap, which the next one shows.
        if let Ok(found) = log.find(sequence) {
            for one in watch.step(&seen(&found.leaf)) {
                let sign = watch.rules().iter().find(|rule| rule.id == one.rule).map(|rule| sign(rule, &one));
                sign.map_or(Ok(()), |sign| incidents::begins(inner, &sign))?;
            }
        }
        *next = Some(sequence + 1);
    }
    *next = Some(next.unwrap_or(from));
    Ok(())
}

fn seen(leaf: &Leaf) -> Seen {
    Seen {
        sequence: leaf.sequence,
        at_ms: leaf.at_ms,
        kind: leaf.kind.clone(),
        actor: leaf.actor.clone(),
        subject: leaf.subject.1.clone(),
        outcome: leaf.outcome.name().to_owned(),
    }
}

fn sign(rule: &Rule, found: &Found) -> incidents::Sign {
    let newest = found.entries.iter().rev().take(LINKED);
    let links = newest.map(|sequence| Link { kind: "entry".to_owned(), id: sequence.to_string() }).collect();
    let actor: String = found.actor.chars().filter(|c| !c.is_control()).take(60).collect();
    incidents::Sign {
        key: format!("violation:{}:{}", rule.id, found.actor),
        title: format!("{}: {actor}", rule.title).chars().take(100).collect(),
        kind: Kind::parse(&rule.incident).unwrap_or(Kind::Security),
        severity: Severity::parse(&rule.severity).unwrap_or(Severity::Warning),
        text: format!("the rule {} finds {} entries of {actor}", rule.id, found.entries.len()),
        is_breach: false,
        links,
        since_ms: found.at_ms,
    }
}
