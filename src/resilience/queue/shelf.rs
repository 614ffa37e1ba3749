//! Operations in `control.redb`. Every function works in the transaction it is given.
//!
//! ```text
//! operations          lane u32 · number u64 → Operation     queued and leased
//! operation_payloads  number u64 → bytes
//! operations_dead     number u64 → Operation                 with payload
//! operations_done     number u64 → Operation                 without, the newest only
//! operation_keys      uid u32 · Idempotency-Key → KeyRecord
//! operation_key_order number u64 → key of operation_keys
//! queue               "totals" → Totals; "newest KIND" → number of the newest operation of a kind that is replaced
//! ```

use bincode::{Decode, Encode};

use super::PAYLOAD;
use super::gap::{GAP, note_gap};
use super::keys::{look_up_key, remember_key};
use super::operation::{Id, Lane, LaneLimits, NewOperation, Operation, Refusal, State};
use super::revisions;
use crate::store::{
    Kept, Rows, StoreError, Table, WriteTransaction, codec, number_key, number_of, owned_key,
};

pub(super) const VERSION: u8 = 1;
/// Of a payload that says whose it is.
const OWNED: u8 = 2;
pub(super) const WAITING: Table = Table::new("operations");
pub(super) const PAYLOADS: Table = Table::new("operation_payloads");
pub(super) const DEAD: Table = Table::new("operations_dead");
pub(super) const DONE: Table = Table::new("operations_done");
pub(super) const KEYS: Table = Table::new("operation_keys");
pub(super) const KEY_ORDER: Table = Table::new("operation_key_order");
pub(super) const QUEUE: Table = Table::new("queue");
const TOTALS: &[u8] = b"totals";

/// Delivered operations that can still be looked at.
const DONE_KEPT: u64 = 1_000;
/// Dead letters; the oldest gives way and is counted in a gap record.
pub(super) const DEAD_MOST: u64 = 1_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct LaneTotals {
    pub operations: u64,
    pub bytes: u64,
    pub delivered: u64,
    pub dropped: u64,
    /// The gap record that waits with the newest drops in it and was never under way; 0 for none.
    pub gap: u64,
}

/// What the queue knows of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Totals {
    pub box_id: u64,
    pub epoch: u32,
    /// Of the newest operation.
    pub number: u64,
    pub lanes: [LaneTotals; 4],
    pub dead: u64,
    pub done: u64,
    pub keys: u64,
    /// Why and since when nothing is delivered.
    pub paused: Option<(String, u64)>,
}

impl Totals {
    /// This record, if it is one of a gap, counts no further drops: it may have arrived as it stands.
    pub(super) fn close_gap(&mut self, number: u64) {
        self.lanes.iter_mut().filter(|lane| lane.gap == number).for_each(|lane| lane.gap = 0);
    }

    pub(super) fn lane(&mut self, lane: Lane) -> &mut LaneTotals {
        let [critical, high, normal, bulk] = &mut self.lanes;
        match lane {
            Lane::Critical => critical,
            Lane::High => high,
            Lane::Normal => normal,
            Lane::Bulk => bulk,
        }
    }
}

/// What an enqueuing process brings along.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Taken where the store has none yet.
    pub(super) box_id: u64,
    pub(super) epoch: u32,
    pub(super) limits: [LaneLimits; 4],
}

/// What an enqueuing transaction did; to be given to [`super::Queue::announce`] once it is committed.
#[derive(Debug, Clone)]
pub struct Added {
    pub id: Id,
    pub operation: Operation,
    /// It was queued before, under the same Idempotency-Key.
    pub known: bool,
    /// A gap record that was made or grew, and what was dropped for it.
    pub(super) gap: Option<(u64, Operation)>,
    pub(super) dropped: Vec<u64>,
}

/// One operation of a list.
pub type Listed = (u64, Operation);
/// An operation with its payload while that is kept.
pub type Found = (Operation, Option<Vec<u8>>);

pub(super) fn totals_of(table: &Rows<impl Kept>) -> Result<Totals, StoreError> {
    let Some(bytes) = table.get(TOTALS)? else { return Ok(Totals::default()) };
    Ok(codec::decode(VERSION, bytes.value())?)
}

/// Changes the totals at the end of whatever else a transaction does.
pub(super) fn change_totals<T>(
    write: &WriteTransaction,
    change: impl FnOnce(&mut Totals) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut table = write.open_table(QUEUE)?;
    let mut totals = totals_of(&table)?;
    let before = totals.clone();
    let made = change(&mut totals)?;
    if totals != before {
        table.insert(TOTALS, codec::encode(VERSION, &totals)?.as_slice())?;
    }
    Ok(made)
}

