//! What is asked of traces.

use super::{Call, escape};
use crate::tui::model::TraceKind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TraceRequest {
    List(TraceKind),
    /// By id.
    Show(String),
    /// Failures in groups.
    Errors,
}

impl TraceRequest {
    pub(super) fn call(&self) -> Call {
        let path = match self {
            Self::List(TraceKind::All) => "/v1/traces?limit=200".to_owned(),
            Self::List(kind) => format!("/v1/traces?limit=200&{}=1", kind.name()),
            Self::Show(id) => format!("/v1/traces/{}", escape(id)),
            Self::Errors => "/v1/errors".to_owned(),
        };
        Call { method: "GET", path, body: None }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::List(_) => "list the traces",
            Self::Show(_) => "read the trace",
            Self::Errors => "list the failures",
        }
    }
}
