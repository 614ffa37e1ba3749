//! Requests that wait for votes, and models.

use crate::api::types::approval::Approval;
use crate::api::types::registry::{ModelRegistry, ModelVersion};
use crate::api::types::use_case::UseCase;
use crate::tui::effect::Decision;
use crate::tui::widgets::line_edit::LineEdit;

#[derive(Debug, Clone, Default)]
pub(crate) struct Approvals {
    /// Newest first.
    pub(crate) items: Vec<Approval>,
    pub(crate) loaded: bool,
    pub(crate) selected: usize,
    pub(crate) filter: String,
    pub(crate) editing: Option<LineEdit>,
}

impl Approvals {
    /// What the filter's words leave, with the places in the list.
    pub(crate) fn shown(&self) -> Vec<&Approval> {
        let words: Vec<String> = self
            .filter
            .split_whitespace()
            .filter(|word| !word.contains(':'))
            .map(str::to_lowercase)
            .collect();
        let has = |one: &&Approval| {
            let text = format!("{} {} {} {}", one.title, one.by, one.reason, one.impact).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        self.items.iter().filter(has).collect()
    }

    pub(crate) fn approval(&self) -> Option<&Approval> {
        self.shown().get(self.selected).copied()
    }

    /// What was typed after a name and a colon.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let value = |word: &str| word.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
        self.filter.split_whitespace().find_map(value).filter(|value| !value.is_empty())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Models {
    pub(crate) registry: Option<Box<ModelRegistry>>,
    pub(crate) selected: usize,
}

impl Models {
    pub(crate) fn len(&self) -> usize {
        self.registry.as_ref().map_or(0, |registry| registry.items.len())
    }

    pub(crate) fn version(&self) -> Option<&ModelVersion> {
        self.registry.as_ref()?.items.get(self.selected)
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct UseCases {
    /// By name.
    pub(crate) items: Vec<UseCase>,
    pub(crate) loaded: bool,
    pub(crate) selected: usize,
}

impl UseCases {
    pub(crate) fn one(&self) -> Option<&UseCase> {
        self.items.get(self.selected)
    }
}

/// A decision: field 0 reason, 1 what must be typed (where something must), 2 what may be said beside it (where
/// something may), 3 Cancel, 4 the button.
#[derive(Debug, Clone)]
pub(crate) struct DecideDialog {
    pub(crate) title: &'static str,
    pub(crate) body: Vec<String>,
    pub(crate) verb: &'static str,
    pub(crate) decision: Decision,
    pub(crate) reason: LineEdit,
    /// What must be typed, and what was typed.
    pub(crate) typed: Option<(String, LineEdit)>,
    /// Its label, what it is for, and what was typed.
    pub(crate) extra: Option<(&'static str, &'static str, LineEdit)>,
    /// Of a vote: what was pasted.
    pub(crate) signature: Option<String>,
    pub(crate) field: usize,
    pub(crate) problem: Option<&'static str>,
}
