//! Questions about metrics, in the words of Prometheus' query API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::table::TABLE;
use crate::api::types::{
    MetricCatalogue, MetricMetadata, MetricPoint, MetricResult, MetricSeries, MetricValue,
};
use crate::base::ordered_map;
use crate::engine::run::Inner;
use crate::engine::{MetricExemplar, MetricFault, MetricReply};
use crate::observe::metric::exposition::Exemplar;
use crate::observe::metric::{Point, Reading, bound_text};
use crate::observe::promql::{
    self, Answer, Context, EvalFault, Labels, Limits, METRIC_NAME, Matcher, Outcome, Sample, parse,
    parse_selector,
};
use crate::observe::series::SeriesError;

/// A sample and what is made of it take about so many bytes, of a sixteenth of all memory.
const SAMPLE_BYTES: u64 = 16;
const MEMORY_PART: u64 = 16;
const SAMPLES_LEAST: u64 = 100_000;
/// Steps of a range query, as Prometheus has it.
const STEPS_MOST: i64 = 11_000;
/// Where an instant value is looked for, back from its time.
const LOOK_BACK_MS: i64 = 300_000;
/// A question may take so long on a box with one search thread, and on others.
const SECONDS_OF_ONE: u64 = 5;
const SECONDS: u64 = 20;

/// What is asked, read by whoever took it in. Times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Instant {
        query: String,
        time: Option<i64>,
        timeout_ms: Option<u64>,
        limit: usize,
    },
    Range {
        query: String,
        start: i64,
        end: i64,
        step: i64,
        /// How wide points may be that stand for samples; 0 is exact.
        resolution: i64,
        timeout_ms: Option<u64>,
        limit: usize,
    },
    Series {
        matches: Vec<String>,
        start: Option<i64>,
        limit: usize,
    },
    LabelNames {
        matches: Vec<String>,
        start: Option<i64>,
        limit: usize,
    },
    LabelValues {
        name: String,
        matches: Vec<String>,
        start: Option<i64>,
        limit: usize,
    },
    Metadata {
        metric: Option<String>,
        limit: usize,
    },
    /// Traces beside the series that an expression asks for.
    Exemplars {
        query: String,
        start: i64,
        end: i64,
    },
    /// What an expression that is typed may go on with.
    Words {
        start: String,
        limit: usize,
    },
}

type Answered = Result<MetricReply, MetricFault>;

/// Answers; a limit of 0 is none.
pub(in crate::engine) fn answer(inner: &Inner, ask: Ask) -> MetricReply {
    let answered = match ask {
        Ask::Instant { query, time, timeout_ms, limit } => instant(inner, &query, time, timeout_ms, limit),
        Ask::Range { query, start, end, step, resolution, timeout_ms, limit } => {
            range(inner, &query, (start, end, step), resolution, timeout_ms, limit)
        }
        Ask::Series { matches, start, limit } => {
            labels_of(inner, &matches, start).map_err(of_matches).map(|labels| {
                let maps = labels.iter().map(pairs).take(most(limit)).collect();
                MetricReply::Series(maps)
            })
        }
        Ask::LabelNames { matches, start, limit } => labels_of(inner, &matches, start).map(|labels| {
            let names: BTreeSet<&str> = labels.iter().flat_map(Labels::iter).map(|(name, _)| name).collect();
            MetricReply::Texts(names.into_iter().take(most(limit)).map(str::to_owned).collect())
        }),
        Ask::LabelValues { name, matches, start, limit } => labels_of(inner, &matches, start).map(|labels| {
            let values: BTreeSet<&str> =
                labels.iter().map(|labels| labels.get(&name)).filter(|value| !value.is_empty()).collect();
            MetricReply::Texts(values.into_iter().take(most(limit)).map(str::to_owned).collect())
        }),
        Ask::Exemplars { query, start, end } => exemplars(inner, &query, start, end),
        Ask::Words { start, limit } => words(inner, &start, most(limit)),
        Ask::Metadata { metric, limit } => {
            Ok(MetricReply::Metadata(metadata(inner, metric.as_deref(), limit)))
        }
    };
    answered.unwrap_or_else(MetricReply::Refused)
}

