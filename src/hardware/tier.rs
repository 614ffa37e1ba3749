//! Which tier fits this box, why, and the budgets that follow.

use std::path::Path;

use super::tier_file::{self, Tier, TiersError};
use super::{BudgetError, Budgets, Probe, Thresholds};
use crate::base::format_bytes;

/// The tiers of a `tiers.toml`, smallest first.
#[derive(Debug, Clone)]
pub struct Tiers {
    tiers: Vec<Tier>,
}

/// The tier that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub tier: &'static str,
    /// One sentence.
    pub reason: String,
    pub budgets: Budgets,
    /// When the box changes its mode.
    pub thresholds: Thresholds,
}

impl Tiers {
    /// The four names, smallest first.
    pub const NAMES: [&'static str; 4] = ["ultra_lite", "lite", "standard", "full"];

    /// The tiers inside the binary.
    ///
    /// # Errors
    /// Never in a binary that passed its tests.
    pub fn embedded() -> Result<Self, TiersError> {
        Self::parse("tiers.toml (embedded)", include_str!("../../tiers.toml"))
    }

    /// The tiers of a file.
    ///
    /// # Errors
    /// File, line, column, what is wrong and what may have been meant.
    pub fn load(path: &Path) -> Result<Self, TiersError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| TiersError {
            place: name.clone(),
            what: format!("cannot be read: {error}"),
            hint: None,
        })?;
        Self::parse(&name, &text)
    }

    /// The tiers of a text; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Tiers::load`].
    pub fn parse(name: &str, text: &str) -> Result<Self, TiersError> {
        Ok(Self { tiers: tier_file::parse(name, text)? })
    }

    /// Chooses by what the box has, or takes the tier of this name.
    ///
    /// # Errors
    /// An unknown name, or budgets that do not fit the memory of the box.
    pub fn choose(&self, probe: &Probe, wanted: Option<&str>) -> Result<Choice, TiersError> {
        let (index, reason) = match wanted.filter(|name| !name.is_empty()) {
            Some(name) => {
                let known = self.tiers.iter().position(|tier| tier.name == name.replace('-', "_"));
                (known.ok_or_else(|| unknown(name))?, format!("{name} was asked for by --tier or SPUD_TIER"))
            }
            None => self.fitting(probe),
        };
        let tier = self.tiers.get(index).ok_or_else(|| unknown("nothing"))?;
        let budgets = fit(tier.budgets(), probe);
        budgets.check_sum().map_err(|error| does_not_fit(tier.name, &error, probe))?;
        Ok(Choice { tier: tier.name, reason, budgets, thresholds: tier.thresholds.clone() })
    }

    /// By memory first; then one step down for each thing that is missing.
    fn fitting(&self, probe: &Probe) -> (usize, String) {
        let memory = probe.memory.effective;
        let last = self.tiers.len().saturating_sub(1);
        let mut index = self.tiers.iter().position(|tier| memory <= tier.up_to_memory).unwrap_or(last);
        let mut reason = format!("{} of memory may be used{}", format_bytes(memory), limited_by(probe));
        while index > 0 {
            let Some(tier) = self.tiers.get(index) else { break };
            if probe.cpu.cores < tier.min_cores {
                let cores = probe.cpu.cores;
                reason.push_str(&format!(
                    "; {} wants {} cores and there {}",
                    tier.name,
                    tier.min_cores,
                    are(cores)
                ));
            } else if !tier.slow_storage && probe.storage.kind.is_slow() {
                let kind = probe.storage.kind.name();
                reason.push_str(&format!("; {} wants faster storage than {kind}", tier.name));
            } else {
                break;
            }
            index -= 1;
        }
        (index, reason)
    }
}

fn are(cores: u32) -> String {
    if cores == 1 { "is 1".to_owned() } else { format!("are {cores}") }
}

fn limited_by(probe: &Probe) -> String {
    let memory = &probe.memory;
    let by = if memory.effective == memory.physical {
        return String::new();
    } else if Some(memory.effective) == memory.cgroup_limit {
        "a cgroup limit"
    } else {
        "RLIMIT_AS"
    };
    format!(" ({by}; the box has {})", format_bytes(memory.physical))
}

/// A tier's budgets on this very box: no more workers than cores, no more memory than there is.
fn fit(mut budgets: Budgets, probe: &Probe) -> Budgets {
    budgets.search_workers = budgets.search_workers.min(probe.cpu.cores).max(1);
    if probe.memory.effective > 0 {
        budgets.memory_total = budgets.memory_total.min(probe.memory.effective);
    }
    budgets
}

fn unknown(name: &str) -> TiersError {
    let near = tier_file::nearest(name, &Tiers::NAMES).map(|near| format!("did you mean '{near}'?"));
    TiersError {
        place: "--tier".to_owned(),
        what: format!("there is no tier '{name}'"),
        hint: Some(near.unwrap_or_else(|| format!("one of {}", Tiers::NAMES.join(", ")))),
    }
}

fn does_not_fit(tier: &str, error: &BudgetError, probe: &Probe) -> TiersError {
    let smaller = probe.memory.effective <= error.total;
    let hint = if smaller {
        "choose a smaller tier (--tier)"
    } else {
        "raise memory_total or lower the largest part"
    };
    TiersError { place: format!("tier {tier}"), what: error.to_string(), hint: Some(hint.to_owned()) }
}
