//! `/v1/models`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Route, get, post};
use crate::api::call::{Call, Made, unexpected, value};
use crate::api::fault::Fault;
use crate::api::types::{Model, ModelPath, Page};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 3] = [
    Route::new("GET", "/v1/models", "List models", || get(list)).reply(200, "PageOfModel"),
    Route::new("POST", "/v1/models", "Import a Model2Vec folder", || post(import))
        .once()
        .body("ModelPath")
        .reply(201, "Model")
        .long(),
    Route::new("POST", "/v1/models/inspect", "What a model file is", || post(inspect))
        .body("ModelPath")
        .reply(200, "Model")
        .long(),
];

async fn list(mut call: Call) -> Result<Json<Page<Model>>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Models).await? {
        Reply::Models(items) => Ok(Json(Page { items, next: None })),
        other => unexpected(&other),
    }
}

async fn import(call: Call) -> Result<Response, Fault> {
    let request: ModelPath = call.json()?;
    call.create(Action::ImportModel(request), |reply| match reply {
        Reply::Model(model) => Ok(Made { status: StatusCode::CREATED, body: value(&model)?, location: None }),
        other => unexpected(&other),
    })
    .await
}

async fn inspect(call: Call) -> Result<Json<Model>, Fault> {
    let request: ModelPath = call.json()?;
    match call.ask(Action::InspectModel(request)).await? {
        Reply::Model(model) => Ok(Json(model)),
        other => unexpected(&other),
    }
}
