//! Alerts open incidents, and incidents are told like alerts until somebody sees to them.
//!
//! An alert opens one where it is critical, or where its rule says so: the annotation or label `incident` names a
//! type, or says `yes` or `no`; `breach: yes` starts the clock of a breach. The same alert again adds to the timeline
//! of the incident that it opened, as long as that one is not closed.

use std::collections::BTreeSet;
use std::sync::MutexGuard;

use super::{Desk, Prepared, control, keep, own, words};
use crate::base::to_hex;
use crate::engine::alerts::Fact;
use crate::engine::run::Inner;
use crate::governance::incident::{
    Draft, Event, Incident, IncidentError, Input, Kind, Link, Severity, Shelf, State, step,
};
use crate::redact::kept;
use crate::resilience::Effect;
use crate::store::{Control, StoreError, WriteTransaction};

/// The end of a breach's time is told so long before.
const BREACH_WARN_S: i64 = 24 * 3600;

/// What opens an incident by itself: the same key adds to the same incident.
pub(in crate::engine) struct Sign {
    pub(in crate::engine) key: String,
    pub(in crate::engine) title: String,
    pub(in crate::engine) kind: Kind,
    pub(in crate::engine) severity: Severity,
    pub(in crate::engine) text: String,
    pub(in crate::engine) is_breach: bool,
    pub(in crate::engine) links: Vec<Link>,
    /// Since when it is so: nothing is told twice of one time.
    pub(in crate::engine) since_ms: u64,
}

/// Opens an incident, or adds to the one that is there.
///
/// # Errors
/// What the store says, or that there are too many.
pub(in crate::engine) fn begins(inner: &Inner, sign: &Sign) -> Result<(), IncidentError> {
    let Some(control) = inner.config_history() else { return Ok(()) };
    seen(inner, control, &mut inner.incidents.desk(), sign).map(drop)
}

/// An incident that is opened by a transaction of others; nobody else changes incidents meanwhile.
pub(in crate::engine) struct Opening<'a> {
    desk: MutexGuard<'a, Desk>,
    prepared: Prepared,
}

/// Prepares what [`begins`] would keep; `None` where that is nothing.
///
/// # Errors
/// What the store says, or that there are too many.
pub(in crate::engine) fn opening<'a>(
    inner: &'a Inner,
    sign: &Sign,
) -> Result<Option<Opening<'a>>, IncidentError> {
    let Some(control) = inner.config_history() else { return Ok(None) };
    let desk = inner.incidents.desk();
    Ok(prepared(inner, control, sign)?.map(|prepared| Opening { desk, prepared }))
}

impl Opening<'_> {
    pub(in crate::engine) fn write(&mut self, write: &WriteTransaction) -> Result<(), StoreError> {
        self.prepared.write(write)
    }

    /// After the transaction.
    pub(in crate::engine) fn kept(mut self, inner: &Inner) {
        if let Some(control) = inner.config_history() {
            told(&self.prepared.kept(inner, control, &mut self.desk));
        }
    }
}

/// Tells the incident of this key that what opened it is over.
///
/// # Errors
/// What the store says.
pub(in crate::engine) fn ends(inner: &Inner, key: &str, text: &str) -> Result<(), IncidentError> {
    let Some(control) = inner.config_history() else { return Ok(()) };
    ceased(inner, control, &mut inner.incidents.desk(), key, text)
}

/// When what opens an incident of this key was seen last, where that one still waits for its end.
pub(in crate::engine) fn waits_since(inner: &Inner, key: &str) -> Option<u64> {
    let known = Shelf::of_key(inner.config_history()?, key).ok().flatten()?;
    (!matches!(known.state, State::Resolved | State::Closed)).then_some(known.seen_ms)
}

/// Opens an incident, or adds to the one that is there; its id where something was kept.
fn seen(
    inner: &Inner,
    control: &Control,
    desk: &mut Desk,
    sign: &Sign,
) -> Result<Option<u64>, IncidentError> {
    let Some(mut prepared) = prepared(inner, control, sign)? else { return Ok(None) };
    control.write(|write| prepared.write(write))?;
    let incident = prepared.kept(inner, control, desk);
    told(&incident);
    Ok(Some(incident.id))
}

