//! The words of degradation: the mode, its causes and effects, its history, circuit breakers.

use serde::{Deserialize, Serialize};

/// The mode of the box, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModeBrief {
    /// normal, `reduced_performance`, `local_queue`, `selective_processing`, `memory_constrained`, emergency.
    pub mode: String,
    /// As people read it: Reduced Performance.
    pub title: String,
    pub since_ms: u64,
    /// latency, errors, upstream, memory, disk, thermal or store; absent in Normal and where it was forced.
    pub axis: Option<String>,
    /// The measure and its limit at the time, or who forced it and why; empty in Normal.
    pub reason: String,
    /// What is done differently.
    pub effects: Vec<ModeEffect>,
    /// What brings it back.
    pub way_back: String,
    /// Seconds until it may be better; 0 in Normal.
    pub retry_after_s: u64,
    pub forced: Option<ForcedMode>,
}

impl ModeBrief {
    /// True where nothing is given up; a box that does not know modes is normal, too.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        (self.mode.is_empty() || self.mode == "normal") && self.forced.is_none()
    }
}

/// One thing that is done differently.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModeEffect {
    /// `fewer_candidates`, `no_rescoring`, `pause_background`, `drop_caches`, `refuse_ingest`, ...
    pub name: String,
    /// Two or three words.
    pub short: String,
    /// One sentence.
    pub about: String,
}

/// A mode that a person chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForcedMode {
    pub mode: String,
    /// Who, as the kernel said.
    pub actor: String,
    pub reason: String,
    pub since_ms: u64,
    pub until_ms: u64,
}

/// The mode with everything that led to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModeReport {
    #[serde(flatten)]
    pub now: ModeBrief,
    pub axes: Vec<ModeAxis>,
    pub inputs: ModeInputs,
    /// The ballast file takes its space.
    pub ballast: bool,
}

/// One axis as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModeAxis {
    pub axis: String,
    pub mode: String,
    pub since_ms: u64,
    /// Why it stands where it does; empty when it never was elsewhere.
    pub reason: String,
    pub way_back: String,
    pub readings: Vec<ModeReading>,
}

/// A measure beside its limits, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModeReading {
    pub what: String,
    pub value: String,
    pub enter: String,
    pub leave: String,
    /// The mode that it brings.
    pub mode: String,
}

/// What was measured. Absent where there was nothing to measure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModeInputs {
    pub p95_us: Option<u64>,
    pub errors_percent: Option<f64>,
    pub breaker_open: bool,
    pub backlog_percent: f64,
    pub memory_percent: f64,
    pub pressure_some: f64,
    pub pressure_full: f64,
    pub out_of_memory: bool,
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    pub temperature_c: Option<f64>,
    pub store_failed: bool,
}

/// One transition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModeChange {
    /// Rises by one; absent (empty) in events, which have an id of their own.
    pub id: String,
    pub at_ms: u64,
    pub from: String,
    pub to: String,
    /// worse, better, forced, auto, expired, restart.
    pub cause: String,
    pub axis: Option<String>,
    pub reason: String,
    /// Who, where a person did it.
    pub actor: String,
    pub inputs: ModeInputs,
}

/// Which changes, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModeHistoryQuery {
    /// From the previous page's `next`.
    pub cursor: Option<String>,
    /// 1..=1000; 0 means 100.
    pub limit: usize,
}

/// A mode to force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForceMode {
    pub mode: String,
    /// Kept in the history; must not be empty.
    pub reason: String,
    /// Seconds after which it ends by itself: 1 to 604800 (a week).
    pub ttl_s: u64,
}

/// A circuit breaker around one dependency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    pub name: String,
    /// closed, open, `half_open`, `forced_open`, `forced_closed`.
    pub state: String,
    pub since_ms: u64,
    /// Newest calls that are judged, and how many of them failed.
    pub calls: u64,
    pub failures: u64,
    /// Calls that were not let through, since the start.
    pub refused: u64,
    /// When it is tried next.
    pub retry_ms: Option<u64>,
    /// Who holds it by hand, why, until when.
    pub held: Option<HeldBreaker>,
}

/// By whom a breaker is held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldBreaker {
    pub by: String,
    pub reason: String,
    /// It ends by itself.
    pub until_ms: u64,
}

/// A breaker to hold open or closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForceBreaker {
    /// From the path.
    #[serde(skip)]
    pub name: String,
    /// open: nothing goes through; closed: everything does.
    pub state: String,
    /// Shown to whoever wonders; must not be empty.
    pub reason: String,
    /// Seconds after which it ends by itself: 1 to 604800 (a week).
    pub ttl_s: u64,
}
