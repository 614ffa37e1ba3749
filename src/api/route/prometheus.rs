//! `/api/v1`: the query API of Prometheus over this box's metrics, for Grafana, promtool and the like.
//!
//! Paths, parameters, replies and errors are those of
//! <https://prometheus.io/docs/prometheus/latest/querying/api/>. What is asked for and is not here (targets, flags)
//! is not found.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::prometheus_rules::{Wanted, alert, rule_groups};
use super::{Route, get, post};
use crate::api::call::{Call, Params, unexpected};
use crate::api::fault::Fault;
use crate::api::types::MetricEnvelope;
use crate::engine::{
    Action, AlertAction, AlertQuery, AlertReply, EngineError, MetricAction, MetricAsk, MetricExemplar,
    MetricFault, MetricReply, Reply,
};

const INSTANT: &[&str] = &["query", "time", "timeout", "limit"];
const RANGE: &[&str] = &["query", "start", "end", "step", "timeout", "limit", "max_source_resolution"];
const EXEMPLARS: &[&str] = &["query", "start", "end"];
const RULES: &[&str] = &["type", "rule_name[]", "rule_group[]", "file[]"];
const MATCHES: &[&str] = &["match[]", "start", "end", "limit"];

macro_rules! route {
    ($method:literal, $path:literal, $about:literal, $handler:expr, $query:expr, $reply:literal) => {
        Route::new($method, $path, $about, $handler).query($query).reply(200, $reply).network()
    };
}

pub(super) static ROUTES: [Route; 15] = [
    route!("GET", "/api/v1/query", "PromQL at one time", || get(instant), INSTANT, "MetricValueReply"),
    route!(
        "POST",
        "/api/v1/query",
        "The same, parameters as a form",
        || post(instant),
        INSTANT,
        "MetricValueReply"
    ),
    route!("GET", "/api/v1/query_range", "PromQL over a time", || get(range), RANGE, "MetricValueReply"),
    route!(
        "POST",
        "/api/v1/query_range",
        "The same, parameters as a form",
        || post(range),
        RANGE,
        "MetricValueReply"
    ),
    route!("GET", "/api/v1/labels", "Names of labels", || get(names), MATCHES, "MetricTextsReply"),
    route!(
        "POST",
        "/api/v1/labels",
        "The same, parameters as a form",
        || post(names),
        MATCHES,
        "MetricTextsReply"
    ),
    route!(
        "GET",
        "/api/v1/label/{name}/values",
        "Values of a label",
        || get(values),
        MATCHES,
        "MetricTextsReply"
    ),
    route!("GET", "/api/v1/series", "Series that selectors mean", || get(series), MATCHES, "MetricReply"),
    route!(
        "POST",
        "/api/v1/series",
        "The same, parameters as a form",
        || post(series),
        MATCHES,
        "MetricReply"
    ),
    route!(
        "GET",
        "/api/v1/metadata",
        "What each metric is",
        || get(metadata),
        &["metric", "limit"],
        "MetricReply"
    ),
    route!(
        "GET",
        "/api/v1/query_exemplars",
        "Traces beside the series that an expression asks for",
        || get(exemplars),
        EXEMPLARS,
        "MetricReply"
    ),
    route!(
        "POST",
        "/api/v1/query_exemplars",
        "The same, parameters as a form",
        || post(exemplars),
        EXEMPLARS,
        "MetricReply"
    ),
    route!("GET", "/api/v1/rules", "Rules and what they found", || get(rules), RULES, "MetricReply"),
    route!("GET", "/api/v1/alerts", "Alerts that are pending or fire", || get(alerts), &[], "MetricReply"),
    route!("GET", "/api/v1/status/buildinfo", "Which program this is", || get(build), &[], "MetricReply"),
];

/// A refusal in Prometheus' own form, with its status.
struct Refused(MetricFault);

impl Refused {
    fn bad(what: String) -> Self {
        Self(MetricFault { kind: "bad_data", what })
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let kind = match fault.0.status {
            400..=499 if fault.0.status != 429 => "bad_data",
            429 | 503 => "unavailable",
            _ => "internal",
        };
        Self(MetricFault { kind, what: fault.0.detail.clone() })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.kind {
            "bad_data" => StatusCode::BAD_REQUEST,
            "execution" => StatusCode::UNPROCESSABLE_ENTITY,
            "timeout" | "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let envelope: MetricEnvelope<()> = MetricEnvelope {
            status: "error".to_owned(),
            error_type: Some(self.0.kind.to_owned()),
            error: Some(self.0.what),
            ..MetricEnvelope::default()
        };
        let mut response = reply(&envelope);
        *response.status_mut() = status;
        response
    }
}

