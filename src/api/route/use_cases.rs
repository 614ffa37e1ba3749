//! `/v1/use-cases`: what the box may be asked for; `ETag` on each, `If-Match` on edits.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Route, get, post, put};
use crate::api::call::{Call, Made, unexpected, value};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::registry::ModelComparison;
use crate::api::types::use_case::{
    CompareRevisions, DeprecateUseCase, UseCase, UseCaseReason, UseCaseRevision, WriteUseCase,
};
use crate::engine::{Action, Reply, UseCaseAction as Asked, UseCaseReply};

pub(super) static ROUTES: [Route; 10] = [
    Route::new("GET", "/v1/use-cases", "What this box may be asked for", || get(list))
        .pages()
        .reply(200, "PageOfUseCase"),
    Route::new("POST", "/v1/use-cases", "Write a draft", || post(create))
        .once()
        .body("WriteUseCase")
        .reply(201, "UseCase"),
    Route::new("GET", "/v1/use-cases/{name}", "One use case with its history and who asks; ETag", || {
        get(show)
    })
    .reply(200, "UseCase"),
    Route::new("PUT", "/v1/use-cases/{name}", "Change a draft (If-Match); what is absent stays", || {
        put(edit)
    })
    .body("WriteUseCase")
    .reply(200, "UseCase"),
    Route::new(
        "GET",
        "/v1/use-cases/{name}/revisions",
        "Its terms over time: who wrote what, newest first",
        || get(revisions),
    )
    .pages()
    .reply(200, "PageOfUseCaseRevision"),
    Route::new("GET", "/v1/use-cases/{name}/compare", "Two revisions, field by field; the last two", || {
        get(compare)
    })
    .query(&["a", "b"])
    .reply(200, "ModelComparison"),
    Route::new("POST", "/v1/use-cases/{name}/submit", "Ask others to let it be deployed", || post(submit))
        .once()
        .body("UseCaseReason")
        .reply(200, "UseCase"),
    Route::new("POST", "/v1/use-cases/{name}/deploy", "Let questions be asked under it", || post(deploy))
        .once()
        .body("UseCaseReason")
        .reply(200, "UseCase"),
    Route::new("POST", "/v1/use-cases/{name}/deprecate", "Tell callers that it ends", || post(deprecate))
        .once()
        .body("DeprecateUseCase")
        .reply(200, "UseCase"),
    Route::new("POST", "/v1/use-cases/{name}/retire", "Answer nothing under it any more", || post(retire))
        .once()
        .body("UseCaseReason")
        .reply(200, "UseCase"),
];

/// One use case with its tag.
async fn one(call: &Call, action: Asked) -> Result<Response, Fault> {
    match call.ask(Action::UseCase(action)).await? {
        Reply::UseCase(UseCaseReply::One(one)) => {
            let tag = format!("\"{}\"", one.etag);
            Ok(([(header::ETAG, tag)], Json::<UseCase>(*one)).into_response())
        }
        other => unexpected(&other),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<UseCase>>, Fault> {
    call.query().finish()?;
    match call.ask(Action::UseCase(Asked::List)).await? {
        Reply::UseCase(UseCaseReply::Page(page)) => Ok(Json(page)),
        other => unexpected(&other),
    }
}

async fn show(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    one(&call, Asked::Show(call.param("name"))).await
}

async fn revisions(mut call: Call) -> Result<Json<Page<UseCaseRevision>>, Fault> {
    call.query().finish()?;
    match call.ask(Action::UseCase(Asked::Revisions(call.param("name")))).await? {
        Reply::UseCase(UseCaseReply::Revisions(items)) => Ok(Json(Page { items, next: None })),
        other => unexpected(&other),
    }
}

async fn compare(mut call: Call) -> Result<Json<ModelComparison>, Fault> {
    let mut query = call.query();
    let mut number = |name| query.one(name).map(|text| super::audit::number(name, &text)).transpose();
    let request = CompareRevisions { a: number("a")?, b: number("b")? };
    query.finish()?;
    match call.ask(Action::UseCase(Asked::Compare { name: call.param("name"), request })).await? {
        Reply::UseCase(UseCaseReply::Compared(found)) => Ok(Json(*found)),
        other => unexpected(&other),
    }
}

/// Makes something.
async fn create(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: WriteUseCase = call.json()?;
    call.create(Action::UseCase(Asked::Create(request)), |reply| match reply {
        Reply::UseCase(UseCaseReply::One(one)) => {
            let location = Some(format!("/v1/use-cases/{}", one.name));
            Ok(Made { status: StatusCode::CREATED, location, body: value::<UseCase>(&one)? })
        }
        other => unexpected(&other),
    })
    .await
}

async fn edit(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let if_match = Some(call.header("if-match")?.trim_matches('"').to_owned()).filter(|tag| !tag.is_empty());
    let request: WriteUseCase = call.json()?;
    let if_match = if_match.or_else(|| request.etag.clone());
    one(&call, Asked::Edit { name: call.param("name"), request, if_match }).await
}

fn reason(call: &mut Call) -> Result<(String, UseCaseReason), Fault> {
    call.query().finish()?;
    let request: UseCaseReason = call.json()?;
    Ok((call.param("name"), request))
}

async fn submit(mut call: Call) -> Result<Response, Fault> {
    let (name, request) = reason(&mut call)?;
    one(&call, Asked::Submit { name, request }).await
}

async fn deploy(mut call: Call) -> Result<Response, Fault> {
    let (name, request) = reason(&mut call)?;
    one(&call, Asked::Deploy { name, request }).await
}

async fn retire(mut call: Call) -> Result<Response, Fault> {
    let (name, request) = reason(&mut call)?;
    one(&call, Asked::Retire { name, request }).await
}

async fn deprecate(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: DeprecateUseCase = call.json()?;
    one(&call, Asked::Deprecate { name: call.param("name"), request }).await
}
