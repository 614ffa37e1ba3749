//! Statsd datagrams, added up: counts, gauges, times, histograms and sets, with sampling rates and tags.
//!
//! ```text
//! name:value[:value...]|c|g|ms|h|d|s[|@rate][|#tag:value,tag]
//! ```
//! Format: <https://github.com/b/statsd_spec> and
//! <https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/>. Counts go on rising, as Prometheus has them;
//! times become histograms of seconds, so that parts of many boxes can be added up.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Sample;
use super::pool::is_reserved;
use super::text::VALUE_BYTES;
use crate::observe::metric::Kind;
use crate::observe::promql::{Labels, METRIC_NAME};

/// Upper bounds of times, in seconds, and of other values.
const SECONDS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 2.5, 10.0];
const VALUES: [f64; 6] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5];
/// Different values of one set that are told apart within one row.
const SET_MOST: usize = 1000;
const TAGS_MOST: usize = 16;
const NAME_BYTES: usize = 200;

/// How lines came out, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatsdCount {
    pub taken: u64,
    /// Not understood.
    pub bad: u64,
    /// For which there was no room, or whose name is one of the box's own.
    pub refused: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Count(f64),
    Gauge(f64),
    /// Counts up to each bound, and of all; the sum.
    Histogram {
        bounds: [f64; 6],
        counts: [f64; 6],
        count: f64,
        sum: f64,
    },
    /// Hashes of what was in it.
    Set(BTreeSet<u64>),
}

impl Value {
    /// Series that it becomes.
    fn width(&self) -> usize {
        if matches!(self, Self::Histogram { .. }) { SECONDS.len() + 3 } else { 1 }
    }
}

/// Everything that datagrams said.
#[derive(Debug, Default)]
pub struct Statsd {
    known: BTreeMap<Labels, (Value, u64)>,
    /// Series that all of it becomes.
    width: usize,
    pub count: StatsdCount,
}

impl Statsd {
    /// Takes a datagram of one or more lines; no more than `most` series come of all.
    pub fn take(&mut self, datagram: &[u8], now_ms: u64, most: usize) {
        for line in datagram.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let done = std::str::from_utf8(line).ok().and_then(|line| self.line(line, now_ms, most));
            match done {
                Some(true) => self.count.taken += 1,
                Some(false) => self.count.refused += 1,
                None => self.count.bad += 1,
            }
        }
    }

    /// `None` where the line is none; false where there is no room for it.
    fn line(&mut self, line: &str, now_ms: u64, most: usize) -> Option<bool> {
        let (name, rest) = line.trim_end().split_once(':')?;
        let mut parts = rest.split('|');
        let (values, kind) = (parts.next()?, parts.next()?);
        let (mut rate, mut tags) = (1.0, "");
        for part in parts {
            if let Some(text) = part.strip_prefix('@') {
                // One in a milliard is a typing error, and what is divided by less has no end.
                rate = text.parse().ok().filter(|rate: &f64| (1e-9..=1.0).contains(rate))?;
            } else if let Some(text) = part.strip_prefix('#') {
                tags = text;
            }
        }
        let labels = labels(name, kind, tags)?;
        // All or nothing: a line that is half right is wrong.
        let values: Vec<&str> = values.split(':').collect();
        let good = |text: &&str| kind == "s" || text.parse().is_ok_and(f64::is_finite);
        if !values.iter().all(good) {
            return None;
        }
        let fresh = empty(kind)?;
        if is_reserved(labels.metric()) {
            return Some(false);
        }
        if !self.known.contains_key(&labels) {
            if self.width + fresh.width() > most {
                return Some(false);
            }
            self.width += fresh.width();
        }
        let (known, seen_ms) = self.known.entry(labels).or_insert((fresh, now_ms));
        *seen_ms = now_ms;
        values.iter().for_each(|text| add(known, text, rate, kind == "ms"));
        Some(true)
    }

    /// All of it now; what was not told for so long is forgotten, and sets begin anew.
    pub fn flush(&mut self, now_ms: u64, stale_ms: u64) -> Vec<Sample> {
        self.known.retain(|_, (_, seen_ms)| now_ms.saturating_sub(*seen_ms) < stale_ms);
        self.width = self.known.values().map(|(value, _)| value.width()).sum();
        let mut samples = Vec::with_capacity(self.width);
        for (labels, (value, _)) in &mut self.known {
            let mut push = |kind, end: &str, more: Option<(&str, String)>, value| {
                let name = format!("{}{end}", labels.metric());
                let own = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
                let more = more.map(|(name, text)| (name.to_owned(), text));
                let named = own.chain(more).chain([(METRIC_NAME.to_owned(), name)]);
                samples.push(Sample { kind, labels: Labels::new(named), value, of: None });
            };
            match value {
                Value::Count(sum) => push(Kind::Counter, "_total", None, *sum),
                Value::Gauge(now) => push(Kind::Gauge, "", None, *now),
                Value::Histogram { bounds, counts, count, sum } => {
                    for (bound, below) in bounds.iter().zip(counts.iter()) {
                        push(Kind::Counter, "_bucket", Some(("le", bound.to_string())), *below);
                    }
                    push(Kind::Counter, "_bucket", Some(("le", "+Inf".to_owned())), *count);
                    push(Kind::Counter, "_sum", None, *sum);
                    push(Kind::Counter, "_count", None, *count);
                }
                Value::Set(seen) => {
                    #[allow(clippy::cast_precision_loss)] // a thousand at most
                    push(Kind::Gauge, "", None, seen.len() as f64);
                    seen.clear();
                }
            }
        }
        samples
    }
}

