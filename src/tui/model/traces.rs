//! Traces and failures, shown in the Observe view in the place of graphs.

use crate::api::types::{ErrorGroup, TraceDetail, TraceSummary};

/// Traces and groups of failures that are kept.
const MOST: usize = 200;

/// Which traces are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TraceKind {
    #[default]
    All,
    Failed,
    Slow,
}

impl TraceKind {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::All => Self::Failed,
            Self::Failed => Self::Slow,
            Self::Slow => Self::All,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failed => "failed",
            Self::Slow => "slow",
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TraceList {
    /// In the place of the graphs.
    pub(crate) shown: bool,
    pub(crate) kind: TraceKind,
    /// Newest first; absent until they came.
    pub(crate) items: Option<Vec<TraceSummary>>,
    /// Failures are shown in the place of traces.
    pub(crate) failures: bool,
    pub(crate) groups: Option<Vec<ErrorGroup>>,
    pub(crate) selected: usize,
    /// One trace is open, with the span that is selected.
    pub(crate) open: Option<(Box<TraceDetail>, usize)>,
    pub(crate) asked_ms: u64,
}

impl TraceList {
    /// Rows that can be selected.
    pub(crate) fn len(&self) -> usize {
        match &self.open {
            Some((detail, _)) => detail.spans.len(),
            None if self.failures => self.groups.as_ref().map_or(0, Vec::len),
            None => self.items.as_ref().map_or(0, Vec::len),
        }
    }

    /// The row that is selected.
    pub(crate) fn at(&self) -> usize {
        self.open.as_ref().map_or(self.selected, |(_, at)| *at)
    }

    pub(crate) fn select(&mut self, to: usize) {
        match &mut self.open {
            Some((_, at)) => *at = to,
            None => self.selected = to,
        }
    }

    pub(crate) fn group(&self) -> Option<&ErrorGroup> {
        self.groups.as_ref()?.get(self.selected).filter(|_| self.failures && self.open.is_none())
    }

    /// Id of the trace that is selected or open.
    pub(crate) fn id(&self) -> Option<&str> {
        if let Some((detail, _)) = &self.open {
            return Some(&detail.id);
        }
        match self.failures {
            true => self.group()?.trace.as_deref(),
            false => self.items.as_ref()?.get(self.selected).map(|one| one.id.as_str()),
        }
    }

    pub(crate) fn take(&mut self, mut items: Vec<TraceSummary>) {
        // What is selected stays so while newer ones come.
        let selected = self.items.as_ref().and_then(|all| all.get(self.selected)).cloned();
        items.truncate(MOST);
        if !self.failures {
            let same = |one: &TraceSummary| selected.as_ref() == Some(one);
            let at = items.iter().position(same).filter(|_| self.selected > 0);
            self.selected = at.unwrap_or(self.selected).min(items.len().saturating_sub(1));
        }
        self.items = Some(items);
    }

    pub(crate) fn take_groups(&mut self, mut groups: Vec<ErrorGroup>) {
        groups.truncate(MOST);
        if self.failures {
            self.selected = self.selected.min(groups.len().saturating_sub(1));
        }
        self.groups = Some(groups);
    }
}
