//! `/v1/collections`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Route, delete, get, post};
use crate::api::call::{Call, Made, unexpected, value};
use crate::api::fault::Fault;
use crate::api::types::{Collection, CreateCollection, Page};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 5] = [
    Route::new("GET", "/v1/collections", "List collections", || get(list)).reply(200, "PageOfCollection"),
    Route::new("POST", "/v1/collections", "Make a collection", || post(create))
        .once()
        .body("CreateCollection")
        .reply(201, "Collection"),
    Route::new("GET", "/v1/collections/{name}", "One collection", || get(show)).reply(200, "Collection"),
    Route::new("DELETE", "/v1/collections/{name}", "Remove a collection and its index", || delete(remove))
        .query(&["reason"])
        .reply(204, ""),
    Route::new("POST", "/v1/collections/{name}/reindex", "Index everything in it again", || post(reindex))
        .once()
        .reply(202, "Job"),
];

async fn all(call: &Call) -> Result<Vec<Collection>, Fault> {
    match call.ask(Action::Collections).await? {
        Reply::Collections(items) => Ok(items),
        other => unexpected(&other),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<Collection>>, Fault> {
    call.query().finish()?;
    Ok(Json(Page { items: all(&call).await?, next: None }))
}

async fn show(call: Call) -> Result<Json<Collection>, Fault> {
    let name = call.param("name");
    let found = all(&call).await?.into_iter().find(|collection| collection.name == name);
    found.map(Json).ok_or_else(|| {
        Fault::new(StatusCode::NOT_FOUND, "not-found", format!("there is no collection '{name}'"))
            .advice("`spud collection list` shows what there is")
    })
}

async fn create(call: Call) -> Result<Response, Fault> {
    let request: CreateCollection = call.json()?;
    call.create(Action::CreateCollection(request), |reply| match reply {
        Reply::Collection(made) => Ok(Made {
            status: StatusCode::CREATED,
            location: Some(format!("/v1/collections/{}", made.name)),
            body: value(&made)?,
        }),
        other => unexpected(&other),
    })
    .await
}

async fn remove(mut call: Call) -> Result<StatusCode, Fault> {
    let (reason, name) = (super::access::reason(&mut call)?, call.param("name"));
    call.ask(Action::RemoveCollection { name, reason }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reindex(call: Call) -> Result<Response, Fault> {
    let action = Action::Reindex(call.param("name"));
    Ok(call.create(action, super::jobs::accepted).await?.into_response())
}
