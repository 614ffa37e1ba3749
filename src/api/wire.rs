//! HTTP/1.1 from the client's side over a blocking Unix socket: just what our own server speaks.
//!
//! A small reader instead of an async client: no runtime to start, so that a command is quick.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const HEAD: usize = 32 << 10;
const MOST_BODY: u64 = 256 << 20;

/// Bytes that went over the link.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}

/// The start of a reply.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) close: bool,
    length: Option<u64>,
    pub(super) chunked: bool,
}

/// One connection, used again for the next request.
pub(super) struct Wire {
    stream: BufReader<Counted>,
}

struct Counted {
    stream: UnixStream,
    traffic: Arc<Traffic>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.traffic.received.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Wire {
    pub(super) fn connect(path: &Path, traffic: Arc<Traffic>) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { stream: BufReader::new(Counted { stream, traffic }) })
    }

    /// False when the server has closed this kept connection (or said something unasked).
    pub(super) fn is_open(&self) -> bool {
        use rustix::net::RecvFlags;
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = rustix::net::recv(&self.stream.get_ref().stream, &mut [0u8; 1][..], flags);
        self.stream.buffer().is_empty() && matches!(peeked, Err(rustix::io::Errno::AGAIN))
    }

    /// Nothing read for this long is an error.
    pub(super) fn read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.stream.get_ref().stream.set_read_timeout(limit)
    }

    /// A second handle, to end a read from another thread.
    pub(super) fn handle(&self) -> io::Result<UnixStream> {
        self.stream.get_ref().stream.try_clone()
    }

    pub(super) fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<()> {
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                text.push_str("content-type: application/json\r\n");
            }
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        let counted = self.stream.get_mut();
        counted.stream.write_all(&bytes)?;
        counted.traffic.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn head(&mut self) -> io::Result<Head> {
        let mut bytes = Vec::with_capacity(512);
        while !bytes.ends_with(b"\r\n\r\n") {
            let before = bytes.len();
            (&mut self.stream).take((HEAD - before) as u64).read_until(b'\n', &mut bytes)?;
            if bytes.len() == before {
                return Err(if before < HEAD {
                    io::ErrorKind::UnexpectedEof.into()
                } else {
                    bad("its headers are too long")
                });
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut reply = httparse::Response::new(&mut headers);
        reply.parse(&bytes).map_err(|error| bad(&error.to_string()))?;
        let mut head =
            Head { status: reply.code.unwrap_or(0), close: reply.version == Some(0), ..Head::default() };
        for header in reply.headers.iter() {
            let value = String::from_utf8_lossy(header.value);
            if header.name.eq_ignore_ascii_case("content-length") {
                head.length = Some(value.trim().parse().map_err(|_| bad("its length is not a number"))?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                head.chunked = value.to_ascii_lowercase().contains("chunked");
            } else if header.name.eq_ignore_ascii_case("connection") {
                head.close |= value.eq_ignore_ascii_case("close");
            }
        }
        Ok(head)
    }

    /// The whole body.
    pub(super) fn body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if head.chunked {
            while let Some(chunk) = self.chunk()? {
                if (body.len() + chunk.len()) as u64 > MOST_BODY {
                    return Err(bad("it is too large"));
                }
                body.extend_from_slice(&chunk);
            }
        } else if !matches!(head.status, 204 | 304) {
            match head.length {
                Some(length) if length > MOST_BODY => return Err(bad("it is too large")),
                Some(length) => {
                    (&mut self.stream).take(length).read_to_end(&mut body)?;
                    if (body.len() as u64) < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                None => {
                    (&mut self.stream).take(MOST_BODY).read_to_end(&mut body)?;
                }
            }
        }
        Ok(body)
    }

    /// The next chunk of a chunked body; `None` at its end.
    pub(super) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(|_| bad("a chunk has no length"))?;
        if length > MOST_BODY {
            return Err(bad("a chunk is too large"));
        }
        let mut chunk = Vec::new();
        (&mut self.stream).take(length).read_to_end(&mut chunk)?;
        if (chunk.len() as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The line break after the data; after the last chunk, trailers end with an empty line.
        while !self.line()?.is_empty() {
            if length > 0 {
                return Err(bad("a chunk is longer than it says"));
            }
        }
        Ok((length > 0).then_some(chunk))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        (&mut self.stream).take(4096).read_until(b'\n', &mut bytes)?;
        if bytes.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        String::from_utf8(bytes).map_err(|_| bad("a line is not text"))
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the reply cannot be understood: {what}"))
}
