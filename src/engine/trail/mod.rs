//! What the box enters into its audit log, and when it signs it.
//!
//! A change of `control.redb` and its entry are one transaction. Where a change lies elsewhere (documents, files,
//! backups), an entry says before that it begins and another one after what came of it: a power cut between leaves
//! an intent without an outcome, never a change without an entry. A throw-away box enters nothing.

mod actions;
mod bundle;
mod class;
mod erase;
#[cfg(test)]
mod erase_tests;
mod evidence;
mod job;
mod offline;
mod proof;
mod sign;
mod taken;
mod words;

pub use actions::{AuditAction, AuditReply};
pub(super) use actions::{act, problems, sizes};
pub use bundle::EvidenceBundle;
pub(super) use class::mutation;
pub(super) use erase::GONE;
pub use evidence::{sha256, sign_evidence, verify_evidence};
pub(super) use job::job_ended;
pub use offline::{cosign, cosigner_key, new_cosigner};
pub(super) use proof::prove_one;
pub(super) use sign::{MARK, Signing};
pub(super) use taken::Readers;

use super::action::Origin;
use super::run::Inner;
use super::{Action, Caller, EngineError, Reply, access, queue_words};
use crate::api::types;
use crate::audit::{self, AuditError, Entry, Hash, Log, Outcome, Receipt};
use crate::redact::kept;
use crate::store::crypt::random;
use crate::store::{Control, StoreError, WriteTransaction};
use class::{About, Class, about};
use sha2::Digest;
use taken::{Taken, taken_away};

/// Who does what nobody asked for just now.
pub(super) const BOX: &str = "box";

/// An entry of the box as it stands now.
pub(super) fn entry(inner: &Inner, kind: &str, actor: &str, subject: (&str, &str)) -> Entry {
    let mode = inner.modes.view(&*inner.clock).mode.name().to_owned();
    Entry { mode, ..bare(inner, kind, actor, subject) }
}

/// The same where the mode is being changed just now, and is said by whoever does it.
pub(super) fn bare(inner: &Inner, kind: &str, actor: &str, subject: (&str, &str)) -> Entry {
    inner.signing.note();
    Entry::new(inner.clock.now_ms(), random(), kind, actor, subject)
}

/// Id of who asks; of somebody with a token the part of it that is no secret.
pub(super) fn actor(caller: &Caller) -> String {
    match &caller.origin {
        Origin::Local => format!("uid:{}", caller.uid),
        Origin::Network => "network".to_owned(),
        Origin::Bearer(shown) => shown.id(),
    }
}

/// Who asks: of somebody with a token its owner, as long as the token is good.
pub(super) fn principal(inner: &Inner, caller: &Caller) -> String {
    match &caller.origin {
        Origin::Bearer(_) => {
            access::subject(inner, caller).map_or_else(|_| actor(caller), |who| who.name.to_string())
        }
        _ => actor(caller),
    }
}

/// Who asks in the words that histories keep: `uid 1000, pid 77`; `grafana, token:1a`.
pub(super) fn in_words(inner: &Inner, caller: &Caller) -> String {
    match &caller.origin {
        Origin::Local => format!("uid {}, pid {}", caller.uid, caller.pid),
        Origin::Network => actor(caller),
        Origin::Bearer(shown) => format!("{}, {}", principal(inner, caller), shown.id()),
    }
}

/// Id in those words, and the token where there was one.
pub(super) fn actor_in(words: &str) -> (String, Option<&str>) {
    let (first, rest) = words.split_once(", ").unwrap_or((words, ""));
    let id = match first.strip_prefix("uid ") {
        Some(uid) => format!("uid:{uid}"),
        None if first.is_empty() => BOX.to_owned(),
        None => first.to_owned(),
    };
    (id, rest.strip_prefix("token:"))
}

/// Adds the entry to a transaction, where there is one to add.
pub(super) fn also(told: Option<&Entry>) -> impl FnOnce(&WriteTransaction) -> Result<(), StoreError> {
    move |write| told.map_or(Ok(()), |entry| audit::append(write, entry).map(drop))
}

/// Enters something that has no transaction of its own.
///
/// # Errors
/// What the store says.
pub(super) fn enter(inner: &Inner, entry: &Entry) -> Result<Receipt, EngineError> {
    let entered = inner.modes.control.write(|write| audit::append(write, entry));
    entered.map_err(|error| {
        inner.modes.store_said(&error);
        queue_words::store_said(&error)
    })
}

/// Enters what came of something; that it happened cannot be undone where this fails.
pub(super) fn enter_outcome(inner: &Inner, entry: &Entry) {
    if inner.settings.scratch {
        return;
    }
    if let Err(error) = enter(inner, entry) {
        tracing::error!(%error, kind = entry.kind, "the outcome could not be entered into the audit log");
    }
}

/// Whether the log has this entry; one that cannot be read has none.
pub(super) fn has_entry(control: &Control, sequence: u64) -> bool {
    let read = control.snapshot().ok();
    read.and_then(|read| Some(Log::open(&read).ok()?.size())).is_some_and(|size| sequence < size)
}

