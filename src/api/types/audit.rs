//! The words of the audit log.
//!
//! Hashes that stand in entries are hexadecimal, those of trees and proofs base 64, as signed notes have them.

use serde::{Deserialize, Serialize};

/// One entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditEntry {
    /// From 0 on, without gaps.
    pub seq: String,
    pub at_ms: u64,
    /// With dots: `mode.forced`.
    pub kind: String,
    /// `uid:1000`, a principal, or `box`.
    pub actor: String,
    pub subject_kind: String,
    pub subject: String,
    /// begun, done, denied, failed.
    pub outcome: String,
    /// SHA-256 of what was there before and after, where there is such a thing.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Mode of the box.
    pub mode: String,
    /// As the log file names the request.
    pub request: String,
    /// Digest of the set of policies that decided.
    pub policy: Option<String>,
    /// The entry that this one tells the outcome of.
    pub of: Option<String>,
    pub texts: Vec<AuditText>,
    /// The leaf of the tree, byte by byte: canonical JSON.
    pub leaf: String,
    /// Base 64.
    pub leaf_hash: String,
}

impl AuditEntry {
    /// Kind and id of the subject on one line.
    #[must_use]
    pub fn subject_words(&self) -> String {
        let words = format!("{} {}", self.subject_kind, self.subject);
        words.trim().to_owned()
    }

    /// The first text that is still there: a reason, a path.
    #[must_use]
    pub fn text_words(&self) -> String {
        let shown = self.texts.iter().map(|text| match &text.text {
            Some(said) => said.replace('\n', ", "),
            None => format!("({} erased)", text.name),
        });
        shown.collect::<Vec<_>>().join("; ")
    }
}

/// What a person wrote, beside the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditText {
    /// reason, path, error, ...
    pub name: String,
    /// SHA-256 over salt and text, as the leaf has it.
    pub sha256: String,
    /// Hexadecimal; absent where it was erased.
    pub salt: Option<String>,
    /// Absent where it was erased.
    pub text: Option<String>,
}

/// Which entries: newest first, or all from a number on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditQuery {
    /// A kind, or its first words: `mode` finds `mode.forced`.
    pub kind: Option<String>,
    pub actor: Option<String>,
    /// Kind or id of the subject, or `kind:id`.
    pub subject: Option<String>,
    pub since_ms: Option<u64>,
    /// Before this time.
    pub until_ms: Option<u64>,
    pub outcome: Option<String>,
    /// In any part of the entry.
    pub text: Option<String>,
    /// From the previous page's `next`.
    pub cursor: Option<String>,
    /// 1..=1000; 0 means 100.
    pub limit: usize,
    /// Oldest first; then nothing is left out, and no filter holds.
    pub oldest_first: bool,
}

/// The log as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditStatus {
    /// Count of entries.
    pub size: u64,
    /// Base 64.
    pub root: String,
    /// How the log calls itself; absent before its first checkpoint.
    pub origin: Option<String>,
    /// Public key that signs now, as `NAME+ID+KEY`.
    pub key: Option<String>,
    /// The newest checkpoint.
    pub checkpoint: Option<AuditCheckpoint>,
    /// Entries that no checkpoint covers yet.
    pub unsigned: u64,
    /// Entries that nobody else has signed for.
    pub unanchored: u64,
    pub anchored: Option<AuditAnchor>,
    /// Public keys whose cosignatures are believed.
    pub cosigners: Vec<String>,
}

/// A signed tree head.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditCheckpoint {
    pub size: u64,
    pub at_ms: u64,
    /// The signed note.
    pub note: String,
    pub cosigned: Vec<AuditAnchor>,
}

/// Who saw a checkpoint, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditAnchor {
    pub size: u64,
    pub at_ms: u64,
    pub name: String,
}

/// Proof that an entry is in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditInclusion {
    pub seq: String,
    pub size: u64,
    pub root: String,
    pub leaf: String,
    pub leaf_hash: String,
    /// From the leaf up.
    pub hashes: Vec<String>,
    /// The checkpoint of this size, where there is one.
    pub checkpoint: Option<String>,
    /// All of it as C2SP tlog-proof, where there is a checkpoint.
    pub proof: Option<String>,
}

/// Proof that a log is the beginning of a longer one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditConsistency {
    pub from: u64,
    pub from_root: String,
    pub size: u64,
    pub root: String,
    pub hashes: Vec<String>,
    /// Checkpoints of the two sizes, where there are some.
    pub from_checkpoint: Option<String>,
    pub checkpoint: Option<String>,
}

/// What a look at the whole log found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditVerdict {
    pub ok: bool,
    pub size: u64,
    pub root: String,
    pub nodes: u64,
    pub checkpoints: u64,
    /// Entries with texts, and those of them that were erased.
    pub with_texts: u64,
    pub erased: u64,
    pub unanchored: u64,
    pub problems: Vec<String>,
    /// Size of the checkpoint that was given, where it holds.
    pub holds_since: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyAudit {
    /// A checkpoint that was kept elsewhere: the log must begin as it says.
    pub checkpoint: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EraseAudit {
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnchorAudit {
    /// A checkpoint with cosignatures.
    pub note: String,
    /// Public keys that are believed from now on.
    pub cosigners: Vec<String>,
}

/// The files of the log in the C2SP layout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditTiles {
    /// That of a checkpoint.
    pub size: u64,
    /// The checkpoint itself.
    pub checkpoint: String,
    pub paths: Vec<String>,
    pub next: Option<String>,
}
