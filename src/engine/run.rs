//! Opens the rooms and runs them: bounded queue in, replies out.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::access::Access;
use super::alerts::Alerting;
use super::approvals::Approvals;
use super::backups::{self, Backups, apply_staged};
use super::dashboards::Dashboards;
use super::encryption::{self, Encryption};
use super::health::Health;
use super::incidents::Incidents;
use super::intake::Collected;
use super::jobs::{JobRecord, Jobs};
use super::metrics::{Instruments, Stage};
use super::modes::Modes;
use super::outbox::Outbox;
use super::probes::Probes;
use super::registry::Shadows;
use super::sessions::Sessions;
use super::settings::Configuration;
use super::sla::Sla;
use super::traces::{Traces, run_job};
use super::trail::{Readers, Signing};
use super::use_cases::UseCases;
use super::violations::Violations;
use super::watch::Watches;
use super::writes::Wear;
use super::{
    Action, Caller, EngineError, Events, Reply, admission, builtin, logs, metrics, models, registry, status,
    ticker, worker,
};
use crate::api::types::EventKind;
use crate::base::{Clock, spawn};
use crate::hardware::{Budgets, Choice};
use crate::knowledge::{Answers, Library, Model};
use crate::observe::series::Telemetry;
use crate::observe::trace::trouble::Troubles;
use crate::observe::trace::{self, Trace};
use crate::observe::{LogGuard, LogLevel};
use crate::store::{Control, Disk};

/// Requests that may wait for a search worker.
const WAITING: usize = 256;
/// Stack of a worker: extraction and search recurse little.
const STACK_KB: usize = 512;

/// What the command line and the environment decided.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The data folder; created when absent.
    pub data_dir: PathBuf,
    /// Where the API listens (shown in status).
    pub socket: PathBuf,
    /// `--config` or `SPUD_CONFIG`: settings above all folders, or a `tiers.toml` in place of the embedded one.
    pub config_file: Option<PathBuf>,
    /// Folders of settings, lowest first.
    pub config_folders: Vec<PathBuf>,
    /// The folder whose `spud.toml` is edited; absent, `config` in the data folder.
    pub config_edited: Option<PathBuf>,
    /// Every variable whose name begins with `SPUD_`.
    pub variables: Vec<(String, String)>,
    /// Option, key and value of what the command line sets.
    pub options: Vec<(String, String, String)>,
    /// A daemon keeps running; otherwise the engine lives as long as its process.
    pub daemon: bool,
    /// A throw-away box: no built-in corpus.
    pub scratch: bool,
    /// A model file that answers in place of the active model.
    pub model: Option<PathBuf>,
    /// Asks a person at the terminal, without echo.
    pub passphrase: Option<AskPassphrase>,
}

/// Shows a prompt and gives what was typed, or why nothing could be.
pub type AskPassphrase = fn(&str) -> Result<String, String>;

/// What the workers share.
pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) config: Configuration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tier: Choice,
    pub(super) budgets: Budgets,
    pub(super) library: Arc<Library>,
    pub(super) answers: Answers,
    pub(super) jobs: Jobs,
    pub(super) events: Events,
    pub(super) meters: status::Meters,
    pub(super) instruments: Instruments,
    pub(super) telemetry: Telemetry,
    pub(super) traces: Traces,
    pub(super) health: Health,
    pub(super) alerting: Alerting,
    pub(super) intake: Collected,
    pub(super) probes: Probes,
    pub(super) dashboards: Dashboards,
    pub(super) watches: Watches,
    pub(super) modes: Modes,
    pub(super) outbox: Outbox,
    pub(super) backups: Backups,
    pub(super) encryption: Encryption,
    pub(super) wear: Wear,
    pub(super) access: Access,
    pub(super) approvals: Approvals,
    pub(super) sessions: Arc<Sessions>,
    pub(super) incidents: Incidents,
    pub(super) sla: Sla,
    pub(super) violations: Violations,
    pub(super) use_cases: UseCases,
    pub(super) signing: Signing,
    pub(super) readers: Readers,
    pub(super) started_us: u64,
    pub(super) log: Mutex<Option<LogGuard>>,
    stopping: AtomicBool,
    pub(super) tick: (Mutex<bool>, Condvar),
}

