//! The terminal: what operators and reviewers see over SSH.
//!
//! Invariant: knows the API's words and client, and nothing else of spud; draws only when something changed.
