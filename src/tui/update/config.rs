//! The settings view: a tree to search, edits that are checked as they are typed, versions, trials.

use super::moved;
use crate::api::types::{ConfigChange, ConfigCheck, ConfigEvent, ConfigVersion};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{ConfigRequest, Effect, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{Confirm, Model, Overlay, Row, SettingDialog, View};
use crate::tui::msg::ConfigAnswer;
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// Value, reason, trial, Cancel, Apply.
const FIELDS: usize = 5;
const CANCEL: usize = 3;
const APPLY: usize = 4;
/// Seconds of a trial that is begun here.
pub(crate) const TRIAL_S: u64 = 120;

fn request(request: ConfigRequest) -> Vec<Effect> {
    vec![Effect::Request(Request::Config(request))]
}

pub(super) fn load() -> Vec<Effect> {
    request(ConfigRequest::Report)
}

/// A reply to one of the requests here.
pub(super) fn answered(model: &mut Model, answer: ConfigAnswer) -> Vec<Effect> {
    match answer {
        ConfigAnswer::Report(report) => model.config.load(report),
        ConfigAnswer::Checked(serial, check) => checked(model, serial, check),
        ConfigAnswer::Preview(asked, change) => preview(model, &asked, &change),
        ConfigAnswer::Changed(change) => return changed(model, &change),
        ConfigAnswer::Versions(items) => {
            model.config.version = model.config.version.min(items.len().saturating_sub(1));
            model.config.versions = Some(items);
        }
        ConfigAnswer::Version(found) => version(model, &found),
    }
    Vec::new()
}

/// A key while the search is typed.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let config = &mut model.config;
    let edit = config.editing.as_mut()?;
    match key.code {
        Code::Enter | Code::Down => config.editing = None,
        Code::Esc => {
            config.editing = None;
            config.filter.clear();
        }
        _ if edit.key(key) => config.filter = edit.text(),
        _ => return None,
    }
    config.arrange();
    Some(Vec::new())
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.config.versions.is_some() {
        return in_versions(model, action);
    }
    match action {
        Action::EditSetting => return edit(model),
        Action::Open => match model.config.rows.get(model.config.selected).cloned() {
            Some(Row::Section(name, ..)) => fold(model, &name),
            Some(Row::Setting(_)) => explain(model),
            None => {}
        },
        Action::UnsetSetting => {
            if let Some(setting) = model.config.setting() {
                return request(ConfigRequest::Unset { key: setting.key.clone(), dry_run: true });
            }
        }
        Action::ConfigHistory => return request(ConfigRequest::Versions),
        Action::ConfirmTrial => return request(ConfigRequest::Confirm),
        Action::Filter => model.config.editing = Some(LineEdit::with(&model.config.filter)),
        Action::Copy => {
            if let Some(setting) = model.config.setting() {
                let text = format!("{} = {}", setting.key, setting.typed);
                model.tell(Tone::Good, "Copied the setting.");
                return vec![Effect::Copy(text)];
            }
        }
        Action::Back if !model.config.filter.is_empty() => {
            model.config.filter.clear();
            model.config.arrange();
        }
        // Out of a section: it is closed.
        Action::Back => {
            if let Some(name) = model.config.section().map(str::to_owned)
                && model.config.open.contains(&name)
            {
                fold(model, &name);
            }
        }
        _ => {
            let page = model.body_height();
            model.config.selected = moved(model.config.selected, action, model.config.rows.len(), page);
        }
    }
    Vec::new()
}

fn fold(model: &mut Model, section: &str) {
    let config = &mut model.config;
    if !config.open.remove(section) {
        config.open.insert(section.to_owned());
    }
    config.arrange();
    let at = config.rows.iter().position(|row| matches!(row, Row::Section(name, ..) if name == section));
    config.selected = at.unwrap_or(config.selected);
}

fn in_versions(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Back | Action::ConfigHistory => model.config.versions = None,
        Action::Rollback => {
            let version = model.config.shown_version().and_then(|version| version.id.parse().ok());
            if let Some(version) = version {
                return request(ConfigRequest::Rollback { version, dry_run: true });
            }
        }
        Action::ConfirmTrial => return request(ConfigRequest::Confirm),
        Action::Open => {
            if let Some(version) = model.config.shown_version() {
                return request(ConfigRequest::Version(version.id.clone()));
            }
        }
        _ => {
            let (page, len) = (model.body_height(), model.config.versions.as_ref().map_or(0, Vec::len));
            model.config.version = moved(model.config.version, action, len, page);
        }
    }
    Vec::new()
}

/// Everything about the selected setting.
fn explain(model: &mut Model) {
    let Some(setting) = model.config.setting() else { return };
    let mut fields = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    add("value", setting.shown.clone());
    add("", setting.about.clone());
    add("from", format!("{} ({})", setting.place, setting.layer));
    for hidden in &setting.hidden {
        add("hides", format!("{} of {}", hidden.shown, hidden.place));
    }
    add("allowed", setting.range.clone());
    add("variable", setting.variable.clone());
    add("takes hold", if setting.reload { "at once" } else { "at the next start" }.to_owned());
    add("waiting", setting.waiting.clone().unwrap_or_default());
    model.overlay = Some(Overlay::Detail { title: setting.key.clone(), fields, top: 0 });
}

fn edit(model: &mut Model) -> Vec<Effect> {
    let Some(setting) = model.config.setting().cloned() else { return Vec::new() };
    let production = model.config.report.as_ref().is_some_and(|report| report.environment == "production");
    let dialog = SettingDialog {
        value: LineEdit::with(&setting.typed),
        // Where it matters, the way back is on unless it is turned off.
        trial: production && setting.reload,
        setting,
        ..SettingDialog::default()
    };
    let effects = checked_as_typed(&dialog);
    model.overlay = Some(Overlay::Setting(Box::new(dialog)));
    effects
}

