//! Documents in, cited passages out.
//!
//! Invariant: search takes bytes and returns values: it does no I/O of its own and never reads the clock.

mod analysis;
mod answer;
mod beside;
mod best;
mod builder;
mod cache;
mod catalogue;
mod chunk_set;
mod default_model;
mod dense;
mod dictionary;
mod embedder;
mod error;
pub mod eval;
mod exclude;
pub mod extract;
mod glob;
mod import;
mod ingest;
mod known_bits;
mod language;
mod lexical;
#[cfg(test)]
mod lexical_tests;
mod library;
mod list_builder;
mod merge;
mod migrate;
mod model;
mod pack;
mod packed_model;
mod passage;
mod phrase;
mod pin;
mod postings;
mod probe;
mod quantize;
mod query;
mod record;
mod runs;
mod search;
mod segment;
mod shelf;
pub mod simd;
mod suggest;
mod term_lists;
mod text;
pub mod tokenize;
mod walk;
mod window;
mod word_map;

pub use answer::{Answer, Part, Passage, Question};
pub use cache::{Answers, CACHE_TABLES, CacheCounts, Key, Layer};
pub use catalogue::{CollectionRecord, DocumentRecord, FailureRecord};
pub use default_model::{
    default_model_id, model_path, open_default_model, open_model, sha256_of, unpack_default_model,
};
pub use error::KnowledgeError;
pub use glob::{Glob, GlobError, Slash};
pub use import::{ImportError, READ_FILES, read_folder};
pub use ingest::{AlsoWrite, Batch};
pub use language::Language;
pub use library::{CollectionView, Library, Snapshot};
pub use model::{Model, ModelMeta, ModelSource, write_model};
pub use pin::Pinned;
pub use probe::{Lists, Near, Stage};
pub use query::Query;
pub use search::Effort;
pub use shelf::{Checked, ReadPassage};
pub use walk::{Entry, Skipped, Summary, check_patterns, walk};
