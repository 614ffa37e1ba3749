//! What the worker does when something is due: gives up what expired, leases, delivers, settles.
//!
//! A batch is two commits: one that says it is under way, one that says what became of it.

use std::collections::BTreeSet;

use super::batch::{Surroundings, Then, carry};
use super::delivery::{Delivery, Parcel};
use super::line::Mark;
use super::operation::{Id, Lane, Operation, State};
use super::shelf::{self, Terms};
use super::state::{Queue, STORE_PAUSE_MS};
use super::{marks, revisions};
use crate::store::{Control, StoreError, WriteTransaction};

/// Operations and payload bytes of one batch.
const BATCH: usize = 32;
const BATCH_BYTES: u64 = 512 << 10;
const LEASE_MS: u64 = 60_000;
const EXPIRED_AT_ONCE: usize = 64;

/// What was given up, and which operations arrived that are still to be settled.
type Settled = (Vec<(Id, Operation)>, BTreeSet<u64>);

impl Queue {
    /// Does what is due: gives up what expired, delivers a batch. True when it got something done.
    ///
    /// # Errors
    /// What the store says; it is tried again after a pause.
    pub fn work(
        &self,
        control: &Control,
        delivery: Option<&mut dyn Delivery>,
        around: &mut dyn Surroundings,
    ) -> Result<Vec<(Id, Operation)>, StoreError> {
        let worked = self.try_work(control, delivery, around);
        if let Err(error) = &worked {
            let mut picture = self.picture();
            picture.last_error = error.to_string();
            picture.store_retry_ms = around.now_ms() + STORE_PAUSE_MS;
        }
        worked
    }

    fn try_work(
        &self,
        control: &Control,
        delivery: Option<&mut dyn Delivery>,
        around: &mut dyn Surroundings,
    ) -> Result<Vec<(Id, Operation)>, StoreError> {
        self.load(control, around.now_ms())?;
        let mut dead = self.expire(control, around.now_ms())?;
        let Some(delivery) = delivery else {
            if self.has_upstream() {
                self.picture().gate_ms = around.now_ms() + STORE_PAUSE_MS;
            }
            return Ok(dead);
        };
        let batch = self.lease(control, around.now_ms())?;
        if batch.is_empty() {
            return Ok(dead);
        }
        let carried = carry(batch, delivery, around, self.settings.attempts_most);
        if let Some(gate_ms) = carried.gate_ms {
            self.picture().gate_ms = gate_ms;
        }
        if let Some(reason) = &carried.stop {
            self.pause(control, Some(reason), around.now_ms(), |_| Ok(()))?;
        }
        let (buried, open) = self.settle(control, carried.verdicts, &delivery.marks(), around.now_ms())?;
        delivery.settled(&open);
        dead.extend(buried);
        Ok(dead)
    }

    fn expire(&self, control: &Control, now_ms: u64) -> Result<Vec<(Id, Operation)>, StoreError> {
        let (over, box_id) = {
            let mut picture = self.picture();
            picture.scheduler.lapse(now_ms);
            let over = picture.scheduler.expired(now_ms, EXPIRED_AT_ONCE);
            let attempts = |number: &u64| {
                picture.scheduler.get(*number).map(|entry| (entry.lane, *number, entry.attempts))
            };
            (over.iter().filter_map(attempts).collect::<Vec<_>>(), picture.box_id())
        };
        if over.is_empty() {
            return Ok(Vec::new());
        }
        let (dead, gaps) = self.write(control, |write| {
            let (mut dead, mut gaps) = (Vec::new(), Vec::new());
            for (lane, number, attempts) in &over {
                let operation = shelf::waiting(write, *lane, *number)?;
                let gap = shelf::change_totals(write, |totals| {
                    shelf::bury(write, totals, (*lane, *number), ("expired", *attempts), now_ms)
                })?;
                gaps.extend(gap);
                dead.extend(operation.map(|operation| (*number, operation)));
            }
            Ok((dead, gaps))
        })?;
        let mut picture = self.picture();
        for (_, number, _) in &over {
            picture.scheduler.remove(*number);
        }
        picture.note_gaps(gaps);
        let named = dead.into_iter().map(|(number, operation)| {
            let id = Id { box_id, epoch: operation.epoch, number };
            let (state, ended_ms, last_error) = (State::Dead, now_ms, "expired".to_owned());
            (id, Operation { state, ended_ms, last_error, ..operation })
        });
        Ok(named.collect())
    }

