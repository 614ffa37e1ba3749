//! The words of PromQL test scripts.

use serde::{Deserialize, Serialize};

/// What a script came to. A case is one `eval`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromqlTestReport {
    pub passed: usize,
    pub failed: Vec<PromqlFinding>,
    /// Cases that need native histograms, or experiments of Prometheus that are not here.
    pub out_of_scope: Vec<PromqlFinding>,
}

/// One case, and what there is to say of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromqlFinding {
    /// From 1.
    pub line: usize,
    pub query: String,
    pub what: String,
}
