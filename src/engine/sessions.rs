//! Who is connected: a process of this box, or somebody with a token, with all their connections as one session.
//!
//! Invariant: holds nothing of what was asked; a connection that is gone is forgotten with its [`Seat`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Caller;
use super::action::Origin;
use super::trail::actor;
use crate::api::types::access::Session;
use crate::base::{Clock, InOrder};

/// Ends one connection; called at most once in earnest, and must be quick.
type Close = Box<dyn Fn() + Send + Sync>;

struct Connection {
    /// Of the session: absent until it asked something.
    who: Option<Who>,
    since_ms: u64,
    last_ms: u64,
    requests: u64,
    close: Close,
}

#[derive(Clone, PartialEq, Eq)]
struct Who {
    id: String,
    principal: String,
    via: &'static str,
    pid: Option<i32>,
    token: Option<u64>,
}

impl Who {
    fn of(caller: &Caller) -> Self {
        let principal = actor(caller);
        match &caller.origin {
            Origin::Local => {
                let id = format!("{}-{}", caller.uid, caller.pid);
                Self { id, principal, via: "socket", pid: Some(caller.pid), token: None }
            }
            Origin::Network => {
                Self { id: "network".to_owned(), principal, via: "network", pid: None, token: None }
            }
            Origin::Bearer(shown) => {
                let token =
                    u64::from_str_radix(shown.id().strip_prefix("token:").unwrap_or_default(), 16).ok();
                Self { id: shown.id().replace(':', "-"), principal, via: "token", pid: None, token }
            }
        }
    }
}

/// Every connection of the API.
#[derive(Default)]
pub(super) struct Sessions {
    all: Mutex<BTreeMap<u64, Connection>>,
    next: AtomicU64,
}

impl Sessions {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Connection>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, now_ms: u64, close: Close) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let one = Connection { who: None, since_ms: now_ms, last_ms: now_ms, requests: 0, close };
        self.all().insert(id, one);
        id
    }

    /// A connection is gone; another one of its session goes on counting.
    fn end(&self, id: u64) {
        let mut all = self.all();
        let Some(gone) = all.remove(&id) else { return };
        let rest = all.values_mut().find(|one| {
            let ids = one.who.as_ref().zip(gone.who.as_ref());
            ids.is_some_and(|(one, gone)| one.id == gone.id)
        });
        if let Some(rest) = rest {
            rest.since_ms = rest.since_ms.min(gone.since_ms);
            rest.requests += gone.requests;
        }
    }

    /// Those who asked something, longest first.
    pub(super) fn list(&self) -> Vec<Session> {
        let mut found: Vec<Session> = Vec::new();
        for one in self.all().values() {
            let Some(who) = &one.who else { continue };
            if let Some(known) = found.iter_mut().find(|known| known.id == who.id) {
                known.since_ms = known.since_ms.min(one.since_ms);
                known.last_ms = known.last_ms.max(one.last_ms);
                known.requests += one.requests;
                known.connections += 1;
                continue;
            }
            found.push(Session {
                id: who.id.clone(),
                principal: who.principal.clone(),
                login: None,
                via: who.via.to_owned(),
                pid: who.pid,
                since_ms: one.since_ms,
                last_ms: one.last_ms,
                requests: one.requests,
                connections: 1,
            });
        }
        found.order_by_key(|session| session.since_ms);
        found
    }

    /// The token of a session; `None` where there is no such session.
    pub(super) fn token(&self, id: &str) -> Option<Option<u64>> {
        self.all().values().filter_map(|one| one.who.as_ref()).find(|who| who.id == id).map(|who| who.token)
    }

    /// Ends every connection of a session.
    pub(super) fn close(&self, id: &str) {
        let all = self.all();
        let of_it = all.values().filter(|one| one.who.as_ref().is_some_and(|who| who.id == id));
        of_it.for_each(|one| (one.close)());
    }
}

/// The place of one connection.
pub struct Seat {
    id: u64,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
}

impl Seat {
    pub(super) fn take(sessions: &Arc<Sessions>, clock: &Arc<dyn Clock>, close: Close) -> Self {
        let (sessions, clock) = (Arc::clone(sessions), Arc::clone(clock));
        Self { id: sessions.open(clock.now_ms(), close), sessions, clock }
    }

    /// Somebody asks something over it.
    pub fn asked(&self, caller: &Caller) {
        let now_ms = self.clock.now_ms();
        if let Some(one) = self.sessions.all().get_mut(&self.id) {
            one.last_ms = now_ms;
            one.requests += 1;
            let who = Who::of(caller);
            if one.who.as_ref() != Some(&who) {
                one.who = Some(who);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sessions.end(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_process_are_one_session_and_end_together() {
        let sessions = Sessions::default();
        let closed = Arc::new(AtomicU64::new(0));
        let open = |now_ms| {
            let closed = Arc::clone(&closed);
            sessions.open(
                now_ms,
                Box::new(move || {
                    closed.fetch_add(1, Ordering::Relaxed);
                }),
            )
        };
        let (one, two, other, silent) = (open(5), open(7), open(8), open(9));
        let seen = |id: u64, pid: i32| {
            let who = Who::of(&Caller::local(1000, 1000, pid, "r".into()));
            let mut all = sessions.all();
            let seat = all.get_mut(&id).unwrap();
            (seat.who, seat.requests, seat.last_ms) = (Some(who), seat.requests + 1, 20);
        };
        seen(one, 4);
        seen(one, 4);
        seen(two, 4);
        seen(other, 6);
        let list = sessions.list();
        assert_eq!(list.len(), 2, "who asked nothing yet is nobody");
        let first = &list[0];
        assert_eq!(
            (first.id.as_str(), first.connections, first.requests, first.since_ms),
            ("1000-4", 2, 3, 5)
        );
        assert_eq!((sessions.token("1000-4"), sessions.token("1000-5")), (Some(None), None));
        sessions.close("1000-4");
        assert_eq!(closed.load(Ordering::Relaxed), 2);
        sessions.end(silent);
        // One of two connections ends: the session counts on.
        sessions.end(one);
        let first = sessions.list().remove(0);
        assert_eq!((first.connections, first.requests, first.since_ms), (1, 3, 5));
        sessions.end(two);
        assert_eq!(sessions.list().len(), 1);
    }
}
