//! Serves the routes: one thread, one async runtime, limits on everything a client can hold.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, watch};

use super::app::App;
use super::auth::Peer;
use super::call::RequestId;
use super::explain::Explained;
use super::fault::Fault;
use super::route;
use super::socket::Bound;
use crate::engine::{Engine, Served, Trace};

/// A request's headers must have arrived by then; an idle connection is closed.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// A request that may take long; a usual one is limited by `api.seconds`.
const LONG_TIME: Duration = Duration::from_secs(6 * 3600);
/// What runs at the stop may take this long to end.
const DRAIN_TIME: Duration = Duration::from_secs(3);
/// A connection whose session was revoked may end its last request.
const REVOKED_TIME: Duration = Duration::from_secs(1);
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 16 << 10;
/// Refused clients that are told so; beyond that they are just closed.
const REFUSALS: usize = 16;
const STACK_KB: usize = 512;

/// A server at work.
pub(super) struct Server {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    /// Where TCP is served.
    pub(super) network: Option<SocketAddr>,
}

impl Server {
    /// Starts serving on a thread of its own.
    pub(super) fn start(
        engine: Arc<Engine>,
        socket: Bound,
        network: Option<TcpListener>,
    ) -> io::Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let address = network.as_ref().map(TcpListener::local_addr).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let app = App::new(engine, stopping);
        let (local, served) = socket.into_parts();
        let thread = crate::base::spawn("spud-api", STACK_KB, move || {
            let _served = served;
            runtime.block_on(async move {
                if let Err(error) = serve(app, local, network).await {
                    tracing::error!(%error, "the API stopped");
                }
            });
            runtime.shutdown_timeout(Duration::from_millis(100));
        })?;
        Ok(Self { stop, thread: Some(thread), network: address })
    }
}

impl Drop for Server {
    /// Stops accepting, lets what runs end (up to a limit), closes the socket.
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Door {
    app: App,
    router: TowerToHyperService<Router>,
    open: Arc<AtomicUsize>,
    refusing: Arc<AtomicUsize>,
}

async fn serve(
    app: App,
    local: std::os::unix::net::UnixListener,
    network: Option<TcpListener>,
) -> io::Result<()> {
    let local = tokio::net::UnixListener::from_std(local)?;
    let network = match network {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            Some(tokio::net::TcpListener::from_std(listener)?)
        }
        None => None,
    };
    let router = TowerToHyperService::new(route::router(app.clone()));
    let door = Door { app: app.clone(), router, open: Arc::default(), refusing: Arc::default() };
    loop {
        tokio::select! {
            accepted = local.accept() => match accepted {
                Ok((stream, _)) => match Peer::of(&stream) {
                    Ok(peer) => door.admit(stream, peer),
                    Err(error) => tracing::warn!(%error, "a client without credentials was turned away"),
                },
                Err(error) => pause(&error).await,
            },
            accepted = accept_network(network.as_ref()) => match accepted {
                Ok(stream) => door.admit(stream, Peer::Network),
                Err(error) => pause(&error).await,
            },
            () = app.stopped() => break,
        }
    }
    drop((local, network));
    let drained = async {
        while door.open.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(DRAIN_TIME, drained).await.is_err() {
        tracing::warn!("requests that did not end in time were cut off");
    }
    Ok(())
}

async fn accept_network(listener: Option<&tokio::net::TcpListener>) -> io::Result<tokio::net::TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Out of descriptors or memory: waiting is better than spinning.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

impl Door {
    fn admit(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        if self.open.load(Ordering::Acquire) >= self.app.limits().connections {
            if self.refusing.load(Ordering::Acquire) < REFUSALS {
                let place = Place::take(&self.refusing);
                let id = self.app.request_id();
                tokio::spawn(async move {
                    let _place = place;
                    let _ = tokio::time::timeout(Duration::from_secs(1), refuse(stream, &id)).await;
                });
            }
            return;
        }
        let place = Place::take(&self.open);
        tokio::spawn(self.clone().connection(stream, peer, place));
    }

