//! spud: a governed, offline knowledge appliance in one binary.
//!
//! The rooms, in layer order; a room calls only rooms above its line
//! (`tests/architecture.rs` keeps this true):
//!
//! - 0 [`base`]: clock, threads, byte counts. Knows nothing of spud.
//! - 0 [`api::types`]: the words of the wire. Plain data, calls nothing.
//! - 0 [`redact`]: secrets and personal data in texts. Pure.
//! - 1 [`hardware`]: what box is this, what may it spend. [`store`]: what is kept, and how.
//! - 2 [`audit`]: what was done, and proof of it. [`observe`]: what the box says of itself.
//! - 3 [`knowledge`]: documents in, cited passages out. [`resilience`]: what is given up when something is short.
//!   [`config`]: what is set, where, by whom, and what that changes.
//! - 4 [`governance`]: who may do what, and who decided it.
//! - 5 [`engine`]: composes the rooms; the one door for every action.
//! - 6 [`api`]: the door on the wire, server and client.
//! - 7 [`cli`], [`tui`]: what a person uses; they know `api::{types, client, host}` only.
//!
//! `base`, `store` and `knowledge` are built for speed in a package of their own, `src/hot`.
//!
//! Invariant: data flows one way, and every mutation is an [`engine::Action`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods))]

pub mod api;
pub mod audit;
pub mod cli;
pub mod config;
pub mod engine;
pub mod governance;
pub mod hardware;
pub mod observe;
pub mod redact;
pub mod resilience;
pub mod tui;

/// Disks that lose power name the crate as tests beside it do.
#[cfg(test)]
extern crate self as spud;

pub use spud_hot::{asset, base, knowledge, store};
