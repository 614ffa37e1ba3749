//! The bundle that an auditor verifies without spud: envelopes, entries, proofs, votes, checkpoint, key, script, manifest
//! as a tar, made piece by piece: whoever carries it away asks for each one, so that nobody holds the whole.
//!
//! Invariant: the same log, checkpoint, key and times give the same bytes, as long as no text was erased meanwhile.

use std::collections::BTreeSet;

use super::evidence;
use crate::api::types::approval::SignedVote;
use crate::api::types::evidence::{Evidence, EvidenceDetail, EvidenceQuery};
use crate::asset;
use crate::audit::{Log, Topic};
use crate::base::{InOrder, TAR_END, format_second, put_in_tar};
use crate::engine::EngineError;
use crate::engine::run::Inner;
use crate::engine::worker::invalid;

/// Statements of one piece, and of a bundle.
const AT_ONCE: usize = 100;
const MOST: usize = 20_000;
const MANIFEST: &str = "SHA256SUMS";

/// What is wanted, and how far it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvidenceBundle {
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    /// Entries of the checkpoint; absent until it begins where the newest one is meant.
    size: Option<u64>,
    /// Absent before the first piece.
    cursor: Option<u64>,
    /// When the checkpoint was made: the time of every file.
    at_s: u64,
    /// Lines of the table, newest first.
    index: Vec<String>,
    votes: BTreeSet<String>,
    signers: Vec<String>,
    /// The public key in two forms.
    keys: (String, String),
    /// Files with their SHA-256.
    sums: Vec<(String, String)>,
}

impl EvidenceBundle {
    /// Evidence of this time, under the checkpoint of this size, or the newest.
    #[must_use]
    pub fn new(from_ms: Option<u64>, to_ms: Option<u64>, size: Option<u64>) -> Self {
        Self { from_ms, to_ms, size, ..Self::default() }
    }

    /// True before the first piece.
    pub(super) fn begins(&self) -> bool {
        self.cursor.is_none()
    }

    fn put(&mut self, tar: &mut Vec<u8>, name: &str, text: &str) -> Result<(), EngineError> {
        if !put_in_tar(tar, name, self.at_s, text.as_bytes()) {
            return Err(EngineError::Internal(format!("{name} is too long for a name in a tar")));
        }
        self.sums.push((name.to_owned(), evidence::sha256(text.as_bytes())));
        Ok(())
    }

    fn statement(
        &mut self,
        tar: &mut Vec<u8>,
        one: &Evidence,
        detail: EvidenceDetail,
    ) -> Result<(), EngineError> {
        let Evidence { id, topic, .. } = one;
        self.put(tar, &format!("envelopes/{id}-{topic}.json"), &format!("{}\n", detail.envelope))?;
        self.put(tar, &format!("entries/{id}.json"), &detail.leaf)?;
        let hashes: String = detail.hashes.iter().map(|hash| format!("{hash}\n")).collect();
        self.put(tar, &format!("proofs/{id}.txt"), &hashes)?;
        self.index.push(row(one));
        self.keys = (detail.key_pem, detail.key_openssh);
        detail.vote.map_or(Ok(()), |vote| self.vote(tar, &vote))
    }

    /// Who votes once more is in it once: the last vote counts.
    fn vote(&mut self, tar: &mut Vec<u8>, vote: &SignedVote) -> Result<(), EngineError> {
        if !self.votes.insert(vote.file()) {
            return Ok(());
        }
        let line = vote.allowed_signer();
        if !self.signers.contains(&line) {
            self.signers.push(line);
        }
        self.put(tar, &format!("votes/{}.sig", vote.file()), &vote.signature)?;
        self.put(tar, &format!("votes/{}", vote.file()), &vote.document)
    }

    /// What is about all of it; the manifest last: whoever finds it finds all that it names.
    fn finish(mut self, tar: &mut Vec<u8>, note: &str) -> Result<(), EngineError> {
        let rows: String = self.index.drain(..).rev().collect();
        self.put(tar, "index.csv", &format!("seq,at,topic,what,by,to\n{rows}"))?;
        if !self.signers.is_empty() {
            let signers = self.signers.concat();
            self.put(tar, "votes/allowed_signers", &signers)?;
        }
        self.put(tar, "checkpoint", note)?;
        let (pem, openssh) = std::mem::take(&mut self.keys);
        self.put(tar, "key.pem", &pem)?;
        self.put(tar, "key.pub", &openssh)?;
        self.put(tar, "README.md", &asset!("evidence/README.md"))?;
        self.put(tar, "verify.sh", &asset!("evidence/verify.sh"))?;
        self.sums.order();
        let lines: String = self.sums.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
        self.put(tar, MANIFEST, &lines)?;
        tar.extend_from_slice(&TAR_END);
        Ok(())
    }
}

