//! Durable jobs: what is to be done is in the store before it is begun, and resumes after a crash.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bincode::{Decode, Encode};

use super::EngineError;
use super::error::store_error;
use crate::api::types::{Job, JobState};
use crate::knowledge::KnowledgeError;
use crate::observe::trace::{Context, now_at};
use crate::store::{Database, Table, WriteRows, WriteTransaction, codec, number_key, number_of};

const VERSION: u8 = 1;
const JOBS: Table = Table::new("jobs");
/// Of jobs that have not ended: where in a trace they were asked for, as a `traceparent`.
const ORIGINS: Table = Table::new("job_origins");
/// Finished jobs that stay listed at most, however young.
const KEPT: usize = 200;
const DAY_MS: u64 = 86_400_000;

/// A job as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct JobRecord {
    /// add or reindex
    pub(super) kind: String,
    /// 0 queued, 1 running, 2 done, 3 failed, 4 cancelled
    pub(super) state: u8,
    pub(super) collection: String,
    /// Bytes of the paths, as the system has them.
    pub(super) paths: Vec<Vec<u8>>,
    pub(super) excludes: Vec<String>,
    pub(super) force: bool,
    pub(super) files_total: u64,
    pub(super) files_done: u64,
    pub(super) files_skipped: u64,
    pub(super) files_failed: u64,
    pub(super) files_removed: u64,
    pub(super) bytes_total: u64,
    pub(super) bytes_done: u64,
    pub(super) chunks: u64,
    pub(super) error: Option<String>,
    pub(super) created_ms: u64,
    pub(super) started_ms: Option<u64>,
    pub(super) finished_ms: Option<u64>,
}

impl JobRecord {
    pub(super) fn state(&self) -> JobState {
        match self.state {
            0 => JobState::Queued,
            1 => JobState::Running,
            2 => JobState::Done,
            3 => JobState::Failed,
            _ => JobState::Cancelled,
        }
    }

    pub(super) fn set_state(&mut self, state: JobState) {
        self.state = state as u8;
    }

    /// The words of the API; `live` adds what only the running job knows.
    pub(super) fn to_job(&self, id: u64, now_ms: u64, current: Option<&str>) -> Job {
        let elapsed =
            self.started_ms.map_or(0, |start| self.finished_ms.unwrap_or(now_ms).saturating_sub(start));
        let rate = (self.bytes_done * 1000).checked_div(elapsed).unwrap_or(0);
        let left = self.bytes_total.saturating_sub(self.bytes_done);
        let running = self.state() == JobState::Running;
        Job {
            id: id.to_string(),
            kind: self.kind.clone(),
            state: self.state(),
            collection: self.collection.clone(),
            paths: self.paths.iter().take(20).map(|p| String::from_utf8_lossy(p).into_owned()).collect(),
            files_total: self.files_total,
            files_done: self.files_done,
            files_skipped: self.files_skipped,
            files_failed: self.files_failed,
            files_removed: self.files_removed,
            bytes_total: self.bytes_total,
            bytes_done: self.bytes_done,
            chunks: self.chunks,
            bytes_per_second: rate,
            eta_ms: (running && rate > 0).then(|| left * 1000 / rate),
            current: current.map(str::to_owned),
            error: self.error.clone(),
            created_ms: self.created_ms,
            started_ms: self.started_ms,
            finished_ms: self.finished_ms,
        }
    }
}

/// The queue of jobs: the table, and a bell for the one thread that works on them.
#[derive(Default)]
pub(super) struct Jobs {
    bell: Condvar,
    ended: Condvar,
    rung: Mutex<bool>,
    /// The job that is being worked on with its live counts.
    running: Mutex<Option<(u64, JobRecord, String)>>,
    cancel: AtomicU64,
    stopping: AtomicBool,
    /// How long finished jobs are kept.
    kept_ms: AtomicU64,
}

impl Jobs {
    /// Finds its table and forgets what finished more than `days` ago; every new job does so again, because a
    /// daemon may run for years.
    pub(super) fn open(database: &Database, days: u32, now_ms: u64) -> Result<Self, EngineError> {
        let jobs = Self::default();
        jobs.keep_days(days);
        let mut write = database.begin_write().map_err(store_error)?;
        write.set_quick_repair(true);
        {
            let mut table = write.open_table(JOBS).map_err(store_error)?;
            jobs.forget(&mut table, now_ms)?;
        }
        write.commit().map_err(store_error)?;
        Ok(jobs)
    }

    /// Keeps finished jobs so long from the next new job on.
    pub(super) fn keep_days(&self, days: u32) {
        self.kept_ms.store(u64::from(days).saturating_mul(DAY_MS), Ordering::Relaxed);
    }

