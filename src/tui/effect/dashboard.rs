//! What is asked of dashboards, and for panels that show no metrics.

use super::{Call, escape, post, with_query};
use crate::api::types::dashboard::WriteDashboard;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DashboardRequest {
    List,
    Save(String, WriteDashboard),
    /// By name.
    Remove(String),
    /// What stands in a panel that asks no metrics.
    Rows(RowsRequest),
}

/// Lines of a log, or alerts, for a panel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RowsRequest {
    pub(crate) serial: u64,
    pub(crate) panel: usize,
    /// Else it is alerts.
    pub(crate) log: bool,
    pub(crate) level: Option<String>,
    pub(crate) contains: Option<String>,
    pub(crate) matchers: Vec<String>,
    pub(crate) most: usize,
}

impl DashboardRequest {
    pub(super) fn call(&self) -> Call {
        let path = |name: &str| format!("/v1/dashboards/{}", escape(name));
        let get = |path: String| Call { method: "GET", path, body: None };
        match self {
            Self::List => get("/v1/dashboards".to_owned()),
            Self::Save(name, request) => Call { method: "PUT", ..post(path(name), request) },
            Self::Remove(name) => Call { method: "DELETE", path: path(name), body: None },
            Self::Rows(rows) if rows.log => get(with_query(
                "/v1/logs",
                &[
                    ("level", rows.level.clone()),
                    ("contains", rows.contains.clone()),
                    ("n", Some(rows.most.to_string())),
                ],
            )),
            Self::Rows(rows) => {
                let pairs: Vec<_> = rows.matchers.iter().map(|one| ("matcher", Some(one.clone()))).collect();
                get(with_query("/v1/alerts", &pairs))
            }
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::List => "list the dashboards",
            Self::Save(..) => "save the dashboard",
            Self::Remove(_) => "remove the dashboard",
            Self::Rows(_) => "fill the panel",
        }
    }
}
