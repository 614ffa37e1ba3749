//! Changes that wait for votes.

use serde::{Deserialize, Serialize};

/// A request, with everything that happened to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Approval {
    pub id: String,
    /// For `If-Match`: another one after everything that happens to it.
    pub etag: String,
    /// `pending`, `approved`, `rejected`, `withdrawn` or `expired`.
    pub state: String,
    /// Kind of what is changed, such as `role`.
    pub kind: String,
    pub subject: String,
    /// What would be done, in a sentence.
    pub title: String,
    /// SHA-256 of what would be there.
    pub digest: String,
    /// `low`, `medium`, `high` or `critical`.
    pub impact: String,
    pub by: String,
    pub login: Option<String>,
    pub reason: String,
    /// What would be different, line by line.
    pub diff: String,
    /// Votes that it has, and that it needs.
    pub votes: u32,
    pub votes_needed: u32,
    /// A vote for it must be signed.
    pub signature_needed: bool,
    /// Whose votes count.
    pub roles: Vec<String>,
    pub at_ms: u64,
    pub expires_ms: u64,
    pub history: Vec<ApprovalEvent>,
    /// Of a model: its gates as they were measured last.
    pub gates: Vec<Gate>,
}

/// One thing that happened to a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalEvent {
    pub at_ms: u64,
    pub by: String,
    pub login: Option<String>,
    /// `submitted`, `approved`, `rejected`, `commented`, `delegated`, `withdrawn` or `expired`.
    pub act: String,
    /// To whom a vote was given, or whose vote a delegate cast.
    pub whom: Option<String>,
    pub text: String,
    /// Of a signed vote: fingerprint of the SSH key.
    pub signed: Option<String>,
}

/// A condition of a promotion.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    pub name: String,
    /// `passed`, `failed`, `not measured` or `not configured`.
    pub state: String,
    /// With its figures.
    pub what: String,
}

/// Which requests are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalQuery {
    /// Absent: those that wait; `all` for all.
    pub state: Option<String>,
    pub kind: Option<String>,
    pub cursor: Option<String>,
    pub limit: usize,
}

/// A vote, a comment, a withdrawal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalWord {
    pub reason: String,
    /// As `If-Match`, for those who send no headers.
    pub etag: Option<String>,
    /// Of a vote: what `ssh-keygen -Y sign` wrote over its document.
    pub signature: Option<String>,
}

/// A permission in an emergency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakGlass {
    pub permission: String,
    pub reason: String,
    /// Seconds from the vote on: at most four hours; absent, a quarter of an hour.
    pub ttl_s: Option<u64>,
}

/// Which vote is to be signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignVote {
    /// `approve` or `reject`.
    pub decision: String,
}

/// What a voter signs: `ssh-keygen -Y sign -n NAMESPACE -f KEY FILE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalDocument {
    /// Signed byte by byte as it stands.
    pub document: String,
    pub namespace: String,
    pub decision: String,
    pub expires_ms: u64,
}

/// A vote with its signature: enough to verify it elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignedVote {
    pub approval: String,
    pub voter: String,
    pub decision: String,
    pub at_ms: u64,
    pub document: String,
    pub signature: String,
    /// The public key as OpenSSH writes it.
    pub key: String,
    pub fingerprint: String,
    pub namespace: String,
}

impl SignedVote {
    /// Name of the file of its document; the signature lies in that name with `.sig`. No two people share one: a colon,
    /// which only users of the box have, becomes a dash, and a dash two.
    #[must_use]
    pub fn file(&self) -> String {
        let mut name = format!("approval-{}-", self.approval);
        for letter in self.voter.chars() {
            match letter {
                '-' => name.push_str("--"),
                '.' | '_' => name.push(letter),
                letter if letter.is_ascii_alphanumeric() => name.push(letter),
                _ => name.push('-'),
            }
        }
        name
    }

    /// Whose key it is, as `ssh-keygen` reads it.
    #[must_use]
    pub fn allowed_signer(&self) -> String {
        format!("{} namespaces=\"{}\" {}\n", self.voter, self.namespace, self.key)
    }
}

/// One's vote for somebody else to cast.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DelegateVote {
    /// `uid:1001`, or a login.
    pub to: String,
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_people_do_not_share_a_file() {
        let file = |voter: &str| {
            SignedVote { approval: "7".into(), voter: voter.into(), ..SignedVote::default() }.file()
        };
        assert_eq!(file("uid:2001"), "approval-7-uid-2001");
        let names = ["uid:2001", "uid-2001", "uid.2001", "uid_2001", "uid--2001"];
        let files: std::collections::BTreeSet<String> = names.map(file).into();
        assert_eq!(files.len(), names.len(), "{files:?}");
        assert!(files.iter().all(|name| !name.contains(['/', ':', ' '])));
    }
}
