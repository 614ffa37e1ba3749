//! The log in the words of the API.

use crate::api::types::evidence::Evidence;
use crate::api::types::{AuditAnchor, AuditCheckpoint, AuditEntry, AuditText};
use crate::audit::{Anchored, Checkpoint, Found, Leaf, Topic, leaf_hash};
use crate::base::{to_base64, to_hex};

pub(super) fn entry(found: &Found) -> AuditEntry {
    let leaf = &found.leaf;
    let texts = leaf.texts.iter().map(|(name, hash)| {
        let kept = found.texts.iter().find(|text| text.name == *name);
        AuditText {
            name: name.clone(),
            sha256: to_hex(hash),
            salt: kept.map(|text| to_hex(&text.salt)),
            text: kept.map(|text| text.text.clone()),
        }
    });
    AuditEntry {
        seq: leaf.sequence.to_string(),
        at_ms: leaf.at_ms,
        kind: leaf.kind.clone(),
        actor: leaf.actor.clone(),
        subject_kind: leaf.subject.0.clone(),
        subject: leaf.subject.1.clone(),
        outcome: leaf.outcome.name().to_owned(),
        before: leaf.before.map(|hash| to_hex(&hash)),
        after: leaf.after.map(|hash| to_hex(&hash)),
        mode: leaf.mode.clone(),
        request: leaf.request.clone(),
        policy: leaf.policy.map(|hash| to_hex(&hash)),
        of: leaf.of.map(|sequence| sequence.to_string()),
        texts: texts.collect(),
        leaf: found.json.clone(),
        leaf_hash: to_base64(&leaf_hash(found.json.as_bytes())),
    }
}

pub(super) fn checkpoint(made: &Checkpoint) -> AuditCheckpoint {
    let cosigned = made.cosigned.iter().map(|(name, time_s)| AuditAnchor {
        size: made.size,
        at_ms: time_s.saturating_mul(1000),
        name: name.clone(),
    });
    AuditCheckpoint {
        size: made.size,
        at_ms: made.at_ms,
        note: made.note.clone(),
        cosigned: cosigned.collect(),
    }
}

pub(super) fn anchored(anchored: &Anchored) -> AuditAnchor {
    let Anchored { size, time_s, name } = anchored.clone();
    AuditAnchor { size, at_ms: time_s.saturating_mul(1000), name }
}

/// `None` where the entry is no evidence.
pub(super) fn evidence(leaf: &Leaf) -> Option<Evidence> {
    Some(Evidence {
        id: leaf.sequence.to_string(),
        at_ms: leaf.at_ms,
        topic: Topic::of(leaf)?.name().to_owned(),
        what: leaf.kind.clone(),
        by: leaf.actor.clone(),
        subject_kind: leaf.subject.0.clone(),
        subject: leaf.subject.1.clone(),
    })
}
