//! Alerts in the Observe view: they are opened, acknowledged, silenced, with a reason.

use super::moved;
use crate::api::types::{Alert, Notification, SilenceAlerts};
use crate::base::format_time;
use crate::tui::action::Action;
use crate::tui::effect::{AlertRequest, Effect, Request};
use crate::tui::key::{Code, Key};
use crate::tui::model::{AlertDialog, GROUPINGS, Model, Overlay, Side, SideList, View};
use crate::tui::msg::AlertAnswer;
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

/// The list is asked for again this often at most.
const AGAIN_MS: u64 = 10_000;
/// Reason, time, Cancel, the button.
const FIELDS: usize = 4;
const TIME: usize = 1;
const CANCEL: usize = 2;
const DO: usize = 3;

fn ask(request: AlertRequest) -> Vec<Effect> {
    vec![Effect::Request(Request::Alert(request))]
}

pub(super) fn load(model: &mut Model) -> Vec<Effect> {
    model.alerts.asked_ms = model.now_ms;
    if let Some(list) = &model.alerts.side {
        return ask(AlertRequest::Side(list.side));
    }
    let notices = model.alerts.notices.is_some();
    ask(if notices { AlertRequest::Notices } else { AlertRequest::List(model.alerts.label()) })
}

/// The box told how it is: a list that is shown is read again now and then.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let shown = model.view == View::Observe && model.alerts.shown;
    let old = model.now_ms.saturating_sub(model.alerts.asked_ms) >= AGAIN_MS;
    if shown && old { load(model) } else { Vec::new() }
}

/// An alert changed its state.
pub(super) fn event(model: &mut Model, alert: Alert) {
    if alert.is_loud() {
        let summary = alert.annotations.get("summary").unwrap_or(&alert.name);
        model.tell(Tone::Bad, format!("{}: {summary}", alert.name));
    }
    if model.alerts.loaded {
        model.alerts.changed(alert);
    }
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Alerts => {
            let elsewhere = model.alerts.side.take().is_some() | model.alerts.notices.take().is_some();
            model.alerts.shown = elsewhere || !model.alerts.shown;
            (model.alerts.selected, model.traces.shown, model.probes.shown) = (0, false, false);
            return super::observe::load(model);
        }
        Action::Notices => {
            let side = model.alerts.side.take().is_some();
            let notices = model.alerts.notices.take().is_none() || side;
            model.alerts.notices = notices.then(Vec::new);
            (model.alerts.shown, model.alerts.selected) = (true, 0);
            (model.traces.shown, model.probes.shown) = (false, false);
            return load(model);
        }
        Action::NextList => return next_list(model),
        Action::AcknowledgeAlert | Action::SilenceAlert => open_dialog(model, action == Action::SilenceAlert),
        Action::EndSilence => {
            let own = model.alerts.silence().map(|id| vec![id.to_owned()]);
            let of_alert = || model.alerts.alert().map(|alert| alert.silenced_by.clone());
            let ids = own.or_else(of_alert).unwrap_or_default();
            return ids.into_iter().flat_map(|id| ask(AlertRequest::Unsilence(id))).collect();
        }
        Action::GroupAlerts => {
            model.alerts.grouping = (model.alerts.grouping + 1) % GROUPINGS.len();
            let by = if model.alerts.grouping == 0 { "as they are told" } else { model.alerts.label() };
            model.tell(Tone::Good, format!("Grouped: {by}."));
            return load(model);
        }
        Action::Open => {
            if let Some(row) = model.alerts.side_row() {
                let (title, fields) = ("Details".to_owned(), row.fields.clone());
                model.overlay = Some(Overlay::Detail { title, fields, top: 0 });
            } else if let Some(notice) = model.alerts.notice() {
                let fields = notice_fields(notice);
                model.overlay = Some(Overlay::Detail { title: "Notification".to_owned(), fields, top: 0 });
            } else if let Some(alert) = model.alerts.alert() {
                let fields = fields(alert);
                model.overlay = Some(Overlay::Detail { title: "Alert".to_owned(), fields, top: 0 });
            }
        }
        Action::Copy => {
            let notice = model.alerts.notice().map(|notice| notice.message_id.clone());
            let notice = notice.or_else(|| model.alerts.side_row().map(|row| row.id.clone()));
            let id = notice.or_else(|| model.alerts.alert().map(|alert| alert.id.clone()));
            return id.map(Effect::Copy).into_iter().collect();
        }
        Action::Back => {
            model.alerts.shown = model.alerts.side.take().is_some() | model.alerts.notices.take().is_some();
            model.alerts.selected = 0;
            return super::observe::load(model);
        }
        action => {
            let page = model.body_height();
            model.alerts.selected = moved(model.alerts.selected, action, model.alerts.len(), page);
        }
    }
    Vec::new()
}

/// Alerts, what was told, receivers, silences, rules, and alerts again; elsewhere the next view.
fn next_list(model: &mut Model) -> Vec<Effect> {
    if model.view != View::Observe || !model.alerts.shown {
        return super::go(model, super::step(model.view, 1));
    }
    let list = &mut model.alerts;
    let next = match (&list.side, &list.notices) {
        (None, None) => None,
        (None, Some(_)) => Some(Side::Receivers),
        (Some(SideList { side: Side::Receivers, .. }), _) => Some(Side::Silences),
        (Some(SideList { side: Side::Silences, .. }), _) => Some(Side::Rules),
        (Some(_), _) => None,
    };
    let told = list.lists_alerts();
    list.notices = told.then(Vec::new);
    list.side = next.map(SideList::empty);
    list.selected = 0;
    load(model)
}

