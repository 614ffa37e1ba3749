//! The queue at work: the durable shelf and the scheduler's picture of it, kept together.
//!
//! The picture follows the shelf: it changes after a commit, never before one. What a failed commit left
//! behind (a lease that nobody settles) lapses by itself. A commit that failed may have come through all the same:
//! the picture is then drawn anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::line::Mark;
use super::look;
use super::operation::{Lane, LaneLimits, NewOperation, Operation, Refusal, State};
use super::rate::Rate;
use super::scheduler::{Entry, Scheduler};
use super::shelf::{self, Added, Terms, Totals};
use crate::store::{Control, StoreError, WriteTransaction};

/// A store that failed is tried again after so long.
pub(super) const STORE_PAUSE_MS: u64 = 15_000;
/// Nobody sleeps longer than this when something is due: wall clocks are set.
const SLEEP_MOST_MS: u64 = 300_000;

#[derive(Debug, Clone)]
pub struct QueueSettings {
    pub limits: [LaneLimits; 4],
    pub attempts_most: u32,
    /// There is somebody to deliver to, at first.
    pub upstream: bool,
}

/// A lane as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneView {
    pub lane: Lane,
    pub operations: u64,
    pub bytes: u64,
    pub limits: LaneLimits,
    pub delivered: u64,
    pub dropped: u64,
    pub added_per_minute: u64,
    pub delivered_per_minute: u64,
    /// When the oldest was made.
    pub oldest_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueView {
    pub box_id: u64,
    pub lanes: Vec<LaneView>,
    pub dead: u64,
    pub next_retry_ms: Option<u64>,
    /// Why and since when nothing is delivered.
    pub paused: Option<(String, u64)>,
    /// Left alone until then.
    pub gate_ms: Option<u64>,
    pub last_delivered_ms: Option<u64>,
    pub last_error: String,
}

#[derive(Debug)]
pub(super) struct Picture {
    pub(super) scheduler: Scheduler,
    pub(super) terms: Option<Terms>,
    pub(super) totals: Totals,
    pub(super) added: [Rate; 4],
    pub(super) delivered: [Rate; 4],
    pub(super) gate_ms: u64,
    /// A forced mode holds deliveries back.
    pub(super) held: bool,
    pub(super) stopping: bool,
    pub(super) store_retry_ms: u64,
    /// The shelf may hold what the picture does not show.
    pub(super) stale: bool,
    pub(super) last_delivered_ms: Option<u64>,
    pub(super) last_error: String,
    pub(super) version: u64,
}

/// The operations of the box.
#[derive(Debug)]
pub struct Queue {
    pub(super) settings: QueueSettings,
    box_id: u64,
    picture: Mutex<Picture>,
    pub(super) wake: Condvar,
    upstream: AtomicBool,
    /// The worker is to look up, though nothing is due.
    called: AtomicBool,
}

impl Terms {
    /// Keeps an operation inside the transaction of the change that causes it; the result goes to
    /// [`Queue::announce`] once that is committed.
    ///
    /// # Errors
    /// What the store says; the transaction must not be committed then.
    pub fn enqueue(
        &self,
        write: &WriteTransaction,
        new: &NewOperation,
        now_ms: u64,
    ) -> Result<Result<Added, Refusal>, StoreError> {
        shelf::enqueue(write, self, new, now_ms)
    }

    /// The same in place of the one of its kind that waits, if that is not under way.
    ///
    /// # Errors
    /// As [`Terms::enqueue`].
    pub fn replace(
        &self,
        write: &WriteTransaction,
        new: &NewOperation,
        now_ms: u64,
    ) -> Result<Result<Added, Refusal>, StoreError> {
        shelf::replace(write, self, new, now_ms)
    }
}

impl Queue {
    /// A queue that has read nothing yet. `box_id` becomes the box's own where the store has none.
    #[must_use]
    pub fn new(settings: QueueSettings, box_id: u64, now_ms: u64) -> Self {
        let picture = Picture {
            scheduler: Scheduler::new(now_ms),
            terms: None,
            totals: Totals::default(),
            added: Default::default(),
            delivered: Default::default(),
            gate_ms: 0,
            held: false,
            stopping: false,
            store_retry_ms: now_ms,
            stale: false,
            last_delivered_ms: None,
            last_error: String::new(),
            version: 0,
        };
        Self {
            upstream: AtomicBool::new(settings.upstream),
            called: AtomicBool::new(false),
            settings,
            box_id: box_id.max(1),
            picture: Mutex::new(picture),
            wake: Condvar::new(),
        }
    }

