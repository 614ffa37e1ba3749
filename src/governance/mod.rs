//! Who may do what on this box, and who decided it.
//!
//! Offers [`policy`] (Cedar policies: read, validated, decided), [`access`] (principals, roles, tokens, grants, and
//! the one decision that stands before every action) and [`approval`] (changes that wait for the votes of
//! others), [`registry`] (models with their stages, gates and history, judged questions) and [`use_case`] (what a box
//! may be asked for).
//!
//! Invariant: a decision is a function of policies, grants, request and time; nothing is allowed by default.

pub mod access;
pub mod approval;
pub mod policy;
pub mod registry;
pub mod use_case;
