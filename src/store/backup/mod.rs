//! Backups: content-addressed pieces, one signed manifest a backup, restored whole or not at all.
//!
//! Offers [`Repository`] (the folder), [`Writer`] (makes a backup), [`verify`], [`restore`], [`Keep`] and
//! [`When`] (what stays, what is due), [`Signer`] and [`Trust`] (whose word holds).
//!
//! Invariant: a manifest is written after everything it names was synced, and removed before it; a crash leaves
//! pieces too many, never too few.

mod chunk;
mod create;
mod error;
mod journal;
mod manifest;
mod repository;
mod restore;
mod retention;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use create::Writer;
pub use error::BackupError;
pub use journal::{Journal, RunRecord, ScheduleRecord};
pub use manifest::{Backup, CollectionMark, Entry, Head, Kind, Manifest};
pub use repository::{Listed, Repository, Swept};
pub use restore::restore;
pub use retention::{Keep, When};
pub use sign::{PublicKey, Signer, Trust, holds, trust};
pub use verify::{Verified, verify};

/// How long work is told about itself, and told to end.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// True when the work is to end at the next piece.
    pub stop: &'a dyn Fn() -> bool,
    /// What is worked on, and how many bytes of it were done.
    pub moved: &'a dyn Fn(&str, u64),
}

impl Watch<'static> {
    /// Nobody looks on.
    #[must_use]
    pub fn none() -> Self {
        Self { stop: &|| false, moved: &|_, _| {} }
    }
}
