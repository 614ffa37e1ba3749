//! The words of health: what was checked, and how it came out.

use serde::{Deserialize, Serialize};

/// All checks of the box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthReport {
    /// pass, warn or fail: the worst of all checks.
    pub status: String,
    /// Questions are answered.
    pub ready: bool,
    pub checked_ms: u64,
    pub checks: Vec<HealthCheck>,
}

/// One check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    pub name: String,
    /// pass, warn or fail.
    pub status: String,
    /// What was seen.
    pub detail: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
    pub since_ms: u64,
    /// No question is answered while it fails.
    pub gates: bool,
}
