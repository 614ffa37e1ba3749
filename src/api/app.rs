//! What every request handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{oneshot, watch};

use super::conditional::Changing;
use super::fault::Fault;
use super::idempotency::Remembered;
use crate::base::{Clock, SystemClock};
use crate::engine::{Action, Caller, Engine, EngineError, Reply, RequestLimits};

/// The engine and the server's own small state.
#[derive(Clone)]
pub(super) struct App {
    pub(super) engine: Arc<Engine>,
    pub(super) remembered: Arc<Remembered>,
    pub(super) changing: Arc<Changing>,
    /// Turns true when the server drains.
    stopping: watch::Receiver<bool>,
    counters: Arc<Counters>,
}

struct Counters {
    started_ms: u64,
    requests: AtomicU64,
}

impl App {
    pub(super) fn new(engine: Arc<Engine>, stopping: watch::Receiver<bool>) -> Self {
        let counters = Counters { started_ms: SystemClock::default().now_ms(), requests: AtomicU64::new(0) };
        let (remembered, changing) = (Arc::default(), Arc::default());
        Self { engine, remembered, changing, stopping, counters: Arc::new(counters) }
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

    /// What may be let in now, by the settings.
    pub(super) fn limits(&self) -> RequestLimits {
        self.engine.limits()
    }
}
