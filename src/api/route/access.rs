//! `/v1/whoami`, `/v1/principals`, `/v1/roles`, `/v1/policies`, `/v1/decisions`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::{Route, delete, get, post};
use crate::api::call::{Call, Made, unexpected, value};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::access::{
    AccessToken, AddKey, AddPrincipal, CheckPolicies, CreateToken, GrantRole, PolicyCase, TakePolicies,
    TestPolicies,
};
use crate::engine::{AccessAction as Asked, AccessReply, Action, Reply};

pub(super) static ROUTES: [Route; 31] = [
    Route::new("GET", "/v1/whoami", "Who the asker is, with which roles and permissions", || get(who_am_i))
        .reply(200, "WhoAmI")
        .network(),
    Route::new("GET", "/v1/principals", "Everybody who has a role or a token", || get(principals))
        .pages()
        .reply(200, "PageOfPrincipal"),
    Route::new("POST", "/v1/principals", "Add somebody who will have tokens", || post(add_principal))
        .once()
        .body("AddPrincipal")
        .reply(201, "Principal"),
    Route::new("GET", "/v1/principals/{name}", "One principal with roles and tokens", || get(principal))
        .reply(200, "Principal"),
    Route::new("DELETE", "/v1/principals/{name}", "Take everything from a principal", || {
        delete(revoke_principal)
    })
    .query(&["reason"])
    .reply(204, ""),
    Route::new("POST", "/v1/principals/{name}/tokens", "A token; its secret is shown this once", || {
        post(create_token)
    })
    .body("CreateToken")
    .reply(201, "NewToken"),
    Route::new("POST", "/v1/principals/{name}/keys", "Enrol an SSH key: votes may be signed with it", || {
        post(add_key)
    })
    .once()
    .body("AddKey")
    .reply(201, "Principal"),
    Route::new("DELETE", "/v1/principals/{name}/keys", "Take an SSH key away", || delete(remove_key))
        .query(&["fingerprint", "reason"])
        .reply(204, ""),
    Route::new(
        "POST",
        "/v1/principals/{name}/totp",
        "A second factor; its secret is shown this once",
        || post(enrol_totp),
    )
    .reply(201, "NewTotp"),
    Route::new("DELETE", "/v1/principals/{name}/totp", "Take a second factor away", || delete(remove_totp))
        .query(&["reason"])
        .reply(204, ""),
    Route::new("GET", "/v1/sessions", "Who is connected, since when", || get(sessions))
        .pages()
        .reply(200, "PageOfSession"),
    Route::new("GET", "/v1/sessions/{id}", "One session", || get(session)).reply(200, "Session"),
    Route::new("DELETE", "/v1/sessions/{id}", "End a session; a token that it came with is revoked", || {
        delete(revoke_session)
    })
    .query(&["reason"])
    .reply(204, ""),
    Route::new("GET", "/v1/tokens", "Everybody's tokens, without their secrets", || get(tokens))
        .pages()
        .reply(200, "PageOfAccessToken"),
    Route::new("GET", "/v1/tokens/{id}", "One token, without its secret", || get(token))
        .reply(200, "AccessToken"),
    Route::new("DELETE", "/v1/tokens/{id}", "Revoke a token", || delete(revoke_token)).reply(204, ""),
    Route::new("GET", "/v1/roles", "The roles, and what each is allowed", || get(roles))
        .pages()
        .reply(200, "PageOfAccessRole"),
    Route::new("GET", "/v1/roles/grants", "Every grant with its last use, for a review", || get(grants))
        .pages()
        .reply(200, "PageOfAccessGrant"),
    Route::new("POST", "/v1/roles/grants", "Grant a role, with a reason", || post(grant))
        .once()
        .body("GrantRole")
        .reply(201, "AccessGrant"),
    Route::new("GET", "/v1/roles/grants/{id}", "One grant with its last use", || get(one_grant))
        .reply(200, "AccessGrant"),
    Route::new("DELETE", "/v1/roles/grants/{id}", "Take a granted role", || delete(revoke_grant))
        .query(&["reason"])
        .reply(204, ""),
    Route::new("POST", "/v1/roles/grants/{id}/confirm", "A review found the grant right", || post(confirm))
        .once()
        .reply(200, "AccessGrant"),
    Route::new("GET", "/v1/policies", "The policies in force, and what is wrong with newer files", || {
        get(policies)
    })
    .pages()
    .reply(200, "PolicyList"),
    Route::new("POST", "/v1/policies/check", "Whether policies would be taken; nothing changes", || {
        post(check)
    })
    .body("CheckPolicies")
    .reply(200, "PolicyCheck"),
    Route::new("POST", "/v1/policies/test", "Decide cases and compare; nothing changes", || post(test))
        .body("TestPolicies")
        .reply(200, "PolicyTestReport"),
    Route::new("POST", "/v1/policies/explain", "What would be decided, and by which policies", || {
        post(explain)
    })
    .body("PolicyCase")
    .reply(200, "Decision"),
    Route::new("GET", "/v1/policies/diff", "What the files would change", || get(diff))
        .reply(200, "PolicyDiff"),
    Route::new(
        "POST",
        "/v1/policies/reload",
        "Let the site's files hold; 202 where others must vote on it",
        || post(reload),
    )
    .once()
    .body("TakePolicies")
    .reply(200, "PolicyList"),
    Route::new("GET", "/v1/policies/{id}", "One policy as it was written", || get(policy))
        .reply(200, "Policy"),
    Route::new("GET", "/v1/decisions", "The last denials and changes, newest first", || get(decisions))
        .pages()
        .reply(200, "PageOfDecision"),
    Route::new("GET", "/v1/decisions/{request}", "Why a request was denied or allowed", || get(decision))
        .reply(200, "Decision"),
];

