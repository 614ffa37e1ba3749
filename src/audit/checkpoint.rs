//! Checkpoints (C2SP tlog-checkpoint): the head of the tree as a signed note, and who else signed it.
//!
//! ```text
//! <origin>
//! <size>
//! <root hash, base 64>
//!
//! — <origin> <id and signature, base 64>
//! — <cosigner> <id, time and signature, base 64>
//! ```
//! The origin is made of the first key that signed. Where the log goes on from an older state (a backup took its
//! place) or on another box, what follows is another log: it gets an origin of its own, so that nobody signs two
//! stories under one name.

use bincode::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::AuditError;
use super::log::{CHECKPOINTS, Log, STATE, VERSION, get};
use super::note::{KeyKind, Note, NoteSigner, VerifierKey};
use super::tree::Hash;
use crate::base::{from_base64, to_base64, to_hex};
use crate::store::backup::{PublicKey, Signer};
use crate::store::{StoreError, WriteTransaction, codec, number_key, number_of};

/// Checkpoints that are kept; the oldest go.
pub const CHECKPOINTS_KEPT: u64 = 10_000;
const ORIGIN: &[u8] = b"origin";
const ANCHORED: &[u8] = b"anchored";
const COSIGNER: &str = "cosigner:";

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl Head {
    /// Reads the text of a note; `None` where it is no checkpoint. Lines that follow are let stand.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let number: u64 = size.parse().ok()?;
        let root = from_base64(root)?.try_into().ok()?;
        let fine = !origin.is_empty() && number.to_string() == size && lines.all(|line| !line.is_empty());
        fine.then(|| Self { origin: origin.to_owned(), size: number, root })
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, to_base64(&self.root))
    }
}

/// A checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Record {
    pub(super) at_ms: u64,
    pub(super) note: String,
    /// Of those whose cosignature was verified: name and second.
    pub(super) cosigned: Vec<(String, u64)>,
}

/// A checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub size: u64,
    pub at_ms: u64,
    pub note: String,
    pub cosigned: Vec<(String, u64)>,
}

/// The newest checkpoint that somebody else signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Anchored {
    pub size: u64,
    /// Second of the cosignature.
    pub time_s: u64,
    pub name: String,
}

