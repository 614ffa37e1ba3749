//! `/v1/alerts`, their rules, silences and acknowledgement.

use axum::Json;
use axum::http::StatusCode;

use super::{Route, delete, get, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{
    AcknowledgeAlert, Alert, AlertRules, AlertSilence, Notification, NotificationStatus, Page, SilenceAlerts,
};
use crate::engine::{Action, AlertAction, AlertQuery, AlertReply, Reply};

pub(super) static ROUTES: [Route; 10] = [
    Route::new("GET", "/v1/alerts", "Alerts: firing, pending, and lately resolved", || get(list))
        .query(&["group_by", "matcher"])
        .reply(200, "PageOfAlert"),
    Route::new("GET", "/v1/alerts/rules", "Every rule with its state, and files that cannot be read", || {
        get(rules)
    })
    .reply(200, "AlertRules"),
    Route::new("GET", "/v1/alerts/silences", "Silences that hold", || get(silences))
        .reply(200, "PageOfAlertSilence"),
    Route::new("POST", "/v1/alerts/silences", "Alerts that match are not told for a time", || post(silence))
        .once()
        .body("SilenceAlerts")
        .reply(200, "AlertSilence"),
    Route::new("DELETE", "/v1/alerts/silences/{id}", "End a silence", || delete(unsilence))
        .reply(200, "AlertSilence"),
    Route::new("GET", "/v1/alerts/{id}", "One alert, by id or by a name that only one has", || get(show))
        .reply(200, "Alert"),
    Route::new("POST", "/v1/alerts/{id}/ack", "Say that somebody has seen it", || post(acknowledge))
        .body("AcknowledgeAlert")
        .reply(200, "Alert"),
    Route::new("GET", "/v1/notifications", "What receivers were told of alerts, newest first", || {
        get(notices)
    })
    .reply(200, "PageOfNotification"),
    Route::new("GET", "/v1/notifications/receivers", "Who is told of alerts", || get(receivers))
        .reply(200, "NotificationStatus"),
    Route::new(
        "POST",
        "/v1/notifications/receivers/{name}/test",
        "Send a notice to see whether it arrives",
        || post(test),
    )
    .reply(202, "Notification"),
];

async fn ask(call: &Call, action: AlertAction) -> Result<AlertReply, Fault> {
    match call.ask(Action::Alert(action)).await? {
        Reply::Alert(reply) => Ok(reply),
        other => unexpected(&other),
    }
}

fn wrong<T>(reply: AlertReply) -> Result<T, Fault> {
    unexpected(&Reply::Alert(reply))
}

async fn list(mut call: Call) -> Result<Json<Page<Alert>>, Fault> {
    let mut params = call.query();
    let given = params.all("group_by").into_iter();
    let group_by = given.flat_map(|all| all.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>());
    let group_by = group_by.filter(|one| !one.is_empty()).collect();
    let query = AlertQuery { group_by, matchers: params.all("matcher") };
    params.finish()?;
    match ask(&call, AlertAction::List(query)).await? {
        AlertReply::Alerts(items) => Ok(Json(Page { items, next: None })),
        other => wrong(other),
    }
}

async fn rules(mut call: Call) -> Result<Json<AlertRules>, Fault> {
    call.query().finish()?;
    match ask(&call, AlertAction::Rules).await? {
        AlertReply::Rules(rules) => Ok(Json(*rules)),
        other => wrong(other),
    }
}

async fn silences(mut call: Call) -> Result<Json<Page<AlertSilence>>, Fault> {
    call.query().finish()?;
    match ask(&call, AlertAction::Silences).await? {
        AlertReply::Silences(items) => Ok(Json(Page { items, next: None })),
        other => wrong(other),
    }
}

async fn silence(call: Call) -> Result<Json<AlertSilence>, Fault> {
    let request: SilenceAlerts = call.json()?;
    one_silence(&call, AlertAction::Silence(request)).await
}

async fn unsilence(mut call: Call) -> Result<Json<AlertSilence>, Fault> {
    call.query().finish()?;
    let id = call.param("id");
    one_silence(&call, AlertAction::Unsilence(id)).await
}

async fn one_silence(call: &Call, action: AlertAction) -> Result<Json<AlertSilence>, Fault> {
    match ask(call, action).await? {
        AlertReply::Silence(silence) => Ok(Json(silence)),
        other => wrong(other),
    }
}

async fn notices(mut call: Call) -> Result<Json<Page<Notification>>, Fault> {
    call.query().finish()?;
    match ask(&call, AlertAction::Notices).await? {
        AlertReply::Notices(items) => Ok(Json(Page { items, next: None })),
        other => wrong(other),
    }
}

async fn receivers(mut call: Call) -> Result<Json<NotificationStatus>, Fault> {
    call.query().finish()?;
    match ask(&call, AlertAction::Receivers).await? {
        AlertReply::Receivers(status) => Ok(Json(*status)),
        other => wrong(other),
    }
}

async fn test(mut call: Call) -> Result<(StatusCode, Json<Notification>), Fault> {
    call.query().finish()?;
    let name = call.param("name");
    match ask(&call, AlertAction::TestReceiver(name)).await? {
        AlertReply::Notice(notice) => Ok((StatusCode::ACCEPTED, Json(notice))),
        other => wrong(other),
    }
}

async fn show(mut call: Call) -> Result<Json<Alert>, Fault> {
    call.query().finish()?;
    let id = call.param("id");
    one(&call, AlertAction::Show(id)).await
}

async fn acknowledge(call: Call) -> Result<Json<Alert>, Fault> {
    let request: AcknowledgeAlert = call.json()?;
    let id = call.param("id");
    one(&call, AlertAction::Acknowledge { id, request }).await
}

async fn one(call: &Call, action: AlertAction) -> Result<Json<Alert>, Fault> {
    match ask(call, action).await? {
        AlertReply::Alert(alert) => Ok(Json(*alert)),
        other => wrong(other),
    }
}
