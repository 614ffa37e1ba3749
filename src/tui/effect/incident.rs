//! What is asked of incidents.

use super::{Call, escape, post};
use crate::api::types::incident::{ChangeIncident, OpenIncident};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IncidentRequest {
    /// Closed ones too?
    List(bool),
    /// By id.
    Show(String),
    Open(Box<OpenIncident>),
    /// By id.
    Change(String, Box<ChangeIncident>),
}

impl IncidentRequest {
    pub(super) fn call(&self) -> Call {
        let get = |path: String| Call { method: "GET", path, body: None };
        match self {
            Self::List(all) => {
                get(format!("/v1/incidents?limit=200{}", if *all { "&state=all" } else { "" }))
            }
            Self::Show(id) => get(format!("/v1/incidents/{}", escape(id))),
            Self::Open(request) => post("/v1/incidents".to_owned(), request),
            Self::Change(id, change) => {
                Call { method: "PATCH", ..post(format!("/v1/incidents/{}", escape(id)), change) }
            }
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::List(_) | Self::Show(_) => "read the incidents",
            Self::Open(_) => "open the incident",
            Self::Change(..) => "change the incident",
        }
    }
}
