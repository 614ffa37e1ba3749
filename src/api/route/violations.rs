//! `/v1/violations/rules`: what rules look for in the audit log. What they found: `/v1/incidents?violations=1`.

use axum::Json;

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::violation::ViolationRules;
use crate::engine::{Action, IncidentAction, IncidentReply, Reply};

pub(super) static ROUTES: [Route; 1] =
    [Route::new("GET", "/v1/violations/rules", "Rules over the audit log, with their form in Sigma", || {
        get(rules)
    })
    .pages()
    .reply(200, "ViolationRules")];

async fn rules(mut call: Call) -> Result<Json<ViolationRules>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Incident(IncidentAction::Rules)).await? {
        Reply::Incident(IncidentReply::Rules(all)) => Ok(Json(*all)),
        other => unexpected(&other),
    }
}