    pub(super) fn picture(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what waits. Leases of processes before this one are over: only one has the data folder.
    ///
    /// # Errors
    /// What the store says; the worker tries again.
    pub fn load(&self, control: &Control, now_ms: u64) -> Result<(), StoreError> {
        let mut picture = self.picture();
        if picture.terms.is_some() && !picture.stale {
            return Ok(());
        }
        let own = picture.terms.as_ref().map(|terms| terms.epoch);
        let mut found = Vec::new();
        let read = control.read(|read| {
            look::each_waiting(read, |number, operation| {
                let (epoch, until_ms) = operation.lease;
                let is_held = operation.state == State::Leased && own == Some(epoch);
                let leased_ms = Some(until_ms).filter(|_| is_held);
                found.push((number, Entry { leased_ms, ..entry(&operation) }));
            })?;
            look::totals(read)
        });
        let totals = read.inspect_err(|_| picture.store_retry_ms = now_ms + STORE_PAUSE_MS)?;
        picture.scheduler = Scheduler::new(now_ms);
        picture.stale = false;
        for (number, entry) in found {
            picture.scheduler.add(number, entry);
        }
        let seconds = u32::try_from(now_ms / 1000).unwrap_or(u32::MAX);
        let epoch = own.unwrap_or_else(|| totals.epoch.saturating_add(1).max(seconds));
        let box_id = if totals.box_id == 0 { self.box_id } else { totals.box_id };
        picture.terms = Some(Terms { box_id, epoch, limits: self.settings.limits });
        picture.totals = totals;
        Ok(())
    }

    /// What a transaction needs to enqueue; `None` while the store cannot be read.
    #[must_use]
    pub fn terms(&self) -> Option<Terms> {
        self.picture().terms.clone()
    }

    /// Takes note of what was committed.
    pub fn announce(&self, added: &[Added], now_ms: u64) {
        let mut picture = self.picture();
        for one in added.iter().filter(|one| !one.known) {
            picture.note(one, now_ms);
        }
        picture.version += 1;
        self.wake.notify_all();
    }

    /// A commit failed that may have come through: whoever uses the queue next looks at the shelf again.
    pub fn doubt(&self) {
        self.picture().stale = true;
        self.wake.notify_all();
    }

    /// Takes note of what others committed.
    pub fn refresh(&self, control: &Control) {
        match control.read(look::totals) {
            Ok(totals) => self.picture().totals = totals,
            Err(error) => tracing::warn!(%error, "the queue's totals cannot be read"),
        }
    }

    pub(super) fn write<T>(
        &self,
        control: &Control,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (made, totals) = control
            .write(|write| {
                let made = change(write)?;
                let totals = shelf::change_totals(write, |totals| Ok(totals.clone()))?;
                Ok((made, totals))
            })
            .inspect_err(|_| self.doubt())?;
        let mut picture = self.picture();
        picture.totals = totals;
        picture.version += 1;
        Ok(made)
    }

    /// Keeps many operations in one commit; each has its own answer.
    ///
    /// # Errors
    /// What the store says; none is kept then.
    pub fn post(
        &self,
        control: &Control,
        new: &[NewOperation],
        now_ms: u64,
    ) -> Result<Vec<Result<Added, Refusal>>, StoreError> {
        self.load(control, now_ms)?;
        let terms = self.terms().ok_or(StoreError::Full)?;
        let answers = self.write(control, |write| {
            new.iter().map(|new| terms.enqueue(write, new, now_ms)).collect::<Result<Vec<_>, _>>()
        })?;
        let added: Vec<Added> = answers.iter().flatten().cloned().collect();
        self.announce(&added, now_ms);
        Ok(answers)
    }

    /// Sleeps until something is to be done; false when the box stops.
    pub fn wait(&self, now_ms: &dyn Fn() -> u64) -> bool {
        let mut picture = self.picture();
        loop {
            if picture.stopping {
                return false;
            }
            if self.called.swap(false, Ordering::AcqRel) {
                return true;
            }
            let now = now_ms();
            let Some(due) = picture.due(self.has_upstream(), now) else {
                picture = self.wake.wait(picture).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if due <= now {
                return true;
            }
            let sleep = Duration::from_millis((due - now).min(SLEEP_MOST_MS));
            picture = self.wake.wait_timeout(picture, sleep).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends [`Queue::wait`].
    pub fn stop(&self) {
        self.picture().stopping = true;
        self.wake.notify_all();
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.picture().stopping
    }

    /// Somebody else is delivered to from now on, or nobody: what the last one asked for holds no more.
    pub fn turn_to(&self, upstream: bool) {
        let mut picture = self.picture();
        self.upstream.store(upstream, Ordering::Release);
        self.called.store(true, Ordering::Release);
        picture.gate_ms = 0;
        picture.last_error.clear();
        picture.last_delivered_ms = None;
        picture.version += 1;
        self.wake.notify_all();
    }

    pub(super) fn has_upstream(&self) -> bool {
        self.upstream.load(Ordering::Acquire)
    }

    /// The ends of the upstreams' subjects as they were kept last.
    ///
    /// # Errors
    /// What the store says.
    pub fn marks(&self, control: &Control) -> Result<Vec<Mark>, StoreError> {
        control.read(super::marks::load)
    }

    /// Holds deliveries back, or lets them go again.
    pub fn hold(&self, held: bool) {
        let mut picture = self.picture();
        if picture.held != held {
            picture.held = held;
            picture.version += 1;
            self.wake.notify_all();
        }
    }

    /// How full the fullest lane is.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a percentage
    pub fn backlog_percent(&self) -> f64 {
        let picture = self.picture();
        let percent = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
        let lanes = picture.totals.lanes.iter().zip(&self.settings.limits);
        let fill = |(held, limits): (&shelf::LaneTotals, &LaneLimits)| {
            percent(held.operations, limits.operations).max(percent(held.bytes, limits.bytes))
        };
        lanes.filter(|(_, limits)| !limits.drop_oldest).map(fill).fold(0.0, f64::max).min(100.0)
    }

    /// Rises with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.picture().version
    }

    #[must_use]
    pub fn box_id(&self) -> u64 {
        self.picture().terms.as_ref().map_or(self.box_id, |terms| terms.box_id)
    }
}

impl Picture {
    pub(super) fn box_id(&self) -> u64 {
        self.terms.as_ref().map_or(self.totals.box_id, |terms| terms.box_id)
    }

    pub(super) fn may_deliver(&self, now_ms: u64) -> bool {
        !self.held && self.totals.paused.is_none() && self.gate_ms <= now_ms
    }

    /// When the worker has something to do.
    pub(super) fn due(&self, upstream: bool, now_ms: u64) -> Option<u64> {
        if self.terms.is_none() || self.stale {
            return Some(self.store_retry_ms);
        }
        let wanted = upstream && !self.held && self.totals.paused.is_none();
        let upkeep = self.scheduler.due(false, now_ms);
        let delivery =
            if wanted { self.scheduler.due(true, now_ms).map(|at| at.max(self.gate_ms)) } else { None };
        let due = [upkeep, delivery].into_iter().flatten().min()?;
        Some(due.max(self.store_retry_ms.min(now_ms + STORE_PAUSE_MS)))
    }

    pub(super) fn note(&mut self, added: &Added, now_ms: u64) {
        for number in &added.dropped {
            self.scheduler.remove(*number);
        }
        self.note_gaps(added.gap.clone());
        self.scheduler.add(added.id.number, entry(&added.operation));
        if let Some(rate) = self.added.get_mut(added.operation.lane as usize) {
            rate.add(1, now_ms);
        }
    }

    pub(super) fn note_gaps(&mut self, gaps: impl IntoIterator<Item = (u64, Operation)>) {
        for (number, operation) in gaps {
            if self.scheduler.get(number).is_none() {
                self.scheduler.add(number, entry(&operation));
            }
        }
    }

    pub(super) fn put_back(&mut self, number: u64) {
        let Some(entry) = self.scheduler.get(number) else { return };
        let (attempts, not_before_ms) = (entry.attempts, entry.not_before_ms);
        self.scheduler.put_back(number, attempts, not_before_ms);
    }
}

pub(super) fn entry(operation: &Operation) -> Entry {
    Entry {
        lane: operation.lane,
        key: operation.key.clone(),
        not_before_ms: operation.not_before_ms,
        expires_ms: operation.expires_ms,
        attempts: operation.attempts,
        leased_ms: None,
    }
}
