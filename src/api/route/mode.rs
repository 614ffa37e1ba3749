//! `/v1/mode`, its history, forcing and giving back; `/v1/breakers`.

use axum::Json;

use super::{Route, get, post};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::{Breaker, ForceBreaker, ForceMode, ModeChange, ModeHistoryQuery, ModeReport, Page};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 7] = [
    Route::new("GET", "/v1/mode", "The mode of the box, what led to it and what brings it back", || {
        get(show)
    })
    .reply(200, "ModeReport"),
    Route::new("GET", "/v1/mode/history", "Changes of the mode with their inputs, newest first", || {
        get(history)
    })
    .query(&["cursor", "limit"])
    .reply(200, "PageOfModeChange"),
    Route::new("POST", "/v1/mode/force", "Force a mode for a time; never hides a full disk", || post(force))
        .body("ForceMode")
        .reply(200, "ModeReport"),
    Route::new("POST", "/v1/mode/auto", "Let the box choose its mode again", || post(auto))
        .reply(200, "ModeReport"),
    Route::new("GET", "/v1/breakers", "Circuit breakers around dependencies", || get(breakers))
        .reply(200, "PageOfBreaker"),
    Route::new(
        "POST",
        "/v1/breakers/{name}/force",
        "Hold a circuit breaker open or closed for a time",
        || post(hold),
    )
    .body("ForceBreaker")
    .reply(200, "PageOfBreaker"),
    Route::new("POST", "/v1/breakers/{name}/auto", "Give a circuit breaker back to the box", || {
        post(release)
    })
    .reply(200, "PageOfBreaker"),
];

async fn show(mut call: Call) -> Result<Json<ModeReport>, Fault> {
    call.query().finish()?;
    report(&call, Action::Mode).await
}

async fn force(call: Call) -> Result<Json<ModeReport>, Fault> {
    let request: ForceMode = call.json()?;
    report(&call, Action::ForceMode(request)).await
}

async fn auto(mut call: Call) -> Result<Json<ModeReport>, Fault> {
    call.query().finish()?;
    report(&call, Action::AutoMode).await
}

async fn report(call: &Call, action: Action) -> Result<Json<ModeReport>, Fault> {
    match call.ask(action).await? {
        Reply::Mode(report) => Ok(Json(*report)),
        other => unexpected(&other),
    }
}

async fn history(mut call: Call) -> Result<Json<Page<ModeChange>>, Fault> {
    let mut query = call.query();
    let wanted = ModeHistoryQuery { cursor: query.one("cursor"), limit: query.number("limit")? };
    query.finish()?;
    within_page(wanted.limit)?;
    match call.ask(Action::ModeHistory(wanted)).await? {
        Reply::ModeChanges(page) => Ok(Json(page)),
        other => unexpected(&other),
    }
}

async fn breakers(mut call: Call) -> Result<Json<Page<Breaker>>, Fault> {
    call.query().finish()?;
    listed(&call, Action::Breakers).await
}

async fn hold(call: Call) -> Result<Json<Page<Breaker>>, Fault> {
    let request: ForceBreaker = call.json()?;
    listed(&call, Action::ForceBreaker(ForceBreaker { name: call.param("name"), ..request })).await
}

async fn release(mut call: Call) -> Result<Json<Page<Breaker>>, Fault> {
    call.query().finish()?;
    listed(&call, Action::ReleaseBreaker(call.param("name"))).await
}

async fn listed(call: &Call, action: Action) -> Result<Json<Page<Breaker>>, Fault> {
    match call.ask(action).await? {
        Reply::Breakers(items) => Ok(Json(Page { items, next: None })),
        other => unexpected(&other),
    }
}