fn told(incident: &Incident) {
    if let [_] = incident.events.as_slice() {
        let (id, severity) = (incident.id, incident.severity.name());
        tracing::warn!(id, severity, title = incident.title, "an incident was opened");
    }
}

/// What is to be kept of a sign; `None` where it is known.
fn prepared(inner: &Inner, control: &Control, sign: &Sign) -> Result<Option<Prepared>, IncidentError> {
    let now_ms = inner.clock.now_ms();
    let (title, text) = (kept(&sign.title).into_owned(), kept(&sign.text).into_owned());
    let known = Shelf::of_key(control, &sign.key)?;
    // Where the clock was set back since, only the very same time is known.
    let is_old =
        |seen_ms: u64| if seen_ms <= now_ms { sign.since_ms <= seen_ms } else { sign.since_ms == seen_ms };
    if known.as_ref().is_some_and(|known| is_old(known.seen_ms)) {
        return Ok(None);
    }
    let (mut incident, first) = match known.filter(|known| known.state != State::Closed) {
        Some(known) => {
            let again = Input::Again { text: &text, seen_ms: sign.since_ms };
            (step(&known, again, now_ms)?, known.events.len())
        }
        None => {
            let draft = Draft { title: title.clone(), text: text.clone(), ..draft(sign) };
            (Incident::new(Shelf::next(control)?, draft, now_ms)?, 0)
        }
    };
    incident.seen_ms = sign.since_ms;
    let entry = |event: &Event, id: &str| own(inner, event, id).text("title", title.as_str());
    Ok(Some(Prepared::new(inner, &incident, first, entry)))
}

fn draft(sign: &Sign) -> Draft {
    Draft {
        title: sign.title.clone(),
        kind: sign.kind,
        severity: sign.severity,
        by: crate::engine::trail::BOX.to_owned(),
        text: sign.text.clone(),
        owner: None,
        is_breach: sign.is_breach && matches!(sign.kind, Kind::Data | Kind::Security),
        key: sign.key.clone(),
        links: sign.links.clone(),
    }
}

/// Of which type an incident would be that this alert opens; `None` where it opens none.
pub(super) fn wanted(incident: &str, severity: &str) -> Option<Kind> {
    match incident.trim() {
        "" => (severity == "critical").then_some(Kind::Availability),
        "no" | "none" | "false" => None,
        // A word that is not known is no reason to keep silent.
        name => Some(Kind::parse(name).unwrap_or(Kind::Availability)),
    }
}

fn sign(fact: &Fact, kind: Kind, since_ms: u64) -> Sign {
    let id = to_hex(&fact.key);
    let said = if fact.summary.is_empty() { "it fires" } else { fact.summary.as_str() };
    let title: String =
        format!("{}: {said}", fact.name).chars().filter(|c| !c.is_control()).take(150).collect();
    Sign {
        key: format!("alert:{id}"),
        title: cut(&title),
        kind,
        severity: Severity::parse(&fact.severity).unwrap_or(Severity::Error),
        text: format!("the alert {} fires: {said}", fact.name),
        is_breach: matches!(fact.breach.as_str(), "yes" | "true"),
        links: vec![Link { kind: "alert".to_owned(), id }],
        since_ms,
    }
}

/// As many bytes as a title may have.
fn cut(title: &str) -> String {
    let most = crate::governance::incident::TITLE_BYTES;
    let end = (0..=most.min(title.len())).rev().find(|at| title.is_char_boundary(*at)).unwrap_or(0);
    title.get(..end).unwrap_or_default().to_owned()
}

