//! The API's side of the screen: two workers for requests, one thread for events.
//!
//! Events wait in one bounded inbox, the newest state of each thing only, so that a stalled screen
//! never holds up the engine and never grows.

mod obey;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::api::types::{
    Alert, AlertSilence, Breaker, Event, EventKind, Job, LogPage, MetricEnvelope, MetricValue, ModeReport,
    Page, Problem, from_json,
};
use crate::base;
use crate::base::InOrder;
use crate::tui::effect::{
    AccessRequest, AlertRequest, AuditRequest, BackupRequest, Call, ConfigRequest, DashboardRequest, Effect,
    GovernRequest, IncidentRequest, ProbeRequest, Request, TraceRequest,
};
use crate::tui::model::{Side, SideList, alert_row, log_row};
use crate::tui::msg::{
    AccessReply, AlertAnswer, AuditAnswer, BackupReply, ConfigAnswer, DashboardAnswer, GovernAnswer,
    IncidentAnswer, Msg, Ordered, ProbeAnswer, Reply, TraceAnswer, Wire,
};
use crate::tui::{Inlet, Link, LinkError};

/// Requests that may wait for a worker, and log lines that may wait for the screen.
const QUEUE: usize = 64;
const LOG_LINES: usize = 2000;
/// Whoever finds no host may become it, and opens the stores on its stack; only touched pages count.
const STACK_KB: usize = 2048;
/// Waits between tries of a broken event stream, in seconds.
const RETRY: [u64; 5] = [1, 2, 4, 8, 15];

/// The newest of everything that the event stream told.
#[derive(Default)]
pub(crate) struct Inbox {
    latest: BTreeMap<String, Event>,
    logs: VecDeque<Event>,
    bytes: u64,
    /// The screen has been told and has not looked yet.
    told: bool,
}

impl Inbox {
    /// Keeps an event; true when the screen must be told.
    fn put(&mut self, event: Event, bytes: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        let slot = match &event.kind {
            EventKind::Log(_) => {
                if self.logs.len() >= LOG_LINES {
                    self.logs.pop_front();
                }
                self.logs.push_back(event);
                return !std::mem::replace(&mut self.told, true);
            }
            EventKind::Job(job) => format!("job {}", job.id),
            EventKind::Index(collection) => format!("index {}", collection.name),
            EventKind::Status(_) => "status".to_owned(),
            EventKind::Mode(_) => "mode".to_owned(),
            EventKind::Queue(_) => "queue".to_owned(),
            EventKind::Operation(_) => "operation".to_owned(),
            EventKind::Config(_) => "config".to_owned(),
            EventKind::Alert(alert) => format!("alert {}", alert.id),
            EventKind::Missed(_) => "missed".to_owned(),
        };
        self.latest.insert(slot, event);
        !std::mem::replace(&mut self.told, true)
    }

    fn take(&mut self) -> Msg {
        self.told = false;
        let mut events: Vec<Event> = std::mem::take(&mut self.latest).into_values().collect();
        events.extend(self.logs.drain(..));
        events.order_by_key(|e| e.id);
        Msg::Events(events, Wire { bytes: std::mem::take(&mut self.bytes), round_trip_us: 0 })
    }
}

#[derive(Default)]
struct Listening {
    wanted: Mutex<bool>,
    changed: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the threads and hands requests to them.
pub(crate) struct Desk {
    questions: SyncSender<Request>,
    rest: SyncSender<Request>,
    inbox: Arc<Mutex<Inbox>>,
    listening: Arc<Listening>,
}

impl Desk {
    pub(crate) fn open(link: Box<dyn Link>, to: &SyncSender<Inlet>) -> io::Result<Self> {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let listening = Arc::new(Listening::default());
        let questions = worker("spud-ask", link.fork(), to.clone())?;
        let rest = worker("spud-link", link.fork(), to.clone())?;
        let (in_box, ears, out) = (Arc::clone(&inbox), Arc::clone(&listening), to.clone());
        base::spawn("spud-events", STACK_KB, move || listen(link, &in_box, &ears, &out))?;
        Ok(Self { questions, rest, inbox, listening })
    }

