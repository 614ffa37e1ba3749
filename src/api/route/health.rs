//! `/healthz`, `/readyz` and `/v1/openapi.json`.

use axum::Json;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

use super::Route;
use crate::api::call::Call;
use crate::api::fault::Fault;
use crate::engine::Action;

pub(super) static ROUTES: [Route; 3] = [
    Route::new("GET", "/healthz", "The process lives", || get(health)).reply(200, "Health").network(),
    Route::new("GET", "/readyz", "The box answers questions", || get(ready)).reply(200, "Health").network(),
    Route::new("GET", "/v1/openapi.json", "This document", || get(document)).reply(200, "OpenApi"),
];

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn ready(call: Call) -> Result<Json<Value>, Fault> {
    if call.app.is_stopping() {
        return Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "shutting down").retry_after(2));
    }
    call.ask(Action::Ready).await?;
    Ok(Json(json!({"status": "ready"})))
}

async fn document() -> Json<Value> {
    Json(crate::api::openapi::document())
}
