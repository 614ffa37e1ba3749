//! A connection that keeps a deadline, plain or over TLS.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tokio_rustls::rustls;

use super::Place;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// When something has to be over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn within(ms: u64) -> Self {
        Self(Instant::now() + Duration::from_millis(ms))
    }

    /// What is left of it.
    pub(super) fn left(self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// Whatever bytes go over.
pub(super) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection; each call waits no longer than to the deadline.
pub(super) struct Wire {
    socket: Socket,
    deadline: Deadline,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = Some(self.deadline.left()?);
        match &mut self.socket {
            Socket::Tcp(socket) => socket.set_read_timeout(left).and_then(|()| socket.read(buffer)),
            Socket::Unix(socket) => socket.set_read_timeout(left).and_then(|()| socket.read(buffer)),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = Some(self.deadline.left()?);
        match &mut self.socket {
            Socket::Tcp(socket) => socket.set_write_timeout(left).and_then(|()| socket.write(bytes)),
            Socket::Unix(socket) => socket.set_write_timeout(left).and_then(|()| socket.write(bytes)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an error means, in words.
pub(super) fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody listens".to_owned(),
        _ => error.to_string(),
    }
}

/// Connects; names are looked up by the system, which has a limit of its own.
pub(super) fn open(place: &Place, deadline: Deadline) -> Result<Wire, String> {
    let socket = match place {
        Place::Unix(path) => Socket::Unix(unix(path).map_err(|error| told(&error))?),
        Place::Tcp { host, port } => {
            let all = (host.as_str(), *port).to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
            let mut last = format!("{host} has no address");
            let mut found = None;
            for address in all {
                let tried = deadline.left().and_then(|left| TcpStream::connect_timeout(&address, left));
                match tried {
                    Ok(socket) => {
                        found = Some(socket);
                        break;
                    }
                    Err(error) => last = told(&error),
                }
            }
            Socket::Tcp(found.ok_or(last)?)
        }
    };
    Ok(Wire { socket, deadline })
}

/// A full queue of connections is told at once, where a blocking call would wait for ever.
fn unix(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let socket = UnixStream::from(socket);
    socket.set_nonblocking(false)?;
    Ok(socket)
}

/// A connection over TLS whose other end shows any certificate; gives that, too. Nothing secret goes this way.
pub(super) fn secure(
    mut wire: Wire,
    host: &str,
) -> Result<(StreamOwned<ClientConnection, Wire>, Vec<u8>), String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Anyone(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| format!("'{host}' is no name of a server"))?;
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    while tls.is_handshaking() {
        tls.complete_io(&mut wire).map_err(|error| told(&error))?;
    }
    let shown = tls.peer_certificates().and_then(<[_]>::first).map(|shown| shown.to_vec());
    let shown = shown.ok_or("it shows no certificate")?;
    Ok((StreamOwned::new(tls, wire), shown))
}

/// Takes every certificate: probes ask whether somebody answers, and until when a certificate is valid.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
