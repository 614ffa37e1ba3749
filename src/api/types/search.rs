//! Questions, results, answers.

use serde::{Deserialize, Serialize};

/// What to look for, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRequest {
    /// The question or the words. `"exact phrase"` in double quotes must occur as it is.
    pub q: String,
    /// Only these collections; empty means all.
    pub collections: Vec<String>,
    /// Results wanted, 1..=100; 0 means the default of 10.
    pub n: usize,
    /// Glob over the document's path, such as `**/*.md`.
    pub path: Option<String>,
    /// Document kind: markdown, text, html, pdf, docx, odt, epub, man, rst, csv, json, log.
    pub kind: Option<String>,
    /// Only documents modified at or after this time.
    pub after_ms: Option<u64>,
    /// Only documents modified before this time.
    pub before_ms: Option<u64>,
    /// Show how each score came about.
    pub explain: bool,
    /// The use case that it is asked under; absent: `general`.
    pub use_case: Option<String>,
}

/// Where in its document a passage stands. Absent parts do not apply to the format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// First line, from 1.
    pub line_start: Option<u32>,
    /// Last line, from 1, inclusive.
    pub line_end: Option<u32>,
    /// Page, from 1.
    pub page: Option<u32>,
    /// Last page when the passage runs over several.
    pub page_end: Option<u32>,
    /// The record's own id (JSON Lines, CSV).
    pub record: Option<String>,
}

/// How a score came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoreParts {
    /// Lexical score (soft BM25), before fusion.
    pub lexical: f32,
    /// Cosine of question and passage vectors.
    pub dense: f32,
    /// What lexical evidence brought to the fused score.
    pub lexical_share: f32,
    /// What dense evidence brought to the fused score.
    pub dense_share: f32,
    /// What phrase and proximity evidence brought to the fused score.
    pub proximity_share: f32,
    /// The index terms the question was turned into, with weight: `pump 1.00`, `valve~ 0.52`.
    pub terms: Vec<String>,
}

/// One result: a passage with its place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hit {
    /// From 1.
    pub rank: usize,
    /// Identifies the passage within this generation of the index.
    pub chunk: String,
    /// The document's id, for `/v1/documents/{id}`.
    pub document: String,
    pub collection: String,
    /// Path of the source file (lossy where it is not UTF-8).
    pub path: String,
    pub title: String,
    /// Document kind, as in [`SearchRequest::kind`].
    pub kind: String,
    /// Headings above the passage, outermost first.
    pub heading: Vec<String>,
    pub place: Place,
    /// The passage.
    pub text: String,
    /// Byte ranges of `text` that match the question, ascending, not overlapping.
    pub highlights: Vec<(usize, usize)>,
    /// Byte range of the sentence of `text` that answers best.
    pub best_sentence: (usize, usize),
    /// Fused score, 0..=1 within one answer.
    pub score: f32,
    /// Present when asked for by `explain`.
    pub parts: Option<ScoreParts>,
    /// Further passages with the same text that were folded into this one.
    pub duplicates: usize,
}

/// Which layer answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheLayer {
    /// Computed now.
    #[default]
    None,
    /// From memory.
    L1,
    /// From the store.
    L2,
}

/// The results of a search.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchResponse {
    pub query: String,
    /// False when nothing relevant was found; `results` is then empty.
    pub found: bool,
    pub results: Vec<Hit>,
    /// A query that would find something, when this one did not.
    pub did_you_mean: Option<String>,
    /// What the reader must know: damaged segments left out, stop words only, ...
    pub notes: Vec<String>,
    pub took_us: u64,
    pub cache: CacheLayer,
}

/// One sentence of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerSentence {
    pub text: String,
    /// Rank of the result it is quoted from.
    pub citation: usize,
}

/// An answer with its citations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskResponse {
    /// The sentences that answer best, quoted word by word; empty when nothing relevant was found.
    pub answer: Vec<AnswerSentence>,
    #[serde(flatten)]
    pub search: SearchResponse,
}