    fn forget(&self, table: &mut WriteRows<'_>, now_ms: u64) -> Result<(), EngineError> {
        let mut finished = Vec::new();
        for entry in table.iter().map_err(store_error)? {
            let (id, bytes) = entry.map_err(store_error)?;
            match read(bytes.value()) {
                Ok(record) if record.state().is_final() => {
                    finished.push((number_of(id.value()), record.finished_ms.unwrap_or(record.created_ms)));
                }
                _ => {}
            }
        }
        // The newest stays however old it is: the next id follows from it.
        for (place, (id, ended_ms)) in finished.into_iter().rev().enumerate().skip(1) {
            if place >= KEPT || ended_ms.saturating_add(self.kept_ms.load(Ordering::Relaxed)) < now_ms {
                table.remove(number_key(id).as_slice()).map_err(store_error)?;
            }
        }
        Ok(())
    }

    /// Queues a job durably.
    pub(super) fn enqueue(&self, database: &Database, record: &JobRecord) -> Result<u64, EngineError> {
        let mut write = database.begin_write().map_err(store_error)?;
        write.set_quick_repair(true);
        let id = {
            let mut table = write.open_table(JOBS).map_err(store_error)?;
            let id = table.last().map_err(store_error)?.map_or(0, |(id, _)| number_of(id.value())) + 1;
            put(&mut table, id, record)?;
            self.forget(&mut table, record.created_ms)?;
            id
        };
        if let Some(context) = now_at() {
            let mut origins = write.open_table(ORIGINS).map_err(store_error)?;
            let row = codec::seal(VERSION, context.to_string().as_bytes());
            origins.insert(number_key(id).as_slice(), row.as_slice()).map_err(store_error)?;
        }
        write.commit().map_err(store_error)?;
        self.ring();
        Ok(id)
    }

    /// Lets the worker look at the table again.
    pub(super) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Oldest job that is not finished; waits for one. None when the engine stops.
    pub(super) fn next(&self, database: impl Fn() -> Arc<Database>) -> Option<(u64, JobRecord)> {
        loop {
            if self.stopping.load(Ordering::Relaxed) {
                return None;
            }
            match self.unfinished(&database()) {
                Ok(Some(job)) => return Some(job),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the job table cannot be read"),
            }
            let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
            while !*rung && !self.stopping.load(Ordering::Relaxed) {
                rung = self.bell.wait(rung).unwrap_or_else(PoisonError::into_inner);
            }
            *rung = false;
        }
    }

    /// Where in a trace a job was asked for that has not ended, also before a restart.
    pub(super) fn origin(&self, database: &Database, id: u64) -> Option<Context> {
        // It leads somebody to the request, and is missed by nobody else.
        let read = database.begin_read().ok()?;
        let table = read.open_table(ORIGINS).ok()?;
        let row = table.get(number_key(id).as_slice()).ok()??;
        Context::parse(std::str::from_utf8(codec::unseal(VERSION, row.value()).ok()?).ok()?)
    }

    fn unfinished(&self, database: &Database) -> Result<Option<(u64, JobRecord)>, EngineError> {
        Ok(self.list(database)?.into_iter().find(|(_, record)| !record.state().is_final()))
    }

    /// All jobs, oldest first, the running one with its live counts.
    pub(super) fn list(&self, database: &Database) -> Result<Vec<(u64, JobRecord)>, EngineError> {
        let read_txn = database.begin_read().map_err(store_error)?;
        let table = read_txn.open_table(JOBS).map_err(store_error)?;
        let mut found = Vec::new();
        for entry in table.iter().map_err(store_error)? {
            let (id, bytes) = entry.map_err(store_error)?;
            match read(bytes.value()) {
                Ok(record) => found.push((number_of(id.value()), record)),
                Err(error) => tracing::error!(job = number_of(id.value()), %error, "a job cannot be read"),
            }
        }
        if let Some((running, live, _)) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner)
            && let Some((_, record)) = found.iter_mut().find(|(id, _)| id == running)
        {
            *record = live.clone();
        }
        Ok(found)
    }

    /// Whether one is at work.
    pub(super) fn any_runs(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// File that the job is at, when it is the running one.
    pub(super) fn current(&self, id: u64) -> Option<String> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().filter(|(running, ..)| *running == id).map(|(.., current)| current.clone())
    }

    /// Shows where the running job is; None when it has ended.
    pub(super) fn show(&self, live: Option<(u64, &JobRecord, &str)>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = live.map(|(id, record, current)| (id, record.clone(), current.to_owned()));
        if running.is_none() {
            self.ended.notify_all();
        }
    }

    /// Waits until a job has ended, for a caller that cannot go on without it.
    pub(super) fn wait(&self, database: &Database, id: u64) -> Result<JobRecord, EngineError> {
        loop {
            let found = self.list(database)?.into_iter().find(|(known, _)| *known == id);
            match found {
                Some((_, record)) if record.state().is_final() => return Ok(record),
                Some(_) if !self.stopping.load(Ordering::Relaxed) => {}
                _ => return Err(EngineError::Stopping),
            }
            // The end may fall between the look and the wait: look again after a moment.
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.ended.wait_timeout(running, Duration::from_millis(200)));
        }
    }

    /// Cancels a job: a queued one at once, the running one at its next file.
    pub(super) fn cancel(&self, database: &Database, id: u64, now_ms: u64) -> Result<(), EngineError> {
        let running =
            self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(id, ..)| *id);
        if running == Some(id) {
            self.cancel.store(id, Ordering::Relaxed);
            return Ok(());
        }
        let jobs = self.list(database)?;
        let Some((_, mut record)) = jobs.into_iter().find(|(known, _)| *known == id) else {
            return Err(EngineError::NotFound {
                noun: "job",
                name: id.to_string(),
                advice: "`spud job list` shows the jobs".into(),
            });
        };
        if !record.state().is_final() {
            record.set_state(JobState::Cancelled);
            record.finished_ms = Some(now_ms);
            let mut write = database.begin_write().map_err(store_error)?;
            write.set_quick_repair(true);
            save(&write, id, &record).map_err(|e| EngineError::Internal(e.to_string()))?;
            write.commit().map_err(store_error)?;
        }
        Ok(())
    }

    /// True when the job should stop at the next safe point.
    pub(super) fn should_stop(&self, id: u64) -> bool {
        self.stopping.load(Ordering::Relaxed) || self.cancelled(id)
    }

    pub(super) fn cancelled(&self, id: u64) -> bool {
        self.cancel.load(Ordering::Relaxed) == id
    }

    /// Wakes the worker for the last time.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.ring();
    }
}

