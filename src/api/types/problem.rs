//! What a refusal says.

use serde::{Deserialize, Serialize};

/// RFC 9457 problem document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Stable, such as `urn:spud:problem:not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    /// What the user can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The request id, as in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Seconds after which asking again makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Of what waits for votes (202): the request that was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Of a denial: the policies that forbid it; none where nothing permits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Of a denial: the permission that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Of a denial: SHA-256 of the policies that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