/// When the first entry was made.
pub(super) fn first(control: &Control) -> Option<u64> {
    let read = control.snapshot().ok()?;
    Some(Log::open(&read).ok()?.find(0).ok()?.leaf.at_ms)
}

/// SHA-256 of what stood there.
pub(super) fn digest(bytes: &[u8]) -> Hash {
    sha2::Sha256::digest(bytes).into()
}

/// Does an action, with the entries that belong to it.
pub(super) fn told(
    inner: &Inner,
    caller: &Caller,
    action: Action,
    carry_out: impl FnOnce(Action, Option<&Entry>) -> Result<Reply, EngineError>,
) -> Result<Reply, EngineError> {
    let known = about(&action).filter(|_| !inner.settings.scratch);
    let Some(About { class, kind, subject, texts, digest }) = known else {
        let taken = taken_away(&action).filter(|_| !inner.settings.scratch);
        let done = carry_out(action, None);
        if let Some(taken) = taken.filter(|_| done.is_ok()) {
            note_taken(inner, caller, &taken);
        }
        return done;
    };
    let (subject, texts) = access::resolved(inner, kind, (subject.0, subject.1), texts);
    let settings = kind.starts_with("config.").then(|| settings_digest(inner));
    let entry = Entry {
        request: caller.request.clone(),
        policy: inner.access.digest(),
        texts,
        before: settings,
        after: digest,
        ..entry(inner, kind, &principal(inner, caller), (subject.0, &subject.1))
    };
    let entry = match &caller.origin {
        Origin::Bearer(shown) => entry.text("token", shown.id().trim_start_matches("token:")),
        _ => entry,
    };
    if class == Class::Together {
        let done = carry_out(action, Some(&entry));
        // One of the store would only fail again.
        if let Some(error) = done.as_ref().err().filter(|error| !error.is_ours()) {
            enter_outcome(inner, &failed(inner, &entry, error));
        }
        return done;
    }
    if class == Class::After {
        let done = carry_out(action, None);
        let told =
            done.as_ref().err().map_or_else(|| again(inner, &entry), |error| failed(inner, &entry, error));
        enter_outcome(inner, &told);
        return done;
    }
    let begun = enter(inner, &entry.clone().outcome(Outcome::Begun))?;
    let after = Entry { of: Some(begun.sequence), ..entry };
    let done = carry_out(action, Some(&after));
    match &done {
        Err(error) => enter_outcome(inner, &failed(inner, &after, error)),
        // A run in the background says by itself what came of it.
        Ok(_) if class == Class::Begins => {}
        Ok(reply) => {
            let settings = after.before.map(|_| settings_digest(inner));
            let told = Entry { after: settings.or(after.after), texts: Vec::new(), ..again(inner, &after) };
            enter_outcome(inner, &told.text("result", result(reply)));
        }
    }
    done
}

fn note_taken(inner: &Inner, caller: &Caller, taken: &Taken) {
    let who = principal(inner, caller);
    if inner.readers.count(&who, taken, inner.clock.now_ms()) {
        let entry = entry(inner, taken.kind, &who, (taken.subject.0, &taken.subject.1));
        let (request, policy) = (caller.request.clone(), inner.access.digest());
        enter_outcome(inner, &Entry { request, policy, ..entry });
    }
}

/// The entry once more, later.
fn again(inner: &Inner, entry: &Entry) -> Entry {
    inner.signing.note();
    Entry { at_ms: inner.clock.now_ms(), seed: random(), ..entry.clone() }
}

fn failed(inner: &Inner, entry: &Entry, error: &EngineError) -> Entry {
    let (before, after) = (None, None);
    let texts = if entry.of.is_some() { Vec::new() } else { entry.texts.clone() };
    let told = Entry { before, after, texts, outcome: Outcome::Failed, ..again(inner, entry) };
    told.text("error", kept(&error.to_string()))
}

/// What came of it, where the request does not say it already.
fn result(reply: &Reply) -> String {
    match reply {
        Reply::Job(types::Job { id, .. }) => format!("job {id}"),
        Reply::Model(types::Model { sha256, .. }) => format!("model {sha256}"),
        _ => String::new(),
    }
}

fn settings_digest(inner: &Inner) -> Hash {
    digest(inner.config.edited_text().unwrap_or_default().as_bytes())
}

impl From<AuditError> for EngineError {
    fn from(error: AuditError) -> Self {
        let what = error.to_string();
        match error {
            AuditError::Store(error) => queue_words::store_said(&error),
            AuditError::Missing { advice, .. } => Self::Conflict { what, advice: advice.into() },
            AuditError::Invalid { advice, .. } => Self::Invalid { what, advice: advice.into() },
            AuditError::Damaged { .. } => Self::Damaged {
                what,
                advice: "`spud audit verify` names all that is wrong; a backup holds the log, too".into(),
            },
            AuditError::Key(_) | AuditError::Io { .. } => Self::Internal(what),
        }
    }
}

#[cfg(test)]
mod tests;
