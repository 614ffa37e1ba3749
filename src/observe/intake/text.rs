//! Reads the text formats of metrics: Prometheus' own (0.0.4) and OpenMetrics 1.0, in one go.
//!
//! Formats: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>. Times and exemplars are read and left out: a value counts
//! from when it arrives.

use std::collections::HashMap;

use super::Sample;
use crate::observe::metric::{Kind, is_metric_name};
use crate::observe::promql::{Labels, METRIC_NAME};

/// Ends of names that stand for parts of a family.
const PARTS: [&str; 6] = ["_total", "_bucket", "_sum", "_count", "_created", "_info"];
/// Labels of one series.
const LABELS_MOST: usize = 30;
/// Of the value of one label: series are counted, not weighed.
const VALUE_BYTES: usize = 1024;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TextFault {
    /// From 1.
    pub line: usize,
    pub what: String,
}

/// Reads everything, or says what is wrong first. A series that stands there twice has its last value.
///
/// # Errors
/// [`TextFault`]; nothing is taken from a text with a mistake.
pub fn read_text(text: &str) -> Result<Vec<Sample>, TextFault> {
    let mut kinds: HashMap<&str, Kind> = HashMap::new();
    let mut samples = Vec::new();
    for (line, number) in text.split('\n').zip(1..) {
        let fault = |what: String| TextFault { line: number, what };
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_ascii_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("EOF"), None, None) => break,
                (Some("TYPE"), Some(name), Some(word)) => {
                    let kind = Kind::parse(word);
                    let what = || fault(format!("{:?} is no type of a metric", cut(word)));
                    kinds.insert(name, kind.ok_or_else(what)?);
                }
                _ => {}
            }
        } else if !line.is_empty() {
            samples.push(sample(line, &kinds).map_err(fault)?);
        }
    }
    Ok(samples)
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn sample(line: &str, kinds: &HashMap<&str, Kind>) -> Result<Sample, String> {
    let end = line.find(|c: char| c == '{' || c.is_ascii_whitespace()).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !is_metric_name(name) {
        return Err(format!("{:?} is no name of a metric", cut(name)));
    }
    let mut pairs = vec![(METRIC_NAME.to_owned(), name.to_owned())];
    let rest = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside, &mut pairs)?,
        None => rest,
    };
    let word = rest.split_ascii_whitespace().next().ok_or("there is no value")?;
    let value = word.parse().map_err(|_| format!("{:?} is no number", cut(word)))?;
    Ok(Sample { kind: kind_of(name, kinds), labels: Labels::new(pairs), value })
}

/// Reads up to the closing brace, and gives what follows it.
fn labels<'a>(inside: &'a str, pairs: &mut Vec<(String, String)>) -> Result<&'a str, String> {
    let mut rest = inside.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !is_metric_name(name) || name.starts_with("__") {
            return Err(format!("{:?} is no name of a label", cut(rest.split('=').next().unwrap_or(rest))));
        }
        let quoted =
            after.trim_start().strip_prefix('=').and_then(|text| text.trim_start().strip_prefix('"'));
        let quoted = quoted.ok_or_else(|| format!("{name}: a label is written {name}=\"value\""))?;
        let (value, after) = value(quoted).ok_or_else(|| format!("{name}: its value has no end"))?;
        if value.len() > VALUE_BYTES {
            return Err(format!("{name}: its value has more than {VALUE_BYTES} bytes"));
        }
        pairs.push((name.to_owned(), value));
        if pairs.len() > LABELS_MOST {
            return Err(format!("a series has at most {LABELS_MOST} labels"));
        }
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err(format!("{name}: a comma or a brace is wanted after it")),
        }
    }
}

/// Up to the quote that ends it; what follows that.
fn value(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text, quoted.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => text.push('\n'),
                other @ ('\\' | '"') => text.push(other),
                // As Prometheus reads it: what needs no escape stands for itself.
                other => text.extend(['\\', other]),
            },
            other => text.push(other),
        }
    }
    None
}

