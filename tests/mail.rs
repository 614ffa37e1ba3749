//! Notices by mail: over STARTTLS and TLS, with a name and a password, tried again, with one Message-ID.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use support::command::run;
use support::{Daemon, until};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    StartTls,
    Tls,
    /// From the start, for those alone who show a certificate.
    Known,
    /// Neither; no names either.
    Plain,
}

/// What a connection said, line by line, and whether TLS was there.
type Said = Arc<Mutex<Vec<(bool, String)>>>;

/// Text of a stream that may be another one from here on.
enum Wire {
    Plain(BufReader<TcpStream>),
    Tls(Box<BufReader<StreamOwned<ServerConnection, TcpStream>>>),
}

impl Wire {
    fn secure(stream: TcpStream, manner: Manner) -> Self {
        let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
        let config = if manner == Manner::Known {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(file("clients.pem")).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            ServerConfig::builder().with_client_cert_verifier(verifier)
        } else {
            ServerConfig::builder().with_no_client_auth()
        };
        let config = config.with_single_cert(chain, key).unwrap();
        let tls = ServerConnection::new(Arc::new(config)).unwrap();
        Self::Tls(Box::new(BufReader::new(StreamOwned::new(tls, stream))))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = match self {
            Self::Plain(reader) => reader.read_line(&mut line),
            Self::Tls(reader) => reader.read_line(&mut line),
        };
        read.ok().filter(|count| *count > 0).map(|_| line.trim_end().to_owned())
    }

    fn say(&mut self, text: &str) {
        let text = format!("{text}\r\n");
        let _ = match self {
            Self::Plain(reader) => reader.get_mut().write_all(text.as_bytes()),
            Self::Tls(reader) => reader.get_mut().write_all(text.as_bytes()),
        };
    }
}

/// Takes mail; the first letters are put off with 451, after their end.
fn server(manner: Manner, put_off: usize) -> (u16, Said) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, said) = (listener.local_addr().unwrap().port(), Said::default());
    let notes = Arc::clone(&said);
    std::thread::spawn(move || {
        let mut left = put_off;
        for stream in listener.incoming() {
            serve(stream.unwrap(), manner, &mut left, &notes);
        }
    });
    (port, said)
}

/// What it offers beside what all do.
fn offers(manner: Manner, tls: bool) -> &'static [&'static str] {
    match (manner, tls) {
        (Manner::StartTls, false) => &["250-STARTTLS"],
        (Manner::StartTls, true) => &["250-AUTH LOGIN PLAIN"],
        (Manner::Tls | Manner::Known, _) => &["250-AUTH LOGIN"],
        (Manner::Plain, _) => &[],
    }
}

fn serve(stream: TcpStream, manner: Manner, put_off: &mut usize, notes: &Mutex<Vec<(bool, String)>>) {
    let mut tls = matches!(manner, Manner::Tls | Manner::Known);
    let mut wire = if tls { Wire::secure(stream, manner) } else { Wire::Plain(BufReader::new(stream)) };
    wire.say("220 mail.test ready");
    let mut in_letter = false;
    while let Some(line) = wire.line() {
        notes.lock().unwrap().push((tls, line.clone()));
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            _ if in_letter => {
                if line == "." {
                    in_letter = false;
                    let late = *put_off > 0;
                    *put_off = put_off.saturating_sub(1);
                    wire.say(if late { "451 come again" } else { "250 taken" });
                }
            }
            "EHLO" => {
                wire.say("250-mail.test greets you");
                offers(manner, tls).iter().for_each(|offer| wire.say(offer));
                wire.say("250 8BITMIME");
            }
            "STARTTLS" => {
                wire.say("220 go ahead");
                let Wire::Plain(reader) = wire else { return };
                (wire, tls) = (Wire::secure(reader.into_inner(), manner), true);
            }
            "AUTH" if line.ends_with("LOGIN") => {
                for wanted in ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"] {
                    wire.say(&format!("334 {wanted}"));
                    let answer = wire.line().unwrap_or_default();
                    notes.lock().unwrap().push((tls, answer));
                }
                wire.say("235 welcome");
            }
            // "\0box\0s3cret"
            "AUTH" if line.ends_with("AGJveABzM2NyZXQ=") => wire.say("235 welcome"),
            "AUTH" => wire.say("535 no"),
            "DATA" => {
                in_letter = true;
                wire.say("354 end with a dot");
            }
            "RCPT" if line.contains("nobody@") => wire.say("550 no such mailbox"),
            "QUIT" => return,
            _ => wire.say("250 ok"),
        }
    }
}

/// A daemon whose only receiver is this one.
fn daemon(receiver: &str) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("secret"), "s3cret\n").unwrap();
    let text = format!(
        "[[receivers]]\nname = 'ops'\nkind = 'smtp'\nfrom = 'box@shed.example'\n{receiver}\n[[routes]]\nreceivers = ['ops']\n"
    );
    let text = text.replace("DATA", folder.path().to_str().unwrap());
    fs::write(folder.path().join("config/notify.toml"), text).unwrap();
    let tested = |daemon: &Daemon| run(daemon.folder.path(), &["notify", "test", "ops"]);
    let daemon = Daemon::start_in(folder, &[]);
    let output = tested(&daemon);
    assert!(output.status.success(), "{output:?}");
    daemon
}

