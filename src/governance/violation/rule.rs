//! Rules, as they stand in a file.

use serde::Deserialize;

use crate::asset;
use crate::governance::incident::{Kind, Severity};
use crate::governance::policy::meant;

/// What comes with spud; `violations/kinds.txt` beside it has every kind that an entry can have.
#[must_use]
pub fn shipped() -> String {
    asset!("violations/spud.toml")
}
/// Rules of all files.
const MOST: usize = 100;
/// What one rule may count to, and how far it may look back.
pub(super) const LEAST_MOST: usize = 200;
const WITHIN_MOST_S: u64 = 7 * 86_400;
const FIELDS: [&str; 16] = [
    "rules", "on", "off", "id", "title", "enabled", "kinds", "outcome", "least", "within_s", "hours",
    "after", "sign", "level", "incident", "severity",
];
const LEVELS: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
const SIGNS: [&str; 3] = ["", "clock-back", "gap"];
const OUTCOMES: [&str; 5] = ["", "begun", "done", "denied", "failed"];

/// What is a violation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub title: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default)]
    pub kinds: Vec<String>,
    #[serde(default)]
    pub outcome: String,
    #[serde(default = "one")]
    pub least: usize,
    #[serde(default = "hour")]
    pub within_s: u64,
    #[serde(default)]
    pub hours: String,
    #[serde(default)]
    pub after: Vec<String>,
    #[serde(default)]
    pub sign: String,
    pub level: String,
    pub incident: String,
    pub severity: String,
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn hour() -> u64 {
    3600
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Ids of rules that come with spud and are off.
    #[serde(default)]
    on: Option<toml::Spanned<Vec<String>>>,
    /// Ids of rules that come with spud and are on.
    #[serde(default)]
    off: Option<toml::Spanned<Vec<String>>>,
    #[serde(default)]
    rules: Vec<toml::Spanned<Rule>>,
}

/// What is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {what}")]
pub struct RuleError {
    pub line: usize,
    pub column: usize,
    pub what: String,
}

fn at(text: &str, byte: usize, what: String) -> RuleError {
    let before = text.get(..byte).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    RuleError { line: before.matches('\n').count() + 1, column, what }
}

/// Reads a file of rules.
///
/// # Errors
/// The first place that is wrong.
pub fn read(text: &str) -> Result<Vec<Rule>, RuleError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let what = error.message().trim();
        let typed = what.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let hint = typed.map_or_else(String::new, |typed| meant(typed, FIELDS));
        at(text, error.span().map_or(0, |span| span.start), format!("{what}{hint}"))
    })?;
    let mut all: Vec<Rule> = Vec::new();
    for rule in file.rules {
        let (start, rule) = (rule.span().start, rule.into_inner());
        if let Err(what) = rule.sound() {
            return Err(at(text, start, format!("rule {:?}: {what}", rule.id)));
        }
        if all.iter().any(|known| known.id == rule.id) || all.len() >= MOST {
            return Err(at(text, start, format!("rule {:?} is there twice, or one too many", rule.id)));
        }
        all.push(rule);
    }
    for (ids, on) in [(file.on, true), (file.off, false)] {
        let Some(ids) = ids else { continue };
        let start = ids.span().start;
        all.extend(switched(&ids.into_inner(), on).map_err(|what| at(text, start, what))?);
    }
    Ok(all)
}

/// Rules that come with spud, switched on or off.
fn switched(ids: &[String], on: bool) -> Result<Vec<Rule>, String> {
    let mut others = read(&shipped()).unwrap_or_default();
    others.retain(|rule| rule.enabled != on);
    let now = if on { "off" } else { "on" };
    let one = |id: &String| {
        let found = others.iter().find(|rule| rule.id == *id);
        let known: Vec<&str> = others.iter().map(|rule| rule.id.as_str()).collect();
        found.map(|rule| Rule { enabled: on, ..rule.clone() }).ok_or_else(|| {
            format!("no rule {id:?} comes with spud and is {now}; there is {}", known.join(", "))
        })
    };
    ids.iter().map(one).collect()
}

