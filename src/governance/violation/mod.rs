//! Signs in the audit log that somebody does what they should not: windows, thresholds, order, gaps.
//!
//! Rules are data (`assets/violations/spud.toml`); [`Watch::step`] is a function of them, of what was seen, and of one
//! entry more.
//!
//! Invariant: pure; what is remembered is bounded, whoever writes however much.

mod detect;
mod rule;
mod sigma;
#[cfg(test)]
mod tests;

pub use detect::{Finding, Seen, Watch};
pub use rule::{Rule, RuleError, check, in_force, layered, read, shipped, unheard};
pub use sigma::sigma;