/// Called with what fires: new alerts open incidents, those that are over are told of in theirs.
pub(in crate::engine) fn watch(inner: &Inner, facts: &[Fact]) {
    let Ok(control) = control(inner) else { return };
    if inner.modes.effects().has(Effect::ReadOnly) {
        return;
    }
    let mut desk = inner.incidents.desk();
    let firing: BTreeSet<[u8; 16]> =
        facts.iter().filter(|fact| fact.fired_ms.is_some()).map(|fact| fact.key).collect();
    for fact in facts.iter().filter(|fact| fact.loud) {
        let (Some(kind), Some(fired_ms)) = (wanted(&fact.incident, &fact.severity), fact.fired_ms) else {
            continue;
        };
        if desk.known.get(&fact.key) == Some(&fired_ms) {
            continue;
        }
        match seen(inner, control, &mut desk, &sign(fact, kind, fired_ms)) {
            Err(IncidentError::Store(error)) => {
                inner.modes.store_said(&error);
                tracing::warn!(%error, "an incident cannot be kept; it is tried again");
                return;
            }
            Err(error) => tracing::error!(%error, alert = fact.name, "an incident could not be opened"),
            Ok(_) => {}
        }
        desk.known.insert(fact.key, fired_ms);
    }
    let over: Vec<[u8; 16]> = desk.known.keys().filter(|key| !firing.contains(*key)).copied().collect();
    for key in over {
        let of = format!("alert:{}", to_hex(&key));
        if let Err(error) = ceased(inner, control, &mut desk, &of, "the alert is over") {
            tracing::warn!(%error, "the end of an alert cannot be told to its incident");
        }
        desk.known.remove(&key);
    }
}

fn ceased(
    inner: &Inner,
    control: &Control,
    desk: &mut Desk,
    key: &str,
    text: &str,
) -> Result<(), IncidentError> {
    let known = Shelf::of_key(control, key)?;
    let Some(known) = known.filter(|known| known.state != State::Closed) else { return Ok(()) };
    let mut after = step(&known, Input::Over { text }, inner.clock.now_ms())?;
    let first = known.events.len();
    if after.events.len() > first {
        keep(inner, control, desk, &mut after, first, |event, id| own(inner, event, id))?;
    }
    Ok(())
}

/// How many of each severity are neither resolved nor closed.
pub(in crate::engine) fn counts(inner: &Inner) -> Vec<(&'static str, u64)> {
    let Ok(control) = control(inner) else { return Vec::new() };
    let mut desk = inner.incidents.desk();
    let unclosed = desk.unclosed(control).unwrap_or_default();
    let count = |severity: Severity| {
        let of = |one: &&Incident| one.severity == severity && one.state != State::Resolved;
        (severity.name(), unclosed.iter().filter(of).count() as u64)
    };
    Severity::ALL.iter().map(|severity| count(*severity)).collect()
}

/// Incidents as receivers are told of them: loud until somebody sees to one, and when a breach's time runs out.
pub(in crate::engine) fn tell(inner: &Inner) -> Vec<Fact> {
    let Ok(control) = control(inner) else { return Vec::new() };
    let mut desk = inner.incidents.desk();
    let Ok(unclosed) = desk.unclosed(control) else { return Vec::new() };
    let now_ms = inner.clock.now_ms();
    unclosed.iter().filter(|one| one.state != State::Resolved).flat_map(|one| facts(one, now_ms)).collect()
}

fn facts(one: &Incident, now_ms: u64) -> Vec<Fact> {
    let id = one.id.to_string();
    let fact = |name: &str, severity: Severity, loud: bool, summary: String| Fact {
        loud,
        ..Fact::of("incidents", (name, severity.name()), ("incident", &id), one.kind.name(), summary)
    };
    let mut all = vec![fact("Incident", one.severity, one.state == State::Open, one.title.clone())];
    if let Some(until_ms) = one.breach_until_ms().filter(|_| one.breach_runs()) {
        let left_s = words::left_s(until_ms, now_ms);
        let summary = match left_s {
            ..0 => format!("the time to tell the authority is over: {}", one.title),
            _ => format!("less than a day is left to tell the authority: {}", one.title),
        };
        if left_s < BREACH_WARN_S {
            all.push(fact("BreachClock", Severity::Critical, true, summary));
        }
    }
    all
}
