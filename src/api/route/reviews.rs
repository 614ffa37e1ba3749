//! `/v1/access/reviews`: who has which role, looked at by somebody else, decided, and told.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::access::{look, made, told};
use super::{Route, get, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::access::{CloseReview, DecideReview, OpenReview};
use crate::engine::{AccessAction as Asked, AccessReply, Action, Reply};

pub(super) static ROUTES: [Route; 6] = [
    Route::new("GET", "/v1/access/reviews", "Reviews of granted roles, newest first", || get(list))
        .pages()
        .reply(200, "PageOfAccessReview"),
    Route::new("POST", "/v1/access/reviews", "Open a review of every grant", || post(open))
        .body("OpenReview")
        .once()
        .reply(201, "AccessReview"),
    Route::new("GET", "/v1/access/reviews/{id}", "One with its items; open and last are names, too", || {
        get(one)
    })
    .reply(200, "AccessReview"),
    Route::new("GET", "/v1/access/reviews/{id}/report", "Its report, as Markdown", || get(report))
        .reply(200, "Markdown"),
    Route::new(
        "POST",
        "/v1/access/reviews/{id}/grants/{grant}",
        "Confirm or revoke a grant; the last decision closes the review",
        || post(decide),
    )
    .body("DecideReview")
    .once()
    .reply(200, "AccessReview"),
    Route::new("POST", "/v1/access/reviews/{id}/close", "Close it, naming what nobody decided", || {
        post(close)
    })
    .body("CloseReview")
    .once()
    .reply(200, "AccessReview"),
];

async fn list(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::Reviews).await
}

async fn one(call: Call) -> Result<Json<Value>, Fault> {
    let id = call.param("id");
    look(call, Asked::Review(id)).await
}

async fn open(call: Call) -> Result<Response, Fault> {
    let request: OpenReview = call.json()?;
    made(&call, Asked::OpenReview(request)).await
}

async fn decide(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: DecideReview = call.json()?;
    let (id, grant) = (call.param("id"), call.param("grant"));
    told(&call, Asked::DecideReview { id, grant, request }).await
}

async fn close(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: CloseReview = call.json_or_default()?;
    let id = call.param("id");
    told(&call, Asked::CloseReview { id, request }).await
}

async fn report(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let id = call.param("id");
    match call.ask(Action::Access(Asked::ReviewReport(id))).await? {
        Reply::Access(AccessReply::Report(text)) => {
            let mut response = text.into_response();
            let kind = HeaderValue::from_static("text/markdown; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            Ok(response)
        }
        other => unexpected(&other),
    }
}
