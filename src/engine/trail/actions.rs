//! What people ask of the log: look, search, prove, verify, sign, anchor, erase, take away.

use super::bundle::EvidenceBundle;
use super::{bundle, erase, evidence, proof, sign, words};
use crate::api::types::compliance::{ComplianceFramework, ComplianceQuery};
use crate::api::types::evidence::{Evidence, EvidenceDetail, EvidenceQuery};
use crate::api::types::{
    AnchorAudit, AuditCheckpoint, AuditConsistency, AuditEntry, AuditInclusion, AuditQuery, AuditStatus,
    AuditTiles, AuditVerdict, Page, VerifyAudit,
};
use crate::audit::{self, AuditError, Entry, Filter, KeyKind, Log, Outcome, Tile, VerifierKey};
use crate::base::to_base64;
use crate::engine::compliance::{self, Rendered};
use crate::engine::paging::{cursor, page_of};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{EngineError, queue_words};
use crate::store::backup::Trust;

/// Paths of one page.
const PATHS: usize = 1_000;

/// Everything that can be asked of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditAction {
    Status,
    Entries(AuditQuery),
    /// By sequence.
    Entry(u64),
    Inclusion {
        sequence: u64,
        /// Absent: that of the newest checkpoint.
        size: Option<u64>,
    },
    Consistency {
        from: u64,
        size: Option<u64>,
    },
    /// Newest first.
    Checkpoints {
        /// Those before a size.
        before: Option<u64>,
        /// 1..=1000; 0 means 100.
        limit: usize,
    },
    /// Sign the log as it stands.
    Sign,
    Verify(VerifyAudit),
    Erase {
        sequence: u64,
        reason: String,
    },
    Anchor(AnchorAudit),
    /// Files of the log at the size of its newest checkpoint, from a place on.
    Tiles {
        from: usize,
    },
    /// By path.
    Tile(String),
    /// Entries that are evidence.
    Evidence(EvidenceQuery),
    /// One of them, signed.
    Attest {
        sequence: u64,
        /// Absent: that of the newest checkpoint that covers it.
        size: Option<u64>,
    },
    /// The next piece of a tar of them.
    Bundle(Box<EvidenceBundle>),
    /// What can be reported on, with how it stands.
    Frameworks,
    /// A report on one framework.
    Comply(ComplianceQuery),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum AuditReply {
    Status(Box<AuditStatus>),
    Entries(Page<AuditEntry>),
    Entry(Box<AuditEntry>),
    Inclusion(Box<AuditInclusion>),
    Consistency(Box<AuditConsistency>),
    Checkpoints(Page<AuditCheckpoint>),
    Checkpoint(AuditCheckpoint),
    Verdict(Box<AuditVerdict>),
    Tiles(AuditTiles),
    Tile(Vec<u8>),
    Evidence(Page<Evidence>),
    Attested(Box<EvidenceDetail>),
    /// A piece, and what to ask for next.
    Bundle(Vec<u8>, Option<Box<EvidenceBundle>>),
    Frameworks(Vec<ComplianceFramework>),
    Report(Box<Rendered>),
}

fn open(inner: &Inner) -> Result<Log, EngineError> {
    if inner.settings.scratch {
        return Err(invalid("a throw-away box keeps no audit log", "ask a box with a data folder"));
    }
    let read = inner.modes.control.snapshot().map_err(|error| queue_words::store_said(&error))?;
    Ok(Log::open(&read)?)
}

fn trust(inner: &Inner) -> Trust {
    Trust::of_box(&inner.settings.data_dir)
}

