//! Delivery to NATS JetStream, one message at a time, in effect exactly once without a limit of time.
//!
//! Each lane has a subject of this box alone. A message carries its delivery id (`Nats-Msg-Id`: the server drops
//! doubles for as long as it remembers ids) and the sequence that the subject must end at
//! (`Nats-Expected-Last-Subject-Sequence`: holds for ever). Where the subject ends elsewhere, what came since is read:
//! see [`super::line`].

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Request, RequestErrorKind};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

use super::delivery::{Delivery, Link, Outcome, Parcel};
use super::jetstream::{self, Ack, Kept, how_to_make};
use super::line::{Line, Mark};
use super::tls;
use super::upstream::{BOX, Wire};
use crate::base::{Clock, SystemClock};

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(5);
/// One try, with its connection and all it has to read; a kept connection that broke is tried once more.
const TRY: Duration = Duration::from_secs(14);
/// What came since is read for so long at once.
const READ: Duration = Duration::from_secs(6);
/// A connection that was idle longer is not used again: nobody answered the server's pings meanwhile.
const IDLE_US: u64 = 60_000_000;
const REFUSED_MS: u64 = 60_000;
const NO_STREAM_MS: u64 = 30_000;
/// A subject whose end moves while it is read has another writer.
const ROUNDS: usize = 4;

/// A NATS upstream.
pub(super) struct NatsDelivery {
    wire: Wire,
    live: Option<Live>,
    /// By subject.
    lines: BTreeMap<String, Line>,
    link: Link,
    /// What the server said beside its answers.
    said: Arc<Mutex<String>>,
    clock: SystemClock,
}

struct Live {
    /// Its own: with it, every task and the socket of the connection end.
    runtime: Option<Runtime>,
    client: Client,
    used_us: u64,
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

enum Trouble {
    /// The connection is of no use any more.
    Broken(String),
    Answered(Outcome),
}

fn wait(after_ms: Option<u64>, reason: String) -> Trouble {
    Trouble::Answered(Outcome::Retry { after_ms, reason, counts: false, failure: true })
}

impl NatsDelivery {
    pub(super) fn new(wire: Wire) -> Self {
        let link = Link { tls: wire.upstream.tls, ..Link::default() };
        Self {
            wire,
            live: None,
            lines: BTreeMap::new(),
            link,
            said: Arc::default(),
            clock: SystemClock::default(),
        }
    }

    fn connect(&mut self) -> Result<(), Trouble> {
        let unreachable = |what: &dyn std::fmt::Display| {
            wait(None, format!("{} cannot be reached: {what}", self.wire.upstream.authority()))
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| unreachable(&error))?;
        let options = options(&self.wire, Arc::clone(&self.said));
        let connected = runtime
            .block_on(async { timeout(CONNECT + CONNECT, options.connect(self.wire.upstream.url())).await });
        let client = match connected {
            Err(_) => return Err(unreachable(&"no answer")),
            Ok(Ok(client)) => client,
            Ok(Err(error)) => {
                let refused = matches!(
                    error.kind(),
                    ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication
                );
                if refused {
                    let place = self.wire.upstream.authority();
                    let reason = format!("{place} lets this box not in: check queue.upstream_token");
                    return Err(wait(Some(REFUSED_MS), reason));
                }
                return Err(match tls::explain(&error) {
                    Some(what) => unreachable(&what),
                    None => unreachable(&innermost(&error)),
                });
            }
        };
        let info = client.server_info();
        self.link.server = match info.version.is_empty() {
            true => info.server_name,
            false => format!("{} (nats-server {})", info.server_name, info.version),
        };
        self.link.tls = self.wire.upstream.tls || info.tls_required;
        self.live = Some(Live { runtime: Some(runtime), client, used_us: 0 });
        Ok(())
    }