    /// Takes a batch and keeps that it is under way.
    fn lease(&self, control: &Control, now_ms: u64) -> Result<Vec<Parcel>, StoreError> {
        let until_ms = now_ms + LEASE_MS;
        let (numbers, terms) = {
            let mut picture = self.picture();
            if !picture.may_deliver(now_ms) || picture.stopping {
                return Ok(Vec::new());
            }
            let Some(terms) = picture.terms.clone() else { return Ok(Vec::new()) };
            let mut numbers = Vec::new();
            while numbers.len() < BATCH {
                let Some(number) = picture.scheduler.take(until_ms, now_ms) else { break };
                let lane = picture.scheduler.get(number).map_or(Lane::Normal, |entry| entry.lane);
                numbers.push((lane, number));
            }
            (numbers, terms)
        };
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let mut gone = Vec::new();
        let mut left = Vec::new();
        let leased = self.write(control, |write| {
            shelf::change_totals(write, |totals| {
                totals.epoch = terms.epoch;
                numbers.iter().for_each(|(_, number)| totals.close_gap(*number));
                Ok(())
            })?;
            let mut parcels = Vec::new();
            let mut bytes = 0;
            for (lane, number) in &numbers {
                let Some(operation) = shelf::waiting(write, *lane, *number)? else {
                    gone.push(*number);
                    continue;
                };
                bytes += operation.bytes;
                // The first always goes; what is left keeps its place behind it.
                if !left.is_empty() || (bytes > BATCH_BYTES && !parcels.is_empty()) {
                    left.push(*number);
                    continue;
                }
                match parcel(write, &terms, operation, *number, (until_ms, now_ms))? {
                    Some(parcel) => parcels.push(parcel),
                    None => gone.push(*number),
                }
            }
            Ok(parcels)
        });
        let mut picture = self.picture();
        if leased.is_err() {
            // Nothing was kept: everything stands as it stood.
            gone.clear();
            left = numbers.iter().map(|(_, number)| *number).collect();
        }
        gone.iter().for_each(|number| drop(picture.scheduler.remove(*number)));
        left.iter().for_each(|number| picture.put_back(*number));
        leased
    }

    fn settle(
        &self,
        control: &Control,
        verdicts: Vec<(Parcel, Then)>,
        ends: &[Mark],
        now_ms: u64,
    ) -> Result<Settled, StoreError> {
        let done = verdicts.iter().filter(|(_, then)| *then == Then::Done);
        let done: BTreeSet<u64> = done.map(|(parcel, _)| parcel.id.number).collect();
        let (gaps, open) = self.write(control, |write| {
            let mut gaps = Vec::new();
            for (parcel, then) in &verdicts {
                gaps.extend(keep(write, parcel, then, now_ms)?);
            }
            Ok((gaps, marks::keep(write, ends, &done, now_ms)?))
        })?;
        let mut picture = self.picture();
        let mut dead = Vec::new();
        for (parcel, then) in verdicts {
            let (number, operation) = (parcel.id.number, parcel.operation);
            match then {
                Then::Done => {
                    picture.scheduler.remove(number);
                    picture.last_delivered_ms = Some(now_ms);
                    if let Some(rate) = picture.delivered.get_mut(operation.lane as usize) {
                        rate.add(1, now_ms);
                    }
                }
                Then::Again { attempts, not_before_ms, error } => {
                    picture.scheduler.put_back(number, attempts, not_before_ms);
                    picture.last_error = error;
                }
                Then::Back => picture.put_back(number),
                Then::Dead { attempts, reason } => {
                    picture.scheduler.remove(number);
                    picture.last_error.clone_from(&reason);
                    let (state, ended_ms) = (State::Dead, now_ms);
                    dead.push((
                        parcel.id,
                        Operation { state, ended_ms, last_error: reason, attempts, ..operation },
                    ));
                }
            }
        }
        picture.note_gaps(gaps);
        Ok((dead, open))
    }
}

/// Keeps that an operation is under way; one whose payload is damaged becomes a dead letter instead.
fn parcel(
    write: &WriteTransaction,
    terms: &Terms,
    mut operation: Operation,
    number: u64,
    (until_ms, now_ms): (u64, u64),
) -> Result<Option<Parcel>, StoreError> {
    let found = shelf::payload_of(write, number).and_then(|it| Ok((it, revisions::of(write, number)?)));
    let (payload, revision) = match found {
        Ok(found) => found,
        Err(StoreError::Record(error)) => {
            let reason = format!("its payload is damaged: {error}");
            let at = (operation.lane, number);
            shelf::change_totals(write, |totals| {
                shelf::bury(write, totals, at, (&reason, operation.attempts), now_ms)
            })?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    operation.state = State::Leased;
    operation.lease = (terms.epoch, until_ms);
    shelf::rewrite(write, number, &operation)?;
    let id = Id { box_id: terms.box_id, epoch: operation.epoch, number };
    Ok(Some(Parcel { id, operation, payload, revision, trace: None }))
}

/// Keeps what became of one operation.
fn keep(
    write: &WriteTransaction,
    parcel: &Parcel,
    then: &Then,
    now_ms: u64,
) -> Result<Option<(u64, Operation)>, StoreError> {
    let (number, lane) = (parcel.id.number, parcel.operation.lane);
    let queued = Operation { state: State::Queued, lease: (0, 0), ..parcel.operation.clone() };
    match then {
        Then::Done => {
            shelf::change_totals(write, |totals| shelf::finish(write, totals, lane, number, now_ms))?;
        }
        Then::Again { attempts, not_before_ms, error } => {
            let (attempts, not_before_ms, last_error) = (*attempts, *not_before_ms, error.clone());
            shelf::rewrite(write, number, &Operation { attempts, not_before_ms, last_error, ..queued })?;
        }
        Then::Back => shelf::rewrite(write, number, &queued)?,
        Then::Dead { attempts, reason } => {
            return shelf::change_totals(write, |totals| {
                shelf::bury(write, totals, (lane, number), (reason, *attempts), now_ms)
            });
        }
    }
    Ok(None)
}
