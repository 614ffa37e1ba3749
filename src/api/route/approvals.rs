//! `/v1/approvals`: changes that wait for votes; `ETag` on each, `If-Match` on what decides.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{Route, get, post};
use crate::api::call::{Call, unexpected, within_page};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::approval::{
    Approval, ApprovalDocument, ApprovalQuery, ApprovalWord, BreakGlass, DelegateVote, SignVote, SignedVote,
};
use crate::engine::{Action, ApprovalAction as Asked, ApprovalReply, Reply};

pub(super) static ROUTES: [Route; 10] = [
    Route::new(
        "GET",
        "/v1/approvals",
        "Requests that wait for votes, newest first; state=all for all",
        || get(list),
    )
    .query(&["state", "kind", "cursor", "limit"])
    .reply(200, "PageOfApproval"),
    Route::new(
        "GET",
        "/v1/approvals/{id}",
        "One request with its diff, votes, gates and history; ETag",
        || get(show),
    )
    .reply(200, "Approval"),
    Route::new(
        "POST",
        "/v1/approvals/{id}/approve",
        "Vote for it (If-Match); the last vote carries it out",
        || post(approve),
    )
    .once()
    .body("ApprovalWord")
    .reply(200, "Approval"),
    Route::new("POST", "/v1/approvals/{id}/reject", "Vote against it (If-Match): that ends it", || {
        post(reject)
    })
    .once()
    .body("ApprovalWord")
    .reply(200, "Approval"),
    Route::new("POST", "/v1/approvals/{id}/comment", "Say something about it", || post(comment))
        .once()
        .body("ApprovalWord")
        .reply(200, "Approval"),
    Route::new("POST", "/v1/approvals/{id}/delegate", "Give one's vote to somebody (If-Match)", || {
        post(delegate)
    })
    .once()
    .body("DelegateVote")
    .reply(200, "Approval"),
    Route::new("POST", "/v1/approvals/{id}/withdraw", "Take back what one submitted (If-Match)", || {
        post(withdraw)
    })
    .once()
    .body("ApprovalWord")
    .reply(200, "Approval"),
    Route::new(
        "POST",
        "/v1/break-glass",
        "Ask for a permission in an emergency: one other person votes",
        || post(break_glass),
    )
    .once()
    .body("BreakGlass")
    .reply(200, "Approval"),
    Route::new(
        "POST",
        "/v1/approvals/{id}/document",
        "What the asker signs for a vote, with a nonce",
        || post(document),
    )
    .body("SignVote")
    .reply(200, "ApprovalDocument"),
    Route::new(
        "GET",
        "/v1/approvals/{id}/signatures",
        "Signed votes, whole: to be verified elsewhere",
        || get(signed),
    )
    .pages()
    .reply(200, "PageOfSignedVote"),
];

async fn ask(call: &Call, action: Asked) -> Result<ApprovalReply, Fault> {
    match call.ask(Action::Approval(action)).await? {
        Reply::Approval(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

/// One request with its tag.
async fn one(call: &Call, action: Asked) -> Result<Response, Fault> {
    match ask(call, action).await? {
        ApprovalReply::One(one) => {
            let tag = format!("\"{}\"", one.etag);
            Ok(([(header::ETAG, tag)], Json::<Approval>(*one)).into_response())
        }
        _ => unexpected(&Reply::Done),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<Approval>>, Fault> {
    let mut query = call.query();
    let wanted = ApprovalQuery {
        state: query.one("state"),
        kind: query.one("kind"),
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
    };
    query.finish()?;
    within_page(wanted.limit)?;
    match ask(&call, Asked::List(wanted)).await? {
        ApprovalReply::Page(page) => Ok(Json(page)),
        _ => unexpected(&Reply::Done),
    }
}

async fn show(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    one(&call, Asked::Show(call.param("id"))).await
}

/// Id, what was said, and which revision it is about.
fn word(call: &mut Call) -> Result<(String, ApprovalWord, Option<String>), Fault> {
    call.query().finish()?;
    let tag = Some(call.header("if-match")?.to_owned()).filter(|tag| !tag.is_empty());
    let word: ApprovalWord = call.json_or_default()?;
    let tag = tag.or_else(|| word.etag.clone());
    Ok((call.param("id"), word, tag))
}

async fn approve(mut call: Call) -> Result<Response, Fault> {
    let (id, word, if_match) = word(&mut call)?;
    one(&call, Asked::Approve { id, word, if_match }).await
}

async fn reject(mut call: Call) -> Result<Response, Fault> {
    let (id, word, if_match) = word(&mut call)?;
    one(&call, Asked::Reject { id, word, if_match }).await
}

async fn comment(mut call: Call) -> Result<Response, Fault> {
    let (id, word, _) = word(&mut call)?;
    one(&call, Asked::Comment { id, word }).await
}

async fn withdraw(mut call: Call) -> Result<Response, Fault> {
    let (id, word, if_match) = word(&mut call)?;
    one(&call, Asked::Withdraw { id, word, if_match }).await
}

async fn delegate(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let if_match = Some(call.header("if-match")?.to_owned()).filter(|tag| !tag.is_empty());
    let request: DelegateVote = call.json()?;
    one(&call, Asked::Delegate { id: call.param("id"), request, if_match }).await
}

async fn break_glass(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: BreakGlass = call.json()?;
    one(&call, Asked::BreakGlass(request)).await
}

async fn document(mut call: Call) -> Result<Json<ApprovalDocument>, Fault> {
    call.query().finish()?;
    let request: SignVote = call.json()?;
    match ask(&call, Asked::Document { id: call.param("id"), request }).await? {
        ApprovalReply::Document(made) => Ok(Json(*made)),
        _ => unexpected(&Reply::Done),
    }
}

async fn signed(mut call: Call) -> Result<Json<Page<SignedVote>>, Fault> {
    call.query().finish()?;
    match ask(&call, Asked::Signed(call.param("id"))).await? {
        ApprovalReply::Signed(items) => Ok(Json(Page { items, next: None })),
        _ => unexpected(&Reply::Done),
    }
}