fn open_dialog(model: &mut Model, silence: bool) {
    let Some(alert) = model.alerts.alert() else { return };
    let matcher = |(name, value): (&String, &String)| {
        // Text in quotes as PromQL has it.
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    let matchers: Vec<String> = alert.labels.iter().map(matcher).collect();
    let summary = alert.annotations.get("summary").cloned().unwrap_or_default();
    let name = format!("alertname=\"{}\"", alert.name);
    let labels: Vec<&str> = matchers.iter().map(String::as_str).filter(|one| *one != name).collect();
    let mut about = vec![summary, labels.join(" ")];
    about.retain(|text| !text.is_empty());
    let dialog = AlertDialog {
        id: alert.id.clone(),
        name: alert.name.clone(),
        about,
        silence,
        matchers,
        ttl: LineEdit::with("1h"),
        ..AlertDialog::default()
    };
    model.overlay = Some(Overlay::Alert(Box::new(dialog)));
}

fn notice_fields(notice: &Notification) -> Vec<(String, String)> {
    let time = |ms: Option<u64>| ms.map_or_else(String::new, |ms| format!("{} UTC", format_time(ms)));
    let mut all: Vec<(String, String)> = [
        ("title", notice.title.clone()),
        ("to", notice.receiver.clone()),
        ("state", notice.state.clone()),
        ("made", time(Some(notice.created_ms))),
        ("ended", time(notice.ended_ms)),
        ("next try", time(notice.next_ms)),
        ("tries", notice.attempts.to_string()),
        ("error", notice.error.clone()),
        ("alerts", notice.text.clone()),
        ("id", notice.message_id.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.retain(|(_, value)| !value.is_empty());
    all
}

fn fields(alert: &Alert) -> Vec<(String, String)> {
    let time = |ms: Option<u64>| ms.map_or_else(String::new, |ms| format!("{} UTC", format_time(ms)));
    let seen = alert.acknowledged.as_ref().map_or_else(String::new, |seen| {
        format!("{} UTC by {}: {}", format_time(seen.at_ms), seen.by, seen.reason)
    });
    let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut all: Vec<(String, String)> = [
        ("alert", alert.name.clone()),
        ("state", alert.state_in_words()),
        ("value", alert.value.clone()),
        ("active", time(Some(alert.active_ms))),
        ("fired", time(alert.fired_ms)),
        ("resolved", time(alert.resolved_ms)),
        ("seen", seen),
        ("told with", alert.grouping.clone()),
        ("group", alert.group.clone()),
        ("labels", labels.join(" ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    all.extend(alert.annotations.iter().map(|(name, text)| (name.clone(), text.clone())));
    all.push(("id".to_owned(), alert.id.clone()));
    all.retain(|(_, value)| !value.is_empty());
    all
}

pub(super) fn answered(model: &mut Model, answer: AlertAnswer) -> Vec<Effect> {
    match answer {
        AlertAnswer::List(items) => {
            model.alerts.take(items);
            Vec::new()
        }
        AlertAnswer::Side(list) => {
            model.alerts.take_side(list);
            Vec::new()
        }
        AlertAnswer::Notices(items) => {
            if let Some(notices) = &mut model.alerts.notices {
                *notices = items;
                model.alerts.selected = model.alerts.selected.min(model.alerts.len().saturating_sub(1));
            }
            Vec::new()
        }
        AlertAnswer::Changed(text) => {
            model.tell(Tone::Good, text);
            load(model)
        }
    }
}

pub(super) fn paste(dialog: &mut AlertDialog, text: &str) {
    match dialog.field {
        0 => dialog.reason.insert(text),
        TIME => dialog.ttl.insert(text),
        _ => {}
    }
}

pub(super) fn dialog(model: &mut Model, mut dialog: Box<AlertDialog>, key: Key) -> Vec<Effect> {
    dialog.problem = None;
    let edited = match dialog.field {
        0 => dialog.reason.key(key),
        TIME => dialog.ttl.key(key),
        _ => false,
    };
    match key.code {
        _ if edited => {}
        Code::Tab | Code::Down => step(&mut dialog, 1),
        Code::BackTab | Code::Up => step(&mut dialog, FIELDS - 1),
        Code::Left if dialog.field == DO => dialog.field = CANCEL,
        Code::Right if dialog.field == CANCEL => dialog.field = DO,
        Code::Enter if dialog.field == CANCEL => return Vec::new(),
        // Enter moves on, and stops at Cancel: only the button decides.
        Code::Enter if dialog.field < CANCEL => step(&mut dialog, 1),
        Code::Enter => match request(&dialog) {
            Ok(request) => return ask(request),
            Err((field, problem)) => (dialog.field, dialog.problem) = (field, Some(problem)),
        },
        _ => {}
    }
    model.overlay = Some(Overlay::Alert(dialog));
    Vec::new()
}

/// The next field that the dialog has.
fn step(dialog: &mut AlertDialog, by: usize) {
    dialog.field = (dialog.field + by) % FIELDS;
    if dialog.field == TIME && !dialog.silence {
        dialog.field = (dialog.field + by) % FIELDS;
    }
}

/// What is asked for, or the field that is wrong and why.
fn request(dialog: &AlertDialog) -> Result<AlertRequest, (usize, &'static str)> {
    let reason = dialog.reason.text().trim().to_owned();
    if reason.is_empty() {
        return Err((0, "A reason is needed: it is shown to whoever wonders."));
    }
    if !dialog.silence {
        return Ok(AlertRequest::Acknowledge(dialog.id.clone(), reason));
    }
    let time = humantime::parse_duration(dialog.ttl.text().trim());
    let ttl_s = time.map_err(|_| (TIME, "The time is written 30m or 2h."))?.as_secs();
    Ok(AlertRequest::Silence(SilenceAlerts { matchers: dialog.matchers.clone(), reason, ttl_s }))
}
