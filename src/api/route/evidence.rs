//! `/v1/evidence`: entries of the audit log as signed statements, with their proofs.

use std::io;

use axum::Json;
use axum::response::Response;
use bytes::Bytes;

use super::events::{Sender, Stream};
use super::{Route, get};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::evidence::{Evidence, EvidenceDetail, EvidenceQuery};
use crate::engine::{Action, AuditAction, AuditReply, EvidenceBundle, Reply};

pub(super) static ROUTES: [Route; 3] = [
    Route::new(
        "GET",
        "/v1/evidence",
        "Approvals, gates, deployments, incidents, reviews: newest first",
        || get(list),
    )
    .query(&["topic", "subject", "from", "to", "cursor", "limit"])
    .reply(200, "PageOfEvidence"),
    Route::new(
        "GET",
        "/v1/evidence/bundle",
        "Everything that others need to verify it without spud, as a tar: unpack it, then sh verify.sh",
        || get(bundle),
    )
    .query(&["from", "to", "size"])
    .reply(200, "Payload")
    .long(),
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

/// A piece that is not empty, and what follows it.
async fn piece(
    call: &Call,
    mut wanted: Box<EvidenceBundle>,
) -> Result<(Vec<u8>, Option<Box<EvidenceBundle>>), Fault> {
    loop {
        match call.ask(Action::Audit(AuditAction::Bundle(wanted))).await? {
            Reply::Audit(AuditReply::Bundle(piece, Some(next))) if piece.is_empty() => wanted = next,
            Reply::Audit(AuditReply::Bundle(piece, next)) => return Ok((piece, next)),
            other => return unexpected(&other),
        }
    }
}

async fn bundle(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let (from_ms, to_ms) = (query.time("from")?, query.time("to")?);
    let size = query.one("size").map(|size| super::audit::number("size", &size)).transpose()?;
    query.finish()?;
    // What is wrong is told with the first piece, while there is still an answer to tell it in.
    let first = piece(&call, Box::new(EvidenceBundle::new(from_ms, to_ms, size))).await?;
    let (send, response) = Stream::response("application/x-tar");
    tokio::spawn(pieces(call, first, send));
    Ok(response)
}

/// Sends one piece after the other until the reader goes away.
async fn pieces(call: Call, first: (Vec<u8>, Option<Box<EvidenceBundle>>), send: Sender) {
    let (mut bytes, mut next) = first;
    while send.send(Ok(Bytes::from(bytes))).await.is_ok() {
        let Some(wanted) = next else { return };
        (bytes, next) = match piece(&call, wanted).await {
            Ok(more) => more,
            Err(fault) => {
                tracing::warn!(error = fault.0.detail, "a bundle of evidence broke off");
                // The reader may have gone away, too.
                let _ = send.send(Err(io::Error::other("the bundle broke off"))).await;
                return;
            }
        };
    }
}
