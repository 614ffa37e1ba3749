//! The words of probes and targets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All probes, and what is wrong with their files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeList {
    pub items: Vec<Probe>,
    /// Each as file:line:column: what.
    pub problems: Vec<String>,
}

/// One probe, or one target whose metrics are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Probe {
    pub name: String,
    /// http, tcp, unix, exec, dns, file, certificate, disk or scrape.
    pub kind: String,
    /// What is looked at.
    pub what: String,
    /// up, down, or unknown while there were too few looks.
    pub state: String,
    /// No question is answered while it is down.
    pub critical: bool,
    pub since_ms: u64,
    pub last_ms: Option<u64>,
    /// What was seen last.
    pub detail: String,
    pub value: Option<f64>,
    pub took_us: u64,
    pub period_ms: u64,
    pub timeout_ms: u64,
    pub runs: u64,
    pub failed: u64,
    /// Of a target, at the last scrape.
    pub samples: u64,
    /// That the metrics of a target get.
    pub labels: BTreeMap<String, String>,
    pub file: String,
}

/// What came of a push.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedMetrics {
    pub samples: u64,
    /// That the sender has now.
    pub series: u64,
    /// That it may have.
    pub most: u64,
}
