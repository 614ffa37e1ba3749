//! spud's policies, from their own source: of spud they need the order of small lists, and nothing else.

#[path = "../../../src/base/order.rs"]
pub mod base;
#[path = "../../../src/governance/policy/mod.rs"]
pub mod policy;
