//! The budgets of a tier: every component takes its memory from here.

/// What the binary, the allocator, the stacks and the API hold before the first document.
const BASE: u64 = 8 << 20;
/// Candidates, scores and a stack per search worker.
const PER_WORKER: u64 = 1 << 20;
/// Read buffer, write buffer and task of one connection.
const PER_CONNECTION: u64 = 20 << 10;

/// What each component of this box may spend. Memory in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// Resident memory of the whole process; the parts below are checked against it at start.
    pub memory_total: u64,
    /// Page cache of `corpus.redb`.
    pub store_cache: u64,
    /// Page cache of `control.redb`.
    pub control_cache: u64,
    /// Answers kept in memory (L1).
    pub l1_cache: u64,
    /// Compressed answers kept in the store (L2, on disk).
    pub l2_cache: u64,
    /// What an ingest job may hold before it must write a segment.
    pub index_buffer: u64,
    /// Address space of one extractor child process.
    pub extractor_memory: u64,
    /// Seconds one document may take to extract.
    pub extractor_seconds: u64,
    /// Documents that one commit of an ingest job waits for.
    pub batch_size: u32,
    /// Threads that answer queries.
    pub search_workers: u32,
    /// Open connections to the API.
    pub connections: u32,
    /// Columns of the model that are used (64 or 128).
    pub vector_width: u32,
    /// Rotated log files, bytes on disk.
    pub log_bytes: u64,
    /// error, warn, info, debug or trace.
    pub log_level: String,
    /// Days that finished jobs and log files are kept.
    pub retention_days: u32,
    /// Seconds between two recordings of all metrics; 0 records none.
    pub metric_seconds: u32,
    /// Recorded metrics, bytes on disk.
    pub metric_bytes: u64,
    /// Metrics that were recorded since the last block.
    pub metric_memory: u64,
    /// Series of metrics that are recorded.
    pub metric_series: u32,
    /// Name of the embedding model: `default` is the embedded one.
    pub model: String,
}

/// One component's share of the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub name: &'static str,
    pub bytes: u64,
    pub about: &'static str,
}

/// The parts do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the memory budgets add up to {} but memory_total is {} (largest part: {largest})",
    crate::base::format_bytes(*.sum),
    crate::base::format_bytes(*.total)
)]
pub struct BudgetError {
    pub sum: u64,
    pub total: u64,
    pub largest: &'static str,
}

impl Budgets {
    /// Everything that may be held in memory at the same time.
    #[must_use]
    pub fn parts(&self) -> [Part; 8] {
        let part = |name, bytes, about| Part { name, bytes, about };
        [
            part("base", BASE, "program, allocator, threads"),
            part("store_cache", self.store_cache, "page cache of corpus.redb"),
            part("control_cache", self.control_cache, "page cache of control.redb"),
            part("l1_cache", self.l1_cache, "answers kept in memory"),
            part("index_buffer", self.index_buffer, "what an ingest job holds before it writes a segment"),
            part(
                "search_workers",
                u64::from(self.search_workers) * PER_WORKER,
                "scratch of the search threads",
            ),
            part("metric_memory", self.metric_memory, "metrics that were recorded since the last block"),
            part("connections", u64::from(self.connections) * PER_CONNECTION, "buffers of open connections"),
        ]
    }

    /// Sum of [`Budgets::parts`].
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.parts().iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Checks that all parts together fit `memory_total`; gives the sum.
    ///
    /// # Errors
    /// [`BudgetError`] with both figures and the largest part.
    pub fn check_sum(&self) -> Result<u64, BudgetError> {
        let sum = self.sum();
        if sum <= self.memory_total {
            return Ok(sum);
        }
        let largest = self.parts().into_iter().max_by_key(|part| part.bytes).map_or("", |part| part.name);
        Err(BudgetError { sum, total: self.memory_total, largest })
    }
}

impl Default for Budgets {
    /// The `lite` tier, for tests that have no `tiers.toml`.
    fn default() -> Self {
        Self {
            memory_total: 64 << 20,
            store_cache: 4 << 20,
            control_cache: 512 << 10,
            l1_cache: 2 << 20,
            l2_cache: 16 << 20,
            index_buffer: 16 << 20,
            extractor_memory: 256 << 20,
            extractor_seconds: 60,
            batch_size: 64,
            search_workers: 1,
            connections: 64,
            vector_width: 64,
            log_bytes: 8 << 20,
            log_level: "info".into(),
            retention_days: 14,
            metric_seconds: 15,
            metric_bytes: 16 << 20,
            metric_memory: 4 << 20,
            metric_series: 2000,
            model: "default".into(),
        }
    }
}
