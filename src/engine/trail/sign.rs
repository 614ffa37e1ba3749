//! When the log is signed: an hour after the first entry that is not, after so many entries, when the box stops, and
//! when somebody asks. What is signed goes to the upstream, where one is told of checkpoints.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::audit::{self, Checkpoint, Filter, Hash, Log, origin_of};
use crate::base::{from_hex, to_hex};
use crate::engine::run::Inner;
use crate::engine::{EngineError, backups, queue_words};
use crate::resilience::Effect;
use crate::resilience::queue::{Lane, NewOperation};
use crate::store::backup::{BackupError, Signer};
use crate::store::crypt::random;
use crate::store::sync_parent;

/// Not later after an entry.
const EVERY_MS: u64 = 3_600_000;
/// Not after more entries.
const ENTRIES: u64 = 1_000;

/// What there is to sign, as far as this process knows.
#[derive(Debug, Default)]
pub(in crate::engine) struct Signing {
    /// Entries since the last checkpoint, about: those that failed count, too.
    entries: AtomicU64,
    /// Monotonic time of the first of them; 0 for none.
    first_ms: AtomicU64,
}

impl Signing {
    /// An entry is on its way.
    pub(in crate::engine) fn note(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }

    fn is_due(&self, monotonic_ms: u64) -> bool {
        let entries = self.entries.load(Ordering::Relaxed);
        if entries == 0 {
            return false;
        }
        let now = monotonic_ms.max(1);
        let first = match self.first_ms.load(Ordering::Relaxed) {
            0 => {
                self.first_ms.store(now, Ordering::Relaxed);
                now
            }
            first => first,
        };
        entries >= ENTRIES || now.saturating_sub(first) >= EVERY_MS
    }

    fn done(&self) {
        self.entries.store(0, Ordering::Relaxed);
        self.first_ms.store(0, Ordering::Relaxed);
    }

    /// What a run before did not sign is signed by this one.
    pub(in crate::engine) fn begin(inner: &Inner) {
        if inner.settings.daemon {
            inner.signing.note();
        }
        // A log that took the place of another says so before anything else is entered.
        if !backups::restores(&inner.settings.data_dir).is_empty() {
            Self::try_now(inner);
        }
    }

    /// Once a second.
    pub(in crate::engine) fn tick(inner: &Inner) {
        if inner.signing.is_due(inner.clock.monotonic_us() / 1000) {
            Self::try_now(inner);
        }
    }

    /// When the box stops.
    pub(in crate::engine) fn end(inner: &Inner) {
        if inner.signing.entries.load(Ordering::Relaxed) > 0 {
            Self::try_now(inner);
        }
    }

    fn try_now(inner: &Inner) {
        inner.signing.done(); // where it fails, the next entry tries again
        if inner.settings.scratch || inner.modes.effects().has(Effect::ReadOnly) {
            return;
        }
        if let Err(error) = sign(inner) {
            tracing::error!(%error, "the audit log could not be signed");
        }
    }
}

/// Signs the log as it stands; the checkpoint that covers it, where there are entries at all.
pub(super) fn sign(inner: &Inner) -> Result<Option<Checkpoint>, EngineError> {
    let control = &inner.modes.control;
    let said = |error| {
        inner.modes.store_said(&error);
        queue_words::store_said(&error)
    };
    let open = || Ok::<_, EngineError>(Log::open(&control.snapshot().map_err(said)?)?);
    let mut log = open()?;
    let restored = restored(inner, &log)?;
    if restored.is_some() {
        log = open()?;
    }
    if log.size() == 0 {
        return Ok(None);
    }
    let signer = Signer::open(&inner.settings.data_dir, random).map_err(key_said)?;
    let reason = if restored.is_none() { parted(inner, &log, &signer)? } else { None };
    let origin = match reason {
        Some(reason) => {
            let origin = origin_of(&random::<32>());
            let entry = super::entry(inner, "audit.parted", super::BOX, ("log", &origin));
            super::enter(inner, &entry.text("reason", reason))?;
            log = open()?;
            Some(origin)
        }
        None => restored.clone(),
    };
    if let Some(known) = log.checkpoint(log.size())? {
        if restored.is_some() {
            signed(inner, known.size, &log.root(known.size)?, true); // cut short after it was kept
        }
        return Ok(Some(known));
    }
    let now_ms = inner.clock.now_ms();
    let Some(made) = log.sign(signer, now_ms, origin)? else { return Ok(None) };
    let root = log.root(made.size)?;
    drop(log);
    let terms = inner.outbox.terms_of(inner, "checkpoint");
    let mut added = None;
    control
        .write(|write| {
            audit::keep(write, &made)?;
            if let Some(terms) = &terms {
                // A full lane refuses it: the checkpoint is kept here all the same.
                added = terms.enqueue(write, &operation(&made), now_ms)?.ok();
            }
            Ok(())
        })
        .map_err(said)?;
    if let Some(added) = added {
        inner.outbox.queue.announce(&[added], now_ms);
        inner.outbox.queue.refresh(control);
    }
    signed(inner, made.size, &root, restored.is_some());
    tracing::info!(size = made.size, "the audit log was signed");
    inner.signing.done();
    Ok(Some(made))
}

