//! Changes that revert by themselves: put on trial, confirmed, taken back when their time is over, also after a
//! power cut.

use super::run::Inner;
use super::settings::{Configuration, Desk};
use super::settings_edit::{Edit, history, make};
use super::trail::{self, in_words};
use super::worker::invalid;
use super::{Caller, EngineError, settings_words};
use crate::api::types::{CommitConfirm, ConfigChange, ConfigEvent, ConfigTrial, EventKind};
use crate::audit::Entry;
use crate::config::{self, Cause, Head, History, Trial, Version};
use crate::store::Control;
use crate::store::crypt::random;

const SHORTEST_S: u64 = 10;
const LONGEST_S: u64 = 86_400;

/// How long a trial may last.
pub(super) fn seconds(seconds: u64) -> Result<(), EngineError> {
    if (SHORTEST_S..=LONGEST_S).contains(&seconds) {
        return Ok(());
    }
    Err(invalid(format!("a trial lasts {SHORTEST_S} to {LONGEST_S} seconds, not {seconds}"), "such as 120s"))
}

/// Puts the last change on trial.
pub(super) fn commit_confirm(
    inner: &Inner,
    caller: &Caller,
    request: CommitConfirm,
) -> Result<ConfigChange, EngineError> {
    seconds(request.seconds)?;
    let mut desk = inner.config.desk();
    let control = history(inner)?;
    let mut last = History::newest(control, None, 2)?.into_iter();
    let (Some(newest), Some(before)) = (last.next(), last.next()) else {
        return Err(invalid("nothing was changed yet", "change something first, with --confirm 120s"));
    };
    let text = desk.trial.as_ref().map_or(before.text, |trial| trial.text.clone());
    let trial = Trial {
        version: newest.id,
        text,
        began_ms: inner.clock.now_ms(),
        seconds: request.seconds,
        actor: in_words(inner, caller),
    };
    History::set_trial(control, Some(&trial))?;
    inner.config.arm(&mut desk, Some(trial), inner.clock.monotonic_us());
    let trial = settings_words::trial(inner, &desk);
    publish(inner, "trial", caller, trial.clone());
    Ok(ConfigChange { trial, ..ConfigChange::default() })
}

/// What is on trial stays.
pub(super) fn confirm(inner: &Inner, caller: &Caller) -> Result<ConfigChange, EngineError> {
    let mut desk = inner.config.desk();
    if desk.trial.is_none() {
        return Err(EngineError::Conflict {
            what: "nothing waits to be confirmed".into(),
            advice: "it was confirmed already, or its time was over: see `spud config history`".into(),
        });
    }
    History::set_trial(history(inner)?, None)?;
    inner.config.arm(&mut desk, None, inner.clock.monotonic_us());
    publish(inner, "confirm", caller, None);
    Ok(ConfigChange::default())
}

fn publish(inner: &Inner, cause: &str, caller: &Caller, trial: Option<ConfigTrial>) {
    let actor = in_words(inner, caller);
    tracing::info!(cause, actor, "a trial of settings");
    let event = ConfigEvent { cause: cause.to_owned(), actor, trial, ..ConfigEvent::default() };
    inner.events.publish(inner.clock.now_ms(), EventKind::Config(Box::new(event)));
}

/// Nobody confirmed: the file goes back, whatever the other files say meanwhile.
pub(super) fn revert(inner: &Inner, desk: &mut Desk, trial: &Trial) -> Result<(), EngineError> {
    let reason = format!("version {} was not confirmed within {} s", trial.version, trial.seconds);
    let edit = Edit {
        cause: Cause::Revert,
        actor: trial.actor.clone(),
        reason: &reason,
        confirm_s: None,
        dry_run: false,
    };
    let control = history(inner)?;
    if inner.config.edited_text().unwrap_or_default() != trial.text {
        match make(inner, desk, &trial.text, &edit) {
            Ok(_) => return Ok(()),
            // Other files are wrong now: the file itself goes back all the same.
            Err(EngineError::Invalid { .. }) => {
                config::write_file(&inner.config.places.edited_file(), &trial.text)?
            }
            Err(error) => return Err(error),
        }
    }
    History::set_trial(control, None)?;
    inner.config.arm(desk, None, inner.clock.monotonic_us());
    tracing::warn!(reason, "settings were taken back");
    Ok(())
}

/// A trial whose time went by while nobody ran is taken back before anything is opened with its settings; true
/// where that was so.
pub(super) fn revert_overdue(
    config: &Configuration,
    control: &Control,
    now_ms: u64,
    now_us: u64,
) -> Result<bool, EngineError> {
    let trial = {
        let desk = config.desk();
        desk.trial.clone().filter(|_| Configuration::trial_left_ms(&desk, now_us) == 0)
    };
    let Some(trial) = trial else { return Ok(false) };
    config::write_file(&config.places.edited_file(), &trial.text)?;
    let version = Version {
        id: 0,
        at_ms: now_ms,
        cause: Cause::Revert,
        actor: trial.actor.clone(),
        reason: format!("version {} was not confirmed within {} s", trial.version, trial.seconds),
        text: trial.text.clone(),
        changes: Vec::new(),
    };
    let head = Head { files: config.load(None).hash, at_ms: now_ms };
    let entry = Entry::new(now_ms, random(), "config.reverted", trail::BOX, ("settings", ""));
    let entry = Entry { after: Some(trail::digest(trial.text.as_bytes())), ..entry };
    let entry = entry.text("reason", version.reason.as_str());
    History::keep(control, &version, &head, |_| None, trail::also(Some(&entry)))?;
    Ok(true)
}
