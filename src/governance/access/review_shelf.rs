//! The tables of `control.redb` that hold reviews of grants: a decision writes its own item and nothing else.

use bincode::{Decode, Encode};

use super::AccessError;
use super::review::{Closed, Review, ReviewItem};
use crate::store::{
    Control, ReadTransaction, StoreError, Table, WriteTransaction, codec, number_in, number_key, number_of,
    number_value, there,
};

const VERSION: u8 = 1;
/// Number → [`ReviewRecord`]; 0 → when the box began to count the days to the next one.
const REVIEWS: Table = Table::new("access_reviews");
/// Number of the review and of the grant → [`ReviewItem`]
const ITEMS: Table = Table::new("access_review_items");
/// Number of a review → when words were erased from it after it was closed
const ERASED: Table = Table::new("access_reviews_erased");
const CLOCK: u64 = 0;
/// Closed ones that are kept; the audit log keeps what was decided for ever.
const KEPT: usize = 40;

#[derive(Debug, Encode, Decode)]
struct ReviewRecord {
    by: String,
    reason: String,
    opened_ms: u64,
    due_ms: u64,
    closed: Option<Closed>,
    grants: Vec<u64>,
}

fn item_key(review: u64, grant: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number_key(review));
    key[8..].copy_from_slice(&number_key(grant));
    key
}

/// The tables.
#[derive(Debug)]
pub struct ReviewShelf;

impl ReviewShelf {
    /// Reviews, newest first, at most so many; the one that is open is the newest.
    ///
    /// # Errors
    /// What the store says, a damaged record among it: no decision may get lost unseen.
    pub fn list(control: &Control, most: usize) -> Result<Vec<Review>, AccessError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(REVIEWS))? else { return Ok(found) };
            let last = table.last()?.map_or(CLOCK, |(id, _)| number_of(id.value()));
            for id in (CLOCK + 1..=last).rev() {
                if found.len() >= most.min(KEPT) {
                    break;
                }
                let Some(value) = table.get(&number_key(id)[..])? else { continue };
                let ReviewRecord { by, reason, opened_ms, due_ms, closed, grants } =
                    codec::decode(VERSION, value.value())?;
                let (items, erased_ms) = (items(read, id, &grants)?, erased(read, id)?);
                found.push(Review { id, by, reason, opened_ms, due_ms, items, closed, erased_ms });
            }
            Ok(found)
        })?)
    }

    /// When the box began to count the days to the next one.
    ///
    /// # Errors
    /// What the store says.
    pub fn clock(control: &Control) -> Result<Option<u64>, AccessError> {
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(REVIEWS))? else { return Ok(None) };
            Ok(table.get(&number_key(CLOCK)[..])?.map(|value| number_in(value.value())).transpose()?)
        })?)
    }

    /// Begins to count anew.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_clock(write: &WriteTransaction, at_ms: u64) -> Result<(), StoreError> {
        write.open_table(REVIEWS)?.insert(&number_key(CLOCK)[..], number_value(at_ms).as_slice())?;
        Ok(())
    }

    /// Keeps a review, of its items those that differ from `before`; the oldest closed ones beyond what is kept go.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep(write: &WriteTransaction, before: Option<&Review>, one: &Review) -> Result<(), StoreError> {
        let mut table = write.open_table(REVIEWS)?;
        let Review { id, by, reason, opened_ms, due_ms, items, closed, erased_ms: _ } = one.clone();
        let grants = items.iter().map(|item| item.grant).collect();
        let record = codec::encode(VERSION, &ReviewRecord { by, reason, opened_ms, due_ms, closed, grants })?;
        table.insert(&number_key(id)[..], record.as_slice())?;
        let mut rows = write.open_table(ITEMS)?;
        for (at, item) in items.iter().enumerate() {
            if before.and_then(|before| before.items.get(at)) != Some(item) {
                rows.insert(&item_key(id, item.grant)[..], codec::encode(VERSION, item)?.as_slice())?;
            }
        }
        let surplus = usize::try_from(table.len()?).unwrap_or(0).saturating_sub(KEPT + 1);
        let mut old = Vec::new();
        for row in table.iter()? {
            let (key, value) = row?;
            let id = number_of(key.value());
            if id != CLOCK && old.len() < surplus {
                let grants = codec::decode::<ReviewRecord>(VERSION, value.value()).map(|one| one.grants);
                old.push((id, grants.unwrap_or_default()));
            }
        }
        for (id, grants) in old {
            table.remove(&number_key(id)[..])?;
            write.open_table(ERASED)?.remove(&number_key(id)[..])?;
            for grant in grants {
                rows.remove(&item_key(id, grant)[..])?;
            }
        }
        Ok(())
    }

    /// Lets `change` put other words in the place of the reasons; it is told whose they are. Closed reviews that it
    /// changes are marked with the time. What cannot be read stays as it is.
    ///
    /// # Errors
    /// What the store says.
    pub fn reword(
        write: &WriteTransaction,
        now_ms: u64,
        change: &dyn Fn(&str, &mut String) -> bool,
    ) -> Result<(), StoreError> {
        let (mut table, mut rows) = (write.open_table(REVIEWS)?, write.open_table(ITEMS)?);
        let (mut all, mut changed, mut closed) = (Vec::new(), Vec::new(), Vec::new());
        for row in table.iter()? {
            let (key, value) = row?;
            let id = number_of(key.value());
            if id == CLOCK {
                continue;
            }
            let Ok(mut one) = codec::decode::<ReviewRecord>(VERSION, value.value()) else { continue };
            let mut some = change(&one.by, &mut one.reason);
            some |= one.closed.as_mut().is_some_and(|end| change(&end.by, &mut end.reason));
            if some {
                all.push((id, codec::encode(VERSION, &one)?));
            }
            for grant in &one.grants {
                let key = item_key(id, *grant);
                let known =
                    rows.get(&key[..])?.map(|bytes| codec::decode::<ReviewItem>(VERSION, bytes.value()));
                let Some(Ok(mut item)) = known else { continue };
                let why = change(&item.by, &mut item.why);
                let said = item.decided.as_mut().is_some_and(|end| change(&end.by, &mut end.reason));
                if why || said {
                    some = true;
                    changed.push((key, codec::encode(VERSION, &item)?));
                }
            }
            if some && one.closed.is_some() {
                closed.push(id);
            }
        }
        for (id, record) in all {
            table.insert(&number_key(id)[..], record.as_slice())?;
        }
        for (key, record) in changed {
            rows.insert(&key[..], record.as_slice())?;
        }
        for id in closed {
            write.open_table(ERASED)?.insert(&number_key(id)[..], number_value(now_ms).as_slice())?;
        }
        Ok(())
    }
}

fn erased(read: &ReadTransaction, review: u64) -> Result<Option<u64>, StoreError> {
    let Some(table) = there(read.open_table(ERASED))? else { return Ok(None) };
    Ok(table.get(&number_key(review)[..])?.map(|value| number_in(value.value())).transpose()?)
}

fn items(read: &ReadTransaction, review: u64, grants: &[u64]) -> Result<Vec<ReviewItem>, StoreError> {
    let mut found = Vec::new();
    let Some(table) = there(read.open_table(ITEMS))? else { return Ok(found) };
    for grant in grants {
        if let Some(bytes) = table.get(&item_key(review, *grant)[..])? {
            found.push(codec::decode(VERSION, bytes.value())?);
        }
    }
    Ok(found)
}
