//! What every request handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{oneshot, watch};

use super::fault::Fault;
use super::idempotency::Remembered;
use crate::base::{Clock, SystemClock};
use crate::engine::{Action, Caller, Criticality, Engine, EngineError, Reply};

/// Connections allowed until the engine has told its budget.
const CONNECTIONS_AT_START: usize = 64;

/// The engine and the server's own small state.
#[derive(Clone)]
pub(super) struct App {
    pub(super) engine: Arc<Engine>,
    pub(super) remembered: Arc<Remembered>,
    /// Turns true when the server drains.
    stopping: watch::Receiver<bool>,
    counters: Arc<Counters>,
}

struct Counters {
    started_ms: u64,
    requests: AtomicU64,
    limit: AtomicUsize,
    told: AtomicBool,
}

impl App {
    pub(super) fn new(engine: Arc<Engine>, stopping: watch::Receiver<bool>) -> Self {
        let counters = Counters {
            started_ms: SystemClock::default().now_ms(),
            requests: AtomicU64::new(0),
            limit: AtomicUsize::new(CONNECTIONS_AT_START),
            told: AtomicBool::new(false),
        };
        Self { engine, remembered: Arc::default(), stopping, counters: Arc::new(counters) }
    }

    /// Asks the engine and waits for its reply.
    pub(super) async fn ask(&self, caller: Caller, action: Action) -> Result<Reply, Fault> {
        let (send, receive) = oneshot::channel();
        self.engine.submit(caller, action, move |result| {
            // The asker may have gone away: nobody to tell.
            let _ = send.send(result);
        });
        match receive.await {
            Ok(result) => result.map_err(Fault::from),
            Err(_) => Err(Fault::from(EngineError::Stopping)),
        }
    }

    /// A new request's id: start time and a counter, so that ids do not repeat after a restart.
    pub(super) fn request_id(&self) -> String {
        let count = self.counters.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:x}-{count:x}", self.counters.started_ms)
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns when the server drains.
    pub(super) async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // A server that is gone has stopped, too; the borrowed value must not live on.
        drop(stopping.wait_for(|stop| *stop).await);
    }

    /// Connections allowed at the same time.
    pub(super) fn connection_limit(&self) -> usize {
        self.counters.limit.load(Ordering::Relaxed)
    }

    /// Learns the tier's limit from the engine, once.
    pub(super) async fn learn_limit(self) {
        if self.counters.told.swap(true, Ordering::Relaxed) {
            return;
        }
        let caller = Caller {
            uid: rustix::process::getuid().as_raw(),
            gid: 0,
            pid: 0,
            request: self.request_id(),
            criticality: Criticality::Critical,
        };
        let Ok(Reply::Hardware(hardware)) = self.ask(caller, Action::Hardware).await else { return };
        let gauge = hardware.budgets.iter().find(|gauge| gauge.name == "connection_limit");
        if let Some(limit) =
            gauge.and_then(|gauge| usize::try_from(gauge.limit).ok()).filter(|limit| *limit > 0)
        {
            self.counters.limit.store(limit, Ordering::Relaxed);
        }
    }
}
