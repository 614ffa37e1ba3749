//! Edits of the settings: checked as a whole, written whole, taken up at once, kept in the history.
//!
//! In this order, so that a power cut at any point leaves something that holds: the trial is kept, the file is
//! written, the version is kept. A change on trial can then never outlive its trial, and a file whose version was
//! not kept is noted as changed at the next start.

use serde_json::Value as Json;

use super::paging::cursor;
use super::run::Inner;
use super::settings::{Desk, refuse, reload, take_up};
use super::trail::{self, in_words};
use super::worker::invalid;
use super::{Caller, EngineError, settings_words};
use crate::api::types::{
    ApplyConfig, ConfigChange, ConfigCheck, ConfigHistoryQuery, ConfigReport, ConfigSetting, ConfigVersion,
    Page, RollbackConfig, SetConfig, ValidateConfig,
};
use crate::audit::Entry;
use crate::config::{
    self, Cause, ConfigError, FILE_BYTES, Finding, Head, History, Setting, Trial, Value, Version, differences,
};
use crate::store::Control;

const REASON: usize = 500;

/// One edit, ready to be made.
pub(super) struct Edit<'a> {
    pub(super) cause: Cause,
    pub(super) actor: String,
    pub(super) reason: &'a str,
    pub(super) confirm_s: Option<u64>,
    pub(super) dry_run: bool,
}

impl From<ConfigError> for EngineError {
    fn from(error: ConfigError) -> Self {
        let what = error.to_string();
        match error {
            ConfigError::Findings(findings) => refuse(&findings),
            ConfigError::Edit { advice, .. } => invalid(what, advice),
            ConfigError::Write { error, .. } if error.kind() == std::io::ErrorKind::StorageFull => {
                Self::DiskFull { what: "the settings are as they were".into(), store: false }
            }
            ConfigError::Write { .. } => Self::Conflict {
                what,
                advice:
                    "the settings are as they were; let spud's user write there, or edit the file by hand"
                        .into(),
            },
            ConfigError::Store(error) => super::queue_words::store_said(&error),
            ConfigError::Watch(_) | ConfigError::Record(_) => Self::Internal(what),
        }
    }
}

/// The files may have changed a moment ago: an edit begins from what they are.
fn fresh(inner: &Inner) {
    if let Err(error) = reload(inner) {
        tracing::debug!(%error, "the files of settings were not taken up");
    }
}

pub(super) fn report(inner: &Inner) -> Result<ConfigReport, EngineError> {
    fresh(inner);
    let version = newest(inner)?;
    Ok(settings_words::report(inner, &inner.config.desk(), version))
}

fn newest(inner: &Inner) -> Result<Option<u64>, EngineError> {
    let Some(control) = inner.config_history() else { return Ok(None) };
    Ok(History::newest(control, None, 1)?.first().map(|version| version.id))
}

pub(super) fn show(inner: &Inner, key: &str) -> Result<ConfigSetting, EngineError> {
    fresh(inner);
    known(key)?;
    one(inner, &inner.config.desk(), key)
}

fn one(inner: &Inner, desk: &Desk, key: &str) -> Result<ConfigSetting, EngineError> {
    let running = inner.config.running();
    match (running.entry(key), desk.files.entry(key)) {
        (Some(run), Some(file)) => Ok(settings_words::setting(run, file)),
        _ => Err(missing(key)),
    }
}

fn known(key: &str) -> Result<&'static Setting, EngineError> {
    config::setting(key).ok_or_else(|| missing(key))
}

fn missing(key: &str) -> EngineError {
    let advice = config::unknown(key).unwrap_or_else(|| "`spud config show --all` lists all".to_owned());
    EngineError::NotFound { noun: "setting", name: key.chars().take(60).collect(), advice }
}

