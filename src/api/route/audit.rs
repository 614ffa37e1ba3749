//! `/v1/audit`: the log of what was done, its proofs and checkpoints.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{Route, get, post};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::{
    AnchorAudit, AuditCheckpoint, AuditConsistency, AuditEntry, AuditInclusion, AuditQuery, AuditStatus,
    AuditTiles, AuditVerdict, EraseAudit, Page, VerifyAudit,
};
use crate::engine::{Action, AuditAction, AuditReply, Reply};

pub(super) static ROUTES: [Route; 12] = [
    Route::new("GET", "/v1/audit", "Size, root, newest checkpoint, and what nobody else signed for", || {
        get(status)
    })
    .reply(200, "AuditStatus"),
    Route::new("GET", "/v1/audit/entries", "What was done: newest first, by filter, page by page", || {
        get(entries)
    })
    .query(&[
        "kind",
        "actor",
        "subject",
        "since",
        "until",
        "outcome",
        "text",
        "cursor",
        "limit",
        "oldest_first",
    ])
    .reply(200, "PageOfAuditEntry"),
    Route::new("GET", "/v1/audit/entries/{seq}", "One entry with its texts and its leaf", || get(entry))
        .reply(200, "AuditEntry"),
    Route::new("GET", "/v1/audit/entries/{seq}/proof", "Proof that the entry is in the log", || get(proof))
        .query(&["size"])
        .reply(200, "AuditInclusion"),
    Route::new(
        "POST",
        "/v1/audit/entries/{seq}/erase",
        "Erase the texts of an entry from the log, and the same words from what it is about; proofs hold",
        || post(erase),
    )
    .body("EraseAudit")
    .reply(200, "AuditEntry"),
    Route::new(
        "GET",
        "/v1/audit/consistency",
        "Proof that the log as it was is the beginning of the log as it is",
        || get(consistency),
    )
    .query(&["from", "size"])
    .reply(200, "AuditConsistency"),
    Route::new("GET", "/v1/audit/checkpoints", "Signed heads of the log, newest first", || get(checkpoints))
        .query(&["cursor", "limit"])
        .reply(200, "PageOfAuditCheckpoint"),
    Route::new("POST", "/v1/audit/checkpoints", "Sign the log as it stands", || post(sign))
        .reply(200, "AuditCheckpoint"),
    Route::new("POST", "/v1/audit/anchors", "Take in a checkpoint that others signed, too", || post(anchor))
        .body("AnchorAudit")
        .reply(200, "AuditCheckpoint"),
    Route::new("POST", "/v1/audit/verify", "Make every leaf and node again, check every checkpoint", || {
        post(verify)
    })
    .body("VerifyAudit")
    .reply(200, "AuditVerdict")
    .long(),
    Route::new("GET", "/v1/audit/tiles", "Files of the log in the C2SP tlog-tiles layout", || get(tiles))
        .query(&["cursor"])
        .reply(200, "AuditTiles"),
    Route::new("GET", "/v1/audit/tile", "One of these files", || get(tile))
        .query(&["path"])
        .reply(200, "Payload"),
];

async fn ask(call: &Call, action: AuditAction) -> Result<AuditReply, Fault> {
    match call.ask(Action::Audit(action)).await? {
        Reply::Audit(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

fn other<T>(reply: AuditReply) -> Result<T, Fault> {
    unexpected(&Reply::Audit(reply))
}

/// A number in the path or the query.
pub(super) fn number(name: &str, text: &str) -> Result<u64, Fault> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        Fault::invalid(format!("{name}: '{shown}' is not a whole number"))
    })
}

async fn status(mut call: Call) -> Result<Json<AuditStatus>, Fault> {
    call.query().finish()?;
    match ask(&call, AuditAction::Status).await? {
        AuditReply::Status(status) => Ok(Json(*status)),
        reply => other(reply),
    }
}

async fn entries(mut call: Call) -> Result<Json<Page<AuditEntry>>, Fault> {
    let mut query = call.query();
    let wanted = AuditQuery {
        kind: query.one("kind"),
        actor: query.one("actor"),
        subject: query.one("subject"),
        since_ms: query.time("since")?,
        until_ms: query.time("until")?,
        outcome: query.one("outcome"),
        text: query.one("text"),
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
        oldest_first: query.flag("oldest_first")?,
    };
    query.finish()?;
    within_page(wanted.limit)?;
    match ask(&call, AuditAction::Entries(wanted)).await? {
        AuditReply::Entries(page) => Ok(Json(page)),
        reply => other(reply),
    }
}

