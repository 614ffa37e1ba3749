//! Finds the box: a running daemon, or an engine inside this process that serves the same socket.

mod offline;

pub use offline::{
    TryFault, check_dashboard, check_notify, check_objectives, check_probes, check_rules, check_violations,
    cosign, cosigner_key, is_served, new_cosigner, promql_test, redact_stream, redaction_of, restore,
    salvage, send_otlp, sign_evidence, try_rules, verify_evidence, violation_files,
};

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{Answer, Client, ClientError, is_question, parse};
use super::config_places::{self, ConfigPlaces};
use super::server::Server;
use super::socket::{BindError, Claim};
use crate::engine::{Action, AskPassphrase, Caller, Criticality, Engine, EngineError, Settings};

/// Another process may hold the data folder for a moment (it starts or ends): wait this long for it.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(30);
const SOCKET: &str = "spud.sock";

/// What the command line and the environment say about where the box is.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--data` or `SPUD_DATA`.
    pub data: Option<PathBuf>,
    /// `--socket` or `SPUD_SOCKET`.
    pub socket: Option<PathBuf>,
    pub tier: Option<String>,
    /// `--config`: settings above all folders, or another `tiers.toml`.
    pub config: Option<PathBuf>,
    /// `--listen`: loopback TCP, where nothing is changed without a token.
    pub listen: Option<SocketAddr>,
    pub daemon: bool,
    /// A throw-away box; [`scratch`] sets it.
    pub scratch: bool,
    /// A model file that answers in place of the active model.
    pub model: Option<PathBuf>,
    /// `--upstream` or `SPUD_UPSTREAM`: where a daemon delivers operations to.
    pub upstream: Option<String>,
    /// `--set`: setting and value, above everything else.
    pub set: Vec<(String, String)>,
    /// Asks at the terminal for the passphrase of an encrypted box.
    pub passphrase: Option<AskPassphrase>,
}

/// Why there is no box to talk to.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("{what}")]
    Usage { what: String, advice: String },
    /// A second daemon, or a folder that another process keeps.
    #[error("{what}")]
    Busy { what: String, advice: String },
    /// The tiers file or the tier's name.
    #[error("{what}")]
    Config { what: String, advice: String },
    #[error("{what}")]
    Failed { what: String, advice: String },
}

impl HostError {
    /// What the user can do.
    #[must_use]
    pub fn advice(&self) -> &str {
        match self {
            Self::Usage { advice, .. }
            | Self::Busy { advice, .. }
            | Self::Config { advice, .. }
            | Self::Failed { advice, .. } => advice,
        }
    }
}

impl Options {
    /// The data folder: as told, else `/var/lib/spud` for root, else below the user's data home.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        let folder = self.data.clone().unwrap_or_else(|| {
            if rustix::process::geteuid().is_root() {
                return PathBuf::from("/var/lib/spud");
            }
            let home = || {
                PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".local/share")
            };
            std::env::var_os("XDG_DATA_HOME")
                .filter(|dir| !dir.is_empty())
                .map_or_else(home, PathBuf::from)
                .join("spud")
        });
        std::path::absolute(&folder).unwrap_or(folder)
    }

    /// Where the socket is looked for, in this order; the first is also where it is made.
    #[must_use]
    pub fn sockets(&self) -> Vec<PathBuf> {
        let private = self.data_dir().join(SOCKET);
        if let Some(socket) = &self.socket {
            return vec![std::path::absolute(socket).unwrap_or_else(|_| socket.clone())];
        }
        if self.data.is_some() {
            return vec![private];
        }
        let shared = if rustix::process::geteuid().is_root() {
            Some(PathBuf::from("/run/spud").join(SOCKET))
        } else {
            let dir = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
            dir.map(|dir| PathBuf::from(dir).join("spud").join(SOCKET))
        };
        shared.into_iter().chain([private]).collect()
    }
}

/// What the engine is to know, but for the socket.
fn settings(options: &Options) -> Settings {
    let places = ConfigPlaces::of(options);
    Settings {
        data_dir: options.data_dir(),
        socket: PathBuf::new(),
        config_file: options.config.clone(),
        config_folders: places.folders,
        config_edited: Some(places.edited),
        variables: config_places::variables(),
        options: config_places::overrides(options),
        daemon: options.daemon,
        scratch: options.scratch,
        model: options.model.clone(),
        passphrase: options.passphrase,
    }
}

/// An engine inside this process, with its server.
pub struct Host {
    // Order matters: the server drains before the engine stops.
    server: Option<Server>,
    engine: Arc<Engine>,
    socket: PathBuf,
}

