//! Files of a site, looked through before they hold.

use serde::{Deserialize, Serialize};

/// A text, and as what it is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckFile {
    /// violations, alerts, notifications, probes, dashboards or sla.
    pub kind: String,
    /// How the file is called: its end tells YAML from TOML.
    pub name: String,
    pub text: String,
}

/// What it holds, or what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckedFile {
    pub ok: bool,
    /// `3 rules, nothing wrong`; empty where something is.
    pub holds: String,
    pub problems: Vec<FileProblem>,
}

/// Something that is wrong, with its place; 0 where it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileProblem {
    pub line: usize,
    pub column: usize,
    pub what: String,
}
