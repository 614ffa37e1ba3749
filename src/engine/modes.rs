//! Steps the mode machine once a second and makes its effects real.
//!
//! The machine decides, this file carries out: background work waits at a gate, caches are emptied, the ballast
//! is given up, requests are turned away. Every change is kept before it is told, and told even when it could
//! not be kept.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::run::Inner;
use super::{EngineError, mode_words};
use crate::api::types::EventKind;
use crate::audit::{self, Entry};
use crate::base::{Clock, trim_memory};
use crate::hardware::{BALLAST, Choice, Sample, Thresholds};
use crate::knowledge::Effort;
use crate::resilience::{
    Ballast, Breakers, Cause, Change, Effect, Effects, Forced, History, Inputs, Machine, Mode, Now,
    PressureReader, Questions, ResilienceError, View,
};
use crate::store::crypt::Vault;
use crate::store::{Control, Disk, StoreError};

/// Changes that wait for a store that fails.
const PENDING: usize = 64;
/// Part of the store's page cache that is left while memory is short.
const SMALL_CACHE: usize = 16;
/// The ballast is tried again this often when it could not be taken.
const BALLAST_EVERY_MS: u64 = 60_000;

pub(super) struct Active {
    pub(super) machine: Machine,
    reader: PressureReader,
    kills: u64,
    pub(super) breakers: Breakers,
    pub(super) ballast: Ballast,
    ballast_tried_ms: Option<u64>,
    /// Not kept yet.
    pub(super) pending: Vec<Change>,
    store_failed: bool,
}

/// The machine at work.
pub(super) struct Modes {
    active: Mutex<Active>,
    questions: Mutex<Questions>,
    pub(super) control: Control,
    effects: AtomicU16,
    /// The mode, for those who ask often.
    shown: AtomicU8,
    /// Paused work waits here.
    gate: (Mutex<()>, Condvar),
    corpus_failed: AtomicBool,
    /// `corpus.redb` is open with [`SMALL_CACHE`].
    small_cache: AtomicBool,
    /// A watched folder changed while nobody listened.
    missed: AtomicBool,
    latency_least: AtomicU64,
    errors_least: AtomicU64,
    memory_total: u64,
    disk_emergency: AtomicU64,
    /// A throw-away box measures nothing: what it is made for must end.
    pub(super) idle: AtomicBool,
}

/// What a box that starts knows of what it was before.
#[derive(Default)]
struct Remembered {
    forced: Option<Forced>,
    last: Option<Change>,
    breakers: Breakers,
}

impl Remembered {
    fn read(control: &Control, now: Now) -> Result<Self, ResilienceError> {
        let last = History::newest(control, None, 1)?.pop().map(|(_, change)| change);
        let breakers = super::breakers::take_up(control, now)?;
        Ok(Self { forced: History::forced(control)?, last, breakers })
    }
}

impl Modes {
    /// Opens `control.redb` and takes up a mode that was forced before.
    ///
    /// # Errors
    /// [`EngineError::Locked`]. Any other failure of the store is a mode, not an end.
    pub(super) fn open(
        (data, disk): (&Path, &Disk),
        vault: &Arc<Vault>,
        choice: &Choice,
        idle: bool,
        clock: &dyn Clock,
    ) -> Result<Self, EngineError> {
        let thresholds = &choice.thresholds;
        let disk = || disk.clone().sealed(vault);
        let cache = usize::try_from(choice.budgets.control_cache).unwrap_or(256 << 10);
        let (control, mut failed) = match idle {
            true => (Control::closed(disk(), cache), false),
            false => match Control::over(disk(), cache) {
                Ok(control) => (control, false),
                Err(error @ StoreError::Locked { .. }) => {
                    let advice = "another spud serves this data folder; talk to it over its socket".into();
                    return Err(EngineError::Locked { what: error.to_string(), advice });
                }
                Err(error @ StoreError::Newer { .. }) => {
                    let advice = super::error::NEWER.into();
                    return Err(EngineError::Invalid { what: error.to_string(), advice });
                }
                Err(error @ StoreError::Sealed { .. }) => {
                    let advice = super::error::HEADER_LOST.into();
                    return Err(EngineError::Invalid { what: error.to_string(), advice });
                }
                Err(error) => {
                    tracing::error!(%error, "the box's own store cannot be opened");
                    (Control::closed(disk(), cache), true)
                }
            },
        };
        let now = now(clock);
        let mut remembered = Remembered::default();
        if !idle && !failed {
            match Remembered::read(&control, now) {
                Ok(kept) => remembered = kept,
                Err(error) => {
                    tracing::error!(%error, "the history of modes cannot be read");
                    failed = true;
                }
            }
        }
        let Remembered { forced, last, breakers } = remembered;
        let machine = Machine::new(thresholds.clone(), forced, now);
        let watch = std::env::var_os("MEMORY_PRESSURE_WATCH").map(std::path::PathBuf::from);
        let mut reader = PressureReader::new(Path::new("/"), watch.as_deref());
        let kills = reader.read().kills;
        let pending = last.and_then(|last| restarted(&last, &machine, now)).into_iter().collect();
        Ok(Self {
            effects: AtomicU16::new(Effects::default().bits()),
            shown: AtomicU8::new(machine.mode() as u8),
            active: Mutex::new(Active {
                machine,
                reader,
                kills,
                breakers,
                ballast: Ballast::new(data),
                ballast_tried_ms: None,
                pending,
                store_failed: failed,
            }),
            questions: Mutex::default(),
            control,
            gate: (Mutex::new(()), Condvar::new()),
            corpus_failed: AtomicBool::new(false),
            small_cache: AtomicBool::new(false),
            missed: AtomicBool::new(false),
            latency_least: AtomicU64::new(thresholds.latency_least),
            errors_least: AtomicU64::new(thresholds.errors_least),
            memory_total: choice.budgets.memory_total,
            disk_emergency: AtomicU64::new(thresholds.disk_emergency),
            idle: AtomicBool::new(idle),
        })
    }

