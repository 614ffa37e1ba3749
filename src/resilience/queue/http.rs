//! Delivery over HTTP/1.1, plain or over TLS, one request at a time on a connection that is kept.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::delivery::{Delivery, Link, Outcome, Parcel, judge};
use super::tls;
use super::upstream::{Upstream, Wire};
use crate::base::{Clock, SystemClock};

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const BODY: usize = 64 << 10;
/// Letters of an answer that are kept as the reason of a failure.
const SAID: usize = 200;

/// An HTTP upstream.
pub(super) struct HttpDelivery {
    to: Address,
    /// `Bearer ...`, never shown.
    token: Option<HeaderValue>,
    runtime: Runtime,
    kept: Option<SendRequest<Full<Bytes>>>,
    clock: SystemClock,
}

/// Where it is, and over which kind of connection.
struct Address {
    upstream: Upstream,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

enum Failure {
    /// Nothing was sent.
    Unreachable(String),
    Broken(String),
}

impl HttpDelivery {
    /// The secret goes along as `Authorization: Bearer` (RFC 6750).
    ///
    /// # Errors
    /// No more file descriptors, nobody to trust, or a token that no header can carry.
    pub(super) fn new(wire: Wire) -> Result<Self, String> {
        let Wire { upstream, secret, papers, .. } = wire;
        let token = secret.map(|token| {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let value = value.map_err(|_| "the upstream's token has letters that no header carries");
            value.map(|mut value| {
                value.set_sensitive(true);
                value
            })
        });
        let token = token.transpose()?;
        let tls = match upstream.tls {
            true => {
                let name = ServerName::try_from(upstream.bare_host().to_owned());
                let name = name.map_err(|_| format!("'{}' is no name of a server", upstream.bare_host()))?;
                Some((tls::client(&papers)?, name))
            }
            false => None,
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let to = Address { upstream, tls };
        Ok(Self { to, token, runtime, kept: None, clock: SystemClock::default() })
    }
}

/// A server that wants a certificate of this box says so only after the handshake, as its end of the connection.
fn broken(error: &hyper::Error) -> Failure {
    Failure::Broken(tls::explain(error).unwrap_or_else(|| format!("the connection broke: {error}")))
}

/// Sends one message to somebody who is not the upstream, on a connection of its own. What comes of it is judged as
/// of an operation.
#[must_use]
pub fn post(wire: Wire, headers: &[(&str, String)], body: &[u8]) -> Outcome {
    let again = |reason: String, counts| Outcome::Retry { after_ms: None, reason, counts, failure: true };
    let HttpDelivery { to, token, runtime, clock, .. } = match HttpDelivery::new(wire) {
        Ok(http) => http,
        Err(reason) => return again(reason, true),
    };
    let mut request = Request::post(&to.upstream.target)
        .header(HOST, to.upstream.authority())
        .header("user-agent", concat!("spud/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    if let Some(token) = &token {
        request = request.header(AUTHORIZATION, token);
    }
    let request = match request.body(Full::new(Bytes::copy_from_slice(body))) {
        Ok(request) => request,
        Err(error) => return Outcome::Dead { reason: error.to_string() },
    };
    let sent = runtime.block_on(async {
        let both = CONNECT + ANSWER;
        let sent = tokio::time::timeout(both, async {
            let mut link = connect(&to).await?;
            let response = link.send_request(request).await;
            read(response.map_err(|error| broken(&error))?).await
        });
        let late = || Failure::Broken(format!("no answer in {} s", both.as_secs()));
        sent.await.unwrap_or_else(|_| Err(late()))
    });
    match sent {
        Ok((status, after, said)) => judge(status, after.as_deref(), &said, clock.now_ms()),
        Err(Failure::Unreachable(reason)) => again(reason, false),
        Err(Failure::Broken(reason)) => again(reason, true),
    }
}

impl Delivery for HttpDelivery {
    fn deliver(&mut self, parcel: &Parcel) -> Outcome {
        let Self { to, token, runtime, kept, clock } = self;
        let sent = runtime.block_on(async {
            let both = CONNECT + ANSWER;
            match tokio::time::timeout(both, send(to, token.as_ref(), kept, parcel)).await {
                Ok(sent) => sent,
                Err(_) => Err(Failure::Broken(format!("no answer in {} s", both.as_secs()))),
            }
        });
        match sent {
            Ok((status, after, said)) => judge(status, after.as_deref(), &said, clock.now_ms()),
            Err(failure) => {
                *kept = None;
                let (reason, counts) = match failure {
                    Failure::Unreachable(reason) => (reason, false),
                    Failure::Broken(reason) => (reason, true),
                };
                Outcome::Retry { after_ms: None, reason, counts, failure: true }
            }
        }
    }

    fn longest_ms(&self) -> u64 {
        u64::try_from((CONNECT + ANSWER).as_millis()).unwrap_or(u64::MAX)
    }

    fn link(&self) -> Link {
        Link { tls: self.to.tls.is_some(), ..Link::default() }
    }
}

async fn send(
    to: &Address,
    token: Option<&HeaderValue>,
    kept: &mut Option<SendRequest<Full<Bytes>>>,
    parcel: &Parcel,
) -> Result<(u16, Option<String>, String), Failure> {
    let mut link = match kept.take().filter(|link| !link.is_closed()) {
        Some(link) => link,
        None => connect(to).await?,
    };
    if link.ready().await.is_err() {
        link = connect(to).await?;
    }
    let broken = |error: hyper::Error| broken(&error);
    let request = request(&to.upstream, token, parcel).map_err(|error| Failure::Broken(error.to_string()))?;
    let response = match link.try_send_request(request).await {
        Ok(response) => response,
        // The upstream closed the kept connection before anything went out: a new one is tried at once.
        Err(mut error) => match error.take_message() {
            Some(request) => {
                link = connect(to).await?;
                link.send_request(request).await.map_err(broken)?
            }
            None => return Err(broken(error.into_error())),
        },
    };
    let answer = read(response).await?;
    *kept = Some(link);
    Ok(answer)
}

async fn connect(to: &Address) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let authority = to.upstream.authority();
    let unreachable = |error: &dyn std::fmt::Display| {
        Failure::Unreachable(format!("{authority} cannot be reached: {error}"))
    };
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(&authority));
    let stream = stream.await.map_err(|_| unreachable(&"no answer"))?.map_err(|error| unreachable(&error))?;
    stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
    let Some((config, name)) = &to.tls else {
        return greet(stream).await.map_err(|error| unreachable(&error));
    };
    let stream = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await;
    let stream = stream.map_err(|error| match tls::explain(&error) {
        Some(what) => unreachable(&what),
        None => unreachable(&error),
    })?;
    greet(stream).await.map_err(|error| unreachable(&error))
}

async fn greet(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> hyper::Result<SendRequest<Full<Bytes>>> {
    let (link, connection) = handshake(TokioIo::new(stream)).await?;
    // It moves on only while a delivery runs on this runtime, and ends with the link.
    tokio::spawn(connection);
    Ok(link)
}

fn request(
    upstream: &Upstream,
    token: Option<&HeaderValue>,
    parcel: &Parcel,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let operation = &parcel.operation;
    let plain = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let content_type = Some(operation.content_type.as_str()).filter(|text| !text.is_empty() && plain(text));
    let mut request = Request::post(&upstream.target)
        .header(HOST, upstream.authority())
        .header(CONTENT_TYPE, content_type.unwrap_or("application/octet-stream"))
        .header("idempotency-key", parcel.delivery_id())
        .header("user-agent", concat!("spud/", env!("CARGO_PKG_VERSION")))
        .header("x-spud-lane", operation.lane.name())
        .header("x-spud-created-ms", operation.created_ms)
        .header("x-spud-attempt", operation.attempts.saturating_add(1));
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, token);
    }
    if let Some(trace) = &parcel.trace {
        request = request.header("traceparent", trace);
    }
    for (name, text) in [("x-spud-kind", &operation.kind), ("x-spud-key", &operation.key)] {
        if !text.is_empty() && plain(text) {
            request = request.header(name, text);
        }
    }
    request.body(Full::new(Bytes::from(parcel.payload.clone())))
}

