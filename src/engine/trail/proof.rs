//! Proofs in a form that others verify: C2SP tlog-proof, and the hashes by themselves.

use crate::api::types::{AuditConsistency, AuditInclusion};
use crate::audit::{AuditError, Hash, Log, holds_inclusion, leaf_hash};
use crate::base::to_base64;
use crate::engine::run::Inner;

/// The size of the newest checkpoint: what a proof is good for where no size is named.
fn newest(log: &Log) -> Result<u64, AuditError> {
    let newest = log.checkpoints(u64::MAX, 1)?;
    newest.first().map(|checkpoint| checkpoint.size).ok_or_else(|| AuditError::Missing {
        what: "the log has no checkpoint yet".to_owned(),
        advice: "make one: spud audit checkpoint",
    })
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| to_base64(hash)).collect()
}

fn note_of(log: &Log, size: u64) -> Result<Option<String>, AuditError> {
    Ok(log.checkpoint(size)?.map(|checkpoint| checkpoint.note))
}

pub(super) fn inclusion(log: &Log, sequence: u64, size: Option<u64>) -> Result<AuditInclusion, AuditError> {
    let leaf = log.leaf_bytes(sequence)?;
    let size = size.map_or_else(|| newest(log), Ok)?;
    let hashes = texts(&log.inclusion(sequence, size)?);
    let checkpoint = note_of(log, size)?;
    let proof = checkpoint.as_ref().map(|note| {
        let lines: String = hashes.iter().map(|hash| format!("{hash}\n")).collect();
        format!("c2sp.org/tlog-proof@v1\nindex {sequence}\n{lines}\n{note}")
    });
    Ok(AuditInclusion {
        seq: sequence.to_string(),
        size,
        root: to_base64(&log.root(size)?),
        leaf_hash: to_base64(&leaf_hash(&leaf)),
        leaf: String::from_utf8_lossy(&leaf).into_owned(),
        hashes,
        checkpoint,
        proof,
    })
}

pub(super) fn consistency(log: &Log, from: u64, size: Option<u64>) -> Result<AuditConsistency, AuditError> {
    let size = size.map_or_else(|| newest(log), Ok)?;
    Ok(AuditConsistency {
        from,
        size,
        hashes: texts(&log.consistency(from, size)?),
        from_root: to_base64(&log.root(from)?),
        root: to_base64(&log.root(size)?),
        from_checkpoint: note_of(log, from)?,
        checkpoint: note_of(log, size)?,
    })
}

/// Proves that one of the entries is in the tree; as `turn` counts up, another one. Tells which, or what is wrong.
pub(in crate::engine) fn prove_one(inner: &Inner, turn: u64) -> Result<Option<u64>, String> {
    let read = inner.modes.control.snapshot().map_err(|error| error.to_string())?;
    let prove = || -> Result<Option<(u64, bool)>, AuditError> {
        let log = Log::open(&read)?;
        let size = log.size();
        // Steps of the golden ratio come near every entry without an order that could be foreseen by chance.
        let Some(sequence) = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15).checked_rem(size) else {
            return Ok(None);
        };
        let leaf = leaf_hash(&log.leaf_bytes(sequence)?);
        let proof = log.inclusion(sequence, size)?;
        Ok(Some((sequence, holds_inclusion(&leaf, sequence, size, &proof, &log.root(size)?))))
    };
    match prove().map_err(|error| error.to_string())? {
        Some((sequence, false)) => Err(format!("entry {sequence} is not in the tree")),
        proved => Ok(proved.map(|(sequence, _)| sequence)),
    }
}
