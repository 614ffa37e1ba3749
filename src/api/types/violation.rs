//! Rules over the audit log.

use serde::{Deserialize, Serialize};

/// What counts as a violation; what it finds becomes an incident with the key `violation:RULE:ACTOR`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ViolationRule {
    pub id: String,
    pub title: String,
    /// First words of the kinds of entries; empty is any.
    pub kinds: Vec<String>,
    pub outcome: String,
    /// So many entries of one actor, within so many seconds.
    pub least: usize,
    pub within_s: u64,
    /// From and until which hour, UTC.
    pub hours: String,
    /// Kinds of an entry before, about the actor.
    pub after: Vec<String>,
    /// `clock-back` or `gap`.
    pub sign: String,
    /// As Sigma has it.
    pub level: String,
    /// Type and severity of the incident.
    pub incident: String,
    pub severity: String,
    /// The rule as Sigma has it; empty where Sigma has no words for it.
    pub sigma: String,
}

impl ViolationRule {
    /// What it looks for, in words.
    #[must_use]
    pub fn finds(&self) -> String {
        let mut finds = match self.sign.as_str() {
            "" if self.least > 1 => {
                format!("{} of {} in {} s", self.least, self.kinds.join(" "), self.within_s)
            }
            "" => self.kinds.join(" "),
            sign => sign.to_owned(),
        };
        if !self.after.is_empty() {
            finds = format!("{finds} within {} s after {}", self.within_s, self.after.join(" "));
        }
        if !self.hours.is_empty() {
            finds = format!("{finds} at {} h UTC", self.hours);
        }
        finds
    }
}

/// The rules that hold, and what there is to say of the files that they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ViolationRules {
    pub items: Vec<ViolationRule>,
    /// Ask again with this as `cursor`; absent on the last page.
    pub next: Option<String>,
    /// Ids of rules that are there and off.
    pub off: Vec<String>,
    /// Files that are wrong now, each as file:line:column: what, and what holds in their place.
    pub problems: Vec<String>,
    /// Where the site's own rules belong.
    pub file: String,
}
