//! What other programs of the box measure: pushed, sent as statsd datagrams, or scraped.
//!
//! Offers [`read_text`] (the text formats), [`Statsd`] (datagrams added up), and [`Intake`], which holds the newest
//! value of every series until it is recorded with the box's own metrics.
//!
//! Invariant: pure, and bounded: no source holds more series than it may, and what is not told again is forgotten.

mod pool;
mod statsd;
mod text;

pub use pool::{Intake, IntakeError, IntakeLimits};
pub use statsd::{Statsd, StatsdCount};
pub use text::{TextFault, read_scraped, read_text};

use std::sync::Arc;

use super::metric::Kind;
use super::promql::Labels;

/// What was told of a family: a histogram's series are parts of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub name: String,
    pub kind: Kind,
    /// Empty where nothing was said.
    pub help: String,
}

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What only rises is a counter, whatever family it is a part of.
    pub kind: Kind,
    /// The name among them.
    pub labels: Labels,
    pub value: f64,
    /// Nothing where nobody told what it is a part of.
    pub of: Option<Arc<Told>>,
}

/// The same series as one of this job, place or sender: labels of that name that it had become `exported_...`, as
/// Prometheus does it.
#[must_use]
pub fn marked(labels: &Labels, marks: &[(&str, &str)]) -> Labels {
    let own = labels.iter().map(|(name, value)| {
        let taken = marks.iter().any(|(mark, text)| *mark == name && !text.is_empty());
        (if taken { format!("exported_{name}") } else { name.to_owned() }, value.to_owned())
    });
    let set = marks.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Labels::new(own.chain(set))
}
