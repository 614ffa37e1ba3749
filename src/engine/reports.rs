//! What the box says of itself to its upstream: how it is, now and then; how it was used, hour by hour.
//!
//! Counts and measures only, never a text of a question or a document. Health that nobody could be told is replaced
//! by newer health; every hour's use is told. Counts of an hour that `kill -9` cut off are lost.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::run::Inner;
use super::status;
use crate::resilience::Effect;
use crate::resilience::queue::{Lane, NewOperation};

const HOUR_MS: u64 = 3_600_000;

/// What was done so far, in whole numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) queries: u64,
    /// Queries for which something was found.
    pub(super) answers: u64,
    pub(super) errors: u64,
    pub(super) documents: u64,
}

impl Tally {
    fn since(self, before: Self) -> Self {
        Self {
            queries: self.queries.saturating_sub(before.queries),
            answers: self.answers.saturating_sub(before.answers),
            errors: self.errors.saturating_sub(before.errors),
            documents: self.documents.saturating_sub(before.documents),
        }
    }
}

/// When what was told last, and how much had been done then.
#[derive(Debug, Default)]
struct Told {
    health_ms: Option<u64>,
    from_ms: u64,
    before: Tally,
}

#[derive(Debug, PartialEq, Eq)]
struct Use {
    from_ms: u64,
    until_ms: u64,
    tally: Tally,
}

impl Told {
    /// True when it is time to say how the box is; not at the first look, when it has only just begun.
    fn health(&mut self, every_ms: u64, monotonic_ms: u64) -> bool {
        let last = *self.health_ms.get_or_insert(monotonic_ms);
        let is_due = monotonic_ms.saturating_sub(last) >= every_ms;
        if is_due {
            self.health_ms = Some(monotonic_ms);
        }
        is_due
    }

    /// The use of the hour that is over, or of what there is of one where the box `stops`. An idle hour says nothing.
    fn usage(&mut self, now: Tally, now_ms: u64, stops: bool) -> Option<Use> {
        if self.from_ms == 0 {
            (self.from_ms, self.before) = (now_ms, now);
        }
        if now_ms / HOUR_MS == self.from_ms / HOUR_MS && !stops {
            return None;
        }
        let over = Use { from_ms: self.from_ms, until_ms: now_ms, tally: now.since(self.before) };
        (self.from_ms, self.before) = (now_ms, now);
        (over.tally != Tally::default()).then_some(over)
    }
}

/// The reports of the box.
#[derive(Default)]
pub(super) struct Reports {
    told: Mutex<Told>,
}

impl Reports {
    /// Once a second, and when the box `stops`.
    pub(super) fn tick(inner: &Inner, stops: bool) {
        if inner.outbox.wiring.chosen().is_none() || inner.modes.effects().has(Effect::ReadOnly) {
            return;
        }
        let running = inner.config.running();
        let wanted = |what: &str| running.list("queue.deliver").iter().any(|item| item == what);
        let (now_ms, monotonic_ms) = (inner.clock.now_ms(), inner.clock.monotonic_us() / 1000);
        let (health, over) = {
            let mut told = inner.outbox.reports.told.lock().unwrap_or_else(PoisonError::into_inner);
            let every_ms = running.number("queue.health_s").saturating_mul(1000);
            let health = wanted("health") && told.health(every_ms, monotonic_ms);
            (health, told.usage(inner.meters.tally(), now_ms, stops).filter(|_| wanted("usage")))
        };
        let (queue, control) = (&inner.outbox.queue, &inner.modes.control);
        if health {
            say(inner, queue.put_newest(control, &health_of(inner), now_ms).map(|one| vec![one]));
        }
        if let Some(over) = over {
            say(inner, queue.post(control, &[usage_of(&over)], now_ms));
        }
    }
}

type Answers = Vec<Result<crate::resilience::queue::Added, crate::resilience::queue::Refusal>>;

fn say(inner: &Inner, posted: Result<Answers, crate::store::StoreError>) {
    match posted {
        Ok(answers) => {
            for refusal in answers.into_iter().filter_map(Result::err) {
                tracing::debug!(%refusal, "a report of the box was not queued");
            }
        }
        Err(error) => inner.modes.store_said(&error),
    }
}

fn report(kind: &str, lane: Lane, payload: &serde_json::Value) -> NewOperation {
    NewOperation {
        kind: kind.to_owned(),
        content_type: "application/json".to_owned(),
        payload: payload.to_string().into_bytes(),
        lane,
        key: kind.to_owned(),
        criticality: 1,
        ..NewOperation::default()
    }
}

fn health_of(inner: &Inner) -> NewOperation {
    let status = status::read(inner);
    let mode = inner.modes.view(&*inner.clock);
    let payload = json!({
        "at_ms": inner.clock.now_ms(),
        "version": status.version,
        "uptime_ms": status.uptime_ms,
        "tier": status.tier,
        "mode": mode.mode.name(),
        "rss_bytes": status.rss_bytes,
        "anonymous_bytes": status.anonymous_bytes,
        "cpu_percent": status.cpu_percent,
        "temperature_c": status.temperature_c,
        "disk_free_bytes": status.disk_free_bytes,
        "disk_total_bytes": status.disk_total_bytes,
        "collections": status.collections,
        "documents": status.documents,
        "chunks": status.chunks,
        "p95_us": status.queries.p95_us,
        "backlog_percent": inner.outbox.queue.backlog_percent(),
    });
    report("spud.health", Lane::Normal, &payload)
}

fn usage_of(over: &Use) -> NewOperation {
    let Use { from_ms, until_ms, tally } = over;
    let payload = json!({
        "from_ms": from_ms,
        "until_ms": until_ms,
        "queries": tally.queries,
        "answers": tally.answers,
        "errors": tally.errors,
        "documents": tally.documents,
    });
    report("spud.usage", Lane::Bulk, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(queries: u64) -> Tally {
        Tally { queries, answers: queries / 2, ..Tally::default() }
    }

    #[test]
    fn each_hour_is_told_once_and_an_idle_one_not_at_all() {
        let mut told = Told::default();
        let at = |minutes: u64| 1_700_000_000_000 / HOUR_MS * HOUR_MS + minutes * 60_000;
        assert_eq!(told.usage(tally(10), at(50), false), None, "what was before is not counted");
        assert_eq!(told.usage(tally(14), at(59), false), None);
        let over = told.usage(tally(14), at(60), false).unwrap();
        assert_eq!((over.from_ms, over.until_ms, over.tally.queries), (at(50), at(60), 4));
        assert_eq!(told.usage(tally(14), at(61), false), None);
        assert_eq!(told.usage(tally(14), at(120), false), None, "nothing was asked");
        let last = told.usage(tally(15), at(130), true).unwrap();
        assert_eq!((last.from_ms, last.tally.queries), (at(120), 1));
    }

    #[test]
    fn health_is_told_every_so_often() {
        let mut told = Told::default();
        let due: Vec<u64> = (0..100).filter(|second| told.health(30_000, second * 1000)).collect();
        assert_eq!(due, [30, 60, 90]);
    }
}
