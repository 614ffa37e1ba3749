//! `/v1/config`: settings, edits with `If-Match`, history, trials, templates, schema.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::{Route, delete, get, post, put};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{
    ApplyConfig, CommitConfirm, ConfigChange, ConfigHistoryQuery, ConfigTemplate, Page, RollbackConfig,
    SetConfig, ValidateConfig,
};
use crate::engine::{Action, ConfigAction, ConfigReply, Reply};

pub(super) static ROUTES: [Route; 13] = [
    Route::new("GET", "/v1/config", "Every setting: value, place, default; files, drift, trial", || {
        get(report)
    })
    .reply(200, "ConfigReport"),
    Route::new("GET", "/v1/config/history", "Versions of the settings, newest first", || get(history))
        .query(&["cursor", "limit"])
        .reply(200, "PageOfConfigVersion"),
    Route::new("GET", "/v1/config/history/{version}", "One version with its file", || get(version))
        .reply(200, "ConfigVersion"),
    Route::new("GET", "/v1/config/schema", "The settings as a JSON Schema", || get(schema))
        .reply(200, "JsonSchema"),
    Route::new("GET", "/v1/config/templates", "Settings for usual places of a box", || get(templates))
        .reply(200, "PageOfConfigTemplate"),
    Route::new(
        "POST",
        "/v1/config/validate",
        "Check the files, a text or one value; nothing changes",
        || post(validate),
    )
    .body("ValidateConfig")
    .reply(200, "ConfigCheck"),
    Route::new("POST", "/v1/config/apply", "Replace the edited file by a text or a template", || post(apply))
        .body("ApplyConfig")
        .reply(200, "ConfigChange"),
    Route::new("POST", "/v1/config/rollback", "Bring the file of a version back", || post(rollback))
        .body("RollbackConfig")
        .reply(200, "ConfigChange"),
    Route::new(
        "POST",
        "/v1/config/commit-confirm",
        "Put the last change on trial: it reverts by itself",
        || post(trial),
    )
    .body("CommitConfirm")
    .reply(200, "ConfigChange"),
    Route::new("POST", "/v1/config/confirm", "What is on trial stays", || post(confirm))
        .reply(200, "ConfigChange"),
    Route::new("GET", "/v1/config/{key}", "One setting with everything it hides; ETag for edits", || {
        get(show)
    })
    .reply(200, "ConfigSetting"),
    Route::new(
        "PUT",
        "/v1/config/{key}",
        "Set one setting (If-Match); comments and order of the file stay",
        || put(set),
    )
    .body("SetConfig")
    .reply(200, "ConfigChange"),
    Route::new("DELETE", "/v1/config/{key}", "Take one setting out of the edited file (If-Match)", || {
        delete(unset)
    })
    .query(&["reason", "confirm_s", "dry_run"])
    .reply(200, "ConfigChange"),
];

async fn ask(call: &Call, action: ConfigAction) -> Result<ConfigReply, Fault> {
    match call.ask(Action::Config(action)).await? {
        Reply::Config(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

fn wrong<T>() -> Result<T, Fault> {
    unexpected(&Reply::Done)
}

fn tagged<T: Serialize>(etag: &str, body: &T) -> Response {
    ([(header::ETAG, format!("\"{etag}\""))], Json(body)).into_response()
}

fn if_match(call: &Call) -> Result<Option<String>, Fault> {
    Ok(Some(call.header("if-match")?.to_owned()).filter(|tag| !tag.is_empty()))
}

async fn report(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    match ask(&call, ConfigAction::Report).await? {
        ConfigReply::Report(report) => Ok(tagged(&report.etag, &*report)),
        _ => wrong(),
    }
}

async fn show(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    match ask(&call, ConfigAction::Setting(call.param("key"))).await? {
        ConfigReply::Setting(setting) => Ok(tagged(&setting.etag, &*setting)),
        _ => wrong(),
    }
}

async fn changed(call: &Call, action: ConfigAction) -> Result<Json<ConfigChange>, Fault> {
    match ask(call, action).await? {
        ConfigReply::Changed(change) => Ok(Json(change)),
        _ => wrong(),
    }
}

async fn set(mut call: Call) -> Result<Json<ConfigChange>, Fault> {
    call.query().finish()?;
    let request: SetConfig = call.json()?;
    let if_match = if_match(&call)?;
    changed(&call, ConfigAction::Set { key: call.param("key"), request, if_match }).await
}

async fn unset(mut call: Call) -> Result<Json<ConfigChange>, Fault> {
    let mut query = call.query();
    let confirm = query.number("confirm_s")?;
    let request = SetConfig {
        value: Value::Null,
        reason: query.one("reason").unwrap_or_default(),
        confirm_s: (confirm > 0).then_some(confirm as u64),
        dry_run: query.flag("dry_run")?,
    };
    query.finish()?;
    let if_match = if_match(&call)?;
    changed(&call, ConfigAction::Set { key: call.param("key"), request, if_match }).await
}

async fn apply(mut call: Call) -> Result<Json<ConfigChange>, Fault> {
    call.query().finish()?;
    let request: ApplyConfig = call.json()?;
    let if_match = if_match(&call)?;
    changed(&call, ConfigAction::Apply { request, if_match }).await
}

async fn rollback(mut call: Call) -> Result<Json<ConfigChange>, Fault> {
    call.query().finish()?;
    let request: RollbackConfig = call.json()?;
    let if_match = if_match(&call)?;
    changed(&call, ConfigAction::Rollback { request, if_match }).await
}

async fn trial(mut call: Call) -> Result<Json<ConfigChange>, Fault> {
    call.query().finish()?;
    let request: CommitConfirm = call.json()?;
    changed(&call, ConfigAction::Trial(request)).await
}

async fn confirm(mut call: Call) -> Result<Json<ConfigChange>, Fault> {
    call.query().finish()?;
    changed(&call, ConfigAction::Confirm).await
}

async fn validate(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: ValidateConfig = call.json_or_default()?;
    match ask(&call, ConfigAction::Validate(request)).await? {
        ConfigReply::Check(check) => Ok(Json(check).into_response()),
        _ => wrong(),
    }
}

async fn history(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let wanted = ConfigHistoryQuery { cursor: query.one("cursor"), limit: query.number("limit")? };
    query.finish()?;
    match ask(&call, ConfigAction::Versions(wanted)).await? {
        ConfigReply::Versions(page) => Ok(Json(page).into_response()),
        _ => wrong(),
    }
}

async fn version(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let text = call.param("version");
    let number =
        text.parse().map_err(|_| Fault::invalid("a version is a number, as the history lists it"))?;
    match ask(&call, ConfigAction::Version(number)).await? {
        ConfigReply::Version(version) => Ok(Json(version).into_response()),
        _ => wrong(),
    }
}

async fn templates(mut call: Call) -> Result<Json<Page<ConfigTemplate>>, Fault> {
    call.query().finish()?;
    match ask(&call, ConfigAction::Templates).await? {
        ConfigReply::Templates(items) => Ok(Json(Page { items, next: None })),
        _ => wrong(),
    }
}

async fn schema(mut call: Call) -> Result<Json<Value>, Fault> {
    call.query().finish()?;
    match ask(&call, ConfigAction::Schema).await? {
        ConfigReply::Schema(schema) => Ok(Json(schema)),
        _ => wrong(),
    }
}
