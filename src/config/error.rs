//! What is wrong with settings: everything at once, each with its place and what may have been meant.

use std::fmt::{Display, Formatter};

use crate::store::StoreError;
use crate::store::codec::CodecError;

/// Findings that are listed; a file of nonsense has more.
const LISTED: usize = 100;

/// Whether a finding keeps the settings from being taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    /// Told, and nothing more.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub severity: Severity,
    /// `file:line:column`, a variable or an option.
    pub place: String,
    /// The setting; empty where none is known.
    pub key: String,
    pub what: String,
    pub hint: Option<String>,
}

impl Finding {
    pub(super) fn error(place: impl Into<String>, key: &str, what: impl Into<String>) -> Self {
        let (place, what) = (place.into(), what.into());
        Self { severity: Severity::Error, place, key: key.to_owned(), what, hint: None }
    }

    pub(super) fn warning(place: impl Into<String>, key: &str, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, key, what) }
    }

    #[must_use]
    pub fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Display for Finding {
    fn fmt(&self, to: &mut Formatter<'_>) -> std::fmt::Result {
        let kind = if self.is_error() { "error" } else { "warning" };
        write!(to, "{}: {kind}: {}", self.place, self.what)?;
        match &self.hint {
            Some(hint) => write!(to, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// All findings, one a line, in the order of their places.
#[must_use]
pub fn report(findings: &[Finding]) -> String {
    let mut lines: Vec<String> = findings.iter().take(LISTED).map(Finding::to_string).collect();
    if findings.len() > LISTED {
        lines.push(format!("and {} more", findings.len() - LISTED));
    }
    lines.join("\n")
}

/// Why settings could not be read, changed or kept.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Everything that is wrong.
    #[error("{}", report(.0))]
    Findings(Vec<Finding>),
    #[error("{what}")]
    Edit { what: String, advice: String },
    #[error("{path} cannot be written: {error}")]
    Write { path: String, error: std::io::Error },
    #[error("settings cannot be watched: {0}")]
    Watch(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a record of the settings: {0}")]
    Record(#[from] CodecError),
}