/// Keeps an operation.
pub(super) fn enqueue(
    write: &WriteTransaction,
    terms: &Terms,
    new: &NewOperation,
    now_ms: u64,
) -> Result<Result<Added, Refusal>, StoreError> {
    if new.payload.len() > PAYLOAD {
        return Ok(Err(Refusal::TooLarge { bytes: new.payload.len(), most: PAYLOAD }));
    }
    if new.expires_ms > 0 && new.expires_ms <= now_ms.max(new.not_before_ms) {
        return Ok(Err(Refusal::Expired));
    }
    change_totals(write, |totals| {
        if totals.box_id == 0 {
            totals.box_id = terms.box_id;
        }
        totals.epoch = terms.epoch;
        if let Some(known) = look_up_key(write, totals, new)? {
            return Ok(known);
        }
        let bytes = new.payload.len() as u64;
        let mut dropped = Vec::new();
        let mut gap = None;
        let limits = terms.limits.get(new.lane as usize).copied();
        while let Some(limits) = limits.filter(|limits| is_full(totals, new.lane, *limits, bytes)) {
            let oldest = if limits.drop_oldest { drop_oldest(write, totals, new.lane)? } else { None };
            let Some((number, epoch)) = oldest else {
                let operations = totals.lane(new.lane).operations;
                return Ok(Err(Refusal::Full { lane: new.lane, operations }));
            };
            dropped.push(number);
            gap = Some(note_gap(write, totals, new.lane, (number, epoch), now_ms)?);
        }
        totals.number += 1;
        let (number, operation) = (totals.number, operation_of(new, terms.epoch, now_ms));
        put(write, totals, number, &operation, &new.payload)?;
        remember_key(write, totals, new, number)?;
        let id = Id { box_id: totals.box_id, epoch: terms.epoch, number };
        Ok(Ok(Added { id, operation, known: false, gap, dropped }))
    })
}

/// Keeps an operation in place of the newest of its kind, where that waits and is not under way: what it said is
/// over, and nobody misses it.
pub(super) fn replace(
    write: &WriteTransaction,
    terms: &Terms,
    new: &NewOperation,
    now_ms: u64,
) -> Result<Result<Added, Refusal>, StoreError> {
    let name = format!("newest {}", new.kind);
    let before = {
        let table = write.open_table(QUEUE)?;
        let kept = table.get(name.as_bytes())?;
        kept.map(|bytes| codec::decode::<u64>(VERSION, bytes.value())).transpose()?
    };
    let mut gone = None;
    if let Some(number) = before
        && let Some(waiting) = get_waiting(&write.open_table(WAITING)?, new.lane, number)?
        && waiting.kind == new.kind
        && (waiting.state == State::Queued || waiting.lease.0 != terms.epoch)
    {
        gone = Some(number);
    }
    if let Some(number) = gone {
        change_totals(write, |totals| take_out(write, totals, new.lane, number))?;
        remove_payload(write, number)?;
    }
    let added = enqueue(write, terms, new, now_ms)?;
    Ok(match added {
        Ok(mut added) => {
            let number = codec::encode(VERSION, &added.id.number)?;
            write.open_table(QUEUE)?.insert(name.as_bytes(), number.as_slice())?;
            added.dropped.extend(gone);
            Ok(added)
        }
        refused => refused,
    })
}

pub(super) fn operation_of(new: &NewOperation, epoch: u32, now_ms: u64) -> Operation {
    Operation {
        epoch,
        kind: new.kind.clone(),
        content_type: new.content_type.clone(),
        bytes: new.payload.len() as u64,
        lane: new.lane,
        key: new.key.clone(),
        criticality: new.criticality,
        created_ms: now_ms,
        not_before_ms: new.not_before_ms,
        expires_ms: new.expires_ms,
        attempts: 0,
        last_error: String::new(),
        state: State::Queued,
        lease: (0, 0),
        ended_ms: 0,
        uid: new.uid,
        pid: new.pid,
    }
}

fn is_full(totals: &mut Totals, lane: Lane, limits: LaneLimits, bytes: u64) -> bool {
    let held = totals.lane(lane);
    held.operations >= limits.operations || held.bytes.saturating_add(bytes) > limits.bytes
}

pub(super) fn put(
    write: &WriteTransaction,
    totals: &mut Totals,
    number: u64,
    operation: &Operation,
    payload: &[u8],
) -> Result<(), StoreError> {
    put_payload(write, number, payload)?;
    rewrite(write, number, operation)?;
    let lane = totals.lane(operation.lane);
    lane.operations += 1;
    lane.bytes += operation.bytes;
    Ok(())
}

