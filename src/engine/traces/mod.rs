//! Traces of what the box does: requests, jobs, deliveries; and its failures in groups.

mod actions;
mod export;
mod job;
mod send;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use actions::{TraceAction, TraceReply};
pub use send::send_otlp;

pub(super) use actions::act;
pub(super) use export::{BREAKER, counts as exported, is_set as is_exported, problems};
pub(super) use job::run_job;

use self::export::Export;
use super::run::Inner;
use crate::base::Clock;
use crate::hardware::Budgets;
use crate::observe::metric::exposition::Exemplar;
use crate::observe::trace::trouble::Troubles;
use crate::observe::trace::{
    Context, Ending, Kind, Note, Trace, TraceId, TraceRecord, TraceSettings, Tracer, shelf, vendors,
};
use crate::resilience::Effect;
use crate::store::StoreError;

/// Of the memory for metrics, what traces may have.
pub(super) const MEMORY_PART: u64 = 8;
/// Of the bytes on disk for metrics: rows of half of it, since redb's file was measured at twice its rows.
pub(super) const DISK_PART: u64 = 8;
/// Groups of failures are written with traces, or alone at most this often.
const TROUBLES_EVERY_S: u64 = 600;

/// The tracer, and what of it is on disk.
pub(super) struct Traces {
    tracer: Tracer,
    troubles: Arc<Troubles>,
    export: Export,
    /// Bytes of traces on disk, once known.
    held: Mutex<Option<u64>>,
    /// The newest kept trace of each histogram and its label: id, how long it took, when it ended.
    examples: Mutex<BTreeMap<ExampleOf, (TraceId, u64, u64)>>,
}

/// A histogram, and a label of it with its value.
type ExampleOf = (&'static str, (&'static str, &'static str));

/// Stages of a search, and the parts of a trace that they consist of.
const STAGES: [(&str, &[&str]); 5] = [
    ("wait", &["wait"]),
    ("cache", &["cache"]),
    ("candidates", &["lexical", "dense", "fuse"]),
    ("read", &["passages"]),
    ("words", &["words"]),
];

/// A request to the API that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// One that the API serves, or `none`.
    pub route: &'static str,
    pub method: &'a str,
    pub path: &'a str,
    /// The request's id.
    pub request: &'a str,
    pub code: u16,
    pub took_us: u64,
    /// Why it failed, where it did.
    pub error: Option<&'a str>,
}

impl Traces {
    pub(super) fn new(clock: Arc<dyn Clock>, budgets: &Budgets, troubles: Arc<Troubles>) -> Self {
        let tracer = Tracer::new(clock, TraceSettings::of(budgets.metric_memory / MEMORY_PART));
        Self {
            tracer,
            troubles,
            export: Export::default(),
            held: Mutex::default(),
            examples: Mutex::default(),
        }
    }

