//! The history of a box's settings over a disk that fails, beside a model of it: after a failure it is the one before
//! the change that was under way, or the one after it, whole.

use std::collections::BTreeMap;

use spud::config::{Cause, ConfigError, HISTORY_KEPT, Head, History, Trial, Version};
use spud::store::{Control, StoreError, WriteTransaction};

use super::disk::Dice;
use super::queue_life::ensure;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Picture {
    /// Number of a version → the file after it.
    versions: BTreeMap<u64, String>,
    trial: Option<Trial>,
    head: Option<Head>,
}

#[derive(Debug, Default)]
pub struct SettingsLife {
    now: Picture,
    after: Option<Picture>,
}

impl SettingsLife {
    /// Keeps a version, on trial or not, with what goes with it.
    pub fn keep(
        &mut self,
        control: &Control,
        dice: &mut Dice,
        now_ms: u64,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), ConfigError> {
        let id = self.now.versions.last_key_value().map_or(0, |(id, _)| *id) + 1;
        let text =
            format!("# {id}\n[retention]\ndays = {}\n", dice.below(4_000)).repeat(1 + dice.below(4) as usize);
        let trial = dice.one_in(3).then(|| Trial {
            version: id,
            text: format!("before {id}"),
            began_ms: now_ms,
            seconds: 120,
            actor: "uid 0".into(),
        });
        let head = head(dice, now_ms);
        let version = Version {
            id,
            at_ms: now_ms,
            cause: Cause::Set,
            actor: "uid 0".into(),
            reason: format!("reason {id}"),
            text: text.clone(),
            changes: vec![format!("retention.days: {id}")],
        };
        let mut after = Picture { trial: trial.clone(), head: Some(head.clone()), ..self.now.clone() };
        after.versions.insert(id, text);
        while after.versions.len() as u64 > HISTORY_KEPT {
            after.versions.pop_first();
        }
        self.after = Some(after);
        History::keep(control, &version, &head, |_| trial, also)?;
        self.done();
        Ok(())
    }

    /// A trial is confirmed, or the files are found to be others.
    pub fn settle(&mut self, control: &Control, dice: &mut Dice, now_ms: u64) -> Result<(), ConfigError> {
        let mut after = self.now.clone();
        if dice.one_in(2) {
            after.trial = None;
            self.after = Some(after);
            History::set_trial(control, None)?;
        } else {
            let head = head(dice, now_ms);
            after.head = Some(head.clone());
            self.after = Some(after);
            History::set_head(control, &head)?;
        }
        self.done();
        Ok(())
    }

    fn done(&mut self) {
        if let Some(after) = self.after.take() {
            self.now = after;
        }
    }

    /// Holds what is kept against the model; the inner result is what is wrong with it.
    pub fn verify(&mut self, control: &Control) -> Result<Result<(), String>, ConfigError> {
        let newest = History::newest(control, None, usize::MAX)?;
        let found = Picture {
            versions: newest.into_iter().map(|version| (version.id, version.text)).collect(),
            trial: History::trial(control)?,
            head: History::head(control)?,
        };
        Ok(self.compare(&found))
    }

    fn compare(&mut self, found: &Picture) -> Result<(), String> {
        if let Some(after) = self.after.take()
            && *found == after
        {
            self.now = after;
        }
        ensure!(*found == self.now, "the settings' history is {found:?}, not {:?}", self.now);
        Ok(())
    }
}

fn head(dice: &mut Dice, now_ms: u64) -> Head {
    let mut files = [0; 32];
    files[..8].copy_from_slice(&dice.roll().to_le_bytes());
    Head { files, at_ms: now_ms }
}
