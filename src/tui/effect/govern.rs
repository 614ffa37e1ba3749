//! What is asked of requests for votes, of models, use cases and judged questions.

use super::{Call, escape, with_query};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GovernRequest {
    /// State and kind that were typed as filter.
    Approvals(Option<String>, Option<String>),
    /// By id.
    Approval(String),
    UseCases,
    Models,
    /// By SHA-256.
    ModelHistory(String),
    /// What answers which questions.
    Judged,
    /// Two models, by SHA-256.
    Compare(String, String),
    /// The last two of a use case.
    CompareRevisions(String),
}

impl GovernRequest {
    pub(super) fn call(&self) -> Call {
        let path = match self {
            Self::Approvals(state, kind) => {
                let pairs =
                    [("state", state.clone()), ("kind", kind.clone()), ("limit", Some("200".to_owned()))];
                with_query("/v1/approvals", &pairs)
            }
            Self::Approval(id) => format!("/v1/approvals/{}", escape(id)),
            Self::UseCases => "/v1/use-cases".to_owned(),
            Self::Models => "/v1/registry".to_owned(),
            Self::ModelHistory(sha256) => {
                with_query("/v1/registry/history", &[("model", Some(sha256.clone()))])
            }
            Self::Judged => "/v1/judgements".to_owned(),
            Self::Compare(a, b) => {
                with_query("/v1/registry/compare", &[("a", Some(a.clone())), ("b", Some(b.clone()))])
            }
            Self::CompareRevisions(name) => format!("/v1/use-cases/{}/compare", escape(name)),
        };
        Call { method: "GET", path, body: None }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::Approvals(..) | Self::Approval(_) => "read the requests",
            Self::UseCases | Self::CompareRevisions(_) => "read the use cases",
            Self::Judged => "read the judged questions",
            Self::Models | Self::ModelHistory(_) | Self::Compare(..) => "read the models",
        }
    }
}
