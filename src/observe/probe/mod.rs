//! Probes: the box looks at what runs beside it, and reads the metrics of those who offer some.
//!
//! Offers [`read_probes`] (what stands in a file, in Kubernetes' words), [`Course`] (pure: what becomes of a probe by
//! its results), and [`run`] (one look, with a deadline).
//!
//! Invariant: a look ends by its deadline, whatever it looks at, and takes no more memory than a bound.

mod certificate;
mod dns;
mod exec;
mod http;
mod look;
mod settings;
mod step;
mod wire;

pub use look::{Looked, run};
pub use settings::read_probes;
pub use step::{Change, Course, Phase};

use std::path::PathBuf;

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub name: String,
    pub check: Check,
    pub rhythm: Rhythm,
    /// No question is answered while it is down.
    pub critical: bool,
    /// That the metrics of a target get.
    pub labels: Vec<(String, String)>,
}

/// When a probe looks, and how many results make a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    pub initial_delay_ms: u64,
    pub period_ms: u64,
    pub timeout_ms: u64,
    pub successes: u32,
    pub failures: u32,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Good with 200 to 399. Over TLS no certificate is checked, as Kubernetes does it.
    Http {
        place: Place,
        tls: bool,
        target: String,
        headers: Vec<(String, String)>,
    },
    /// Somebody takes a connection.
    Connect(Place),
    /// Good where the program ends with 0.
    Exec(Vec<String>),
    /// The name has an address.
    Dns {
        name: String,
        server: Option<String>,
    },
    /// The file was changed within so long.
    FileAge {
        path: PathBuf,
        most_ms: u64,
    },
    /// The certificate is valid for so long yet.
    CertificateFile {
        path: PathBuf,
        least_ms: u64,
    },
    CertificateServer {
        host: String,
        port: u16,
        least_ms: u64,
    },
    /// What a disk says of its health.
    Disk(String),
    /// Metrics are read.
    Scrape {
        place: Place,
        target: String,
    },
}

impl Check {
    /// One word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http { .. } => "http",
            Self::Connect(Place::Tcp { .. }) => "tcp",
            Self::Connect(Place::Unix(_)) => "unix",
            Self::Exec(_) => "exec",
            Self::Dns { .. } => "dns",
            Self::FileAge { .. } => "file",
            Self::CertificateFile { .. } | Self::CertificateServer { .. } => "certificate",
            Self::Disk(_) => "disk",
            Self::Scrape { .. } => "scrape",
        }
    }

    /// What is looked at, in words.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Http { place, tls, target, .. } => {
                format!("{}://{}{target}", if *tls { "https" } else { "http" }, place.instance())
            }
            Self::Scrape { place, target } => format!("http://{}{target}", place.instance()),
            Self::Connect(place) => place.instance(),
            Self::Exec(command) => command.join(" "),
            Self::Dns { name, .. } => name.clone(),
            Self::FileAge { path, .. } | Self::CertificateFile { path, .. } => path.display().to_string(),
            Self::CertificateServer { host, port, .. } => format!("{host}:{port}"),
            Self::Disk(device) => device.clone(),
        }
    }
}

impl Place {
    /// `host:port`, or `unix:/path`.
    #[must_use]
    pub fn instance(&self) -> String {
        match self {
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}
