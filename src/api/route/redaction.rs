//! `/v1/redact`: a text without its secrets and personal data.

use axum::Json;

use super::{Route, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::redaction::{RedactText, RedactedText};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 1] = [Route::new(
    "POST",
    "/v1/redact",
    "Take secrets and personal data out of a text; nothing is kept",
    || post(redact),
)
.body("RedactText")
.reply(200, "RedactedText")];

async fn redact(mut call: Call) -> Result<Json<RedactedText>, Fault> {
    call.query().finish()?;
    let RedactText { text } = call.json()?;
    match call.ask(Action::Redact(text)).await? {
        Reply::Redacted(redacted) => Ok(Json(*redacted)),
        other => unexpected(&other),
    }
}
