//! The rooms that every query and every ingested byte goes through, as a package of their own.
//!
//! A package has one optimisation level: these rooms are built for speed, all that waits for people and disks is
//! built small (1.8 MB less for the same answers). They are otherwise rooms like all others, at their places
//! under `src/`, and `spud` hands them on under their own names.
//!
//! Invariant: nothing but rooms stands here, and none of them knows a room of the layers above.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods))]

#[path = "../base/mod.rs"]
pub mod base;
#[path = "../knowledge/mod.rs"]
pub mod knowledge;
#[path = "../store/mod.rs"]
pub mod store;
