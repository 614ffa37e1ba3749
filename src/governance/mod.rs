//! Who may do what on this box, and who decided it.
//!
//! Offers [`policy`]: Cedar policies, read, validated, decided.
//!
//! Invariant: a decision is a function of policies, grants, request and time; nothing is allowed by default.

pub mod policy;
