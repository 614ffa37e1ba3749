//! What is asked of the audit log.

use super::{Call, escape, post, with_query};
use crate::api::types::VerifyAudit;

/// Entries of one page.
const PAGE: usize = 200;
/// Words before a colon that are fields.
const FIELDS: [&str; 4] = ["kind", "actor", "subject", "outcome"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuditRequest {
    Status,
    /// What was typed as filter, and where the page begins.
    List {
        filter: String,
        cursor: Option<String>,
    },
    /// By sequence.
    Show(String),
    Verify,
    /// Sign the log as it stands.
    Checkpoint,
    /// Evidence about what is named so: `approval:7`.
    Evidence(String),
    /// How the controls of frameworks stand.
    Compliance,
    /// Rules that look through it.
    Rules,
    /// The signed statement of an entry, by sequence.
    Statement(String),
}

impl AuditRequest {
    pub(super) fn call(&self) -> Call {
        let get = |path: String| Call { method: "GET", path, body: None };
        match self {
            Self::Status => get("/v1/audit".to_owned()),
            Self::List { filter, cursor } => {
                let mut pairs = fields(filter);
                pairs.push(("cursor", cursor.clone()));
                pairs.push(("limit", Some(PAGE.to_string())));
                get(with_query("/v1/audit/entries", &pairs))
            }
            Self::Show(seq) => get(format!("/v1/audit/entries/{}", escape(seq))),
            Self::Verify => post("/v1/audit/verify".to_owned(), &VerifyAudit::default()),
            Self::Evidence(subject) => get(with_query("/v1/evidence", &[("subject", Some(subject.clone()))])),
            Self::Compliance => get("/v1/compliance".to_owned()),
            Self::Rules => get("/v1/violations/rules".to_owned()),
            Self::Statement(seq) => get(format!("/v1/evidence/{}", escape(seq))),
            Self::Checkpoint => Call { method: "POST", path: "/v1/audit/checkpoints".to_owned(), body: None },
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::Status | Self::List { .. } | Self::Show(_) => "read the audit log",
            Self::Verify => "verify the audit log",
            Self::Evidence(_) | Self::Statement(_) | Self::Compliance => "read the evidence",
            Self::Rules => "read the rules",
            Self::Checkpoint => "sign the audit log",
        }
    }
}

/// `kind:mode actor:uid:0 some words`: fields by name, everything else together is text.
fn fields(filter: &str) -> Vec<(&'static str, Option<String>)> {
    let mut words = Vec::new();
    let mut pairs = Vec::new();
    for word in filter.split_whitespace() {
        let field = word.split_once(':').filter(|(_, value)| !value.is_empty());
        let known = field.and_then(|(name, value)| {
            FIELDS.into_iter().find(|field| *field == name).map(|field| (field, Some(value.to_owned())))
        });
        match known {
            Some(pair) => pairs.push(pair),
            None => words.push(word),
        }
    }
    pairs.push(("text", Some(words.join(" ")).filter(|text| !text.is_empty())));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_a_query() {
        let path = |filter: &str| {
            AuditRequest::List { filter: filter.to_owned(), cursor: Some("7".into()) }.call().path
        };
        assert_eq!(path(""), "/v1/audit/entries?cursor=7&limit=200");
        assert_eq!(
            path("kind:mode actor:uid:0 disk  full x:y"),
            "/v1/audit/entries?kind=mode&actor=uid%3A0&text=disk%20full%20x%3Ay&cursor=7&limit=200"
        );
    }
}