/// A value of a request: typed JSON, or a text as if it were typed.
fn value_of(setting: &Setting, value: &Json) -> Result<Value, Finding> {
    let said = match value {
        Json::Bool(flag) => Value::Flag(*flag).check(setting.kind),
        Json::Number(number) => match number.as_u64() {
            Some(number) => Value::Number(number).check(setting.kind),
            None => Err(format!("{number} is not a whole number from 0 on")),
        },
        Json::String(text) => Value::parse(setting.kind, text),
        Json::Array(items) => {
            let items = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            items
                .ok_or_else(|| "a list of texts is wanted".to_owned())
                .and_then(|items| Value::List(items).check(setting.kind))
        }
        Json::Null => Ok(Value::None),
        Json::Object(_) => Err("a table is not wanted here".to_owned()),
    };
    said.map_err(|what| Finding {
        severity: config::Severity::Error,
        place: setting.key.to_owned(),
        key: setting.key.to_owned(),
        what,
        hint: None,
    })
}

/// The edited file with this setting; null takes it out.
fn with_setting(text: &str, setting: &Setting, value: &Json) -> Result<String, ConfigError> {
    if value.is_null() {
        return config::remove(text, setting);
    }
    let value = value_of(setting, value).map_err(|finding| ConfigError::Findings(vec![finding]))?;
    config::set(text, setting, &value)
}

pub(super) fn set(
    inner: &Inner,
    caller: &Caller,
    key: &str,
    request: &SetConfig,
    if_match: Option<&str>,
) -> Result<ConfigChange, EngineError> {
    fresh(inner);
    let setting = known(key)?;
    let mut desk = inner.config.desk();
    matches(if_match, &one(inner, &desk, key)?.etag)?;
    let text = with_setting(&inner.config.edited_text().unwrap_or_default(), setting, &request.value)?;
    let edit = Edit {
        cause: if request.value.is_null() { Cause::Unset } else { Cause::Set },
        actor: in_words(inner, caller),
        reason: &request.reason,
        confirm_s: request.confirm_s,
        dry_run: request.dry_run,
    };
    let mut change = make(inner, &mut desk, &text, &edit)?;
    if let Some(entry) = desk.files.entry(key).filter(|_| !request.dry_run && !request.value.is_null()) {
        let own = format!("{}:", inner.config.places.edited_file().display());
        if !entry.origin.place().starts_with(&own) {
            change.notes.push(format!("{} hides it: {} holds", entry.origin.place(), entry.shown()));
        }
    }
    Ok(change)
}

fn matches(if_match: Option<&str>, etag: &str) -> Result<(), EngineError> {
    let Some(wanted) = if_match.map(|tag| tag.trim().trim_matches('"')) else { return Ok(()) };
    if wanted == etag || wanted == "*" {
        return Ok(());
    }
    Err(EngineError::Stale {
        what: "somebody else changed it meanwhile".into(),
        advice: "look at it again, then send its ETag as If-Match".into(),
    })
}

pub(super) fn apply(
    inner: &Inner,
    caller: &Caller,
    request: &ApplyConfig,
    if_match: Option<&str>,
) -> Result<ConfigChange, EngineError> {
    let (text, cause) = match (&request.text, &request.template) {
        (Some(text), None) => (text.as_str(), Cause::Apply),
        (None, Some(name)) => {
            let template = config::template(name).ok_or_else(|| EngineError::NotFound {
                noun: "template",
                name: name.chars().take(60).collect(),
                advice: "`spud config templates` lists them".into(),
            })?;
            (template.text, Cause::Template)
        }
        _ => return Err(invalid("either a text or a template is wanted", "give one of the two")),
    };
    fresh(inner);
    let mut desk = inner.config.desk();
    matches(if_match, &settings_words::whole_etag(&desk))?;
    let edit = Edit {
        cause,
        actor: in_words(inner, caller),
        reason: &request.reason,
        confirm_s: request.confirm_s,
        dry_run: request.dry_run,
    };
    make(inner, &mut desk, text, &edit)
}

pub(super) fn rollback(
    inner: &Inner,
    caller: &Caller,
    request: &RollbackConfig,
    if_match: Option<&str>,
) -> Result<ConfigChange, EngineError> {
    let version = version_of(inner, request.version)?;
    fresh(inner);
    let mut desk = inner.config.desk();
    matches(if_match, &settings_words::whole_etag(&desk))?;
    let reason = match request.reason.trim() {
        "" => format!("back to version {}", version.id),
        reason => format!("back to version {}: {reason}", version.id),
    };
    let edit = Edit {
        cause: Cause::Rollback,
        actor: in_words(inner, caller),
        reason: &reason,
        confirm_s: request.confirm_s,
        dry_run: request.dry_run,
    };
    make(inner, &mut desk, &version.text, &edit)
}

