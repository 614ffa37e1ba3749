//! `/v1/evidence`: entries of the audit log as signed statements, with their proofs.

use axum::Json;

use super::{Route, get};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::evidence::{Evidence, EvidenceDetail, EvidenceQuery};
use crate::engine::{Action, AuditAction, AuditReply, Reply};

pub(super) static ROUTES: [Route; 2] = [
    Route::new(
        "GET",
        "/v1/evidence",
        "Approvals, gates, deployments, incidents, reviews: newest first",
        || get(list),
    )
    .query(&["topic", "subject", "from", "to", "cursor", "limit", "bundle"])
    .reply(200, "PageOfEvidence"),
    Route::new(
        "GET",
        "/v1/evidence/{id}",
        "One as an in-toto statement in a DSSE envelope, with its proof",
        || get(show),
    )
    .query(&["size"])
    .reply(200, "EvidenceDetail"),
];

async fn list(mut call: Call) -> Result<Json<Page<Evidence>>, Fault> {
    let mut query = call.query();
    let wanted = EvidenceQuery {
        topic: query.one("topic"),
        subject: query.one("subject"),
        from_ms: query.time("from")?,
        to_ms: query.time("to")?,
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
        bundle: query.flag("bundle")?,
    };
    query.finish()?;
    within_page(wanted.limit)?;
    match call.ask(Action::Audit(AuditAction::Evidence(wanted))).await? {
        Reply::Audit(AuditReply::Evidence(page)) => Ok(Json(page)),
        other => unexpected(&other),
    }
}

async fn show(mut call: Call) -> Result<Json<EvidenceDetail>, Fault> {
    let mut query = call.query();
    let size = query.one("size").map(|size| super::audit::number("size", &size)).transpose()?;
    query.finish()?;
    let sequence = super::audit::number("id", &call.param("id"))?;
    match call.ask(Action::Audit(AuditAction::Attest { sequence, size })).await? {
        Reply::Audit(AuditReply::Attested(detail)) => Ok(Json(*detail)),
        other => unexpected(&other),
    }
}
