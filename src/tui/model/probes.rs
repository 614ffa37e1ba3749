//! Probes and targets, shown in the Observe view in the place of graphs.

use crate::api::types::{Probe, ProbeList};

#[derive(Debug, Clone, Default)]
pub(crate) struct ProbeView {
    /// In the place of the graphs.
    pub(crate) shown: bool,
    pub(crate) loaded: bool,
    pub(crate) list: ProbeList,
    pub(crate) selected: usize,
    pub(crate) asked_ms: u64,
}

impl ProbeView {
    pub(crate) fn probe(&self) -> Option<&Probe> {
        self.list.items.get(self.selected).filter(|_| self.shown)
    }

    /// Takes what the box told; the selection stays where it is.
    pub(crate) fn take(&mut self, list: ProbeList) {
        (self.list, self.loaded) = (list, true);
        self.selected = self.selected.min(self.list.items.len().saturating_sub(1));
    }
}
