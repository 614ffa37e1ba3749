//! One mail over SMTP: EHLO, STARTTLS or TLS from the start, AUTH PLAIN or LOGIN, one message.
//!
//! Formats: RFC 5321, 3207 (STARTTLS), 4954 (AUTH), 4616 (PLAIN). What a mail server may say is little, and TLS is here
//! already: this is all of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::delivery::Outcome;
use super::tls::{self, Papers};
use crate::base::to_base64;

const CONNECT: Duration = Duration::from_secs(10);
/// For all of it: servers that look for spam take their time.
const ALL: Duration = Duration::from_secs(60);
/// Of a server's answer.
const LINE: u64 = 2 << 10;
const LINES: usize = 100;
/// Letters of an answer that are kept as the reason of a failure.
const SAID: usize = 200;
/// A password may be put right: it is tried again after a while.
const DENIED_WAIT_MS: u64 = 5 * 60_000;

/// How a connection is kept from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// Asked for after the greeting; a server that has none is not used.
    #[default]
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all: for a server on the same box.
    None,
}

/// A mail server with what is needed to get in, and who writes to whom.
#[derive(Clone, Default)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Name and password.
    pub login: Option<(String, String)>,
    pub papers: Papers,
    pub from: String,
    pub to: Vec<String>,
}

trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}

enum Failure {
    /// Nothing was sent.
    Unreachable(String),
    Broken(String),
    /// Code and words of an answer that is a refusal.
    Refused(u16, String),
    /// Name or password.
    Denied(String),
}

/// Sends a letter (RFC 5322, lines end with CR LF) on a connection of its own. A server that takes it twice, because
/// its answer was lost, sees the same `Message-ID` twice.
#[must_use]
pub fn mail(server: &MailServer, letter: &[u8]) -> Outcome {
    let again = |reason: String, counts, after_ms| Outcome::Retry { after_ms, reason, counts, failure: true };
    let runtime = match Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return again(error.to_string(), false, None),
    };
    let sent = runtime.block_on(async {
        let late = || Failure::Broken(format!("no answer in {} s", ALL.as_secs()));
        tokio::time::timeout(ALL, send(server, letter)).await.unwrap_or_else(|_| Err(late()))
    });
    match sent {
        Ok(()) => Outcome::Delivered,
        Err(Failure::Unreachable(reason)) => again(reason, false, None),
        Err(Failure::Broken(reason)) => again(reason, true, None),
        Err(Failure::Denied(reason)) => again(reason, true, Some(DENIED_WAIT_MS)),
        Err(Failure::Refused(code, said)) if code < 500 => again(format!("{code} {said}"), true, None),
        Err(Failure::Refused(code, said)) => Outcome::Dead { reason: format!("{code} {said}") },
    }
}

async fn send(server: &MailServer, letter: &[u8]) -> Result<(), Failure> {
    let mut session = Session { stream: BufReader::new(connect(server).await?) };
    session.expect(220).await?;
    let mut offers = session.hello().await?;
    if server.security == Security::StartTls {
        if !offers.iter().any(|offer| offer == "STARTTLS") {
            let what = "the server offers no STARTTLS: use smtps://, or tls = \"none\" on the same box";
            return Err(Failure::Broken(what.to_owned()));
        }
        session.say("STARTTLS", 220).await?;
        // What came before TLS is nobody's word.
        if !session.stream.buffer().is_empty() {
            return Err(Failure::Broken("the server speaks before TLS begins".to_owned()));
        }
        let plain = session.stream.into_inner();
        session = Session { stream: BufReader::new(secured(server, plain).await?) };
        offers = session.hello().await?;
    }
    if let Some((name, password)) = &server.login {
        session.log_in(&offers, name, password).await?;
    }
    session.say(&format!("MAIL FROM:<{}>", server.from), 250).await?;
    for to in &server.to {
        session.say(&format!("RCPT TO:<{to}>"), 250).await?;
    }
    session.say("DATA", 354).await?;
    session.write(&stuffed(letter)).await?;
    session.expect(250).await?;
    // It is taken: whatever comes now changes nothing.
    let _ = session.write(b"QUIT\r\n").await;
    Ok(())
}

