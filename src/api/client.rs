//! How the command line and the screen ask: blocking, over the Unix socket, one connection kept open.

use std::io::{self, Cursor, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::types::{Event, MetricEnvelope, Problem, from_json};
use super::wire::{Traffic, Wire};

/// A usual reply must have come by then; long work has its own limit.
const REPLY_TIME: Duration = Duration::from_secs(90);
const LONG_TIME: Duration = Duration::from_secs(6 * 3600);

/// Lists that the command line and the screen show whole, though they come in pages.
pub(super) const WHOLE: [&str; 14] = [
    "/v1/principals",
    "/v1/sessions",
    "/v1/tokens",
    "/v1/roles",
    "/v1/roles/grants",
    "/v1/access/reviews",
    "/v1/policies",
    "/v1/decisions",
    "/v1/registry",
    "/v1/judgements",
    "/v1/use-cases",
    "/v1/violations/rules",
    "/v1/sla",
    "/v1/compliance",
];

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no spud answers at {}: {error}", .socket.display())]
    Unreachable { socket: PathBuf, error: io::Error },
    /// The connection broke before the reply was complete.
    #[error("the connection to spud broke: {0}")]
    Broken(io::Error),
    #[error("spud did not answer in time")]
    Timeout,
    /// Spud said no.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    #[error("spud's reply cannot be understood: {0}")]
    Reply(String),
}

impl ClientError {
    /// True when nothing came back, so that asking again may help.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Broken(_) => true,
            Self::Problem(problem) => problem.kind == "urn:spud:problem:stopping",
            Self::Timeout | Self::Reply(_) => false,
        }
    }
}

/// A link to one socket.
pub struct Client {
    socket: PathBuf,
    wire: Option<Wire>,
    traffic: Arc<Traffic>,
    /// `traceparent` of whoever started this program.
    trace: Option<String>,
}