/// A waiting operation as it is now.
pub(super) fn rewrite(
    write: &WriteTransaction,
    number: u64,
    operation: &Operation,
) -> Result<(), StoreError> {
    let record = codec::encode(VERSION, operation)?;
    let key = owned_key(operation.lane as u32, number);
    write.open_table(WAITING)?.insert(&key[..], record.as_slice())?;
    Ok(())
}

/// Takes an operation out of what waits; its payload stays.
fn take_out(
    write: &WriteTransaction,
    totals: &mut Totals,
    lane: Lane,
    number: u64,
) -> Result<Option<Operation>, StoreError> {
    let key = owned_key(lane as u32, number);
    let mut table = write.open_table(WAITING)?;
    let Some(bytes) = table.remove(&key[..])? else { return Ok(None) };
    let operation: Operation = codec::decode(VERSION, bytes.value())?;
    let held = totals.lane(lane);
    held.operations = held.operations.saturating_sub(1);
    held.bytes = held.bytes.saturating_sub(operation.bytes);
    totals.close_gap(number);
    Ok(Some(operation))
}

fn remove_payload(write: &WriteTransaction, number: u64) -> Result<(), StoreError> {
    write.open_table(PAYLOADS)?.remove(&number_key(number)[..])?;
    revisions::forget(write, number)
}

fn drop_oldest(
    write: &WriteTransaction,
    totals: &mut Totals,
    lane: Lane,
) -> Result<Option<(u64, u32)>, StoreError> {
    let victim = {
        let table = write.open_table(WAITING)?;
        let (from, to) = (owned_key(lane as u32, 0), owned_key(lane as u32, u64::MAX));
        let mut found = None;
        for row in table.range::<&[u8]>(&from[..]..=&to[..])? {
            let (key, bytes) = row?;
            let Ok(operation) = codec::decode::<Operation>(VERSION, bytes.value()) else { continue };
            let busy = operation.state == State::Leased && operation.lease.0 == totals.epoch;
            if !busy && operation.kind != GAP {
                found = Some((number_of(key.value()), operation.epoch));
                break;
            }
        }
        found
    };
    let Some((number, epoch)) = victim else { return Ok(None) };
    take_out(write, totals, lane, number)?;
    remove_payload(write, number)?;
    totals.lane(lane).dropped += 1;
    Ok(Some((number, epoch)))
}

/// Delivered: its record stays for a while, its payload does not.
pub(super) fn finish(
    write: &WriteTransaction,
    totals: &mut Totals,
    lane: Lane,
    number: u64,
    now_ms: u64,
) -> Result<(), StoreError> {
    let Some(operation) = take_out(write, totals, lane, number)? else { return Ok(()) };
    remove_payload(write, number)?;
    totals.lane(lane).delivered += 1;
    let done = Operation { state: State::Done, ended_ms: now_ms, lease: (0, 0), ..operation };
    let mut table = write.open_table(DONE)?;
    table.insert(&number_key(number)[..], codec::encode(VERSION, &done)?.as_slice())?;
    totals.done += 1;
    while totals.done > DONE_KEPT && table.pop_first()?.is_some() {
        totals.done -= 1;
    }
    Ok(())
}

/// Given up: kept with its payload until a person decides. What gives way to it is named.
pub(super) fn bury(
    write: &WriteTransaction,
    totals: &mut Totals,
    (lane, number): (Lane, u64),
    (reason, attempts): (&str, u32),
    now_ms: u64,
) -> Result<Option<(u64, Operation)>, StoreError> {
    let Some(operation) = take_out(write, totals, lane, number)? else { return Ok(None) };
    let last_error = reason.to_owned();
    let dead =
        Operation { state: State::Dead, ended_ms: now_ms, last_error, attempts, lease: (0, 0), ..operation };
    let oldest = {
        let mut table = write.open_table(DEAD)?;
        table.insert(&number_key(number)[..], codec::encode(VERSION, &dead)?.as_slice())?;
        totals.dead += 1;
        let over = totals.dead > DEAD_MOST;
        let oldest = if over { table.pop_first()? } else { None };
        match oldest {
            Some((key, bytes)) => {
                Some((number_of(key.value()), codec::decode::<Operation>(VERSION, bytes.value())?))
            }
            None => None,
        }
    };
    let Some((lost, operation)) = oldest else { return Ok(None) };
    totals.dead -= 1;
    totals.lane(operation.lane).dropped += 1;
    remove_payload(write, lost)?;
    note_gap(write, totals, operation.lane, (lost, operation.epoch), now_ms).map(Some)
}