impl Log {
    /// The newest checkpoints before a size, newest first.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn checkpoints(&self, before: u64, most: usize) -> Result<Vec<Checkpoint>, AuditError> {
        let Some(table) = &self.checkpoints else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for row in table.range::<&[u8]>(..&number_key(before)[..])?.rev().take(most) {
            let (key, value) = row?;
            found.push(checkpoint(number_of(key.value()), codec::decode(VERSION, value.value())?));
        }
        Ok(found)
    }

    /// The checkpoint of exactly this size.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn checkpoint(&self, size: u64) -> Result<Option<Checkpoint>, AuditError> {
        let value = get(self.checkpoints.as_ref(), &number_key(size))?;
        Ok(value
            .map(|value| codec::decode(VERSION, &value))
            .transpose()?
            .map(|record| checkpoint(size, record)))
    }

    /// How the log calls itself; absent before its first checkpoint.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn origin(&self) -> Result<Option<String>, AuditError> {
        let value = get(self.state.as_ref(), ORIGIN)?;
        let text = |value: Vec<u8>| -> Result<String, AuditError> {
            Ok(String::from_utf8_lossy(codec::unseal(VERSION, &value)?).into_owned())
        };
        value.map(text).transpose()
    }

    /// What was anchored last.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn anchored(&self) -> Result<Option<Anchored>, AuditError> {
        let value = get(self.state.as_ref(), ANCHORED)?;
        Ok(value.map(|value| codec::decode(VERSION, &value)).transpose()?)
    }

    /// Keys whose cosignatures are believed.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn cosigners(&self) -> Result<Vec<VerifierKey>, AuditError> {
        let Some(state) = &self.state else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for row in state.range::<&[u8]>(COSIGNER.as_bytes()..)? {
            let (key, value) = row?;
            if !key.value().starts_with(COSIGNER.as_bytes()) {
                break;
            }
            let text = String::from_utf8_lossy(codec::unseal(VERSION, value.value())?).into_owned();
            found.extend(VerifierKey::parse(&text));
        }
        Ok(found)
    }

    /// Signs the head of the whole log; `None` where it is empty, or where the newest checkpoint says the same. With
    /// an origin, the log is another one from here on.
    ///
    /// # Errors
    /// What the store says, or damage.
    pub fn sign(
        &self,
        signer: Signer,
        now_ms: u64,
        origin: Option<String>,
    ) -> Result<Option<Checkpoint>, AuditError> {
        if self.size() == 0 || self.checkpoint(self.size())?.is_some() {
            return Ok(None);
        }
        let known = match origin {
            Some(origin) => Some(origin),
            None => self.origin()?,
        };
        let origin = known.unwrap_or_else(|| origin_of(&signer.public()));
        let head = Head { origin, size: self.size(), root: self.root(self.size())? };
        let mut note = Note::new(head.text());
        NoteSigner::new(&head.origin, KeyKind::Log, signer).sign(&mut note, 0);
        let (size, note) = (head.size, note.to_string());
        Ok(Some(Checkpoint { size, at_ms: now_ms, note, cosigned: Vec::new() }))
    }

    /// True where the newest checkpoint is of this key, or where there is none.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn is_signed_by(&self, key: &PublicKey) -> Result<bool, AuditError> {
        let Some(newest) = self.checkpoints(u64::MAX, 1)?.pop() else { return Ok(true) };
        let note = Note::parse(&newest.note);
        let head = note.as_ref().and_then(|note| Head::parse(note.text()));
        Ok(note.zip(head).is_some_and(|(note, head)| signed_by(&head, &note, &[*key]).is_some()))
    }

    /// Looks at a checkpoint that comes from outside: it must be of this log and say of it what is so.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] where it is none, or of another log; [`AuditError::Damaged`] where it contradicts the
    /// log: one of the two is not what it was.
    pub fn compare(&self, note: &str, trusted: &[PublicKey]) -> Result<(Head, Note), AuditError> {
        let advice = "give a file as `spud audit checkpoint` prints it";
        let note = Note::parse(note).ok_or_else(|| AuditError::invalid("this is no signed note", advice))?;
        let head = Head::parse(note.text());
        let head = head.ok_or_else(|| AuditError::invalid("this note is no checkpoint", advice))?;
        if signed_by(&head, &note, trusted).is_none() {
            let what = format!("no key that this box knows signed this checkpoint of {}", head.origin);
            return Err(AuditError::invalid(what, "compare it with the box that made it"));
        }
        if head.size > self.size() {
            let what = format!("the checkpoint tells of {} entries, the log has {}", head.size, self.size());
            return Err(AuditError::damaged(format!("{what}: entries are missing at its end")));
        }
        if self.root(head.size)? != head.root {
            let what = format!("its first {} entries are not those of the checkpoint", head.size);
            return Err(AuditError::damaged(what));
        }
        Ok((head, note))
    }
}

/// The key of those that signed a checkpoint in the log's own name.
pub(super) fn signed_by(head: &Head, note: &Note, keys: &[PublicKey]) -> Option<PublicKey> {
    let signed = |public: &&PublicKey| {
        VerifierKey { name: head.origin.clone(), kind: KeyKind::Log, public: **public }.verify(note).is_some()
    };
    keys.iter().find(signed).copied()
}

fn checkpoint(size: u64, record: Record) -> Checkpoint {
    let Record { at_ms, note, cosigned } = record;
    Checkpoint { size, at_ms, note, cosigned }
}

