//! What people ask of notices: list, receivers, a test.

use super::notices::{box_name, message_id};
use crate::api::types::{Notification, NotificationReceiver, NotificationStatus};
use crate::audit::Entry;
use crate::engine::EngineError;
use crate::engine::queue_words::store_said;
use crate::engine::run::Inner;
use crate::engine::trail::also;
use crate::observe::notify::{Kind, Notice, NoticeAlert, NoticeShelf, NoticeState, read_settings};

/// Notices that are shown.
const SHOWN: usize = 200;

/// Reads a file of receivers and routes; gives how many receivers there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_notify(text: &str) -> Result<usize, Vec<String>> {
    let read = read_settings(text).map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(read.receivers.len())
}

pub(super) fn words(notice: &Notice) -> Notification {
    Notification {
        id: notice.id.to_string(),
        message_id: notice.message_id.clone(),
        receiver: notice.receiver.clone(),
        title: notice.title.clone(),
        text: notice.text(),
        state: notice.state.name().to_owned(),
        test: notice.test,
        created_ms: notice.created_ms,
        ended_ms: (notice.ended_ms > 0).then_some(notice.ended_ms),
        next_ms: (notice.state == NoticeState::Waiting).then_some(notice.not_before_ms),
        attempts: notice.attempts,
        error: notice.error.clone(),
    }
}

/// Newest first.
pub(super) fn list(inner: &Inner) -> Result<Vec<Notification>, EngineError> {
    let all = NoticeShelf::notices(&inner.modes.control, SHOWN).map_err(|error| store_said(&error))?;
    Ok(all.iter().map(words).collect())
}

pub(super) fn status(inner: &Inner) -> NotificationStatus {
    let desk = inner.alerting.notices.loaded(inner);
    let receiver = |one: &crate::observe::notify::Receiver| {
        let routes = desk.settings.routes.iter().filter(|route| route.receivers.contains(&one.name));
        let waiting: Vec<&Notice> =
            desk.waiting.values().filter(|notice| notice.receiver == one.name).collect();
        let error = waiting.iter().rev().find(|notice| !notice.error.is_empty());
        NotificationReceiver {
            name: one.name.clone(),
            kind: one.kind.name().to_owned(),
            routes: routes.map(|route| route.name.clone()).collect(),
            waiting: waiting.len() as u64,
            error: error.map(|notice| notice.error.clone()).unwrap_or_default(),
        }
    };
    NotificationStatus {
        file: desk.file.clone(),
        receivers: desk.settings.receivers.iter().map(receiver).collect(),
        problems: desk.problems.clone(),
    }
}

/// Makes a notice for this receiver that says it is a test.
pub(super) fn test(inner: &Inner, name: &str, told: Option<&Entry>) -> Result<Notification, EngineError> {
    let mut desk = inner.alerting.notices.loaded(inner);
    let found = desk.settings.receivers.iter().find(|one| one.name == name);
    let kind = found.map(|one| one.kind).ok_or_else(|| EngineError::NotFound {
        noun: "receiver",
        name: name.to_owned(),
        advice: "`spud notify receivers` shows who there is".into(),
    })?;
    if inner.is_stopping() {
        return Err(EngineError::Stopping);
    }
    let now = inner.clock.now_ms();
    let state = if kind == Kind::Inbox { NoticeState::Sent } else { NoticeState::Waiting };
    let alert = NoticeAlert {
        name: "SpudTest".into(),
        state: "firing".into(),
        severity: "info".into(),
        summary: "somebody tests whether notices arrive".into(),
        labels: vec![("alertname".into(), "SpudTest".into())],
        ..NoticeAlert::default()
    };
    let notice = Notice {
        id: 0,
        message_id: message_id(),
        receiver: name.to_owned(),
        title: format!("{}: a test", box_name()),
        alerts: vec![alert],
        more: 0,
        created_ms: now,
        state,
        test: true,
        attempts: 0,
        not_before_ms: now,
        ended_ms: if state == NoticeState::Sent { now } else { 0 },
        error: String::new(),
        trace: String::new(),
    };
    let kept = NoticeShelf::add(&inner.modes.control, vec![notice], &[], &[], also(told));
    let kept = kept.map_err(|error| store_said(&error))?;
    let Some(notice) = kept.into_iter().next() else {
        return Err(EngineError::Internal("a notice was not kept".into()));
    };
    let shown = words(&notice);
    if notice.state == NoticeState::Waiting {
        desk.waiting.insert(notice.id, notice);
    }
    Ok(shown)
}
