//! What is asked of probes and targets.

use super::{Call, escape};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProbeRequest {
    List,
    /// Look now, by name.
    Test(String),
}

impl ProbeRequest {
    pub(super) fn call(&self) -> Call {
        match self {
            Self::List => Call { method: "GET", path: "/v1/probes".to_owned(), body: None },
            Self::Test(name) => {
                Call { method: "POST", path: format!("/v1/probes/{}/test", escape(name)), body: None }
            }
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::List => "list the probes",
            Self::Test(_) => "let the probe look",
        }
    }
}
