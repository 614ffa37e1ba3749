//! What [`crate::tui::update::update`] wants done: requests over the link, and acts on the terminal.

mod access;
mod alert;
mod audit;
mod backup;
mod dashboard;
mod govern;
mod incident;
mod order;
mod probe;
mod trace;

pub(crate) use access::AccessRequest;
pub(crate) use alert::AlertRequest;
pub(crate) use audit::AuditRequest;
pub(crate) use backup::BackupRequest;
pub(crate) use dashboard::{DashboardRequest, RowsRequest};
pub(crate) use govern::GovernRequest;
pub(crate) use incident::IncidentRequest;
pub(crate) use order::{BYTES, Order, SentFile, WHOLE, listed, new_file, put_line};
pub(crate) use probe::ProbeRequest;
pub(crate) use trace::TraceRequest;

use serde::Serialize;

use crate::api::types::{
    AddRequest, DocumentQuery, ForceBreaker, ForceMode, LogQuery, RollbackConfig, SearchRequest, SetConfig,
    ValidateConfig,
};
use crate::tui::msg::Way;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Request(Request),
    /// Keep the event stream open, or let it go.
    Listen(bool),
    Copy(String),
    Redraw,
    /// Write what was drawn into a file.
    SaveScreen,
    /// Write these lines, JSON each, into a file.
    SaveLines(String),
    Suspend,
    Quit,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Ask(u64, SearchRequest),
    Status,
    Health,
    Profile,
    Hardware,
    Collections,
    Documents {
        serial: u64,
        append: bool,
        query: DocumentQuery,
    },
    Jobs,
    Failures,
    Logs(LogQuery),
    Passages {
        serial: u64,
        way: Way,
        document: String,
        chunk: String,
    },
    Add(AddRequest),
    RemoveDocument(String),
    Reindex(String),
    CancelJob(String),
    Mode,
    ForceMode(ForceMode),
    AutoMode,
    Breakers,
    HoldBreaker(ForceBreaker),
    ReleaseBreaker(String),
    Queue,
    DeadLetters,
    ShowOperation(String),
    /// What [`Self::ShowOperation`] reads, to be edited.
    EditLetter(String),
    SaveLetter(String, String),
    RetryLetter(String),
    /// One, or all.
    PauseQueue,
    ResumeQueue,
    Backup(BackupRequest),
    Access(AccessRequest),
    Config(ConfigRequest),
    Audit(AuditRequest),
    Metric(MetricRequest),
    /// What a name in an expression may go on with.
    Words(String),
    Govern(GovernRequest),
    /// Done one after the other, until one is refused.
    Order(Vec<Order>),
    Alert(AlertRequest),
    Dashboard(DashboardRequest),
    Trace(TraceRequest),
    Probe(ProbeRequest),
    Incident(IncidentRequest),
}

/// Graphs are made of as few points as they show.
const AUTO: &str = "&max_source_resolution=auto";

/// Values over a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetricRequest {
    pub(crate) serial: u64,
    /// Which graph it is for.
    pub(crate) panel: usize,
    pub(crate) query: String,
    pub(crate) start_s: u64,
    pub(crate) end_s: u64,
    pub(crate) step_s: u64,
}

impl MetricRequest {
    fn path(&self) -> String {
        let Self { start_s, end_s, step_s, .. } = self;
        let query = escape(&self.query);
        format!("/api/v1/query_range?query={query}&start={start_s}&end={end_s}&step={step_s}{AUTO}")
    }
}

/// What is asked of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfigRequest {
    Report,
    /// Nothing changes: what would come of this value.
    Check {
        serial: u64,
        key: String,
        value: String,
    },
    Set {
        key: String,
        value: String,
        reason: String,
        confirm_s: Option<u64>,
    },
    Unset {
        key: String,
        dry_run: bool,
    },
    Rollback {
        version: u64,
        dry_run: bool,
    },
    Confirm,
    Versions,
    Version(String),
}

