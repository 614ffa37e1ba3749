//! A bounded ring of what happened, for `/v1/events`.
//!
//! Readers poll [`Events::since`] after a wake-up; a slow reader misses old events, never delays the engine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::types::{Event, EventKind, MissedEvents};

const KEPT: usize = 512;

type Wake = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Ring {
    newest: u64,
    /// The newest that is not kept any more, or was of an engine before.
    forgotten: u64,
    listeners: u64,
    kept: VecDeque<Event>,
    wakes: Vec<(u64, Wake)>,
}

/// Shared by the engine (writer) and every event stream (readers).
#[derive(Clone, Default)]
pub struct Events {
    ring: Arc<Mutex<Ring>>,
}

impl Events {
    /// Ids are times, at least: those of an engine that is started later are greater.
    #[must_use]
    pub fn beginning(now_ms: u64) -> Self {
        let ring = Ring { newest: now_ms, forgotten: now_ms, ..Ring::default() };
        Self { ring: Arc::new(Mutex::new(ring)) }
    }

    /// Records an event and wakes the readers.
    pub fn publish(&self, at_ms: u64, kind: EventKind) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.newest = at_ms.max(ring.newest + 1);
        let id = ring.newest;
        if ring.kept.len() == KEPT {
            ring.forgotten = ring.kept.pop_front().map_or(ring.forgotten, |event| event.id);
        }
        ring.kept.push_back(Event { id, at_ms, kind });
        for (_, wake) in &ring.wakes {
            wake();
        }
    }

    /// Id of the newest event.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).newest
    }

    /// True when somebody listens: costly events need not be made otherwise.
    #[must_use]
    pub fn watched(&self) -> bool {
        !self.ring.lock().unwrap_or_else(PoisonError::into_inner).wakes.is_empty()
    }

    /// Events after `id` that are still kept, oldest first. Where there were others, or nobody knows (an id of another
    /// box), the first one says so.
    #[must_use]
    pub fn since(&self, id: u64) -> Vec<Event> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let after = if id > ring.newest { 0 } else { id };
        let missed = (after < ring.forgotten).then(|| Event {
            id: ring.forgotten,
            at_ms: ring.newest,
            kind: EventKind::Missed(MissedEvents { after: id }),
        });
        missed.into_iter().chain(ring.kept.iter().filter(|event| event.id > after).cloned()).collect()
    }

    /// Calls `wake` (which must be quick and must not call back) at every event, until the guard is dropped.
    #[must_use]
    pub fn listen(&self, wake: impl Fn() + Send + Sync + 'static) -> Listening {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.listeners += 1;
        let key = ring.listeners;
        ring.wakes.push((key, Box::new(wake)));
        Listening { events: self.clone(), key }
    }
}

/// Stops listening when dropped.
pub struct Listening {
    events: Events,
    key: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut ring = self.events.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.wakes.retain(|(key, _)| *key != self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::LogLine;

    #[test]
    fn ids_go_on_over_a_restart_and_what_was_missed_is_told() {
        let events = Events::beginning(1000);
        let publish = |events: &Events, at_ms| events.publish(at_ms, EventKind::Log(LogLine::default()));
        let ids = |events: &Events, id| {
            let told = |event: &Event| (event.id, matches!(event.kind, EventKind::Missed(_)));
            events.since(id).iter().map(told).collect::<Vec<_>>()
        };
        assert!(ids(&events, events.newest()).is_empty());
        (0..2).for_each(|_| publish(&events, 1500));
        assert_eq!(ids(&events, 1000), [(1500, false), (1501, false)]);
        assert_eq!(ids(&events, 1500), [(1501, false)]);
        // The next engine, with a listener of the one before.
        let events = Events::beginning(2000);
        publish(&events, 1990);
        assert_eq!(ids(&events, 1501), [(2000, true), (2001, false)]);
        // From a box whose clock is ahead.
        assert_eq!(ids(&events, 9000), [(2000, true), (2001, false)]);
        (0..KEPT).for_each(|_| publish(&events, 2001));
        let after = ids(&events, 2000);
        assert_eq!((after.len(), after[0], after[1]), (KEPT + 1, (2001, true), (2002, false)));
    }
}
