//! `spud metric list`, `query`, `range`, `labels`, `series` and `export`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::context::Context;
use super::error::{CliError, DATA_ERROR, USAGE};
use super::output::clean;
use crate::api::client::{ClientError, escape};
use crate::api::types::{
    MetricCatalogue, MetricEnvelope, MetricResult, MetricSeries, MetricValue, PushedMetrics,
};
use crate::base::{Clock, SystemClock, format_second, parse_time};

/// Values of a range where no step is given.
const STEPS: u64 = 60;

pub(super) fn list(contains: Option<&str>, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let reply: MetricEnvelope<MetricCatalogue> = link.get("/api/v1/metadata")?;
    let mut all = reply.data.unwrap_or_default();
    all.retain(|name, _| contains.is_none_or(|text| name.contains(text)));
    if context.json {
        context.print_json(&all)?;
        return Ok(0);
    }
    let mut rows = Vec::new();
    for (name, metadata) in all {
        for one in metadata {
            rows.push(vec![name.clone(), one.kind, one.unit, one.help]);
        }
    }
    context.out.table(&["metric", "kind", "unit", "what"], &rows)?;
    Ok(0)
}

pub(super) fn push(file: &Path, job: Option<&str>, context: &mut Context) -> Result<u8, CliError> {
    let bytes = super::operation::read(file)?;
    let target =
        job.map_or_else(|| "/v1/metrics".to_owned(), |job| format!("/v1/metrics?job={}", escape(job)));
    let headers = [("content-type", "text/plain; version=0.0.4")];
    let pushed: PushedMetrics =
        context.connect()?.client().fork().put_bytes("POST", &target, &headers, &bytes)?;
    if context.json {
        context.print_json(&pushed)?;
    } else {
        let PushedMetrics { samples, series, most } = pushed;
        context
            .out
            .line(&format!("{samples} samples taken; {series} series of {most} that you may have."))?;
    }
    Ok(0)
}

pub(super) fn query(expression: &str, at: Option<&str>, context: &mut Context) -> Result<u8, CliError> {
    let now_ms = SystemClock::default().now_ms();
    let at_ms = at.map(|text| moment(text, now_ms)).transpose()?.unwrap_or(now_ms);
    let target = format!("/api/v1/query?query={}&time={}", escape(expression), seconds(at_ms));
    let value: MetricValue = ask(&target, expression, context)?;
    if context.json {
        context.print_json(&value)?;
        return Ok(0);
    }
    match &value.result {
        MetricResult::Point(point) => context.out.line(&clean(&point.1))?,
        MetricResult::Series(series) if series.iter().any(|one| !one.values.is_empty()) => {
            rows(series, context)?;
        }
        MetricResult::Series(series) => {
            let of = |one: &MetricSeries| one.value.as_ref().map_or(String::new(), |point| point.1.clone());
            let all: Vec<Vec<String>> = series.iter().map(|one| vec![of(one), one.name()]).collect();
            context.out.table(&["value", "series"], &all)?;
        }
    }
    nothing(&value, context);
    Ok(0)
}

pub(super) fn range(
    expression: &str,
    (from, to, step): (&str, Option<&str>, Option<Duration>),
    resolution: &str,
    context: &mut Context,
) -> Result<u8, CliError> {
    let now_ms = SystemClock::default().now_ms();
    let from_ms = moment(from, now_ms)?;
    let to_ms = to.map(|text| moment(text, now_ms)).transpose()?.unwrap_or(now_ms);
    let usual_s = (to_ms.saturating_sub(from_ms) / STEPS / 1000).max(1);
    let step = step.unwrap_or(Duration::from_secs(usual_s));
    let target = format!(
        "/api/v1/query_range?query={}&start={}&end={}&step={}&max_source_resolution={}",
        escape(expression),
        seconds(from_ms),
        seconds(to_ms),
        step.as_secs_f64(),
        escape(resolution)
    );
    let value: MetricValue = ask(&target, expression, context)?;
    if context.json {
        context.print_json(&value)?;
        return Ok(0);
    }
    if let MetricResult::Series(series) = &value.result {
        rows(series, context)?;
    }
    nothing(&value, context);
    Ok(0)
}

pub(super) fn export(openmetrics: bool, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let format = if openmetrics { "openmetrics" } else { "prometheus" };
    let answer = link.call("GET", &format!("/metrics?format={format}"), None)?;
    let text = String::from_utf8_lossy(&answer.body);
    // Line by line: a label may hold what a terminal would obey.
    for line in text.lines() {
        context.out.line(&clean(line))?;
    }
    Ok(0)
}

fn nothing(value: &MetricValue, context: &Context) {
    if matches!(&value.result, MetricResult::Series(series) if series.is_empty()) {
        context.remark("no series has a value there; `spud metric list` shows what is measured");
    }
}

