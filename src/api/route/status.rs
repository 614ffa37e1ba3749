//! `/v1/status`, `/v1/hardware` and `/v1/profile`.

use axum::Json;

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{Hardware, Profile, Status};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 3] = [
    Route::new("GET", "/v1/status", "What the box is doing now", || get(status))
        .reply(200, "Status")
        .network(),
    Route::new("GET", "/v1/hardware", "What box this is, its tier, and why", || get(hardware))
        .reply(200, "Hardware"),
    Route::new("GET", "/v1/profile", "Where time, memory and disk go, part by part", || get(profile))
        .reply(200, "Profile"),
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

async fn profile(mut call: Call) -> Result<Json<Profile>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Profile).await? {
        Reply::Profile(profile) => Ok(Json(*profile)),
        other => unexpected(&other),
    }
}
