//! What can be asked of the settings, and what comes back.

use super::run::Inner;
use super::{Caller, EngineError, settings_edit, settings_trial};
use crate::api::types::{
    ApplyConfig, CommitConfirm, ConfigChange, ConfigCheck, ConfigHistoryQuery, ConfigReport, ConfigSetting,
    ConfigTemplate, ConfigVersion, Page, RollbackConfig, SetConfig, ValidateConfig,
};

/// Everything that can be asked of the settings. `if_match` is the ETag that the asker saw.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigAction {
    Report,
    /// By key.
    Setting(String),
    Set {
        key: String,
        request: SetConfig,
        if_match: Option<String>,
    },
    Apply {
        request: ApplyConfig,
        if_match: Option<String>,
    },
    Rollback {
        request: RollbackConfig,
        if_match: Option<String>,
    },
    Validate(ValidateConfig),
    Versions(ConfigHistoryQuery),
    /// By number.
    Version(u64),
    Templates,
    Schema,
    /// Put the last change on trial.
    Trial(CommitConfirm),
    /// What is on trial stays.
    Confirm,
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum ConfigReply {
    Report(Box<ConfigReport>),
    Setting(Box<ConfigSetting>),
    Changed(ConfigChange),
    Check(ConfigCheck),
    Versions(Page<ConfigVersion>),
    Version(ConfigVersion),
    Templates(Vec<ConfigTemplate>),
    Schema(serde_json::Value),
}

// JSON numbers of requests are compared as they are.
impl Eq for ConfigAction {}

pub(super) fn act(inner: &Inner, caller: &Caller, action: ConfigAction) -> Result<ConfigReply, EngineError> {
    Ok(match action {
        ConfigAction::Report => ConfigReply::Report(Box::new(settings_edit::report(inner)?)),
        ConfigAction::Setting(key) => ConfigReply::Setting(Box::new(settings_edit::show(inner, &key)?)),
        ConfigAction::Set { key, request, if_match } => {
            ConfigReply::Changed(settings_edit::set(inner, caller, &key, &request, if_match.as_deref())?)
        }
        ConfigAction::Apply { request, if_match } => {
            ConfigReply::Changed(settings_edit::apply(inner, caller, &request, if_match.as_deref())?)
        }
        ConfigAction::Rollback { request, if_match } => {
            ConfigReply::Changed(settings_edit::rollback(inner, caller, &request, if_match.as_deref())?)
        }
        ConfigAction::Validate(request) => ConfigReply::Check(settings_edit::validate(inner, &request)?),
        ConfigAction::Versions(query) => ConfigReply::Versions(settings_edit::versions(inner, &query)?),
        ConfigAction::Version(id) => ConfigReply::Version(settings_edit::version(inner, id)?),
        ConfigAction::Templates => ConfigReply::Templates(settings_edit::templates()),
        ConfigAction::Schema => ConfigReply::Schema(crate::config::json_schema()),
        ConfigAction::Trial(request) => {
            ConfigReply::Changed(settings_trial::commit_confirm(inner, caller, request)?)
        }
        ConfigAction::Confirm => ConfigReply::Changed(settings_trial::confirm(inner, caller)?),
    })
}