async fn ask(call: &Call, action: Asked) -> Result<AccessReply, Fault> {
    match call.ask(Action::Access(action)).await? {
        Reply::Access(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

/// The reply as JSON, whichever it is.
fn body(reply: &AccessReply) -> Result<Value, Fault> {
    fn page<T: Serialize + Clone>(items: &[T]) -> Result<Value, Fault> {
        value(&Page { items: items.to_vec(), next: None })
    }
    match reply {
        AccessReply::WhoAmI(one) => value(one),
        AccessReply::Principals(all) => page(all),
        AccessReply::Principal(one) => value(one),
        AccessReply::Token(one) => value(one),
        AccessReply::Totp(one) => value(one),
        AccessReply::Sessions(all) => page(all),
        AccessReply::Roles(all) => page(all),
        AccessReply::Grants(all) => page(all),
        AccessReply::Grant(one) => value(one),
        AccessReply::Reviews(all) => page(all),
        AccessReply::Review(one) => value(one),
        AccessReply::Report(text) => value(text),
        AccessReply::Policies(one) => value(one),
        AccessReply::Policy(one) => value(one),
        AccessReply::Check(one) => value(one),
        AccessReply::Tests(one) => value(one),
        AccessReply::Diff(one) => value(one),
        AccessReply::Decisions(all) => page(all),
        AccessReply::Decision(one) => value(one),
        AccessReply::Done => Ok(Value::Null),
    }
}

pub(super) async fn told(call: &Call, action: Asked) -> Result<Json<Value>, Fault> {
    Ok(Json(body(&ask(call, action).await?)?))
}

pub(super) async fn look(mut call: Call, action: Asked) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    told(&call, action).await
}

/// Makes something.
pub(super) async fn made(call: &Call, action: Asked) -> Result<Response, Fault> {
    call.create(Action::Access(action), |reply| match reply {
        Reply::Access(reply) => Ok(Made { status: StatusCode::CREATED, location: None, body: body(&reply)? }),
        other => unexpected(&other),
    })
    .await
}

async fn who_am_i(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::WhoAmI).await
}

async fn principals(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::Principals).await
}

async fn principal(call: Call) -> Result<Json<Value>, Fault> {
    let name = call.param("name");
    look(call, Asked::Principal(name)).await
}

async fn add_principal(call: Call) -> Result<Response, Fault> {
    let request: AddPrincipal = call.json()?;
    made(&call, Asked::AddPrincipal(request)).await
}

async fn revoke_principal(mut call: Call) -> Result<StatusCode, Fault> {
    let reason = reason(&mut call)?;
    let name = call.param("name");
    gone(&call, Asked::RevokePrincipal { name, reason }).await
}

async fn create_token(call: Call) -> Result<Response, Fault> {
    let request: CreateToken = call.json()?;
    let name = call.param("name");
    secret(&call, Asked::CreateToken { name, request }).await
}

async fn sessions(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::Sessions).await
}

async fn session(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    match ask(&call, Asked::Sessions).await? {
        AccessReply::Sessions(all) => one_of(&call, &all, |one| &one.id, "session"),
        _ => unexpected(&Reply::Done),
    }
}

async fn every_token(call: &Call) -> Result<Vec<AccessToken>, Fault> {
    match ask(call, Asked::Principals).await? {
        AccessReply::Principals(all) => Ok(all.into_iter().flat_map(|one| one.tokens).collect()),
        _ => unexpected(&Reply::Done),
    }
}

async fn tokens(mut call: Call) -> Result<Json<Page<AccessToken>>, Fault> {
    call.query().finish()?;
    Ok(Json(Page { items: every_token(&call).await?, next: None }))
}

async fn token(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    one_of(&call, &every_token(&call).await?, |one| &one.id, "token")
}

