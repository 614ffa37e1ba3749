//! `/v1/registry`: models as they are governed; `/v1/judgements`: judged questions.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{Route, delete, get, post};
use crate::api::call::{Call, Made, unexpected, value};
use crate::api::fault::Fault;
use crate::api::types::Page;
use crate::api::types::registry::{
    CompareModels, JudgeAnswers, ModelHistoryQuery, ModelReason, ModelRegistry, ModelVersion, RegisterModel,
    SubmitModel,
};
use crate::engine::{Action, RegistryAction as Asked, RegistryReply, Reply};

pub(super) static ROUTES: [Route; 17] = [
    Route::new("GET", "/v1/registry", "Every registered model, what answers, what is on its way", || {
        get(all)
    })
    .pages()
    .reply(200, "ModelRegistry"),
    Route::new("POST", "/v1/registry", "Register a model file or a Model2Vec folder", || post(register))
        .once()
        .body("RegisterModel")
        .reply(201, "ModelVersion")
        .long(),
    Route::new("GET", "/v1/registry/history", "What happened to models, newest first", || get(history))
        .query(&["model", "cursor", "limit"])
        .reply(200, "PageOfModelMove"),
    Route::new("GET", "/v1/registry/at", "What answered at a time", || get(at))
        .query(&["time"])
        .reply(200, "ServedModel"),
    Route::new("GET", "/v1/registry/compare", "Two models side by side, as the registry has them", || {
        get(compare)
    })
    .query(&["a", "b"])
    .reply(200, "ModelComparison"),
    Route::new("POST", "/v1/registry/rollback", "Back to what answered before: one commit", || {
        post(roll_back)
    })
    .once()
    .body("ModelReason")
    .reply(200, "ModelRegistry"),
    Route::new("POST", "/v1/registry/hold", "Hold all promotions", || post(hold))
        .once()
        .body("ModelReason")
        .reply(200, "ModelRegistry"),
    Route::new("POST", "/v1/registry/release", "Let promotions go on", || post(release))
        .once()
        .reply(200, "ModelRegistry"),
    Route::new("GET", "/v1/registry/{model}", "One model with its gates", || get(show))
        .reply(200, "ModelVersion"),
    Route::new("POST", "/v1/registry/{model}/submit", "Ask others to let it be promoted", || post(submit))
        .once()
        .body("SubmitModel")
        .reply(200, "ModelVersion"),
    Route::new(
        "POST",
        "/v1/registry/{model}/stage",
        "Make its vectors beside those that answer, and measure its gates",
        || post(stage),
    )
    .once()
    .reply(202, "Job"),
    Route::new("POST", "/v1/registry/{model}/promote", "Let it answer, if its gates pass", || post(promote))
        .once()
        .body("ModelReason")
        .reply(202, "Job"),
    Route::new("POST", "/v1/registry/{model}/archive", "Put it away; its vectors are removed", || {
        post(archive)
    })
    .once()
    .body("ModelReason")
    .reply(200, "ModelVersion"),
    Route::new("GET", "/v1/judgements", "Judged questions, of a collection or of all", || get(judged))
        .pages()
        .query(&["collection"])
        .reply(200, "PageOfJudgedQuestion"),
    Route::new("POST", "/v1/judgements", "Say what answers a question, and what does not", || post(judge))
        .once()
        .body("JudgeAnswers")
        .reply(200, "PageOfJudgedQuestion"),
    Route::new("GET", "/v1/judgements/{id}", "One judged question", || get(one_judged))
        .reply(200, "JudgedQuestion"),
    Route::new("DELETE", "/v1/judgements/{id}", "Forget a judged question", || delete(forget)).reply(204, ""),
];

