//! `/v1/operations`, `/v1/queue` and its dead letters.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Route, delete, get, post, put};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::{
    Operation, OperationDetail, OperationQuery, Page, PauseQueue, PostOperation, Purged, QueueStatus,
};
use crate::engine::{Action, Reply};

const LIST: &[&str] = &["lane", "state", "cursor", "limit"];

pub(super) static ROUTES: [Route; 12] = [
    Route::new(
        "POST",
        "/v1/operations",
        "Queue an operation for the upstream; the body is its payload",
        || post(add),
    )
    .query(&["kind", "lane", "key", "not_before_ms", "expires_ms"])
    .body("Payload")
    .reply(202, "Operation"),
    Route::new(
        "GET",
        "/v1/operations",
        "Operations by state: waiting (by lane, oldest first), dead, done (newest first)",
        || get(list),
    )
    .query(LIST)
    .reply(200, "PageOfOperation"),
    Route::new("GET", "/v1/operations/{id}", "One operation with its payload as text", || get(show))
        .reply(200, "OperationDetail"),
    Route::new("GET", "/v1/operations/{id}/payload", "The payload as it was posted", || get(payload))
        .reply(200, "Payload"),
    Route::new("GET", "/v1/queue", "Lanes, rates, next retry, dead letters, upstream", || get(status))
        .reply(200, "QueueStatus"),
    Route::new("POST", "/v1/queue/pause", "Deliver nothing until resumed", || post(pause))
        .body("PauseQueue")
        .reply(200, "QueueStatus"),
    Route::new("POST", "/v1/queue/resume", "Deliver again", || post(resume)).reply(200, "QueueStatus"),
    Route::new("GET", "/v1/queue/dead", "Dead letters, newest first", || get(dead))
        .query(&["lane", "cursor", "limit"])
        .reply(200, "PageOfOperation"),
    Route::new("DELETE", "/v1/queue/dead", "Throw all dead letters away", || delete(purge_all))
        .query(&["reason"])
        .reply(200, "Purged"),
    Route::new("POST", "/v1/queue/dead/{id}/retry", "Queue a dead letter again, in its old place", || {
        post(retry)
    })
    .reply(200, "Operation"),
    Route::new("PUT", "/v1/queue/dead/{id}", "Give a dead letter another payload", || put(edit))
        .query(&["keep_type"])
        .body("Payload")
        .reply(200, "Operation"),
    Route::new("DELETE", "/v1/queue/dead/{id}", "Throw a dead letter away", || delete(purge))
        .query(&["reason"])
        .reply(200, "Purged"),
];

async fn add(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let request = PostOperation {
        kind: query.one("kind").unwrap_or_default(),
        lane: query.one("lane"),
        key: query.one("key").unwrap_or_default(),
        not_before_ms: query.time("not_before_ms")?,
        expires_ms: query.time("expires_ms")?,
        content_type: call.header("content-type")?.to_owned(),
        idempotency_key: Some(call.header("idempotency-key")?.to_owned()).filter(|key| !key.is_empty()),
        payload: call.body(),
    };
    query.finish()?;
    match call.ask(Action::PostOperation(Box::new(request))).await? {
        Reply::Posted(operation, known) => {
            let status = if known { StatusCode::OK } else { StatusCode::ACCEPTED };
            let location = format!("/v1/operations/{}", operation.id);
            Ok((status, [(header::LOCATION, location)], Json(*operation)).into_response())
        }
        other => unexpected(&other),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<Operation>>, Fault> {
    let mut query = call.query();
    let wanted = OperationQuery {
        lane: query.one("lane"),
        state: query.one("state"),
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
    };
    query.finish()?;
    page(&call, wanted).await
}

async fn dead(mut call: Call) -> Result<Json<Page<Operation>>, Fault> {
    let mut query = call.query();
    let wanted = OperationQuery {
        lane: query.one("lane"),
        state: Some("dead".to_owned()),
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
    };
    query.finish()?;
    page(&call, wanted).await
}

async fn page(call: &Call, wanted: OperationQuery) -> Result<Json<Page<Operation>>, Fault> {
    within_page(wanted.limit)?;
    match call.ask(Action::Operations(wanted)).await? {
        Reply::Operations(page) => Ok(Json(page)),
        other => unexpected(&other),
    }
}

async fn show(mut call: Call) -> Result<Json<OperationDetail>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Operation(call.param("id"))).await? {
        Reply::Operation(detail) => Ok(Json(*detail)),
        other => unexpected(&other),
    }
}

async fn payload(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    match call.ask(Action::OperationPayload(call.param("id"))).await? {
        Reply::Payload(kind, bytes) => {
            let usual = HeaderValue::from_static("application/octet-stream");
            let kind = HeaderValue::from_str(&kind).ok().filter(|kind| !kind.is_empty()).unwrap_or(usual);
            Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
        }
        other => unexpected(&other),
    }
}

async fn status(mut call: Call) -> Result<Json<QueueStatus>, Fault> {
    call.query().finish()?;
    queue(&call, Action::Queue).await
}

async fn pause(mut call: Call) -> Result<Json<QueueStatus>, Fault> {
    call.query().finish()?;
    let request: PauseQueue = call.json()?;
    queue(&call, Action::PauseQueue(Some(request.reason))).await
}

async fn resume(mut call: Call) -> Result<Json<QueueStatus>, Fault> {
    call.query().finish()?;
    queue(&call, Action::PauseQueue(None)).await
}

async fn queue(call: &Call, action: Action) -> Result<Json<QueueStatus>, Fault> {
    match call.ask(action).await? {
        Reply::Queue(status) => Ok(Json(*status)),
        other => unexpected(&other),
    }
}

async fn retry(mut call: Call) -> Result<Json<Operation>, Fault> {
    call.query().finish()?;
    changed(&call, Action::RetryOperation(call.param("id"))).await
}

async fn edit(mut call: Call) -> Result<Json<Operation>, Fault> {
    let mut query = call.query();
    let keep = query.flag("keep_type")?;
    query.finish()?;
    let content_type = Some(call.header("content-type")?.to_owned()).filter(|kind| !kind.is_empty() && !keep);
    let action = Action::EditOperation { id: call.param("id"), content_type, payload: call.body() };
    changed(&call, action).await
}

async fn changed(call: &Call, action: Action) -> Result<Json<Operation>, Fault> {
    match call.ask(action).await? {
        Reply::Changed(operation) => Ok(Json(*operation)),
        other => unexpected(&other),
    }
}

async fn purge(mut call: Call) -> Result<Json<Purged>, Fault> {
    let (reason, id) = (super::access::reason(&mut call)?, Some(call.param("id")));
    purged(&call, id, reason).await
}

async fn purge_all(mut call: Call) -> Result<Json<Purged>, Fault> {
    let reason = super::access::reason(&mut call)?;
    purged(&call, None, reason).await
}

async fn purged(call: &Call, id: Option<String>, reason: String) -> Result<Json<Purged>, Fault> {
    match call.ask(Action::PurgeOperations { id, reason }).await? {
        Reply::Purged(purged) => Ok(Json(purged)),
        other => unexpected(&other),
    }
}
