//! Reads the text formats of metrics: Prometheus' own (0.0.4) and OpenMetrics 1.0, in one go.
//!
//! Formats: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>. Times and exemplars are read and left out: a value counts
//! from when it arrives.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Sample, Told};
use crate::observe::metric::{Kind, is_metric_name};
use crate::observe::promql::{Labels, METRIC_NAME};

/// Ends of names that stand for parts of a family.
const PARTS: [&str; 6] = ["_total", "_bucket", "_sum", "_count", "_created", "_info"];
/// Labels of one series.
const LABELS_MOST: usize = 30;
/// Of the value of one label: series are counted, not weighed.
pub(super) const VALUE_BYTES: usize = 1024;
/// Of what a family is said to be; what is longer is left out.
const HELP_BYTES: usize = 1024;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TextFault {
    /// From 1.
    pub line: usize,
    pub what: String,
}

/// Reads what a program pushed: everything, or it says what is wrong first. No series may stand there twice.
///
/// # Errors
/// [`TextFault`]; nothing is taken from a text with a mistake.
pub fn read_text(text: &str) -> Result<Vec<Sample>, TextFault> {
    let (samples, twice) = read(text)?;
    twice.map_or(Ok(samples), Err)
}

/// Reads what was scraped: of a series that stands there twice the first value counts, as Prometheus has it.
///
/// # Errors
/// [`TextFault`]; nothing is taken from a text with a mistake. Beside the samples, the first series that stands there
/// twice.
pub fn read_scraped(text: &str) -> Result<(Vec<Sample>, Option<TextFault>), TextFault> {
    read(text)
}

fn read(text: &str) -> Result<(Vec<Sample>, Option<TextFault>), TextFault> {
    let mut families = Families::default();
    let mut samples = Vec::new();
    let mut known: HashMap<Labels, usize> = HashMap::new();
    let (mut twice, mut ended) = (None, false);
    for (line, number) in text.split('\n').zip(1..) {
        let fault = |what: String| TextFault { line: number, what };
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            if comment.trim() == "EOF" {
                ended = true;
            }
            families.learn(comment).map_err(fault)?;
        } else if ended && !line.is_empty() {
            return Err(fault("this stands behind # EOF".to_owned()));
        } else if !line.is_empty() {
            let sample = sample(line, &mut families).map_err(fault)?;
            if let Some(first) = known.get(&sample.labels) {
                let what = || fault(format!("{} stands there twice, first in line {first}", sample.labels));
                twice.get_or_insert_with(what);
                continue;
            }
            known.insert(sample.labels.clone(), number);
            samples.push(sample);
        }
    }
    Ok((samples, twice))
}

/// What comments say of families, by their names.
#[derive(Default)]
struct Families<'a> {
    kinds: HashMap<&'a str, Kind>,
    helps: HashMap<&'a str, &'a str>,
    told: HashMap<&'a str, Arc<Told>>,
}

impl<'a> Families<'a> {
    fn learn(&mut self, comment: &'a str) -> Result<(), String> {
        let mut rest = comment.trim_start().splitn(3, [' ', '\t']);
        match (rest.next(), rest.next(), rest.next().map(str::trim)) {
            (Some("TYPE"), Some(name), Some(word)) => {
                let kind =
                    Kind::parse(word).ok_or_else(|| format!("{:?} is no type of a metric", cut(word)))?;
                self.kinds.insert(name, kind);
            }
            (Some("HELP"), Some(name), Some(help)) if help.len() <= HELP_BYTES => {
                self.helps.insert(name, help);
            }
            _ => {}
        }
        Ok(())
    }

    /// The family of a series: of a histogram and a summary that of its stem.
    fn of(&mut self, name: &'a str) -> Option<Arc<Told>> {
        let stem = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| name.strip_suffix(end));
        let whole = |stem: &&str| matches!(self.kinds.get(*stem), Some(Kind::Histogram | Kind::Summary));
        let family = stem.filter(whole).unwrap_or(name);
        if let Some(told) = self.told.get(family) {
            return Some(Arc::clone(told));
        }
        let bare = family.strip_suffix("_total").unwrap_or(family);
        let help = self.helps.get(family).or_else(|| self.helps.get(bare)).copied().unwrap_or_default();
        let kind = self.kinds.get(family).or_else(|| self.kinds.get(bare)).copied();
        let kind = kind.or_else(|| (!help.is_empty()).then_some(Kind::Unknown))?;
        let told = Arc::new(Told { name: family.to_owned(), kind, help: unescaped(help) });
        self.told.insert(family, Arc::clone(&told));
        Some(told)
    }
}

fn unescaped(help: &str) -> String {
    let mut out = String::with_capacity(help.len());
    let mut letters = help.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => out.push('\n'),
                Some(other @ ('\\' | '"')) => out.push(other),
                other => out.extend(std::iter::once('\\').chain(other)),
            },
            (letter, false) => out.push(letter),
        }
    }
    out
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn sample<'a>(line: &'a str, families: &mut Families<'a>) -> Result<Sample, String> {
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
    let mut words = rest.split_ascii_whitespace().take_while(|word| *word != "#");
    let word = words.next().ok_or("there is no value")?;
    let value = word.parse().map_err(|_| format!("{:?} is no number", cut(word)))?;
    if let Some(time) = words.next()
        && time.parse::<f64>().is_err()
    {
        return Err(format!("{:?} is no time", cut(time)));
    }
    if let Some(more) = words.next() {
        return Err(format!("{:?} stands behind value and time", cut(more)));
    }
    let of = families.of(name);
    Ok(Sample { kind: kind_of(name, &families.kinds), labels: Labels::new(pairs), value, of })
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
        if pairs.iter().any(|(known, _)| known == name) {
            return Err(format!("{name} stands twice in the labels of a series"));
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
            plain -Inf\n# EOF\n";
        let samples = read(text);
        let kinds: Vec<Kind> = samples.iter().map(|sample| sample.1).collect();
        use Kind::{Counter, Gauge, Unknown};
        assert_eq!(kinds, [Counter, Counter, Counter, Counter, Gauge, Gauge, Unknown]);
        assert_eq!(samples[0].0, r#"{__name__="req_total", code="200", path="a\"b\\c\nd"}"#);
        assert_eq!((samples[0].2, samples[3].2, samples[6].2), (3.0, 500.0, f64::NEG_INFINITY));
        assert!(samples[5].2.is_nan());
    }

    #[test]
    fn what_prometheus_refuses_is_refused_with_its_line() {
        for (text, what) in [
            ("a 1\n# EOF\nb 2", "line 3: this stands behind # EOF"),
            ("a{x=\"1\",x=\"2\"} 1", "line 1: x stands twice in the labels of a series"),
            ("a 1 2 3", "line 1: \"3\" stands behind value and time"),
            ("a 1 soon", "line 1: \"soon\" is no time"),
        ] {
            assert_eq!(read_text(text).unwrap_err().to_string(), what, "{text}");
        }
    }

    #[test]
    fn a_series_stands_there_once() {
        let text = "x 1\ny{a=\"b\"} 1\nx 2\ny{a=\"c\"} 1\nx 3";
        let fault = read_text(text).unwrap_err();
        assert_eq!(fault.to_string(), "line 3: {__name__=\"x\"} stands there twice, first in line 1");
        let (samples, twice) = read_scraped(text).unwrap();
        assert_eq!((samples.len(), samples[0].value, twice), (3, 1.0, Some(fault)));
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
