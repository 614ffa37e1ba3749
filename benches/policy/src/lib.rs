//! spud's policies, from their own source: they need nothing else of spud.

#[path = "../../../src/governance/policy/mod.rs"]
pub mod policy;