    fn attempt(&mut self, subject: &str, parcel: &Parcel) -> Result<(), Trouble> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if self.live.is_none() {
            self.connect()?;
        }
        let Some(Live { runtime: Some(runtime), client, used_us }) = &mut self.live else {
            return Err(Trouble::Broken("no connection".into()));
        };
        let line = self.lines.entry(subject.to_owned()).or_default();
        let put = Put { client, subject, parcel, stream: &mut self.link.stream };
        let tried = runtime.block_on(async { timeout(TRY, put.run(line)).await });
        *used_us = self.clock.monotonic_us();
        let tried =
            tried.unwrap_or_else(|_| Err(Trouble::Broken(format!("no answer in {} s", TRY.as_secs()))));
        tried.map_err(|trouble| match trouble {
            Trouble::Broken(reason) => {
                let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                let more = if said.is_empty() { String::new() } else { format!(" (it said: {said})") };
                Trouble::Broken(format!("{}: {reason}{more}", self.wire.upstream.authority()))
            }
            other => other,
        })
    }
}

impl Delivery for NatsDelivery {
    fn deliver(&mut self, parcel: &Parcel) -> Outcome {
        let base = self.wire.subject.replace(BOX, &format!("{:016x}", parcel.id.box_id));
        let subject = format!("{base}.{}", parcel.operation.lane.name());
        let now_us = self.clock.monotonic_us();
        self.live = self.live.take().filter(|live| now_us.saturating_sub(live.used_us) < IDLE_US);
        let was_kept = self.live.is_some();
        let mut tried = self.attempt(&subject, parcel);
        if was_kept && matches!(tried, Err(Trouble::Broken(_))) {
            // The server may have been restarted since. Asking again doubles nothing.
            self.live = None;
            tried = self.attempt(&subject, parcel);
        }
        if let Some(line) = self.lines.get(&subject) {
            (self.link.subject, self.link.sequence) = (subject, Some(line.sequence));
        }
        match tried {
            Ok(()) => Outcome::Delivered,
            Err(Trouble::Answered(outcome)) => outcome,
            Err(Trouble::Broken(reason)) => {
                self.live = None;
                Outcome::Retry { after_ms: None, reason, counts: false, failure: true }
            }
        }
    }

    fn longest_ms(&self) -> u64 {
        u64::try_from((2 * TRY).as_millis()).unwrap_or(u64::MAX)
    }

    fn recall(&mut self, marks: Vec<Mark>) {
        for mark in marks.into_iter().filter(|mark| mark.upstream == self.wire.upstream.url()) {
            self.link.sequence = self.link.sequence.max(Some(mark.sequence));
            self.lines.entry(mark.subject).or_default().sequence = mark.sequence;
        }
    }

    fn marks(&self) -> Vec<Mark> {
        let mark = |(subject, line): (&String, &Line)| Mark {
            upstream: self.wire.upstream.url().to_owned(),
            subject: subject.clone(),
            sequence: line.sequence,
            arrived: line.arrivals(),
        };
        self.lines.iter().map(mark).collect()
    }

    fn settled(&mut self, open: &BTreeSet<u64>) {
        self.lines.values_mut().for_each(|line| line.settled(open));
    }

    fn link(&self) -> Link {
        self.link.clone()
    }
}

pub(super) fn options(wire: &Wire, said: Arc<Mutex<String>>) -> ConnectOptions {
    let mut options = ConnectOptions::new()
        .name(concat!("spud/", env!("CARGO_PKG_VERSION")))
        .connection_timeout(CONNECT)
        .request_timeout(Some(ANSWER))
        .require_tls(wire.upstream.tls)
        .ignore_discovered_servers()
        .max_reconnects(1)
        .client_capacity(16)
        .event_callback(move |event| {
            if let Event::ServerError(error) = event {
                *said.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
            }
            std::future::ready(())
        });
    if let Some(file) = &wire.papers.authorities {
        options = options.add_root_certificates(file.clone());
    }
    if let Some((certificate, key)) = &wire.papers.own {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    match wire.secret.as_deref().map(|secret| (secret, secret.split_once(':'))) {
        None => options,
        Some((_, Some((user, password)))) => options.user_and_password(user.to_owned(), password.to_owned()),
        Some((token, None)) => options.token(token.to_owned()),
    }
}

/// One operation on its way, over a connection that stands.
struct Put<'a> {
    client: &'a Client,
    subject: &'a str,
    parcel: &'a Parcel,
    stream: &'a mut String,
}