/// A name for a log, made of what nothing else was made of.
#[must_use]
pub fn origin_of(unique: &[u8]) -> String {
    let digest: Hash = Sha256::digest(unique).into();
    format!("spud.invalid/{}", to_hex(digest.get(..8).unwrap_or_default()))
}

/// Keeps a checkpoint; the oldest of too many go.
///
/// # Errors
/// What the store says.
pub fn keep(write: &WriteTransaction, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let Checkpoint { size, at_ms, note, cosigned } = checkpoint.clone();
    let mut table = write.open_table(CHECKPOINTS)?;
    table.insert(&number_key(size), &codec::encode(VERSION, &Record { at_ms, note, cosigned })?)?;
    while table.len()? > CHECKPOINTS_KEPT {
        table.pop_first()?;
    }
    let head = Note::parse(&checkpoint.note).and_then(|note| Head::parse(note.text()));
    if let Some(head) = head {
        write.open_table(STATE)?.insert(ORIGIN, &codec::seal(VERSION, head.origin.as_bytes()))?;
    }
    Ok(())
}

/// What comes of a checkpoint with cosignatures: the checkpoint with those that hold, and the newest of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    pub checkpoint: Checkpoint,
    pub newest: Anchored,
    /// Keys that were not known before.
    pub new_keys: Vec<VerifierKey>,
}

impl Log {
    /// Verifies the cosignatures of a checkpoint by the keys that are known and those given.
    ///
    /// # Errors
    /// As [`Log::compare`]; [`AuditError::Invalid`] where no cosignature holds.
    pub fn anchor(
        &self,
        note: &str,
        given: &[VerifierKey],
        trusted: &[PublicKey],
        now_ms: u64,
    ) -> Result<Anchor, AuditError> {
        let (head, outside) = self.compare(note, trusted)?;
        let known = self.cosigners()?;
        let new_keys: Vec<VerifierKey> = given
            .iter()
            .filter(|key| key.kind == KeyKind::Cosigner && !known.contains(key))
            .cloned()
            .collect();
        let kept = self.checkpoint(head.size)?;
        let (mut whole, mut cosigned) = match &kept {
            Some(kept) => (Note::parse(&kept.note).unwrap_or_else(|| outside.clone()), kept.cosigned.clone()),
            None => (outside.clone(), Vec::new()),
        };
        let mut newest: Option<Anchored> = None;
        for key in known.iter().chain(&new_keys) {
            let Some(time_s) = key.verify(&outside) else { continue };
            whole.adopt(key, &outside);
            cosigned.retain(|(name, _)| *name != key.name);
            cosigned.push((key.name.clone(), time_s));
            if newest.as_ref().is_none_or(|known| known.time_s < time_s) {
                newest = Some(Anchored { size: head.size, time_s, name: key.name.clone() });
            }
        }
        let newest = newest.ok_or_else(|| {
            let names: Vec<&str> = outside.signers().filter(|name| *name != head.origin).collect();
            let what = match names.is_empty() {
                true => "nobody cosigned this checkpoint".to_owned(),
                false => format!("no known key holds for the cosignatures of {}", names.join(", ")),
            };
            AuditError::invalid(
                what,
                "give the cosigner's public key with --cosigner (`spud audit key FILE` shows it)",
            )
        })?;
        let at_ms = kept.map_or(now_ms, |kept| kept.at_ms);
        let checkpoint = Checkpoint { size: head.size, at_ms, note: whole.to_string(), cosigned };
        Ok(Anchor { checkpoint, newest, new_keys })
    }
}

