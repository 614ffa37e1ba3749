//! Backups of the box at work: one run at a time, on a thread of its own that lives as long as the run.
//!
//! Invariant: a run holds no lock that a question or a commit waits for, longer than it takes to open a view.

mod actions;
mod drill;
mod note;
mod restore;
mod runs;
mod task;
mod words;

pub use restore::restore_offline;

pub use actions::Asked;
pub(super) use actions::{age_s, ahead, change, folder, is_own_run, look};
pub(super) use note::{restores, restores_are_told};
pub(super) use restore::{apply_staged, sweep};
pub(super) use runs::Backups;
pub(super) use words::said;