/// Does what is asked. `told` is the entry of what changes something.
pub(in crate::engine) fn act(
    inner: &Inner,
    action: AuditAction,
    told: Option<&Entry>,
) -> Result<AuditReply, EngineError> {
    let log = open(inner)?;
    Ok(match action {
        AuditAction::Status => AuditReply::Status(Box::new(status(inner, &log)?)),
        AuditAction::Entries(query) => AuditReply::Entries(entries(&log, &query)?),
        AuditAction::Entry(sequence) => AuditReply::Entry(Box::new(words::entry(&log.find(sequence)?))),
        AuditAction::Inclusion { sequence, size } => {
            AuditReply::Inclusion(Box::new(proof::inclusion(&log, sequence, size)?))
        }
        AuditAction::Consistency { from, size } => {
            AuditReply::Consistency(Box::new(proof::consistency(&log, from, size)?))
        }
        AuditAction::Checkpoints { before, limit } => {
            AuditReply::Checkpoints(checkpoints(&log, before, limit)?)
        }
        AuditAction::Sign => {
            let made = sign::sign(inner)?;
            let made = made.ok_or_else(|| EngineError::Conflict {
                what: "the audit log is empty".into(),
                advice: "there is nothing to sign before the first change".into(),
            })?;
            AuditReply::Checkpoint(words::checkpoint(&made))
        }
        AuditAction::Verify(request) => AuditReply::Verdict(Box::new(verdict(inner, &log, &request)?)),
        AuditAction::Erase { sequence, reason } => {
            erase::erase(inner, &log, sequence, &reason, told)?;
            AuditReply::Entry(Box::new(words::entry(&open(inner)?.find(sequence)?)))
        }
        AuditAction::Anchor(request) => AuditReply::Checkpoint(anchor(inner, &log, &request, told)?),
        AuditAction::Tiles { from } => AuditReply::Tiles(tiles(&log, from)?),
        AuditAction::Tile(path) => AuditReply::Tile(tile(&log, &path)?),
        AuditAction::Evidence(query) => AuditReply::Evidence(evidence::list(&log, &query)?),
        AuditAction::Bundle(bundle) => {
            let (piece, next) = bundle::next(inner, &log, bundle)?;
            AuditReply::Bundle(piece, next)
        }
        AuditAction::Frameworks => AuditReply::Frameworks(compliance::frameworks(&log)?),
        AuditAction::Comply(query) => AuditReply::Report(Box::new(compliance::report(inner, &log, &query)?)),
        AuditAction::Attest { sequence, size } => {
            AuditReply::Attested(Box::new(evidence::one(inner, &log, sequence, size)?))
        }
    })
}

fn status(inner: &Inner, log: &Log) -> Result<AuditStatus, AuditError> {
    let checkpoint = log.checkpoints(u64::MAX, 1)?.pop();
    let anchored = log.anchored()?;
    let signed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let origin = log.origin()?;
    let trust = trust(inner);
    // The newest checkpoint says which of the keys that are believed is at work.
    let mut signing = None;
    for key in trust.keys() {
        if signing.is_none() && checkpoint.is_some() && log.is_signed_by(key)? {
            signing = Some(*key);
        }
    }
    let key = signing
        .zip(origin.clone())
        .map(|(public, name)| VerifierKey { name, kind: KeyKind::Log, public }.to_string());
    Ok(AuditStatus {
        size: log.size(),
        root: to_base64(&log.root(log.size())?),
        origin,
        key,
        checkpoint: checkpoint.as_ref().map(words::checkpoint),
        unsigned: log.size().saturating_sub(signed),
        unanchored: unanchored(log)?,
        anchored: anchored.as_ref().map(words::anchored),
        cosigners: log.cosigners()?.iter().map(ToString::to_string).collect(),
    })
}

/// Entries, and those that nobody else has confirmed; nothing where the log cannot be read.
pub(in crate::engine) fn sizes(inner: &Inner) -> Option<(u64, u64)> {
    let log = Log::open(&inner.config_history()?.snapshot().ok()?).ok()?;
    Some((log.size(), unanchored(&log).ok()?))
}

fn unanchored(log: &Log) -> Result<u64, AuditError> {
    Ok(log.size().saturating_sub(log.anchored()?.map_or(0, |anchored| anchored.size)))
}

/// Cursor: the sequence where the next page begins.
fn entries(log: &Log, query: &AuditQuery) -> Result<Page<AuditEntry>, EngineError> {
    let limit = if query.limit == 0 { 100 } else { query.limit.min(1000) };
    let cursor = cursor(query.cursor.as_ref())?;
    let outcome = query.outcome.as_deref().map(|name| {
        Outcome::parse(name)
            .ok_or_else(|| invalid(format!("there is no outcome '{name}'"), "begun, done, denied or failed"))
    });
    let filter = Filter {
        kind: query.kind.clone(),
        actor: query.actor.clone(),
        subject: query.subject.clone(),
        since_ms: query.since_ms,
        until_ms: query.until_ms,
        outcome: outcome.transpose()?,
        text: query.text.clone(),
    };
    if query.oldest_first && filter != Filter::default() {
        return Err(invalid("a filter holds newest first only", "leave out oldest_first, or the filter"));
    }
    let found = match query.oldest_first {
        true => log.oldest(cursor.unwrap_or(0), limit)?,
        false => log.search(&filter, cursor.unwrap_or(u64::MAX), limit)?,
    };
    let items = found.items.iter().map(words::entry).collect();
    Ok(Page { items, next: found.next.map(|sequence| sequence.to_string()) })
}

