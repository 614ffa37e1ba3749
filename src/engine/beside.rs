//! What the API asks of the engine beside Actions, for every connection and request: nothing here waits.

use super::Events;
use super::run::Engine;
use super::sessions::Seat;
use super::settings::RequestLimits;
use super::traces::Served;
use crate::observe::trace::Trace;

impl Engine {
    /// What happened, for event streams.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.inner.events
    }

    /// False where the engine's only timer does not come back.
    #[must_use]
    pub fn lives(&self) -> bool {
        !self.inner.health.is_stuck(self.inner.clock.monotonic_us())
    }

    /// A request to the API begins, with these `traceparent` and `tracestate` headers.
    pub fn begin_trace<'a>(
        &self,
        parents: impl Iterator<Item = &'a str>,
        states: impl Iterator<Item = &'a str>,
    ) -> Trace {
        self.inner.traces.begin_request(parents, states)
    }

    /// A request to the API was answered; gives the `traceparent` that goes back with the answer.
    pub fn served(&self, trace: Trace, served: &Served<'_>) -> String {
        self.inner.instruments.request(served.route, served.method, served.code, served.took_us);
        self.inner.traces.end_request(trace, served, self.inner.clock.now_ms()).to_string()
    }

    /// A connection begins; `close` ends it. It ends here with the seat.
    pub fn seat(&self, close: impl Fn() + Send + Sync + 'static) -> Seat {
        Seat::take(&self.inner.sessions, &self.inner.clock, Box::new(close))
    }

    /// What the API may let in now.
    #[must_use]
    pub fn limits(&self) -> RequestLimits {
        self.inner.config.limits()
    }

    /// Where a daemon also serves TCP, by its settings.
    #[must_use]
    pub fn listen(&self) -> Option<std::net::SocketAddr> {
        self.inner.config.listen()
    }
}