    /// A request came in with these headers.
    pub(super) fn begin_request<'a>(
        &self,
        parents: impl Iterator<Item = &'a str>,
        states: impl Iterator<Item = &'a str>,
    ) -> Trace {
        let caller = Context::from_headers(parents);
        let state = if caller.is_some() { vendors(states) } else { String::new() };
        self.tracer.begin(Kind::Server, caller, state)
    }

    /// It was answered; tells what goes back with the answer.
    pub(super) fn end_request(&self, trace: Trace, served: &Served<'_>, now_ms: u64) -> Context {
        // What is turned away for a while did not break.
        if let Some(error) = served.error.filter(|_| served.code != 503) {
            self.troubles.note("request", served.route, error, Some(trace.context().trace), now_ms);
        }
        let notes = [
            ("http.response.status_code", Note::Number(u64::from(served.code))),
            ("url.path", Note::Text(served.path)),
            ("request.id", Note::Text(served.request)),
        ];
        let ending = Ending { verb: served.method, what: served.route, error: served.error, notes: &notes };
        self.tracer.end_telling(trace, &ending, |trace| self.set_example(trace, served, now_ms))
    }

    /// A trace is kept: it is the newest of its histograms.
    fn set_example(&self, trace: &Trace, served: &Served<'_>, now_ms: u64) {
        let mut examples = self.examples.lock().unwrap_or_else(PoisonError::into_inner);
        let id = trace.context().trace;
        let mut set = |family, label, took_us| {
            examples.insert((family, label), (id, took_us, now_ms));
        };
        set("spud_api_request_seconds", ("route", served.route), served.took_us);
        let question = match served.route {
            "/v1/ask" => "ask",
            "/v1/search" => "search",
            _ => return,
        };
        if let Some(took_us) = trace.took_us(&["wait", "work"]) {
            set("spud_query_seconds", ("kind", question), took_us);
        }
        for (stage, parts) in STAGES {
            if let Some(took_us) = trace.took_us(parts) {
                set("spud_query_stage_seconds", ("stage", stage), took_us);
            }
        }
    }

    /// A trace that tells more of how long things took, for each histogram and label that has one.
    #[allow(clippy::cast_precision_loss)] // times of our centuries
    pub(super) fn exemplars(&self) -> Vec<Exemplar> {
        let examples = self.examples.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |(of, example): (&ExampleOf, &(TraceId, u64, u64))| {
            let (trace, took_us, at_ms) = example;
            let (value, at_s) = (*took_us as f64 / 1e6, *at_ms as f64 / 1e3);
            Exemplar { family: of.0, label: of.1, trace: trace.to_string(), value, at_s }
        };
        examples.iter().map(one).collect()
    }

    /// Work of its own begins, asked for there.
    pub(super) fn begin_work(&self, origin: Option<Context>) -> Trace {
        let trace = self.tracer.begin(Kind::Consumer, None, String::new());
        if let Some(context) = origin {
            trace.link(context);
        }
        trace
    }

    /// It is over.
    pub(super) fn end_work(&self, trace: Trace, ending: &Ending<'_>) {
        self.tracer.end(trace, ending);
    }

    /// An operation is delivered.
    pub(super) fn begin_delivery(&self, number: u64) -> Trace {
        self.begin_work(self.tracer.recall(number))
    }

    pub(super) fn end_delivery(&self, trace: Trace, number: u64, ending: &Ending<'_>) {
        // A delivery may begin before the request that led to it has said so.
        if !trace.is_linked()
            && let Some(context) = self.tracer.recall(number)
        {
            trace.link(context);
        }
        self.end_work(trace, ending);
    }

    /// A delivery failed. (Of a job, the log tells an error.)
    pub(super) fn delivery_failed(&self, place: &str, error: &str, trace: &Trace, now_ms: u64) {
        self.troubles.note("delivery", place, error, Some(trace.context().trace), now_ms);
    }

    /// A notice was not taken.
    pub(super) fn notice_failed(&self, receiver: &str, error: &str, trace: &Trace, now_ms: u64) {
        self.troubles.note("notice", receiver, error, Some(trace.context().trace), now_ms);
    }

    /// What is made of this operation later came about through that.
    pub(super) fn remember(&self, number: u64, context: Context) {
        self.tracer.remember(number, context);
    }

    /// Called once a second, so many seconds after the start.
    pub(super) fn tick(inner: &Arc<Inner>, seconds: u64) {
        if inner.settings.daemon {
            export::tick(inner);
        }
        let traces = &inner.traces;
        let troubles = seconds.is_multiple_of(TROUBLES_EVERY_S) && traces.troubles.is_changed();
        if inner.settings.daemon && (troubles || traces.tracer.is_due()) {
            traces.keep(inner);
        }
    }

    /// Before the box stops. A command writes only what somebody will look for.
    pub(super) fn end(inner: &Inner) {
        let traces = &inner.traces;
        if inner.settings.daemon || traces.tracer.is_urgent() {
            traces.keep(inner);
        }
    }

    /// Writes what waits, in one commit.
    fn keep(&self, inner: &Inner) {
        if inner.settings.scratch || inner.modes.effects().has(Effect::ReadOnly) {
            return;
        }
        let store = match inner.telemetry.store(true) {
            Ok(Some(store)) => store,
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "traces could not be kept; it is tried again"),
        };
        if let Err(error) = self.load(inner) {
            tracing::warn!(%error, "failures of before are not counted on");
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let most = inner.budgets.metric_bytes / DISK_PART / 2;
        let waiting = self.tracer.take_waiting();
        let (changed, gone) = self.troubles.take_changed();
        let unsaved = self.tracer.unsaved();
        if waiting.is_empty() && changed.is_empty() && gone.is_empty() && unsaved.is_none() {
            return;
        }
        let mut left = Vec::new();
        let written = store.write(|write| {
            let before = held.map_or_else(|| shelf::bytes(write), Ok)?;
            shelf::put_troubles(write, &changed, &gone)?;
            if let Some(number) = unsaved {
                shelf::put_exported(write, number)?;
            }
            shelf::append(write, &waiting, before, most, &mut left)
        });
        match written {
            Ok(bytes) => {
                *held = Some(bytes);
                self.tracer.left_disk(&left);
                unsaved.iter().for_each(|number| self.tracer.saved(*number));
            }
            Err(error) => {
                *held = None;
                self.tracer.put_back(waiting);
                self.troubles.put_back(&changed, gone);
                tracing::warn!(%error, "traces could not be kept; it is tried again");
            }
        }
    }

    /// Groups of failures go on where they stood before the start.
    fn load(&self, inner: &Inner) -> Result<(), StoreError> {
        if self.troubles.is_loaded() {
            return Ok(());
        }
        let stored = match inner.telemetry.store(false) {
            Ok(Some(store)) => shelf::troubles(&store.snapshot()?)?,
            // Nothing was kept yet, or it is not to be had: then it is counted from now on.
            Ok(None) | Err(_) => Vec::new(),
        };
        self.troubles.load(|| stored);
        Ok(())
    }

    /// Gives every trace that is kept, newest first, until `each` has enough.
    fn each(&self, inner: &Inner, each: &mut dyn FnMut(&TraceRecord) -> bool) -> Result<(), String> {
        let newest = self.tracer.newest();
        for (_, record) in &newest {
            if !each(record) {
                return Ok(());
            }
        }
        let Some(store) = inner.telemetry.store(false).map_err(|error| error.to_string())? else {
            return Ok(());
        };
        let in_memory = |number: u64| newest.iter().any(|(known, _)| *known == number);
        let read = store.snapshot().map_err(|error| error.to_string())?;
        shelf::newest(&read, |number, record| in_memory(number) || each(&record))
            .map_err(|error| error.to_string())
    }
}