impl Inner {
    /// Columns of the model in use.
    pub(super) fn width(&self) -> usize {
        self.width_of(&self.library.model())
    }

    /// Columns of a model that are used.
    pub(super) fn width_of(&self, model: &Model) -> usize {
        // Codes are kept in 64-bit words.
        (model.width(self.budgets.vector_width) / 64 * 64).max(64)
    }

    /// When the engine began, in milliseconds since 1970, as far as the clock of today knows.
    pub(super) fn started_ms(&self) -> u64 {
        let ran_us = self.clock.monotonic_us().saturating_sub(self.started_us);
        self.clock.now_ms().saturating_sub(ran_us / 1000)
    }

    /// Where settings keep their history; a throw-away box keeps none.
    pub(super) fn config_history(&self) -> Option<&Control> {
        (!self.settings.scratch).then_some(&self.modes.control)
    }

    /// True where everything is to end soon.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(super) fn set_log_level(&self, level: LogLevel) {
        if let Some(log) = self.log.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            log.set_level(level);
        }
    }

    pub(super) fn publish_job(&self, id: u64, record: &JobRecord, current: Option<&str>) {
        if self.events.watched() {
            let now = self.clock.now_ms();
            self.events.publish(now, EventKind::Job(record.to_job(id, now, current)));
        }
    }

    pub(super) fn publish_index(&self, collection: &str) {
        if self.events.watched()
            && let Ok(view) = self.library.collection(collection)
        {
            let words = worker::collection_words(collection, &view, &self.library.model());
            self.events.publish(self.clock.now_ms(), EventKind::Index(words));
        }
    }
}

pub(super) type Done = Box<dyn FnOnce(Result<Reply, EngineError>) + Send>;

struct Request {
    caller: Caller,
    /// Absent: keep the operations that were posted.
    action: Option<Action>,
    done: Done,
    /// When it was asked: time in the queue is waiting time, too.
    asked_us: u64,
}

/// The box at work. Dropping it drains what runs and closes the stores.
pub struct Engine {
    pub(super) inner: Arc<Inner>,
    requests: Mutex<Option<SyncSender<Box<Request>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Opens the data folder and starts the workers.
    ///
    /// # Errors
    /// [`EngineError::Locked`] when another process has it, [`EngineError::Damaged`] when it cannot be read.
    pub fn open(settings: Settings) -> Result<Self, EngineError> {
        let inner = Arc::new(open_rooms(settings)?);
        if !inner.settings.scratch {
            builtin::ensure(&inner)?;
        }
        registry::begin(&inner)?;
        inner.modes.begin(&inner);
        Signing::begin(&inner);
        Encryption::begin(&inner)?;
        if inner.settings.daemon {
            Configuration::note_start(&inner);
            Configuration::watch(&inner);
        }
        let (sender, receiver) = sync_channel(WAITING);
        let engine = Self { requests: Mutex::new(Some(sender)), threads: Mutex::default(), inner };
        engine
            .start(receiver)
            .map_err(|e| EngineError::Internal(format!("a thread could not be started: {e}")))?;
        Ok(engine)
    }

    fn start(&self, receiver: Receiver<Box<Request>>) -> std::io::Result<()> {
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for number in 0..self.inner.budgets.search_workers.max(1) {
            let (inner, receiver) = (self.inner.clone(), receiver.clone());
            threads.push(spawn(&format!("search-{number}"), STACK_KB, move || serve(&inner, &receiver))?);
        }
        let inner = self.inner.clone();
        threads.push(spawn("librarian", STACK_KB * 2, move || {
            while let Some((id, record)) = inner.jobs.next(|| inner.library.database()) {
                // What was queued may have been cancelled meanwhile: look again.
                if !inner.modes.wait(|| inner.jobs.should_stop(id)) {
                    run_job(&inner, id, record);
                }
            }
        })?);
        let inner = self.inner.clone();
        threads.push(spawn("ticker", STACK_KB, move || ticker::run(&inner))?);
        if !self.inner.settings.scratch {
            let inner = self.inner.clone();
            threads.push(spawn("outbox", STACK_KB * 2, move || inner.outbox.run(&inner))?);
        }
        threads.extend(Collected::listen(&self.inner));
        Watches::start(&self.inner);
        Ok(())
    }

