//! `/v1/sla`: service level objectives, what is left of their budgets, how fast they are spent.

use axum::Json;

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::sla::Objective;
use crate::engine::{Action, Reply, SlaAction, SlaReply};

pub(super) static ROUTES: [Route; 2] = [
    Route::new("GET", "/v1/sla", "Service level objectives with their error budgets", || get(list))
        .pages()
        .reply(200, "PageOfObjective"),
    Route::new(
        "GET",
        "/v1/sla/{name}",
        "One objective; its timeline is the metric spud_slo_budget_ratio",
        || get(show),
    )
    .reply(200, "Objective"),
];

async fn ask(call: &Call, action: SlaAction) -> Result<SlaReply, Fault> {
    match call.ask(Action::Sla(action)).await? {
        Reply::Sla(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<Objective>>, Fault> {
    call.query().finish()?;
    match ask(&call, SlaAction::List).await? {
        SlaReply::Page(page) => Ok(Json(page)),
        SlaReply::One(_) => unexpected(&Reply::Done),
    }
}

async fn show(mut call: Call) -> Result<Json<Objective>, Fault> {
    call.query().finish()?;
    match ask(&call, SlaAction::Show(call.param("name"))).await? {
        SlaReply::One(one) => Ok(Json(*one)),
        SlaReply::Page(_) => unexpected(&Reply::Done),
    }
}
