//! The operation queue: lanes, upstream, dead letters.

use crate::api::types::{Breaker, Operation, QueueStatus};

#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    pub(crate) status: Option<Box<QueueStatus>>,
    /// Dead letters, newest first; one page of them.
    pub(crate) dead: Vec<Operation>,
    pub(crate) loaded: bool,
    pub(crate) selected: usize,
    /// Circuit breakers, in the place of dead letters.
    pub(crate) breakers: Option<Vec<Breaker>>,
}

impl Queue {
    pub(crate) fn letter(&self) -> Option<&Operation> {
        self.dead.get(self.selected).filter(|_| self.breakers.is_none())
    }

    pub(crate) fn breaker(&self) -> Option<&Breaker> {
        self.breakers.as_ref()?.get(self.selected)
    }

    /// Rows that can be selected.
    pub(crate) fn len(&self) -> usize {
        self.breakers.as_ref().map_or(self.dead.len(), Vec::len)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.upstream.state == "paused")
    }
}

/// The id without the box's own part, which is the same for all.
pub(crate) fn short_id(id: &str) -> &str {
    id.split_once('-').map_or(id, |(_, rest)| rest)
}
