//! A body for the refusals that hyper writes by itself, before a request exists: a malformed request line, too
//! many or too large headers.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::app::App;
use super::fault::Fault;

/// A connection whose bare refusals become problem documents on the way out.
pub(super) struct Explained<S> {
    stream: S,
    app: App,
    /// Our words in place of hyper's, how far they are written, and how many bytes of hyper's they stand for.
    instead: Option<(Vec<u8>, usize, usize)>,
}

impl<S> Explained<S> {
    pub(super) fn new(stream: S, app: App) -> Self {
        Self { stream, app, instead: None }
    }
}

/// The status of a refusal that hyper made up: every response of ours carries a request id.
fn bare(head: &[u8]) -> Option<StatusCode> {
    let whole = head.starts_with(b"HTTP/1.") && head.ends_with(b"\r\n\r\n") && head.len() < 512;
    let text = std::str::from_utf8(head).ok().filter(|_| whole)?;
    let empty = text.contains("content-length: 0\r\n") && !text.contains("x-request-id");
    let status = text.get(9..12).and_then(|digits| StatusCode::from_bytes(digits.as_bytes()).ok());
    status.filter(|status| empty && status.is_client_error())
}

fn explain(status: StatusCode, id: &str) -> Vec<u8> {
    let (kind, detail) = match status {
        StatusCode::URI_TOO_LONG => ("uri-too-long", "the address of the request is too long"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("headers-too-large", "the headers are too many (at most 64) or too large (16 KiB together)")
        }
        _ => ("bad-request", "the request's first line or its headers are not HTTP/1.1"),
    };
    Fault::new(status, kind, detail).wire(id)
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none() {
            let Some(status) = bare(bytes) else { return Pin::new(&mut this.stream).poll_write(cx, bytes) };
            this.instead = Some((explain(status, &this.app.request_id()), 0, bytes.len()));
        }
        while let Some((words, done, stands_for)) = &mut this.instead {
            let rest = words.get(*done..).unwrap_or_default();
            if rest.is_empty() {
                let stood_for = *stands_for;
                this.instead = None;
                return Poll::Ready(Ok(stood_for));
            }
            match ready!(Pin::new(&mut this.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => *done += written,
            }
        }
        Poll::Ready(Ok(0))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts.first() {
            Some(first) if self.instead.is_some() || bare(first).is_some() => self.poll_write(cx, first),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