async fn read(response: Response<Incoming>) -> Result<(u16, Option<String>, String), Failure> {
    let status = response.status().as_u16();
    let after = response.headers().get(RETRY_AFTER).and_then(|text| text.to_str().ok()).map(str::to_owned);
    // The status is the answer; a body that breaks off takes nothing from it.
    let body = Limited::new(response.into_body(), BODY).collect().await.map(|all| all.to_bytes());
    let said = if status < 300 { String::new() } else { words(&body.unwrap_or_default()) };
    Ok((status, after, said))
}

/// The `detail` of a problem document, or the first line.
fn words(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let detail = json.as_ref().and_then(|json| json.get("detail")?.as_str()).map(str::to_owned);
    let text =
        detail.unwrap_or_else(|| String::from_utf8_lossy(body).lines().next().unwrap_or_default().into());
    text.chars().filter(|letter| !letter.is_control()).take(SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::queue::Papers;

    #[test]
    fn the_token_goes_along_and_is_not_shown() {
        let upstream = Upstream::parse("http://hub/in").unwrap();
        let wire = |secret: &str| Wire {
            upstream: upstream.clone(),
            secret: Some(secret.to_owned()),
            papers: Papers::default(),
            subject: String::new(),
        };
        let delivery = HttpDelivery::new(wire("s3cret")).unwrap();
        let parcel = Parcel {
            id: crate::resilience::queue::Id { box_id: 1, epoch: 2, number: 3 },
            operation: crate::resilience::queue::Operation {
                epoch: 2,
                kind: "reading".into(),
                content_type: String::new(),
                bytes: 0,
                lane: Default::default(),
                key: String::new(),
                criticality: 0,
                created_ms: 0,
                not_before_ms: 0,
                expires_ms: 0,
                attempts: 0,
                last_error: String::new(),
                state: crate::resilience::queue::State::Queued,
                lease: (0, 0),
                ended_ms: 0,
                uid: 0,
                pid: 0,
            },
            payload: Vec::new(),
            revision: 2,
            trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        };
        let sent = request(&upstream, delivery.token.as_ref(), &parcel).unwrap();
        assert_eq!(sent.headers()["authorization"], "Bearer s3cret");
        assert_eq!(sent.headers()["idempotency-key"], format!("{}-2", parcel.id));
        assert_eq!(sent.headers()["traceparent"], parcel.trace.as_deref().unwrap());
        assert!(!format!("{:?}", sent.headers()).contains("s3cret"));
        assert!(request(&upstream, None, &parcel).unwrap().headers().get("authorization").is_none());
        assert!(HttpDelivery::new(wire("a\nb")).is_err());
    }
}
