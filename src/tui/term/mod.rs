//! The terminal itself: its modes, its bytes in and out, what it can do.
//!
//! Invariant: whatever ends the program, the terminal is as it was found.

pub(crate) mod backend;
pub(crate) mod caps;
pub(crate) mod guard;
pub(crate) mod input;
pub(crate) mod reader;
pub(crate) mod writer;
