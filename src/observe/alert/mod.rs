//! Alerts: rules, what they find, and the life of what they found.
//!
//! Offers [`read`](rules::read) for rule files, [`found`] and [`recorded`] for one rule at one time, [`step`] for what
//! becomes of alerts, [`template`] for their words, and [`AlertShelf`] for what outlives a restart.
//!
//! Invariant: pure but for the shelf: results and times in, alerts and changes out; everything is bounded.

mod evaluate;
pub(in crate::observe) mod rules;
mod shelf;
mod silence;
mod step;
pub mod template;
mod trial;

pub use evaluate::{evaluate, found, recorded};
pub(crate) use rules::matcher;
pub use rules::{AlertCase, Trial, TrialFile, ValueCase, read_trials};
pub use rules::{At, FILE_BYTES, Format, Group, Inhibition, Problem, Rule, RuleFile, read};
pub use shelf::{AlertShelf, KeptAlert, key};
pub use silence::{SILENCES_MOST, Silence, inhibited, silenced};
pub use step::{Acknowledged, Alert, Alerts, Change, Found, Phase, Times, restored, step};
pub use trial::{Failure, try_out};

/// Alerts, or series, that one rule may make where its group says nothing.
pub const PER_RULE: usize = 100;
