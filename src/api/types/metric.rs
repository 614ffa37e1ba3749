//! The words of metrics, as the query API of Prometheus has them: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
//!
//! Here, and only here, times are seconds since 1970 and values are texts: so do all programs that ask Prometheus.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Every reply has this form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricEnvelope<T> {
    /// success or error
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
    /// `bad_data`, execution, timeout, unavailable, internal, `not_found`
    #[serde(default, rename = "errorType", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub infos: Vec<String>,
}

/// The value of an expression.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricValue {
    /// vector, matrix, scalar or string
    #[serde(rename = "resultType")]
    pub kind: String,
    pub result: MetricResult,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetricResult {
    /// Of a scalar or a string.
    Point(MetricPoint),
    Series(Vec<MetricSeries>),
}

impl Default for MetricResult {
    fn default() -> Self {
        Self::Series(Vec::new())
    }
}

/// Seconds and value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint(pub f64, pub String);

impl MetricPoint {
    /// The value as a number; NaN where it is none.
    #[must_use]
    pub fn number(&self) -> f64 {
        match self.1.as_str() {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            text => text.parse().unwrap_or(f64::NAN),
        }
    }
}

/// One series with its value, or its values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricSeries {
    pub metric: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<MetricPoint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<MetricPoint>,
}

impl MetricSeries {
    /// As expressions name it: `name{label="value"}`.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.metric.get("__name__").map_or("", String::as_str);
        let labels: Vec<String> = self
            .metric
            .iter()
            .filter(|(label, _)| *label != "__name__")
            .map(|(label, value)| format!("{label}={value:?}"))
            .collect();
        if labels.is_empty() && !name.is_empty() {
            name.to_owned()
        } else {
            format!("{name}{{{}}}", labels.join(", "))
        }
    }
}

/// What a metric is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricMetadata {
    #[serde(rename = "type")]
    pub kind: String,
    pub help: String,
    pub unit: String,
}

/// Metrics by name.
pub type MetricCatalogue = BTreeMap<String, Vec<MetricMetadata>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_apart_by_their_form() {
        let read = |text: &str| serde_json::from_str::<MetricValue>(text).unwrap().result;
        let point = MetricPoint(1.5, "2".into());
        assert_eq!(read(r#"{"resultType":"scalar","result":[1.5,"2"]}"#), MetricResult::Point(point.clone()));
        assert_eq!(read(r#"{"resultType":"vector","result":[]}"#), MetricResult::default());
        let text =
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"a","b":"c"},"value":[1.5,"2"]}]}"#;
        let MetricResult::Series(series) = read(text) else { panic!("{text}") };
        assert_eq!((series[0].name().as_str(), &series[0].value), ("a{b=\"c\"}", &Some(point)));
        assert_eq!(serde_json::to_string(&serde_json::from_str::<MetricValue>(text).unwrap()).unwrap(), text);
        assert_eq!(MetricPoint(0.0, "+Inf".into()).number(), f64::INFINITY);
    }
}
