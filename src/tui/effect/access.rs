//! What is asked about who may do what.

use super::{Call, escape, post};
use crate::api::types::access::GrantRole;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AccessRequest {
    WhoAmI,
    Grants,
    Principals,
    Roles,
    Decisions,
    Sessions,
    /// By id.
    EndSession(String),
    Grant(GrantRole),
    /// By number, with the reason.
    Revoke(String, String),
    /// By number.
    Confirm(String),
}

impl AccessRequest {
    pub(super) fn call(&self) -> Call {
        let get = |path: &str| Call { method: "GET", path: path.to_owned(), body: None };
        match self {
            Self::WhoAmI => get("/v1/whoami"),
            Self::Grants => get("/v1/roles/grants"),
            Self::Principals => get("/v1/principals"),
            Self::Roles => get("/v1/roles"),
            Self::Decisions => get("/v1/decisions"),
            Self::Sessions => get("/v1/sessions"),
            Self::EndSession(id) => {
                Call { method: "DELETE", path: format!("/v1/sessions/{}", escape(id)), body: None }
            }
            Self::Grant(request) => post("/v1/roles/grants".to_owned(), request),
            Self::Revoke(id, reason) => {
                let path = format!("/v1/roles/grants/{}?reason={}", escape(id), escape(reason));
                Call { method: "DELETE", path, body: None }
            }
            Self::Confirm(id) => {
                let path = format!("/v1/roles/grants/{}/confirm", escape(id));
                Call { method: "POST", path, body: None }
            }
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::WhoAmI => "see who you are",
            Self::Grants | Self::Principals | Self::Roles => "read who may do what",
            Self::Decisions => "read the decisions",
            Self::Sessions => "see who is connected",
            Self::EndSession(_) => "end the session",
            Self::Grant(_) => "grant the role",
            Self::Revoke(..) => "revoke the grant",
            Self::Confirm(_) => "confirm the grant",
        }
    }
}
