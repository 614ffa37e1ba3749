//! Who is told of alerts: what is planned is kept and sent, and kept again with what became of it.
//!
//! A notice and the note that its group was told of it are one commit; sending has a thread of its own, which lives
//! while there is something to send.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::load::text;
use super::{Fact, send};
use crate::base::{ordered_map, to_hex};
use crate::engine::run::Inner;
use crate::observe::notify::{
    Due, GroupId, Kind, Notice, NoticeAlert, NoticeShelf, NoticeState, Seen, Settings, Stage, Told, Waits,
    plan, read_settings,
};
use crate::observe::promql::format_float;
use crate::redact::kept;
use crate::resilience::Effect;
use crate::store::crypt::random;

/// Name of the file in a folder of the configuration.
pub(super) const FILE: &str = "notify.toml";
const HOUR_MS: u64 = 3_600_000;
/// Alerts that one notice names.
const NAMED: usize = 30;
/// Annotations of each, and letters of one.
const ANNOTATIONS: usize = 16;
const ANNOTATION: usize = 1000;
/// Notices that wait: beyond, nothing new is made until some are through.
const WAITING_MOST: usize = 200;

/// Everything that is known of notices.
#[derive(Default)]
pub(super) struct Desk {
    /// Settings are as the files say.
    read: bool,
    /// What was kept is known.
    loaded: bool,
    pub(super) settings: Settings,
    /// Where they are from; empty where there is no file.
    pub(super) file: String,
    pub(super) problems: Vec<String>,
    told: BTreeMap<GroupId, Told>,
    waits: Waits,
    /// By number: those that are to be sent.
    pub(super) waiting: BTreeMap<u64, Notice>,
    /// What became of these is not kept yet.
    pub(super) unsettled: BTreeMap<u64, Notice>,
    /// When notices were made, by receiver, within an hour.
    made: BTreeMap<String, Vec<u64>>,
    pub(super) sending: bool,
}

/// Notices of a box.
#[derive(Default)]
pub(super) struct Notices {
    desk: Mutex<Desk>,
}

impl Notices {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file is read again at the next tick.
    pub(super) fn reload(&self) {
        self.desk().read = false;
    }

    /// What waits is due.
    pub(super) fn try_now(&self, now_ms: u64) {
        for notice in self.desk().waiting.values_mut() {
            notice.not_before_ms = notice.not_before_ms.min(now_ms);
        }
    }

    /// Makes sure that settings and notices are there for who looks.
    pub(super) fn loaded(&self, inner: &Inner) -> MutexGuard<'_, Desk> {
        let mut desk = self.desk();
        if !desk.read {
            desk.read = true;
            settings(inner, &mut desk);
        }
        if !desk.loaded {
            load(inner, &mut desk);
        }
        desk
    }
}

/// The last file that is there holds; one that is wrong leaves what held before, and is told.
fn settings(inner: &Inner, desk: &mut Desk) {
    let paths = inner.settings.config_folders.iter().map(|folder| folder.join(FILE));
    let Some(path) = paths.rev().find(|path| path.exists()) else {
        (desk.settings, desk.problems) = (Settings::default(), Vec::new());
        desk.file.clear();
        return;
    };
    let name = path.display().to_string();
    let read = text(&path).map_err(|what| vec![format!("{name}: {what}")]).and_then(|text| {
        read_settings(&text).map_err(|all| all.iter().map(|problem| format!("{name}:{problem}")).collect())
    });
    match read {
        Ok(settings) => (desk.settings, desk.problems) = (settings, Vec::new()),
        Err(problems) => desk.problems = problems,
    }
    desk.file = name;
    for problem in &desk.problems {
        tracing::error!(problem, "who is to be told of alerts cannot be read");
    }
}

fn load(inner: &Inner, desk: &mut Desk) {
    let control = &inner.modes.control;
    match (NoticeShelf::notices(control, usize::MAX), NoticeShelf::told(control)) {
        (Ok(notices), Ok(told)) => {
            let since = inner.clock.now_ms().saturating_sub(HOUR_MS);
            for notice in notices {
                if notice.created_ms >= since && !notice.test {
                    desk.made.entry(notice.receiver.clone()).or_default().push(notice.created_ms);
                }
                if notice.state == NoticeState::Waiting {
                    desk.waiting.insert(notice.id, notice);
                }
            }
            (desk.told, desk.loaded) = (told, true);
        }
        (Err(error), _) | (_, Err(error)) => tracing::warn!(%error, "notices cannot be read yet"),
    }
}

/// Called once a second with what fires.
pub(super) fn tick(inner: &Arc<Inner>, facts: &[Fact]) {
    let now = inner.clock.now_ms();
    let mut desk = inner.alerting.notices.loaded(inner);
    if !desk.loaded || inner.modes.effects().has(Effect::ReadOnly) {
        return;
    }
    send::settle_again(inner, &mut desk);
    let dues = {
        let stage = |loud: bool| if loud { Stage::Firing } else { Stage::Muted };
        let seen =
            facts.iter().map(|fact| Seen { key: fact.key, labels: &fact.labels, stage: stage(fact.loud) });
        let alerts: Vec<Seen<'_>> = seen.collect();
        let Desk { settings, told, waits, .. } = &mut *desk;
        plan(settings, &alerts, told, waits, now)
    };
    if !dues.is_empty() {
        make(inner, &mut desk, facts, dues, now);
    }
    if !desk.sending && desk.waiting.values().any(|notice| notice.not_before_ms <= now) {
        desk.sending = send::start(inner);
    }
}

