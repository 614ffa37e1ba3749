//! A box's queue, pauses and history of modes over a disk that fails, beside a model of what was acknowledged.
//!
//! Whatever was answered with success must be there afterwards; whatever was under way when the disk failed is
//! there as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use spud::audit::{self, Entry, Log};
use spud::resilience::queue::{
    LANES, LaneLimits, NewOperation, Operation, Queue, QueueSettings, State, Surroundings,
};
use spud::resilience::{Cause, Change, Forced, History, Inputs, Mode};
use spud::store::crypt::Vault;
use spud::store::{Control, StoreError, WriteTransaction};

use super::disk::{Board, Dice};
use super::settings_life::SettingsLife;
use super::upstream::{Wild, check_of};

pub const CACHE: usize = 128 << 10;
/// Batches that the worker does one after the other.
const BATCHES: usize = 16;
const START_MS: u64 = 1_700_000_000_000;

macro_rules! ensure {
    ($fine:expr, $($text:tt)*) => {
        if !$fine {
            return Err(format!($($text)*));
        }
    };
}
pub(crate) use ensure;

mod verify;

/// What is known of an operation whose acceptance was answered.
#[derive(Debug, Default, Clone)]
struct Kept {
    /// Check of its payload.
    payload: u64,
    /// Of the one that it gets, where that is under way.
    edited: Option<u64>,
    settled: bool,
    dead: bool,
    /// A purge of it was under way, or done.
    purging: bool,
    purged: bool,
    /// A person's change was under way: dead or waiting.
    loose: bool,
}

struct Around<'a>(&'a mut u64, &'a mut Dice);

impl Surroundings for Around<'_> {
    fn now_ms(&self) -> u64 {
        *self.0
    }
    fn random(&mut self) -> u64 {
        self.1.roll()
    }
    fn allow(&mut self) -> Result<(), u64> {
        Ok(())
    }
    fn record(&mut self, _failed: bool) {}
    fn is_stopping(&self) -> bool {
        false
    }
}

pub struct QueueLife {
    board: Board,
    disk: usize,
    /// The keys of the box, where it is encrypted.
    pub vault: Arc<Vault>,
    control: Option<Control>,
    queue: Queue,
    settings: SettingsLife,
    dice: Dice,
    pub now_ms: u64,
    pub upstream: Wild,
    posted: BTreeMap<u64, Kept>,
    unsure: Vec<NewOperation>,
    /// Delivered when the disk failed: done, or to be delivered again.
    perhaps_done: BTreeSet<u64>,
    /// Was not there after all: whoever posted it posts it again.
    again: Vec<NewOperation>,
    history: Vec<String>,
    history_unsure: Option<String>,
    /// Changes that were acknowledged, and all that were tried: so many entries the audit log has at least, and at most.
    entered: u64,
    tried: u64,
    forced: Option<String>,
    paused: Option<String>,
    paused_unsure: Option<Option<String>>,
    made: u64,
    /// Operations that are kept in full detail; long lives drop what is settled.
    pub forgets: bool,
    /// Of the store, in bytes.
    pub cache: usize,
}

fn new_queue(now_ms: u64) -> Queue {
    let limits = LaneLimits { operations: 1 << 40, bytes: 1 << 40, drop_oldest: false };
    Queue::new(QueueSettings { limits: [limits; 4], attempts_most: 20, upstream: true }, 7, now_ms)
}

impl QueueLife {
    pub fn new(board: &Board, disk: usize, seed: u64) -> Self {
        Self {
            board: board.clone(),
            disk,
            vault: Arc::default(),
            control: None,
            queue: new_queue(START_MS),
            settings: SettingsLife::default(),
            dice: Dice(seed),
            now_ms: START_MS,
            upstream: Wild::new(seed),
            posted: BTreeMap::new(),
            unsure: Vec::new(),
            again: Vec::new(),
            perhaps_done: BTreeSet::new(),
            history: Vec::new(),
            history_unsure: None,
            entered: 0,
            tried: 0,
            forced: None,
            paused: None,
            paused_unsure: None,
            made: 0,
            forgets: false,
            cache: CACHE,
        }
    }

    pub fn accepted(&self) -> u64 {
        self.made
    }

    /// As a start of the program; false where the disk failed on the way.
    pub fn start(&mut self) -> Result<bool, String> {
        self.control = None;
        self.queue = new_queue(self.now_ms);
        let opened = Control::over(self.board.disk(self.disk).sealed(&self.vault), self.cache);
        let Some(control) = self.said(opened, "opening")? else { return Ok(false) };
        let loaded = self.queue.load(&control, self.now_ms);
        self.control = Some(control);
        Ok(self.said(loaded, "loading the queue")?.is_some())
    }

    pub fn stop(&mut self) {
        self.control = None;
    }

