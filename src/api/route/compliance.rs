//! `/v1/compliance`: what the audit log has evidence of, control by control.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::compliance::{ComplianceFramework, ComplianceQuery};
use crate::engine::{Action, AuditAction, AuditReply, Reply};

pub(super) static ROUTES: [Route; 2] = [
    Route::new("GET", "/v1/compliance", "Frameworks, with how many controls have evidence", || get(list))
        .pages()
        .reply(200, "PageOfComplianceFramework")
        .long(),
    Route::new(
        "GET",
        "/v1/compliance/{framework}",
        "Controls with the evidence of this box and what is not evidenced; json, md, csv or oscal",
        || get(report),
    )
    .query(&["from", "to", "format", "size"])
    .reply(200, "ComplianceReport")
    .long(),
];

async fn list(mut call: Call) -> Result<Json<Page<ComplianceFramework>>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Audit(AuditAction::Frameworks)).await? {
        Reply::Audit(AuditReply::Frameworks(items)) => Ok(Json(Page { items, next: None })),
        other => unexpected(&other),
    }
}

async fn report(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let mut wanted = ComplianceQuery {
        from_ms: query.time("from")?,
        to_ms: query.time("to")?,
        format: query.one("format"),
        size: query.one("size").map(|size| super::audit::number("size", &size)).transpose()?,
        ..ComplianceQuery::default()
    };
    query.finish()?;
    wanted.framework = call.param("framework");
    match call.ask(Action::Audit(AuditAction::Comply(wanted))).await? {
        Reply::Audit(AuditReply::Report(made)) => {
            let mut response = made.text.into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(made.content_type));
            Ok(response)
        }
        other => unexpected(&other),
    }
}
