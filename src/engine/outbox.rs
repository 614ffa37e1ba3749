//! The operation queue at work in the box: its worker, its upstream, its circuit breaker.
//!
//! Posts are kept by a search worker, all that came meanwhile in one commit; deliveries have a thread of their
//! own, which sleeps until something is due.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::queue_words;
use super::reports::Reports;
use super::run::{Done, Inner};
use super::wire::Wiring;
use super::{Caller, EngineError, Reply};
use crate::api::types::{EventKind, PostOperation};
use crate::base::Clock;
use crate::config::Effective;
use crate::observe::trace::{Context, Ending, Note, Trace};
use crate::resilience::queue::{
    Delivery, LaneLimits, NewOperation, Outcome, Parcel, Queue, QueueSettings, Surroundings, Terms,
};
use crate::resilience::{Change, Effect};
use crate::store::Control;

/// What is remembered of a waiting operation, about; its memory comes out of a sixteenth of the whole.
const ENTRY: u64 = 256;
const MEMORY_PART: u64 = 16;
/// Posts that wait for their commit, and how many share one.
const INBOX: usize = 256;
const TOGETHER: usize = 64;
pub(super) const BREAKER: &str = "upstream";

/// Posts that wait, and whether somebody is on the way to keep them.
#[derive(Default)]
struct Inbox {
    posts: Vec<Post>,
    served: bool,
}

struct Post {
    operation: NewOperation,
    done: Done,
    trace: Option<Context>,
}

/// The queue with what surrounds it.
pub(super) struct Outbox {
    pub(super) queue: Queue,
    pub(super) wiring: Wiring,
    pub(super) reports: Reports,
    inbox: Mutex<Inbox>,
    /// Version of the queue that was told last.
    told: AtomicU64,
}

impl Outbox {
    /// # Errors
    /// [`EngineError::Invalid`] when the upstream is no address.
    pub(super) fn open(
        settings: &Effective,
        daemon: bool,
        control: &Control,
        idle: bool,
        clock: &dyn Clock,
    ) -> Result<Self, EngineError> {
        let wiring = Wiring::open(settings, daemon)?;
        let attempts = u32::try_from(settings.number("queue.attempts")).unwrap_or(u32::MAX);
        let queue_settings = QueueSettings {
            limits: limits(settings.budgets.memory_total),
            attempts_most: attempts.max(1),
            upstream: wiring.chosen().is_some(),
        };
        let now_ms = clock.now_ms();
        let queue = Queue::new(queue_settings, dice(now_ms), now_ms);
        if !idle && let Err(error) = queue.load(control, now_ms) {
            tracing::error!(%error, "the operation queue cannot be read; it is tried again");
        }
        let (inbox, told) = (Mutex::default(), AtomicU64::new(0));
        Ok(Self { queue, wiring, reports: Reports::default(), inbox, told })
    }

    /// Notes a post; true when somebody must be sent to [`Outbox::commit`] it.
    pub(super) fn post(&self, caller: &Caller, request: PostOperation, done: Done) -> bool {
        let operation = match queue_words::new_operation(caller, request) {
            Ok(operation) => operation,
            Err(error) => {
                done(Err(error));
                return false;
            }
        };
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if inbox.posts.len() >= INBOX {
            drop(inbox);
            done(Err(EngineError::Busy { retry_after_s: 1 }));
            return false;
        }
        let trace = caller.trace.as_ref().map(Trace::context);
        inbox.posts.push(Post { operation, done, trace });
        !std::mem::replace(&mut inbox.served, true)
    }