fn reply(envelope: &impl Serialize) -> Response {
    let mut response = Response::new(Body::from(serde_json::to_vec(envelope).unwrap_or_default()));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn success<T: Serialize>(data: T, warnings: Vec<String>, infos: Vec<String>) -> Response {
    let status = "success".to_owned();
    reply(&MetricEnvelope { status, data: Some(data), error_type: None, error: None, warnings, infos })
}

async fn ask(call: &Call, ask: MetricAsk) -> Result<Response, Refused> {
    answered(call, Action::Metric(MetricAction::Ask(ask))).await
}

async fn answered(call: &Call, action: Action) -> Result<Response, Refused> {
    match call.ask(action).await? {
        Reply::Metric(MetricReply::Value { value, warnings, infos }) => Ok(success(value, warnings, infos)),
        Reply::Metric(MetricReply::Texts(texts)) => Ok(success(texts, Vec::new(), Vec::new())),
        Reply::Metric(MetricReply::Series(series)) => Ok(success(series, Vec::new(), Vec::new())),
        Reply::Metric(MetricReply::Metadata(all)) => Ok(success(all, Vec::new(), Vec::new())),
        Reply::Metric(MetricReply::Exemplars(all)) => {
            Ok(success(exemplars_by_series(all), Vec::new(), Vec::new()))
        }
        Reply::Metric(MetricReply::Refused(fault)) => Err(Refused(fault)),
        Reply::Alert(AlertReply::Alerts(all)) => {
            let active: Vec<_> = all.iter().filter(|one| one.state != "resolved").map(alert).collect();
            Ok(success(json!({"alerts": active}), Vec::new(), Vec::new()))
        }
        other => Ok(unexpected::<Response>(&other)?),
    }
}

async fn instant(mut call: Call) -> Result<Response, Refused> {
    let mut params = call.form()?;
    let (query, timeout_ms, limit) = (text(&mut params, "query"), timeout(&mut params)?, limit(&mut params)?);
    let time = moment(&mut params, "time")?;
    params.ignore();
    ask(&call, MetricAsk::Instant { query, time, timeout_ms, limit }).await
}

async fn range(mut call: Call) -> Result<Response, Refused> {
    let mut params = call.form()?;
    let (query, timeout_ms, limit) = (text(&mut params, "query"), timeout(&mut params)?, limit(&mut params)?);
    let (start, end) = (time(&mut params, "start")?, time(&mut params, "end")?);
    let given = text(&mut params, "step");
    let step = duration_ms(&given).ok_or_else(|| {
        Refused::bad(format!("invalid parameter \"step\": cannot parse \"{given}\" to a valid duration"))
    })?;
    let resolution = resolution(&mut params)?;
    params.ignore();
    ask(&call, MetricAsk::Range { query, start, end, step, resolution, timeout_ms, limit }).await
}

/// How wide points may be that stand for samples, by the name that Thanos gave it: `auto`, or a duration; exact
/// where nothing is said, as Prometheus is.
fn resolution(params: &mut Params) -> Result<i64, Refused> {
    const NAME: &str = "max_source_resolution";
    match text(params, NAME).as_str() {
        "" => Ok(0),
        "auto" => Ok(i64::MAX),
        given => duration_ms(given).filter(|ms| *ms >= 0).ok_or_else(|| {
            Refused::bad(format!(
                "invalid parameter \"{NAME}\": '{given}' is neither auto nor a duration such as 5m"
            ))
        }),
    }
}

/// Selectors, start and limit of the questions about series.
fn selection(params: &mut Params) -> Result<(Vec<String>, Option<i64>, usize), Refused> {
    let matches = params.all("match[]");
    let (start, _) = (moment(params, "start")?, moment(params, "end")?);
    Ok((matches, start, limit(params)?))
}

async fn names(mut call: Call) -> Result<Response, Refused> {
    let mut params = call.form()?;
    let (matches, start, limit) = selection(&mut params)?;
    params.ignore();
    ask(&call, MetricAsk::LabelNames { matches, start, limit }).await
}

async fn values(mut call: Call) -> Result<Response, Refused> {
    let name = call.param("name");
    let mut params = call.form()?;
    let (matches, start, limit) = selection(&mut params)?;
    params.ignore();
    ask(&call, MetricAsk::LabelValues { name, matches, start, limit }).await
}

async fn series(mut call: Call) -> Result<Response, Refused> {
    let mut params = call.form()?;
    let (matches, start, limit) = selection(&mut params)?;
    params.ignore();
    if matches.is_empty() {
        return Err(Refused::bad("no match[] parameter provided".to_owned()));
    }
    ask(&call, MetricAsk::Series { matches, start, limit }).await
}

async fn metadata(mut call: Call) -> Result<Response, Refused> {
    let mut params = call.form()?;
    let metric = params.one("metric");
    // Below zero there is no limit, as without one.
    let limit = match params.one("limit").map(|text| text.parse::<i64>()) {
        None => 0,
        Some(Ok(limit)) => usize::try_from(limit).unwrap_or(0),
        Some(Err(_)) => return Err(Refused::bad("limit must be a number".to_owned())),
    };
    params.ignore();
    ask(&call, MetricAsk::Metadata { metric, limit }).await
}

async fn exemplars(mut call: Call) -> Result<Response, Refused> {
    let mut params = call.form()?;
    let query = text(&mut params, "query");
    let start = moment(&mut params, "start")?.unwrap_or(i64::MIN);
    let end = moment(&mut params, "end")?.unwrap_or(i64::MAX);
    params.ignore();
    ask(&call, MetricAsk::Exemplars { query, start, end }).await
}

/// In the form of Prometheus: a list of series, each with its own.
fn exemplars_by_series(all: Vec<MetricExemplar>) -> serde_json::Value {
    let one = |one: MetricExemplar| {
        let exemplar = json!({"labels": {"trace_id": one.trace}, "value": one.value, "timestamp": one.at_s});
        json!({"seriesLabels": one.series, "exemplars": [exemplar]})
    };
    all.into_iter().map(one).collect()
}

async fn rules(mut call: Call) -> Result<Response, Refused> {
    let mut params = call.form()?;
    let wanted = Wanted {
        kind: match text(&mut params, "type").to_lowercase().as_str() {
            "" => "",
            "alert" => "alerting",
            "record" => "recording",
            other => {
                let what = format!("invalid parameter \"type\": not supported value {other:?}");
                return Err(Refused::bad(what));
            }
        },
        names: params.all("rule_name[]"),
        groups: params.all("rule_group[]"),
        files: params.all("file[]"),
    };
    params.ignore();
    match call.ask(Action::Alert(AlertAction::Rules)).await? {
        Reply::Alert(AlertReply::Rules(rules)) => {
            Ok(success(rule_groups(&rules, &wanted), Vec::new(), Vec::new()))
        }
        other => Ok(unexpected::<Response>(&other)?),
    }
}

async fn alerts(mut call: Call) -> Result<Response, Refused> {
    call.form()?.ignore();
    answered(&call, Action::Alert(AlertAction::List(AlertQuery::default()))).await
}

async fn build(_: Call) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let build = json!({
        "application": "spud", "version": version, "revision": "", "branch": "", "buildUser": "",
        "buildDate": "", "goVersion": "",
    });
    success(build, Vec::new(), Vec::new())
}

