//! What metrics look like at one moment: families of points, as they are written out and recorded.

use std::borrow::Cow;

use super::histogram::Snapshot;

/// What kind of value a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
    /// Always 1; its labels say something.
    Info,
    /// From a program that does not say.
    Unknown,
}

impl Kind {
    /// As OpenMetrics has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::Unknown => "unknown",
        }
    }

    /// As the older text format and the query API have it.
    #[must_use]
    pub fn classic_name(self) -> &'static str {
        match self {
            Self::Info => "gauge",
            Self::Unknown => "untyped",
            other => other.name(),
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "counter" => Self::Counter,
            "gauge" | "stateset" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "unknown" | "untyped" | "gaugehistogram" => Self::Unknown,
            _ => return None,
        })
    }
}

/// The value of one point.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    Number(f64),
    /// Cumulative counts by upper bound, the last of which is +Inf.
    Histogram {
        buckets: Vec<(f64, u64)>,
        sum: f64,
    },
    Summary {
        quantiles: Vec<(f64, f64)>,
        sum: f64,
        count: u64,
    },
}

impl Reading {
    /// A snapshot of microseconds as seconds, at these bounds (seconds, rising).
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn seconds(seen: &Snapshot, bounds: &[f64]) -> Self {
        let mut buckets: Vec<(f64, u64)> =
            bounds.iter().map(|bound| (*bound, seen.at_most((bound * 1e6).round() as u64))).collect();
        buckets.push((f64::INFINITY, seen.count()));
        Self::Histogram { buckets, sum: seen.sum() as f64 / 1e6 }
    }
}

/// One labelled value.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Names and values, in the order in which they are written.
    pub labels: Vec<(Cow<'static, str>, String)>,
    pub reading: Reading,
}

/// One metric with all its points.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// As queries name it: a counter's ends in `_total`.
    pub name: Cow<'static, str>,
    pub kind: Kind,
    /// `seconds`, `bytes`, `celsius`, ...; empty where it counts things.
    pub unit: Cow<'static, str>,
    pub help: Cow<'static, str>,
    pub points: Vec<Point>,
}

impl Family {
    /// One more point with a number.
    pub fn push(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned())).collect();
        self.points.push(Point { labels, reading: Reading::Number(value) });
    }

    /// Gives every number by the name it has as a series, with one more label where a part needs it.
    pub fn each_series(&self, mut each: impl FnMut(&str, &Point, Option<(&'static str, &str)>, f64)) {
        let part = |end: &str| format!("{}{end}", self.name);
        for point in &self.points {
            match &point.reading {
                Reading::Number(value) => each(&self.name, point, None, *value),
                Reading::Histogram { buckets, sum } => {
                    let (bucket, total) = (part("_bucket"), buckets.last().map_or(0, |(_, count)| *count));
                    for (bound, count) in buckets {
                        each(&bucket, point, Some(("le", &bound_text(*bound))), float(*count));
                    }
                    each(&part("_sum"), point, None, *sum);
                    each(&part("_count"), point, None, float(total));
                }
                Reading::Summary { quantiles, sum, count } => {
                    for (part, value) in quantiles {
                        each(&self.name, point, Some(("quantile", &number_text(*part))), *value);
                    }
                    each(&part("_sum"), point, None, *sum);
                    each(&part("_count"), point, None, float(*count));
                }
            }
        }
    }

    /// True where the value of such a series only rises while its program runs.
    #[must_use]
    pub fn is_cumulative(&self, series: &str) -> bool {
        match self.kind {
            Kind::Counter => true,
            Kind::Histogram | Kind::Summary => series != self.name,
            Kind::Gauge | Kind::Info | Kind::Unknown => false,
        }
    }
}

#[allow(clippy::cast_precision_loss)] // counts of more than 2^53 things do not happen here
fn float(count: u64) -> f64 {
    count as f64
}

/// A bound as Prometheus writes it: `+Inf`, and whole numbers with a decimal, as OpenMetrics wants them.
#[must_use]
pub fn bound_text(bound: f64) -> String {
    if bound == f64::INFINITY {
        "+Inf".to_owned()
    } else if bound.fract() == 0.0 && bound.abs() < 1e15 {
        format!("{bound:.1}")
    } else {
        number_text(bound)
    }
}

/// A number as both text formats read it.
pub(super) fn number_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if value != 0.0 && (value.abs() >= 1e17 || value.abs() < 1e-6) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}
