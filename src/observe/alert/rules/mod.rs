//! Rules, and the files they stand in.
//!
//! Format: <https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/> and
//! <https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/>, with `cooldown`, `tiers` and
//! `inhibit` beside it.

mod node;
mod read;
mod toml;
mod trial;
mod yaml;

pub(in crate::observe) use node::Node;
pub use node::{At, Problem};
pub(crate) use read::matcher;
pub use read::read;
pub(in crate::observe) use read::{Reader, get};
pub use trial::{AlertCase, Trial, TrialFile, ValueCase, read_trials};

use crate::observe::promql::{Expression, Matcher};

/// What stands in a file, with its places.
///
/// # Errors
/// The first place that cannot be read.
pub(in crate::observe) fn parse_document(text: &str, format: Format) -> Result<Node, Problem> {
    match format {
        Format::Yaml => yaml::read(text),
        Format::Toml => toml::read(text),
    }
}

/// What a file may hold.
pub const FILE_BYTES: u64 = 512 << 10;
/// Rules of one file.
const RULES_MOST: usize = 500;

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Toml,
}

impl Format {
    /// By the name of the file.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let end = name.rsplit('.').next().unwrap_or_default();
        match end {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

/// What a file says.
#[derive(Debug, Clone, Default)]
pub struct RuleFile {
    pub groups: Vec<Group>,
    pub inhibitions: Vec<Inhibition>,
    /// Templates that cannot be read: what they stand for is told as it is written.
    pub warnings: Vec<Problem>,
}

/// Rules that are evaluated together, one after the other.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    /// Absent: as the box has it.
    pub interval_ms: Option<u64>,
    /// Alerts, or series, that one rule may make; 0 is as many as the box allows.
    pub limit: usize,
    /// How far before now questions are asked.
    pub offset_ms: u64,
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Of the alert, or of the series that is recorded.
    pub name: String,
    pub is_alert: bool,
    pub expr: Expression,
    /// `for`: so long it has to be true.
    pub hold_ms: u64,
    pub keep_ms: u64,
    /// After it was resolved, it does not fire again for so long.
    pub cooldown_ms: u64,
    pub labels: Vec<(String, String)>,
    pub annotations: Vec<(String, String)>,
    /// Line in its file.
    pub line: usize,
}

/// Some alerts are not told while others fire.
#[derive(Debug, Clone)]
pub struct Inhibition {
    pub source: Vec<Matcher>,
    pub target: Vec<Matcher>,
    /// Labels that both have to have alike.
    pub equal: Vec<String>,
}
