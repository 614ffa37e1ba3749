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

use std::collections::BTreeMap;
use std::sync::Arc;

use super::metric::Kind;
use super::promql::Labels;
use crate::base::ordered_map;

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

/// The same series as one of this job, place or sender: labels of that name that it had become `exported_...`, as often
/// as it takes until the name is free, as Prometheus does it.
#[must_use]
pub fn marked(labels: &Labels, marks: &[(&str, &str)]) -> Labels {
    let set = || marks.iter().filter(|(_, text)| !text.is_empty());
    let is_mark = |name: &str| set().any(|(mark, _)| *mark == name);
    let mut all: BTreeMap<String, &str> = ordered_map(
        labels.iter().filter(|(name, _)| !is_mark(name)).map(|(name, text)| (name.to_owned(), text)),
    );
    for (name, value) in labels.iter().filter(|(name, _)| is_mark(name)) {
        let mut other = format!("exported_{name}");
        while all.contains_key(&other) || is_mark(&other) {
            other.insert_str(0, "exported_");
        }
        all.insert(other, value);
    }
    let set = set().map(|(name, value)| ((*name).to_owned(), *value));
    Labels::new(all.into_iter().chain(set))
}
