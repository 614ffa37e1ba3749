//! Finds operations under another number or in another lane than their own.
//!
//! A key has no check value: a flipped bit in it is seen only by what no longer fits together. Every operation that
//! waits or is dead has a payload that says whose it is, and every payload has its operation.

use super::operation::{LANES, Operation};
use super::shelf::{DEAD, PAYLOADS, QUEUE, VERSION, WAITING, get_waiting, payload_in, totals_of};
use crate::store::{ReadTransaction, StoreError, codec, number_key, number_of, there};

/// Told one by one.
const TOLD: usize = 20;

/// What does not fit together, by number. Records that are damaged themselves are another check's finding.
///
/// # Errors
/// What the store says.
pub fn misplaced(read: &ReadTransaction) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let mut tell = |what: String| {
        if found.len() < TOLD {
            found.push(what);
        }
    };
    let payloads = there(read.open_table(PAYLOADS))?;
    let newest = match there(read.open_table(QUEUE))? {
        Some(table) => totals_of(&table).map_or(u64::MAX, |totals| totals.number),
        None => u64::MAX,
    };
    let has_payload = |number: u64| -> Result<bool, StoreError> {
        let Some(payloads) = &payloads else { return Ok(false) };
        Ok(match payload_in(payloads, number) {
            Ok(payload) => payload.is_some(),
            Err(StoreError::Record(_)) => true, // told by the check of records
            Err(error) => return Err(error),
        })
    };
    let waiting = there(read.open_table(WAITING))?;
    if let Some(table) = &waiting {
        for row in table.iter()? {
            let (key, bytes) = row?;
            let number = number_of(key.value());
            let lane = key.value().first_chunk().map(|lane| u32::from_be_bytes(*lane));
            let Ok(operation) = codec::decode::<Operation>(VERSION, bytes.value()) else { continue };
            if lane != Some(operation.lane as u32) {
                tell(format!("table operations: {number} lies in another lane than its own"));
            } else if number > newest || !has_payload(number)? {
                tell(format!("table operations: {number} has no payload: its number was another one"));
            }
        }
    }
    let dead = there(read.open_table(DEAD))?;
    if let Some(table) = &dead {
        for row in table.iter()? {
            let number = number_of(row?.0.value());
            if !has_payload(number)? {
                tell(format!("table operations_dead: {number} has no payload: its number was another one"));
            }
        }
    }
    let Some(payloads) = &payloads else { return Ok(found) };
    for row in payloads.iter()? {
        let number = number_of(row?.0.value());
        let mut owned = false;
        for lane in LANES {
            owned = owned
                || match &waiting {
                    // A damaged operation is there, too.
                    Some(table) => !matches!(get_waiting(table, lane, number), Ok(None)),
                    None => false,
                };
        }
        if let Some(table) = dead.as_ref().filter(|_| !owned) {
            owned = table.get(&number_key(number)[..])?.is_some();
        }
        if !owned {
            tell(format!("table operation_payloads: the payload of {number} has no operation"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::queue::{LaneLimits, NewOperation, Queue, QueueSettings};
    use crate::store::Control;

    #[test]
    fn an_operation_whose_key_flipped_a_bit_is_found_wherever_it_went() {
        // Lane, then number; a payload has a number only.
        for (table, at, bit) in [(WAITING, 3, 0), (WAITING, 3, 7), (WAITING, 11, 5), (PAYLOADS, 7, 6)] {
            let folder = tempfile::tempdir().unwrap();
            let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
            let limits = LaneLimits { operations: 100, bytes: 1 << 20, drop_oldest: false };
            let settings = QueueSettings { limits: [limits; 4], attempts_most: 3, upstream: true };
            let queue = Queue::new(settings, 7, 1_000);
            let new: Vec<NewOperation> =
                (0..4).map(|n| NewOperation { payload: vec![n], ..NewOperation::default() }).collect();
            queue.post(&control, &new, 1_000).unwrap();
            assert_eq!(control.read(misplaced).unwrap(), Vec::<String>::new());
            let flip = control.write(|write| {
                let mut rows = write.open_table(table)?;
                let row =
                    rows.pop_first()?.map(|(key, value)| (key.value().to_vec(), value.value().to_vec()));
                let (mut key, value) = row.unwrap();
                key[at] ^= 1 << bit;
                rows.insert(&key, &value)?;
                Ok(())
            });
            flip.unwrap();
            let found = control.read(misplaced).unwrap();
            assert!(!found.is_empty(), "{table}: byte {at} bit {bit}");
        }
    }
}