/// Keeps an anchor, with the keys that are believed from now on.
///
/// # Errors
/// What the store says.
pub fn keep_anchor(write: &WriteTransaction, anchor: &Anchor) -> Result<(), StoreError> {
    keep(write, &anchor.checkpoint)?;
    let mut state = write.open_table(STATE)?;
    for key in &anchor.new_keys {
        let name = format!("{COSIGNER}{}", key.name);
        state.insert(name.as_bytes(), &codec::seal(VERSION, key.to_string().as_bytes()))?;
    }
    let known: Option<Anchored> = match state.get(ANCHORED)? {
        Some(value) => Some(codec::decode(VERSION, value.value())?),
        None => None,
    };
    if known.is_none_or(|known| known.size <= anchor.newest.size) {
        state.insert(ANCHORED, &codec::encode(VERSION, &anchor.newest)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Entry, append};
    use crate::store::Control;

    fn with_entries(count: u64) -> (tempfile::TempDir, Control) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        more(&control, count);
        (folder, control)
    }

    fn more(control: &Control, count: u64) {
        for n in 0..count {
            let entry = Entry::new(n, [0; 32], "test.made", "box", ("thing", "x"));
            control.write(|write| append(write, &entry)).unwrap();
        }
    }

    fn open(control: &Control) -> Log {
        Log::open(&control.snapshot().unwrap()).unwrap()
    }

    fn key() -> Signer {
        Signer::from_seed(&[5; 32])
    }

    #[test]
    fn checkpoints_say_what_is_so_and_another_log_is_noticed() {
        let (_folder, control) = with_entries(0);
        assert_eq!(open(&control).sign(key(), 1, None).unwrap(), None, "nothing to sign");
        more(&control, 5);
        let made = open(&control).sign(key(), 1, None).unwrap().unwrap();
        control.write(|write| keep(write, &made)).unwrap();
        assert_eq!(open(&control).sign(key(), 2, None).unwrap(), None, "it is signed already");
        more(&control, 3);
        let trusted = [key().public()];
        let (head, _) = open(&control).compare(&made.note, &trusted).unwrap();
        assert_eq!((head.size, Some(head.origin)), (5, open(&control).origin().unwrap()));
        assert!(matches!(open(&control).compare(&made.note, &[[1; 32]]), Err(AuditError::Invalid { .. })));
        // A log that lost entries, and one that has others.
        let (_folder, short) = with_entries(4);
        assert!(matches!(open(&short).compare(&made.note, &trusted), Err(AuditError::Damaged { .. })));
        let (_folder, other) = with_entries(0);
        for n in 0..9 {
            let entry = Entry::new(n, [0; 32], "test.forged", "box", ("thing", "x"));
            other.write(|write| append(write, &entry)).unwrap();
        }
        assert!(matches!(open(&other).compare(&made.note, &trusted), Err(AuditError::Damaged { .. })));
    }

    #[test]
    fn anchors_need_a_cosignature_that_holds() {
        let (_folder, control) = with_entries(5);
        let made = open(&control).sign(key(), 1, None).unwrap().unwrap();
        control.write(|write| keep(write, &made)).unwrap();
        let trusted = [key().public()];
        let laptop = NoteSigner::parse(&NoteSigner::secret("laptop", KeyKind::Cosigner, &[6; 32])).unwrap();
        let mut note = Note::parse(&made.note).unwrap();
        let refused = |note: &Note, keys: &[VerifierKey]| {
            open(&control).anchor(&note.to_string(), keys, &trusted, 9).is_err()
        };
        assert!(refused(&note, &[laptop.key().clone()]), "nobody cosigned");
        laptop.sign(&mut note, 77);
        assert!(refused(&note, &[]), "the key is not known");
        let anchor = open(&control).anchor(&note.to_string(), &[laptop.key().clone()], &trusted, 9).unwrap();
        control.write(|write| keep_anchor(write, &anchor)).unwrap();
        let log = open(&control);
        assert_eq!(log.anchored().unwrap(), Some(Anchored { size: 5, time_s: 77, name: "laptop".into() }));
        assert_eq!(log.cosigners().unwrap(), [laptop.key().clone()]);
        assert_eq!(log.checkpoint(5).unwrap().unwrap().cosigned, [("laptop".to_owned(), 77)]);
        // Known from now on.
        assert!(log.anchor(&note.to_string(), &[], &trusted, 9).unwrap().new_keys.is_empty());
    }
}