    /// Hands a request to its worker; a refusal comes back where the queue is full.
    pub(crate) fn send(&self, request: Request) -> Option<Msg> {
        let queue = match request {
            Request::Ask(..) | Request::Passages { .. } => &self.questions,
            _ => &self.rest,
        };
        let (request, title) = match queue.try_send(request) {
            Ok(()) => return None,
            Err(TrySendError::Full(r)) => (r, "The box is still busy with earlier requests."),
            Err(TrySendError::Disconnected(r)) => (r, "The link's worker has ended."),
        };
        let problem = Problem { title: title.to_owned(), status: 503, ..Problem::default() };
        Some(Msg::Refused(Box::new(request), Box::new(problem), Wire::default()))
    }

    pub(crate) fn listen(&self, wanted: bool) {
        *lock(&self.listening.wanted) = wanted;
        self.listening.changed.notify_all();
    }

    pub(crate) fn take_events(&self) -> Msg {
        lock(&self.inbox).take()
    }

    /// Does what concerns the link; anything else comes back.
    pub(crate) fn run(&self, effect: Effect) -> Result<Option<Msg>, Effect> {
        match effect {
            Effect::Request(request) => Ok(self.send(request)),
            Effect::Listen(wanted) => {
                self.listen(wanted);
                Ok(None)
            }
            other => Err(other),
        }
    }
}

fn worker(name: &str, mut link: Box<dyn Link>, to: SyncSender<Inlet>) -> io::Result<SyncSender<Request>> {
    let (queue, requests): (SyncSender<Request>, Receiver<Request>) = sync_channel(QUEUE);
    base::spawn(name, STACK_KB, move || {
        while let Ok(request) = requests.recv() {
            if to.send(Inlet::Msg(serve(link.as_mut(), request))).is_err() {
                return;
            }
        }
    })?;
    Ok(queue)
}

/// One request: call, decode, measure.
pub(crate) fn serve(link: &mut dyn Link, request: Request) -> Msg {
    let began = Instant::now();
    let before = total(link);
    let result = match &request {
        Request::Order(orders) => obey::all(link, orders).map(Reply::Ordered),
        request => called(link, request.call()).and_then(|body| decode(request, &body)),
    };
    let round_trip_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    let wire = Wire { bytes: total(link).saturating_sub(before), round_trip_us };
    match result {
        Ok(reply) => Msg::Reply(Box::new(reply), wire),
        Err(e) => Msg::Refused(Box::new(request), Box::new(e.problem), wire),
    }
}

fn called(link: &mut dyn Link, call: Call) -> Result<Vec<u8>, LinkError> {
    match call.method {
        "GET" => link.get(&call.path),
        method => link.send(method, &call.path, call.body),
    }
}

fn total(link: &dyn Link) -> u64 {
    let (received, sent) = link.bytes();
    received.saturating_add(sent)
}

fn decode(request: &Request, body: &[u8]) -> Result<Reply, LinkError> {
    Ok(match request {
        Request::Ask(serial, _) => Reply::Answer(*serial, json(body)?),
        Request::Status => Reply::Status(json(body)?),
        Request::Health => Reply::Health(json(body)?),
        Request::Profile => Reply::Profile(json(body)?),
        Request::Hardware => Reply::Hardware(json(body)?),
        Request::Collections => Reply::Collections(page(body)?.items),
        Request::Documents { serial, append, .. } => Reply::Documents(*serial, *append, page(body)?),
        Request::Jobs => Reply::Jobs(page(body)?.items),
        Request::Failures => Reply::Failures(page(body)?.items),
        Request::Logs(query) => Reply::Logs(Box::new(query.clone()), json(body)?),
        Request::Passages { serial, way, .. } => Reply::Passages(*serial, *way, page(body)?.items),
        Request::Add(add) => Reply::Done(format!("Adding {}.", add.paths.join(", ")), job(body)),
        Request::RemoveDocument(_) => Reply::Done("Removed the document.".to_owned(), job(body)),
        Request::Reindex(name) => Reply::Done(format!("Indexing \"{name}\" again."), job(body)),
        Request::CancelJob(_) => Reply::Done("The job is being cancelled.".to_owned(), job(body)),
        Request::Mode => Reply::Mode(json(body)?),
        Request::ForceMode(_) | Request::AutoMode => {
            let report: ModeReport = json(body)?;
            Reply::ModeSet(format!("The mode is {} now.", report.now.title))
        }
        Request::Metric(request) => {
            let envelope: MetricEnvelope<MetricValue> = json(body)?;
            Reply::Metric(Box::new(request.clone()), envelope.data.unwrap_or_default())
        }
        Request::Words(start) => {
            let envelope: MetricEnvelope<Vec<String>> = json(body)?;
            Reply::Words(start.clone(), envelope.data.unwrap_or_default())
        }
        Request::Config(request) => Reply::Config(config(request, body)?),
        Request::Queue => Reply::Queue(json(body)?),
        Request::Breakers | Request::HoldBreaker(_) | Request::ReleaseBreaker(_) => {
            Reply::Breakers(json::<Page<Breaker>>(body)?.items)
        }
        Request::DeadLetters => Reply::DeadLetters(page(body)?.items),
        Request::ShowOperation(_) => Reply::Operation(json(body)?, false),
        Request::EditLetter(_) => Reply::Operation(json(body)?, true),
        Request::SaveLetter(..) => Reply::QueueSet("The payload was changed; R queues it again.".to_owned()),
        Request::RetryLetter(_) => Reply::QueueSet("It is queued again, in its old place.".to_owned()),
        Request::PauseQueue => Reply::QueueSet("Nothing is delivered until you resume.".to_owned()),
        Request::ResumeQueue => Reply::QueueSet("Deliveries go on.".to_owned()),
        Request::Backup(request) => Reply::Backup(backup(request, body)?),
        Request::Access(request) => Reply::Access(access(request, body)?),
        Request::Audit(request) => Reply::Audit(audit(request, body)?),
        Request::Govern(request) => Reply::Govern(govern(request, body)?),
        Request::Alert(request) => Reply::Alert(alert(request, body)?),
        Request::Dashboard(request) => Reply::Dashboard(dashboard(request, body)?),
        Request::Trace(request) => Reply::Trace(trace(request, body)?),
        Request::Probe(ProbeRequest::List) => Reply::Probe(ProbeAnswer::List(json(body)?)),
        Request::Probe(ProbeRequest::Test(_)) => Reply::Probe(ProbeAnswer::Tested(json(body)?)),
        Request::Incident(request) => Reply::Incident(incident(request, body)?),
        Request::Order(_) => Reply::Ordered(Ordered::default()),
    })
}

fn access(request: &AccessRequest, body: &[u8]) -> Result<AccessReply, LinkError> {
    Ok(match request {
        AccessRequest::WhoAmI => AccessReply::WhoAmI(json(body)?),
        AccessRequest::Grants => AccessReply::Grants(page(body)?.items),
        AccessRequest::Principals => AccessReply::Principals(page(body)?.items),
        AccessRequest::Roles => AccessReply::Roles(page(body)?.items),
        AccessRequest::Policies => AccessReply::Policies(json(body)?),
        AccessRequest::Decisions => AccessReply::Decisions(page(body)?.items),
        AccessRequest::Sessions => AccessReply::Sessions(page(body)?.items),
        AccessRequest::Reviews => AccessReply::Reviews(page(body)?.items),
    })
}

fn govern(request: &GovernRequest, body: &[u8]) -> Result<GovernAnswer, LinkError> {
    Ok(match request {
        GovernRequest::Approvals(..) => GovernAnswer::Approvals(page(body)?.items),
        GovernRequest::Approval(_) => GovernAnswer::Approval(json(body)?),
        GovernRequest::UseCases => GovernAnswer::UseCases(page(body)?.items),
        GovernRequest::Models => GovernAnswer::Models(json(body)?),
        GovernRequest::ModelHistory(sha256) => GovernAnswer::History(sha256.clone(), page(body)?.items),
        GovernRequest::Judged => GovernAnswer::Judged(page(body)?.items),
        GovernRequest::Compare(..) | GovernRequest::CompareRevisions(_) => {
            GovernAnswer::Compared(json(body)?)
        }
    })
}

fn incident(request: &IncidentRequest, body: &[u8]) -> Result<IncidentAnswer, LinkError> {
    Ok(match request {
        IncidentRequest::List(_) => IncidentAnswer::List(page(body)?.items),
        IncidentRequest::Objectives => IncidentAnswer::Objectives(page(body)?.items),
        IncidentRequest::Budgets(_) => {
            let envelope: MetricEnvelope<MetricValue> = json(body)?;
            IncidentAnswer::Budgets(Box::new(envelope.data.unwrap_or_default()))
        }
        IncidentRequest::Show(_) => IncidentAnswer::One(json(body)?),
    })
}

fn alert(request: &AlertRequest, body: &[u8]) -> Result<AlertAnswer, LinkError> {
    Ok(match request {
        AlertRequest::List(_) => AlertAnswer::List(page(body)?.items),
        AlertRequest::Notices => AlertAnswer::Notices(page(body)?.items),
        AlertRequest::Side(Side::Receivers) => AlertAnswer::Side(SideList::receivers(&json(body)?)),
        AlertRequest::Side(Side::Silences) => {
            AlertAnswer::Side(SideList::silences(&page::<AlertSilence>(body)?.items))
        }
        AlertRequest::Side(Side::Rules) => AlertAnswer::Side(SideList::rules(&json(body)?)),
        AlertRequest::Test(name) => AlertAnswer::Changed(format!("A test is on its way to {name}.")),
        AlertRequest::Acknowledge(..) => AlertAnswer::Changed("Noted: somebody has seen it.".to_owned()),
        AlertRequest::Silence(_) => AlertAnswer::Changed("Silenced.".to_owned()),
        AlertRequest::Unsilence(_) => AlertAnswer::Changed("The silence is over.".to_owned()),
    })
}

fn dashboard(request: &DashboardRequest, body: &[u8]) -> Result<DashboardAnswer, LinkError> {
    Ok(match request {
        DashboardRequest::List => DashboardAnswer::List(json(body)?),
        DashboardRequest::Save(..) => DashboardAnswer::Saved(json(body)?),
        DashboardRequest::Remove(_) => DashboardAnswer::Removed(json(body)?),
        DashboardRequest::Rows(rows) if rows.log => {
            let page: LogPage = json(body)?;
            DashboardAnswer::Rows(rows.clone(), page.items.iter().map(log_row).collect())
        }
        DashboardRequest::Rows(rows) => {
            let alerts: Vec<Alert> = page(body)?.items;
            DashboardAnswer::Rows(rows.clone(), alerts.iter().take(rows.most).map(alert_row).collect())
        }
    })
}

fn trace(request: &TraceRequest, body: &[u8]) -> Result<TraceAnswer, LinkError> {
    Ok(match request {
        TraceRequest::List(kind) => TraceAnswer::List(*kind, page(body)?.items),
        TraceRequest::Show(_) => TraceAnswer::Whole(json(body)?),
        TraceRequest::Errors => TraceAnswer::Groups(page(body)?.items),
    })
}

fn audit(request: &AuditRequest, body: &[u8]) -> Result<AuditAnswer, LinkError> {
    Ok(match request {
        AuditRequest::Status => AuditAnswer::Status(json(body)?),
        AuditRequest::List { cursor, .. } => AuditAnswer::Page(cursor.clone(), page(body)?),
        AuditRequest::Show(_) => AuditAnswer::Entry(json(body)?),
        AuditRequest::Verify => AuditAnswer::Verdict(json(body)?),
        AuditRequest::Checkpoint => AuditAnswer::Signed(json(body)?),
        AuditRequest::Evidence(_) => AuditAnswer::Evidence(page(body)?.items),
        AuditRequest::Rules => AuditAnswer::Rules(page(body)?.items),
        AuditRequest::Compliance => AuditAnswer::Compliance(page(body)?.items),
        AuditRequest::Statement(_) => AuditAnswer::Statement(json(body)?),
    })
}

fn backup(request: &BackupRequest, body: &[u8]) -> Result<BackupReply, LinkError> {
    Ok(match request {
        BackupRequest::Status => BackupReply::Status(json(body)?),
        BackupRequest::List => BackupReply::List(page(body)?.items),
        BackupRequest::Store => BackupReply::Store(json(body)?),
        BackupRequest::Check => BackupReply::Checked(json(body)?),
        BackupRequest::Compact => BackupReply::Compacted(json(body)?),
        BackupRequest::Show(_) => BackupReply::Detail(json(body)?),
        _ => BackupReply::Begun(json(body)?),
    })
}

fn config(request: &ConfigRequest, body: &[u8]) -> Result<ConfigAnswer, LinkError> {
    Ok(match request {
        ConfigRequest::Report => ConfigAnswer::Report(json(body)?),
        ConfigRequest::Check { serial, .. } => ConfigAnswer::Checked(*serial, json(body)?),
        ConfigRequest::Versions => ConfigAnswer::Versions(page(body)?.items),
        ConfigRequest::Version(_) => ConfigAnswer::Version(json(body)?),
        ConfigRequest::Unset { dry_run: true, .. } | ConfigRequest::Rollback { dry_run: true, .. } => {
            ConfigAnswer::Preview(Box::new(request.clone()), json(body)?)
        }
        _ => ConfigAnswer::Changed(json(body)?),
    })
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, LinkError> {
    from_json(body).map_err(|e| LinkError {
        problem: Problem {
            title: "The box sent something this version does not understand.".to_owned(),
            status: 502,
            detail: e.to_string(),
            ..Problem::default()
        },
    })
}

fn page<T: DeserializeOwned>(body: &[u8]) -> Result<Page<T>, LinkError> {
    json(body)
}

/// A change may answer with its job, or with nothing.
fn job(body: &[u8]) -> Option<Box<Job>> {
    from_json::<Job>(body).ok().filter(|j| !j.id.is_empty()).map(Box::new)
}

/// Listens while wanted; tries again, ever more rarely, while the stream is broken.
fn listen(mut link: Box<dyn Link>, inbox: &Mutex<Inbox>, ears: &Listening, to: &SyncSender<Inlet>) {
    let mut after = 0;
    let mut failures = 0usize;
    loop {
        let mut wanted = lock(&ears.wanted);
        while !*wanted {
            wanted = ears.changed.wait(wanted).unwrap_or_else(PoisonError::into_inner);
        }
        drop(wanted);
        let mut fresh = true;
        let mut gone = false;
        // The sink cannot ask the link for its count, so an event's size stands for it.
        let result = link.events(after, &mut |event| {
            after = event.id;
            if std::mem::take(&mut fresh) {
                failures = 0;
                gone |= to.send(Inlet::Msg(Msg::Up)).is_err();
            }
            let bytes = serde_json::to_vec(&event).map_or(0, |v| v.len() as u64);
            if lock(inbox).put(event, bytes) {
                gone |= to.send(Inlet::Events).is_err();
            }
            if gone || !*lock(&ears.wanted) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if gone {
            return;
        }
        if let Err(e) = result {
            if to.send(Inlet::Msg(Msg::Down(Box::new(e.problem)))).is_err() {
                return;
            }
        } else if !*lock(&ears.wanted) {
            continue;
        }
        let seconds = RETRY.get(failures).or(RETRY.last()).copied().unwrap_or(15);
        failures += 1;
        let held = lock(&ears.wanted);
        let _ = ears.changed.wait_timeout_while(held, Duration::from_secs(seconds), |w| *w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::types::{LogLine, Status};

    #[test]
    fn the_inbox_keeps_the_newest_and_stays_small() {
        let mut inbox = Inbox::default();
        for id in 0..10_000 {
            let kind = if id % 2 == 0 {
                EventKind::Status(Box::new(Status { uptime_ms: id, ..Status::default() }))
            } else {
                EventKind::Log(LogLine::default())
            };
            let told = inbox.put(Event { id, at_ms: 0, kind }, 10);
            assert_eq!(told, id == 0, "the screen is told once");
        }
        let Msg::Events(events, wire) = inbox.take() else { panic!("events") };
        assert_eq!(events.len(), LOG_LINES + 1);
        assert_eq!(wire.bytes, 100_000);
        assert!(events.iter().any(|e| matches!(&e.kind, EventKind::Status(s) if s.uptime_ms == 9998)));
    }
}
