//! A bounded ring of what happened, for `/v1/events`.
//!
//! Readers poll [`Events::since`] after a wake-up; a slow reader misses old events, never delays the engine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::types::{Event, EventKind};

const KEPT: usize = 512;

type Wake = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Ring {
    next: u64,
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
    /// Records an event and wakes the readers.
    pub fn publish(&self, at_ms: u64, kind: EventKind) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.next += 1;
        let id = ring.next;
        if ring.kept.len() == KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(Event { id, at_ms, kind });
        for (_, wake) in &ring.wakes {
            wake();
        }
    }

    /// Id of the newest event.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).next
    }

    /// True when somebody listens: costly events need not be made otherwise.
    #[must_use]
    pub fn watched(&self) -> bool {
        !self.ring.lock().unwrap_or_else(PoisonError::into_inner).wakes.is_empty()
    }

    /// Events after `id` that are still kept, oldest first.
    #[must_use]
    pub fn since(&self, id: u64) -> Vec<Event> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.kept.iter().filter(|event| event.id > id).cloned().collect()
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
