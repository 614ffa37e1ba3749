//! Texts without secrets and personal data.

use serde::{Deserialize, Serialize};

/// A text to look through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactText {
    pub text: String,
}

/// The text, with `[redacted: KIND]` in the place of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedactedText {
    pub text: String,
    pub counts: Vec<RedactionCount>,
}

/// How often a kind was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedactionCount {
    /// `card`, `email`, `github-token`, ...
    pub kind: String,
    pub count: u64,
}

/// What was found in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedactionReport {
    pub bytes: u64,
    pub counts: Vec<RedactionCount>,
    /// The first thousand.
    pub places: Vec<RedactionPlace>,
}

/// Where something was found; what it was is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RedactionPlace {
    pub kind: String,
    /// From 1 on.
    pub line: u64,
    pub offset: u64,
    pub bytes: u64,
}
