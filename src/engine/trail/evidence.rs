//! Evidence of the log: statements are made and signed when somebody asks, and are the same every time.

use super::{proof, words};
use crate::api::types::Page;
use crate::api::types::evidence::{Evidence, EvidenceDetail, EvidenceQuery, EvidenceVerdict};
use crate::audit::{
    AuditError, Envelope, Filter, Leaf, Log, NoteSigner, Outcome, PAYLOAD_TYPE, Topic, key_id, openssh, pem,
    public_keys, statement,
};
use crate::base::to_hex;
use crate::engine::paging::cursor;
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{EngineError, approvals};
use crate::store::backup::Signer;
use crate::store::crypt::random;

/// Keys that are tried on one envelope.
const KEYS_MOST: usize = 100;

/// Cursor: the sequence where the next page begins, which is also a size of the log.
pub(super) fn list(log: &Log, query: &EvidenceQuery) -> Result<Page<Evidence>, EngineError> {
    let known = || Topic::ALL.map(Topic::name).join(", ");
    let topic = query.topic.as_deref().map(|name| {
        let shown: String = name.chars().take(40).collect();
        Topic::parse(name).ok_or_else(|| invalid(format!("there is no topic '{shown}'"), known()))
    });
    let topic = topic.transpose()?;
    let filter = Filter {
        subject: query.subject.clone(),
        since_ms: query.from_ms,
        until_ms: query.to_ms,
        ..Filter::default()
    };
    let wanted = |leaf: &Leaf| match topic {
        Some(topic) => Topic::of(leaf) == Some(topic),
        None => Topic::of(leaf).is_some(),
    };
    let limit = if query.limit == 0 { 100 } else { query.limit.min(1000) };
    let before = cursor(query.cursor.as_ref())?.unwrap_or(u64::MAX);
    let found = log.search_where(&filter, &wanted, before, limit)?;
    let items = found.items.iter().filter_map(|one| words::evidence(&one.leaf)).collect();
    Ok(Page { items, next: found.next.map(|sequence| sequence.to_string()) })
}

/// One piece of evidence, signed, with its proof; of the newest checkpoint where no size is named.
pub(super) fn one(
    inner: &Inner,
    log: &Log,
    sequence: u64,
    size: Option<u64>,
) -> Result<EvidenceDetail, EngineError> {
    let found = log.find(sequence)?;
    let (Some(statement), Some(evidence)) = (statement(&found), words::evidence(&found.leaf)) else {
        return Err(EngineError::Conflict {
            what: format!("entry {sequence} is no evidence of its own: {}", found.leaf.kind),
            advice: "`spud evidence list` shows what is; `spud audit prove` proves any entry".into(),
        });
    };
    let signer = Signer::open(&inner.settings.data_dir, random).map_err(AuditError::from)?;
    let mut envelope = Envelope::new(statement.clone());
    envelope.sign(&signer);
    let newest = log.checkpoints(u64::MAX, 1)?.pop().map(|checkpoint| checkpoint.size);
    let size = size.or(newest.filter(|size| *size > sequence));
    let proof = size.map(|size| proof::inclusion(log, sequence, Some(size))).transpose()?;
    let key = signer.public();
    let name = log.origin()?.unwrap_or_else(|| format!("spud-{}", key_id(&key).get(..8).unwrap_or_default()));
    let vote = match (evidence.what.as_str(), evidence.subject.parse()) {
        ("approval.approved" | "approval.rejected", Ok(approval)) if found.leaf.outcome == Outcome::Done => {
            let votes = approvals::signed(inner, approval)?;
            votes.into_iter().find(|vote| vote.voter == evidence.by)
        }
        _ => None,
    };
    Ok(EvidenceDetail {
        vote,
        evidence,
        statement,
        envelope: envelope.to_string(),
        leaf: found.json,
        size,
        checkpoint: proof.as_ref().and_then(|proof| proof.checkpoint.clone()),
        hashes: proof.map(|proof| proof.hashes).unwrap_or_default(),
        key_pem: pem(&key),
        key_openssh: openssh(&key, &name),
    })
}

fn envelope(text: &str) -> Result<Envelope, EngineError> {
    let read = Envelope::parse(text).filter(|read| read.payload_type == PAYLOAD_TYPE);
    read.ok_or_else(|| {
        invalid("this is no DSSE envelope of a statement", "`spud evidence show ID --envelope` prints one")
    })
}

/// Whether so many of the keys signed an envelope; needs no box.
///
/// # Errors
/// [`EngineError::Invalid`] where one of the texts is not what it should be.
pub fn verify_evidence(text: &str, keys: &str, threshold: usize) -> Result<EvidenceVerdict, EngineError> {
    let keys = public_keys(keys).map_err(|line| {
        invalid(
            format!("'{line}' is no public key"),
            "PEM, OpenSSH and NAME+ID+KEY lines of Ed25519 are read",
        )
    })?;
    if keys.is_empty() || keys.len() > KEYS_MOST {
        return Err(invalid(format!("1 to {KEYS_MOST} keys are needed"), "give the keys that you believe"));
    }
    let read = envelope(text)?;
    let signers = read.signers(&keys);
    Ok(EvidenceVerdict {
        ok: signers.len() >= threshold.max(1),
        statement: String::from_utf8_lossy(&read.payload).into_owned(),
        signers: signers.iter().map(|key| openssh(key, &key_id(key)).trim_end().to_owned()).collect(),
        needed: threshold.max(1),
        signatures: read.signatures.len(),
        payload_type: read.payload_type,
    })
}

/// SHA-256 of bytes, in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    to_hex(&super::digest(bytes))
}

/// Adds a signature to an envelope; needs no box.
///
/// # Errors
/// [`EngineError::Invalid`] where one of the texts is not what it should be.
pub fn sign_evidence(text: &str, secret: &str) -> Result<String, EngineError> {
    let mut read = envelope(text)?;
    let signer = NoteSigner::parse(secret)
        .ok_or_else(|| invalid("this is no key that signs", "make one: spud audit key FILE --name NAME"))?;
    read.sign(signer.signer());
    Ok(read.to_string())
}