    /// Keeps what was posted; while one commit runs, the next one fills.
    pub(super) fn commit(&self, inner: &Inner) {
        loop {
            let posts: Vec<Post> = {
                let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
                let most = inbox.posts.len().min(TOGETHER);
                inbox.served = most > 0;
                inbox.posts.drain(..most).collect()
            };
            if posts.is_empty() {
                return;
            }
            let (new, waiting): (Vec<NewOperation>, Vec<(Done, Option<Context>)>) =
                posts.into_iter().map(|post| (post.operation, (post.done, post.trace))).unzip();
            match self.queue.post(&inner.modes.control, &new, inner.clock.now_ms()) {
                Ok(answers) => {
                    for (answer, (done, trace)) in answers.into_iter().zip(waiting) {
                        if let (Ok(added), Some(trace)) = (&answer, trace) {
                            inner.traces.remember(added.id.number, trace);
                        }
                        done(answer.map_err(queue_words::refused).map(|added| {
                            Reply::Posted(
                                Box::new(queue_words::operation(added.id, &added.operation)),
                                added.known,
                            )
                        }));
                    }
                }
                Err(error) => {
                    inner.modes.store_said(&error);
                    for (done, _) in waiting {
                        done(Err(queue_words::store_said(&error)));
                    }
                }
            }
        }
    }

    /// Refuses what waits for a commit that nobody will make.
    pub(super) fn turn_away(&self, error: impl Fn() -> EngineError) {
        let inbox = std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        inbox.posts.into_iter().for_each(|post| (post.done)(Err(error())));
    }

    /// Delivers until the box stops.
    pub(super) fn run(&self, inner: &Inner) {
        let clock = Arc::clone(&inner.clock);
        let mut delivery: Option<Box<dyn Delivery>> = None;
        let mut turn = self.wiring.turn();
        while self.queue.wait(&|| clock.now_ms()) {
            let now = self.wiring.turn();
            if delivery.is_none() || turn != now {
                drop(delivery.take());
                (delivery, turn) = (self.wiring.deliverer(&self.queue, &inner.modes.control), now);
            }
            let to: Option<&mut dyn Delivery> = match &mut delivery {
                Some(delivery) => Some(&mut **delivery),
                None => None,
            };
            let worked = self.queue.work(&inner.modes.control, to, &mut Around { inner, turn, trace: None });
            if let Some(delivery) = delivery.as_ref().filter(|_| turn == self.wiring.turn()) {
                self.wiring.saw(delivery.link());
            }
            match worked {
                Ok(dead) => {
                    for (id, operation) in dead {
                        let reason = &operation.last_error;
                        tracing::warn!(%id, kind = operation.kind, reason, "an operation is a dead letter");
                        let words = queue_words::operation(id, &operation);
                        inner.events.publish(inner.clock.now_ms(), EventKind::Operation(Box::new(words)));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the operation queue cannot be kept; it is tried again");
                    inner.modes.store_said(&error);
                }
            }
        }
    }

    /// Tells listeners, when something changed since the last time.
    pub(super) fn tell(&self, inner: &Inner) {
        let version = self.queue.version();
        if self.told.swap(version, Ordering::Relaxed) == version {
            return;
        }
        match queue_words::whole(inner) {
            Ok(status) => inner.events.publish(inner.clock.now_ms(), EventKind::Queue(Box::new(status))),
            Err(error) => tracing::debug!(%error, "the queue cannot be shown"),
        }
    }

    /// How `what` of the box's own is enqueued, where there is an upstream and it is to be told of that.
    pub(super) fn terms_of(&self, inner: &Inner, what: &str) -> Option<Terms> {
        let is_wanted = inner.config.running().list("queue.deliver").iter().any(|wanted| wanted == what);
        self.wiring.chosen().filter(|_| is_wanted).and_then(|_| self.queue.terms())
    }

    /// What changes of mode are to the upstream, where there is one.
    pub(super) fn of_changes(&self, inner: &Inner, changes: &[Change]) -> Vec<(Terms, NewOperation)> {
        let Some(terms) = self.terms_of(inner, "mode") else { return Vec::new() };
        changes.iter().map(|change| (terms.clone(), queue_words::of_change(change))).collect()
    }

    /// How much waits, of what may; where nobody is to be reached, waiting is all that is asked for.
    pub(super) fn backlog_percent(&self) -> f64 {
        if self.wiring.chosen().is_some() { self.queue.backlog_percent() } else { 0.0 }
    }
}

/// Takes up another upstream, or another way to it, while the box runs.
pub(super) fn take_up(inner: &Inner, settings: &Effective) {
    if inner.settings.daemon && inner.outbox.wiring.take_up(settings, &inner.outbox.queue) {
        let turn = inner.outbox.wiring.turn();
        // What failed there says nothing of the new one.
        Around { inner, turn, trace: None }.with_breaker(crate::resilience::Breaker::reset);
        tracing::info!(upstream = settings.text("queue.upstream"), "operations go to another upstream");
    }
}

/// A lane that tells what was lost drops nothing; bulk work gives way to newer bulk work.
fn limits(memory: u64) -> [LaneLimits; 4] {
    let operations = (memory / MEMORY_PART / ENTRY).clamp(2_000, 200_000);
    // On disk, not in memory; but a small box has a small disk.
    let bytes = memory.clamp(16 << 20, 1 << 30);
    let part = |share: u64, drop_oldest| LaneLimits {
        operations: operations * share / 8,
        bytes: bytes * share / 8,
        drop_oldest,
    };
    [part(1, false), part(1, false), part(3, false), part(3, true)]
}

/// A number that nobody foresees: for jitter and names, not for secrets.
fn dice(salt: u64) -> u64 {
    RandomState::new().hash_one(salt)
}

/// Clock, dice and breaker of the box.
struct Around<'a> {
    inner: &'a Inner,
    /// Whose deliverer is at work: it stops when another one is to have its turn.
    turn: u64,
    /// Of the delivery under way.
    trace: Option<Trace>,
}