impl ConfigRequest {
    fn call(&self) -> Call {
        let get = |path: String| Call { method: "GET", path, body: None };
        let put = |key: &str, request: &SetConfig| Call {
            method: "PUT",
            ..post(format!("/v1/config/{}", escape(key)), request)
        };
        match self {
            Self::Report => get("/v1/config".to_owned()),
            Self::Check { key, value, .. } => {
                let (key, value) = (Some(key.clone()), value.as_str().into());
                let request = ValidateConfig { key, value, ..ValidateConfig::default() };
                post("/v1/config/validate".to_owned(), &request)
            }
            Self::Set { key, value, reason, confirm_s } => {
                let (reason, confirm_s) = (reason.clone(), *confirm_s);
                put(key, &SetConfig { value: value.as_str().into(), reason, confirm_s, dry_run: false })
            }
            Self::Unset { key, dry_run } => {
                put(key, &SetConfig { dry_run: *dry_run, ..SetConfig::default() })
            }
            Self::Rollback { version, dry_run } => {
                let request =
                    RollbackConfig { version: *version, dry_run: *dry_run, ..RollbackConfig::default() };
                post("/v1/config/rollback".to_owned(), &request)
            }
            Self::Confirm => Call { method: "POST", path: "/v1/config/confirm".to_owned(), body: None },
            Self::Versions => get("/v1/config/history?limit=200".to_owned()),
            Self::Version(id) => get(format!("/v1/config/history/{}", escape(id))),
        }
    }

    fn purpose(&self) -> &'static str {
        match self {
            Self::Report => "read the settings",
            Self::Check { .. } => "check the value",
            Self::Set { .. } => "change the setting",
            Self::Unset { .. } => "take the setting out",
            Self::Rollback { .. } => "roll the settings back",
            Self::Confirm => "confirm the settings",
            Self::Versions | Self::Version(_) => "read the versions",
        }
    }
}

/// Passages asked for at once, around a result and when reading on.
pub(crate) const AROUND: usize = 3;
pub(crate) const ONWARD: usize = 8;

/// Method, path and body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn call(&self) -> Call {
        let get = |path: &str| Call { method: "GET", path: path.to_owned(), body: None };
        let delete = |path: String| Call { method: "DELETE", path, body: None };
        let command = |path: String| Call { method: "POST", path, body: None };
        match self {
            Self::Ask(_, request) => post("/v1/ask".to_owned(), request),
            Self::Status => get("/v1/status"),
            Self::Health => get("/v1/health"),
            Self::Profile => get("/v1/profile"),
            Self::Hardware => get("/v1/hardware"),
            Self::Collections => get("/v1/collections"),
            Self::Documents { query, .. } => get(&documents(query)),
            Self::Jobs => get("/v1/jobs"),
            Self::Failures => get("/v1/failures"),
            Self::Logs(query) => get(&logs(query)),
            Self::Passages { way, document, chunk, .. } => {
                let (before, after) = match way {
                    Way::Around => (AROUND, AROUND),
                    Way::Before => (ONWARD, 0),
                    Way::After => (0, ONWARD),
                };
                let pairs = [
                    ("around", (!chunk.is_empty()).then(|| chunk.clone())),
                    ("before", Some(before.to_string())),
                    ("after", Some(after.to_string())),
                ];
                get(&with_query(&format!("/v1/documents/{}/passages", escape(document)), &pairs))
            }
            Self::Add(request) => post("/v1/documents".to_owned(), request),
            Self::RemoveDocument(id) => delete(format!("/v1/documents/{}", escape(id))),
            Self::Reindex(name) => command(format!("/v1/collections/{}/reindex", escape(name))),
            Self::CancelJob(id) => delete(format!("/v1/jobs/{}", escape(id))),
            Self::Mode => get("/v1/mode"),
            Self::ForceMode(request) => post("/v1/mode/force".to_owned(), request),
            Self::AutoMode => command("/v1/mode/auto".to_owned()),
            Self::Breakers => get("/v1/breakers"),
            Self::HoldBreaker(request) => {
                post(format!("/v1/breakers/{}/force", escape(&request.name)), request)
            }
            Self::ReleaseBreaker(name) => command(format!("/v1/breakers/{}/auto", escape(name))),
            Self::Queue => get("/v1/queue"),
            Self::DeadLetters => get("/v1/queue/dead?limit=200"),
            Self::ShowOperation(id) | Self::EditLetter(id) => get(&format!("/v1/operations/{}", escape(id))),
            Self::SaveLetter(id, payload) => Call {
                method: "PUT",
                path: format!("/v1/queue/dead/{}?keep_type=1", escape(id)),
                body: Some(payload.clone().into_bytes()),
            },
            Self::RetryLetter(id) => command(format!("/v1/queue/dead/{}/retry", escape(id))),
            Self::PauseQueue => {
                let reason = "paused on the screen".to_owned();
                post("/v1/queue/pause".to_owned(), &crate::api::types::PauseQueue { reason })
            }
            Self::ResumeQueue => command("/v1/queue/resume".to_owned()),
            Self::Config(request) => request.call(),
            Self::Metric(request) => get(&request.path()),
            Self::Words(start) => get(&format!("/v1/metrics/words?start={}", escape(start))),
            Self::Backup(request) => request.call(),
            Self::Access(request) => request.call(),
            Self::Audit(request) => request.call(),
            Self::Govern(request) => request.call(),
            Self::Order(orders) => orders.first().map(Order::call).unwrap_or_else(|| get("/v1/whoami")),
            Self::Alert(request) => request.call(),
            Self::Dashboard(request) => request.call(),
            Self::Trace(request) => request.call(),
            Self::Probe(request) => request.call(),
            Self::Incident(request) => request.call(),
        }
    }

    /// What was tried, for a refusal's message.
    pub(crate) fn purpose(&self) -> &'static str {
        match self {
            Self::Ask(..) => "ask",
            Self::Status | Self::Health | Self::Profile | Self::Hardware => "read the box's state",
            Self::Collections => "list the collections",
            Self::Documents { .. } => "list the documents",
            Self::Jobs => "list the jobs",
            Self::Failures => "list the failures",
            Self::Logs(_) => "read the log",
            Self::Passages { .. } => "read the document",
            Self::Add(_) => "add documents",
            Self::RemoveDocument(_) => "remove the document",
            Self::Reindex(_) => "re-index",
            Self::CancelJob(_) => "cancel the job",
            Self::Mode => "read the mode",
            Self::ForceMode(_) => "force the mode",
            Self::AutoMode => "give the mode back",
            Self::Config(request) => request.purpose(),
            Self::Metric(_) | Self::Words(_) => "read the metrics",
            Self::Breakers => "read the breakers",
            Self::HoldBreaker(_) => "hold the breaker",
            Self::ReleaseBreaker(_) => "give the breaker back",
            Self::Queue => "read the queue",
            Self::DeadLetters => "list the dead letters",
            Self::ShowOperation(_) | Self::EditLetter(_) => "read the operation",
            Self::SaveLetter(..) => "change the payload",
            Self::RetryLetter(_) => "queue it again",
            Self::PauseQueue => "pause the queue",
            Self::ResumeQueue => "resume the queue",
            Self::Backup(request) => request.purpose(),
            Self::Access(request) => request.purpose(),
            Self::Audit(request) => request.purpose(),
            Self::Govern(request) => request.purpose(),
            Self::Order(orders) => orders.first().map_or("do it", |order| order.purpose),
            Self::Alert(request) => request.purpose(),
            Self::Dashboard(request) => request.purpose(),
            Self::Trace(request) => request.purpose(),
            Self::Probe(request) => request.purpose(),
            Self::Incident(request) => request.purpose(),
        }
    }

    /// True where a person asked for a change and must hear how it ended.
    pub(crate) fn changes(&self) -> bool {
        matches!(self, Self::Order(_)) || (self.call().method != "GET" && !matches!(self, Self::Ask(..)))
    }
}