fn most(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

fn fault(error: EvalFault) -> MetricFault {
    let kind = match &error {
        EvalFault::Parse(_) | EvalFault::NotForRange(_) => "bad_data",
        EvalFault::TimedOut => "timeout",
        EvalFault::Source(_) => "internal",
        EvalFault::Execution(_) | EvalFault::TooMuch { .. } | EvalFault::NativeHistogram(_) => "execution",
    };
    MetricFault { kind, what: error.to_string() }
}

/// Each stands at the bucket that it is in.
#[allow(clippy::cast_precision_loss)] // milliseconds of our centuries
fn exemplars(inner: &Inner, query: &str, start: i64, end: i64) -> Answered {
    let bad = |what: String| MetricFault { kind: "bad_data", what };
    if end < start {
        return Err(bad("end timestamp must not be before start timestamp".to_owned()));
    }
    let selectors = parse(query).map_err(|fault| bad(fault.to_string()))?.selectors();
    let kept = inner.traces.exemplars();
    let within = |one: &&Exemplar| (start as f64 / 1e3..=end as f64 / 1e3).contains(&one.at_s);
    let families = super::gather(inner);
    let mut found = Vec::new();
    for one in kept.iter().filter(within) {
        let Some(family) = families.iter().find(|family| family.name == one.family) else { continue };
        let is_its = |point: &&Point| point.labels.iter().any(|(n, v)| (n.as_ref(), v.as_str()) == one.label);
        let Some(point) = family.points.iter().find(is_its) else { continue };
        let Reading::Histogram { buckets, .. } = &point.reading else { continue };
        let bound = buckets.iter().map(|(bound, _)| *bound).find(|bound| one.value <= *bound);
        let own = point.labels.iter().map(|(name, value)| (name.to_string(), value.clone()));
        let more = [
            (METRIC_NAME.to_owned(), format!("{}_bucket", one.family)),
            ("le".to_owned(), bound_text(bound.unwrap_or(f64::INFINITY))),
        ];
        let labels = Labels::new(own.chain(more));
        if selectors.iter().any(|matchers| matchers.iter().all(|matcher| matcher.matches(&labels))) {
            let value = promql::format_float(one.value);
            found.push(MetricExemplar {
                series: pairs(&labels),
                trace: one.trace.clone(),
                value,
                at_s: one.at_s,
            });
        }
    }
    Ok(MetricReply::Exemplars(found))
}

fn said(error: &SeriesError) -> MetricFault {
    MetricFault { kind: "internal", what: error.to_string() }
}

fn instant(inner: &Inner, query: &str, time: Option<i64>, timeout_ms: Option<u64>, limit: usize) -> Answered {
    let time = time.unwrap_or_else(|| now(inner));
    let expression = parse(query).map_err(|error| MetricFault {
        kind: "bad_data",
        what: format!("invalid parameter \"query\": {error}"),
    })?;
    evaluated(inner, time, timeout_ms, limit, |context| promql::instant(&expression, time, context))
}

fn range(
    inner: &Inner,
    query: &str,
    (start, end, step): (i64, i64, i64),
    resolution: i64,
    timeout_ms: Option<u64>,
    limit: usize,
) -> Answered {
    let bad = |what: &str| Err(MetricFault { kind: "bad_data", what: what.to_owned() });
    if end < start {
        return bad("invalid parameter \"end\": end timestamp must not be before start time");
    }
    if step <= 0 {
        return bad(
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        );
    }
    if end.saturating_sub(start) / step > STEPS_MOST {
        return bad(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        );
    }
    evaluated(inner, start, timeout_ms, limit, |mut context| {
        let expression = parse(query)?;
        context.limits.resolution = resolution;
        promql::range(&expression, start, end, step, context)
    })
}

fn now(inner: &Inner) -> i64 {
    i64::try_from(inner.clock.now_ms()).unwrap_or(i64::MAX)
}

/// What one question may use, whose oldest time is this (milliseconds since 1970).
pub(in crate::engine) fn limits(inner: &Inner, oldest: i64) -> Limits {
    let samples = (inner.budgets.memory_total / MEMORY_PART / SAMPLE_BYTES).max(SAMPLES_LEAST);
    Limits {
        samples: usize::try_from(samples).unwrap_or(usize::MAX),
        // What is old has points that are further apart.
        look_back: LOOK_BACK_MS.max(2 * inner.telemetry.width_at(oldest)),
        ..Limits::default()
    }
}

fn evaluated(
    inner: &Inner,
    oldest: i64,
    timeout_ms: Option<u64>,
    limit: usize,
    evaluate: impl FnOnce(Context<'_>) -> Result<Outcome, EvalFault>,
) -> Answered {
    let usual = if inner.budgets.search_workers > 1 { SECONDS } else { SECONDS_OF_ONE };
    let usual = Duration::from_secs(usual);
    let allowed = timeout_ms.map_or(usual, |ms| usual.min(Duration::from_millis(ms)));
    let until_us =
        inner.clock.monotonic_us().saturating_add(u64::try_from(allowed.as_micros()).unwrap_or(u64::MAX));
    let late = || inner.clock.monotonic_us() >= until_us;
    let context = Context { source: &inner.telemetry, limits: limits(inner, oldest), late: &late };
    let outcome = evaluate(context).map_err(|error| match error {
        EvalFault::TimedOut if allowed.is_zero() => {
            MetricFault { kind: "timeout", what: "query timed out in query execution".to_owned() }
        }
        other => fault(other),
    })?;
    let texts = |notes: Vec<&str>| notes.into_iter().map(str::to_owned).collect::<Vec<String>>();
    let mut warnings = texts(outcome.notes.warnings().collect());
    let infos = texts(outcome.notes.infos().collect());
    let (value, cut) = value(outcome.answer, most(limit));
    if cut {
        warnings.push("results truncated due to limit".to_owned());
    }
    Ok(MetricReply::Value { value: Box::new(value), warnings, infos })
}

#[allow(clippy::cast_precision_loss)] // milliseconds of our centuries have 42 bits
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn point(sample: Sample) -> MetricPoint {
    MetricPoint(seconds(sample.time), promql::format_float(sample.value))
}

fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    ordered_map(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// True beside it where there was more than the limit.
fn value(answer: Answer, most: usize) -> (MetricValue, bool) {
    let (kind, result, cut) = match answer {
        Answer::Scalar(sample) => ("scalar", MetricResult::Point(point(sample)), false),
        Answer::Text(text) => ("string", MetricResult::Point(MetricPoint(0.0, text)), false),
        Answer::Vector(samples) => {
            let cut = samples.len() > most;
            let one = |(labels, sample): (Labels, Sample)| MetricSeries {
                metric: pairs(&labels),
                value: Some(point(sample)),
                values: Vec::new(),
            };
            ("vector", MetricResult::Series(samples.into_iter().take(most).map(one).collect()), cut)
        }
        Answer::Matrix(series) => {
            let cut = series.len() > most;
            let one = |series: promql::Series| MetricSeries {
                metric: pairs(&series.labels),
                value: None,
                values: series.samples.into_iter().map(point).collect(),
            };
            ("matrix", MetricResult::Series(series.into_iter().take(most).map(one).collect()), cut)
        }
    };
    (MetricValue { kind: kind.to_owned(), result }, cut)
}

/// Labels of all series that one of the selectors means; of all there are, where there is none.
fn labels_of(inner: &Inner, matches: &[String], start: Option<i64>) -> Result<Vec<Labels>, MetricFault> {
    let from = start.unwrap_or(i64::MIN);
    let none: Vec<Vec<Matcher>> = vec![Vec::new()];
    let read = |text: &String| {
        parse_selector(text).map_err(|error| MetricFault {
            kind: "bad_data",
            what: match error.matches_all() {
                true => "match[] must contain at least one non-empty matcher".to_owned(),
                false => error.to_string(),
            },
        })
    };
    let selectors: Vec<Vec<Matcher>> = matches.iter().map(read).collect::<Result<_, _>>()?;
    let mut all = BTreeSet::new();
    for selector in if selectors.is_empty() { &none } else { &selectors } {
        all.extend(inner.telemetry.labels_of(selector, from).map_err(|error| said(&error))?);
    }
    Ok(all.into_iter().collect())
}

/// Only of series, Prometheus says which parameter it is.
fn of_matches(fault: MetricFault) -> MetricFault {
    match fault.kind {
        "bad_data" => MetricFault { what: format!("invalid parameter \"match[]\": {}", fault.what), ..fault },
        _ => fault,
    }
}

/// Names of metrics and labels, functions and keywords that begin so.
fn words(inner: &Inner, start: &str, most: usize) -> Answered {
    let known = labels_of(inner, &[], None)?;
    let mut all: BTreeSet<&str> = promql::words(start).into_iter().collect();
    for (name, value) in known.iter().flat_map(Labels::iter) {
        let word = if name == METRIC_NAME { value } else { name };
        all.extend(Some(word).filter(|word| word.starts_with(start)));
    }
    Ok(MetricReply::Texts(all.into_iter().take(most).map(str::to_owned).collect()))
}

/// What the box measures, and what others tell it.
fn metadata(inner: &Inner, metric: Option<&str>, limit: usize) -> MetricCatalogue {
    let is_wanted = |known: &str| metric.is_none_or(|name| name == known);
    let of = |kind: crate::observe::metric::Kind, help: &str, unit: &str| {
        vec![MetricMetadata {
            kind: kind.classic_name().to_owned(),
            help: help.to_owned(),
            unit: unit.to_owned(),
        }]
    };
    let own = TABLE.iter().filter(|one| is_wanted(one.name));
    let own = own.map(|one| (one.name.to_owned(), of(one.kind, one.help, one.unit)));
    let told = inner.intake.intake.relayed(inner.clock.now_ms()).into_iter();
    let told = told.filter(|one| is_wanted(&one.name)).map(|one| {
        let metadata = of(one.kind, &one.help, "");
        (one.name, metadata)
    });
    ordered_map(own.chain(told).take(most(limit)))
}
