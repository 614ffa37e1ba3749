//! The words of alerts, their rules and silences.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One alert.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alert {
    pub id: String,
    pub name: String,
    /// pending, firing or resolved
    pub state: String,
    pub group: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// What its expression gave last.
    pub value: String,
    pub active_ms: u64,
    pub fired_ms: Option<u64>,
    pub resolved_ms: Option<u64>,
    /// Ids of the silences that hold.
    pub silenced_by: Vec<String>,
    /// A worse alert makes this one needless.
    pub inhibited: bool,
    /// It fires and resolves again and again.
    pub flapping: bool,
    /// By whom, why and when, if somebody has.
    pub acknowledged: Option<AlertAcknowledgement>,
    /// With which others it is told, as `alertname=PumpDown, site=shed`; only of a list.
    pub grouping: String,
}

impl Alert {
    /// The state, and why nobody is told: `firing, silenced`.
    #[must_use]
    pub fn state_in_words(&self) -> String {
        let mut words = self.state.clone();
        let notes = [
            (!self.silenced_by.is_empty(), ", silenced"),
            (self.inhibited, ", inhibited"),
            (self.acknowledged.is_some(), ", seen"),
            (self.flapping, ", flapping"),
        ];
        notes.iter().filter(|(holds, _)| *holds).for_each(|(_, note)| words.push_str(note));
        words
    }

    /// True where somebody is to be told: it fires, and nothing holds it back.
    #[must_use]
    pub fn is_loud(&self) -> bool {
        self.state == "firing"
            && self.silenced_by.is_empty()
            && !self.inhibited
            && self.acknowledged.is_none()
    }
}

/// Somebody has seen an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertAcknowledgement {
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
}

/// Says that an alert was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcknowledgeAlert {
    pub reason: String,
}

/// One rule, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertRule {
    pub name: String,
    /// alerting or recording
    pub kind: String,
    pub expr: String,
    pub for_ms: u64,
    pub keep_firing_for_ms: u64,
    pub cooldown_ms: u64,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// inactive, pending or firing; empty of a recording rule
    pub state: String,
    /// ok, err or unknown
    pub health: String,
    /// Why it could not be evaluated; empty where it could.
    pub error: String,
    pub evaluated_ms: u64,
    pub took_us: u64,
    /// Pending and firing ones.
    pub alerts: Vec<Alert>,
}

/// Rules that are evaluated together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertGroup {
    pub name: String,
    /// `built in`, or the path.
    pub file: String,
    pub interval_ms: u64,
    pub limit: usize,
    pub evaluated_ms: u64,
    pub took_us: u64,
    pub rules: Vec<AlertRule>,
}

/// All rules, and files that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertRules {
    pub groups: Vec<AlertGroup>,
    /// Each as file:line:column: what.
    pub problems: Vec<String>,
}

/// A silence: alerts that match it are not told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertSilence {
    pub id: String,
    /// Each as `name="value"`, `!=`, `=~` or `!~`; all have to match.
    pub matchers: Vec<String>,
    pub by: String,
    pub reason: String,
    pub from_ms: u64,
    pub until_ms: u64,
}

/// Asks for a silence from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SilenceAlerts {
    pub matchers: Vec<String>,
    pub reason: String,
    /// Seconds; at most 30 days.
    pub ttl_s: u64,
}
