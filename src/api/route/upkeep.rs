//! `/v1/check`, `/v1/eval` and `/v1/logs`.

use axum::Json;

use super::{Route, get, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{CheckReport, CheckRequest, EvalReport, EvalRequest, LogPage, LogQuery};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 3] = [
    Route::new("POST", "/v1/check", "Verify every segment, record and model", || post(check))
        .body("CheckRequest")
        .reply(200, "CheckReport")
        .long(),
    Route::new("POST", "/v1/eval", "Measure search on a judged collection", || post(eval))
        .body("EvalRequest")
        .reply(200, "EvalReport")
        .long(),
    Route::new("GET", "/v1/logs", "Newest lines of spud's own log, over all of its files", || get(logs))
        .query(&["level", "contains", "word", "trace", "since", "until", "before", "n"])
        .reply(200, "LogPage")
        .long(),
];

async fn check(call: Call) -> Result<Json<CheckReport>, Fault> {
    let request: CheckRequest = call.json_or_default()?;
    match call.ask(Action::Check(request)).await? {
        Reply::Check(report) => Ok(Json(report)),
        other => unexpected(&other),
    }
}

async fn eval(call: Call) -> Result<Json<EvalReport>, Fault> {
    let request: EvalRequest = call.json()?;
    match call.ask(Action::Eval(request)).await? {
        Reply::Eval(report) => Ok(Json(report)),
        other => unexpected(&other),
    }
}

async fn logs(mut call: Call) -> Result<Json<LogPage>, Fault> {
    let mut query = call.query();
    let wanted = LogQuery {
        level: query.one("level"),
        contains: query.one("contains"),
        word: query.one("word"),
        trace: query.one("trace"),
        since_ms: query.time("since")?,
        until_ms: query.time("until")?,
        before: query.one("before"),
        n: query.number("n")?,
    };
    query.finish()?;
    if wanted.n > 2000 {
        return Err(Fault::invalid(format!("n: {} is more than 2000", wanted.n)));
    }
    match call.ask(Action::Logs(wanted)).await? {
        Reply::Logs(page) => Ok(Json(page)),
        other => unexpected(&other),
    }
}