impl Around<'_> {
    fn with_breaker<T>(&self, with: impl FnOnce(&mut crate::resilience::Breaker, u64) -> T) -> Option<T> {
        super::breakers::with(self.inner, BREAKER, with)
    }
}

impl Surroundings for Around<'_> {
    fn now_ms(&self) -> u64 {
        self.inner.clock.now_ms()
    }

    fn random(&mut self) -> u64 {
        dice(self.inner.clock.monotonic_us())
    }

    fn allow(&mut self) -> Result<(), u64> {
        let allowed = self.with_breaker(|breaker, now_ms| {
            // Nothing is known of a probe that is under way, or of a hand: look again after a while.
            let retry = |breaker: &crate::resilience::Breaker| breaker.retry_in_ms(now_ms).unwrap_or(5_000);
            if breaker.allow(now_ms) { Ok(()) } else { Err(retry(breaker)) }
        });
        allowed.unwrap_or(Ok(())).map_err(|wait_ms| self.now_ms() + wait_ms.max(1))
    }

    fn record(&mut self, failed: bool) {
        self.with_breaker(|breaker, now_ms| breaker.record(failed, now_ms));
    }

    fn sets_out(&mut self, parcel: &mut Parcel) {
        let trace = self.inner.traces.begin_delivery(parcel.id.number);
        parcel.trace = Some(trace.asked().to_string());
        self.trace = Some(trace);
    }

    fn came_back(&mut self, parcel: &Parcel, outcome: &Outcome) {
        let Some(trace) = self.trace.take() else { return };
        let operation = &parcel.operation;
        let error = match outcome {
            Outcome::Delivered => None,
            Outcome::Retry { reason, .. } | Outcome::Dead { reason } | Outcome::Stop { reason } => {
                Some(reason.as_str())
            }
        };
        if let Some(error) = error {
            self.inner.traces.delivery_failed(operation.lane.name(), error, &trace, self.now_ms());
        }
        let id = parcel.id.to_string();
        let notes = [
            ("messaging.message.id", Note::Text(&id)),
            ("spud.kind", Note::Text(&operation.kind)),
            ("spud.attempt", Note::Number(u64::from(operation.attempts) + 1)),
        ];
        let ending = Ending { verb: "deliver", what: operation.lane.name(), error, notes: &notes };
        self.inner.traces.end_delivery(trace, parcel.id.number, &ending);
    }

    fn is_stopping(&self) -> bool {
        self.inner.outbox.queue.is_stopping() || self.inner.outbox.wiring.turn() != self.turn
    }
}

/// A forced mode that queues what is meant for the upstream holds everything back.
pub(super) fn is_held(forced: bool, effects: crate::resilience::Effects) -> bool {
    forced && effects.has(Effect::QueueUpstream)
}
