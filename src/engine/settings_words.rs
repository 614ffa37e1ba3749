//! Settings in the words of the API.

use serde_json::Value as Json;

use super::run::Inner;
use super::settings::{Configuration, Desk};
use crate::api::types::{
    ConfigDifference, ConfigDrift, ConfigEvent, ConfigFile, ConfigPlace, ConfigProblem, ConfigReport,
    ConfigSetting, ConfigTrial, ConfigVersion, EventKind,
};
use crate::base::to_hex;
use crate::config::{Difference, Entry, Finding, Kind, Value, Version, differences};

pub(super) fn problem(finding: &Finding) -> ConfigProblem {
    ConfigProblem {
        severity: if finding.is_error() { "error" } else { "warning" }.to_owned(),
        place: finding.place.clone(),
        key: finding.key.clone(),
        what: finding.what.clone(),
        hint: finding.hint.clone(),
    }
}

pub(super) fn difference(difference: &Difference) -> ConfigDifference {
    ConfigDifference {
        key: difference.setting.key.to_owned(),
        from: difference.from.clone(),
        to: difference.to.clone(),
        reload: difference.setting.reload,
        place: difference.place.clone(),
    }
}

/// `log.level: info -> warn`
pub(super) fn sentence(difference: &Difference) -> String {
    format!("{}: {} -> {}", difference.setting.key, difference.from, difference.to)
}

pub(super) fn version(version: &Version) -> ConfigVersion {
    ConfigVersion {
        id: version.id.to_string(),
        at_ms: version.at_ms,
        cause: version.cause.name().to_owned(),
        actor: version.actor.clone(),
        reason: version.reason.clone(),
        changes: version.changes.clone(),
        text: version.text.clone(),
    }
}

pub(super) fn trial(inner: &Inner, desk: &Desk) -> Option<ConfigTrial> {
    let left_ms = Configuration::trial_left_ms(desk, inner.clock.monotonic_us());
    desk.trial.as_ref().map(|trial| ConfigTrial {
        version: trial.version.to_string(),
        until_ms: inner.clock.now_ms().saturating_add(left_ms),
        left_ms,
        actor: trial.actor.clone(),
    })
}

/// One setting; `file` is what the files say of it.
pub(super) fn setting(entry: &Entry, file: &Entry) -> ConfigSetting {
    let setting = entry.setting;
    let waiting = (file.value != entry.value).then(|| file.shown());
    let hidden = entry.below.iter().map(|given| ConfigPlace {
        shown: given.shown(),
        layer: given.origin.layer().to_owned(),
        place: given.origin.place(),
    });
    ConfigSetting {
        key: setting.key.to_owned(),
        kind: setting.kind.name().to_owned(),
        unit: setting.unit.to_owned(),
        range: setting.kind.range(),
        about: setting.about.to_owned(),
        variable: setting.variable(),
        reload: setting.reload,
        secret: setting.is_secret(),
        value: json(&entry.value),
        shown: entry.shown(),
        // What a person edits is what the next start would take up.
        typed: typed(&file.value, setting.kind),
        layer: entry.origin.layer().to_owned(),
        place: entry.origin.place(),
        hidden: hidden.collect(),
        waiting,
        etag: etag(&[setting.key, &file.value.to_string(), &file.origin.place()]),
    }
}

fn typed(value: &Value, kind: Kind) -> String {
    match value {
        Value::None => String::new(),
        Value::Number(_) if kind.is_size() => value.to_toml(kind).trim_matches('"').to_owned(),
        other => other.to_string(),
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::None => Json::Null,
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Number(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::List(items) => Json::from(items.clone()),
    }
}

/// Changes whenever one of the parts does.
pub(super) fn etag(parts: &[&str]) -> String {
    let hash = crate::config::hash_of(parts);
    to_hex(&hash).chars().take(16).collect()
}

/// Of the whole: every file that counts.
pub(super) fn whole_etag(desk: &Desk) -> String {
    to_hex(&desk.loaded.hash).chars().take(16).collect()
}

pub(super) fn report(inner: &Inner, desk: &Desk, version: Option<u64>) -> ConfigReport {
    let running = inner.config.running();
    let files = desk.loaded.files.iter().map(|file| ConfigFile {
        path: file.path.display().to_string(),
        masked_by: file.masked_by.as_ref().map(|path| path.display().to_string()),
        bytes: file.text.len() as u64,
    });
    let settings = running.entries.iter().zip(&desk.files.entries).map(|(run, file)| setting(run, file));
    let warnings = desk.loaded.findings.iter().filter(|finding| !finding.is_error());
    ConfigReport {
        environment: running.environment.name().to_owned(),
        environment_from: running.environment_from.clone(),
        tier: inner.tier.tier.to_owned(),
        etag: whole_etag(desk),
        version: version.map_or_else(String::new, |version| version.to_string()),
        edited: inner.config.places.edited_file().display().to_string(),
        files: files.collect(),
        settings: settings.collect(),
        problems: warnings.map(problem).collect(),
        drift: drift(inner, desk),
        trial: trial(inner, desk),
    }
}

fn drift(inner: &Inner, desk: &Desk) -> Option<ConfigDrift> {
    Some(ConfigDrift {
        since_ms: desk.drift_since_ms?,
        applied: to_hex(&desk.applied),
        files: to_hex(&desk.loaded.hash),
        problems: desk.broken.iter().map(problem).collect(),
        waiting: differences(&inner.config.running(), &desk.files).iter().map(difference).collect(),
    })
}

/// Logs a change and tells whoever listens.
pub(super) fn tell(
    inner: &Inner,
    id: Option<u64>,
    version: &Version,
    changed: &[Difference],
    trial: Option<ConfigTrial>,
) {
    let keys = changed.iter().map(sentence).collect::<Vec<_>>().join("; ");
    let (cause, actor, reason) = (version.cause.name(), &version.actor, &version.reason);
    tracing::info!(version = id.unwrap_or(0), cause, actor, reason, changes = keys, "settings changed");
    let event = ConfigEvent {
        cause: cause.to_owned(),
        version: id.map(|id| id.to_string()),
        actor: actor.clone(),
        reason: reason.clone(),
        differences: changed.iter().map(difference).collect(),
        problems: Vec::new(),
        trial,
    };
    inner.events.publish(inner.clock.now_ms(), EventKind::Config(Box::new(event)));
}