fn text(params: &mut Params, name: &'static str) -> String {
    params.one(name).unwrap_or_default()
}

fn limit(params: &mut Params) -> Result<usize, Refused> {
    let Some(text) = params.one("limit") else { return Ok(0) };
    text.parse().map_err(|_| {
        Refused::bad(format!("invalid parameter \"limit\": cannot parse \"{text}\" to a number"))
    })
}

fn timeout(params: &mut Params) -> Result<Option<u64>, Refused> {
    let Some(text) = params.one("timeout") else { return Ok(None) };
    let parsed = duration_ms(&text).map(|ms| u64::try_from(ms).unwrap_or(0));
    let bad = || {
        Refused::bad(format!("invalid parameter \"timeout\": cannot parse \"{text}\" to a valid duration"))
    };
    parsed.map(Some).ok_or_else(bad)
}

fn time(params: &mut Params, name: &'static str) -> Result<i64, Refused> {
    let text = text(params, name);
    let bad = || {
        Refused::bad(format!("invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp"))
    };
    time_ms(&text).ok_or_else(bad)
}

/// A time that may be left out: Prometheus names it twice where it cannot be read.
fn moment(params: &mut Params, name: &'static str) -> Result<Option<i64>, Refused> {
    let Some(text) = params.one(name) else { return Ok(None) };
    let bad = || {
        Refused::bad(format!(
            "invalid parameter \"{name}\": Invalid time value for '{name}': cannot parse \"{text}\" to a valid timestamp"
        ))
    };
    time_ms(&text).map(Some).ok_or_else(bad)
}

/// Seconds since 1970 with a fraction, or a date with time (RFC 3339, UTC).
fn time_ms(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => millis(seconds),
        Err(_) => crate::base::parse_time(text).and_then(|ms| i64::try_from(ms).ok()),
    }
}

#[allow(clippy::cast_possible_truncation)] // checked
fn millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    (millis.abs() < 9e15).then_some(millis as i64)
}

/// Seconds with a fraction, or `1h30m` as in expressions.
fn duration_ms(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return millis(seconds);
    }
    let (mut rest, mut total) = (text, 0i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            "y" => 31_536_000_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit_ms)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Fault::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_read_as_prometheus_reads_them() {
        assert_eq!(time_ms("1435781430.781"), Some(1_435_781_430_781));
        assert_eq!(time_ms("2015-07-01T20:10:30Z"), Some(1_435_781_430_000));
        assert_eq!((time_ms("soon"), time_ms("1e300"), time_ms("NaN")), (None, None, None));
        assert_eq!(
            (duration_ms("15"), duration_ms("0.5"), duration_ms("-1")),
            (Some(15_000), Some(500), Some(-1000))
        );
        assert_eq!((duration_ms("1h30m"), duration_ms("250ms")), (Some(5_400_000), Some(250)));
        assert_eq!(
            (duration_ms(""), duration_ms("5x"), duration_ms("h"), duration_ms("99999999999999y")),
            (None, None, None, None)
        );
    }
}