impl Put<'_> {
    async fn run(self, line: &mut Line) -> Result<(), Trouble> {
        let id = self.parcel.delivery_id();
        for _ in 0..ROUNDS {
            if line.has_arrived(&id) {
                return Ok(());
            }
            match self.publish(&id, line.sequence).await? {
                Ack::Stored { stream, sequence } => {
                    *self.stream = stream;
                    line.sequence = sequence;
                    line.note(&id, sequence, self.parcel.id.box_id);
                    return Ok(());
                }
                Ack::Duplicate { stream, sequence } => {
                    *self.stream = stream;
                    line.note(&id, sequence, self.parcel.id.box_id);
                    return Ok(());
                }
                Ack::Refused(outcome) => return Err(Trouble::Answered(outcome)),
                Ack::WrongLast { stream } => {
                    *self.stream = stream;
                    self.catch_up(line).await?;
                }
            }
        }
        let reason = format!("somebody else writes to {} at the same time", self.subject);
        Err(wait(None, reason))
    }

    async fn publish(&self, id: &str, expected: u64) -> Result<Ack, Trouble> {
        let operation = &self.parcel.operation;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id);
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        headers.insert("Spud-Created-Ms", operation.created_ms.to_string());
        if let Some(trace) = &self.parcel.trace {
            headers.insert("traceparent", trace.as_str());
        }
        let texts = [
            ("Content-Type", &operation.content_type),
            ("Spud-Kind", &operation.kind),
            ("Spud-Key", &operation.key),
        ];
        for (name, text) in texts {
            if !text.is_empty() && !text.chars().any(char::is_control) {
                headers.insert(name, text.as_str());
            }
        }
        let request = Request::new().headers(headers).payload(self.parcel.payload.clone().into());
        let answer = match self.client.send_request(self.subject.to_owned(), request).await {
            Ok(answer) => answer,
            Err(error) => {
                return Err(match error.kind() {
                    RequestErrorKind::NoResponders => wait(Some(NO_STREAM_MS), how_to_make(self.subject)),
                    RequestErrorKind::MaxPayloadExceeded => Trouble::Answered(Outcome::Dead {
                        reason: format!("larger than the server takes ({} bytes)", self.client.max_payload()),
                    }),
                    RequestErrorKind::TimedOut => {
                        Trouble::Broken(format!("no answer in {} s", ANSWER.as_secs()))
                    }
                    _ => Trouble::Broken(format!("the connection broke: {}", innermost(&error))),
                });
            }
        };
        jetstream::ack(&answer.payload).map_err(|what| wait(Some(NO_STREAM_MS), what))
    }

    /// Reads what came to the subject since its end was known.
    async fn catch_up(&self, line: &mut Line) -> Result<(), Trouble> {
        let until = Instant::now() + READ;
        let mut is_anew = false;
        loop {
            let before = line.sequence;
            while let Some(found) = self.get(&jetstream::ask_from(self.subject, line.sequence + 1)).await? {
                line.note(&found.id, found.sequence, self.parcel.id.box_id);
                if Instant::now() > until || line.is_full() {
                    let reason = format!("reading what came to {} before {}", self.subject, found.sequence);
                    let quietly = Outcome::Retry { after_ms: None, reason, counts: false, failure: false };
                    return Err(Trouble::Answered(quietly));
                }
            }
            if line.sequence > before || is_anew {
                return Ok(());
            }
            // Nothing newer: the stream was emptied, or is another one than before.
            match self.get(&jetstream::ask_last(self.subject)).await? {
                Some(last) if last.sequence < line.sequence => (line.sequence, is_anew) = (0, true),
                Some(_) => return Ok(()),
                None => {
                    line.sequence = 0;
                    return Ok(());
                }
            }
        }
    }

    async fn get(&self, ask: &serde_json::Value) -> Result<Option<Kept>, Trouble> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", self.stream);
        let request = Request::new().payload(ask.to_string().into());
        let answer = self.client.send_request(subject, request).await;
        let answer = answer.map_err(|error| {
            Trouble::Broken(format!("stream {} cannot be read: {}", self.stream, innermost(&error)))
        })?;
        jetstream::kept(&answer.payload).map_err(|what| wait(None, what))
    }
}

/// The reason at the end of a chain.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut found = error;
    while let Some(next) = found.source() {
        found = next;
    }
    found.to_string()
}
