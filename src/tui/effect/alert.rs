//! What is asked of alerts.

use super::{Call, escape, post, with_query};
use crate::api::types::{AcknowledgeAlert, SilenceAlerts};
use crate::tui::model::Side;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AlertRequest {
    /// Grouped by this label; empty: as they are told.
    List(&'static str),
    /// What receivers were told.
    Notices,
    Side(Side),
    /// A notice for the receiver of this name, to see whether it arrives.
    Test(String),
    /// By id, with the reason.
    Acknowledge(String, String),
    Silence(SilenceAlerts),
    /// By id of the silence.
    Unsilence(String),
}

impl AlertRequest {
    pub(super) fn call(&self) -> Call {
        match self {
            Self::List(label) => {
                let by = (!label.is_empty()).then(|| (*label).to_owned());
                Call { method: "GET", path: with_query("/v1/alerts", &[("group_by", by)]), body: None }
            }
            Self::Notices => Call { method: "GET", path: "/v1/notifications".to_owned(), body: None },
            Self::Side(side) => {
                let path = match side {
                    Side::Receivers => "/v1/notifications/receivers",
                    Side::Silences => "/v1/alerts/silences",
                    Side::Rules => "/v1/alerts/rules",
                };
                Call { method: "GET", path: path.to_owned(), body: None }
            }
            Self::Test(name) => {
                let path = format!("/v1/notifications/receivers/{}/test", escape(name));
                Call { method: "POST", path, body: None }
            }
            Self::Acknowledge(id, reason) => {
                post(format!("/v1/alerts/{}/ack", escape(id)), &AcknowledgeAlert { reason: reason.clone() })
            }
            Self::Silence(request) => post("/v1/alerts/silences".to_owned(), request),
            Self::Unsilence(id) => {
                let path = format!("/v1/alerts/silences/{}", escape(id));
                Call { method: "DELETE", path, body: None }
            }
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::List(_) => "list the alerts",
            Self::Notices => "list the notifications",
            Self::Side(Side::Receivers) => "list the receivers",
            Self::Side(Side::Silences) => "list the silences",
            Self::Side(Side::Rules) => "list the rules",
            Self::Test(_) => "send the test",
            Self::Acknowledge(..) => "acknowledge the alert",
            Self::Silence(_) => "silence the alert",
            Self::Unsilence(_) => "end the silence",
        }
    }
}
