//! What is asked of backups.

use super::{Call, escape, post};
use crate::api::types::{CheckRequest, CreateBackup, DrillBackup, VerifyBackups};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum BackupRequest {
    Status,
    List,
    Show(String),
    Make,
    Verify,
    Drill(String),
    /// How the stores are kept.
    Store,
    /// Every segment, record and model.
    Check,
    Compact,
}

impl BackupRequest {
    pub(super) fn call(&self) -> Call {
        let get = |path: &str| Call { method: "GET", path: path.to_owned(), body: None };
        match self {
            Self::Status => get("/v1/backup"),
            Self::Store => get("/v1/store"),
            Self::Check => post("/v1/check".to_owned(), &CheckRequest::default()),
            Self::Compact => Call { method: "POST", path: "/v1/compact".to_owned(), body: None },
            Self::List => get("/v1/backups"),
            Self::Show(id) => get(&format!("/v1/backups/{}", escape(id))),
            Self::Make => post("/v1/backups".to_owned(), &CreateBackup::default()),
            Self::Verify => post("/v1/backups/verify".to_owned(), &VerifyBackups::default()),
            Self::Drill(id) => {
                let request = DrillBackup { id: Some(id.clone()), ..DrillBackup::default() };
                post("/v1/backups/drill".to_owned(), &request)
            }
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::Status | Self::List | Self::Show(_) => "read the backups",
            Self::Store => "read how the stores are kept",
            Self::Check => "check the box",
            Self::Compact => "make the stores small",
            Self::Make => "make a backup",
            Self::Verify => "verify the backups",
            Self::Drill(_) => "try a restore",
        }
    }
}
