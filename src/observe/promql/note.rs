//! Remarks on a value: warnings (it is probably not what was asked for) and infos. Worded as Prometheus words
//! them, for scripts and people compare them.

use std::collections::BTreeSet;

use super::fault::Place;
use super::literal::{format_float, quote};

/// Remarks that are kept at most; of more, nobody would read the rest.
const MOST: usize = 64;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    warnings: BTreeSet<String>,
    infos: BTreeSet<String>,
    /// For lines and columns.
    query: String,
}

impl Notes {
    pub(super) fn new(query: &str) -> Self {
        Self { query: query.to_owned(), ..Self::default() }
    }

    /// Each with its severity and its place, sorted.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str)
    }

    pub fn infos(&self) -> impl Iterator<Item = &str> {
        self.infos.iter().map(String::as_str)
    }

    fn placed(&self, severity: &str, what: &str, place: Place) -> String {
        let (line, column) = place.line_and_column(&self.query);
        format!("PromQL {severity}: {what} ({line}:{column})")
    }

    fn warn(&mut self, what: &str, place: Place) {
        if self.warnings.len() < MOST {
            let text = self.placed("warning", what, place);
            self.warnings.insert(text);
        }
    }

    fn info(&mut self, what: &str, place: Place) {
        if self.infos.len() < MOST {
            let text = self.placed("info", what, place);
            self.infos.insert(text);
        }
    }

    pub(super) fn bad_quantile(&mut self, q: f64, place: Place) {
        if !(0.0..=1.0).contains(&q) {
            let q = format_float(q);
            self.warn(&format!("quantile value should be between 0 and 1, got {q}"), place);
        }
    }

    pub(super) fn bad_ratio(&mut self, ratio: f64, capped: f64, place: Place) {
        let [ratio, capped] = [ratio, capped].map(format_float);
        self.warn(
            &format!("ratio value should be between -1 and 1, got {ratio}, capping to {capped}"),
            place,
        );
    }

    pub(super) fn bad_bucket(&mut self, bound: &str, metric: &str, place: Place) {
        let bound = quote(bound.as_bytes());
        let what = format!("bucket label \"le\" is missing or has a malformed value of {bound}");
        self.warn(&(what + &of_metric(metric)), place);
    }

    pub(super) fn classic_and_native(&mut self, metric: &str, place: Place) {
        let what = "vector contains a mix of classic and native histograms".to_owned();
        self.warn(&(what + &of_metric(metric)), place);
    }

    pub(super) fn mixed_range(&mut self, metric: &str, place: Place) {
        let metric = quote(metric.as_bytes());
        self.warn(&format!("encountered a mix of histograms and floats for metric name {metric}"), place);
    }

    pub(super) fn mixed_aggregation(&mut self, place: Place) {
        self.warn("encountered a mix of histograms and floats for aggregation", place);
    }

    pub(super) fn not_monotonic(&mut self, metric: &str, place: Place) {
        let what = "input to histogram_quantile needed to be fixed for monotonicity (see \
            https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        self.info(&(what.to_owned() + &of_metric(metric)), place);
    }

    pub(super) fn maybe_no_counter(&mut self, metric: &str, place: Place) {
        let metric = quote(metric.as_bytes());
        let what = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
        self.info(&format!("{what}: {metric}"), place);
    }

    pub(super) fn incompatible_types(&mut self, left: &str, op: &str, right: &str, place: Place) {
        let what = "incompatible sample types encountered for binary operator";
        self.info(&format!("{what} \"{op}\": {left} {op} {right}"), place);
    }

    pub(super) fn histogram_ignored(&mut self, aggregation: &str, place: Place) {
        self.info(&format!("ignored histogram in {aggregation} aggregation"), place);
    }

    pub(super) fn histograms_ignored_in_range(&mut self, metric: &str, place: Place) {
        let metric = quote(metric.as_bytes());
        let what = "ignored histograms in a range containing both floats and histograms for metric name";
        self.info(&format!("{what} {metric}"), place);
    }
}

fn of_metric(metric: &str) -> String {
    if metric.is_empty() { String::new() } else { format!(" for metric name {}", quote(metric.as_bytes())) }
}