/// What became of the notice, once it is so.
fn became(daemon: &Daemon, state: &str) -> serde_json::Value {
    until(state, || {
        let list = daemon.get("/v1/notifications").json();
        Some(list["items"][0].clone()).filter(|notice| notice["state"] == state)
    })
}

fn lines(said: &Said, start: &str) -> Vec<(bool, String)> {
    said.lock().unwrap().iter().filter(|(_, line)| line.starts_with(start)).cloned().collect()
}

#[test]
fn a_notice_goes_over_starttls_with_a_password_and_one_id() {
    let (port, said) = server(Manner::StartTls, 1);
    let daemon = daemon(&format!(
        "to = ['a@shed.example', 'b@shed.example']\nurl = 'smtp://localhost:{port}'\nuser = 'box'\n\
         secret = 'file:DATA/secret'\nca = '{}'",
        file("authority.pem").display()
    ));
    let notice = became(&daemon, "sent");
    // It was put off once: the letter went twice, as one and the same.
    let ids = lines(&said, "Message-ID: ");
    let want = format!("Message-ID: <{}@shed.example>", notice["message_id"].as_str().unwrap());
    assert_eq!(ids, vec![(true, want); 2], "{said:?}");
    assert_eq!(lines(&said, "RCPT TO:").len(), 4, "{said:?}");
    let said = said.lock().unwrap();
    let open: Vec<&str> = said.iter().filter(|(tls, _)| !tls).map(|(_, line)| &line[..4]).collect();
    assert_eq!(open, ["EHLO", "STAR", "EHLO", "STAR"], "nothing else goes without TLS: {said:?}");
    assert!(said.iter().any(|(_, line)| line == "AUTH PLAIN AGJveABzM2NyZXQ="), "{said:?}");
}

#[test]
fn tls_from_the_start_and_auth_login() {
    let (port, said) = server(Manner::Tls, 0);
    let daemon = daemon(&format!(
        "to = ['a@shed.example']\nurl = 'smtps://localhost:{port}'\nuser = 'box'\nsecret = 'file:DATA/secret'\nca = '{}'",
        file("authority.pem").display()
    ));
    became(&daemon, "sent");
    let said = said.lock().unwrap();
    assert!(
        said.iter().any(|(_, line)| line == "Ym94") && said.iter().any(|(_, line)| line == "czNjcmV0"),
        "{said:?}"
    );
    assert!(said.iter().all(|(tls, _)| *tls));
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it() {
    let (port, said) = server(Manner::Known, 0);
    let receiver = |more: &str| {
        format!(
            "to = ['a@shed.example']\nurl = 'smtps://localhost:{port}'\nca = '{}'\n{more}",
            file("authority.pem").display()
        )
    };
    let stranger = daemon(&receiver(""));
    let notice = until("a reason", || {
        let list = stranger.get("/v1/notifications").json();
        Some(list["items"][0].clone()).filter(|notice| notice["error"].as_str() != Some(""))
    });
    assert!(lines(&said, "MAIL").is_empty(), "{notice}");
    let (certificate, key) = (file("client.pem"), file("client.key"));
    let own = format!("client_certificate = '{}'\nclient_key = '{}'", certificate.display(), key.display());
    became(&daemon(&receiver(&own)), "sent");
    assert_eq!(lines(&said, "MAIL FROM:<box@shed.example>").len(), 1, "{said:?}");
}

#[test]
fn nothing_goes_in_the_open_unless_it_is_said_so() {
    let (port, said) = server(Manner::Plain, 0);
    let refused = daemon(&format!("to = ['a@shed.example']\nurl = 'smtp://localhost:{port}'"));
    let notice = until("a reason", || {
        let list = refused.get("/v1/notifications").json();
        Some(list["items"][0].clone()).filter(|notice| notice["error"].as_str() != Some(""))
    });
    assert!(notice["error"].as_str().unwrap().contains("no STARTTLS"), "{notice}");
    assert!(lines(&said, "MAIL").is_empty(), "{said:?}");
    let open = daemon(&format!("to = ['a@shed.example']\nurl = 'smtp://localhost:{port}'\ntls = 'none'"));
    became(&open, "sent");
    assert_eq!(lines(&said, "MAIL FROM:<box@shed.example>").len(), 1, "{said:?}");
}

#[test]
fn what_the_server_refuses_is_told() {
    let (port, _) = server(Manner::Plain, 0);
    let daemon =
        daemon(&format!("to = ['nobody@shed.example']\nurl = 'smtp://localhost:{port}'\ntls = 'none'"));
    let notice = became(&daemon, "failed");
    assert_eq!(notice["error"], "550 no such mailbox", "{notice}");
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in stranger.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"SSH-2.0-other\r\n");
            let _ = stream.read(&mut [0; 10]);
        }
    });
    let daemon =
        self::daemon(&format!("to = ['a@shed.example']\nurl = 'smtp://localhost:{port}'\ntls = 'none'"));
    let notice = until("a reason", || {
        let list = daemon.get("/v1/notifications").json();
        Some(list["items"][0].clone()).filter(|notice| notice["error"].as_str() != Some(""))
    });
    assert!(notice["error"].as_str().unwrap().contains("does not speak SMTP"), "{notice}");
}