/// Each series with its values, one a line.
fn rows(series: &[MetricSeries], context: &mut Context) -> Result<(), CliError> {
    for one in series {
        let name = context.out.paint.bold(&clean(&one.name()));
        context.out.line(&name)?;
        for point in &one.values {
            context.out.line(&format!("  {}  {}", format_second(millis(point.0)), clean(&point.1)))?;
        }
    }
    Ok(())
}

/// Names of labels, or the values of one.
pub(super) fn labels(
    name: Option<&str>,
    selectors: &[String],
    context: &mut Context,
) -> Result<u8, CliError> {
    let path = name.map_or_else(|| "labels".to_owned(), |name| format!("label/{}/values", escape(name)));
    let all: Vec<String> = ask(&format!("/api/v1/{path}?{}", matching(selectors)), "", context)?;
    if let (Some(name), true) = (name, all.is_empty()) {
        context.remark(&format!("no series there has a label {name}; `spud metric labels` shows them"));
    }
    if context.json {
        context.print_json(&all)?;
    }
    for one in all.iter().filter(|_| !context.json) {
        context.out.line(&clean(one))?;
    }
    Ok(0)
}

pub(super) fn series(selectors: &[String], context: &mut Context) -> Result<u8, CliError> {
    let expression = if let [one] = selectors { one } else { "" };
    let all: Vec<BTreeMap<String, String>> =
        ask(&format!("/api/v1/series?{}", matching(selectors)), expression, context)?;
    if all.is_empty() {
        context.remark("no series is like that; `spud metric list` shows what is measured");
    }
    if context.json {
        context.print_json(&all)?;
        return Ok(0);
    }
    for metric in all {
        let one = MetricSeries { metric, ..MetricSeries::default() };
        context.out.line(&clean(&one.name()))?;
    }
    Ok(0)
}

fn matching(selectors: &[String]) -> String {
    let all: Vec<String> = selectors.iter().map(|one| format!("match[]={}", escape(one))).collect();
    all.join("&")
}

fn ask<T: DeserializeOwned + Default>(
    target: &str,
    expression: &str,
    context: &mut Context,
) -> Result<T, CliError> {
    let mut link = context.connect()?;
    let reply: Result<MetricEnvelope<T>, ClientError> = link.get(target);
    let reply = match reply {
        Err(ClientError::Problem(problem)) if problem.status == 400 => {
            return Err(CliError::new(
                DATA_ERROR,
                pointed(&problem.detail, expression),
                "`spud metric list` names the metrics; the language is PromQL",
            ));
        }
        other => other?,
    };
    for remark in reply.warnings.iter().chain(&reply.infos) {
        context.remark(remark);
    }
    Ok(reply.data.unwrap_or_default())
}

/// The message with the expression and a mark below the place that it names (`LINE:COLUMN: …`).
fn pointed(detail: &str, expression: &str) -> String {
    let what = detail.strip_prefix("invalid parameter \"query\": ").unwrap_or(detail);
    let what = what.strip_prefix("invalid parameter \"match[]\": ").unwrap_or(what);
    let mut parts = what.splitn(3, ':');
    let place = (
        parts.next().and_then(|line| line.trim().parse::<usize>().ok()),
        parts.next().and_then(|column| column.trim().parse::<usize>().ok()),
    );
    let (Some(line), Some(column)) = place else { return what.to_owned() };
    let Some(text) = expression.lines().nth(line.saturating_sub(1)) else { return what.to_owned() };
    // Columns count bytes, marks stand below letters.
    let before = text.get(..column.saturating_sub(1)).unwrap_or(text);
    format!("{what}\n{text}\n{}^", " ".repeat(before.chars().count()))
}

/// A time, or how long ago.
pub(super) fn moment(text: &str, now_ms: u64) -> Result<u64, CliError> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now_ms.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)));
    }
    parse_time(text).ok_or_else(|| {
        let what = format!("'{text}' is no time");
        CliError::new(USAGE, what, "2026-03-01, 2026-03-01T08:00:00Z, or how long ago: 30m, 6h, 2d")
    })
}

/// Milliseconds as seconds with three digits.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // times of our centuries
fn millis(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_point_at_their_place() {
        let said = pointed("invalid parameter \"query\": 1:5: parse error: unexpected <op:*>", "sum(*)");
        assert_eq!(said, "1:5: parse error: unexpected <op:*>\nsum(*)\n    ^");
        assert_eq!(pointed("something else", "x"), "something else");
        assert_eq!(pointed("9:1: x", "one line"), "9:1: x");
    }

    #[test]
    fn moments_are_times_or_ages() {
        assert_eq!(moment("1h", 10_000_000).ok(), Some(6_400_000));
        assert_eq!(moment("1970-01-02", 0).ok(), Some(86_400_000));
        assert!(moment("soon", 0).is_err());
        assert_eq!((seconds(1_500), millis(1.5)), ("1.500".to_owned(), 1_500));
    }
}