/// Cursor: the size of the last one of the page before.
fn checkpoints(log: &Log, before: Option<u64>, limit: usize) -> Result<Page<AuditCheckpoint>, AuditError> {
    let most = if limit == 0 { 100 } else { limit.min(1000) };
    let found = log.checkpoints(before.unwrap_or(u64::MAX), most + 1)?;
    let (found, next) = page_of(found, most, |one| one.size);
    Ok(Page { items: found.iter().map(words::checkpoint).collect(), next })
}

fn verdict(inner: &Inner, log: &Log, request: &VerifyAudit) -> Result<AuditVerdict, EngineError> {
    let trust = trust(inner);
    let found = audit::verify(log, trust.keys(), &|_| !inner.is_stopping())?;
    let mut problems = found.problems;
    let mut holds_since = None;
    if let Some(note) = &request.checkpoint {
        match log.compare(note, trust.keys()) {
            Ok((head, _)) => holds_since = Some(head.size),
            Err(error @ AuditError::Damaged { .. }) => problems.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(AuditVerdict {
        ok: problems.is_empty(),
        size: found.size,
        root: to_base64(&found.root),
        nodes: found.nodes,
        checkpoints: found.checkpoints,
        with_texts: found.with_texts,
        erased: found.erased,
        unanchored: unanchored(log)?,
        problems,
        holds_since,
    })
}

/// What is wrong with the log, for `spud check`: nothing, where there is no log yet.
pub(in crate::engine) fn problems(inner: &Inner) -> Result<(u64, Vec<String>), EngineError> {
    let found = verdict(inner, &open(inner)?, &VerifyAudit::default())?;
    Ok((found.size, found.problems))
}

fn anchor(
    inner: &Inner,
    log: &Log,
    request: &AnchorAudit,
    told: Option<&Entry>,
) -> Result<AuditCheckpoint, EngineError> {
    let key = |text: &String| {
        VerifierKey::parse(text).filter(|key| key.kind == KeyKind::Cosigner).ok_or_else(|| {
            let shown: String = text.chars().take(60).collect();
            invalid(format!("'{shown}' is no public key of a cosigner"), "`spud audit key FILE` shows it")
        })
    };
    let keys = request.cosigners.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let anchor = log.anchor(&request.note, &keys, trust(inner).keys(), inner.clock.now_ms())?;
    let subject = ("checkpoint".to_owned(), anchor.checkpoint.size.to_string());
    let told = told.map(|told| Entry { subject, ..told.clone() }.text("cosigner", &anchor.newest.name));
    let kept = inner.modes.control.write(|write| {
        audit::keep_anchor(write, &anchor)?;
        super::also(told.as_ref())(write)
    });
    kept.map_err(|error| queue_words::store_said(&error))?;
    Ok(words::checkpoint(&anchor.checkpoint))
}

fn tiles(log: &Log, from: usize) -> Result<AuditTiles, AuditError> {
    let newest = log.checkpoints(u64::MAX, 1)?.pop().ok_or_else(|| AuditError::Missing {
        what: "the log has no checkpoint yet".to_owned(),
        advice: "make one: spud audit checkpoint",
    })?;
    let mut paths: Vec<String> =
        Tile::of_size(newest.size).skip(from).take(PATHS + 1).map(|tile| tile.path()).collect();
    let more = paths.len() > PATHS;
    paths.truncate(PATHS);
    let next = more.then(|| (from + PATHS).to_string());
    Ok(AuditTiles { size: newest.size, checkpoint: newest.note, paths, next })
}

fn tile(log: &Log, path: &str) -> Result<Vec<u8>, EngineError> {
    let tile = Tile::parse(path).ok_or_else(|| {
        let shown: String = path.chars().take(60).collect();
        invalid(format!("'{shown}' is no path of a tile"), "such as tile/0/x001/067 or tile/entries/000.p/17")
    })?;
    Ok(tile.bytes(log)?)
}
