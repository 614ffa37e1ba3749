//! What the engine counts itself, through handles that are made once.

use std::sync::Arc;

use super::table;
use crate::engine::EngineError;
use crate::observe::metric::{Counter, Described, Family, Histogram, Many, MetricError, Registry, Summary};

/// Combinations of label values that one metric may have.
const SERIES_MOST: usize = 128;

/// Stages of a question, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Stage {
    /// Until a search thread was free.
    Wait,
    /// Looking for a known answer.
    Cache,
    /// Candidates by words and vectors, fused.
    Candidates,
    /// Reading the best and weighing them again.
    Read,
    /// Putting the answer into words.
    Words,
}

impl Stage {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Wait, "wait"),
        (Self::Cache, "cache"),
        (Self::Candidates, "candidates"),
        (Self::Read, "read"),
        (Self::Words, "words"),
    ];
}

/// One kind of question.
struct Kind {
    found: Arc<Counter>,
    nothing: Arc<Counter>,
    error: Arc<Counter>,
    refused: Arc<Counter>,
    took: Arc<Histogram>,
}

/// The handles.
pub(in crate::engine) struct Instruments {
    registry: Registry,
    search: Kind,
    ask: Kind,
    stages: [Arc<Histogram>; Stage::ALL.len()],
    requests: Arc<Many<Counter>>,
    request_seconds: Arc<Many<Histogram>>,
    files: Arc<Many<Counter>>,
    pub(in crate::engine) ingest_bytes: Arc<Counter>,
    pub(in crate::engine) ingest_chunks: Arc<Counter>,
    mode_changes: Arc<Many<Counter>>,
    decisions: [Arc<Counter>; 2],
    notices: Arc<Many<Counter>>,
    pub(in crate::engine) rules_seconds: Arc<Summary>,
    scrapes: Arc<Many<Counter>>,
    pub(in crate::engine) scrape_seconds: Arc<Histogram>,
}

impl Instruments {
    /// # Errors
    /// [`EngineError::Internal`] when the table names something twice, which a test would have found.
    pub(in crate::engine) fn new() -> Result<Self, EngineError> {
        Self::of(Registry::new(SERIES_MOST)).map_err(|error| EngineError::Internal(error.to_string()))
    }

    fn of(registry: Registry) -> Result<Self, MetricError> {
        let counters = |described: Described| registry.many::<Counter>(described);
        let times = |described: Described| registry.many::<Histogram>(described);
        let (queries, took) = (counters(table::QUERIES)?, times(table::QUERY_SECONDS)?);
        let kind = |name: &str| Kind {
            found: queries.with(&[name, "found"]),
            nothing: queries.with(&[name, "nothing"]),
            error: queries.with(&[name, "error"]),
            refused: queries.with(&[name, "refused"]),
            took: took.with(&[name]),
        };
        let decisions = counters(table::DECISIONS)?;
        let stages = times(table::STAGE_SECONDS)?;
        let files = counters(table::FILES)?;
        for outcome in ["done", "skipped", "failed", "removed"] {
            let _ = files.with(&[outcome]); // zero is worth telling
        }
        Ok(Self {
            search: kind("search"),
            ask: kind("ask"),
            stages: Stage::ALL.map(|(_, name)| stages.with(&[name])),
            requests: counters(table::REQUESTS)?,
            request_seconds: times(table::REQUEST_SECONDS)?,
            files,
            ingest_bytes: counters(table::INGEST_BYTES)?.with(&[]),
            ingest_chunks: counters(table::INGEST_CHUNKS)?.with(&[]),
            mode_changes: counters(table::MODE_CHANGES)?,
            decisions: [decisions.with(&["denied"]), decisions.with(&["allowed"])],
            notices: counters(table::NOTICES)?,
            rules_seconds: registry.many::<Summary>(table::RULES_SECONDS)?.with(&[]),
            scrapes: counters(table::SCRAPES)?,
            scrape_seconds: times(table::SCRAPE_SECONDS)?.with(&[]),
            registry,
        })
    }

    /// A question was answered; `found` is None where it failed.
    pub(in crate::engine) fn question(&self, is_ask: bool, took_us: u64, found: Option<bool>) {
        let kind = if is_ask { &self.ask } else { &self.search };
        match found {
            Some(true) => kind.found.one(),
            Some(false) => kind.nothing.one(),
            None => kind.error.one(),
        }
        kind.took.observe(took_us);
    }

    /// A question was turned away.
    pub(in crate::engine) fn question_refused(&self, is_ask: bool) {
        if is_ask { &self.ask } else { &self.search }.refused.one();
    }

    pub(in crate::engine) fn stage(&self, stage: Stage, took_us: u64) {
        if let Some(histogram) = self.stages.get(stage as usize) {
            histogram.observe(took_us);
        }
    }

    /// A request was answered. The route is one of the table, never a path that a client made up.
    pub(in crate::engine) fn request(&self, route: &str, method: &str, code: u16, took_us: u64) {
        let method = match method {
            known @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "PATCH") => known,
            _ => "other",
        };
        self.requests.with(&[route, method, &code.to_string()]).one();
        self.request_seconds.with(&[route]).observe(took_us);
    }

    pub(in crate::engine) fn file(&self, outcome: &str) {
        self.files.with(&[outcome]).one();
    }

    pub(in crate::engine) fn decided(&self, allowed: bool) {
        if let Some(counter) = self.decisions.get(usize::from(allowed)) {
            counter.one();
        }
    }

    /// A notice was sent, put off or given up.
    pub(in crate::engine) fn notice(&self, receiver: &str, outcome: &str) {
        self.notices.with(&[receiver, outcome]).one();
    }

    pub(in crate::engine) fn mode_change(&self, to: &str, cause: &str) {
        self.mode_changes.with(&[to, cause]).one();
    }

    pub(in crate::engine) fn scrape(&self, is_kept: bool) {
        self.scrapes.with(&[if is_kept { "kept" } else { "lost" }]).one();
    }

    /// What was counted here, and how often a metric was full.
    pub(in crate::engine) fn read(&self) -> (Vec<Family>, u64) {
        (self.registry.read(), self.registry.overflowed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instrument_is_in_the_table() {
        let instruments = Instruments::new().unwrap();
        instruments.question(true, 900, Some(true));
        instruments.request("/v1/ask", "BREW", 200, 5);
        instruments.stage(Stage::Words, 3);
        let (families, _) = instruments.read();
        for family in &families {
            let known = table::TABLE.iter().find(|one| one.name == family.name);
            assert!(known.is_some_and(|one| one.kind == family.kind), "{}", family.name);
        }
        let requests = families.iter().find(|family| family.name == "spud_api_requests_total").unwrap();
        assert!(requests.points[0].labels.iter().any(|(_, value)| value == "other"));
        for ((stage, _), at) in Stage::ALL.iter().zip(0..) {
            assert_eq!(*stage as usize, at);
        }
    }
}
