//! `/v1/dashboards`: what is shown of metrics, logs and alerts. The values themselves come from `/api/v1/query_range`,
//! `/v1/logs` and `/v1/alerts`.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{Route, delete, get, put};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::dashboard::{Dashboard, DashboardList, WriteDashboard};
use crate::engine::{Action, DashboardAction as Asked, DashboardReply, Reply};

pub(super) static ROUTES: [Route; 4] = [
    Route::new("GET", "/v1/dashboards", "Dashboards, and files that cannot be read", || get(list))
        .reply(200, "DashboardList"),
    Route::new(
        "GET",
        "/v1/dashboards/{name}",
        "One dashboard with its text; the ETag is for If-Match",
        || get(show),
    )
    .reply(200, "Dashboard"),
    Route::new("PUT", "/v1/dashboards/{name}", "Save a dashboard, given as TOML", || put(save))
        .body("WriteDashboard")
        .reply(200, "Dashboard"),
    Route::new("DELETE", "/v1/dashboards/{name}", "Remove a dashboard that was saved", || delete(remove))
        .reply(200, "Dashboard"),
];

async fn one(call: &Call, action: Asked) -> Result<Response, Fault> {
    match call.ask(Action::Dashboard(action)).await? {
        Reply::Dashboard(DashboardReply::One(one)) => {
            let tag = format!("\"{}\"", one.etag);
            Ok(([(header::ETAG, tag)], Json::<Dashboard>(*one)).into_response())
        }
        other => unexpected(&other),
    }
}

fn if_match(call: &Call) -> Result<Option<String>, Fault> {
    Ok(Some(call.header("if-match")?.trim_matches('"').to_owned()).filter(|tag| !tag.is_empty()))
}

async fn list(mut call: Call) -> Result<Json<DashboardList>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Dashboard(Asked::List)).await? {
        Reply::Dashboard(DashboardReply::List(list)) => Ok(Json(list)),
        other => unexpected(&other),
    }
}

async fn show(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    one(&call, Asked::Show(call.param("name"))).await
}

async fn save(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let WriteDashboard { text, etag } = call.json()?;
    let request = WriteDashboard { text, etag: if_match(&call)?.or(etag) };
    one(&call, Asked::Save { name: call.param("name"), request }).await
}

async fn remove(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    one(&call, Asked::Remove { name: call.param("name"), etag: if_match(&call)? }).await
}
