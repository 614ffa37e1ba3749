//! `/v1/files/check`: a file of the site, looked through before it holds.

use axum::Json;

use super::{Route, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::site_file::{CheckFile, CheckedFile};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 1] = [Route::new(
    "POST",
    "/v1/files/check",
    "Look through a file of rules, receivers, probes, objectives or a dashboard; nothing is kept",
    || post(check),
)
.body("CheckFile")
.reply(200, "CheckedFile")];

async fn check(mut call: Call) -> Result<Json<CheckedFile>, Fault> {
    call.query().finish()?;
    let request: CheckFile = call.json()?;
    match call.ask(Action::CheckFile(Box::new(request))).await? {
        Reply::CheckedFile(checked) => Ok(Json(*checked)),
        other => unexpected(&other),
    }
}
