//! Backups: the schedule, what was done, what there is to restore.

use crate::api::types::{Backup, BackupStatus, StoreReport};

#[derive(Debug, Clone, Default)]
pub(crate) struct Backups {
    pub(crate) status: Option<Box<BackupStatus>>,
    /// How the stores are kept.
    pub(crate) store: Option<Box<StoreReport>>,
    /// Newest first.
    pub(crate) items: Vec<Backup>,
    pub(crate) selected: usize,
}

impl Backups {
    pub(crate) fn backup(&self) -> Option<&Backup> {
        self.items.get(self.selected)
    }

    /// True while work on backups is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.running.is_some())
    }
}