/// A reply as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    /// Connects now, so that a dead socket is noticed here.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub fn connect(socket: &Path) -> Result<Self, ClientError> {
        let (traffic, trace) = (Arc::default(), of_caller(std::env::var("TRACEPARENT").ok()));
        let mut client = Self { socket: socket.to_owned(), wire: None, traffic, trace };
        client.wire = Some(client.dial()?);
        Ok(client)
    }

    /// Another link to the same socket, for another thread; its bytes are counted apart.
    #[must_use]
    pub fn fork(&self) -> Self {
        let (socket, trace) = (self.socket.clone(), self.trace.clone());
        Self { socket, wire: None, traffic: Arc::default(), trace }
    }

    /// The socket this talks to.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Bytes sent and received so far.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.traffic.sent.load(Ordering::Relaxed), self.traffic.received.load(Ordering::Relaxed))
    }

    /// Asks and reads the reply of this type.
    ///
    /// # Errors
    /// As [`Client::call`]; a problem document becomes [`ClientError::Problem`].
    pub fn get<T: DeserializeOwned>(&mut self, target: &str) -> Result<T, ClientError> {
        parse(&self.call("GET", target, None)?)
    }

    /// Sends a value and reads the reply of this type.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn send<B: Serialize, T: DeserializeOwned>(
        &mut self,
        method: &str,
        target: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Reply(error.to_string()))?;
        parse(&self.call(method, target, Some(&body))?)
    }

    /// Sends bytes of a type, with headers of their own, and reads the reply of this type.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn put_bytes<T: DeserializeOwned>(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<T, ClientError> {
        parse(&self.call_with(method, target, headers, Some(body))?)
    }

    /// One request and its reply, problem documents as errors. A kept connection that the server closed
    /// meanwhile is opened again; a request that may have been received is not repeated here.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(&mut self, method: &str, target: &str, body: Option<&[u8]>) -> Result<Answer, ClientError> {
        let answer = self.call_with(method, target, &[], body)?;
        let path = target.split('?').next().unwrap_or_default();
        if method == "GET" && WHOLE.contains(&path) && !target.contains("limit=") {
            return self.follow(target, answer);
        }
        Ok(answer)
    }

    /// The pages after this one put into it: whoever asks for such a list wants all of it.
    fn follow(&mut self, target: &str, first: Answer) -> Result<Answer, ClientError> {
        let next = |page: &Value| page.get("next").and_then(Value::as_str).map(str::to_owned);
        let mut whole: Value = parse(&first)?;
        let Some(mut cursor) = next(&whole) else { return Ok(first) };
        let sign = if target.contains('?') { '&' } else { '?' };
        loop {
            let more = format!("{target}{sign}cursor={}", escape(&cursor));
            let mut page: Value = parse(&self.call_with("GET", &more, &[], None)?)?;
            let after = next(&page);
            let items = page.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
            if let Some(all) = whole.get_mut("items").and_then(Value::as_array_mut) {
                all.extend(items.unwrap_or_default());
            }
            match after {
                Some(after) if after != cursor => cursor = after,
                _ => break,
            }
        }
        whole["next"] = Value::Null;
        Ok(Answer { status: first.status, body: whole.to_string().into_bytes() })
    }

    fn call_with(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ClientError> {
        let trace = self.trace.clone();
        let parent = trace.as_deref().map(|parent| ("traceparent", parent));
        let headers = &headers.iter().copied().chain(parent).collect::<Vec<_>>();
        let kept = self.wire.take().filter(Wire::is_open);
        let reused = kept.is_some();
        let wire = match kept {
            Some(wire) => wire,
            None => self.dial()?,
        };
        let answer = match self.exchange(wire, method, target, headers, body) {
            Err(ClientError::Broken(_)) if reused && (method == "GET" || is_question(target)) => {
                let wire = self.dial()?;
                self.exchange(wire, method, target, headers, body)?
            }
            other => other?,
        };
        if answer.status < 400 && !waits(&answer) {
            return Ok(answer);
        }
        Err(ClientError::Problem(Box::new(problem_of(&answer))))
    }

    fn exchange(
        &mut self,
        mut wire: Wire,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ClientError> {
        let long = ["/v1/check", "/v1/eval", "/v1/models", "/v1/registry"]
            .iter()
            .any(|path| target.starts_with(path));
        let limit = if long { LONG_TIME } else { REPLY_TIME };
        let sent = wire.read_timeout(Some(limit)).and_then(|()| wire.request(method, target, headers, body));
        // A server that refuses says so before it has read everything: look for its answer first.
        let head = match (sent, wire.head()) {
            (_, Ok(head)) => head,
            (Err(error), _) | (Ok(()), Err(error)) => return Err(broken(error)),
        };
        let body = wire.body(&head).map_err(broken)?;
        if !head.close {
            self.wire = Some(wire);
        }
        Ok(Answer { status: head.status, body })
    }

    /// Events after `last` (from now on, where it is `None`), on a connection of their own.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn events(&self, last: Option<u64>) -> Result<EventStream, ClientError> {
        let mut wire = self.dial()?;
        let last = last.map(|id| id.to_string());
        let headers: Vec<(&str, &str)> = last.iter().map(|id| ("last-event-id", id.as_str())).collect();
        wire.read_timeout(Some(REPLY_TIME)).map_err(broken)?;
        wire.request("GET", "/v1/events", &headers, None).map_err(broken)?;
        let head = wire.head().map_err(broken)?;
        if head.status != 200 {
            let body = wire.body(&head).map_err(broken)?;
            let problem: Problem = from_json(&body).map_err(|error| ClientError::Reply(error.to_string()))?;
            return Err(ClientError::Problem(Box::new(problem)));
        }
        Ok(EventStream { wire, pending: Vec::new() })
    }

    /// Asks for what may be too large to hold: it is read while it comes, on a connection of its own.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn download(&self, target: &str) -> Result<Download, ClientError> {
        let mut wire = self.dial()?;
        wire.read_timeout(Some(LONG_TIME)).map_err(broken)?;
        wire.request("GET", target, &[], None).map_err(broken)?;
        let head = wire.head().map_err(broken)?;
        if head.status == 200 && head.chunked {
            return Ok(Download { wire, chunk: Cursor::default() });
        }
        let answer = Answer { status: head.status, body: wire.body(&head).map_err(broken)? };
        Err(ClientError::Problem(Box::new(problem_of(&answer))))
    }

    fn dial(&self) -> Result<Wire, ClientError> {
        Wire::connect(&self.socket, Arc::clone(&self.traffic))
            .map_err(|error| ClientError::Unreachable { socket: self.socket.clone(), error })
    }
}

