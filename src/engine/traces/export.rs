//! Tells a collector of OpenTelemetry of the traces that are kept, in their order, a document at a time.
//!
//! Where it stands goes to disk with the traces. After an outage, a restart or a kill it goes on from there: what was
//! under way is sent twice rather than never, and what had to give way before it was sent is counted.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::Traces;
use crate::base::{InOrder, spawn};
use crate::config::{Effective, Secret};
use crate::engine::breakers;
use crate::engine::run::Inner;
use crate::observe::trace::{TraceRecord, Waiting, otlp, shelf};
use crate::resilience::queue::{Outcome, Papers, Upstream, Wire, check_authorities, post};

/// Name of the breaker around the collector.
pub(in crate::engine) const BREAKER: &str = "traces";
const ENDPOINT: &str = "traces.endpoint";
const HEADERS: &str = "traces.headers";
const AUTHORITIES: &str = "traces.ca";
const INTERVAL: &str = "traces.interval_s";
/// What an endpoint is asked for, by the protocol.
const PATH: &str = "/v1/traces";
/// What is wrong with the settings or the disk may be put right.
const WRONG_MS: u64 = 5 * 60_000;
const STACK_KB: usize = 512;
/// Of one document.
const TRACES: usize = 64;
const BYTES: usize = 512 << 10;

/// Sending, as far as it is not the traces' own.
#[derive(Default)]
pub(super) struct Export {
    busy: AtomicBool,
    /// Milliseconds of the clock that only runs on.
    not_before_ms: AtomicU64,
    sent: AtomicU64,
}

/// What goes out next.
struct Document {
    wire: Wire,
    headers: Vec<(String, String)>,
    text: String,
    traces: u64,
    /// Number of the last one.
    last: u64,
}

pub(in crate::engine) fn is_set(inner: &Inner) -> bool {
    inner.config.running().text(ENDPOINT).is_some()
}

/// Traces that a collector was told of since the start, and those that it will never hear of.
pub(in crate::engine) fn counts(inner: &Inner) -> Option<(u64, u64)> {
    let traces = &inner.traces;
    traces.tracer.lost().map(|lost| (traces.export.sent.load(Ordering::Relaxed), lost))
}

/// Once a second: begins to send where that is due.
pub(super) fn tick(inner: &Arc<Inner>) {
    let Traces { tracer, export, .. } = &inner.traces;
    let now_ms = inner.clock.monotonic_us() / 1000;
    match (is_set(inner), tracer.lost()) {
        (false, None) => return,
        (false, Some(_)) => return tracer.export_nothing(),
        (true, Some(_)) => {}
        (true, None) => match begin(inner) {
            Ok((sent, newest)) => tracer.export_after(sent, newest),
            Err(error) => return tracing::warn!(error, "what a collector was told of cannot be read"),
        },
    }
    let is_due = now_ms >= export.not_before_ms.load(Ordering::Relaxed);
    if !is_due || tracer.unsent().is_none() || export.busy.swap(true, Ordering::Relaxed) {
        return;
    }
    let weak = Arc::downgrade(inner);
    if let Err(error) = spawn("traces", STACK_KB, move || run(&weak)) {
        rest(inner);
        tracing::warn!(%error, "traces cannot be sent now");
    }
}

fn begin(inner: &Inner) -> Result<(u64, u64), String> {
    let Some(store) = inner.telemetry.store(false).map_err(|error| error.to_string())? else {
        return Ok((0, 0));
    };
    let read = store.snapshot().map_err(|error| error.to_string())?;
    shelf::exported(&read).map_err(|error| error.to_string())
}

/// The box is held only between two documents: one that is on its way does not keep it from stopping.
fn run(weak: &Weak<Inner>) {
    loop {
        let Some(inner) = weak.upgrade() else { return };
        let next = match next(&inner) {
            Ok(Some(next)) if !inner.is_stopping() && is_let_through(&inner) => next,
            Ok(_) => return rest(&inner),
            Err(error) => {
                later(&inner, &error, Some(WRONG_MS));
                return rest(&inner);
            }
        };
        drop(inner);
        let headers: Vec<(&str, String)> =
            next.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let outcome = post(next.wire, &headers, next.text.as_bytes());
        let Some(inner) = weak.upgrade() else { return };
        if !settle(&inner, outcome, (next.traces, next.last)) {
            return rest(&inner);
        }
    }
}

