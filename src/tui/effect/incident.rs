//! What is asked of incidents.

use super::{AUTO, Call, escape};
use crate::tui::model::{BUDGET_SPAN_S, BUDGET_STEP_S};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IncidentRequest {
    /// Closed ones too?
    List(bool),
    /// Service levels.
    Objectives,
    /// What was left of all budgets, until this second.
    Budgets(u64),
    /// By id.
    Show(String),
}

impl IncidentRequest {
    pub(super) fn call(&self) -> Call {
        let get = |path: String| Call { method: "GET", path, body: None };
        match self {
            Self::List(all) => {
                get(format!("/v1/incidents?limit=200{}", if *all { "&state=all" } else { "" }))
            }
            Self::Objectives => get("/v1/sla".to_owned()),
            Self::Budgets(end_s) => {
                let start_s = end_s.saturating_sub(BUDGET_SPAN_S);
                let query = "spud_slo_budget_ratio";
                get(format!(
                    "/api/v1/query_range?query={query}&start={start_s}&end={end_s}&step={BUDGET_STEP_S}{AUTO}"
                ))
            }
            Self::Show(id) => get(format!("/v1/incidents/{}", escape(id))),
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::List(_) | Self::Show(_) => "read the incidents",
            Self::Objectives | Self::Budgets(_) => "read the service levels",
        }
    }
}
