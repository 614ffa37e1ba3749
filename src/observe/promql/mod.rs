//! PromQL, the query language of Prometheus: an expression and a time give a value.
//!
//! All of the float core of Prometheus 3: [`parse`] gives an [`Expression`], [`instant`] and [`range`] its value
//! from any [`Source`]. Ranges are open on the left, names of metrics go at the end of the evaluation ("delayed
//! name removal"), remarks and messages are worded as Prometheus words them. Of native histograms only their
//! presence is known; what needs their buckets is an [`EvalFault::NativeHistogram`].
//!
//! Grammar and meaning follow <https://prometheus.io/docs/prometheus/latest/querying/basics/>.
//! [`script`] runs Prometheus' own test scripts against it.
//!
//! Invariant: pure: no clock, no I/O; what a query may use is bounded by [`Limits`] and a clock of the caller.

mod aggregate;
mod binary;
mod call;
mod catalogue;
mod characters;
mod check;
mod evaluate;
mod expression;
mod fault;
mod float;
mod formula;
mod labels;
mod lex;
mod literal;
mod matcher;
mod matching;
mod merge;
mod note;
mod parse;
mod parse_parts;
mod rank;
mod regexp;
pub mod script;
mod select;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod window;

pub use catalogue::words;
pub use evaluate::{Context, Outcome, instant, range};
pub use expression::{Expression, parse_selector};
pub use fault::{EvalFault, ParseFault, Place};
pub use labels::{Labels, METRIC_NAME};
pub(in crate::observe) use literal::quote;
pub use literal::{format_duration, format_float, parse_duration, parse_number};
pub(in crate::observe) use matcher::Pattern;
pub use matcher::{MatchOp, Matcher};
pub use note::Notes;
pub use parse::parse;
pub use source::{Hear, Limits, Of, Source, Wanted};
pub use tree::Type;
pub use value::{Answer, Sample, Series};