async fn entry(mut call: Call) -> Result<Json<AuditEntry>, Fault> {
    call.query().finish()?;
    let sequence = number("seq", &call.param("seq"))?;
    one(&call, AuditAction::Entry(sequence)).await
}

async fn erase(mut call: Call) -> Result<Json<AuditEntry>, Fault> {
    call.query().finish()?;
    let sequence = number("seq", &call.param("seq"))?;
    let EraseAudit { reason } = call.json()?;
    one(&call, AuditAction::Erase { sequence, reason }).await
}

async fn one(call: &Call, action: AuditAction) -> Result<Json<AuditEntry>, Fault> {
    match ask(call, action).await? {
        AuditReply::Entry(entry) => Ok(Json(*entry)),
        reply => other(reply),
    }
}

async fn proof(mut call: Call) -> Result<Json<AuditInclusion>, Fault> {
    let mut query = call.query();
    let size = query.one("size").map(|size| number("size", &size)).transpose()?;
    query.finish()?;
    let sequence = number("seq", &call.param("seq"))?;
    match ask(&call, AuditAction::Inclusion { sequence, size }).await? {
        AuditReply::Inclusion(proof) => Ok(Json(*proof)),
        reply => other(reply),
    }
}

async fn consistency(mut call: Call) -> Result<Json<AuditConsistency>, Fault> {
    let mut query = call.query();
    let from = number("from", &query.one("from").unwrap_or_default())?;
    let size = query.one("size").map(|size| number("size", &size)).transpose()?;
    query.finish()?;
    match ask(&call, AuditAction::Consistency { from, size }).await? {
        AuditReply::Consistency(proof) => Ok(Json(*proof)),
        reply => other(reply),
    }
}

async fn checkpoints(mut call: Call) -> Result<Json<Page<AuditCheckpoint>>, Fault> {
    let mut query = call.query();
    let before = query.one("cursor").map(|cursor| number("cursor", &cursor)).transpose()?;
    let limit = query.number("limit")?;
    query.finish()?;
    within_page(limit)?;
    match ask(&call, AuditAction::Checkpoints { before, limit }).await? {
        AuditReply::Checkpoints(page) => Ok(Json(page)),
        reply => other(reply),
    }
}

async fn sign(mut call: Call) -> Result<Json<AuditCheckpoint>, Fault> {
    call.query().finish()?;
    checkpoint(&call, AuditAction::Sign).await
}

async fn anchor(mut call: Call) -> Result<Json<AuditCheckpoint>, Fault> {
    call.query().finish()?;
    let request: AnchorAudit = call.json()?;
    checkpoint(&call, AuditAction::Anchor(request)).await
}

async fn checkpoint(call: &Call, action: AuditAction) -> Result<Json<AuditCheckpoint>, Fault> {
    match ask(call, action).await? {
        AuditReply::Checkpoint(checkpoint) => Ok(Json(checkpoint)),
        reply => other(reply),
    }
}

async fn verify(mut call: Call) -> Result<Json<AuditVerdict>, Fault> {
    call.query().finish()?;
    let request: VerifyAudit = call.json_or_default()?;
    match ask(&call, AuditAction::Verify(request)).await? {
        AuditReply::Verdict(verdict) => Ok(Json(*verdict)),
        reply => other(reply),
    }
}

async fn tiles(mut call: Call) -> Result<Json<AuditTiles>, Fault> {
    let mut query = call.query();
    let from = query.number("cursor")?;
    query.finish()?;
    match ask(&call, AuditAction::Tiles { from }).await? {
        AuditReply::Tiles(tiles) => Ok(Json(tiles)),
        reply => other(reply),
    }
}

async fn tile(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let path = query.one("path").unwrap_or_default();
    query.finish()?;
    match ask(&call, AuditAction::Tile(path)).await? {
        AuditReply::Tile(bytes) => {
            Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
        }
        reply => other(reply),
    }
}