/// The variable `TRACEPARENT`, where it can be a header; whether it is one is for the box to say.
fn of_caller(variable: Option<String>) -> Option<String> {
    variable.filter(|text| {
        text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Percent-encodes a path segment or a query value.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// True where nothing was done yet because others are to vote on it.
fn waits(answer: &Answer) -> bool {
    answer.status == 202 && from_json::<Problem>(&answer.body).is_ok_and(|problem| problem.approval.is_some())
}

/// The problem document of a refusal, or what Prometheus' paths say in their own form.
fn problem_of(answer: &Answer) -> Problem {
    if let Ok(problem) = from_json(&answer.body) {
        return problem;
    }
    let said = from_json::<MetricEnvelope<Value>>(&answer.body);
    let detail = said.ok().and_then(|said| said.error);
    Problem {
        status: answer.status,
        title: "Error".to_owned(),
        detail: detail.unwrap_or_else(|| format!("spud answered with status {}", answer.status)),
        ..Problem::default()
    }
}

/// A POST that changes nothing.
pub(crate) fn is_question(target: &str) -> bool {
    ["/v1/search", "/v1/ask", "/v1/embeddings", "/v1/models/inspect", "/v1/files/check"].contains(&target)
}

/// The body as this type; an empty body counts as `null`.
pub(super) fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, ClientError> {
    let body: &[u8] = if answer.body.is_empty() { b"null" } else { &answer.body };
    from_json(body).map_err(|error| ClientError::Reply(error.to_string()))
}

fn broken(error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Timeout,
        io::ErrorKind::InvalidData => ClientError::Reply(error.to_string()),
        _ => ClientError::Broken(error),
    }
}

/// A reply that is read while it comes; one that breaks off is an error, not its end.
pub struct Download {
    wire: Wire,
    chunk: Cursor<Vec<u8>>,
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.chunk.read(buffer)? {
                0 if !buffer.is_empty() => match self.wire.chunk()? {
                    Some(chunk) => self.chunk = Cursor::new(chunk),
                    None => return Ok(0),
                },
                read => return Ok(read),
            }
        }
    }
}

/// Events as they come.
pub struct EventStream {
    wire: Wire,
    pending: Vec<u8>,
}

/// Ends an [`EventStream`] from another thread.
pub struct Closer(UnixStream);

impl Closer {
    /// Whoever waits in [`EventStream::next_event`] gets an error now.
    pub fn close(&self) {
        // Already closed is closed.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl EventStream {
    /// The next event, waited for without limit (the server's keep-alive tells a dead link).
    ///
    /// # Errors
    /// [`ClientError`]; `None` when the server ended the stream.
    pub fn next_event(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.pending.drain(..end + 2).collect();
                if let Some(event) = read_event(&block)? {
                    return Ok(Some(event));
                }
                continue;
            }
            match self.wire.chunk().map_err(broken)? {
                Some(chunk) => self.pending.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// A handle that ends this stream.
    ///
    /// # Errors
    /// No more file descriptors.
    pub fn closer(&self) -> io::Result<Closer> {
        self.wire.handle().map(Closer)
    }
}

/// Comments are `None`.
fn read_event(block: &[u8]) -> Result<Option<Event>, ClientError> {
    let text = String::from_utf8_lossy(block);
    let data: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
    if data.is_empty() {
        return Ok(None);
    }
    from_json(data.join("\n").as_bytes()).map(Some).map_err(|error| ClientError::Reply(error.to_string()))
}