/// A dot at the start of a line is doubled, and one alone ends the letter.
fn stuffed(letter: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(letter.len() + 8);
    let mut at_start = true;
    for byte in letter {
        if at_start && *byte == b'.' {
            out.push(b'.');
        }
        out.push(*byte);
        at_start = *byte == b'\n';
    }
    if !at_start {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

async fn connect(server: &MailServer) -> Result<Box<dyn Both>, Failure> {
    let place = format!("{}:{}", server.host, server.port);
    let unreachable =
        |what: &dyn std::fmt::Display| Failure::Unreachable(format!("{place} cannot be reached: {what}"));
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect((server.host.as_str(), server.port)));
    let stream = stream.await.map_err(|_| unreachable(&"no answer"))?.map_err(|error| unreachable(&error))?;
    match server.security {
        Security::Tls => secured(server, Box::new(stream)).await,
        Security::StartTls | Security::None => Ok(Box::new(stream)),
    }
}

async fn secured(server: &MailServer, plain: Box<dyn Both>) -> Result<Box<dyn Both>, Failure> {
    let config = tls::client(&server.papers).map_err(Failure::Unreachable)?;
    let name = ServerName::try_from(server.host.clone())
        .map_err(|_| Failure::Unreachable(format!("'{}' is no name of a server", server.host)))?;
    let secured = TlsConnector::from(Arc::clone(&config)).connect(name, plain).await;
    let secured = secured.map_err(|error| {
        let what = tls::explain(&error).unwrap_or_else(|| error.to_string());
        Failure::Unreachable(what.replace("queue.upstream_ca", "ca"))
    })?;
    Ok(Box::new(secured))
}

struct Session {
    stream: BufReader<Box<dyn Both>>,
}

impl Session {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let broken = |error: std::io::Error| Failure::Broken(format!("the connection broke: {error}"));
        self.stream.write_all(bytes).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    /// The next answer: its code, and the words of each of its lines.
    async fn answer(&mut self) -> Result<(u16, Vec<String>), Failure> {
        let mut words = Vec::new();
        while words.len() < LINES {
            let mut line = Vec::new();
            let read = (&mut self.stream).take(LINE).read_until(b'\n', &mut line).await;
            read.map_err(|error| Failure::Broken(format!("the connection broke: {error}")))?;
            let line = String::from_utf8_lossy(&line);
            let code =
                line.get(..3).and_then(|code| code.parse().ok()).filter(|code| (200..600).contains(code));
            let code: u16 =
                code.ok_or_else(|| Failure::Broken("the server does not speak SMTP".to_owned()))?;
            words.push(line.get(4..).unwrap_or_default().trim().chars().take(SAID).collect());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok((code, words));
            }
        }
        Err(Failure::Broken("the server's answer has no end".to_owned()))
    }

    async fn expect(&mut self, wanted: u16) -> Result<Vec<String>, Failure> {
        match self.answer().await? {
            // 251: it is passed on.
            (code, words) if code == wanted || wanted == 250 && code == 251 => Ok(words),
            (code, words) if code >= 400 => Err(Failure::Refused(code, words.join(" "))),
            (code, _) => Err(Failure::Broken(format!("the server says {code} where {wanted} is due"))),
        }
    }

    async fn say(&mut self, line: &str, wanted: u16) -> Result<Vec<String>, Failure> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.expect(wanted).await
    }

    /// What the server offers, in capitals.
    async fn hello(&mut self) -> Result<Vec<String>, Failure> {
        // An address literal is what a box without a name of its own has (RFC 5321, 4.1.3).
        let offers = self.say("EHLO [127.0.0.1]", 250).await?;
        Ok(offers.iter().map(|offer| offer.to_ascii_uppercase()).collect())
    }

    async fn log_in(&mut self, offers: &[String], name: &str, password: &str) -> Result<(), Failure> {
        let ways = offers.iter().find(|offer| offer.starts_with("AUTH"));
        let has = |way: &str| ways.is_some_and(|ways| ways.split([' ', '=']).any(|one| one == way));
        let done = if has("PLAIN") {
            let secret = to_base64(format!("\0{name}\0{password}").as_bytes());
            self.say(&format!("AUTH PLAIN {secret}"), 235).await
        } else if has("LOGIN") {
            match self.say("AUTH LOGIN", 334).await {
                Ok(_) => match self.say(&to_base64(name.as_bytes()), 334).await {
                    Ok(_) => self.say(&to_base64(password.as_bytes()), 235).await,
                    refused => refused,
                },
                refused => refused,
            }
        } else {
            return Err(Failure::Denied("the server offers neither AUTH PLAIN nor LOGIN".to_owned()));
        };
        match done {
            Err(Failure::Refused(code, said)) if code >= 500 => {
                Err(Failure::Denied(format!("name or password is refused: {code} {said}")))
            }
            other => other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stuffed;

    #[test]
    fn dots_are_doubled_and_one_ends_the_letter() {
        let text = |letter: &str| String::from_utf8(stuffed(letter.as_bytes())).unwrap();
        assert_eq!(text("a\r\n.b\r\n..c\r\n"), "a\r\n..b\r\n...c\r\n.\r\n");
        assert_eq!(text("."), "..\r\n.\r\n");
        assert_eq!(text(""), ".\r\n");
    }
}
