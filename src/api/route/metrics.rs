//! `/metrics`: every metric of the box as it stands, for Prometheus and whoever reads its format.
//! `/v1/metrics`: what other programs of the box tell of themselves.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::{Route, get, post};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::{MetricEnvelope, PushedMetrics};
use crate::engine::{Action, MetricAction, MetricAsk, MetricReply, Reply};

/// Words that are given where nobody says how many.
const WORDS: usize = 50;

pub(super) static ROUTES: [Route; 4] = [
    Route::new("GET", "/metrics", "Every metric now: Prometheus text or OpenMetrics, by Accept", || {
        get(exposition)
    })
    .query(&["format"])
    .reply(200, "Exposition")
    .network(),
    Route::new("GET", "/v1/metrics", "What other programs told, as Prometheus text", || get(collected))
        .reply(200, "Exposition"),
    Route::new("POST", "/v1/metrics", "A program tells what it measures, as Prometheus text", || post(push))
        .query(&["job"])
        .body("Payload")
        .reply(200, "PushedMetrics"),
    Route::new("GET", "/v1/metrics/words", "What an expression that is typed may go on with", || get(words))
        .query(&["start", "limit"])
        .reply(200, "MetricTextsReply"),
];

async fn exposition(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let wanted = query.one("format");
    query.finish()?;
    let accept = match wanted.as_deref() {
        None => call.header("accept")?.to_owned(),
        Some("prometheus") => "text/plain".to_owned(),
        Some("openmetrics") => "application/openmetrics-text".to_owned(),
        Some(other) => {
            return Err(Fault::invalid(format!("format: '{other}' is neither prometheus nor openmetrics")));
        }
    };
    text(&call, MetricAction::Exposition { accept }).await
}

async fn text(call: &Call, action: MetricAction) -> Result<Response, Fault> {
    match call.ask(Action::Metric(action)).await? {
        Reply::Metric(MetricReply::Exposition { content_type, text }) => {
            let mut response = Response::new(Body::from(text));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            Ok(response)
        }
        other => unexpected(&other),
    }
}

async fn collected(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    text(&call, MetricAction::Collected).await
}

async fn words(mut call: Call) -> Result<Json<MetricEnvelope<Vec<String>>>, Fault> {
    let mut query = call.query();
    let (start, limit) = (query.one("start").unwrap_or_default(), query.number("limit")?);
    query.finish()?;
    within_page(limit)?;
    let limit = if limit == 0 { WORDS } else { limit };
    match call.ask(Action::Metric(MetricAction::Ask(MetricAsk::Words { start, limit }))).await? {
        Reply::Metric(MetricReply::Texts(texts)) => {
            Ok(Json(MetricEnvelope { status: "success".to_owned(), data: Some(texts), ..Default::default() }))
        }
        Reply::Metric(MetricReply::Refused(fault)) => Err(Fault::invalid(fault.what)),
        other => unexpected(&other),
    }
}

async fn push(mut call: Call) -> Result<Json<PushedMetrics>, Fault> {
    let mut query = call.query();
    let job = query.one("job");
    query.finish()?;
    let text = String::from_utf8(call.body()).map_err(|_| Fault::bad_request("the body is no UTF-8 text"))?;
    match call.ask(Action::Metric(MetricAction::Push { job, text })).await? {
        Reply::Metric(MetricReply::Pushed(pushed)) => Ok(Json(pushed)),
        other => unexpected(&other),
    }
}
