//! `/v1/store`: encryption at rest.

use axum::Json;

use super::{Route, get, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{EncryptStore, RotateStore, StoreReport};
use crate::engine::{Action, Reply};

pub(super) static ROUTES: [Route; 4] = [
    Route::new("GET", "/v1/store", "How the stores are kept: encrypted, with which key, how far", || {
        get(show)
    })
    .reply(200, "StoreReport"),
    Route::new("POST", "/v1/store/encrypt", "Encrypt this box, in the background", || post(encrypt))
        .body("EncryptStore")
        .reply(200, "StoreReport"),
    Route::new(
        "POST",
        "/v1/store/rotate",
        "A new data key, in the background, or only another wrapping key, at once",
        || post(rotate),
    )
    .body("RotateStore")
    .reply(200, "StoreReport"),
    Route::new("POST", "/v1/store/decrypt", "Decrypt this box, in the background", || post(decrypt))
        .reply(200, "StoreReport"),
];

async fn show(mut call: Call) -> Result<Json<StoreReport>, Fault> {
    call.query().finish()?;
    report(&call, Action::Store).await
}

async fn encrypt(mut call: Call) -> Result<Json<StoreReport>, Fault> {
    call.query().finish()?;
    let request: EncryptStore = call.json()?;
    report(&call, Action::EncryptStore(request)).await
}

async fn rotate(mut call: Call) -> Result<Json<StoreReport>, Fault> {
    call.query().finish()?;
    let request: RotateStore = call.json_or_default()?;
    report(&call, Action::RotateStore(request)).await
}

async fn decrypt(mut call: Call) -> Result<Json<StoreReport>, Fault> {
    call.query().finish()?;
    report(&call, Action::DecryptStore).await
}

async fn report(call: &Call, action: Action) -> Result<Json<StoreReport>, Fault> {
    match call.ask(action).await? {
        Reply::Store(report) => Ok(Json(*report)),
        other => unexpected(&other),
    }
}