    /// Errors are right where the disk failed, and only there.
    fn said<T>(&self, result: Result<T, impl std::fmt::Display>, what: &str) -> Result<Option<T>, String> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.board.is_off() || !self.board.is_armed() => Ok(None),
            Err(error) => Err(format!("{what}: {error}")),
        }
    }

    pub fn control(&self) -> Result<&Control, String> {
        self.control.as_ref().ok_or_else(|| "the store is not open".to_owned())
    }

    /// One thing that a box does; false where the disk failed meanwhile.
    pub fn step(&mut self) -> Result<bool, String> {
        self.now_ms += self.dice.below(40_000);
        match self.dice.below(100) {
            0..45 => self.post(),
            45..78 => self.work(),
            78..82 => self.change_settings(),
            82..88 => self.change_mode(),
            88..91 => self.pause(),
            _ => self.mend(),
        }
    }

    /// Posts some operations in one commit.
    pub fn post(&mut self) -> Result<bool, String> {
        let count = 1 + self.dice.below(4);
        let new: Vec<NewOperation> = (0..count).map(|_| self.operation()).collect();
        Ok(self.post_again()? && self.post_these(new)?)
    }

    fn post_again(&mut self) -> Result<bool, String> {
        let again = std::mem::take(&mut self.again);
        Ok(again.is_empty() || self.post_these(again)?)
    }

    /// Posts this many in one commit, of many keys, and lets the worker do what is due in the time after it.
    pub fn flow(&mut self, count: u64, gap_ms: u64) -> Result<bool, String> {
        if !self.post_again()? {
            return Ok(false);
        }
        let mut new: Vec<NewOperation> = (0..count).map(|_| self.operation()).collect();
        for one in &mut new {
            one.key = format!("key-{}", self.dice.below(500));
        }
        if !self.post_these(new)? {
            return Ok(false);
        }
        for _ in 0..4 {
            self.now_ms += gap_ms / 4;
            if !self.work_off()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets the worker do one batch after the other, as long as something goes; of a long backlog a share.
    fn work_off(&mut self) -> Result<bool, String> {
        for _ in 0..BATCHES {
            let before = self.upstream.tries;
            if !self.work()? {
                return Ok(false);
            }
            if self.upstream.away || self.upstream.tries == before {
                break;
            }
        }
        Ok(true)
    }

    /// Waiting now.
    pub fn waiting(&self) -> Result<u64, String> {
        let view = self.queue.view(self.control()?, self.now_ms).map_err(|error| error.to_string())?;
        Ok(view.lanes.iter().map(|lane| lane.operations).sum())
    }

    fn operation(&mut self) -> NewOperation {
        self.made += 1;
        let large = if self.forgets { 1_000 } else { 20 };
        let pad = if self.dice.one_in(large) { 9_000 } else { self.dice.below(200) };
        NewOperation {
            kind: "proof".into(),
            content_type: "text/plain".into(),
            payload: format!("{} {}", self.made, "x".repeat(pad as usize)).into(),
            lane: LANES[self.dice.below(4) as usize],
            key: if self.dice.one_in(3) { String::new() } else { format!("key-{}", self.dice.below(6)) },
            idempotency: Some(format!("post-{}", self.made)),
            ..NewOperation::default()
        }
    }

    fn post_these(&mut self, new: Vec<NewOperation>) -> Result<bool, String> {
        let answered = self.queue.post(self.control()?, &new, self.now_ms);
        let Some(answers) = self.said(answered, "posting")? else {
            self.unsure = new;
            return Ok(false);
        };
        for (one, answer) in new.into_iter().zip(answers) {
            let added = answer.map_err(|refusal| format!("refused: {refusal}"))?;
            ensure!(!added.known, "{} was known before it was posted", added.id);
            self.accept(added.id.number, &one.payload)?;
        }
        Ok(true)
    }

    fn accept(&mut self, number: u64, payload: &[u8]) -> Result<(), String> {
        let kept = Kept { payload: check_of(payload), ..Kept::default() };
        ensure!(self.posted.insert(number, kept).is_none(), "the number {number} was given twice");
        Ok(())
    }

    /// Lets the worker do what is due.
    pub fn work(&mut self) -> Result<bool, String> {
        let control = self.control.as_ref().ok_or("the store is not open")?;
        let worked =
            self.queue.work(control, Some(&mut self.upstream), &mut Around(&mut self.now_ms, &mut self.dice));
        if let Some(wrong) = self.upstream.wrong.take() {
            return Err(wrong);
        }
        let answered = std::mem::take(&mut self.upstream.answered);
        let Some(dead) = self.said(worked, "working")? else {
            self.perhaps_done.extend(answered);
            return Ok(false);
        };
        // That they are done is durable: they must not come to the upstream again.
        for number in answered {
            self.upstream.settle(number);
            if self.forgets {
                self.posted.remove(&number);
            } else if let Some(kept) = self.posted.get_mut(&number) {
                kept.settled = true;
            }
        }
        for (id, _) in dead {
            self.upstream.note_dead(id.number);
            if let Some(kept) = self.posted.get_mut(&id.number) {
                (kept.dead, kept.loose) = (true, false);
            }
        }
        Ok(true)
    }

    /// Forces a mode, with an operation that tells of it in the same commit.
    fn change_mode(&mut self) -> Result<bool, String> {
        let (reason, operation) = (format!("change {}", self.made), self.operation());
        let terms = self.queue.terms().ok_or("the queue is not loaded")?;
        let change = Change {
            at_ms: self.now_ms,
            from: Mode::Normal,
            to: Mode::LocalQueue,
            cause: Cause::Forced,
            reason: reason.clone(),
            actor: "uid 0".into(),
            inputs: Inputs::default(),
        };
        let forced = Forced {
            mode: Mode::LocalQueue,
            actor: "uid 0".into(),
            reason: reason.clone(),
            since_ms: self.now_ms,
            until_ms: self.now_ms + 1,
        };
        let mut added = None;
        let entry = self.entry();
        let kept = History::keep(self.control()?, &[change], Some(&forced), |write, _| {
            added = terms.enqueue(write, &operation, self.now_ms)?.ok();
            audit::append(write, &entry).map(drop)
        });
        let Some(()) = self.said(kept, "changing the mode")? else {
            self.queue.doubt();
            (self.unsure, self.history_unsure) = (vec![operation], Some(reason));
            return Ok(false);
        };
        let added = added.ok_or("the change of mode was not queued")?;
        self.accept(added.id.number, &operation.payload)?;
        let control = self.control()?;
        self.queue.refresh(control);
        self.queue.announce(&[added], self.now_ms);
        self.history.push(reason.clone());
        self.forced = Some(reason);
        self.entered += 1;
        Ok(true)
    }

    fn change_settings(&mut self) -> Result<bool, String> {
        if self.dice.one_in(4) {
            let control = self.control.as_ref().ok_or("the store is not open")?;
            let settled = self.settings.settle(control, &mut self.dice, self.now_ms);
            return Ok(self.said(settled, "settling a trial")?.is_some());
        }
        let entry = self.entry();
        let control = self.control.as_ref().ok_or("the store is not open")?;
        let also = |write: &WriteTransaction| audit::append(write, &entry).map(drop);
        let kept = self.settings.keep(control, &mut self.dice, self.now_ms, also);
        let Some(()) = self.said(kept, "keeping a version of the settings")? else { return Ok(false) };
        self.entered += 1;
        Ok(true)
    }

    fn pause(&mut self) -> Result<bool, String> {
        let reason = if self.paused.is_some() { None } else { Some(format!("pause {}", self.now_ms)) };
        let (entry, now_ms) = (self.entry(), self.now_ms);
        let also = |write: &WriteTransaction| audit::append(write, &entry).map(drop);
        let paused = self.queue.pause(self.control()?, reason.as_deref(), now_ms, also);
        match self.said(paused, "pausing")? {
            Some(()) => (self.paused, self.entered) = (reason, self.entered + 1),
            None => {
                self.paused_unsure = Some(reason);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A person retries, edits or throws away a dead letter.
    fn mend(&mut self) -> Result<bool, String> {
        let Some(number) = self.posted.iter().find(|(_, kept)| kept.dead).map(|(number, _)| *number) else {
            return self.work();
        };
        let payload = format!("edited {number} {}", self.now_ms).into_bytes();
        let entry = self.entry();
        let also = |write: &WriteTransaction| audit::append(write, &entry).map(drop);
        let control = self.control.as_ref().ok_or("the store is not open")?;
        let kept = self.posted.get_mut(&number).ok_or("gone")?;
        let did = match self.dice.below(3) {
            0 => {
                kept.loose = true;
                let done = self.queue.retry(control, number, self.now_ms, also).map(|found| found.is_some());
                kept.dead = done.is_err();
                kept.loose = done.is_err();
                done
            }
            1 => {
                kept.edited = Some(check_of(&payload));
                let done =
                    self.queue.edit(control, number, (None, &payload), also).map(|found| found.is_some());
                if done.is_ok() {
                    (kept.payload, kept.edited) = (check_of(&payload), None);
                }
                done
            }
            _ => {
                let done = self.queue.purge(control, Some(number), also).map(|gone| gone == 1);
                kept.purging = true;
                kept.purged = done.is_ok();
                kept.dead = done.is_err();
                done
            }
        };
        match self.said(did, "mending a dead letter")? {
            Some(found) => ensure!(found, "the dead letter {number} was not there"),
            None => return Ok(false),
        }
        self.entered += 1;
        Ok(true)
    }
}