async fn ask(call: &Call, action: Asked) -> Result<RegistryReply, Fault> {
    match call.ask(Action::Registry(action)).await? {
        Reply::Registry(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

/// The reply as JSON, whichever it is.
fn body(reply: &RegistryReply) -> Result<Value, Fault> {
    match reply {
        RegistryReply::All(all) => value::<ModelRegistry>(all),
        RegistryReply::Version(one) => value::<ModelVersion>(one),
        RegistryReply::Job(job) => value(job),
        RegistryReply::Moves(page) => value(page),
        RegistryReply::At(one) => value(one),
        RegistryReply::Compared(found) => value(found),
        RegistryReply::Judged(page) => value::<Page<_>>(page),
        RegistryReply::Done => Ok(Value::Null),
    }
}

async fn told(call: &Call, action: Asked) -> Result<Json<Value>, Fault> {
    Ok(Json(body(&ask(call, action).await?)?))
}

/// A job that was begun, and where to follow it.
async fn begun(call: &Call, action: Asked) -> Result<Response, Fault> {
    match ask(call, action).await? {
        RegistryReply::Job(job) => {
            let location = format!("/v1/jobs/{}", job.id);
            let head = [(axum::http::header::LOCATION, location)];
            Ok((StatusCode::ACCEPTED, head, Json(*job)).into_response())
        }
        _ => unexpected(&Reply::Done),
    }
}

async fn all(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    told(&call, Asked::All).await
}

async fn show(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    told(&call, Asked::Show(call.param("model"))).await
}

/// Makes something.
async fn register(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: RegisterModel = call.json()?;
    call.create(Action::Registry(Asked::Register(request)), |reply| match reply {
        Reply::Registry(reply) => {
            Ok(Made { status: StatusCode::CREATED, location: None, body: body(&reply)? })
        }
        other => unexpected(&other),
    })
    .await
}

async fn submit(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: SubmitModel = call.json()?;
    told(&call, Asked::Submit { id: call.param("model"), request }).await
}

async fn stage(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    begun(&call, Asked::Stage(call.param("model"))).await
}

async fn promote(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: ModelReason = call.json()?;
    begun(&call, Asked::Promote { id: call.param("model"), request }).await
}

async fn archive(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: ModelReason = call.json()?;
    told(&call, Asked::Archive { id: call.param("model"), request }).await
}

async fn roll_back(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: ModelReason = call.json()?;
    told(&call, Asked::RollBack(request)).await
}

async fn hold(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: ModelReason = call.json()?;
    told(&call, Asked::Hold(request)).await
}

async fn release(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    told(&call, Asked::Release).await
}

async fn history(mut call: Call) -> Result<Json<Value>, Fault> {
    let mut query = call.query();
    let wanted = ModelHistoryQuery {
        model: query.one("model"),
        cursor: query.one("cursor"),
        limit: query.number("limit")?,
    };
    query.finish()?;
    if wanted.limit > 1000 {
        return Err(Fault::invalid(format!("limit: {} is more than 1000", wanted.limit)));
    }
    told(&call, Asked::History(wanted)).await
}

async fn compare(mut call: Call) -> Result<Json<Value>, Fault> {
    let mut query = call.query();
    let (a, b) = (query.one("a"), query.one("b"));
    query.finish()?;
    let (Some(a), Some(b)) = (a, b) else {
        return Err(Fault::invalid("two models are compared").advice("?a=SHA256&b=SHA256, or their names"));
    };
    told(&call, Asked::Compare(CompareModels { a, b })).await
}

async fn at(mut call: Call) -> Result<Json<Value>, Fault> {
    let mut query = call.query();
    let time = query.time("time")?;
    query.finish()?;
    let time =
        time.ok_or_else(|| Fault::invalid("no time was given").advice("?time=2026-03-01T08:00:00Z"))?;
    told(&call, Asked::At(time)).await
}

async fn judged(mut call: Call) -> Result<Json<Value>, Fault> {
    let mut query = call.query();
    let collection = query.one("collection");
    query.finish()?;
    told(&call, Asked::Judged(collection)).await
}

async fn one_judged(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    match ask(&call, Asked::Judged(None)).await? {
        RegistryReply::Judged(page) => {
            super::access::one_of(&call, &page.items, |one| &one.id, "judged question")
        }
        _ => unexpected(&Reply::Done),
    }
}

async fn judge(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    let request: JudgeAnswers = call.json()?;
    told(&call, Asked::Judge(request)).await
}

async fn forget(mut call: Call) -> Result<StatusCode, Fault> {
    call.query().finish()?;
    ask(&call, Asked::ForgetJudged(call.param("id"))).await.map(|_| StatusCode::NO_CONTENT)
}