async fn one_grant(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    match ask(&call, Asked::Grants).await? {
        AccessReply::Grants(all) => one_of(&call, &all, |one| &one.id, "grant"),
        _ => unexpected(&Reply::Done),
    }
}

/// The one of a list that the path names.
pub(super) fn one_of<T: Serialize>(
    call: &Call,
    all: &[T],
    id: impl Fn(&T) -> &str,
    what: &str,
) -> Result<Json<Value>, Fault> {
    let wanted = call.param("id");
    let found = all.iter().find(|one| !wanted.is_empty() && id(one) == wanted);
    let missing = || {
        Fault::new(StatusCode::NOT_FOUND, "not-found", format!("there is no {what} '{wanted}'"))
            .advice("the list of them shows their ids")
    };
    found.ok_or_else(missing).and_then(value).map(Json)
}

async fn revoke_session(mut call: Call) -> Result<StatusCode, Fault> {
    let reason = reason(&mut call)?;
    let id = call.param("id");
    gone(&call, Asked::RevokeSession { id, reason }).await
}

async fn enrol_totp(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let name = call.param("name");
    secret(&call, Asked::EnrolTotp { name }).await
}

async fn remove_totp(mut call: Call) -> Result<StatusCode, Fault> {
    let reason = reason(&mut call)?;
    let name = call.param("name");
    gone(&call, Asked::RemoveTotp { name, reason }).await
}

/// Not kept for repeats: the secret is to stand nowhere.
async fn secret(call: &Call, action: Asked) -> Result<Response, Fault> {
    let body = body(&ask(call, action).await?)?;
    Ok(axum::response::IntoResponse::into_response((StatusCode::CREATED, Json(body))))
}

async fn revoke_token(mut call: Call) -> Result<StatusCode, Fault> {
    call.query().finish()?;
    let id = call.param("id");
    gone(&call, Asked::RevokeToken { id }).await
}

async fn add_key(call: Call) -> Result<Response, Fault> {
    let request: AddKey = call.json()?;
    let name = call.param("name");
    made(&call, Asked::AddKey { name, request }).await
}

async fn remove_key(mut call: Call) -> Result<StatusCode, Fault> {
    let mut query = call.query();
    let fingerprint = query.one("fingerprint").unwrap_or_default();
    let reason = query.one("reason").unwrap_or_default();
    query.finish()?;
    let name = call.param("name");
    gone(&call, Asked::RemoveKey { name, fingerprint, reason: short(reason)? }).await
}

async fn roles(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::Roles).await
}

async fn grants(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::Grants).await
}

async fn grant(call: Call) -> Result<Response, Fault> {
    let request: GrantRole = call.json()?;
    made(&call, Asked::Grant(request)).await
}

async fn revoke_grant(mut call: Call) -> Result<StatusCode, Fault> {
    let reason = reason(&mut call)?;
    let id = call.param("id");
    gone(&call, Asked::RevokeGrant { id, reason }).await
}

async fn confirm(call: Call) -> Result<Json<Value>, Fault> {
    let id = call.param("id");
    look(call, Asked::ConfirmGrant { id }).await
}

async fn policies(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::Policies).await
}

async fn policy(call: Call) -> Result<Json<Value>, Fault> {
    let id = call.param("id");
    look(call, Asked::Policy(id)).await
}

async fn check(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: CheckPolicies = call.json_or_default()?;
    told(&call, Asked::CheckPolicies(request)).await
}

async fn test(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: TestPolicies = call.json()?;
    told(&call, Asked::TestPolicies(request)).await
}

async fn explain(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: PolicyCase = call.json()?;
    told(&call, Asked::Explain(Box::new(request))).await
}

async fn diff(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::DiffPolicies).await
}

async fn reload(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: TakePolicies = call.json_or_default()?;
    told(&call, Asked::TakePolicies(request)).await
}

async fn decisions(call: Call) -> Result<Json<Value>, Fault> {
    look(call, Asked::Decisions).await
}

async fn decision(call: Call) -> Result<Json<Value>, Fault> {
    let request = call.param("request");
    look(call, Asked::Decision(request)).await
}

async fn gone(call: &Call, action: Asked) -> Result<StatusCode, Fault> {
    ask(call, action).await.map(|_| StatusCode::NO_CONTENT)
}

/// Why, from the query.
pub(super) fn reason(call: &mut Call) -> Result<String, Fault> {
    let mut query = call.query();
    let reason = query.one("reason").unwrap_or_default();
    query.finish()?;
    short(reason)
}

fn short(reason: String) -> Result<String, Fault> {
    if reason.len() > 500 {
        return Err(Fault::invalid("the reason has more than 500 bytes"));
    }
    Ok(reason)
}
