//! Who may do what: Cedar's policy language, read, validated against a schema, and decided.
//!
//! The language is Cedar's (<https://docs.cedarpolicy.com>) without templates, extension types and tags. What is
//! not supported is refused with its place, never ignored. Policies are sorted by action when they are loaded, so
//! that a decision looks at few of them.
//!
//! Never reads a file, a clock or a store: a verdict depends on the set, the request and the entities alone.

mod check;
mod error;
mod evaluate;
mod expression;
mod lex;
mod parse;
mod reader;
mod schema;
mod set;
#[cfg(test)]
mod tests;
mod tree;
mod value;

pub(in crate::governance) use error::meant;
pub use error::{EvaluateError, PolicyError, PolicyProblem};
pub use evaluate::Request;
pub use schema::Schema;
pub use set::{PolicySet, Source, Verdict, try_anything};
pub use tree::{Effect, Policy};
pub use value::{Entities, Entity, Record, Uid, Value, record};
