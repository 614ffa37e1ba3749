//! The words of an evaluation over judged questions.

use serde::{Deserialize, Serialize};

/// Judged collection to evaluate, as absolute paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalRequest {
    pub corpus: String,
    pub queries: String,
    pub qrels: String,
    /// Also list every query with its own nDCG@10 (worst first).
    pub per_query: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyMs {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvalReport {
    pub ndcg_at_10: f64,
    pub recall_at_10: f64,
    pub mrr: f64,
    pub latency_ms: LatencyMs,
    pub queries: u64,
    pub documents: u64,
    pub index_bytes: u64,
    pub peak_rss_bytes: u64,
    pub model: String,
    pub tier: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub per_query: Vec<QueryScore>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryScore {
    pub id: String,
    pub ndcg_at_10: f64,
    pub text: String,
}