/// Beside the key, and like it in no backup: size and root that were signed last.
pub(in crate::engine) const MARK: &str = "keys/audit.signed";

/// Notes what was signed. Until that is done, a restore is not over: the next signing would part once more.
fn signed(inner: &Inner, size: u64, root: &Hash, restored: bool) {
    let data = &inner.settings.data_dir;
    match mark(data, size, root) {
        Ok(()) if restored => backups::restores_are_told(data),
        Ok(()) => {}
        Err(error) => tracing::warn!(%error, "what was signed could not be noted beside the key"),
    }
}

/// After a restore: enters it once, and gives the origin that the log has from there on.
fn restored(inner: &Inner, log: &Log) -> Result<Option<String>, EngineError> {
    let notes = backups::restores(&inner.settings.data_dir);
    let Some(last) = notes.last() else { return Ok(None) };
    let origin = origin_of(last.seed.as_bytes());
    let filter = Filter {
        kind: Some("audit.parted".to_owned()),
        subject: Some(format!("log:{origin}")),
        ..Filter::default()
    };
    if log.search(&filter, u64::MAX, 1)?.items.is_empty() {
        let parted = super::entry(inner, "audit.parted", super::BOX, ("log", &origin));
        let parted = parted.text("reason", "a backup took the place of the box");
        let told: Vec<_> = notes
            .iter()
            .map(|note| {
                let who = if note.who.is_empty() { super::BOX } else { &note.who };
                let entry = super::entry(inner, "backup.restored", who, ("backup", &note.backup));
                entry.text("reason", note.reason.as_str()).text("replaced", note.replaced.as_str())
            })
            .collect();
        let entered = inner.modes.control.write(|write| {
            std::iter::once(&parted).chain(&told).try_for_each(|entry| audit::append(write, entry).map(drop))
        });
        entered.map_err(|error| queue_words::store_said(&error))?;
    }
    Ok(Some(origin))
}

/// Why what is signed now cannot be what was signed before: the log is another one since.
fn parted(inner: &Inner, log: &Log, signer: &Signer) -> Result<Option<&'static str>, EngineError> {
    if !log.is_signed_by(&signer.public())? {
        return Ok(Some("the log came from another box, or the key of this one is new"));
    }
    let Ok(text) = std::fs::read_to_string(inner.settings.data_dir.join(MARK)) else { return Ok(None) };
    let known =
        text.trim().split_once(' ').and_then(|(size, root)| Some((size.parse().ok()?, from_hex(root)?)));
    let Some((size, root)) = known else { return Ok(None) };
    let same = size <= log.size() && log.root(size)? == root;
    Ok((!same).then_some("the log is not the one that was signed last: an older state took its place"))
}

fn mark(data: &Path, size: u64, root: &Hash) -> std::io::Result<()> {
    let path = data.join(MARK);
    let part = path.with_extension("part");
    let mut file = std::fs::File::create(&part)?;
    writeln!(file, "{size} {}", to_hex(root))?;
    file.sync_all()?;
    std::fs::rename(&part, &path)?;
    sync_parent(&path)
}

fn key_said(error: BackupError) -> EngineError {
    audit::AuditError::from(error).into()
}

fn operation(made: &Checkpoint) -> NewOperation {
    NewOperation {
        kind: "spud.checkpoint".to_owned(),
        content_type: "text/plain; charset=utf-8".to_owned(),
        payload: made.note.clone().into_bytes(),
        lane: Lane::High,
        key: "spud.checkpoint".to_owned(),
        criticality: 1,
        idempotency: Some(format!("spud.checkpoint {}", made.size)),
        ..NewOperation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_signed_after_an_hour_or_a_thousand_of_them_and_nothing_else_is() {
        let signing = Signing::default();
        assert!(!signing.is_due(EVERY_MS * 5), "no entry");
        signing.note();
        assert!(!signing.is_due(1_000));
        assert!(!signing.is_due(1_000 + EVERY_MS - 1));
        assert!(signing.is_due(1_000 + EVERY_MS));
        signing.done();
        assert!(!signing.is_due(EVERY_MS * 9));
        for _ in 0..ENTRIES {
            assert!(!signing.is_due(1));
            signing.note();
        }
        assert!(signing.is_due(1));
    }
}
