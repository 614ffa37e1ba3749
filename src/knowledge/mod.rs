//! Documents in, cited passages out.
//!
//! Invariant: search takes bytes and returns values: it does no I/O of its own and never reads the clock.

pub mod extract;
mod walk;

pub use walk::{Entry, Skipped, Summary, walk};
