//! Incidents, and the form that opens or changes one.

use crate::api::types::incident::Incident;
use crate::api::types::sla::Objective;
use crate::api::types::{MetricResult, MetricValue};
use crate::tui::model::Line;
use crate::tui::model::sieve::sift;

#[derive(Debug, Clone, Default)]
pub(crate) struct Incidents {
    /// Newest first.
    pub(crate) items: Vec<Incident>,
    pub(crate) loaded: bool,
    /// Closed ones too.
    pub(crate) all: bool,
    pub(crate) selected: usize,
    /// Of the filter.
    pub(crate) words: String,
    pub(crate) asked_ms: u64,
    /// Service levels in the place of incidents.
    pub(crate) service: bool,
    pub(crate) objectives: Option<Vec<Objective>>,
    /// What was left of their budgets, by name.
    pub(crate) budgets: Vec<Line>,
}

/// How far the timeline of budgets goes back, and how far its points are apart, in seconds.
pub(crate) const BUDGET_SPAN_S: u64 = 30 * 86_400;
pub(crate) const BUDGET_STEP_S: u64 = 6 * 3_600;

impl Incidents {
    /// Places of the incidents that the filter leaves.
    pub(crate) fn rows(&self) -> Vec<usize> {
        let text = |at: usize| {
            self.items.get(at).map_or_else(String::new, |one| {
                let owner = one.owner_login.as_deref().or(one.owner.as_deref()).unwrap_or_default();
                [&one.id, &one.severity, &one.kind, &one.state, owner, &one.title].join(" ")
            })
        };
        sift(&self.words, self.items.len(), &text)
    }

    pub(crate) fn incident(&self) -> Option<&Incident> {
        if self.service { None } else { self.items.get(*self.rows().get(self.selected)?) }
    }

    pub(crate) fn objective(&self) -> Option<&Objective> {
        self.objectives.as_ref()?.get(self.selected).filter(|_| self.service)
    }

    /// Rows that can be selected.
    pub(crate) fn len(&self) -> usize {
        if self.service { self.objectives.as_ref().map_or(0, Vec::len) } else { self.rows().len() }
    }

    /// Takes the timeline of all budgets.
    pub(crate) fn take_budgets(&mut self, value: MetricValue) {
        let MetricResult::Series(series) = value.result else { return };
        let line = |one: crate::api::types::MetricSeries| Line {
            name: one.metric.get("slo").cloned().unwrap_or_default(),
            points: one.values.iter().map(|point| (point.0, point.number())).collect(),
            ..Line::default()
        };
        self.budgets = series.into_iter().take(100).map(line).collect();
    }
}