/// Name and tags as Prometheus writes them: letters, digits and `_`.
fn plain(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let head = text.starts_with(|c: char| c.is_ascii_digit()).then_some('_');
    head.into_iter().chain(text.chars().map(letter)).collect()
}

fn labels(name: &str, kind: &str, tags: &str) -> Option<Labels> {
    if name.is_empty() || name.len() > NAME_BYTES || tags.split(',').count() > TAGS_MOST {
        return None;
    }
    let mut name = plain(name);
    match kind {
        "ms" => name.push_str("_seconds"),
        // The end comes back when it is told.
        "c" => name.truncate(name.strip_suffix("_total").map_or(name.len(), str::len)),
        _ => {}
    }
    let pair = |tag| str::split_once(tag, ':').unwrap_or((tag, "1"));
    let tags = || tags.split(',').filter(|tag| !tag.is_empty()).map(pair);
    if tags().any(|(label, value)| label.is_empty() || value.len() > VALUE_BYTES) {
        return None;
    }
    let tags = tags().map(|(label, value)| {
        let label = plain(label);
        // Names with two of them at the start are kept for Prometheus itself, and one is that of a bucket's bound.
        let label = match label.as_str() {
            "le" if matches!(kind, "ms" | "h" | "d") => "tag_le".to_owned(),
            kept if kept.starts_with("__") => format!("tag{kept}"),
            _ => label,
        };
        (label, value.to_owned())
    });
    Some(Labels::new(tags.chain([(METRIC_NAME.to_owned(), name)])))
}

fn empty(kind: &str) -> Option<Value> {
    let of = |bounds| Value::Histogram { bounds, counts: [0.0; 6], count: 0.0, sum: 0.0 };
    Some(match kind {
        "c" => Value::Count(0.0),
        "g" => Value::Gauge(0.0),
        "ms" => of(SECONDS),
        "h" | "d" => of(VALUES),
        "s" => Value::Set(BTreeSet::new()),
        _ => return None,
    })
}

