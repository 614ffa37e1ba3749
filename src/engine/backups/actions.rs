//! What people ask of backups: list, show, begin work, the schedule.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::runs::{Backups, is_good_backup, keep_of};
use super::task::Task;
use super::words;
use crate::api::types::{Backup, BackupDetail, BackupRun, BackupSchedule, BackupStatus, Page, PruneBackups};
use crate::audit::Entry;
use crate::engine::run::Inner;
use crate::engine::trail::{also, principal};
use crate::engine::worker::invalid;
use crate::engine::{Action, Caller, EngineError, Reply};
use crate::store::backup::{Journal, Keep, Repository, ScheduleRecord, Trust, When};

/// Runs that a status lists.
const LISTED: usize = 20;

/// Answers what changes nothing.
pub(crate) fn look(inner: &Inner, action: Action) -> Result<Reply, EngineError> {
    match action {
        Action::Backups(from) => list(inner, from.as_deref()).map(Reply::Backups),
        Action::Backup { from, id } => detail(inner, from.as_deref(), &id).map(Box::new).map(Reply::Backup),
        Action::BackupStatus => status(inner).map(Box::new).map(Reply::BackupStatus),
        Action::BackupRun(id) => run_by_id(inner, &id).map(Box::new).map(Reply::BackupRun),
        _ => Err(EngineError::Internal("this is no look at backups".into())),
    }
}

/// Who began which run, of the newest: they may see what comes of it.
#[derive(Debug, Default)]
pub(super) struct Beginners(Mutex<VecDeque<(String, String)>>);

impl Beginners {
    fn of(&self) -> MutexGuard<'_, VecDeque<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, id: &str, who: String) {
        let mut of = self.of();
        of.truncate(LISTED - 1);
        of.push_front((id.to_owned(), who));
    }
}

/// True where the action is a look at a run that was begun by whoever looks.
pub(in crate::engine) fn is_own_run(inner: &Inner, action: &Action, who: &str) -> bool {
    let Action::BackupRun(id) = action else { return false };
    inner.backups.beginners.of().iter().any(|(run, by)| run == id && by == who)
}

/// Begins work, or changes the schedule.
pub(crate) fn change(
    inner: &Arc<Inner>,
    caller: &Caller,
    action: Action,
    told: Option<&Entry>,
) -> Result<Reply, EngineError> {
    match action {
        Action::BeginBackupWork(work) => {
            let run = begin(inner, work, told)?;
            inner.backups.beginners.note(&run.id, principal(inner, caller));
            Ok(Reply::BackupRun(Box::new(run)))
        }
        Action::ScheduleBackups(schedule) => {
            set_schedule(inner, schedule.as_ref(), told).map(Box::new).map(Reply::BackupStatus)
        }
        _ => Err(EngineError::Internal("this changes no backups".into())),
    }
}

/// The folder that is meant: the one named, that of the schedule, or `backups` in the data folder.
pub(crate) fn folder(inner: &Inner, named: Option<&str>) -> Result<PathBuf, EngineError> {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        let path = PathBuf::from(named);
        if path.is_absolute() {
            return Ok(path);
        }
        return Err(invalid(format!("'{named}' is not absolute"), "give the whole path of the folder"));
    }
    let schedule = inner.backups.schedule(inner)?;
    let own = || inner.settings.data_dir.join("backups");
    Ok(schedule
        .filter(|schedule| !schedule.to.is_empty())
        .map_or_else(own, |schedule| PathBuf::from(schedule.to)))
}

/// Newest first. A folder without backups has none.
fn list(inner: &Inner, from: Option<&str>) -> Result<Page<Backup>, EngineError> {
    let folder = folder(inner, from)?;
    let trust = Trust::of_box(&inner.settings.data_dir);
    // Nothing was ever made here; the folder of a schedule was made with it, and may be a disk that is missing.
    let own = from.is_none() && !folder.exists() && inner.backups.schedule(inner)?.is_none();
    let found = if own { Vec::new() } else { read(&folder)?.backups().map_err(words::said)? };
    Ok(Page { items: found.iter().rev().map(|listed| words::listed(listed, &trust)).collect(), next: None })
}

