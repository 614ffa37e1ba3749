//! Opens the rooms and runs them: bounded queue in, replies out.

use std::path::PathBuf;

use super::{Action, Caller, EngineError, Events, Reply};

/// What the command line and the environment decided.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The data folder; created when absent.
    pub data_dir: PathBuf,
    /// Where the API listens (shown in status).
    pub socket: PathBuf,
    /// `--tier` or `SPUD_TIER`; absent means what fits.
    pub tier: Option<String>,
    /// `--config` or `SPUD_CONFIG`: a `tiers.toml` that overrides the embedded one.
    pub tiers_file: Option<PathBuf>,
    /// A daemon keeps running; otherwise the engine lives as long as its process.
    pub daemon: bool,
    /// A throw-away box: no built-in corpus.
    pub scratch: bool,
}

/// The box at work. Dropping it drains what runs and closes the stores.
pub struct Engine {
    events: Events,
}

impl Engine {
    /// Opens the data folder and starts the workers.
    ///
    /// # Errors
    /// [`EngineError::Locked`] when another process has it, [`EngineError::Damaged`] when it cannot be read.
    pub fn open(_settings: Settings) -> Result<Self, EngineError> {
        Ok(Self { events: Events::default() })
    }

    /// Queues an action; `done` is called once, on a worker thread, and must be quick.
    pub fn submit(
        &self,
        _caller: Caller,
        _action: Action,
        done: impl FnOnce(Result<Reply, EngineError>) + Send + 'static,
    ) {
        done(Err(EngineError::Stopping));
    }

    /// What happened, for event streams.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Refuses new work, finishes what runs (jobs stop at their next commit and resume later), closes the stores.
    pub fn stop(&self) {}
}