    /// Queues an action; `done` is called once, on a worker thread, and must be quick.
    pub fn submit(
        &self,
        caller: Caller,
        action: Action,
        done: impl FnOnce(Result<Reply, EngineError>) + Send + 'static,
    ) {
        let sender = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(sender) = sender else { return done(Err(EngineError::Stopping)) };
        let asked_us = self.inner.clock.monotonic_us();
        let (action, done): (Option<Action>, Done) = match action {
            action @ Action::PostOperation(_) => {
                let request = match admission::let_in(&self.inner, &caller, action) {
                    Ok(Action::PostOperation(request)) => request,
                    Ok(_) => return done(Err(EngineError::Internal("a post became something else".into()))),
                    Err(error) => return done(Err(error)),
                };
                if !self.inner.outbox.post(&caller, *request, Box::new(done)) {
                    return;
                }
                (None, Box::new(|_| {}))
            }
            action => (Some(action), Box::new(done)),
        };
        match sender.try_send(Box::new(Request { caller, action, done, asked_us })) {
            Ok(()) => {}
            Err(TrySendError::Full(request)) => {
                if request.action.is_none() {
                    self.inner.outbox.turn_away(|| EngineError::Busy { retry_after_s: 1 });
                }
                if request.action.as_ref().is_some_and(is_question) {
                    self.inner.modes.answered(&*self.inner.clock, 0, true);
                }
                (request.done)(Err(EngineError::Busy { retry_after_s: 1 }));
            }
            Err(TrySendError::Disconnected(request)) => {
                self.inner.outbox.turn_away(|| EngineError::Stopping);
                (request.done)(Err(EngineError::Stopping));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Refuses new work, finishes what runs (jobs stop at their next commit and resume later), closes the stores.
    pub fn stop(&self) {
        let is_first = !self.inner.stopping.swap(true, Ordering::Relaxed);
        if is_first && self.inner.settings.daemon {
            super::reports::Reports::tick(&self.inner, true);
        }
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.inner.jobs.stop();
        self.inner.outbox.queue.stop();
        self.inner.encryption.end();
        self.inner.modes.wake();
        self.inner.watches.stop();
        self.inner.intake.stop();
        super::log_intake::stop(&self.inner);
        self.inner.backups.stop();
        self.inner.encryption.stop();
        self.inner.config.stop();
        *self.inner.tick.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.inner.tick.1.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
        Signing::end(&self.inner);
        ticker::flush(&self.inner);
        metrics::end(&self.inner);
        Traces::end(&self.inner);
        self.inner.access.flush(&self.inner);
        UseCases::flush(&self.inner);
        Shadows::flush(&self.inner);
        self.inner.log.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(inner: &Arc<Inner>, receiver: &Mutex<Receiver<Box<Request>>>) {
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(request) = next else { return };
        let Request { caller, action, done, asked_us } = *request;
        let Some(action) = action else {
            inner.outbox.commit(inner);
            continue;
        };
        let at = caller.trace.as_ref().map(Trace::enter);
        let began_us = inner.clock.monotonic_us();
        trace::note("wait", asked_us, began_us);
        let question = is_question(&action);
        let is_ask = matches!(action, Action::Ask(_));
        if question {
            inner.instruments.stage(Stage::Wait, began_us.saturating_sub(asked_us));
        }
        let work = trace::span("work");
        let result = worker::act(inner, &caller, action);
        drop(work);
        if let Err(error) = &result {
            inner.modes.learn(error);
        }
        let refused = matches!(result, Err(EngineError::Degraded { .. }));
        if question && refused {
            inner.instruments.question_refused(is_ask);
        } else if question {
            let took_us = inner.clock.monotonic_us() - asked_us;
            let failed = result.as_ref().is_err_and(EngineError::is_ours);
            inner.modes.answered(&*inner.clock, took_us, failed);
            inner.instruments.question(is_ask, took_us, found(&result));
        }
        // Whoever gets the reply ends the trace: nobody else has it then.
        drop((at, caller));
        done(result);
    }
}

/// Whether a question found something; nothing where it failed.
fn found(result: &Result<Reply, EngineError>) -> Option<bool> {
    match result {
        Ok(Reply::Search(response)) => Some(response.found),
        Ok(Reply::Ask(response)) => Some(response.search.found),
        _ => None,
    }
}

fn is_question(action: &Action) -> bool {
    matches!(action, Action::Search(_) | Action::Ask(_))
}

/// A folder that is there, with what was restored in it and its stores in order.
fn prepare(data: &Path) -> Result<(), EngineError> {
    std::fs::create_dir_all(data).map_err(|e| EngineError::Invalid {
        what: format!("the data folder {} cannot be made: {e}", data.display()),
        advice: "give another one with --data or SPUD_DATA".into(),
    })?;
    apply_staged(data)?;
    super::salvage::look_before_opening(data)
}

fn open_rooms(settings: Settings) -> Result<Inner, EngineError> {
    let data = &settings.data_dir;
    prepare(data)?;
    let (clock, disk) = super::stand::of(data);
    let (mut config, mut tier) = Configuration::open(&settings)?;
    let (events, troubles) = (Events::beginning(clock.now_ms()), Arc::new(Troubles::default()));
    let log = (!settings.scratch)
        .then(|| logs::open(data, &config.running(), (events.clone(), Arc::clone(&troubles)), clock.clone()))
        .transpose()?;
    let unlocked = (!settings.scratch).then(|| encryption::unlock(&settings, &config)).transpose()?;
    let vault = Arc::new(unlocked.unwrap_or_default());
    let modes = Modes::open((data, &disk), &vault, &tier, settings.scratch, &*clock)?;
    if !settings.scratch {
        let (now_ms, now_us) = (clock.now_ms(), clock.monotonic_us());
        config.begin(&modes.control, now_ms, now_us);
        if super::settings_trial::revert_overdue(&config, &modes.control, now_ms, now_us)? {
            (config, tier) = Configuration::open(&settings)?;
            modes.set_thresholds(&tier.thresholds);
        }
    }
    let (running, budgets) = (config.running(), tier.budgets.clone());
    let (model, model_id) = models::serving(&settings, &modes.control)?;
    let cache = usize::try_from(budgets.store_cache).unwrap_or(1 << 20);
    let corpus = Disk::file(&data.join("corpus.redb")).sealed(&vault);
    let library = Arc::new(Library::over(corpus, data, cache, Arc::new(model), model_id)?);
    backups::sweep(data);
    let jobs = Jobs::open(&library.database(), budgets.retention_days, clock.now_ms())?;
    let answers = Answers::open(&library.database(), budgets.l1_cache, budgets.l2_cache)?;
    let started = (clock.now_ms(), super::access::wait_for_votes(&running));
    let access = Access::open(&settings, &modes.control, data, started)?;
    let outbox = Outbox::open(&running, settings.daemon, &modes.control, settings.scratch, &*clock)?;
    Ok(Inner {
        config,
        outbox,
        backups: Backups::default(),
        encryption: Encryption::new(vault),
        wear: Wear::new(data, &*clock),
        access,
        approvals: Approvals::default(),
        sessions: Arc::default(),
        incidents: Incidents::default(),
        sla: Sla::default(),
        violations: Violations::default(),
        use_cases: UseCases::open(&modes.control, settings.scratch),
        signing: Signing::default(),
        readers: Readers::default(),
        meters: status::Meters::new(data.clone()),
        instruments: Instruments::new()?,
        telemetry: metrics::telemetry(data, &running.budgets, settings.scratch),
        traces: Traces::new(clock.clone(), &budgets, troubles),
        started_us: clock.monotonic_us(),
        log: Mutex::new(log),
        health: Health::default(),
        alerting: Alerting::default(),
        intake: Collected::new(&running.budgets),
        probes: Probes::default(),
        dashboards: Dashboards::default(),
        watches: Watches::default(),
        modes,
        jobs,
        stopping: AtomicBool::new(false),
        tick: (Mutex::new(false), Condvar::new()),
        settings,
        clock,
        tier,
        budgets,
        library,
        answers,
        events,
    })
}