/// Writes a job inside somebody else's transaction.
pub(super) fn save(write: &WriteTransaction, id: u64, record: &JobRecord) -> Result<(), KnowledgeError> {
    let bytes = codec::encode(VERSION, record).map_err(|e| KnowledgeError::Record { what: e.to_string() })?;
    write.open_table(JOBS)?.insert(number_key(id).as_slice(), bytes.as_slice())?;
    if record.state().is_final() {
        write.open_table(ORIGINS)?.remove(number_key(id).as_slice())?;
    }
    Ok(())
}

fn put(table: &mut WriteRows<'_>, id: u64, record: &JobRecord) -> Result<(), EngineError> {
    let bytes = codec::encode(VERSION, record).map_err(|e| EngineError::Internal(e.to_string()))?;
    table.insert(number_key(id).as_slice(), bytes.as_slice()).map_err(store_error)?;
    Ok(())
}

fn read(bytes: &[u8]) -> Result<JobRecord, codec::CodecError> {
    codec::decode(VERSION, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: JobState, at_ms: u64) -> JobRecord {
        let mut record = JobRecord { created_ms: at_ms, ..JobRecord::default() };
        record.set_state(state);
        record.finished_ms = state.is_final().then_some(at_ms);
        record
    }

    fn ids(jobs: &Jobs, database: &Database) -> Vec<u64> {
        jobs.list(database).unwrap().into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn finished_jobs_are_forgotten_after_their_days_and_the_others_never() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(folder.path().join("jobs.redb")).unwrap();
        let jobs = Jobs::open(&database, 7, 0).unwrap();
        jobs.enqueue(&database, &job(JobState::Done, 0)).unwrap();
        jobs.enqueue(&database, &job(JobState::Queued, 0)).unwrap();
        jobs.enqueue(&database, &job(JobState::Failed, 3 * DAY_MS)).unwrap();
        assert_eq!(ids(&jobs, &database), [1, 2, 3]);
        jobs.enqueue(&database, &job(JobState::Done, 8 * DAY_MS)).unwrap();
        assert_eq!(ids(&jobs, &database), [2, 3, 4], "a new job sweeps");
        let jobs = Jobs::open(&database, 7, 100 * DAY_MS).unwrap();
        assert_eq!(ids(&jobs, &database), [2, 4], "and so does a start; the newest keeps the count of ids");
        for _ in 0..KEPT + 5 {
            jobs.enqueue(&database, &job(JobState::Done, 100 * DAY_MS)).unwrap();
        }
        assert_eq!(ids(&jobs, &database).len(), KEPT + 1, "however young");
    }

    #[test]
    fn where_a_job_was_asked_for_is_known_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.redb");
        let clock = Arc::new(crate::base::ManualClock::default());
        let settings = crate::observe::trace::TraceSettings { memory: 1 << 16, seeds: [1, 2] };
        let tracer = crate::observe::trace::Tracer::new(clock, settings);
        let trace = tracer.begin(crate::observe::trace::Kind::Server, None, String::new());
        let (asked, unasked) = {
            let database = Database::create(&path).unwrap();
            let jobs = Jobs::open(&database, 7, 0).unwrap();
            let at = trace.enter();
            let asked = jobs.enqueue(&database, &job(JobState::Queued, 0)).unwrap();
            drop(at);
            (asked, jobs.enqueue(&database, &job(JobState::Queued, 0)).unwrap())
        };
        // As after a restart.
        let database = Database::create(&path).unwrap();
        let jobs = Jobs::open(&database, 7, 0).unwrap();
        assert_eq!(jobs.origin(&database, asked), Some(trace.context()));
        assert_eq!(jobs.origin(&database, unasked), None);
        let write = database.begin_write().unwrap();
        save(&write, asked, &job(JobState::Done, 1)).unwrap();
        write.commit().unwrap();
        assert_eq!(jobs.origin(&database, asked), None, "nothing is left behind");
    }
}
