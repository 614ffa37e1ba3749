//! Runs: what is under way, what was done, what is due.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::actions::Beginners;
use super::task::{self, Outcome, Task};
use super::words;
use crate::api::types::BackupRun;
use crate::audit::{self, Entry};
use crate::base::{spawn, trim_memory};
use crate::engine::EngineError;
use crate::engine::run::Inner;
use crate::engine::trail::{self, also};
use crate::store::backup::{Journal, Keep, RunRecord, ScheduleRecord, Watch, When};

/// Finished runs that are remembered in memory, for those who wait for them.
const REMEMBERED: usize = 32;
const STACK_KB: usize = 1024;
const DAY_MS: u64 = 86_400_000;
/// A scheduled run that failed is tried again after so long.
const RETRY_MS: u64 = 3_600_000;

#[derive(Default)]
struct Active {
    running: Option<BackupRun>,
    /// The entry of the audit log that says what came of it; absent for a mere look.
    told: Option<Entry>,
    finished: VecDeque<BackupRun>,
    last_id: u64,
    /// Known once it was read.
    schedule: Option<Option<ScheduleRecord>>,
    tried_ms: u64,
}

impl Active {
    fn begin(&mut self, task: &Task, (scheduled, told): (bool, Option<Entry>), now_ms: u64) -> BackupRun {
        self.last_id = now_ms.max(self.last_id + 1);
        let run = BackupRun {
            id: self.last_id.to_string(),
            kind: task.kind().to_owned(),
            state: "running".to_owned(),
            scheduled,
            started_ms: now_ms,
            repository: task.folder().display().to_string(),
            ..BackupRun::default()
        };
        (self.running, self.told) = (Some(run.clone()), told);
        run
    }
}

/// The runs of a box.
#[derive(Default)]
pub(crate) struct Backups {
    active: Mutex<Active>,
    stopping: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) beginners: Beginners,
}

