//! `/v1/documents` and the passages of one document.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Route, delete, get, post};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::{AddRequest, Document, DocumentQuery, Page, Passage, PassageQuery, RemoveRequest};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 6] = [
    Route::new("GET", "/v1/documents", "List documents", || get(list))
        .query(&["collection", "contains", "kind", "cursor", "limit"])
        .reply(200, "PageOfDocument"),
    Route::new("POST", "/v1/documents", "Add files and folders of this box", || post(add))
        .once()
        .body("AddRequest")
        .reply(202, "Job"),
    Route::new("DELETE", "/v1/documents", "Remove by id, or all under a path", || delete(remove_some))
        .body("RemoveRequest")
        .reply(202, "Job"),
    Route::new("GET", "/v1/documents/{id}", "One document", || get(show)).reply(200, "Document"),
    Route::new("DELETE", "/v1/documents/{id}", "Remove one document", || delete(remove_one))
        .reply(202, "Job"),
    Route::new("GET", "/v1/documents/{id}/passages", "Read on in a document", || get(passages))
        .query(&["around", "before", "after"])
        .reply(200, "PageOfPassage"),
];

async fn list(mut call: Call) -> Result<Json<Page<Document>>, Fault> {
    let mut query = call.query();
    let wanted = DocumentQuery {
        collection: query.one("collection"),
        contains: query.one("contains"),
        kind: query.one("kind"),
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
    };
    query.finish()?;
    within_page(wanted.limit)?;
    match call.ask(Action::Documents(wanted)).await? {
        Reply::Documents(page) => Ok(Json(page)),
        other => unexpected(&other),
    }
}

async fn add(call: Call) -> Result<Response, Fault> {
    let request: AddRequest = call.json()?;
    if request.paths.is_empty() {
        return Err(Fault::invalid("paths is empty").advice("name at least one absolute path"));
    }
    if let Some(path) = request.paths.iter().find(|path| !path.starts_with('/')) {
        return Err(Fault::invalid(format!("'{path}' is not an absolute path")));
    }
    call.create(Action::Add(request), super::jobs::accepted).await
}

async fn remove_some(call: Call) -> Result<Response, Fault> {
    let request: RemoveRequest = call.json()?;
    if request.document.is_none() && request.path.is_none() {
        return Err(Fault::invalid("neither document nor path is given"));
    }
    remove(&call, request).await
}

async fn remove_one(call: Call) -> Result<Response, Fault> {
    let request = RemoveRequest { document: Some(call.param("id")), ..RemoveRequest::default() };
    remove(&call, request).await
}

/// A job where it takes time, nothing where it is already done.
async fn remove(call: &Call, request: RemoveRequest) -> Result<Response, Fault> {
    match call.ask(Action::Remove(request)).await? {
        Reply::Job(job) => Ok((StatusCode::ACCEPTED, Json(job)).into_response()),
        Reply::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        other => unexpected(&other),
    }
}

async fn show(call: Call) -> Result<Json<Document>, Fault> {
    match call.ask(Action::Document(call.param("id"))).await? {
        Reply::Document(document) => Ok(Json(document)),
        other => unexpected(&other),
    }
}

async fn passages(mut call: Call) -> Result<Json<Page<Passage>>, Fault> {
    let mut query = call.query();
    let wanted = PassageQuery {
        document: call.param("id"),
        around: query.one("around"),
        before: query.number("before")?,
        after: query.number("after")?,
    };
    query.finish()?;
    if wanted.before > 200 || wanted.after > 200 {
        return Err(Fault::invalid("before and after may be at most 200"));
    }
    match call.ask(Action::Passages(wanted)).await? {
        Reply::Passages(items) => Ok(Json(Page { items, next: None })),
        other => unexpected(&other),
    }
}
