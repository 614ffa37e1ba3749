//! What is asked about who may do what.

use super::Call;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessRequest {
    WhoAmI,
    Grants,
    Principals,
    Roles,
    Policies,
    Decisions,
    Sessions,
    Reviews,
}

impl AccessRequest {
    pub(super) fn call(&self) -> Call {
        let get = |path: &str| Call { method: "GET", path: path.to_owned(), body: None };
        match self {
            Self::WhoAmI => get("/v1/whoami"),
            Self::Grants => get("/v1/roles/grants"),
            Self::Principals => get("/v1/principals"),
            Self::Roles => get("/v1/roles"),
            Self::Policies => get("/v1/policies"),
            Self::Decisions => get("/v1/decisions"),
            Self::Sessions => get("/v1/sessions"),
            Self::Reviews => get("/v1/access/reviews"),
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::WhoAmI => "see who you are",
            Self::Grants | Self::Principals | Self::Roles | Self::Reviews => "read who may do what",
            Self::Policies => "read the policies",
            Self::Decisions => "read the decisions",
            Self::Sessions => "see who is connected",
        }
    }
}