    /// Goes by other figures from now on.
    pub(super) fn set_thresholds(&self, thresholds: &Thresholds) {
        self.active().machine.set_thresholds(thresholds.clone());
        self.latency_least.store(thresholds.latency_least, Ordering::Relaxed);
        self.errors_least.store(thresholds.errors_least, Ordering::Relaxed);
        self.disk_emergency.store(thresholds.disk_emergency, Ordering::Relaxed);
    }

    /// Name of the mode.
    pub(super) fn name(&self) -> &'static str {
        Mode::from_number(self.shown.load(Ordering::Acquire)).unwrap_or_default().name()
    }

    pub(super) fn view(&self, clock: &dyn Clock) -> View {
        self.active().machine.view(now(clock))
    }

    pub(super) fn active(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is done differently now.
    pub(super) fn effects(&self) -> Effects {
        Effects::from_bits(self.effects.load(Ordering::Acquire))
    }

    /// Makes a mode that was forced before real, once the box stands.
    pub(super) fn begin(&self, inner: &Inner) {
        if !self.idle.load(Ordering::Relaxed) {
            let mut active = self.active();
            let told = std::mem::take(&mut active.pending);
            self.settle(inner, &mut active, told);
        }
    }

    /// Once a second: measure, step, carry out.
    pub(super) fn tick(&self, inner: &Inner, sample: &Sample) {
        if self.idle.load(Ordering::Relaxed) {
            return;
        }
        let now = now(&*inner.clock);
        let mut active = self.active();
        let inputs = self.measure(&mut active, sample, inner.outbox.backlog_percent(), now);
        self.step(inner, &mut active, &inputs, now);
        drop(active);
        super::breakers::expire(inner, now);
        self.reopen(inner);
        self.fit_store_cache(inner);
    }

    fn measure(&self, active: &mut Active, sample: &Sample, backlog_percent: f64, now: Now) -> Inputs {
        let pressure = active.reader.read();
        let out_of_memory = pressure.kills > active.kills;
        active.kills = pressure.kills;
        let (p95_us, errors_percent) = {
            let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
            questions.forget(now.monotonic_ms);
            (
                questions.p95_us(now.monotonic_ms, self.latency_least.load(Ordering::Relaxed)),
                questions.errors_percent(now.monotonic_ms, self.errors_least.load(Ordering::Relaxed)),
            )
        };
        // Mapped files are dropped and read again as the kernel likes: they do not count.
        #[allow(clippy::cast_precision_loss)] // a percentage
        let own = sample.process.anonymous as f64 * 100.0 / self.memory_total.max(1) as f64;
        Inputs {
            p95_us,
            errors_percent,
            breaker_open: active.breakers.is_open(super::outbox::BREAKER),
            backlog_percent,
            memory_percent: own.max(pressure.group_percent.unwrap_or(0.0)),
            pressure_some: pressure.some,
            pressure_full: pressure.full,
            out_of_memory,
            disk_free: sample.disk_free,
            disk_total: sample.disk_total,
            temperature_c: sample.temperature_c.map(f64::from),
            store_failed: active.store_failed || self.corpus_failed.load(Ordering::Relaxed),
        }
    }

    fn step(&self, inner: &Inner, active: &mut Active, inputs: &Inputs, now: Now) {
        let changes = active.machine.step(inputs, now);
        self.settle(inner, active, changes);
        self.tend_ballast(inner, active, inputs, now);
    }

    /// Carries out, keeps and tells what changed.
    pub(super) fn settle(&self, inner: &Inner, active: &mut Active, changes: Vec<Change>) {
        let (before, effects) = (self.effects(), active.machine.effects());
        self.shown.store(active.machine.mode() as u8, Ordering::Release);
        if before != effects {
            self.effects.store(effects.bits(), Ordering::Release);
            self.carry_out(inner, before, effects);
        }
        inner.outbox.queue.hold(super::outbox::is_held(active.machine.forced().is_some(), effects));
        if effects.has(Effect::ReleaseBallast) && active.ballast.is_held() {
            match active.ballast.release() {
                Ok(_) => {
                    active.ballast_tried_ms = None; // taken again as soon as there is room
                    tracing::warn!(bytes = BALLAST, "the ballast was given up");
                }
                Err(error) => tracing::error!(%error, "the ballast could not be given up"),
            }
        }
        for change in &changes {
            tell(change);
            let words = mode_words::change(None, change);
            inner.instruments.mode_change(&words.to, &words.cause);
            inner.events.publish(inner.clock.now_ms(), EventKind::Mode(Box::new(words)));
        }
        active.pending.extend(changes);
        let over = active.pending.len().saturating_sub(PENDING);
        active.pending.drain(..over);
        if active.pending.is_empty() && !active.store_failed {
            return;
        }
        let (now_ms, mut added) = (inner.clock.now_ms(), Vec::new());
        let outgoing = inner.outbox.of_changes(inner, &active.pending);
        let entries: Vec<Entry> =
            active.pending.iter().map(|change| mode_words::entry(inner, change)).collect();
        let kept = History::keep(&self.control, &active.pending, active.machine.forced(), |write, there| {
            for entry in entries.iter().skip(there) {
                match audit::append(write, entry) {
                    // A log that is damaged must not keep the box from its modes.
                    Err(StoreError::Record(error)) => {
                        tracing::error!(%error, kind = entry.kind, "the audit log is damaged: run spud audit verify");
                    }
                    appended => drop(appended?),
                }
            }
            for (terms, new) in &outgoing {
                // A full lane refuses it: a mode that is not told upstream is still kept here.
                added.extend(terms.enqueue(write, new, now_ms)?.ok());
            }
            Ok(())
        });
        match kept {
            Ok(()) => {
                if !added.is_empty() {
                    inner.outbox.queue.announce(&added, now_ms);
                    inner.outbox.queue.refresh(&self.control);
                }
                active.pending.clear();
                active.store_failed = false;
            }
            Err(error) => {
                inner.outbox.queue.doubt();
                if !std::mem::replace(&mut active.store_failed, true) {
                    tracing::error!(%error, "a change of mode could not be kept; it is tried again");
                }
            }
        }
    }

    fn carry_out(&self, inner: &Inner, before: Effects, now: Effects) {
        if before.has(Effect::DropCaches) != now.has(Effect::DropCaches) {
            inner.answers.shrink(now.has(Effect::DropCaches));
        }
        if before.has(Effect::PauseBackground) && !now.has(Effect::PauseBackground) {
            self.wake();
            if self.missed.swap(false, Ordering::AcqRel) {
                super::watch::look_again(inner);
            }
        }
    }

    /// Takes the ballast where there is room for it.
    fn tend_ballast(&self, inner: &Inner, active: &mut Active, inputs: &Inputs, now: Now) {
        let due = active
            .ballast_tried_ms
            .is_none_or(|tried| now.monotonic_ms.saturating_sub(tried) >= BALLAST_EVERY_MS);
        let wanted = !active.ballast.is_held() && !active.machine.effects().has(Effect::ReleaseBallast);
        let room =
            inputs.disk_free >= self.disk_emergency.load(Ordering::Relaxed).saturating_add(2 * BALLAST);
        if !(wanted && room && due) {
            return;
        }
        active.ballast_tried_ms = Some(now.monotonic_ms);
        if let Err(error) = active.ballast.take() {
            let data = inner.settings.data_dir.display();
            tracing::warn!(%error, folder = %data, "the ballast could not be taken");
        }
    }

    /// True while jobs, merges and watched folders wait.
    pub(super) fn is_paused(&self) -> bool {
        self.effects().has(Effect::PauseBackground)
    }

    /// True where what was taken in already may still be committed: the disk and the stores are not at fault.
    pub(super) fn may_commit(&self) -> bool {
        let inputs = self.active().machine.view(Now::default()).inputs;
        !inputs.store_failed
            && (inputs.disk_total == 0 || inputs.disk_free >= self.disk_emergency.load(Ordering::Relaxed))
    }

    /// Waits until background work goes on, or `give_up` says so; true when it had to wait.
    pub(super) fn wait(&self, give_up: impl Fn() -> bool) -> bool {
        let mut waited = false;
        let mut held = self.gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        while (self.is_paused() || self.corpus_failed.load(Ordering::Acquire)) && !give_up() {
            waited = true;
            held = self.gate.1.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        waited
    }

    /// Lets those who wait look again.
    pub(super) fn wake(&self) {
        let _held = self.gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.gate.1.notify_all();
    }

    /// A watched folder changed: true when that must wait.
    pub(super) fn defer_watch(&self) -> bool {
        let paused = self.is_paused();
        if paused {
            self.missed.store(true, Ordering::Release);
        }
        paused
    }

    /// A question was answered, or failed.
    pub(super) fn answered(&self, clock: &dyn Clock, took_us: u64, failed: bool) {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.add(clock.monotonic_us() / 1000, took_us, failed);
    }

    /// Notes what an error says of the stores.
    pub(super) fn learn(&self, error: &EngineError) {
        if error.is_of_store() {
            self.store_failed();
        }
    }

    /// `corpus.redb` must be opened again.
    pub(super) fn store_failed(&self) {
        self.corpus_failed.store(true, Ordering::Release);
    }

    /// Opens `corpus.redb` again. The Emergency that its failure brought ends after its hold.
    fn reopen(&self, inner: &Inner) {
        if !self.corpus_failed.load(Ordering::Acquire) {
            return;
        }
        match inner.library.reopen() {
            Ok(true) => {
                self.corpus_failed.store(false, Ordering::Release);
                tracing::info!("the store was opened again");
                self.wake();
                inner.jobs.ring();
            }
            Ok(false) => {} // still in use: at the next tick
            Err(error) => tracing::error!(%error, "the store cannot be opened again yet"),
        }
    }

    /// The page cache of `corpus.redb` is small while memory is short, which takes opening the file anew.
    fn fit_store_cache(&self, inner: &Inner) {
        let small = self.effects().has(Effect::DropCaches);
        let is_so = small == self.small_cache.load(Ordering::Relaxed);
        // Closing a store writes to it.
        if is_so || self.corpus_failed.load(Ordering::Acquire) || !self.may_commit() {
            return;
        }
        let whole = usize::try_from(inner.budgets.store_cache).unwrap_or(1 << 20);
        match inner.library.fit_store_cache(if small { whole / SMALL_CACHE } else { whole }) {
            Ok(true) => {
                self.small_cache.store(small, Ordering::Relaxed);
                trim_memory();
            }
            Ok(false) => {} // still in use: at the next tick
            Err(error) => {
                tracing::error!(%error, "the store could not be opened again with another cache");
                self.store_failed();
            }
        }
    }

    /// Notes what the box's own store said: it is tried again every second.
    pub(super) fn store_said(&self, error: &StoreError) {
        if !matches!(error, StoreError::Record(_)) {
            self.active().store_failed = true;
        }
    }

    /// How much a question may look at.
    pub(super) fn effort(&self) -> Effort {
        let (effects, mut effort) = (self.effects(), Effort::default());
        if effects.has(Effect::FewerCandidates) {
            effort.candidates = (effort.candidates / 4).max(1);
        }
        if effects.has(Effect::NoRescoring) {
            effort.rescored = effort.candidates;
        }
        effort
    }
}

pub(super) fn now(clock: &dyn Clock) -> Now {
    Now { monotonic_ms: clock.monotonic_us() / 1000, wall_ms: clock.now_ms() }
}

/// What a restart changed: measured modes begin anew, a forced one stays.
fn restarted(last: &Change, machine: &Machine, now: Now) -> Option<Change> {
    (last.to != machine.mode()).then(|| Change {
        at_ms: now.wall_ms,
        from: last.to,
        to: machine.mode(),
        cause: Cause::Restart,
        reason: "spud was started again and measures anew".into(),
        actor: String::new(),
        inputs: Inputs::default(),
    })
}

fn tell(change: &Change) {
    let (from, to) = (change.from.name(), change.to.name());
    let (reason, actor) = (&change.reason, &change.actor);
    match change.cause {
        Cause::Worse(axis) => {
            tracing::warn!(from, to, axis = axis.name(), reason, "the box gives something up");
        }
        Cause::Better(axis) => {
            tracing::info!(from, to, axis = axis.name(), reason, "the box takes something up again");
        }
        Cause::Forced => tracing::warn!(from, to, actor, reason, "a mode was forced"),
        Cause::Auto | Cause::Expired | Cause::Restart => {
            tracing::info!(from, to, actor, reason, "the box chooses its mode");
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests;
