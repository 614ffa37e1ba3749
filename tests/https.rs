//! Delivery over HTTPS: who is trusted, and what is said of a certificate that is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Daemon, spud};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// Takes everything and notes the bodies; its port.
fn serve(certificate: &str) -> (u16, Arc<Mutex<Vec<String>>>) {
    serve_those(certificate, None)
}

/// The same, for those alone whose certificate this authority signed.
fn serve_those(certificate: &str, clients: Option<&str>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let chain = vec![CertificateDer::from_pem_file(file(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = match clients {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(name) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(file(name)).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let config = config.with_single_cert(chain, key).unwrap();
    let (config, seen) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, notes) = (listener.local_addr().unwrap().port(), Arc::clone(&seen));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, notes) = (Arc::clone(&config), Arc::clone(&notes));
            std::thread::spawn(move || answer(stream.unwrap(), config, &notes));
        }
    });
    (port, seen)
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, notes: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(StreamOwned::new(ServerConnection::new(config).ok()?, stream));
    loop {
        let (mut length, mut is_mode) = (0, false);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.parse().ok()?;
            }
            is_mode |= line == "x-spud-kind: spud.mode";
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if !is_mode {
            notes.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
        }
        reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()?;
        reader.get_mut().flush().ok()?;
    }
}

fn set(daemon: &Daemon, key: &str, value: &str) {
    let mut command = assert_cmd::Command::from_std(spud());
    command.arg("--data").arg(daemon.folder.path()).args(["config", "set", key, value]);
    command.assert().success();
}

fn until(done: impl Fn() -> bool, told: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "it took too long: {}", told());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_authority_that_is_named_is_trusted_and_its_expired_certificate_is_not() {
    let (good, seen) = serve("server.pem");
    let (old, never) = serve("expired.pem");
    let daemon = Daemon::start(&[]);
    assert_eq!(daemon.ask("POST", "/v1/operations?key=a", "", "secret").status, 202);
    let upstream = || daemon.get("/v1/queue").json()["upstream"].clone();
    let says = |what: &'static str| {
        let said = move |text: &str| text.contains(what);
        until(|| said(upstream()["last_error"].as_str().unwrap()), || upstream().to_string());
    };
    // Nobody on this box knows the authority; where it knows none at all, the file is asked for, too.
    set(&daemon, "queue.upstream", &format!("https://localhost:{good}/in"));
    says("queue.upstream_ca");
    set(&daemon, "queue.upstream", &format!("https://localhost:{old}/in"));
    set(&daemon, "queue.upstream_ca", file("authority.pem").to_str().unwrap());
    says("it has expired, or this box's clock is wrong");
    set(&daemon, "queue.upstream", &format!("https://localhost:{good}/in"));
    until(|| !seen.lock().unwrap().is_empty(), || upstream().to_string());
    assert_eq!(
        (seen.lock().unwrap().as_slice(), never.lock().unwrap().len()),
        (&["secret".to_owned()][..], 0)
    );
    until(|| upstream()["state"] == "up", || upstream().to_string());
    assert_eq!((&upstream()["tls"], &upstream()["kind"]), (&true.into(), &"http".into()));
}

#[test]
fn a_file_without_certificates_is_refused_when_it_is_set() {
    let daemon = Daemon::start(&[]);
    let mut command = assert_cmd::Command::from_std(spud());
    command.arg("--data").arg(daemon.folder.path());
    command.args(["config", "set", "queue.upstream_ca", file("README").to_str().unwrap()]);
    command.assert().failure().stderr(predicates::str::contains("no certificate"));
}

/// A daemon with one receiver, which is tried.
fn with_receiver(text: &str) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("config")).unwrap();
    let text = format!("[[receivers]]\nname = 'ops'\n{text}\n[[routes]]\nreceivers = ['ops']\n");
    let text = text.replace("TLS", file("").to_str().unwrap().trim_end_matches('/'));
    std::fs::write(folder.path().join("config/notify.toml"), text).unwrap();
    let daemon = Daemon::start_in(folder, &[]);
    let tested = support::command::run(daemon.folder.path(), &["notify", "test", "ops"]);
    assert!(tested.status.success(), "{tested:?}");
    daemon
}

fn notice(daemon: &Daemon) -> serde_json::Value {
    daemon.get("/v1/notifications").json()["items"][0].clone()
}

#[test]
fn a_receiver_that_asks_for_a_certificate_gets_the_one_that_is_named() {
    let (port, seen) = serve_those("server.pem", Some("clients.pem"));
    let hook = format!("kind = 'webhook'\nurl = 'https://localhost:{port}/in'\nca = 'TLS/authority.pem'\n");
    let stranger = with_receiver(&hook);
    let error = || notice(&stranger)["error"].as_str().unwrap_or_default().to_owned();
    until(|| !error().is_empty(), || notice(&stranger).to_string());
    assert!(error().contains("ertificate"), "{}", error());
    // A file that cannot be used is named.
    let lost = format!("{hook}client_certificate = 'TLS/client.pem'\nclient_key = 'TLS/README'\n");
    let lost = with_receiver(&lost);
    let error = || notice(&lost)["error"].as_str().unwrap_or_default().to_owned();
    until(|| !error().is_empty(), || notice(&lost).to_string());
    assert!(error().contains("tests/tls/README cannot be used"), "{}", error());
    assert!(seen.lock().unwrap().is_empty(), "{seen:?}");
    let known = format!("{hook}client_certificate = 'TLS/client.pem'\nclient_key = 'TLS/client.key'\n");
    let known = with_receiver(&known);
    until(|| notice(&known)["state"] == "sent", || notice(&known).to_string());
    assert_eq!(seen.lock().unwrap().len(), 1);
}
