//! `/v1/events`: server-sent events, resumed by `Last-Event-ID`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::{Notify, mpsc};

use super::{Route, get};
use crate::api::app::App;
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{Event, EventKind};
use crate::engine::{Action, Heard, Reply};

/// A comment line this often, so that both ends notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) static ROUTES: [Route; 1] =
    [Route::new("GET", "/v1/events", "What happens, as it happens (SSE)", || get(events))
        .reply(200, "Event")];

async fn events(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let heard = match call.ask(Action::Listen).await? {
        Reply::Listening(heard) => heard,
        other => return unexpected(&other),
    };
    let last = match call.headers.get("last-event-id") {
        None => call.app.engine.events().newest(),
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.trim().parse().ok())
            .ok_or_else(|| Fault::bad_request("Last-Event-ID is not a number that was given as id"))?,
    };
    let (send, response) = Stream::response("text/event-stream");
    tokio::spawn(feed(call.app, last, heard, send));
    Ok(response)
}

/// Sends events until the reader or the server goes away. A slow reader skips what the ring forgets.
async fn feed(app: App, mut last: u64, heard: Heard, send: Sender) {
    let wake = Arc::new(Notify::new());
    let bell = Arc::clone(&wake);
    let _listening = app.engine.events().listen(move || bell.notify_one());
    // The first bytes tell the reader that the stream is open.
    if send.send(Ok(Bytes::from_static(b": spud\n\n"))).await.is_err() {
        return;
    }
    loop {
        let mut new = app.engine.events().since(last);
        if let Some(newest) = new.last() {
            last = newest.id;
            new.retain(|event| match event.kind {
                EventKind::Log(_) => heard.logs,
                EventKind::Config(_) => heard.config,
                EventKind::Queue(_) | EventKind::Operation(_) => heard.queue,
                _ => true,
            });
            if new.is_empty() {
                continue;
            }
            if send.send(Ok(render(&new))).await.is_err() {
                return;
            }
            continue;
        }
        tokio::select! {
            () = wake.notified() => {}
            () = send.closed() => return,
            () = app.stopped() => return,
            () = tokio::time::sleep(KEEP_ALIVE) => {
                if send.send(Ok(Bytes::from_static(b":\n\n"))).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn render(events: &[Event]) -> Bytes {
    let mut text = String::new();
    for event in events {
        // JSON has no line breaks of its own: one data line is enough.
        let data = serde_json::to_string(event).unwrap_or_default();
        text.push_str(&format!("id: {}\ndata: {data}\n\n", event.id));
    }
    Bytes::from(text)
}

/// Gives the parts of a [`Stream`]; an error breaks it off, so that nobody takes it for the whole.
pub(super) type Sender = mpsc::Sender<io::Result<Bytes>>;

/// A body that is made while it is sent.
pub(super) struct Stream(mpsc::Receiver<io::Result<Bytes>>);

impl Stream {
    /// One part waits at most: whoever reads slowly has it made slowly.
    pub(super) fn response(kind: &'static str) -> (Sender, Response) {
        let (send, receive) = mpsc::channel(1);
        let mut response = Response::new(Body::new(Self(receive)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        (send, response)
    }
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}
