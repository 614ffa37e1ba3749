//! Incidents at work: opened by people and by alerts, worked on, told to receivers until somebody sees to them.
//!
//! Invariant: an incident and the audit entry of what happened to it are one transaction.

mod actions;
#[cfg(test)]
mod tests;
mod watch;
mod words;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) use actions::act;
pub use actions::{IncidentAction, IncidentReply};
pub(super) use watch::{Opening, Sign, begins, counts, ends, opening, tell, waits_since, watch};

use super::run::Inner;
use super::worker::invalid;
use super::{EngineError, trail};
use crate::audit::{self, Entry};
use crate::governance::incident::{Act, Event, Incident, IncidentError, Shelf};
use crate::resilience::queue::{Added, Terms};
use crate::store::{Control, StoreError, WriteTransaction};

/// What is known of incidents without looking them up.
#[derive(Default)]
struct Desk {
    /// Those that are not closed; absent until it is looked.
    unclosed: Option<Vec<Incident>>,
    /// By alert: since when it fires, where an incident knows of that.
    known: BTreeMap<[u8; 16], u64>,
}

/// One change at a time.
#[derive(Default)]
pub(super) struct Incidents {
    desk: Mutex<Desk>,
}

impl Incidents {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn unclosed(&mut self, control: &Control) -> Result<&[Incident], IncidentError> {
        if self.unclosed.is_none() {
            self.unclosed = Some(Shelf::unclosed(control)?);
        }
        Ok(self.unclosed.as_deref().unwrap_or_default())
    }
}

fn control(inner: &Inner) -> Result<&Control, EngineError> {
    inner
        .config_history()
        .ok_or_else(|| invalid("a throw-away box keeps no incidents", "ask a box with a data folder"))
}

/// As the audit log names it.
fn kind(act: Act) -> String {
    format!("incident.{}", act.name())
}

/// An incident as it is to be kept, with an audit entry for each new event, and with word of it to the upstream.
struct Prepared {
    incident: Incident,
    first: usize,
    entries: Vec<Entry>,
    terms: Option<Terms>,
    now_ms: u64,
    added: Option<Added>,
}

impl Prepared {
    /// `entry` makes one of an event from `first` on: of its kind, by whom.
    fn new(inner: &Inner, incident: &Incident, first: usize, entry: impl Fn(&Event, &str) -> Entry) -> Self {
        let id = incident.id.to_string();
        Self {
            entries: incident.events.iter().skip(first).map(|event| entry(event, &id)).collect(),
            incident: incident.clone(),
            first,
            terms: inner.outbox.terms_of(inner, "incident"),
            now_ms: inner.clock.now_ms(),
            added: None,
        }
    }

    fn write(&mut self, write: &WriteTransaction) -> Result<(), StoreError> {
        for (event, entry) in self.incident.events.iter_mut().skip(self.first).zip(&self.entries) {
            event.entry = Some(audit::append(write, entry)?.sequence);
        }
        if let Some(terms) = &self.terms {
            // A full lane refuses it: the incident is kept here all the same.
            let report = words::report(&self.incident, self.now_ms);
            self.added = terms.enqueue(write, &report, self.now_ms)?.ok();
        }
        Shelf::put(write, &self.incident)
    }

    /// After its transaction.
    fn kept(self, inner: &Inner, control: &Control, desk: &mut Desk) -> Incident {
        if let Some(added) = self.added {
            inner.outbox.queue.announce(&[added], self.now_ms);
            inner.outbox.queue.refresh(control);
        }
        desk.unclosed = None;
        self.incident
    }
}

/// Does something while no incident changes, after which all that was known of them is looked up again.
pub(super) fn unchanged_while<T>(inner: &Inner, act: impl FnOnce() -> T) -> T {
    let mut desk = inner.incidents.desk();
    desk.unclosed = None;
    act()
}

/// Keeps an incident by itself.
fn keep(
    inner: &Inner,
    control: &Control,
    desk: &mut Desk,
    incident: &mut Incident,
    first: usize,
    entry: impl Fn(&Event, &str) -> Entry,
) -> Result<(), StoreError> {
    let mut prepared = Prepared::new(inner, incident, first, entry);
    control.write(|write| prepared.write(write))?;
    *incident = prepared.kept(inner, control, desk);
    Ok(())
}

/// The entry of what the box sees by itself.
fn own(inner: &Inner, event: &Event, id: &str) -> Entry {
    trail::entry(inner, &kind(event.act), trail::BOX, ("incident", id)).text("text", event.text.as_str())
}

impl From<IncidentError> for EngineError {
    fn from(error: IncidentError) -> Self {
        let (what, advice) = (error.to_string(), error.advice().to_owned());
        match error {
            IncidentError::Missing { id } => {
                Self::NotFound { noun: "incident", name: id.to_string(), advice }
            }
            IncidentError::Invalid { .. } => Self::Invalid { what, advice },
            IncidentError::Conflict { .. } | IncidentError::TooMany { .. } => Self::Conflict { what, advice },
            IncidentError::Store(error) => super::queue_words::store_said(&error),
        }
    }
}