/// Rules of the site over those below them, those that are off with them.
#[must_use]
pub fn layered(below: Vec<Rule>, over: Vec<Rule>) -> Vec<Rule> {
    let mut all = below;
    for rule in over {
        match all.iter_mut().find(|known| known.id == rule.id) {
            Some(known) => *known = rule,
            None => all.push(rule),
        }
    }
    all
}

/// The rules that hold, and ids of those that are off.
#[must_use]
pub fn in_force(mut all: Vec<Rule>) -> (Vec<Rule>, Vec<String>) {
    let off = all.iter().filter(|rule| !rule.enabled).map(|rule| rule.id.clone()).collect();
    all.retain(|rule| rule.enabled);
    all.truncate(MOST);
    (all, off)
}

/// Kinds of entries that rules of a file wait for and that no entry has, each with its place.
#[must_use]
pub fn unheard(text: &str) -> Vec<RuleError> {
    let Ok(file) = toml::from_str::<File>(text) else { return Vec::new() };
    let known = asset!("violations/kinds.txt");
    let heard = |wanted: &str| {
        let is_of = |kind: &str| {
            kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        known.lines().any(is_of)
    };
    let mut all = Vec::new();
    for rule in &file.rules {
        let (span, rule) = (rule.span(), rule.get_ref());
        let within = text.get(span.start..).unwrap_or_default();
        for kind in rule.kinds.iter().chain(&rule.after).filter(|kind| !heard(kind)) {
            // As it stands there, in quotes of either sort.
            let quoted = ['"', '\''].iter().find_map(|quote| within.find(&format!("{quote}{kind}{quote}")));
            let firsts = known.lines().filter_map(|kind| kind.split('.').next());
            let hint = meant(kind, known.lines().chain(firsts));
            let what = format!("rule {:?}: no entry of the audit log is of the kind {kind:?}{hint}", rule.id);
            all.push(at(text, span.start + quoted.unwrap_or(0), what));
        }
    }
    all
}

/// Reads a file as it would be taken up; gives how many rules it has or switches on.
///
/// # Errors
/// What is wrong, as line:column: what.
pub fn check(text: &str) -> Result<usize, Vec<String>> {
    let all = read(text).map_err(|error| vec![error.to_string()])?;
    let unheard = unheard(text);
    if unheard.is_empty() { Ok(all.len()) } else { Err(unheard.iter().map(ToString::to_string).collect()) }
}

impl Rule {
    fn sound(&self) -> Result<(), String> {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let named = (1..=60).contains(&self.id.len()) && self.id.chars().all(fine);
        let known = |what: &str, value: &String, all: &[&str]| match all.contains(&value.as_str()) {
            true => Ok(()),
            false => Err(format!("{what} {value:?} is none of {}", all.join(", ").trim_start_matches(", "))),
        };
        if !named {
            return Err("an id has 1 to 60 of a-z, 0-9 and -".to_owned());
        }
        known("level", &self.level, &LEVELS)?;
        known("sign", &self.sign, &SIGNS)?;
        known("outcome", &self.outcome, &OUTCOMES)?;
        Kind::parse(&self.incident).ok_or_else(|| format!("incident is one of {}", Kind::known()))?;
        Severity::parse(&self.severity).ok_or_else(|| format!("severity is one of {}", Severity::known()))?;
        if !(1..=LEAST_MOST).contains(&self.least) || !(1..=WITHIN_MOST_S).contains(&self.within_s) {
            return Err(format!("least is 1 to {LEAST_MOST}, within_s 1 to {WITHIN_MOST_S}"));
        }
        if !self.hours.is_empty() && self.window().is_none() {
            return Err("hours are written 22-4, each 0 to 23".to_owned());
        }
        if self.sign.is_empty() && self.kinds.is_empty() && self.outcome.is_empty() {
            return Err("it would find every entry: name kinds or an outcome".to_owned());
        }
        Ok(())
    }

    /// First hour, and the hour after the last one.
    pub(super) fn window(&self) -> Option<(u64, u64)> {
        let (from, until) = self.hours.split_once('-')?;
        let hour = |text: &str| text.trim().parse().ok().filter(|hour| *hour < 24);
        Some((hour(from)?, hour(until)?))
    }
}
