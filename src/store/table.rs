//! Tables from bytes to bytes, and their keys.
//!
//! Every redb table has these types: the binary then holds the B-tree's code once instead of once for each
//! pair of types (350 KB less). Numbers in keys are big-endian, so that the order of the bytes is theirs.

use bincode::{Decode, Encode};
use redb::TableDefinition;

use super::codec::{self, CodecError};
use super::{StoreError, WriteTransaction};

const NUMBER_VERSION: u8 = 1;

/// A table's name and types.
pub type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Key of one number.
#[must_use]
pub fn number_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Key of two numbers: what belongs to `owner`, by `number`.
#[must_use]
pub fn owned_key(owner: u32, number: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&owner.to_be_bytes());
    key[4..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Key of a number and bytes: what belongs to `owner`, by `name`. An empty name comes before all others.
#[must_use]
pub fn named_key(owner: u32, name: &[u8]) -> Vec<u8> {
    [&owner.to_be_bytes(), name].concat()
}

/// The number that a key or a value ends with; 0 when it is too short for one.
#[must_use]
pub fn number_of(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |number| u64::from_be_bytes(*number))
}

/// A number as a value: framed, so that a flipped bit is no other number.
#[must_use]
pub fn number_value(number: u64) -> Vec<u8> {
    codec::seal(NUMBER_VERSION, &number.to_be_bytes())
}

/// Reads [`number_value`], and the bare 8 bytes of format 1.
///
/// # Errors
/// [`CodecError`] when it is damaged.
pub fn number_in(value: &[u8]) -> Result<u64, CodecError> {
    if let Ok(bare) = <[u8; 8]>::try_from(value) {
        return Ok(u64::from_be_bytes(bare));
    }
    let body = codec::unseal(NUMBER_VERSION, value)?;
    body.try_into().map(u64::from_be_bytes).map_err(|_| CodecError::Check)
}

/// Changes records of a table: those of which `change` says that it did. What cannot be read stays as it is.
///
/// # Errors
/// What the store says.
pub fn change_records<T: Encode + Decode<()>>(
    write: &WriteTransaction,
    table: Table,
    version: u8,
    change: impl Fn(&mut T) -> bool,
) -> Result<(), StoreError> {
    let mut rows = write.open_table(table)?;
    let mut changed = Vec::new();
    for row in rows.iter()? {
        let (key, value) = row?;
        let Ok(mut one) = codec::decode::<T>(version, value.value()) else { continue };
        if change(&mut one) {
            changed.push((key.value().to_vec(), codec::encode(version, &one)?));
        }
    }
    for (key, record) in changed {
        rows.insert(key.as_slice(), record.as_slice())?;
    }
    Ok(())
}

/// The name in a [`named_key`].
#[must_use]
pub fn name_of(key: &[u8]) -> &[u8] {
    key.get(4..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_order_as_what_they_stand_for(a in any::<(u32, u64)>(), b in any::<(u32, u64)>(), x in any::<(u32, Vec<u8>)>(), y in any::<(u32, Vec<u8>)>()) {
            prop_assert_eq!(owned_key(a.0, a.1).cmp(&owned_key(b.0, b.1)), a.cmp(&b));
            prop_assert_eq!(number_key(a.1).cmp(&number_key(b.1)), a.1.cmp(&b.1));
            prop_assert_eq!(named_key(x.0, &x.1).cmp(&named_key(y.0, &y.1)), x.cmp(&y));
            prop_assert_eq!(number_of(&owned_key(a.0, a.1)), a.1);
            prop_assert_eq!(number_in(&number_value(a.1)).unwrap(), a.1);
            prop_assert_eq!(number_in(&a.1.to_be_bytes()).unwrap(), a.1);
            let key = named_key(x.0, &x.1);
            prop_assert_eq!(name_of(&key), x.1.as_slice());
        }
    }
}
