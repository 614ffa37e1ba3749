//! The budgets of a tier: every component takes its memory from here.

/// What each component of this box may spend. Memory in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// Resident memory of the whole process; the parts below are checked against it at start.
    pub memory_total: u64,
    /// Page cache of `corpus.redb`.
    pub store_cache: u64,
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
    /// Passages embedded and committed together.
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
    /// Days that finished jobs and failures are kept.
    pub retention_days: u32,
    /// Name of the embedding model: `default` is the embedded one.
    pub model: String,
}

impl Default for Budgets {
    /// The `lite` tier, for tests that have no `tiers.toml`.
    fn default() -> Self {
        Self {
            memory_total: 64 << 20,
            store_cache: 4 << 20,
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
            model: "default".into(),
        }
    }
}
