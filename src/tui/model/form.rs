//! A form: rows of texts and choices, then Cancel, then the button.

use crate::api::types::incident::Incident;
use crate::tui::widgets::line_edit::LineEdit;

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

    pub(crate) fn choice(label: &'static str, options: &'static [&'static str], wanted: &str) -> Self {
        let at = options.iter().position(|option| *option == wanted).unwrap_or(0);
        Self::Choice { label, options, at }
    }

    /// What it holds.
    pub(crate) fn value(&self) -> String {
        match self {
            Self::Text { edit, .. } => edit.text().trim().to_owned(),
            Self::Choice { options, at, .. } => options.get(*at).copied().unwrap_or_default().to_owned(),
        }
    }
}

/// What a form is for.
#[derive(Debug, Clone)]
pub(crate) enum FormOf {
    /// What is changed, as it was seen; absent where one is opened.
    Incident(Option<Box<Incident>>),
    /// Of the dashboard that is shown, by place; whether it is a new one.
    Panel(usize, bool),
    /// The dashboard that is shown is saved.
    Dashboard,
}

#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) of: FormOf,
    pub(crate) rows: Vec<FormRow>,
    pub(crate) field: usize,
    pub(crate) problem: Option<&'static str>,
}

impl Form {
    pub(crate) fn new(of: FormOf, rows: Vec<FormRow>) -> Box<Self> {
        Box::new(Self { of, rows, field: 0, problem: None })
    }

    /// What the row of this place holds.
    pub(crate) fn value(&self, at: usize) -> String {
        self.rows.get(at).map(FormRow::value).unwrap_or_default()
    }

    /// What the row of this label holds.
    pub(crate) fn named(&self, wanted: &str) -> String {
        let is = |row: &&FormRow| match row {
            FormRow::Text { label, .. } | FormRow::Choice { label, .. } => *label == wanted,
        };
        self.rows.iter().find(is).map(FormRow::value).unwrap_or_default()
    }
}