impl Host {
    /// As [`Host::start`], when whoever has the data folder lets go of it within some seconds: most commands
    /// have it for a moment only.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub fn start_after_others(options: &Options) -> Result<Self, HostError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match Self::start(options) {
                Err(HostError::Busy { .. }) if Instant::now() < until => thread::sleep(AGAIN),
                started => return started,
            }
        }
    }

    /// Takes the data folder and serves it. Fails at once where another process has it.
    ///
    /// # Errors
    /// [`HostError::Busy`] when another spud is at work; the others as named.
    pub fn start(options: &Options) -> Result<Self, HostError> {
        let mut network = options.listen.map(listen).transpose()?;
        let passed = if options.daemon { super::passed::listener() } else { None };
        let path =
            passed.as_ref().and_then(|socket| Some(socket.local_addr().ok()?.as_pathname()?.to_owned()));
        let claim = match &path {
            Some(path) => Claim::take(path).map_err(not_bound)?,
            None => claim(options)?,
        };
        let socket = claim.path.clone();
        let engine =
            Engine::open(Settings { socket: socket.clone(), ..settings(options) }).map_err(refused)?;
        if network.is_none() && options.daemon {
            network = engine.listen().map(listen).transpose()?;
        }
        let engine = Arc::new(engine);
        let bound = match passed {
            Some(socket) if path.is_some() => claim.adopt(socket),
            _ => claim.bind(),
        };
        let bound = bound.map_err(not_bound)?;
        let server =
            Server::start(Arc::clone(&engine), bound, network).map_err(|error| HostError::Failed {
                what: format!("the API cannot be served: {error}"),
                advice: "see the limits on threads and open files (ulimit -u, ulimit -n)".to_owned(),
            })?;
        Ok(Self { server: Some(server), engine, socket })
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where it listens on TCP.
    #[must_use]
    pub fn network(&self) -> Option<SocketAddr> {
        self.server.as_ref().and_then(|server| server.network)
    }

    /// Reads settings again (SIGHUP).
    pub fn reload(&self) {
        let caller = Caller {
            criticality: Criticality::Critical,
            ..Caller::local(
                rustix::process::getuid().as_raw(),
                rustix::process::getgid().as_raw(),
                rustix::process::Pid::as_raw(Some(rustix::process::getpid())),
                "reload".to_owned(),
            )
        };
        self.engine.submit(caller, Action::Reload, |result| match result {
            Ok(_) => tracing::info!("settings were read again"),
            Err(error) => tracing::warn!(%error, "settings could not be read again"),
        });
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // New requests are refused while those at work end; then the engine commits and closes.
        self.server = None;
        self.engine.stop();
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, HostError> {
    let loopback = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    };
    if !loopback {
        return Err(HostError::Usage {
            what: format!(
                "--listen {address}: only loopback addresses are served: tokens are not sent over a network without TLS"
            ),
            advice: "use 127.0.0.1:PORT, and SSH forwarding from elsewhere (ssh -L)".to_owned(),
        });
    }
    TcpListener::bind(address).map_err(|error| HostError::Failed {
        what: format!("--listen {address}: {error}"),
        advice: "choose another port".to_owned(),
    })
}

/// The first socket path that can be had.
fn claim(options: &Options) -> Result<Claim, HostError> {
    let mut last = None;
    let mut paths = options.sockets();
    let private = options.data_dir().join(SOCKET);
    if !options.daemon && !paths.contains(&private) {
        paths.push(private);
    }
    for path in paths {
        match Claim::take(&path) {
            Ok(claim) => return Ok(claim),
            // A socket that was named and is served, or cannot be a socket, is not worked around.
            Err(error @ (BindError::Live(_) | BindError::TooLong { .. })) => return Err(not_bound(error)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(
        || HostError::Failed {
            what: "there is no place for a socket".to_owned(),
            advice: "give --socket".to_owned(),
        },
        not_bound,
    ))
}

fn not_bound(error: BindError) -> HostError {
    let what = error.to_string();
    match error {
        BindError::Live(_) => HostError::Busy {
            what,
            advice:
                "commands find it by themselves; stop it first to start another, or give --data and --socket"
                    .to_owned(),
        },
        BindError::TooLong { .. } => {
            HostError::Usage { what, advice: "give a shorter --socket, such as /tmp/spud.sock".to_owned() }
        }
        BindError::Io { .. } => {
            HostError::Failed { what, advice: "give another --socket or --data".to_owned() }
        }
    }
}

fn refused(error: EngineError) -> HostError {
    let what = error.to_string();
    match error {
        EngineError::Locked { advice, .. } => HostError::Busy { what, advice },
        EngineError::Invalid { advice, .. } => HostError::Config { what, advice },
        EngineError::Damaged { advice, .. }
        | EngineError::Conflict { advice, .. }
        | EngineError::Stale { advice, .. }
        | EngineError::NotFound { advice, .. } => HostError::Failed { what, advice },
        EngineError::DiskFull { .. } => HostError::Failed { what, advice: "free some space".to_owned() },
        EngineError::Denied(_) | EngineError::Unknown { .. } | EngineError::Waits { .. } => {
            HostError::Failed { what, advice: "ask an admin of this box".to_owned() }
        }
        EngineError::Degraded { advice, .. } | EngineError::QueueFull { advice, .. } => {
            HostError::Failed { what, advice }
        }
        EngineError::StoreFailed { .. } => {
            HostError::Failed { what, advice: "check the disk of the data folder".to_owned() }
        }
        EngineError::Busy { .. } | EngineError::Stopping | EngineError::Internal(_) => {
            HostError::Failed { what, advice: "try again; `spud doctor` shows the box".to_owned() }
        }
    }
}

/// A link to the box, wherever its engine runs.
pub struct Attached {
    // Order matters: the link closes before the host drains.
    client: Client,
    host: Option<Host>,
    options: Options,
    folder: Option<tempfile::TempDir>,
}

/// Connects to a running daemon, or else starts an engine inside this process.
///
/// # Errors
/// [`HostError`] when neither works within a few seconds.
pub fn attach(options: &Options) -> Result<Attached, HostError> {
    let (client, host) = find(options)?;
    Ok(Attached { client, host, options: options.clone(), folder: None })
}

/// Who looks at what was done is not told of a new box that did nothing: there must be one.
///
/// # Errors
/// [`HostError`] where there is none.
pub fn is_known(options: &Options) -> Result<(), HostError> {
    let data = options.data_dir();
    if reach(options).is_some() || data.join("control.redb").exists() {
        return Ok(());
    }
    let what = format!("{} holds no box", data.display());
    Err(HostError::Usage { what, advice: "name its folder: --data DIR".to_owned() })
}

/// A fresh box in a temporary folder, gone when dropped.
///
/// # Errors
/// [`HostError`].
pub fn scratch(options: &Options, model: Option<PathBuf>) -> Result<Attached, HostError> {
    let failed = |error: std::io::Error| HostError::Failed {
        what: format!("no temporary folder: {error}"),
        advice: "set TMPDIR to a folder with space".to_owned(),
    };
    let folder = tempfile::Builder::new().prefix("spud-").tempdir().map_err(failed)?;
    let options = Options {
        data: Some(folder.path().to_owned()),
        socket: None,
        listen: None,
        daemon: false,
        scratch: true,
        model,
        ..options.clone()
    };
    let (client, host) = find(&options)?;
    Ok(Attached { client, host, options, folder: Some(folder) })
}

fn find(options: &Options) -> Result<(Client, Option<Host>), HostError> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(client) = reach(options) {
            return Ok((client, None));
        }
        match Host::start(options) {
            Ok(host) => {
                let client = Client::connect(host.socket()).map_err(|error| HostError::Failed {
                    what: error.to_string(),
                    advice: "give another --socket".to_owned(),
                })?;
                return Ok((client, Some(host)));
            }
            Err(HostError::Busy { .. }) if Instant::now() < until => thread::sleep(AGAIN),
            Err(error) => return Err(error),
        }
    }
}

/// Whoever listens already.
fn reach(options: &Options) -> Option<Client> {
    let mut sockets = options.sockets();
    sockets.push(options.data_dir().join(SOCKET));
    sockets.iter().find_map(|socket| Client::connect(socket).ok())
}

impl Attached {
    /// A new link, after the process that had the engine went away: to whoever has it now, or with `host` to
    /// one inside this process.
    ///
    /// # Errors
    /// [`HostError`] when nobody answers.
    pub fn renew(&mut self, host: bool) -> Result<Client, HostError> {
        if self.is_remote() {
            (self.client, self.host) = match reach(&self.options) {
                Some(client) => (client, None),
                None if host => find(&self.options)?,
                None => {
                    return Err(HostError::Failed {
                        what: "the daemon does not answer".to_owned(),
                        advice: "it may be starting again; `systemctl status spud` tells".to_owned(),
                    });
                }
            };
        }
        Ok(self.client.fork())
    }

    /// True when a daemon (or another command) has the engine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.host.is_none()
    }

    /// Where a throw-away box keeps its data.
    #[must_use]
    pub fn scratch_folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(tempfile::TempDir::path)
    }

    /// The link itself, for streams and forks.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks and reads the reply of this type.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get<T: DeserializeOwned>(&mut self, target: &str) -> Result<T, ClientError> {
        parse(&self.call("GET", target, None)?)
    }

    /// Asks and gives the body of the reply as it is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn bytes(&mut self, target: &str) -> Result<Vec<u8>, ClientError> {
        let answer = self.call("GET", target, None)?;
        if answer.status != 200 {
            parse::<serde::de::IgnoredAny>(&answer)?;
        }
        Ok(answer.body)
    }

    /// Sends a value and reads the reply of this type.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn send<B: Serialize, T: DeserializeOwned>(
        &mut self,
        method: &str,
        target: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Reply(error.to_string()))?;
        parse(&self.call(method, target, Some(&body))?)
    }

    /// One request. When the process that had the engine went away, a request that changes nothing is asked
    /// once more, of whoever has the engine now (this process, perhaps).
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(&mut self, method: &str, target: &str, body: Option<&[u8]>) -> Result<Answer, ClientError> {
        match self.client.call(method, target, body) {
            Err(error) if error.is_lost() && self.is_remote() && (method == "GET" || is_question(target)) => {
                if self.renew(true).is_err() {
                    return Err(error);
                }
                self.client.call(method, target, body)
            }
            other => other,
        }
    }
}
