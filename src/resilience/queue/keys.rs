//! `Idempotency-Key`, durably: the same operation posted twice is queued once.

use bincode::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::operation::{Id, LANES, NewOperation, Operation, Refusal, State};
use super::shelf::{Added, DEAD, DONE, KEY_ORDER, KEYS, Totals, VERSION, WAITING, get_waiting, operation_of};
use crate::store::{Kept, Rows, StoreError, WriteTransaction, codec, named_key, number_key};

/// Keys that are remembered, newest first.
const KEPT: u64 = 20_000;

#[derive(Debug, Encode, Decode)]
struct KeyRecord {
    epoch: u32,
    number: u64,
    fingerprint: [u8; 16],
}

fn fingerprint(new: &NewOperation) -> [u8; 16] {
    let mut hasher = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    put(new.kind.as_bytes());
    put(new.content_type.as_bytes());
    put(new.lane.name().as_bytes());
    put(new.key.as_bytes());
    put(&new.not_before_ms.to_le_bytes());
    put(&new.payload);
    hasher.finalize().first_chunk().copied().unwrap_or_default()
}

/// The answer that was given to this key, if any.
pub(super) fn look_up_key(
    write: &WriteTransaction,
    totals: &Totals,
    new: &NewOperation,
) -> Result<Option<Result<Added, Refusal>>, StoreError> {
    let Some(key) = &new.idempotency else { return Ok(None) };
    let table = write.open_table(KEYS)?;
    let Some(bytes) = table.get(named_key(new.uid, key.as_bytes()).as_slice())? else { return Ok(None) };
    let record: KeyRecord = codec::decode(VERSION, bytes.value())?;
    if record.fingerprint != fingerprint(new) {
        return Ok(Some(Err(Refusal::KeyReused)));
    }
    let id = Id { box_id: totals.box_id, epoch: record.epoch, number: record.number };
    let found = find_in(
        record.number,
        &write.open_table(WAITING)?,
        &write.open_table(DEAD)?,
        &write.open_table(DONE)?,
    )?;
    // Delivered so long ago that only its key is left.
    let gone = || Operation { epoch: record.epoch, state: State::Done, ..operation_of(new, record.epoch, 0) };
    let operation = found.unwrap_or_else(gone);
    Ok(Some(Ok(Added { id, operation, known: true, gap: None, dropped: Vec::new() })))
}

pub(super) fn remember_key(
    write: &WriteTransaction,
    totals: &mut Totals,
    new: &NewOperation,
    number: u64,
) -> Result<(), StoreError> {
    let Some(key) = &new.idempotency else { return Ok(()) };
    let name = named_key(new.uid, key.as_bytes());
    let record = KeyRecord { epoch: totals.epoch, number, fingerprint: fingerprint(new) };
    let (mut keys, mut order) = (write.open_table(KEYS)?, write.open_table(KEY_ORDER)?);
    keys.insert(name.as_slice(), codec::encode(VERSION, &record)?.as_slice())?;
    order.insert(&number_key(number)[..], codec::seal(VERSION, &name).as_slice())?;
    totals.keys += 1;
    while totals.keys > KEPT {
        let Some((_, oldest)) = order.pop_first()? else { break };
        // Bare in format 1.
        keys.remove(codec::unseal(VERSION, oldest.value()).unwrap_or(oldest.value()))?;
        totals.keys -= 1;
    }
    Ok(())
}

fn find_in<T: Kept>(
    number: u64,
    waiting: &Rows<T>,
    dead: &Rows<T>,
    done: &Rows<T>,
) -> Result<Option<Operation>, StoreError> {
    for lane in LANES {
        if let Some(operation) = get_waiting(waiting, lane, number)? {
            return Ok(Some(operation));
        }
    }
    for table in [dead, done] {
        if let Some(bytes) = table.get(&number_key(number)[..])? {
            return Ok(Some(codec::decode(VERSION, bytes.value())?));
        }
    }
    Ok(None)
}
