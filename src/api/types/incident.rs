//! What went wrong, and what was done about it.

use serde::{Deserialize, Serialize};

/// An incident, with everything that happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incident {
    pub id: String,
    /// For `If-Match`: another one after everything that happens to it.
    pub etag: String,
    pub title: String,
    /// `model-quality`, `data`, `security`, `availability`, `policy` or `safety`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `info`, `warning`, `error` or `critical`.
    pub severity: String,
    /// `open`, `acknowledged`, `mitigated`, `resolved` or `closed`.
    pub state: String,
    /// Who opened it: a principal, or `box`.
    pub by: String,
    pub login: Option<String>,
    /// Who sees to it.
    pub owner: Option<String>,
    pub owner_login: Option<String>,
    pub at_ms: u64,
    /// When its state changed last.
    pub moved_ms: u64,
    /// What opened it; empty where a person did.
    pub key: String,
    /// When that was seen last, and how often it came.
    pub seen_ms: u64,
    pub times: u64,
    /// Of a breach of personal data.
    pub breach: Option<BreachClock>,
    /// What was learnt; of an incident that was closed.
    pub post_mortem: String,
    /// `alert:4a1f`, `entry:17`, ...
    pub links: Vec<String>,
    pub timeline: Vec<IncidentEvent>,
}

/// The time within which an authority is to be told (GDPR, art. 33): 72 hours from the opening on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BreachClock {
    pub until_ms: u64,
    /// Seconds that are left; below zero where the time is over.
    pub left_s: i64,
    /// When the authority was told: the clock stands since.
    pub told_ms: Option<u64>,
}

/// One thing that happened to an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IncidentEvent {
    pub at_ms: u64,
    pub by: String,
    pub login: Option<String>,
    /// `opened`, `acknowledged`, `mitigated`, `resolved`, `closed`, `reopened`, `noted`, `assigned`, `changed`,
    /// `linked`, `recurred` or `ceased`.
    pub act: String,
    pub text: String,
    /// Its entry in the audit log.
    pub entry: Option<String>,
}

/// Which incidents are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IncidentQuery {
    /// Absent: those that are not closed; `all` for all.
    pub state: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// So bad, or worse.
    pub severity: Option<String>,
    /// Only those that rules over the audit log opened.
    pub violations: bool,
    pub cursor: Option<String>,
    pub limit: usize,
}

/// Asks for an incident to be opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenIncident {
    pub title: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Absent: `error`.
    pub severity: Option<String>,
    /// What is known.
    pub text: String,
    /// `uid:1001`, a login, or a principal.
    pub owner: Option<String>,
    /// Personal data got lost, changed or out.
    pub breach: bool,
    pub links: Vec<String>,
}

/// Changes an incident: everything that is said here, together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeIncident {
    /// `acknowledged`, `mitigated`, `resolved`, `closed`, or `open` for one that is resolved or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why; to close it, what was learnt.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Empty: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breach: Option<bool>,
    /// The authority was told of the breach.
    pub told: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// As `If-Match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}