fn is_let_through(inner: &Inner) -> bool {
    breakers::with(inner, BREAKER, |breaker, now_ms| breaker.allow(now_ms)).unwrap_or(true)
}

/// Nothing more is sent until the next time.
fn rest(inner: &Inner) {
    let export = &inner.traces.export;
    let wait_ms = inner.config.running().number(INTERVAL).saturating_mul(1000);
    let next_ms = (inner.clock.monotonic_us() / 1000).saturating_add(wait_ms);
    export.not_before_ms.fetch_max(next_ms, Ordering::Relaxed);
    export.busy.store(false, Ordering::Relaxed);
}

/// What came of a document; true where the next one may follow.
fn settle(inner: &Inner, outcome: Outcome, (traces, last): (u64, u64)) -> bool {
    let Traces { tracer, export, .. } = &inner.traces;
    let failed = matches!(outcome, Outcome::Retry { failure: true, .. } | Outcome::Stop { .. });
    breakers::with(inner, BREAKER, |breaker, now_ms| breaker.record(failed, now_ms));
    match outcome {
        Outcome::Delivered => {
            export.sent.fetch_add(traces, Ordering::Relaxed);
            tracer.settle(last);
            true
        }
        Outcome::Dead { reason } => {
            tracing::warn!(reason, traces, "the collector refuses traces for good; they are left out");
            tracer.refused(traces, last);
            true
        }
        Outcome::Stop { reason } => later(inner, &reason, None),
        Outcome::Retry { reason, after_ms, .. } => later(inner, &reason, after_ms),
    }
}

fn later(inner: &Inner, reason: &str, after_ms: Option<u64>) -> bool {
    let next_ms = (inner.clock.monotonic_us() / 1000).saturating_add(after_ms.unwrap_or(0));
    inner.traces.export.not_before_ms.fetch_max(next_ms, Ordering::Relaxed);
    tracing::info!(reason, "traces were not sent to the collector; it is tried again");
    false
}

/// The oldest traces that were not sent, from disk and from memory.
fn next(inner: &Inner) -> Result<Option<Document>, String> {
    let Some((sent, newest)) = inner.traces.tracer.unsent() else { return Ok(None) };
    let mut found: Waiting = inner.traces.tracer.after(sent);
    if let Some(store) = inner.telemetry.store(false).map_err(|error| error.to_string())? {
        let stored = store.snapshot().and_then(|read| shelf::after(&read, sent, TRACES));
        let stored = stored.map_err(|error| error.to_string())?;
        found.extend(stored.into_iter().map(|(number, record)| (number, Arc::new(record))));
    }
    found.order_by_key(|(number, _)| *number);
    found.dedup_by_key(|(number, _)| *number);
    let Some((text, traces, last)) = document(&found) else {
        // What is left of the numbers in between was counted when it went.
        inner.traces.tracer.settle(newest);
        return Ok(None);
    };
    let settings = inner.config.running();
    let (wire, headers) = way(&settings)?;
    Ok(Some(Document { wire, headers, text, traces, last }))
}

/// As many as one document takes, how many that are, and the number of the last one.
fn document(found: &[(u64, Arc<TraceRecord>)]) -> Option<(String, u64, u64)> {
    let mut document = otlp::Document::of_this_box();
    let (mut traces, mut last) = (0, None);
    for (number, record) in found.iter().take(TRACES) {
        document.push(record);
        (traces, last) = (traces + 1, Some(*number));
        if document.bytes() > BYTES {
            break;
        }
    }
    Some((document.finish(), traces, last?))
}

