//! The circuit breakers of the box: which there are, and holding one open or closed by hand for a time.
//!
//! Each dependency outside the box has one: the upstream, the collector of traces, each receiver of notices. Only the upstream's makes a
//! mode: a chat server that is away takes nothing from the box.

use std::collections::BTreeMap;

use super::modes::{Modes, now};
use super::run::Inner;
use super::trail::in_words;
use super::worker::invalid;
use super::{Caller, EngineError, mode_words, outbox, queue_words, traces, trail};
use crate::api::types::{Breaker, ForceBreaker};
use crate::audit::Entry;
use crate::observe::notify::Kind;
use crate::resilience::{self, BreakerSettings, Breakers, Held, Now, ResilienceError};
use crate::store::Control;

const TTL_MOST_S: u64 = 7 * 24 * 3600;
const REASON_BYTES: usize = 500;

/// Name of the breaker around a receiver of notices.
pub(super) fn of_receiver(name: &str) -> String {
    format!("notify:{name}")
}

/// Uses a breaker; `None` where there are too many, so that nothing is guarded.
pub(super) fn with<T>(
    inner: &Inner,
    name: &str,
    with: impl FnOnce(&mut resilience::Breaker, u64) -> T,
) -> Option<T> {
    let now_ms = inner.clock.monotonic_us() / 1000;
    let mut active = inner.modes.active();
    let breaker = active.breakers.get(name, BreakerSettings::default(), now_ms)?;
    Some(with(breaker, now_ms))
}

/// What was held before a restart is held again.
pub(super) fn take_up(control: &Control, now: Now) -> Result<Breakers, ResilienceError> {
    let mut breakers = Breakers::default();
    for (name, held) in Held::all(control)?.into_iter().filter(|(_, held)| held.until_ms > now.wall_ms) {
        if let Some(breaker) = breakers.get(&name, BreakerSettings::default(), now.monotonic_ms) {
            breaker.hold(held, now.monotonic_ms);
        }
    }
    Ok(breakers)
}

/// Lets go of those whose time is over.
pub(super) fn expire(inner: &Inner, now: Now) {
    let over = inner.modes.active().breakers.expire(now.wall_ms, now.monotonic_ms);
    for name in &over {
        tracing::info!(breaker = name, "nobody holds it any more: its time is over");
    }
    if !over.is_empty() {
        go_on(inner, now.wall_ms);
    }
}

/// What waited for a breaker is tried at once.
fn go_on(inner: &Inner, now_ms: u64) {
    inner.outbox.queue.try_now();
    inner.alerting.try_now(now_ms);
}

impl Modes {
    /// The breakers of everything that the box may call, used yet or not.
    pub(super) fn breakers(&self, inner: &Inner) -> Vec<Breaker> {
        let names = dependencies(inner);
        let now = now(&*inner.clock);
        let mut active = self.active();
        for name in &names {
            active.breakers.get(name, BreakerSettings::default(), now.monotonic_ms);
        }
        active.breakers.view().iter().map(|view| mode_words::breaker(view, now)).collect()
    }

    /// Holds a breaker open or closed until its time is over.
    pub(super) fn hold_breaker(
        &self,
        inner: &Inner,
        caller: &Caller,
        request: &ForceBreaker,
        told: Option<&Entry>,
    ) -> Result<Vec<Breaker>, EngineError> {
        let open = match request.state.as_str() {
            "open" => true,
            "closed" => false,
            other => {
                let what = format!("a breaker is held open or closed, not '{other}'");
                return Err(invalid(what, "open lets nothing through, closed lets everything through"));
            }
        };
        let reason = request.reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES {
            let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
            return Err(invalid(what, "say why: it is shown to whoever wonders"));
        }
        if request.ttl_s == 0 || request.ttl_s > TTL_MOST_S {
            let what = format!("a breaker is held for 1 to {TTL_MOST_S} seconds, not {}", request.ttl_s);
            return Err(invalid(what, "give ttl_s (--ttl 1h): nobody holds one for ever"));
        }
        let since_ms = inner.clock.now_ms();
        let held = Held {
            open,
            actor: in_words(inner, caller),
            reason: reason.to_owned(),
            since_ms,
            until_ms: since_ms.saturating_add(request.ttl_s * 1000),
        };
        self.change_held(inner, &request.name, Some(held), told)
    }

    /// Gives a breaker back.
    pub(super) fn release_breaker(
        &self,
        inner: &Inner,
        name: &str,
        told: Option<&Entry>,
    ) -> Result<Vec<Breaker>, EngineError> {
        self.change_held(inner, name, None, told)
    }

    fn change_held(
        &self,
        inner: &Inner,
        name: &str,
        held: Option<Held>,
        told: Option<&Entry>,
    ) -> Result<Vec<Breaker>, EngineError> {
        let known = self.breakers(inner);
        if !known.iter().any(|breaker| breaker.name == name) {
            let names: Vec<&str> = known.iter().map(|breaker| breaker.name.as_str()).collect();
            let advice = match names.is_empty() {
                true => "none: neither an upstream nor a receiver of notices is configured".to_owned(),
                false => format!("name one of {}", names.join(", ")),
            };
            return Err(EngineError::NotFound { noun: "breaker", name: name.to_owned(), advice });
        }
        let now = now(&*inner.clock);
        {
            let mut active = self.active();
            let mut all: BTreeMap<String, Held> = active.breakers.held();
            match &held {
                Some(held) => drop(all.insert(name.to_owned(), held.clone())),
                None => drop(all.remove(name)),
            }
            self.control
                .write(|write| {
                    Held::keep(write, &all)?;
                    trail::also(told)(write)
                })
                .map_err(|error| queue_words::store_said(&error))?;
            if let Some(breaker) = active.breakers.get(name, BreakerSettings::default(), now.monotonic_ms) {
                match held {
                    Some(held) => breaker.hold(held, now.monotonic_ms),
                    None => breaker.release(now.monotonic_ms),
                }
            }
        }
        go_on(inner, now.wall_ms);
        Ok(self.breakers(inner))
    }
}

/// Names of everything outside the box that it may call.
fn dependencies(inner: &Inner) -> Vec<String> {
    let upstream = inner.outbox.wiring.chosen().map(|_| outbox::BREAKER.to_owned());
    let receivers = inner.alerting.receivers(inner);
    let outside = receivers.iter().filter(|(_, kind)| *kind != Kind::Inbox);
    let collector = traces::is_exported(inner).then(|| traces::BREAKER.to_owned());
    upstream.into_iter().chain(collector).chain(outside.map(|(name, _)| of_receiver(name))).collect()
}