fn read(folder: &std::path::Path) -> Result<Repository, EngineError> {
    Repository::open(folder).map_err(words::said)
}

fn detail(inner: &Inner, from: Option<&str>, id: &str) -> Result<BackupDetail, EngineError> {
    let made = read(&folder(inner, from)?)?.backup(id).map_err(words::said)?;
    let trust = Trust::of_box(&inner.settings.data_dir);
    Ok(BackupDetail { backup: words::backup(&made, &trust), entries: words::entries(&made) })
}

fn status(inner: &Inner) -> Result<BackupStatus, EngineError> {
    let schedule = inner.backups.schedule(inner)?;
    let runs = Journal::runs(&inner.modes.control).map_err(|error| words::store_said(&error))?;
    let good = runs.iter().map(|(_, run)| run).find(|run| is_good_backup(run));
    let drill = runs.iter().map(|(_, run)| run).find(|run| run.kind == "drill");
    let (next_ms, _) = ahead(inner)?;
    Ok(BackupStatus {
        repository: folder(inner, None)?.display().to_string(),
        next_ms,
        schedule: schedule.as_ref().map(words::schedule),
        last_good_ms: good.map(|run| run.started_ms),
        last_good: good.map(|run| run.backup.clone()),
        last_drill: drill.map(words::run),
        running: inner.backups.running(),
        runs: runs.iter().take(LISTED).map(|(_, run)| words::run(run)).collect(),
    })
}

/// When the next is due by the schedule, and how many are under way.
pub(in crate::engine) fn ahead(inner: &Inner) -> Result<(Option<u64>, u64), EngineError> {
    let when = inner.backups.schedule(inner)?.and_then(|schedule| When::parse(&schedule.when));
    let running = u64::from(inner.backups.running().is_some());
    Ok((when.map(|when| when.next_due(inner.clock.now_ms())), running))
}

/// Where backups are scheduled: seconds since the newest good one was begun, or since they were scheduled.
pub(in crate::engine) fn age_s(inner: &Inner) -> Option<u64> {
    let schedule = inner.backups.schedule(inner).ok().flatten()?;
    let runs = Journal::runs(&inner.modes.control).ok()?;
    let good = runs.iter().map(|(_, run)| run).find(|run| is_good_backup(run));
    let since_ms = good.map_or(schedule.since_ms, |run| run.started_ms);
    Some(inner.clock.now_ms().saturating_sub(since_ms) / 1000)
}

/// A run that is under way or was done.
fn run_by_id(inner: &Inner, id: &str) -> Result<BackupRun, EngineError> {
    if let Some(run) =
        inner.backups.running().filter(|run| run.id == id).or_else(|| inner.backups.finished(id))
    {
        return Ok(run);
    }
    let runs = Journal::runs(&inner.modes.control).map_err(|error| words::store_said(&error))?;
    let found = runs.iter().map(|(_, run)| words::run(run)).find(|run| run.id == id);
    found.ok_or_else(|| EngineError::NotFound {
        noun: "run of backups",
        name: id.to_owned(),
        advice: "`spud backup status` shows the newest".into(),
    })
}

/// Work that was asked for, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Create(Option<String>),
    Verify { from: Option<String>, id: Option<String>, repair: bool },
    Prune(PruneBackups),
    Drill { from: Option<String>, id: Option<String> },
    Restore { from: Option<String>, id: String, force: bool, key: Option<String>, reason: String },
}

