//! `/v1/incidents`: what went wrong and what is done about it; `ETag` on each, `If-Match` on what changes it.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Route, get, patch, post};
use crate::api::call::{Call, Made, unexpected, value, within_page};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::incident::{ChangeIncident, Incident, IncidentQuery, OpenIncident};
use crate::engine::{Action, IncidentAction as Asked, IncidentReply, Reply};

pub(super) static ROUTES: [Route; 4] = [
    Route::new(
        "GET",
        "/v1/incidents",
        "Incidents that are not closed, newest first; state=all for all",
        || get(list),
    )
    .query(&["state", "type", "severity", "violations", "cursor", "limit"])
    .reply(200, "PageOfIncident"),
    Route::new("POST", "/v1/incidents", "Open an incident", || post(open))
        .once()
        .body("OpenIncident")
        .reply(201, "Incident"),
    Route::new(
        "GET",
        "/v1/incidents/{id}",
        "One incident with its timeline, links and the clock of a breach; ETag",
        || get(show),
    )
    .reply(200, "Incident"),
    Route::new(
        "PATCH",
        "/v1/incidents/{id}",
        "Note, assign, set, move, link, close or reopen it, all that is said together (If-Match)",
        || patch(change),
    )
    .body("ChangeIncident")
    .reply(200, "Incident"),
];

async fn ask(call: &Call, action: Asked) -> Result<IncidentReply, Fault> {
    match call.ask(Action::Incident(action)).await? {
        Reply::Incident(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

/// One incident with its tag.
async fn one(call: &Call, action: Asked) -> Result<Response, Fault> {
    match ask(call, action).await? {
        IncidentReply::One(one) => {
            let tag = format!("\"{}\"", one.etag);
            Ok(([(header::ETAG, tag)], Json::<Incident>(*one)).into_response())
        }
        _ => unexpected(&Reply::Done),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<Incident>>, Fault> {
    let mut query = call.query();
    let wanted = IncidentQuery {
        state: query.one("state"),
        kind: query.one("type"),
        severity: query.one("severity"),
        violations: query.flag("violations")?,
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
    };
    query.finish()?;
    within_page(wanted.limit)?;
    match ask(&call, Asked::List(wanted)).await? {
        IncidentReply::Page(page) => Ok(Json(page)),
        _ => unexpected(&Reply::Done),
    }
}

async fn open(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: OpenIncident = call.json()?;
    call.create(Action::Incident(Asked::Open(request)), |reply| match reply {
        Reply::Incident(IncidentReply::One(made)) => Ok(Made {
            status: StatusCode::CREATED,
            location: Some(format!("/v1/incidents/{}", made.id)),
            body: value(&made)?,
        }),
        other => unexpected(&other),
    })
    .await
}

async fn show(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    one(&call, Asked::Show(call.param("id"))).await
}

async fn change(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let mut change: ChangeIncident = call.json()?;
    let tag = call.header("if-match")?;
    if !tag.is_empty() {
        change.etag = Some(tag.to_owned());
    }
    one(&call, Asked::change(call.param("id"), change)).await
}
