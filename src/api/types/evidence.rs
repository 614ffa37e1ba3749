//! Evidence: entries of the audit log as signed statements that others verify.

use serde::{Deserialize, Serialize};

/// An entry that is evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The sequence of the entry.
    pub id: String,
    pub at_ms: u64,
    /// approval, gate, deployment, incident or review.
    pub topic: String,
    /// As the audit log names it: `approval.approved`.
    pub what: String,
    pub by: String,
    pub subject_kind: String,
    pub subject: String,
}

/// One piece of evidence with everything that proves it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvidenceDetail {
    pub evidence: Evidence,
    /// An in-toto Statement v1, as it is signed.
    pub statement: String,
    /// The statement in a DSSE envelope, signed by the box.
    pub envelope: String,
    /// The leaf of the log that it is made of.
    pub leaf: String,
    /// Entries of the checkpoint that covers it; absent where none does yet.
    pub size: Option<u64>,
    /// Proof that the leaf is among them, from the leaf up; base 64.
    pub hashes: Vec<String>,
    /// The signed note of that size, where there is one.
    pub checkpoint: Option<String>,
    /// The public key of the box in two forms.
    pub key_pem: String,
    pub key_openssh: String,
    /// Of a vote that was signed: what was signed, by which key.
    pub vote: Option<super::approval::SignedVote>,
}

/// Which evidence, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceQuery {
    pub topic: Option<String>,
    /// Kind or id of the subject, or `kind:id`.
    pub subject: Option<String>,
    pub from_ms: Option<u64>,
    /// Before this time.
    pub to_ms: Option<u64>,
    /// From the previous page's `next`; also, a size of the log.
    pub cursor: Option<String>,
    /// 1..=1000; 0 means 100.
    pub limit: usize,
}

/// What is so of an envelope that somebody brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvidenceVerdict {
    pub ok: bool,
    pub payload_type: String,
    pub statement: String,
    /// Keys that signed, of those that were given, in the form of OpenSSH.
    pub signers: Vec<String>,
    pub needed: usize,
    /// Signatures that the envelope carries.
    pub signatures: usize,
}
