//! The audit log: how it stands, and the entries that were loaded of it.

use crate::api::types::{AuditEntry, AuditStatus};
use crate::tui::widgets::line_edit::LineEdit;

/// Entries that are held at most: who looks for older ones filters.
pub(crate) const HELD: usize = 2_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Audit {
    pub(crate) status: Option<Box<AuditStatus>>,
    /// Newest first.
    pub(crate) items: Vec<AuditEntry>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    pub(crate) loaded: bool,
    /// A page is on its way.
    pub(crate) loading: bool,
    pub(crate) selected: usize,
    pub(crate) filter: String,
    pub(crate) editing: Option<LineEdit>,
    /// What a report is about.
    pub(crate) framework: Option<String>,
    /// The log is being verified.
    pub(crate) verifying: bool,
}

impl Audit {
    pub(crate) fn entry(&self) -> Option<&AuditEntry> {
        self.items.get(self.selected)
    }
}
