//! `/v1/backups`, `/v1/backup` (status, schedule, runs) and `/v1/compact`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Route, delete, get, post, put};
use crate::api::call::{Call, Made, unexpected, value};
use crate::api::fault::Fault;
use crate::api::types::{
    Backup, BackupDetail, BackupRun, BackupSchedule, BackupStatus, CompactReport, CreateBackup, DrillBackup,
    Page, PruneBackups, RestoreBackup, VerifyBackups,
};
use crate::engine::{Action, BackupWork, Reply};

pub(super) static ROUTES: [Route; 12] = [
    Route::new("GET", "/v1/backup", "Schedule, last good backup, last drill, newest runs", || get(status))
        .reply(200, "BackupStatus"),
    Route::new("PUT", "/v1/backup/schedule", "When backups are made, and which stay", || put(schedule))
        .body("BackupSchedule")
        .reply(200, "BackupStatus"),
    Route::new("DELETE", "/v1/backup/schedule", "Make no backups by schedule", || delete(unschedule))
        .reply(200, "BackupStatus"),
    Route::new("GET", "/v1/backup/runs/{id}", "Work on backups: under way, or done", || get(run))
        .reply(200, "BackupRun"),
    Route::new("GET", "/v1/backups", "Backups of a repository, newest first", || get(list))
        .query(&["from"])
        .reply(200, "PageOfBackup"),
    Route::new("POST", "/v1/backups", "Make a backup, without stopping anything", || post(create))
        .once()
        .body("CreateBackup")
        .reply(202, "BackupRun"),
    Route::new("GET", "/v1/backups/{id}", "A backup with what it holds; `latest` is one", || get(show))
        .query(&["from"])
        .reply(200, "BackupDetail"),
    Route::new("POST", "/v1/backups/verify", "Read every piece that backups name", || post(verify))
        .once()
        .body("VerifyBackups")
        .reply(202, "BackupRun"),
    Route::new("POST", "/v1/backups/prune", "Remove backups that retention does not keep", || post(prune))
        .once()
        .body("PruneBackups")
        .reply(202, "BackupRun"),
    Route::new("POST", "/v1/backups/drill", "Try a restore in a scratch folder", || post(drill))
        .once()
        .body("DrillBackup")
        .reply(202, "BackupRun"),
    Route::new(
        "POST",
        "/v1/backups/{id}/restore",
        "Put a backup in the place of this box, at its next start",
        || post(restore),
    )
    .once()
    .body("RestoreBackup")
    .reply(202, "BackupRun"),
    Route::new("POST", "/v1/compact", "Make the stores as small as they can be", || post(compact))
        .reply(200, "CompactReport")
        .long(),
];

async fn status(mut call: Call) -> Result<Json<BackupStatus>, Fault> {
    call.query().finish()?;
    as_status(&call, Action::BackupStatus).await
}

async fn schedule(mut call: Call) -> Result<Json<BackupStatus>, Fault> {
    call.query().finish()?;
    let schedule: BackupSchedule = call.json()?;
    as_status(&call, Action::ScheduleBackups(Some(schedule))).await
}

async fn unschedule(mut call: Call) -> Result<Json<BackupStatus>, Fault> {
    call.query().finish()?;
    as_status(&call, Action::ScheduleBackups(None)).await
}

async fn as_status(call: &Call, action: Action) -> Result<Json<BackupStatus>, Fault> {
    match call.ask(action).await? {
        Reply::BackupStatus(status) => Ok(Json(*status)),
        other => unexpected(&other),
    }
}

async fn run(mut call: Call) -> Result<Json<BackupRun>, Fault> {
    call.query().finish()?;
    match call.ask(Action::BackupRun(call.param("id"))).await? {
        Reply::BackupRun(run) => Ok(Json(*run)),
        other => unexpected(&other),
    }
}

async fn list(mut call: Call) -> Result<Json<Page<Backup>>, Fault> {
    let mut query = call.query();
    let from = query.one("from");
    query.finish()?;
    match call.ask(Action::Backups(from)).await? {
        Reply::Backups(page) => Ok(Json(page)),
        other => unexpected(&other),
    }
}

async fn show(mut call: Call) -> Result<Json<BackupDetail>, Fault> {
    let mut query = call.query();
    let from = query.one("from");
    query.finish()?;
    match call.ask(Action::Backup { from, id: call.param("id") }).await? {
        Reply::Backup(detail) => Ok(Json(*detail)),
        other => unexpected(&other),
    }
}

async fn create(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: CreateBackup = call.json_or_default()?;
    begin(&call, BackupWork::Create(request.to)).await
}

async fn verify(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let VerifyBackups { from, id, repair } = call.json_or_default()?;
    begin(&call, BackupWork::Verify { from, id, repair }).await
}

async fn prune(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let request: PruneBackups = call.json_or_default()?;
    begin(&call, BackupWork::Prune(request)).await
}

async fn drill(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let DrillBackup { from, id } = call.json_or_default()?;
    begin(&call, BackupWork::Drill { from, id }).await
}

async fn restore(mut call: Call) -> Result<Response, Fault> {
    call.query().finish()?;
    let RestoreBackup { from, force, key, reason } = call.json_or_default()?;
    begin(&call, BackupWork::Restore { from, id: call.param("id"), force, key, reason }).await
}

async fn begin(call: &Call, work: BackupWork) -> Result<Response, Fault> {
    call.create(Action::BeginBackupWork(work), |reply| match reply {
        Reply::BackupRun(run) => Ok(Made {
            status: StatusCode::ACCEPTED,
            location: Some(format!("/v1/backup/runs/{}", run.id)),
            body: value(&run)?,
        }),
        other => unexpected(&other),
    })
    .await
}

async fn compact(mut call: Call) -> Result<Json<CompactReport>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Compact).await? {
        Reply::Compacted(report) => Ok(Json(report)),
        other => unexpected(&other),
    }
}