    async fn connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
        _place: Place,
    ) {
        let app = self.app.clone();
        let revoked = Arc::new(Notify::new());
        let close = Arc::clone(&revoked);
        let seat = Arc::new(app.engine.seat(move || close.notify_one()));
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (door, peer) = (self.clone(), peer.clone());
            request.extensions_mut().insert(Arc::clone(&seat));
            async move { Ok::<_, std::convert::Infallible>(door.answer(request, peer).await) }
        });
        let mut server = http1::Builder::new();
        server
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_headers(HEADERS)
            .max_buf_size(HEADER_BYTES);
        let connection = server.serve_connection(TokioIo::new(Explained::new(stream, app.clone())), service);
        tokio::pin!(connection);
        // A broken or hostile client is its own problem: nothing to report beyond debug.
        let result = tokio::select! {
            result = connection.as_mut() => result,
            // What it asked just now is answered; a stream of events would never end by itself.
            () = revoked.notified() => {
                connection.as_mut().graceful_shutdown();
                let _ = tokio::time::timeout(REVOKED_TIME, connection.as_mut()).await;
                return;
            }
            () = app.stopped() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection ended badly");
        }
    }

    /// One request from start to end: id, rules of the network, time limit, log line.
    async fn answer(self, request: Request<Incoming>, peer: Peer) -> Response {
        let started = tokio::time::Instant::now();
        let id = request_id(&self.app, request.headers().get("x-request-id"));
        let trace = begin_trace(&self.app, request.headers());
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let route = route::table().find(|route| route.serves(&method, &path));
        let mut response = match refused_on_network(&request, &peer, route.is_some_and(|route| route.network))
        {
            Some(fault) => fault.into_response(),
            None => {
                let usual = Duration::from_secs(self.app.limits().seconds);
                let limit = if route.is_some_and(|route| route.long) { LONG_TIME } else { usual };
                self.clone().routed(request, peer, (&id, &trace), limit).await
            }
        };
        let mut error = None;
        if let Some(fault) = response.extensions_mut().remove::<Fault>() {
            error = (fault.0.status >= 500).then(|| fault.0.detail.clone());
            let allow = response.headers_mut().remove(header::ALLOW);
            response = fault.render(&id);
            if let Some(allow) = allow {
                response.headers_mut().insert(header::ALLOW, allow);
            }
        }
        let took_us = started.elapsed().as_micros();
        let status = response.status().as_u16();
        // The path names no document text and no query; the query string stays out of the log.
        let known = route.map_or("none", |route| route.path);
        {
            let _at = trace.enter();
            tracing::debug!(request = %id, %method, path, status, took_us, "answered");
        }
        let served = Served {
            route: known,
            method: &method,
            path: &path,
            request: &id,
            code: status,
            took_us: u64::try_from(took_us).unwrap_or(u64::MAX),
            error: error.as_deref(),
        };
        if let Ok(parent) = HeaderValue::from_str(&self.app.engine.served(trace, &served)) {
            response.headers_mut().insert(HeaderName::from_static("traceparent"), parent);
        }
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
        }
        response
    }

    async fn routed(
        self,
        request: Request<Incoming>,
        peer: Peer,
        (id, trace): (&str, &Trace),
        limit: Duration,
    ) -> Response {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(RequestId(id.to_owned()));
        request.extensions_mut().insert(trace.clone());
        match tokio::time::timeout(limit, self.router.call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => Fault::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "the request took too long")
                .retry_after(5)
                .into_response(),
        }
    }
}

/// The trace that a request is part of, by its headers, or a new one. What is no text is told as what cannot be read.
fn begin_trace(app: &App, headers: &HeaderMap) -> Trace {
    let all = |name: &str| {
        let values: Vec<&str> =
            headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect();
        values.into_iter()
    };
    app.engine.begin_trace(all("traceparent"), all("tracestate"))
}

/// A client's own id when it is harmless in a log, otherwise a new one.
fn request_id(app: &App, given: Option<&HeaderValue>) -> String {
    let given = given.and_then(|id| id.to_str().ok()).filter(|id| {
        !id.is_empty()
            && id.len() <= 64
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    });
    given.map_or_else(|| app.request_id(), str::to_owned)
}

/// On the network only what is open to it, and only for those who name this box: a web page that a browser
/// of this box shows must not be able to ask (DNS rebinding, cross-site requests).
fn refused_on_network(request: &Request<Incoming>, peer: &Peer, open: bool) -> Option<Fault> {
    if *peer != Peer::Network {
        return None;
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    let here = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    if !here || request.headers().contains_key(header::ORIGIN) {
        return Some(Fault::new(StatusCode::FORBIDDEN, "forbidden", "this address answers to this box only"));
    }
    // Whoever shows a token is asked about by the policies.
    let named = request.headers().contains_key(header::AUTHORIZATION);
    (!open && !named).then(|| {
        Fault::new(StatusCode::FORBIDDEN, "forbidden", "this is not served over TCP without a token")
            .advice("use the Unix socket, or Authorization: Bearer TOKEN (`spud principal token create`)")
    })
}

/// Says why, then waits for the client to hang up, so that the answer is not lost with what it sent.
async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin, id: &str) -> io::Result<()> {
    let fault =
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-connections", "too many open connections");
    stream.write_all(&fault.retry_after(1).wire(id)).await?;
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Counts one more until dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
