//! `/v1/check`, `/v1/eval` and `/v1/logs`.

use axum::Json;

use super::{Route, get, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{
    CheckReport, CheckRequest, EvalReport, EvalRequest, ImportedLog, LogPage, LogQuery, LogSource, Page,
};
use crate::engine::{Action, LogForm, LogImport, Reply};

pub(super) static ROUTES: [Route; 5] = [
    Route::new("POST", "/v1/check", "Verify every segment, record and model", || post(check))
        .body("CheckRequest")
        .reply(200, "CheckReport")
        .long(),
    Route::new("POST", "/v1/eval", "Measure search on a judged collection", || post(eval))
        .body("EvalRequest")
        .reply(200, "EvalReport")
        .long(),
    Route::new("GET", "/v1/logs", "Newest lines of spud's own log, over all of its files", || get(logs))
        .query(&["level", "contains", "word", "trace", "source", "since", "until", "before", "n"])
        .reply(200, "LogPage")
        .long(),
    Route::new("POST", "/v1/logs", "Adds lines of another program to the log, all that are whole", || {
        post(import)
    })
    .query(&["source", "form", "end"])
    .body("Payload")
    .reply(200, "ImportedLog"),
    Route::new("GET", "/v1/logs/sources", "Log files of other programs that are followed", || get(sources))
        .reply(200, "PageOfLogSource"),
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
        source: query.one("source"),
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

async fn import(mut call: Call) -> Result<Json<ImportedLog>, Fault> {
    let mut query = call.query();
    let (source, form, end) = (query.one("source"), query.one("form"), query.flag("end")?);
    query.finish()?;
    let form = match form.as_deref() {
        None | Some("lines") => LogForm::Lines,
        Some("journal") => LogForm::Journal,
        Some(other) => return Err(Fault::invalid(format!("form: '{other}' is neither lines nor journal"))),
    };
    let source = source.ok_or_else(|| Fault::invalid("source: a name for the program is wanted"))?;
    let request = LogImport { source, form, is_end: end, bytes: call.body() };
    match call.ask(Action::ImportLog(request)).await? {
        Reply::ImportedLog(done) => Ok(Json(done)),
        other => unexpected(&other),
    }
}

async fn sources(mut call: Call) -> Result<Json<Page<LogSource>>, Fault> {
    call.query().finish()?;
    match call.ask(Action::LogSources).await? {
        Reply::LogSources(page) => Ok(Json(page)),
        other => unexpected(&other),
    }
}
