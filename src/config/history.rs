//! Who changed which settings, when and why, with the file as it was after: kept in `control.redb`, bounded.
//!
//! A trial is kept before its file is written, so that no power cut can make it lasting; a version is kept after,
//! in one commit with what was applied.

use bincode::{Decode, Encode};

use super::error::ConfigError;
use crate::store::{
    Control, StoreError, Table, WriteTransaction, change_records, codec, number_key, number_of, there,
};

const VERSION: u8 = 1;
/// Number → [`VersionRecord`]
const VERSIONS: Table = Table::new("config_versions");
/// [`TRIAL`] → [`Trial`], [`HEAD`] → [`Head`]
const STATE: Table = Table::new("config_state");
const TRIAL: &[u8] = b"trial";
const HEAD: &[u8] = b"head";
/// Versions that are kept.
pub const KEPT: u64 = 200;

/// How a version came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// As it was found when it was first changed.
    Found,
    Set,
    Unset,
    Apply,
    Template,
    Rollback,
    /// A trial that nobody confirmed.
    Revert,
    /// Somebody changed the files.
    Files,
}

impl Cause {
    const ALL: [Self; 8] = [
        Self::Found,
        Self::Set,
        Self::Unset,
        Self::Apply,
        Self::Template,
        Self::Rollback,
        Self::Revert,
        Self::Files,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Set => "set",
            Self::Unset => "unset",
            Self::Apply => "apply",
            Self::Template => "template",
            Self::Rollback => "rollback",
            Self::Revert => "revert",
            Self::Files => "files",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct VersionRecord {
    at_ms: u64,
    /// Index in [`Cause::ALL`].
    cause: u8,
    actor: String,
    reason: String,
    text: String,
    changes: Vec<String>,
}

/// One version of the file that spud writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Rises by one.
    pub id: u64,
    pub at_ms: u64,
    pub cause: Cause,
    pub actor: String,
    pub reason: String,
    /// The file after.
    pub text: String,
    /// `log.level: info -> warn`
    pub changes: Vec<String>,
}

/// A change that reverts by itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Trial {
    /// The newest version that is on trial.
    pub version: u64,
    /// The file to go back to.
    pub text: String,
    /// Wall clock, which may be wrong after a power cut: no trial lasts longer than `seconds` from any start on.
    pub began_ms: u64,
    pub seconds: u64,
    pub actor: String,
}

impl Trial {
    /// Milliseconds that are left at this time.
    #[must_use]
    pub fn left_ms(&self, now_ms: u64) -> u64 {
        let whole = self.seconds.saturating_mul(1000);
        self.began_ms.saturating_add(whole).saturating_sub(now_ms).min(whole)
    }
}

/// What was applied last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// SHA-256 over all files of settings.
    pub files: [u8; 32],
    pub at_ms: u64,
}

/// The two tables.
#[derive(Debug)]
pub struct History;

impl History {
    /// Keeps a version (its id is given here), what was applied with it, the trial that stands after it, and what
    /// goes with it (`also`); forgets the oldest.
    ///
    /// # Errors
    /// What the store says; nothing is kept then.
    pub fn keep(
        control: &Control,
        version: &Version,
        head: &Head,
        trial: impl FnOnce(u64) -> Option<Trial>,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<u64, ConfigError> {
        let cause = Cause::ALL.iter().position(|cause| *cause == version.cause).unwrap_or(0);
        let record = VersionRecord {
            at_ms: version.at_ms,
            cause: u8::try_from(cause).unwrap_or(0),
            actor: version.actor.clone(),
            reason: version.reason.clone(),
            text: version.text.clone(),
            changes: version.changes.clone(),
        };
        let record = codec::encode(VERSION, &record)?;
        let head = codec::encode(VERSION, head)?;
        Ok(control.write(|write| {
            let mut table = write.open_table(VERSIONS)?;
            let id = table.push(&record, KEPT)?;
            write.open_table(STATE)?.insert(HEAD, head.as_slice())?;
            put_trial(write, trial(id).as_ref())?;
            also(write)?;
            Ok(id)
        })?)
    }

    /// Keeps the trial, or ends it.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_trial(control: &Control, trial: Option<&Trial>) -> Result<(), ConfigError> {
        Ok(control.write(|write| put_trial(write, trial))?)
    }