fn way(settings: &Effective) -> Result<(Wire, Vec<(String, String)>), String> {
    let endpoint = settings.text(ENDPOINT).unwrap_or_default();
    let upstream = address(endpoint)?;
    let mut headers = match settings.text(HEADERS) {
        Some(reference) => named(reference).map_err(|what| format!("{HEADERS}: {what}"))?,
        None => Vec::new(),
    };
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    let papers = Papers { authorities: settings.text(AUTHORITIES).map(PathBuf::from), own: None };
    Ok((Wire { upstream, secret: None, papers, subject: String::new() }, headers))
}

/// The endpoint is the same for all that the protocol knows: what is asked for follows it.
fn address(endpoint: &str) -> Result<Upstream, String> {
    let base = endpoint.trim_end_matches('/');
    let whole = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
    let upstream = Upstream::parse(&whole)?;
    match upstream.kind() {
        "http" => Ok(upstream),
        _ => Err(format!("'{endpoint}' is not of the form http://host:4318 or https://host")),
    }
}

/// Reads `name=value,name=value`, as OTEL_EXPORTER_OTLP_HEADERS has it.
fn named(reference: &str) -> Result<Vec<(String, String)>, String> {
    let text = Secret::parse(reference)?.read()?;
    let pairs = text.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty());
    let header = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or("headers are of the form name=value,name=value")?;
        let (name, value) = (name.trim(), value.trim());
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_sound = !name.is_empty() && name.bytes().all(is_name);
        match is_sound && value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            true => Ok((name.to_ascii_lowercase(), value.to_owned())),
            false => Err("a header has a name or a value that HTTP does not carry".to_owned()),
        }
    };
    pairs.map(header).collect()
}

/// What is wrong with the settings, key by key.
pub(in crate::engine) fn problems(settings: &Effective) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut check = |key: &'static str, checked: &dyn Fn(&str) -> Result<(), String>| {
        if let Some(Err(what)) = settings.text(key).map(checked) {
            found.push((key, what));
        }
    };
    check(ENDPOINT, &|endpoint| address(endpoint).map(drop));
    check(HEADERS, &|reference| named(reference).map(drop));
    check(AUTHORITIES, &|file| check_authorities(Path::new(file)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_base_or_the_whole_address() {
        for (endpoint, url) in [
            ("http://hub:4318", "http://hub:4318/v1/traces"),
            ("https://hub/otel/", "https://hub/otel/v1/traces"),
            ("http://hub/v1/traces", "http://hub/v1/traces"),
        ] {
            assert_eq!(address(endpoint).unwrap().url(), url);
        }
        assert!(address("nats://hub").is_err() && address("hub:4318").is_err());
    }

    #[test]
    fn headers_are_read_and_what_is_none_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headers");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            named(&format!("file:{}", file.display()))
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("Authorization=Bearer a=b, x-scope = box7\n").unwrap(),
            [pair("authorization", "Bearer a=b"), pair("x-scope", "box7")]
        );
        for wrong in ["Authorization: Bearer x", "=x", "a b=x", "a=\u{e9}"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_document_takes_what_fits_and_says_where_it_ended() {
        let record = |error: usize| {
            let error = "x".repeat(error);
            let (name, attributes) = ("GET /x".to_owned(), Vec::new());
            let (id, parent, kind, failed) = (1, 0, 2, true);
            let span = crate::observe::trace::SpanRecord {
                id,
                parent,
                name,
                kind,
                start_us: 1,
                took_us: 1,
                failed,
                error,
                attributes,
            };
            let record = TraceRecord {
                trace: 7,
                state: String::new(),
                why: 0,
                links: vec![],
                dropped: 0,
                spans: vec![span],
            };
            Arc::new(record)
        };
        assert!(document(&[]).is_none());
        let small: Waiting = (1..=100).map(|number| (number * 10, record(1))).collect();
        let (text, traces, last) = document(&small).unwrap();
        assert_eq!((traces, last, text.matches("traceId").count()), (64, 640, 64));
        let large: Waiting = (1..=9).map(|number| (number, record(BYTES / 2))).collect();
        assert_eq!(document(&large).map(|(_, traces, last)| (traces, last)), Some((2, 2)));
    }
}