/// Checks, and unless it is a dry run: writes, takes up, keeps, tells.
pub(super) fn make(
    inner: &Inner,
    desk: &mut Desk,
    text: &str,
    edit: &Edit<'_>,
) -> Result<ConfigChange, EngineError> {
    if edit.reason.len() > REASON {
        return Err(invalid(format!("a reason has at most {REASON} bytes"), "say it shorter"));
    }
    if text.len() as u64 > FILE_BYTES {
        return Err(invalid(
            format!("a file of settings has at most {FILE_BYTES} bytes"),
            "divide it into drop-ins",
        ));
    }
    edit.confirm_s.map_or(Ok(()), super::settings_trial::seconds)?;
    let loaded = inner.config.load(Some(text));
    let (files, findings) = inner.config.resolve(&loaded);
    if findings.iter().any(Finding::is_error) {
        return Err(refuse(&findings));
    }
    let changed = differences(&desk.files, &files);
    let mut notes = Vec::new();
    if let Some(name) = changed.iter().find(|difference| !difference.setting.reload).map(|d| d.setting.key) {
        notes.push(format!("{name} is taken up at the next start"));
    }
    let words = |trial, version| ConfigChange {
        version,
        dry_run: edit.dry_run,
        differences: changed.iter().map(settings_words::difference).collect(),
        notes: notes.clone(),
        trial,
    };
    let old = inner.config.edited_text();
    if edit.dry_run || old.as_deref().unwrap_or_default() == text && edit.confirm_s.is_none() {
        return Ok(words(None, None));
    }
    let control = history(inner)?;
    let version = Version {
        id: 0,
        at_ms: inner.clock.now_ms(),
        cause: edit.cause,
        actor: edit.actor.clone(),
        reason: edit.reason.trim().to_owned(),
        text: text.to_owned(),
        changes: changed.iter().map(settings_words::sentence).collect(),
    };
    first(inner, control, old.as_deref(), &version)?;
    let before = desk.trial.clone();
    let trial = trial_of(desk, edit, old.as_deref(), version.at_ms);
    // The end of a trial is kept with its version, after the file: until then the trial stands.
    if trial.is_some() && trial != before {
        History::set_trial(control, trial.as_ref())?;
    }
    let path = inner.config.places.edited_file();
    if let Err(error) = config::write_file(&path, text) {
        History::set_trial(control, before.as_ref())?;
        return Err(error.into());
    }
    let head = Head { files: loaded.hash, at_ms: version.at_ms };
    let numbered = |id| trial.clone().map(|trial| Trial { version: id, ..trial });
    let told = by_itself(inner, &version);
    let id = match History::keep(control, &version, &head, numbered, trail::also(told.as_ref())) {
        Ok(id) => id,
        Err(error) => {
            // What cannot be undone later must not hold now.
            config::write_file(&path, old.as_deref().unwrap_or_default())?;
            return Err(error.into());
        }
    };
    take_up(inner, desk, loaded, files);
    if edit.confirm_s.is_some() || trial.is_none() {
        inner.config.arm(desk, numbered(id), inner.clock.monotonic_us());
    }
    inner.config.renew_watch();
    let trial = settings_words::trial(inner, desk);
    settings_words::tell(inner, Some(id), &version, &changed, trial.clone());
    Ok(words(trial, Some(id.to_string())))
}

/// The file as it was found stands before the first change, so that there is a way back to it.
fn first(inner: &Inner, control: &Control, old: Option<&str>, version: &Version) -> Result<(), EngineError> {
    if !History::newest(control, None, 1)?.is_empty() {
        return Ok(());
    }
    let found = Version {
        cause: Cause::Found,
        actor: String::new(),
        reason: "as it was found".into(),
        text: old.unwrap_or_default().to_owned(),
        changes: Vec::new(),
        ..version.clone()
    };
    let head = Head { files: inner.config.load(None).hash, at_ms: version.at_ms };
    History::keep(control, &found, &head, |_| None, |_| Ok(()))?;
    Ok(())
}

