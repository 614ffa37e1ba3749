//! What people ask of alerts: list, rules, silence, acknowledge.

use super::{notice_actions, words};
use crate::api::types::{
    AcknowledgeAlert, Alert, AlertRules, AlertSilence, Notification, NotificationStatus, SilenceAlerts,
};
use crate::audit::Entry;
use crate::base::{InOrder, to_hex};
use crate::engine::queue_words::store_said;
use crate::engine::run::Inner;
use crate::engine::trail::{self, also};
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError};
use crate::observe::alert::{
    Acknowledged, AlertShelf, KeptAlert, Phase, SILENCES_MOST, Silence, key, matcher,
};
use crate::observe::promql::{Labels, Matcher};

const REASON_BYTES: usize = 500;
const MATCHERS_MOST: usize = 20;
const MATCHER_BYTES: usize = 500;
const TTL_MOST_S: u64 = 30 * 24 * 3600;

/// Which alerts, and what puts them together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// Names of labels; none: as the routes of notices have it.
    pub group_by: Vec<String>,
    /// All have to match.
    pub matchers: Vec<String>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertAction {
    List(AlertQuery),
    /// By id, or by name where only one has it.
    Show(String),
    Rules,
    Silences,
    Silence(SilenceAlerts),
    /// By id.
    Unsilence(String),
    Acknowledge {
        id: String,
        request: AcknowledgeAlert,
    },
    /// What receivers were sent.
    Notices,
    Receivers,
    /// By name.
    TestReceiver(String),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum AlertReply {
    Alerts(Vec<Alert>),
    Alert(Box<Alert>),
    Rules(Box<AlertRules>),
    Silences(Vec<AlertSilence>),
    Silence(AlertSilence),
    Notices(Vec<Notification>),
    Notice(Notification),
    Receivers(Box<NotificationStatus>),
}

pub(in crate::engine) fn act(
    inner: &Inner,
    caller: &Caller,
    action: AlertAction,
    told: Option<&Entry>,
) -> Result<AlertReply, EngineError> {
    let now = inner.clock.now_ms();
    match action {
        AlertAction::List(query) => list(inner, &query, now).map(AlertReply::Alerts),
        AlertAction::Show(id) => find(inner, &id).map(Box::new).map(AlertReply::Alert),
        AlertAction::Rules => {
            Ok(AlertReply::Rules(Box::new(words::rules(&inner.alerting.loaded(inner), now))))
        }
        AlertAction::Silences => {
            let desk = inner.alerting.loaded(inner);
            let valid = desk.silences.iter().filter(|one| one.until_ms > now);
            Ok(AlertReply::Silences(valid.map(words::silence).collect()))
        }
        AlertAction::Silence(request) => silence(inner, caller, request, told).map(AlertReply::Silence),
        AlertAction::Unsilence(id) => unsilence(inner, &id, told).map(AlertReply::Silence),
        AlertAction::Acknowledge { id, request } => {
            acknowledge(inner, caller, &id, &request, told).map(Box::new).map(AlertReply::Alert)
        }
        AlertAction::Notices => notice_actions::list(inner).map(AlertReply::Notices),
        AlertAction::Receivers => Ok(AlertReply::Receivers(Box::new(notice_actions::status(inner)))),
        AlertAction::TestReceiver(name) => notice_actions::test(inner, &name, told).map(AlertReply::Notice),
    }
}

fn missing(noun: &'static str, name: &str) -> EngineError {
    let verb = if noun == "silence" { "silences" } else { "list" };
    EngineError::NotFound {
        noun,
        name: name.to_owned(),
        advice: format!("`spud alert {verb}` shows what there is"),
    }
}

/// Alerts that are told together stand together.
fn list(inner: &Inner, query: &AlertQuery, now: u64) -> Result<Vec<Alert>, EngineError> {
    within_bounds("a list", &query.matchers)?;
    within_bounds("a grouping", &query.group_by)?;
    let mut matchers = Vec::new();
    for text in &query.matchers {
        let advice = "write it as severity=critical or alertname=~\"Disk.*\"";
        matchers.extend(matcher(text).map_err(|what| invalid(what, advice))?);
    }
    let mut all = words::alerts(&inner.alerting.loaded(inner), now);
    let fits = |all: &[Matcher], alert: &Alert| {
        let labels = Labels::new(alert.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        all.iter().all(|one| one.matches(&labels))
    };
    all.retain(|alert| fits(&matchers, alert));
    let notices = inner.alerting.notices.loaded(inner);
    let mut groups: Vec<String> = Vec::new();
    for alert in &mut all {
        let route = notices.settings.routes.iter().find(|route| fits(&route.matchers, alert));
        let own = route.map_or(&[][..], |route| &route.group_by);
        let by = if query.group_by.is_empty() { own } else { &query.group_by };
        alert.grouping = words::grouping(alert, by);
        if !groups.contains(&alert.grouping) {
            groups.push(alert.grouping.clone());
        }
    }
    // The group of the first comes first; among their like alerts stay as they were.
    all.order_by_key(|alert| groups.iter().position(|group| *group == alert.grouping));
    Ok(all)
}

fn within_bounds(what: &str, texts: &[String]) -> Result<(), EngineError> {
    if texts.len() > MATCHERS_MOST || texts.iter().any(|text| text.len() > MATCHER_BYTES) {
        let told = format!("{what} has at most {MATCHERS_MOST} of them, of {MATCHER_BYTES} bytes");
        return Err(invalid(told, "name fewer things"));
    }
    Ok(())
}

fn find(inner: &Inner, id: &str) -> Result<Alert, EngineError> {
    let all = words::alerts(&inner.alerting.loaded(inner), inner.clock.now_ms());
    // The start of an id does, where it is that of one only; so does a name.
    let is = |alert: &&Alert| alert.id == id || alert.name == id || id.len() >= 4 && alert.id.starts_with(id);
    let mut found = all.iter().filter(is);
    match (found.next(), found.next()) {
        (Some(alert), None) => Ok(alert.clone()),
        (None, _) => Err(missing("alert", id)),
        (Some(_), Some(_)) => Err(invalid(
            format!("several alerts are called '{id}'"),
            "give the id that `spud alert list` shows",
        )),
    }
}

fn reason(text: &str) -> Result<String, EngineError> {
    let text = text.trim();
    if text.is_empty() || text.len() > REASON_BYTES {
        let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
        return Err(invalid(what, "say why: it is shown to whoever wonders"));
    }
    Ok(text.to_owned())
}

fn silence(
    inner: &Inner,
    caller: &Caller,
    request: SilenceAlerts,
    told: Option<&Entry>,
) -> Result<AlertSilence, EngineError> {
    let now = inner.clock.now_ms();
    if request.ttl_s == 0 || request.ttl_s > TTL_MOST_S {
        return Err(invalid(
            format!("a silence lasts 1 second to 30 days, not {} seconds", request.ttl_s),
            "give ttl_s (--for 2h): nobody is silent for ever",
        ));
    }
    within_bounds("a silence", &request.matchers)?;
    let mut desk = inner.alerting.loaded(inner);
    let over: Vec<u64> = desk.silences.iter().filter(|one| one.until_ms <= now).map(|one| one.id).collect();
    let newest = desk.silences.iter().map(|one| one.id).max().unwrap_or(0);
    let one = Silence {
        id: now.max(newest + 1),
        matchers: request.matchers,
        by: trail::principal(inner, caller),
        reason: reason(&request.reason)?,
        from_ms: now,
        until_ms: now.saturating_add(request.ttl_s * 1000),
    };
    one.read()
        .map_err(|what| invalid(what, "write matchers as severity=\"warning\" or alertname=~\"Disk.*\""))?;
    if desk.silences.len() - over.len() >= SILENCES_MOST {
        return Err(EngineError::Conflict {
            what: format!("there are {SILENCES_MOST} silences already"),
            advice: "`spud alert unsilence ID` ends one".into(),
        });
    }
    let control = &inner.modes.control;
    AlertShelf::silence(control, Some(&one), &over, also(told)).map_err(|error| store_said(&error))?;
    desk.silences.retain(|one| one.until_ms > now);
    desk.silences.push(one.clone());
    Ok(words::silence(&one))
}

fn unsilence(inner: &Inner, id: &str, told: Option<&Entry>) -> Result<AlertSilence, EngineError> {
    let mut desk = inner.alerting.loaded(inner);
    let found = desk.silences.iter().position(|one| one.id.to_string() == id);
    let at = found.ok_or_else(|| missing("silence", id))?;
    let number = desk.silences.get(at).map_or(0, |one| one.id);
    AlertShelf::silence(&inner.modes.control, None, &[number], also(told))
        .map_err(|error| store_said(&error))?;
    Ok(words::silence(&desk.silences.remove(at)))
}

fn acknowledge(
    inner: &Inner,
    caller: &Caller,
    id: &str,
    request: &AcknowledgeAlert,
    told: Option<&Entry>,
) -> Result<Alert, EngineError> {
    let reason = reason(&request.reason)?;
    let found = find(inner, id)?;
    let now = inner.clock.now_ms();
    let mut desk = inner.alerting.loaded(inner);
    for group in &mut desk.groups {
        let name = group.group.name.clone();
        for rule in &mut group.rules {
            for (labels, alert) in &mut rule.alerts {
                if to_hex(&key(&name, &rule.key, labels)) != found.id {
                    continue;
                }
                if alert.phase == Phase::Resolved {
                    return Err(EngineError::Conflict {
                        what: format!("the alert '{}' is resolved already", found.name),
                        advice: "`spud alert list` shows what fires".into(),
                    });
                }
                let mut changed = alert.clone();
                changed.acknowledged =
                    Some(Acknowledged { by: trail::principal(inner, caller), reason, at_ms: now });
                let kept = KeptAlert {
                    group: name,
                    rule: rule.key.clone(),
                    labels: labels.clone(),
                    alert: changed.clone(),
                };
                AlertShelf::keep(&inner.modes.control, &[kept], &[], also(told))
                    .map_err(|error| store_said(&error))?;
                *alert = changed;
                drop(desk);
                return find(inner, &found.id);
            }
        }
    }
    Err(missing("alert", id))
}
