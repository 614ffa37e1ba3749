//! Graphs of what the box measures: the panels of a dashboard, or one expression that a person typed.

use std::collections::BTreeMap;

use crate::api::types::{MetricResult, MetricSeries, MetricValue};
use crate::tui::widgets::line_edit::LineEdit;

/// Widths of time that can be shown, in seconds, and their names.
pub(crate) const SPANS: [(u64, &str); 7] = [
    (300, "5 minutes"),
    (900, "15 minutes"),
    (3600, "an hour"),
    (6 * 3600, "6 hours"),
    (86_400, "a day"),
    (7 * 86_400, "a week"),
    (30 * 86_400, "30 days"),
];
/// Series of one answer that are kept.
const SERIES_MOST: usize = 50;

/// How values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unit {
    #[default]
    Plain,
    Seconds,
    Bytes,
    /// A part of one.
    Ratio,
    Celsius,
}

/// Which of so many of 100 are asked for as bands.
const QUANTILES: [(&str, &str); 3] = [("0.5", "50 of 100"), ("0.9", "90 of 100"), ("0.99", "99 of 100")];

/// Questions for several percentiles, where the expression is one of a histogram: `histogram_quantile(...)` with
/// another number, or a name that ends in `_bucket`.
pub(crate) fn banded(query: &str) -> Option<Vec<String>> {
    let query = query.trim();
    let rest = query.strip_prefix("histogram_quantile(").and_then(|rest| rest.split_once(','));
    let plain = query.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let inner = match rest {
        Some((_, inner)) => inner.trim_start().to_owned(),
        None if plain && query.ends_with("_bucket") => format!("sum by (le) (rate({query}[5m])))"),
        None => return None,
    };
    Some(QUANTILES.iter().map(|(quantile, _)| format!("histogram_quantile({quantile}, {inner}")).collect())
}

/// One line of a graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// The name without what is the same in all lines of the answer.
    pub(crate) short: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Seconds since 1970 and values, by time; none is NaN.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Line {
    pub(crate) fn newest(&self) -> Option<f64> {
        self.points.last().map(|(_, value)| *value)
    }

    /// Least, mean and greatest.
    pub(crate) fn summary(&self) -> Option<(f64, f64, f64)> {
        let values = || self.points.iter().map(|(_, value)| *value);
        let (least, most) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        #[allow(clippy::cast_precision_loss)] // hundreds of points
        let count = self.points.len() as f64;
        // Divided first: a sum of large ones would have no end.
        Some((least, values().map(|value| value / count).sum(), most))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Observe {
    /// Empty: the dashboard.
    pub(crate) query: String,
    pub(crate) editing: Option<LineEdit>,
    /// What the name that is typed may go on with.
    pub(crate) words: Vec<String>,
    /// What was typed before.
    pub(crate) line: LineEdit,
    /// Answers of an earlier question are not those of this one.
    pub(crate) serial: u64,
    /// Which of [`SPANS`].
    pub(crate) span: usize,
    /// How far before now the right edge is.
    pub(crate) back_ms: u64,
    /// The right edge of what was asked for.
    pub(crate) end_ms: u64,
    pub(crate) asked_ms: u64,
    /// Percentiles of a histogram as bands, in place of the expression.
    pub(crate) bands: bool,
    /// How values of the expression are read, where a panel said so.
    pub(crate) unit: Option<Unit>,
    /// Figures in place of graphs.
    pub(crate) table: bool,
    /// One series large; else several, one below the other.
    pub(crate) large: bool,
    /// Panel or series.
    pub(crate) selected: usize,
    /// By panel and query ([`super::PARTS`]); of an expression the first holds all, or each one percentile.
    pub(crate) answers: Vec<Option<Vec<Line>>>,
    /// What is wrong with the expression, and at which of its columns (from 1).
    pub(crate) problem: Option<(String, Option<usize>)>,
}

impl Default for Observe {
    fn default() -> Self {
        Self {
            query: String::new(),
            editing: None,
            words: Vec::new(),
            line: LineEdit::default(),
            serial: 0,
            span: 2,
            back_ms: 0,
            end_ms: 0,
            asked_ms: 0,
            bands: false,
            unit: None,
            table: false,
            large: false,
            selected: 0,
            answers: Vec::new(),
            problem: None,
        }
    }
}

impl Observe {
    pub(crate) fn is_dashboard(&self) -> bool {
        self.query.is_empty()
    }

    pub(crate) fn span_s(&self) -> u64 {
        SPANS.get(self.span).map_or(3600, |(seconds, _)| *seconds)
    }

    /// Lines of an answer.
    pub(crate) fn lines(&self, panel: usize) -> Option<&[Line]> {
        self.answers.get(panel).and_then(Option::as_deref)
    }

    /// What is asked for the expression.
    pub(crate) fn queries(&self) -> Vec<String> {
        let bands = self.bands.then(|| banded(&self.query)).flatten();
        bands.unwrap_or_else(|| vec![self.query.clone()])
    }

    /// The series of the expression; of bands, one a percentile.
    pub(crate) fn series(&self) -> Vec<Line> {
        if !self.bands {
            return self.lines(0).unwrap_or_default().to_vec();
        }
        let first = |(at, (_, name)): (usize, &(&str, &str))| {
            let line = self.lines(at)?.first()?;
            let name = (*name).to_owned();
            Some(Line { short: name.clone(), name, points: line.points.clone(), ..Line::default() })
        };
        QUANTILES.iter().enumerate().filter_map(first).collect()
    }

    pub(crate) fn take(&mut self, panel: usize, value: MetricValue) {
        let mut lines: Vec<Line> = match value.result {
            MetricResult::Series(series) => series.into_iter().take(SERIES_MOST).map(line).collect(),
            MetricResult::Point(_) => Vec::new(),
        };
        shorten(&mut lines);
        if self.answers.len() <= panel {
            self.answers.resize(panel + 1, None);
        }
        if let Some(place) = self.answers.get_mut(panel) {
            *place = Some(lines);
        }
    }
}

fn line(series: MetricSeries) -> Line {
    let name = series.name();
    let points = series.values.iter().map(|point| (point.0, point.number()));
    let points = points.filter(|(_, value)| value.is_finite()).collect();
    Line { short: name.clone(), name, points, labels: series.metric }
}

/// Leaves out of names what all lines share: what is left tells one from the other, and is short enough to be read.
fn shorten(lines: &mut [Line]) {
    let Some((first, others)) = lines.split_first() else { return };
    let mut shared = first.labels.clone();
    shared.retain(|name, value| others.iter().all(|line| line.labels.get(name) == Some(value)));
    if others.is_empty() || shared.is_empty() {
        return;
    }
    for line in lines {
        let own = line.labels.iter().filter(|(name, _)| !shared.contains_key(*name));
        let own: Vec<String> = own
            .map(|(name, value)| if name == "__name__" { value.clone() } else { format!("{name}={value}") })
            .collect();
        if !own.is_empty() {
            line.short = own.join(" ");
        }
    }
}