/// A dead letter is queued again, in its old place.
pub(super) fn revive(write: &WriteTransaction, number: u64) -> Result<Option<Operation>, StoreError> {
    change_totals(write, |totals| {
        let removed = {
            let mut table = write.open_table(DEAD)?;
            let bytes = table.remove(&number_key(number)[..])?;
            bytes.map(|bytes| codec::decode::<Operation>(VERSION, bytes.value())).transpose()?
        };
        let Some(dead) = removed else { return Ok(None) };
        totals.dead = totals.dead.saturating_sub(1);
        let operation = Operation {
            state: State::Queued,
            attempts: 0,
            not_before_ms: 0,
            // It expired before, or it would not be here: a person wants it all the same.
            expires_ms: 0,
            ended_ms: 0,
            ..dead
        };
        rewrite(write, number, &operation)?;
        let lane = totals.lane(operation.lane);
        lane.operations += 1;
        lane.bytes += operation.bytes;
        Ok(Some(operation))
    })
}

/// Another payload for a dead letter, which makes it another message; with its revision.
pub(super) fn edit(
    write: &WriteTransaction,
    number: u64,
    content_type: Option<&str>,
    payload: &[u8],
) -> Result<Option<(Operation, u32)>, StoreError> {
    let mut table = write.open_table(DEAD)?;
    let found = table.get(&number_key(number)[..])?.map(|bytes| codec::decode(VERSION, bytes.value()));
    let Some(mut operation): Option<Operation> = found.transpose()? else { return Ok(None) };
    operation.bytes = payload.len() as u64;
    if let Some(content_type) = content_type {
        content_type.clone_into(&mut operation.content_type);
    }
    table.insert(&number_key(number)[..], codec::encode(VERSION, &operation)?.as_slice())?;
    put_payload(write, number, payload)?;
    let revision = revisions::bump(write, number)?;
    Ok(Some((operation, revision)))
}

/// Dead letters that a person throws away; all of them where none is named.
pub(super) fn purge(write: &WriteTransaction, number: Option<u64>) -> Result<u64, StoreError> {
    change_totals(write, |totals| {
        let mut table = write.open_table(DEAD)?;
        let mut payloads = write.open_table(PAYLOADS)?;
        let mut purged = 0;
        if let Some(number) = number {
            purged += u64::from(table.remove(&number_key(number)[..])?.is_some());
            if purged > 0 {
                payloads.remove(&number_key(number)[..])?;
                revisions::forget(write, number)?;
            }
        } else {
            while let Some((key, _)) = table.pop_first()? {
                payloads.remove(key.value())?;
                revisions::forget(write, number_of(key.value()))?;
                purged += 1;
            }
        }
        totals.dead = totals.dead.saturating_sub(purged);
        Ok(purged)
    })
}

pub(super) fn get_waiting(
    table: &Rows<impl Kept>,
    lane: Lane,
    number: u64,
) -> Result<Option<Operation>, StoreError> {
    let Some(bytes) = table.get(&owned_key(lane as u32, number)[..])? else { return Ok(None) };
    Ok(Some(codec::decode(VERSION, bytes.value())?))
}

/// A waiting operation inside a transaction.
pub(super) fn waiting(
    write: &WriteTransaction,
    lane: Lane,
    number: u64,
) -> Result<Option<Operation>, StoreError> {
    get_waiting(&write.open_table(WAITING)?, lane, number)
}

/// The payload under a number, where there is one. A version 1 record does not say whose it is.
pub(super) fn payload_in(table: &Rows<impl Kept>, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(bytes) = table.get(&number_key(number)[..])? else { return Ok(None) };
    if bytes.value().first() == Some(&VERSION) {
        return Ok(Some(codec::decode(VERSION, bytes.value())?));
    }
    let (whose, payload): (u64, Vec<u8>) = codec::decode(OWNED, bytes.value())?;
    // A flipped bit in a key, which has no check value, makes it another operation's.
    if whose == number { Ok(Some(payload)) } else { Err(codec::CodecError::Check.into()) }
}

/// Keeps the payload of an operation together with its number.
pub(super) fn put_payload(write: &WriteTransaction, number: u64, payload: &[u8]) -> Result<(), StoreError> {
    let framed = codec::encode(OWNED, &(number, payload.to_vec()))?;
    write.open_table(PAYLOADS)?.insert(&number_key(number)[..], framed.as_slice())?;
    Ok(())
}

/// The payload of an operation that waits; a damaged or missing one is an error of its own.
pub(super) fn payload_of(write: &WriteTransaction, number: u64) -> Result<Vec<u8>, StoreError> {
    Ok(payload_in(&write.open_table(PAYLOADS)?, number)?.ok_or(codec::CodecError::Check)?)
}
