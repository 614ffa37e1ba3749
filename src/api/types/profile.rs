//! The words of the profile: where time and memory go.

use serde::{Deserialize, Serialize};

use super::Gauge;

/// Since the start of the process, but for memory: that is of now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    pub uptime_ms: u64,
    /// Processor time by thread: count of threads, microseconds.
    pub cpu: Vec<ProfileRow>,
    /// Resident memory by what is mapped: count of mappings, bytes.
    pub memory: Vec<ProfileRow>,
    /// What parts hold of what they may hold.
    pub budgets: Vec<Gauge>,
    /// Input and output of files, disk and stores: count of calls or commits, bytes.
    pub io: Vec<ProfileRow>,
    /// Time by kind of work, waiting included: count, microseconds.
    pub time: Vec<ProfileRow>,
}

/// One part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileRow {
    pub name: String,
    pub count: u64,
    pub total: u64,
}