impl Backups {
    fn active(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a run.
    pub(super) fn start(
        inner: &Arc<Inner>,
        task: Task,
        scheduled: bool,
        told: Option<Entry>,
    ) -> Result<BackupRun, EngineError> {
        let this = &inner.backups;
        let run = {
            let mut active = this.active();
            if let Some(running) = &active.running {
                return Err(EngineError::Conflict {
                    what: format!("a {} of backups is under way", running.kind),
                    advice: format!("wait for it: GET /v1/backup/runs/{}", running.id),
                });
            }
            active.begin(&task, (scheduled, told), inner.clock.now_ms())
        };
        let shared = Arc::clone(inner);
        let started = spawn("archivist", STACK_KB, move || shared.backups.work(&shared, task));
        match started {
            Ok(thread) => {
                let before = this.thread.lock().unwrap_or_else(PoisonError::into_inner).replace(thread);
                drop(before); // it has ended: nothing was running
                Ok(run)
            }
            Err(error) => {
                this.active().running = None;
                Err(EngineError::Internal(format!("a thread could not be started: {error}")))
            }
        }
    }

    fn work(&self, inner: &Arc<Inner>, task: Task) {
        let scheduled = self.active().running.as_ref().is_some_and(|run| run.scheduled);
        tracing::info!(kind = task.kind(), folder = %task.folder().display(), "work on backups begins");
        let made = self.carry_out(inner, &task);
        self.end(inner, made);
        if scheduled && matches!(task, Task::Create { .. }) && !self.is_stopping() {
            self.after_scheduled(inner, task.folder());
        }
        trim_memory();
    }

    fn carry_out(&self, inner: &Arc<Inner>, task: &Task) -> Result<Outcome, EngineError> {
        let (stop, moved) = (|| self.is_stopping(), |what: &str, bytes: u64| self.moved(what, bytes));
        let told = self.active().told.clone();
        task::carry_out(inner, task, told.as_ref(), Watch { stop: &stop, moved: &moved })
    }

    fn moved(&self, what: &str, bytes: u64) {
        if let Some(run) = &mut self.active().running {
            run.bytes_done += bytes;
            if run.current.as_deref() != Some(what) {
                run.current = Some(what.to_owned());
            }
        }
    }

    /// Keeps and tells what came of the run.
    fn end(&self, inner: &Inner, made: Result<Outcome, EngineError>) {
        let outcome = match made {
            Ok(outcome) => outcome,
            Err(error) => {
                inner.modes.learn(&error);
                let message = format!("{error}. {}", words::advice(&error)).trim().to_owned();
                Outcome { message, problems: vec![error.to_string()], ..Outcome::default() }
            }
        };
        let Some(mut run) = self.active().running.clone() else { return };
        run.state = if outcome.problems.is_empty() { "done" } else { "failed" }.to_owned();
        run.finished_ms = Some(inner.clock.now_ms());
        run.backup = Some(outcome.backup).filter(|id| !id.is_empty());
        run.bytes_done = run.bytes_done.max(outcome.bytes);
        (run.new_bytes, run.current) = (outcome.new_bytes, None);
        (run.message, run.problems) = (outcome.message, outcome.problems);
        let (kind, message) = (&run.kind, &run.message);
        match run.problems.is_empty() {
            true => tracing::info!(kind, message, "work on backups is done"),
            false => tracing::error!(kind, message, problems = ?run.problems, "work on backups failed"),
        }
        if !self.is_stopping() || run.problems.is_empty() {
            // A box that stops on purpose has not failed: the run is simply due again.
            let told = self.active().told.take().map(|told| words::told(inner, told, &run));
            let record = words::record(&run);
            if let Err(error) = Journal::note(&inner.modes.control, &record, also(told.as_ref())) {
                tracing::error!(%error, "a run of a backup could not be kept");
                inner.modes.store_said(&error);
            }
        }
        let mut active = self.active();
        active.running = None;
        if active.finished.len() == REMEMBERED {
            active.finished.pop_front();
        }
        active.finished.push_back(run);
    }

    /// Retention, and the drill where one is due: in the same thread, each a run of its own.
    fn after_scheduled(&self, inner: &Arc<Inner>, folder: &Path) {
        let Ok(Some(schedule)) = self.schedule(inner) else { return };
        let from = folder.to_owned();
        let mut tasks = vec![Task::Prune { from: from.clone(), keep: keep_of(&schedule), dry_run: false }];
        let runs = Journal::runs(&inner.modes.control).unwrap_or_default();
        let last = runs.iter().find(|(_, run)| run.kind == "drill").map_or(0, |(_, run)| run.started_ms);
        let every = u64::from(schedule.drill_days) * DAY_MS;
        if every > 0 && inner.clock.now_ms() >= last.saturating_add(every) {
            tasks.push(Task::Drill { from, id: None });
        }
        for task in tasks {
            let told = match begun_by_itself(inner, &task) {
                Ok(told) => told,
                Err(error) => return tracing::warn!(%error, "work on backups is due and cannot begin"),
            };
            {
                let mut active = self.active();
                if active.running.is_some() || self.is_stopping() {
                    return; // somebody was faster; it is done after the next backup
                }
                active.begin(&task, (true, told), inner.clock.now_ms());
            }
            let made = self.carry_out(inner, &task);
            self.end(inner, made);
        }
    }

    /// Begins a backup when one is due. Called now and then by the ticker of a daemon.
    pub(crate) fn tick(inner: &Arc<Inner>) {
        let this = &inner.backups;
        let Ok(Some(schedule)) = this.schedule(inner) else { return };
        let now_ms = inner.clock.now_ms();
        {
            let active = this.active();
            if active.running.is_some() || now_ms < active.tried_ms.saturating_add(RETRY_MS) {
                return;
            }
        }
        if inner.modes.is_paused() {
            return; // background work waits
        }
        let good = Journal::runs(&inner.modes.control).unwrap_or_default();
        let last_ms = good.iter().find(|(_, run)| is_good_backup(run)).map_or(0, |(_, run)| run.started_ms);
        if is_due(&schedule, last_ms, now_ms) {
            this.active().tried_ms = now_ms;
            let task = Task::Create { to: PathBuf::from(&schedule.to), known: true };
            let told = begun_by_itself(inner, &task);
            if let Err(error) = told.and_then(|told| Self::start(inner, task, true, told)) {
                tracing::warn!(%error, "a backup is due and cannot begin");
            }
        }
    }

    /// The schedule, from memory once it was read.
    pub(super) fn schedule(&self, inner: &Inner) -> Result<Option<ScheduleRecord>, EngineError> {
        if let Some(known) = &self.active().schedule {
            return Ok(known.clone());
        }
        let read = Journal::schedule(&inner.modes.control).map_err(|error| words::store_said(&error))?;
        self.active().schedule = Some(read.clone());
        Ok(read)
    }

    pub(super) fn schedule_changed(&self) {
        let mut active = self.active();
        (active.schedule, active.tried_ms) = (None, 0);
    }

    pub(super) fn running(&self) -> Option<BackupRun> {
        self.active().running.clone()
    }

    pub(super) fn finished(&self, id: &str) -> Option<BackupRun> {
        self.active().finished.iter().find(|run| run.id == id).cloned()
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ends what runs at its next piece, and waits for it.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// Enters that the box begins something by itself; gives the entry that is to say what came of it.
fn begun_by_itself(inner: &Inner, task: &Task) -> Result<Option<Entry>, EngineError> {
    let kind = match task {
        Task::Create { .. } => "backup.created",
        Task::Prune { .. } => "backup.pruned",
        Task::Verify { .. } | Task::Drill { .. } | Task::Restore { .. } => return Ok(None),
    };
    let entry = trail::entry(inner, kind, trail::BOX, ("backup", ""));
    let begun =
        entry.clone().text("folder", task.folder().display().to_string()).outcome(audit::Outcome::Begun);
    let of = Some(trail::enter(inner, &begun)?.sequence);
    Ok(Some(Entry { of, ..entry }))
}

pub(super) fn keep_of(schedule: &ScheduleRecord) -> Keep {
    let ScheduleRecord { last, daily, weekly, monthly, .. } = *schedule;
    Keep { last, daily, weekly, monthly }
}

pub(super) fn is_good_backup(run: &RunRecord) -> bool {
    run.good && run.kind == "create"
}

/// True when the newest good backup is older than the newest time that one was due.
fn is_due(schedule: &ScheduleRecord, last_good_ms: u64, now_ms: u64) -> bool {
    let Some(when) = When::parse(&schedule.when) else { return false };
    let due_ms = when.last_due(now_ms);
    due_ms > schedule.since_ms && last_good_ms < due_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::parse_time;

    #[test]
    fn a_backup_is_due_once_and_what_was_missed_while_off_is_made_up_for() {
        let at = |text: &str| parse_time(text).unwrap();
        let schedule = ScheduleRecord {
            when: "daily 02:30".into(),
            since_ms: at("2026-11-20T12:00:00Z"),
            ..ScheduleRecord::default()
        };
        assert!(!is_due(&schedule, 0, at("2026-11-20T12:00:01Z")), "what was due before is not caught up");
        assert!(!is_due(&schedule, 0, at("2026-11-21T02:29:00Z")));
        assert!(is_due(&schedule, 0, at("2026-11-21T02:30:00Z")));
        assert!(is_due(&schedule, 0, at("2026-11-25T23:00:00Z")), "the box was off");
        assert!(!is_due(&schedule, at("2026-11-25T23:00:00Z"), at("2026-11-26T02:29:00Z")));
        let by_hand = ScheduleRecord { when: String::new(), ..schedule };
        assert!(!is_due(&by_hand, 0, at("2027-01-01T00:00:00Z")));
    }
}
