//! One GET over HTTP/1.1 on a connection of its own: what a probe and a scrape need, and no more.

use std::io;

use super::wire::{Stream, told};

/// Of an answer's head.
const HEAD: usize = 16 << 10;
const HEADERS: usize = 64;

/// An answer.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

struct Reader<'a> {
    stream: &'a mut dyn Stream,
    /// Read and not taken yet.
    pending: Vec<u8>,
}

impl Reader<'_> {
    /// Reads on; false at the end.
    fn more(&mut self) -> Result<bool, String> {
        let mut buffer = [0; 4 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.pending.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            // Many end a TLS connection without a word.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(told(&error)),
        }
    }

    fn take(&mut self, count: usize, into: &mut Vec<u8>) -> Result<(), String> {
        while self.pending.len() < count {
            if !self.more()? {
                return Err("the answer breaks off".to_owned());
            }
        }
        into.extend(self.pending.drain(..count));
        Ok(())
    }

    /// A line of a chunked body, without its end.
    fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim().to_owned());
            }
            if self.pending.len() > HEAD || !self.more()? {
                return Err("the answer breaks off".to_owned());
            }
        }
    }

    fn chunked(&mut self, most: usize) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| "a chunk has no size")?;
            if size == 0 {
                return Ok(body);
            }
            if size > most.saturating_sub(body.len()) {
                return Err(too_long(most));
            }
            self.take(size, &mut body)?;
            self.line()?;
        }
    }
}

fn too_long(most: usize) -> String {
    format!("the answer has more than {most} bytes")
}

/// Asks; of the body no more than `most` bytes are read, and none where that is 0.
pub(super) fn get(
    stream: &mut dyn Stream,
    host: &str,
    target: &str,
    headers: &[(String, String)],
    most: usize,
) -> Result<Got, String> {
    let mut request = format!("GET {target} HTTP/1.1\r\nConnection: close\r\nAccept: */*\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request.push_str(&format!("Host: {host}\r\n"));
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
        request.push_str(concat!("User-Agent: spud/", env!("CARGO_PKG_VERSION"), "\r\n"));
    }
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(|error| told(&error))?;
    let mut reader = Reader { stream, pending: Vec::new() };
    loop {
        let mut room = [httparse::EMPTY_HEADER; HEADERS];
        let mut head = httparse::Response::new(&mut room);
        let parsed = head.parse(&reader.pending).map_err(|error| format!("no HTTP: {error}"))?;
        let httparse::Status::Complete(end) = parsed else {
            if reader.pending.len() > HEAD || !reader.more()? {
                return Err("the answer breaks off".to_owned());
            }
            continue;
        };
        let status = head.code.unwrap_or(0);
        let value = |name: &str| {
            let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| String::from_utf8_lossy(header.value).trim().to_ascii_lowercase())
        };
        let chunked = value("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked"));
        let length: Option<usize> = value("content-length").and_then(|length| length.parse().ok());
        reader.pending.drain(..end);
        if (100..200).contains(&status) {
            continue;
        }
        let body = if most == 0 { Vec::new() } else { body(&mut reader, chunked, length, most)? };
        return Ok(Got { status, body });
    }
}

fn body(
    reader: &mut Reader<'_>,
    chunked: bool,
    length: Option<usize>,
    most: usize,
) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    match length {
        _ if chunked => return reader.chunked(most),
        Some(length) if length > most => return Err(too_long(most)),
        Some(length) => reader.take(length, &mut body)?,
        None => {
            while reader.more()? {
                if reader.pending.len() > most {
                    return Err(too_long(most));
                }
            }
            body = std::mem::take(&mut reader.pending);
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// Answers a few bytes at a time.
    struct Said(Vec<u8>, usize, Vec<u8>);

    impl Read for Said {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.1).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.2.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn asked(answer: &str, most: usize) -> Result<(u16, String), String> {
        let mut results = Vec::new();
        for step in [1, 7, 4096] {
            let mut said = Said(answer.as_bytes().to_vec(), step, Vec::new());
            let got = get(&mut said, "h", "/x", &[("Host".into(), "other".into())], most);
            let sent = String::from_utf8(said.2).unwrap();
            assert!(sent.starts_with("GET /x HTTP/1.1\r\n") && !sent.contains("Host: h\r\n"), "{sent}");
            results.push(got.map(|got| (got.status, String::from_utf8(got.body).unwrap())));
        }
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
        results.remove(0)
    }

    #[test]
    fn bodies_of_every_kind_are_read() {
        let good = |answer: &str| asked(answer, 100).unwrap();
        assert_eq!(good("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"), (200, "abc".into()));
        assert_eq!(good("HTTP/1.0 503 No\r\n\r\nall of it"), (503, "all of it".into()));
        let chunked = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            4;x=y\r\nab\r\n\r\n3\r\ncde\r\n0\r\n\r\n";
        assert_eq!(good(chunked), (200, "ab\r\ncde".into()));
    }

    #[test]
    fn answers_that_are_none_are_told() {
        let bad = |answer: &str| asked(answer, 10).unwrap_err();
        assert!(bad("SSH-2.0-x\r\n\r\n").contains("no HTTP"));
        assert!(bad("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n").contains("more than 10 bytes"));
        assert!(bad("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").contains("breaks off"));
        assert!(bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").contains("no size"));
        let long = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n";
        assert!(bad(long).contains("more than 10 bytes"));
        assert!(bad("").contains("breaks off"));
        assert_eq!(asked("HTTP/1.1 204 No\r\nContent-Length: 99\r\n\r\n", 0), Ok((204, String::new())));
    }
}