fn make(inner: &Inner, desk: &mut Desk, facts: &[Fact], dues: Vec<Due>, now: u64) {
    let (mut new, mut told) = (Vec::new(), Vec::new());
    for due in dues {
        let Some(receiver) = desk.settings.receivers.iter().find(|one| one.name == due.receiver) else {
            continue;
        };
        if !due.silent {
            let made = desk.made.entry(due.receiver.clone()).or_default();
            made.retain(|at| now.saturating_sub(*at) < HOUR_MS && *at <= now);
            // What is held back stays news, and comes together later.
            if made.len() >= usize::try_from(receiver.most_per_hour).unwrap_or(usize::MAX)
                || desk.waiting.len() + new.len() >= WAITING_MOST
            {
                continue;
            }
            made.push(now);
            new.push(notice(facts, &due, receiver.kind, now));
        }
        let known = |key: &[u8; 16]| {
            let fact = facts.iter().find(|fact| fact.key == *key);
            fact.map(|fact| (*key, (fact.name.clone(), fact.summary.clone())))
        };
        let alerts = ordered_map(due.firing.iter().chain(&due.kept).filter_map(known));
        told.push((due.group, Told { route: due.route, alerts, sent_ms: now }));
    }
    let is_old = |told: &Told| told.alerts.is_empty() && now.saturating_sub(told.sent_ms) > HOUR_MS;
    let gone: Vec<GroupId> = desk.told.iter().filter(|(_, told)| is_old(told)).map(|(id, _)| *id).collect();
    if told.is_empty() {
        return;
    }
    match NoticeShelf::add(&inner.modes.control, new, &told, &gone, |_| Ok(())) {
        Ok(kept) => {
            for id in &gone {
                desk.told.remove(id);
            }
            desk.told.extend(told);
            for notice in kept {
                tracing::info!(
                    receiver = notice.receiver,
                    title = notice.title,
                    id = notice.message_id,
                    "a notice was made"
                );
                if notice.state == NoticeState::Waiting {
                    desk.waiting.insert(notice.id, notice);
                }
            }
        }
        Err(error) => {
            inner.modes.store_said(&error);
            tracing::warn!(%error, "notices cannot be kept; it is tried again");
        }
    }
}

/// The box's name, as people know it.
pub(super) fn box_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Not of the form of the box's tokens, which no log shows.
pub(super) fn message_id() -> String {
    format!("notice_{}", to_hex(&random::<16>()))
}

fn short(text: &str) -> String {
    kept(text).chars().take(ANNOTATION).collect()
}

fn notice(facts: &[Fact], due: &Due, kind: Kind, now: u64) -> Notice {
    let firing = facts.iter().filter(|fact| due.firing.contains(&fact.key)).map(|fact| NoticeAlert {
        name: fact.name.clone(),
        state: "firing".to_owned(),
        severity: fact.severity.clone(),
        summary: kept(&fact.summary).into_owned(),
        labels: fact.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        annotations: fact
            .annotations
            .iter()
            .take(ANNOTATIONS)
            .map(|(name, text)| (name.clone(), short(text)))
            .collect(),
        value: fact.value.map(format_float).unwrap_or_default(),
        since_ms: fact.fired_ms.unwrap_or(0),
    });
    let trace = facts.iter().find(|fact| due.firing.contains(&fact.key)).map(|fact| fact.trace.clone());
    let resolved = due.resolved.iter().map(|(name, summary)| NoticeAlert {
        name: name.clone(),
        state: "resolved".to_owned(),
        severity: String::new(),
        summary: kept(summary).into_owned(),
        ..NoticeAlert::default()
    });
    let mut alerts: Vec<NoticeAlert> = firing.chain(resolved).collect();
    let more = alerts.len().saturating_sub(NAMED);
    alerts.truncate(NAMED);
    let state = if kind == Kind::Inbox { NoticeState::Sent } else { NoticeState::Waiting };
    Notice {
        id: 0,
        message_id: message_id(),
        receiver: due.receiver.clone(),
        title: title(due, &alerts),
        alerts,
        more: more as u64,
        created_ms: now,
        state,
        test: false,
        attempts: 0,
        not_before_ms: now,
        ended_ms: if state == NoticeState::Sent { now } else { 0 },
        error: String::new(),
        trace: trace.unwrap_or_default(),
    }
}

/// `shed: PumpDown fires`, `shed: 3 alerts fire`, `shed: PumpDown is over`.
fn title(due: &Due, alerts: &[NoticeAlert]) -> String {
    let still = if due.again { "still " } else { "" };
    let first = alerts.first().map_or("an alert", |alert| alert.name.as_str());
    let what = match (due.firing.len(), due.resolved.len()) {
        (1, _) => format!("{first} {still}fires"),
        (0, 1) => format!("{first} is over"),
        (0, many) => format!("{many} alerts are over"),
        (many, _) => format!("{many} alerts {still}fire"),
    };
    format!("{}: {what}", box_name())
}
