//! `/v1/traces` and `/v1/errors`: what requests and work did, and failures in groups.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{ErrorGroup, Page, TraceDetail, TraceQuery, TraceSummary};
use crate::engine::{Action, Reply, TraceAction, TraceReply};

pub(super) static ROUTES: [Route; 4] = [
    Route::new(
        "GET",
        "/v1/traces",
        "Traces that were kept, newest first: failed, asked for, slow, usual",
        || get(list),
    )
    .query(&["slow", "failed", "name", "since", "limit"])
    .reply(200, "PageOfTraceSummary"),
    Route::new("GET", "/v1/traces/otlp", "One trace, or all since then, as OTLP/JSON", || get(export))
        .query(&["id", "since"])
        .reply(200, "TracesData"),
    Route::new("GET", "/v1/traces/{id}", "One trace with its spans, by id or the begin of it", || get(show))
        .reply(200, "TraceDetail"),
    Route::new("GET", "/v1/errors", "Failures in groups, newest first: counts, times, a trace", || {
        get(errors)
    })
    .reply(200, "PageOfErrorGroup"),
];

async fn ask(call: &Call, action: TraceAction) -> Result<TraceReply, Fault> {
    match call.ask(Action::Trace(action)).await? {
        Reply::Trace(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

fn wrong<T>(reply: TraceReply) -> Result<T, Fault> {
    unexpected(&Reply::Trace(reply))
}

async fn list(mut call: Call) -> Result<Json<Page<TraceSummary>>, Fault> {
    let mut query = call.query();
    let wanted = TraceQuery {
        slow: query.flag("slow")?,
        failed: query.flag("failed")?,
        name: query.one("name"),
        since_ms: query.time("since")?,
        limit: query.number("limit")?,
    };
    query.finish()?;
    match ask(&call, TraceAction::List(wanted)).await? {
        TraceReply::List(items) => Ok(Json(Page { items, next: None })),
        other => wrong(other),
    }
}

async fn show(mut call: Call) -> Result<Json<TraceDetail>, Fault> {
    call.query().finish()?;
    let id = call.param("id");
    match ask(&call, TraceAction::Show(id)).await? {
        TraceReply::Trace(detail) => Ok(Json(*detail)),
        other => wrong(other),
    }
}

async fn export(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let (id, since_ms) = (query.one("id"), query.time("since")?);
    query.finish()?;
    match ask(&call, TraceAction::Export { id, since_ms }).await? {
        TraceReply::Document(document) => {
            let kind = HeaderValue::from_static("application/json");
            Ok(([(header::CONTENT_TYPE, kind)], document).into_response())
        }
        other => wrong(other),
    }
}

async fn errors(mut call: Call) -> Result<Json<Page<ErrorGroup>>, Fault> {
    call.query().finish()?;
    match ask(&call, TraceAction::Errors).await? {
        TraceReply::Errors(items) => Ok(Json(Page { items, next: None })),
        other => wrong(other),
    }
}
