//! The operation queue: lanes, upstream, dead letters.

use crate::api::types::{Operation, QueueStatus};

#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    pub(crate) status: Option<Box<QueueStatus>>,
    /// Dead letters, newest first; one page of them.
    pub(crate) dead: Vec<Operation>,
    pub(crate) loaded: bool,
    pub(crate) selected: usize,
}

impl Queue {
    pub(crate) fn letter(&self) -> Option<&Operation> {
        self.dead.get(self.selected)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.upstream.state == "paused")
    }
}

/// The id without the box's own part, which is the same for all.
pub(crate) fn short_id(id: &str) -> &str {
    id.split_once('-').map_or(id, |(_, rest)| rest)
}