fn begin(inner: &Arc<Inner>, asked: Asked, told: Option<&Entry>) -> Result<BackupRun, EngineError> {
    let task = match asked {
        Asked::Create(to) => {
            let known = to.is_none() && inner.backups.schedule(inner)?.is_some();
            Task::Create { to: folder(inner, to.as_deref())?, known }
        }
        Asked::Verify { from, id, repair } => {
            Task::Verify { from: folder(inner, from.as_deref())?, id, repair }
        }
        Asked::Prune(request) => {
            let schedule = inner.backups.schedule(inner)?.filter(|schedule| !schedule.when.is_empty());
            let usual = schedule.as_ref().map_or_else(Keep::default, keep_of);
            let keep = Keep {
                last: request.keep_last.unwrap_or(usual.last),
                daily: request.keep_daily.unwrap_or(usual.daily),
                weekly: request.keep_weekly.unwrap_or(usual.weekly),
                monthly: request.keep_monthly.unwrap_or(usual.monthly),
            };
            Task::Prune { from: folder(inner, request.from.as_deref())?, keep, dry_run: request.dry_run }
        }
        Asked::Drill { from, id } => Task::Drill { from: folder(inner, from.as_deref())?, id },
        Asked::Restore { force: false, .. } => {
            return Err(EngineError::Conflict {
                what: "this folder holds a box".into(),
                advice: "restore into another folder with --data, or replace this box with --force".into(),
            });
        }
        Asked::Restore { from, id, key, .. } => {
            Task::Restore { from: folder(inner, from.as_deref())?, id, key }
        }
    };
    Backups::start(inner, task, false, told.cloned())
}

/// Keeps a schedule, or forgets the one there is.
fn set_schedule(
    inner: &Inner,
    asked: Option<&BackupSchedule>,
    told: Option<&Entry>,
) -> Result<BackupStatus, EngineError> {
    let record = asked.map(|asked| checked(inner, asked)).transpose()?;
    let kept = Journal::set_schedule(&inner.modes.control, record.as_ref(), also(told));
    kept.map_err(|error| words::store_said(&error))?;
    inner.backups.schedule_changed();
    status(inner)
}

fn checked(inner: &Inner, asked: &BackupSchedule) -> Result<ScheduleRecord, EngineError> {
    let to = folder(inner, Some(&asked.to))?;
    let when = match asked.when.trim() {
        "" => String::new(),
        text => When::parse(text).map(|when| when.to_string()).ok_or_else(|| {
            invalid(format!("'{text}' is no schedule"), "such as `daily 02:30` or `weekly sun 02:30` (UTC)")
        })?,
    };
    // A folder that cannot be written is told now, not at half past two.
    drop(Repository::create(&to).map_err(words::said)?);
    Ok(ScheduleRecord {
        to: to.display().to_string(),
        when,
        last: asked.keep_last,
        daily: asked.keep_daily,
        weekly: asked.keep_weekly,
        monthly: asked.keep_monthly,
        drill_days: asked.drill_days,
        since_ms: inner.clock.now_ms(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::engine::Engine;
    use crate::engine::run::Settings;

    #[test]
    fn whoever_began_a_run_may_see_it_and_no_other() {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings { data_dir: data.path().to_owned(), ..Settings::default() };
        let engine = Engine::open(settings).unwrap();
        engine.inner().backups.beginners.note("7", "uid:4242".to_owned());
        let ask = |uid: u32, id: &str| {
            let (send, receive) = channel();
            let caller = Caller::local(uid, uid, 1, "r".into());
            engine.submit(caller, Action::BackupRun(id.into()), move |said| send.send(said).unwrap());
            receive.recv_timeout(Duration::from_secs(60)).unwrap().unwrap_err()
        };
        assert!(matches!(ask(4242, "7"), EngineError::NotFound { .. }), "let in: there is no such run");
        assert!(matches!(ask(4242, "8"), EngineError::Denied(_)), "another run");
        assert!(matches!(ask(4343, "7"), EngineError::Denied(_)), "another one's");
        for n in 0..LISTED {
            engine.inner().backups.beginners.note(&format!("a{n}"), String::new());
        }
        assert!(matches!(ask(4242, "7"), EngineError::Denied(_)), "the newest are remembered");
        assert_eq!(engine.inner().backups.beginners.of().len(), LISTED);
    }
}