/// The entry of a change that nobody asks for just now. What somebody asks for is entered with the request.
pub(super) fn by_itself(inner: &Inner, version: &Version) -> Option<Entry> {
    let kind = match version.cause {
        Cause::Revert => "config.reverted",
        Cause::Files => "config.files",
        _ => return None,
    };
    let entry = trail::entry(inner, kind, trail::BOX, ("settings", ""));
    let after = Some(trail::digest(version.text.as_bytes()));
    Some(Entry { after, ..entry }.text("reason", version.reason.as_str()))
}

/// The trial after an edit: a new one, the one that stands, or none after a revert.
fn trial_of(desk: &Desk, edit: &Edit<'_>, old: Option<&str>, now_ms: u64) -> Option<Trial> {
    if edit.cause == Cause::Revert {
        return None;
    }
    let Some(seconds) = edit.confirm_s else { return desk.trial.clone() };
    // What is on trial already goes back to where it began.
    let text = desk.trial.as_ref().map_or(old.unwrap_or_default(), |trial| trial.text.as_str()).to_owned();
    Some(Trial { version: 0, text, began_ms: now_ms, seconds, actor: edit.actor.clone() })
}

pub(super) fn history(inner: &Inner) -> Result<&Control, EngineError> {
    inner
        .config_history()
        .ok_or_else(|| invalid("a throw-away box keeps no settings", "give options or variables instead"))
}

pub(super) fn validate(inner: &Inner, request: &ValidateConfig) -> Result<ConfigCheck, EngineError> {
    let current = || inner.config.edited_text().unwrap_or_default();
    let text = match (&request.text, &request.key) {
        (Some(text), None) => Some(text.clone()),
        (None, Some(key)) => match with_setting(&current(), known(key)?, &request.value) {
            Ok(text) => Some(text),
            Err(ConfigError::Findings(findings)) => return Ok(check(&findings, Vec::new())),
            Err(error) => return Err(error.into()),
        },
        (None, None) => None,
        _ => return Err(invalid("either a text or a key is wanted", "give one of the two, or none")),
    };
    let desk = inner.config.desk();
    let loaded = inner.config.load(text.as_deref());
    let (files, findings) = inner.config.resolve(&loaded);
    let against = if text.is_some() { desk.files.clone() } else { (*inner.config.running()).clone() };
    let changed = differences(&against, &files);
    Ok(check(&findings, changed.iter().map(settings_words::difference).collect()))
}

fn check(findings: &[Finding], differences: Vec<crate::api::types::ConfigDifference>) -> ConfigCheck {
    ConfigCheck {
        ok: !findings.iter().any(Finding::is_error),
        problems: findings.iter().map(settings_words::problem).collect(),
        differences,
    }
}

pub(super) fn versions(
    inner: &Inner,
    query: &ConfigHistoryQuery,
) -> Result<Page<ConfigVersion>, EngineError> {
    let limit = if query.limit == 0 { 50 } else { query.limit.min(200) };
    let before = cursor(query.cursor.as_ref())?;
    let Some(control) = inner.config_history() else { return Ok(Page { items: Vec::new(), next: None }) };
    let found = History::newest(control, before, limit)?;
    let next = found.last().filter(|_| found.len() == limit).map(|version| version.id.to_string());
    // A page of whole files would be long: each is to be had by its number.
    let words = |version: &Version| ConfigVersion { text: String::new(), ..settings_words::version(version) };
    Ok(Page { items: found.iter().map(words).collect(), next })
}

fn version_of(inner: &Inner, id: u64) -> Result<Version, EngineError> {
    History::version(history(inner)?, id)?.ok_or_else(|| EngineError::NotFound {
        noun: "version of the settings",
        name: id.to_string(),
        advice: format!("`spud config history` lists them; the last {} are kept", config::HISTORY_KEPT),
    })
}

pub(super) fn version(inner: &Inner, id: u64) -> Result<ConfigVersion, EngineError> {
    version_of(inner, id).map(|version| settings_words::version(&version))
}

/// Templates in the words of the API.
pub(super) fn templates() -> Vec<crate::api::types::ConfigTemplate> {
    let words = |template: &config::Template| crate::api::types::ConfigTemplate {
        name: template.name.to_owned(),
        about: template.about.to_owned(),
        text: template.text.to_owned(),
    };
    config::TEMPLATES.iter().map(words).collect()
}
