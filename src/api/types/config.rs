//! The words of the settings: what holds and why, edits, history, trials, templates.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Every setting, where settings come from, and what is not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigReport {
    /// dev, staging, production.
    pub environment: String,
    /// Why this environment.
    pub environment_from: String,
    pub tier: String,
    /// For `If-Match` on edits of the whole.
    pub etag: String,
    /// Number of the newest version; empty where nothing was ever changed.
    pub version: String,
    /// The file that edits are written to.
    pub edited: String,
    /// In the order in which they are read.
    pub files: Vec<ConfigFile>,
    pub settings: Vec<ConfigSetting>,
    /// Warnings about what holds.
    pub problems: Vec<ConfigProblem>,
    /// Absent where what runs is what the files say.
    pub drift: Option<ConfigDrift>,
    pub trial: Option<ConfigTrial>,
}

/// One file of settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigFile {
    pub path: String,
    /// The file that takes its place; it is not read then.
    pub masked_by: Option<String>,
    pub bytes: u64,
}

/// One setting as it holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigSetting {
    /// `section.name`
    pub key: String,
    /// flag, number, size, word, path, url, address, patterns, levels, secret.
    pub kind: String,
    pub unit: String,
    /// What is allowed, in words.
    pub range: String,
    pub about: String,
    /// Environment variable that sets it.
    pub variable: String,
    /// Taken up at once; otherwise at the next start.
    pub reload: bool,
    pub secret: bool,
    /// Null where it is not set. A secret is the place where it lies, never itself.
    pub value: Value,
    /// The value as people read it.
    pub shown: String,
    /// As it would be typed.
    pub typed: String,
    /// default, file, environment, option.
    pub layer: String,
    /// `file:line:column`, the variable, the option, or why this default.
    pub place: String,
    /// What it hides, nearest first; the last is the default.
    pub hidden: Vec<ConfigPlace>,
    /// The value that the next start takes up.
    pub waiting: Option<String>,
    /// For `If-Match` on edits of this setting.
    pub etag: String,
}

/// A value that another hides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigPlace {
    pub shown: String,
    pub layer: String,
    pub place: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigProblem {
    /// error or warning.
    pub severity: String,
    /// `file:line:column`, a variable or an option.
    pub place: String,
    pub key: String,
    pub what: String,
    pub hint: Option<String>,
}

/// What runs is not what the files say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigDrift {
    pub since_ms: u64,
    /// SHA-256 over what was applied, and over the files as they are now.
    pub applied: String,
    pub files: String,
    /// Why the files were not taken up; empty where only a restart is missing.
    pub problems: Vec<ConfigProblem>,
    /// What a restart would change.
    pub waiting: Vec<ConfigDifference>,
}

/// A change that reverts by itself unless it is confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigTrial {
    /// The newest version on trial.
    pub version: String,
    pub until_ms: u64,
    pub left_ms: u64,
    pub actor: String,
}

/// One setting that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigDifference {
    pub key: String,
    pub from: String,
    pub to: String,
    /// Taken up at once; otherwise at the next start.
    pub reload: bool,
    pub place: String,
}

/// `PUT /v1/config/{key}`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetConfig {
    /// A text is read as if it were typed; null takes the setting out.
    pub value: Value,
    /// Kept in the history.
    pub reason: String,
    /// Revert after so many seconds unless confirmed: 10 to 86400.
    pub confirm_s: Option<u64>,
    /// Only say what would change.
    pub dry_run: bool,
}

/// `POST /v1/config/apply`: a whole file, or a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApplyConfig {
    pub text: Option<String>,
    /// Name of a template, instead of a text.
    pub template: Option<String>,
    pub reason: String,
    pub confirm_s: Option<u64>,
    pub dry_run: bool,
}

/// `POST /v1/config/rollback`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RollbackConfig {
    /// Number of the version whose file is wanted back.
    pub version: u64,
    pub reason: String,
    pub confirm_s: Option<u64>,
    pub dry_run: bool,
}

/// `POST /v1/config/commit-confirm`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommitConfirm {
    /// The last change reverts after so many seconds unless confirmed: 10 to 86400.
    pub seconds: u64,
}

/// `POST /v1/config/validate`: the files as they are, a whole file, or one setting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidateConfig {
    pub text: Option<String>,
    /// A setting that is not changed, only tried.
    pub key: Option<String>,
    /// Its value, as in [`SetConfig`].
    pub value: Value,
}

/// What is wrong, and what would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigCheck {
    pub ok: bool,
    pub problems: Vec<ConfigProblem>,
    pub differences: Vec<ConfigDifference>,
}

/// What an edit changed, or would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigChange {
    /// Number of the new version; absent in a dry run and where nothing changed.
    pub version: Option<String>,
    pub dry_run: bool,
    pub differences: Vec<ConfigDifference>,
    /// What the reader must know: hidden by another file, waits for a restart.
    pub notes: Vec<String>,
    pub trial: Option<ConfigTrial>,
}

/// One version of the file that edits are written to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigVersion {
    pub id: String,
    pub at_ms: u64,
    /// found, set, unset, apply, template, rollback, revert, files.
    pub cause: String,
    /// Who, as the kernel said.
    pub actor: String,
    pub reason: String,
    /// `log.level: info -> warn`
    pub changes: Vec<String>,
    /// The file after it.
    pub text: String,
}

/// Which versions, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigHistoryQuery {
    /// From the previous page's `next`.
    pub cursor: Option<String>,
    /// 1..=200; 0 means 50.
    pub limit: usize,
}

/// Settings for a usual place of a box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigTemplate {
    pub name: String,
    pub about: String,
    pub text: String,
}

/// Settings changed, or files no longer say what runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigEvent {
    /// As in [`ConfigVersion::cause`], and trial, confirm, drift, dashboards.
    pub cause: String,
    pub version: Option<String>,
    pub actor: String,
    pub reason: String,
    pub differences: Vec<ConfigDifference>,
    pub problems: Vec<ConfigProblem>,
    pub trial: Option<ConfigTrial>,
}