    /// The trial that stands.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn trial(control: &Control) -> Result<Option<Trial>, ConfigError> {
        state(control, TRIAL)
    }

    /// Keeps what was applied.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_head(control: &Control, head: &Head) -> Result<(), ConfigError> {
        let record = codec::encode(VERSION, head)?;
        Ok(control.write(|write| {
            write.open_table(STATE)?.insert(HEAD, record.as_slice())?;
            Ok(())
        })?)
    }

    /// What was applied last, by this run or the one before.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn head(control: &Control) -> Result<Option<Head>, ConfigError> {
        state(control, HEAD)
    }

    /// The newest versions, newest first; those before `before`, if it is given.
    ///
    /// # Errors
    /// What the store says. A damaged record is left out.
    pub fn newest(control: &Control, before: Option<u64>, most: usize) -> Result<Vec<Version>, ConfigError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(VERSIONS))? else { return Ok(found) };
            for row in table.range::<&[u8]>(..&number_key(before.unwrap_or(u64::MAX))[..])?.rev().take(most) {
                let (id, bytes) = row?;
                let id = number_of(id.value());
                match codec::decode::<VersionRecord>(VERSION, bytes.value()) {
                    Ok(record) => found.push(version(id, record)),
                    Err(error) => {
                        tracing::error!(version = id, %error, "a version of the settings cannot be read")
                    }
                }
            }
            Ok(found)
        })?)
    }

    /// Changes reasons, for each with who gave it: those of which `change` says that it did.
    ///
    /// # Errors
    /// What the store says.
    pub fn reword(
        write: &WriteTransaction,
        change: &dyn Fn(&str, &mut String) -> bool,
    ) -> Result<(), StoreError> {
        change_records(write, VERSIONS, VERSION, |one: &mut VersionRecord| {
            change(&one.actor, &mut one.reason)
        })
    }

    /// One version.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn version(control: &Control, id: u64) -> Result<Option<Version>, ConfigError> {
        let bytes = control.read(|read| {
            let Some(table) = there(read.open_table(VERSIONS))? else { return Ok(None) };
            Ok(table.get(&number_key(id)[..])?.map(|bytes| bytes.value().to_vec()))
        })?;
        let record = bytes.map(|bytes| codec::decode::<VersionRecord>(VERSION, &bytes)).transpose()?;
        Ok(record.map(|record| version(id, record)))
    }
}

fn version(id: u64, record: VersionRecord) -> Version {
    Version {
        id,
        at_ms: record.at_ms,
        cause: Cause::ALL.get(usize::from(record.cause)).copied().unwrap_or(Cause::Files),
        actor: record.actor,
        reason: record.reason,
        text: record.text,
        changes: record.changes,
    }
}

fn put_trial(write: &WriteTransaction, trial: Option<&Trial>) -> Result<(), StoreError> {
    let mut table = write.open_table(STATE)?;
    match trial {
        Some(trial) => drop(table.insert(TRIAL, codec::encode(VERSION, trial)?.as_slice())?),
        None => drop(table.remove(TRIAL)?),
    }
    Ok(())
}

fn state<T: Decode<()>>(control: &Control, name: &[u8]) -> Result<Option<T>, ConfigError> {
    let bytes = control.read(|read| {
        let Some(table) = there(read.open_table(STATE))? else { return Ok(None) };
        Ok(table.get(name)?.map(|bytes| bytes.value().to_vec()))
    })?;
    Ok(bytes.map(|bytes| codec::decode::<T>(VERSION, &bytes)).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version_of(n: u64) -> Version {
        Version {
            id: 0,
            at_ms: n,
            cause: Cause::Set,
            actor: "uid 0".into(),
            reason: format!("because {n}"),
            text: format!("[retention]\ndays = {n}\n"),
            changes: vec![format!("retention.days: 1 days -> {n} days")],
        }
    }

    #[test]
    fn versions_come_back_bounded_with_their_trial() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let control = Control::open(&path, 256 << 10).unwrap();
        assert!(History::newest(&control, None, 9).unwrap().is_empty());
        assert_eq!(History::trial(&control).unwrap(), None);
        let trial =
            |version| Trial { version, text: "old".into(), began_ms: 5, seconds: 120, actor: "a".into() };
        let head = Head { files: [1; 32], at_ms: 9 };
        for n in 1..=KEPT + 5 {
            assert_eq!(
                History::keep(&control, &version_of(n), &head, |id| Some(trial(id)), |_| Ok(())).unwrap(),
                n
            );
        }
        drop(control);
        let control = Control::open(&path, 256 << 10).unwrap();
        let all = History::newest(&control, None, 1000).unwrap();
        assert_eq!((all.len() as u64, all[0].id), (KEPT, KEPT + 5));
        assert_eq!(all[0], Version { id: KEPT + 5, ..version_of(KEPT + 5) });
        assert_eq!(History::version(&control, 1).unwrap(), None, "the oldest are forgotten");
        assert_eq!(History::trial(&control).unwrap(), Some(trial(KEPT + 5)));
        History::set_trial(&control, None).unwrap();
        assert_eq!(History::trial(&control).unwrap(), None);
        assert_eq!(History::head(&control).unwrap(), Some(head));
    }

    #[test]
    fn a_clock_that_jumps_makes_no_trial_longer() {
        let trial = Trial {
            version: 1,
            text: String::new(),
            began_ms: 1_000_000,
            seconds: 120,
            actor: String::new(),
        };
        assert_eq!(trial.left_ms(1_030_000), 90_000);
        assert_eq!(trial.left_ms(0), 120_000, "the clock fell back to 1970");
        assert_eq!(trial.left_ms(9_000_000), 0);
    }

    #[test]
    fn the_stored_form_is_the_one_of_version_1() {
        let record = VersionRecord {
            at_ms: 1,
            cause: 1,
            actor: "a".into(),
            reason: "r".into(),
            text: "t".into(),
            changes: vec!["c".into()],
        };
        let bytes = codec::encode(VERSION, &record).unwrap();
        let text = |letter: u8| [1, 0, 0, 0, 0, 0, 0, 0, letter];
        let head: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0, 1];
        let mut want = head.to_vec();
        want.extend(text(b'a'));
        want.extend(text(b'r'));
        want.extend(text(b't'));
        want.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        want.extend(text(b'c'));
        assert_eq!(&bytes[5..], want.as_slice());
    }
}