fn checked_as_typed(dialog: &SettingDialog) -> Vec<Effect> {
    request(ConfigRequest::Check {
        serial: dialog.serial,
        key: dialog.setting.key.clone(),
        value: dialog.value.text(),
    })
}

pub(super) fn dialog(model: &mut Model, mut dialog: Box<SettingDialog>, key: Key) -> Vec<Effect> {
    let before = dialog.value.text();
    let edited = match dialog.field {
        0 => dialog.value.key(key),
        1 => dialog.reason.key(key),
        _ => false,
    };
    let mut effects = Vec::new();
    match key.code {
        _ if edited => {}
        Code::Tab | Code::Down => dialog.field = (dialog.field + 1) % FIELDS,
        Code::BackTab | Code::Up => dialog.field = (dialog.field + FIELDS - 1) % FIELDS,
        Code::Char(' ') if dialog.field == 2 => dialog.trial = !dialog.trial,
        Code::Left if dialog.field == APPLY => dialog.field = CANCEL,
        Code::Right if dialog.field == CANCEL => dialog.field = APPLY,
        Code::Enter if dialog.field == CANCEL => return Vec::new(),
        // Enter moves on; only the button applies.
        Code::Enter if dialog.field < CANCEL => {
            dialog.field = if dialog.field == 0 { 1 } else { APPLY };
        }
        Code::Enter if dialog.check.as_ref().is_some_and(|check| check.ok) => {
            return request(ConfigRequest::Set {
                key: dialog.setting.key.clone(),
                value: dialog.value.text(),
                reason: dialog.reason.text().trim().to_owned(),
                confirm_s: dialog.trial.then_some(TRIAL_S),
            });
        }
        Code::Enter => dialog.field = 0,
        _ => {}
    }
    if dialog.value.text() != before {
        dialog.serial += 1;
        dialog.check = None;
        effects = checked_as_typed(&dialog);
    }
    model.overlay = Some(Overlay::Setting(dialog));
    effects
}

/// Pasted into the value, or the reason.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(Overlay::Setting(dialog)) = &mut model.overlay else { return Vec::new() };
    match dialog.field {
        0 => {
            dialog.value.insert(text);
            dialog.serial += 1;
            dialog.check = None;
            checked_as_typed(dialog)
        }
        1 => {
            dialog.reason.insert(text);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// What came of a value that was typed; an answer to an older one is too late.
fn checked(model: &mut Model, serial: u64, check: ConfigCheck) {
    if let Some(Overlay::Setting(dialog)) = &mut model.overlay
        && dialog.serial == serial
    {
        dialog.check = Some(check);
    }
}

/// Asks before something is taken back, with what would change.
fn preview(model: &mut Model, asked: &ConfigRequest, change: &ConfigChange) {
    let (title, verb, then) = match asked {
        ConfigRequest::Unset { key, .. } => {
            (format!("Take {key} out"), "Take out", ConfigRequest::Unset { key: key.clone(), dry_run: false })
        }
        ConfigRequest::Rollback { version, .. } => (
            format!("Back to version {version}"),
            "Roll back",
            ConfigRequest::Rollback { version: *version, dry_run: false },
        ),
        _ => return,
    };
    let mut body: Vec<String> = change
        .differences
        .iter()
        .map(|difference| format!("{}: {} -> {}", difference.key, difference.from, difference.to))
        .collect();
    if body.is_empty() {
        body.push("No setting would differ.".to_owned());
    }
    body.extend(change.notes.iter().cloned());
    let requests = vec![Request::Config(then)];
    let confirm = Confirm { title, body, verb, requests, yes: false };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

fn changed(model: &mut Model, change: &ConfigChange) -> Vec<Effect> {
    let mut text = match (&change.version, &change.trial) {
        (_, Some(trial)) => format!("On trial for {} s; c keeps it.", trial.left_ms.div_ceil(1000)),
        (Some(version), None) => format!("Version {version} holds."),
        (None, None) => "Done.".to_owned(),
    };
    for note in &change.notes {
        text.push_str(&format!(" {note}."));
    }
    model.tell(Tone::Good, text);
    let mut effects = load();
    if model.config.versions.is_some() {
        effects.extend(request(ConfigRequest::Versions));
    }
    effects
}

/// One version with its file.
fn version(model: &mut Model, version: &ConfigVersion) {
    let mut fields = vec![
        ("at".to_owned(), format!("{} UTC", format_time(version.at_ms))),
        ("cause".to_owned(), version.cause.clone()),
    ];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value.to_owned()));
        }
    };
    add("by", &version.actor);
    add("reason", &version.reason);
    version.changes.iter().for_each(|change| add("changed", change));
    version.text.lines().for_each(|line| add("file", line));
    model.overlay = Some(Overlay::Detail { title: format!("Version {}", version.id), fields, top: 0 });
}

/// Somebody changed settings, or files no longer say what runs.
pub(super) fn event(model: &mut Model, event: &ConfigEvent) -> Vec<Effect> {
    match event.cause.as_str() {
        "drift" => model.tell(Tone::Bad, "The files of settings are wrong: what ran before goes on."),
        "revert" => model.tell(Tone::Warn, format!("Settings were taken back: {}.", event.reason)),
        // What somebody changes here and has not saved stays.
        "dashboards" if model.dashboards.loaded => return vec![super::dashboards::list()],
        _ => {}
    }
    if model.view == View::Config { load() } else { Vec::new() }
}
