//! Reports about the controls of frameworks: what there is evidence of, and what there is none of.

use serde::{Deserialize, Serialize};

/// A framework that can be reported on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplianceFramework {
    pub id: String,
    pub title: String,
    pub controls: usize,
    /// Controls with evidence of each kind that is looked for, with some, and with none, in the whole log.
    pub evidence: usize,
    pub some: usize,
    pub none: usize,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComplianceQuery {
    pub framework: String,
    pub from_ms: Option<u64>,
    /// Before this time.
    pub to_ms: Option<u64>,
    /// json, md, csv or oscal; json where none is named.
    pub format: Option<String>,
    /// Under the checkpoint of so many entries, in place of the newest.
    pub size: Option<u64>,
}

/// A report, bound to a checkpoint of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplianceReport {
    pub framework: String,
    pub title: String,
    pub from_ms: Option<u64>,
    pub to_ms: Option<u64>,
    /// The log that was looked through, its entries, its root (base 64), and when it was signed.
    pub log: String,
    pub size: u64,
    pub root: String,
    pub signed_ms: u64,
    /// Entries of that time.
    pub looked_at: u64,
    /// What was checked of them.
    pub checked: Vec<String>,
    pub controls: Vec<ComplianceControl>,
    /// What this box cannot show anything of.
    pub outside: String,
}

/// A control.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplianceControl {
    pub id: String,
    /// `evidence`, `some evidence` or `no evidence`: whether a control is met is for people to say.
    pub standing: String,
    pub evidence: Vec<ComplianceEvidence>,
    /// What is not evidenced.
    pub gaps: Vec<String>,
}

/// What was found of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComplianceEvidence {
    pub about: String,
    pub count: u64,
    /// Entries of the audit log, newest first; the newest dozen.
    pub entries: Vec<String>,
}
