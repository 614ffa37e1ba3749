//! Incidents, and the form that opens or changes one.

use crate::api::types::incident::Incident;
use crate::tui::widgets::line_edit::LineEdit;

#[derive(Debug, Clone, Default)]
pub(crate) struct Incidents {
    /// Newest first.
    pub(crate) items: Vec<Incident>,
    pub(crate) loaded: bool,
    /// Closed ones too.
    pub(crate) all: bool,
    pub(crate) selected: usize,
    pub(crate) asked_ms: u64,
}

impl Incidents {
    pub(crate) fn incident(&self) -> Option<&Incident> {
        self.items.get(self.selected)
    }
}

/// A row of a form.
#[derive(Debug, Clone)]
pub(crate) enum FormRow {
    Text { label: &'static str, hint: &'static str, edit: LineEdit },
    Choice { label: &'static str, options: &'static [&'static str], at: usize },
}

impl FormRow {
    pub(crate) fn text(label: &'static str, hint: &'static str, text: &str) -> Self {
        Self::Text { label, hint, edit: LineEdit::with(text) }
    }

    /// What it holds.
    pub(crate) fn value(&self) -> String {
        match self {
            Self::Text { edit, .. } => edit.text().trim().to_owned(),
            Self::Choice { options, at, .. } => options.get(*at).copied().unwrap_or_default().to_owned(),
        }
    }
}

/// Opens an incident, or changes one: the rows, then Cancel, then the button.
#[derive(Debug, Clone)]
pub(crate) struct IncidentForm {
    /// What is changed, as it was seen; absent where one is opened.
    pub(crate) of: Option<Incident>,
    pub(crate) rows: Vec<FormRow>,
    pub(crate) field: usize,
    pub(crate) problem: Option<&'static str>,
}
