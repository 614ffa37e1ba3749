//! `/healthz`, `/readyz`, `/v1/health` and `/v1/openapi.json`.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::HealthReport;
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 4] = [
    Route::new("GET", "/healthz", "The process lives", || get(health)).reply(200, "Health").network(),
    Route::new("GET", "/readyz", "The box answers questions, and what that hangs on", || get(ready))
        .reply(200, "Readiness")
        .network(),
    Route::new("GET", "/v1/health", "A look at everything: each check with its reason", || get(look))
        .reply(200, "HealthReport"),
    Route::new("GET", "/v1/openapi.json", "This document", || get(document)).reply(200, "OpenApi"),
];

async fn health(call: Call) -> Result<Json<Value>, Fault> {
    if call.app.engine.lives() {
        return Ok(Json(json!({"status": "ok"})));
    }
    let what = "the ticker has not come back for a minute";
    Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "stuck", what)
        .advice("restart the daemon; its log says what it did last"))
}

async fn ready(call: Call) -> Result<Json<Value>, Fault> {
    if call.app.is_stopping() {
        return Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "shutting down").retry_after(2));
    }
    let report = report_of(&call, Action::Ready).await?;
    if let Some(check) = report.checks.iter().find(|check| !report.ready && check.status == "fail") {
        let what = format!("{}: {}", check.name, check.detail);
        let fault = Fault::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", what);
        return Err(fault.retry_after(10).advice(check.advice.clone()));
    }
    Ok(Json(json!({"status": "ready", "checks": report.checks})))
}

async fn look(mut call: Call) -> Result<Json<HealthReport>, Fault> {
    call.query().finish()?;
    report_of(&call, Action::Health).await.map(Json)
}

async fn report_of(call: &Call, action: Action) -> Result<HealthReport, Fault> {
    match call.ask(action).await? {
        Reply::Health(report) => Ok(report),
        other => unexpected(&other),
    }
}

async fn document(_: Call) -> Json<Value> {
    Json(crate::api::openapi::document())
}