/// What a series is, by the family that it is a part of.
fn kind_of(name: &str, kinds: &HashMap<&str, Kind>) -> Kind {
    let part = PARTS.into_iter().find_map(|end| Some((name.strip_suffix(end)?, end)));
    let of_part = part.and_then(|(stem, end)| Some((*kinds.get(stem)?, end)));
    match (kinds.get(name), of_part) {
        (Some(Kind::Counter), _) => Kind::Counter,
        (Some(Kind::Unknown), _) => Kind::Unknown,
        (Some(_), _) => Kind::Gauge,
        (None, Some((Kind::Counter, "_total"))) => Kind::Counter,
        (None, Some((Kind::Histogram | Kind::Summary, "_bucket" | "_sum" | "_count"))) => Kind::Counter,
        (None, Some(_)) => Kind::Gauge,
        (None, None) => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, Kind, f64)> {
        let of = |sample: Sample| {
            let labels = sample.labels.to_string();
            (labels, sample.kind, sample.value)
        };
        read_text(text).unwrap().into_iter().map(of).collect()
    }

    #[test]
    fn both_formats_are_read() {
        let text = "# HELP req How many\n# TYPE req_total counter\nreq_total{path=\"a\\\"b\\\\c\\nd\", code = \"200\",} 3 1700000000000\n\
            # TYPE took histogram\ntook_bucket{le=\"+Inf\"} 4 # {trace_id=\"a b}\"} 0.7 17.5\r\ntook_sum 9.5\n\
            # TYPE open counter\nopen_total 5e2\nopen_created 17\n# TYPE q summary\nq{quantile=\"0.5\"} NaN\n\
            plain -Inf\n# EOF\nnot read";
        let samples = read(text);
        let kinds: Vec<Kind> = samples.iter().map(|sample| sample.1).collect();
        use Kind::{Counter, Gauge, Unknown};
        assert_eq!(kinds, [Counter, Counter, Counter, Counter, Gauge, Gauge, Unknown]);
        assert_eq!(samples[0].0, r#"{__name__="req_total", code="200", path="a\"b\\c\nd"}"#);
        assert_eq!((samples[0].2, samples[3].2, samples[6].2), (3.0, 500.0, f64::NEG_INFINITY));
        assert!(samples[5].2.is_nan());
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let long = format!("a{{b=\"{}\"}} 1", "x".repeat(VALUE_BYTES + 1));
        for (text, line, what) in [
            (long.as_str(), 1, "more than 1024 bytes"),
            ("ok 1\n9a 1", 2, "no name of a metric"),
            ("a{b=\"c\" 1", 1, "comma or a brace"),
            ("a{b=\"c} 1", 1, "no end"),
            ("a{b=c} 1", 1, "b=\"value\""),
            ("a{__name__=\"x\"} 1", 1, "no name of a label"),
            ("a", 1, "no value"),
            ("\n\na one", 3, "no number"),
            ("# TYPE a thing", 1, "no type"),
            ("{\"a.b\", c=\"d\"} 1", 1, "no name of a metric"),
        ] {
            let fault = read_text(text).unwrap_err();
            assert_eq!(fault.line, line, "{text}");
            assert!(fault.what.contains(what), "{text}: {fault}");
        }
    }

    proptest! {
        /// What the box writes, it reads.
        #[test]
        fn written_is_read(value in any::<f64>(), text in "\\PC{0,20}", name in "[a-z_:][a-z0-9_:]{0,9}") {
            use crate::observe::metric::{Family, exposition};
            let mut family = Family {
                name: name.clone().into(), kind: Kind::Gauge, unit: "".into(), help: "".into(), points: Vec::new(),
            };
            family.push(&[("label", &text)], value);
            let mut out = Vec::new();
            exposition::write(&[family], &[], exposition::Format::Prometheus, 0.0, &mut out).unwrap();
            let read = read_text(std::str::from_utf8(&out).unwrap()).unwrap().remove(0);
            prop_assert_eq!(read.labels.get("label"), text);
            prop_assert_eq!((read.labels.metric(), read.kind), (name.as_str(), Kind::Gauge));
            prop_assert!(read.value == value || read.value.is_nan() && value.is_nan());
        }
    }
}
