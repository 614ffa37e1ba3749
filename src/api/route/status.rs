//! `/v1/status` and `/v1/hardware`.

use axum::Json;

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{Hardware, Status};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 2] = [
    Route::new("GET", "/v1/status", "What the box is doing now", || get(status))
        .reply(200, "Status")
        .network(),
    Route::new("GET", "/v1/hardware", "What box this is, its tier, and why", || get(hardware))
        .reply(200, "Hardware"),
];

async fn status(mut call: Call) -> Result<Json<Status>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Status).await? {
        Reply::Status(status) => Ok(Json(*status)),
        other => unexpected(&other),
    }
}

async fn hardware(mut call: Call) -> Result<Json<Hardware>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Hardware).await? {
        Reply::Hardware(hardware) => Ok(Json(*hardware)),
        other => unexpected(&other),
    }
}