fn post(path: String, body: &impl Serialize) -> Call {
    Call { method: "POST", path, body: serde_json::to_vec(body).ok() }
}

fn logs(query: &LogQuery) -> String {
    let pairs = [
        ("level", query.level.clone()),
        ("contains", query.contains.clone()),
        ("before", query.before.clone()),
        ("n", (query.n > 0).then(|| query.n.to_string())),
    ];
    with_query("/v1/logs", &pairs)
}

fn documents(query: &DocumentQuery) -> String {
    let pairs = [
        ("collection", query.collection.clone()),
        ("contains", query.contains.clone()),
        ("kind", query.kind.clone()),
        ("cursor", query.cursor.clone()),
        ("limit", (query.limit > 0).then(|| query.limit.to_string())),
    ];
    with_query("/v1/documents", &pairs)
}

fn with_query(path: &str, pairs: &[(&str, Option<String>)]) -> String {
    let mut out = path.to_owned();
    let given = pairs.iter().filter_map(|(k, v)| v.as_ref().map(|v| (k, v)));
    for (i, (name, value)) in given.enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        out.push_str(&format!("{name}={}", escape(value)));
    }
    out
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_become_calls() {
        let query = DocumentQuery { contains: Some("a b&c".into()), limit: 50, ..DocumentQuery::default() };
        let call = Request::Documents { serial: 1, append: false, query }.call();
        assert_eq!((call.method, call.path.as_str()), ("GET", "/v1/documents?contains=a%20b%26c&limit=50"));
        let call = Request::RemoveDocument("../x y".into()).call();
        assert_eq!((call.method, call.path.as_str()), ("DELETE", "/v1/documents/..%2Fx%20y"));
        let ask = Request::Ask(1, SearchRequest { q: "pump".into(), ..SearchRequest::default() });
        assert!(!ask.changes());
        assert!(String::from_utf8(ask.call().body.unwrap()).unwrap().contains("\"q\":\"pump\""));
        assert!(Request::Reindex("a".into()).changes());
    }
}