/// One value; a metric that changed its kind keeps the one it began with.
fn add(known: &mut Value, text: &str, rate: f64, is_ms: bool) {
    let number: f64 = text.parse().unwrap_or(0.0);
    match known {
        Value::Count(sum) => *sum += number.max(0.0) / rate,
        // With a sign it is a step.
        Value::Gauge(now) if text.starts_with(['+', '-']) => *now += number,
        Value::Gauge(now) => *now = number,
        Value::Histogram { bounds, counts, count, sum } => {
            let value = if is_ms { number / 1000.0 } else { number };
            for (bound, below) in bounds.iter().zip(counts) {
                if value <= *bound {
                    *below += 1.0 / rate;
                }
            }
            *count += 1.0 / rate;
            *sum += value / rate;
        }
        Value::Set(seen) => {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            if seen.len() < SET_MOST {
                seen.insert(hasher.finish());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &str) -> (Vec<String>, Statsd) {
        let mut statsd = Statsd::default();
        statsd.take(lines.as_bytes(), 0, 100);
        let line = |sample: Sample| format!("{} {}", sample.labels, sample.value);
        (statsd.flush(10, 1000).into_iter().map(line).collect(), statsd)
    }

    #[test]
    fn counts_gauges_and_sets() {
        let (told, statsd) = told(
            "web.req:1|c|@0.1|#code:200,hot\nweb.req:2|c|#code:200,hot\ntemp:20|g\ntemp:-1.5|g\n\
             who:ann|s\nwho:bob|s\nwho:ann|s\n",
        );
        let want = [
            r#"{__name__="web_req_total", code="200", hot="1"} 12"#,
            r#"{__name__="temp"} 18.5"#,
            r#"{__name__="who"} 2"#,
        ];
        want.iter().for_each(|line| assert!(told.iter().any(|one| one == line), "{line}: {told:?}"));
        assert_eq!((told.len(), statsd.count.taken), (3, 7));
    }

    #[test]
    fn times_are_histograms_of_seconds() {
        let (told, _) = told("load:20:600|ms\nload:99999|ms|@0.5");
        assert_eq!(told.len(), 9);
        let has = |line: &str| assert!(told.iter().any(|one| one == line), "{line}: {told:?}");
        has(r#"{__name__="load_seconds_bucket", le="0.025"} 1"#);
        has(r#"{__name__="load_seconds_bucket", le="2.5"} 2"#);
        has(r#"{__name__="load_seconds_bucket", le="+Inf"} 4"#);
        has(r#"{__name__="load_seconds_count"} 4"#);
    }

    #[test]
    fn what_is_wrong_or_too_much_is_counted() {
        let (told, statsd) =
            told("a\na:1\na:x|c\na:1|q\na:1:x|c\na:1|c|@0\na:1|c|@2\n:1|c\na:inf|g\n\u{e4}.b:1|c\nok:1|c");
        assert_eq!((statsd.count.bad, statsd.count.taken, told.len()), (9, 2, 2));
        let mut statsd = Statsd::default();
        statsd.take(b"a:1|ms\nb:1|g\nc:1|ms\nb:2|g", 0, 10);
        assert_eq!(statsd.count, StatsdCount { taken: 3, bad: 0, refused: 1 });
        assert_eq!(statsd.flush(999, 1000).len(), 10);
        assert!(statsd.flush(1000, 1000).is_empty(), "what is not told again is gone");
        statsd.take(b"c:1|ms", 1001, 10);
        assert_eq!(statsd.count.taken, 4, "and leaves room");
    }

    #[test]
    fn a_tag_is_no_bound_of_a_bucket() {
        let (told, _) = told("t:5|ms|#le:3,__name__:x\ng:1|g|#le:3");
        let has = |line: &str| assert!(told.iter().any(|one| one == line), "{line}: {told:?}");
        has(r#"{__name__="t_seconds_count", tag__name__="x", tag_le="3"} 1"#);
        has(r#"{__name__="t_seconds_bucket", le="0.005", tag__name__="x", tag_le="3"} 1"#);
        has(r#"{__name__="g", le="3"} 1"#);
    }

    #[test]
    fn labels_have_names_and_bounded_values_and_rates_are_no_grains_of_sand() {
        let long = "x".repeat(2000);
        let text = format!("a:1|g|#:x\na:1|g|#k:{long}\na:1|c|@1e-300\nb:1|g|#k:{}", &long[..1024]);
        let (told, statsd) = told(&text);
        assert_eq!((statsd.count.bad, told.len()), (3, 1));
    }

    /// One program that takes a name of the box's own must not cost the others theirs.
    #[test]
    fn names_of_the_box_are_refused_line_by_line() {
        let (told, statsd) =
            told("spud_mode_level:9|g\nup:0|g\nALERTS:1|g\nscrape.x:1|c\nok:1|g\nups:2|g\nup:1|c");
        assert_eq!(told, [r#"{__name__="ok"} 1"#, r#"{__name__="ups"} 2"#]);
        assert_eq!(statsd.count, StatsdCount { taken: 2, bad: 0, refused: 5 });
    }
}