/// The next piece, which may be empty, and what is left to do.
pub(super) fn next(
    inner: &Inner,
    log: &Log,
    mut bundle: Box<EvidenceBundle>,
) -> Result<(Vec<u8>, Option<Box<EvidenceBundle>>), EngineError> {
    let (size, note) = checkpoint(log, &mut bundle)?;
    if bundle.begins() {
        fits(inner, log, &bundle, size)?;
    }
    let mut tar = Vec::new();
    let query = EvidenceQuery {
        from_ms: bundle.from_ms,
        to_ms: bundle.to_ms,
        cursor: Some(bundle.cursor.unwrap_or(size).to_string()),
        limit: AT_ONCE,
        ..EvidenceQuery::default()
    };
    let page = evidence::list(log, &query)?;
    for one in page.items {
        let detail = evidence::one(inner, log, evidence_id(&one)?, Some(size))?;
        bundle.statement(&mut tar, &one, detail)?;
    }
    bundle.cursor = page.next.and_then(|next| next.parse().ok());
    if bundle.cursor.is_some() {
        return Ok((tar, Some(bundle)));
    }
    bundle.finish(&mut tar, &note)?;
    Ok((tar, None))
}

/// Refuses what is nothing or too much before any of it is told.
fn fits(inner: &Inner, log: &Log, bundle: &EvidenceBundle, size: u64) -> Result<(), EngineError> {
    let (from, to) = (bundle.from_ms.unwrap_or(0), bundle.to_ms.unwrap_or(u64::MAX));
    let mut count = 0;
    log.newest(size, |_, leaf, _| {
        count += usize::from((from..to).contains(&leaf.at_ms) && Topic::of(leaf).is_some());
        Ok(count <= MOST && !inner.is_stopping())
    })?;
    match count {
        0 => {
            let what = format!("there is no evidence of that time in the first {size} entries");
            Err(invalid(what, "`spud evidence list` shows what there is"))
        }
        1..=MOST => Ok(()),
        _ => {
            let what = format!("there are more than {MOST} statements of that time");
            Err(invalid(what, "name a shorter time: from, to"))
        }
    }
}

fn evidence_id(one: &Evidence) -> Result<u64, EngineError> {
    one.id.parse().map_err(|_| EngineError::Internal(format!("{} is no sequence", one.id)))
}

/// The checkpoint of this size, or the newest, which is kept to from then on.
fn checkpoint(log: &Log, bundle: &mut EvidenceBundle) -> Result<(u64, String), EngineError> {
    let found = match bundle.size {
        Some(size) => log.checkpoint(size)?,
        None => log.checkpoints(u64::MAX, 1)?.pop(),
    };
    let found = found.ok_or_else(|| {
        let what = match bundle.size {
            Some(size) => format!("there is no checkpoint of {size} entries"),
            None => "the log has no checkpoint yet".to_owned(),
        };
        invalid(what, "make one: spud audit checkpoint; `spud audit checkpoints` shows them")
    })?;
    (bundle.size, bundle.at_s) = (Some(found.size), found.at_ms / 1000);
    Ok((found.size, found.note))
}

/// A line of the table; what a spreadsheet would take for a formula is quoted as text.
fn row(one: &Evidence) -> String {
    let quoted = |text: &str| {
        let formula = text.starts_with(['=', '+', '-', '@']);
        format!(
            "\"{}{}\"",
            if formula { "'" } else { "" },
            text.replace('"', "\"\"").replace(['\n', '\r'], " ")
        )
    };
    let to = format!("{} {}", one.subject_kind, one.subject);
    let cells = [&one.topic, &one.what, &one.by].map(|text| quoted(text)).join(",");
    format!("{},{},{cells},{}\n", one.id, format_second(one.at_ms), quoted(to.trim()))
}
