//! Who may do what on this box, and who decided it.
//!
//! Offers [`policy`] (Cedar policies: read, validated, decided), [`access`] (principals, roles, tokens, grants, and
//! the one decision that stands before every action), [`approval`] (changes that wait for the votes of others),
//! [`registry`] (models with their stages, gates and history, judged questions), [`incident`] (what went wrong, and
//! what was done about it), [`sla`] (error budgets, and how fast they are spent) and [`violation`] (signs in the audit
//! log that somebody does what they should not), [`use_case`] (what a box may be asked for) and [`ssh`] (keys of people,
//! and what they sign).
//!
//! Invariant: a decision is a function of policies, grants, request and time; nothing is allowed by default.

pub mod access;
pub mod approval;
pub mod compliance;
pub mod incident;
pub mod policy;
pub mod registry;
pub mod sla;
pub mod ssh;
pub mod use_case;
pub mod violation;
