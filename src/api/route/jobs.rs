//! `/v1/jobs` and `/v1/failures`.

use axum::Json;
use axum::http::StatusCode;

use super::{Route, delete, get};
use crate::api::call::{Call, Made, unexpected, value};
use crate::api::fault::Fault;
use crate::api::types::{Failure, Job, Page};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 4] = [
    Route::new("GET", "/v1/jobs", "List jobs, newest first", || get(list)).reply(200, "PageOfJob"),
    Route::new("GET", "/v1/jobs/{id}", "One job", || get(show)).reply(200, "Job"),
    Route::new("DELETE", "/v1/jobs/{id}", "Cancel a job; what it committed stays", || delete(cancel))
        .reply(200, "Job"),
    Route::new("GET", "/v1/failures", "Files that could not be indexed, and why", || get(failures))
        .query(&["collection"])
        .reply(200, "PageOfFailure"),
];

/// 202 with the job and where to follow it.
pub(super) fn accepted(reply: Reply) -> Result<Made, Fault> {
    match reply {
        Reply::Job(job) => Ok(Made {
            status: StatusCode::ACCEPTED,
            location: Some(format!("/v1/jobs/{}", job.id)),
            body: value(&job)?,
        }),
        other => unexpected(&other),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<Job>>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Jobs).await? {
        Reply::Jobs(items) => Ok(Json(Page { items, next: None })),
        other => unexpected(&other),
    }
}

async fn show(call: Call) -> Result<Json<Job>, Fault> {
    match call.ask(Action::Job(call.param("id"))).await? {
        Reply::Job(job) => Ok(Json(job)),
        other => unexpected(&other),
    }
}

async fn cancel(call: Call) -> Result<Json<Job>, Fault> {
    let id = call.param("id");
    match call.ask(Action::CancelJob(id.clone())).await? {
        Reply::Job(job) => Ok(Json(job)),
        Reply::Done => match call.ask(Action::Job(id)).await? {
            Reply::Job(job) => Ok(Json(job)),
            other => unexpected(&other),
        },
        other => unexpected(&other),
    }
}

async fn failures(mut call: Call) -> Result<Json<Page<Failure>>, Fault> {
    let mut query = call.query();
    let collection = query.one("collection");
    query.finish()?;
    match call.ask(Action::Failures(collection)).await? {
        Reply::Failures(items) => Ok(Json(Page { items, next: None })),
        other => unexpected(&other),
    }
}
