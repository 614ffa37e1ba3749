//! The table of `control.redb` that holds the requests.

use super::{Approval, ApprovalError, State};
use crate::store::{
    Control, StoreError, Table, WriteTransaction, codec, number_key, number_of, number_value, there,
};

const VERSION: u8 = 1;
/// Number → [`Approval`]
const APPROVALS: Table = Table::new("approvals");
/// Numbers of requests whose action has its votes and was not done yet.
const DUE: Table = Table::new("approval_due");
/// Requests that wait, at most.
const PENDING_MOST: usize = 200;
/// Decided ones that are kept; the audit log keeps what was decided for ever.
const KEPT: usize = 2_000;

/// Which requests are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub state: Option<State>,
    /// Of the subject.
    pub kind: Option<String>,
}

/// The table.
#[derive(Debug)]
pub struct Shelf;

impl Shelf {
    /// One request.
    ///
    /// # Errors
    /// [`ApprovalError::Missing`], or what the store says, a damaged record among it.
    pub fn get(control: &Control, id: u64) -> Result<Approval, ApprovalError> {
        let found = control.read(|read| {
            let Some(table) = there(read.open_table(APPROVALS))? else { return Ok(None) };
            let Some(bytes) = table.get(&number_key(id)[..])? else { return Ok(None) };
            Ok(Some(codec::decode::<Approval>(VERSION, bytes.value())?))
        })?;
        found.ok_or(ApprovalError::Missing { id })
    }

    /// Requests before `before`, newest first, at most `limit`; a damaged one is left out, and told.
    ///
    /// # Errors
    /// What the store says.
    pub fn list(
        control: &Control,
        filter: &Filter,
        before: u64,
        limit: usize,
        now_ms: u64,
    ) -> Result<Vec<Approval>, ApprovalError> {
        let wanted = |one: &Approval| {
            filter.state.is_none_or(|state| one.state_at(now_ms) == state)
                && filter.kind.as_ref().is_none_or(|kind| one.subject.kind == *kind)
        };
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(APPROVALS))? else { return Ok(found) };
            let last = table.last()?.map_or(0, |(id, _)| number_of(id.value()));
            for id in (1..before.min(last.saturating_add(1))).rev() {
                let Some(bytes) = table.get(&number_key(id)[..])? else { continue };
                match codec::decode::<Approval>(VERSION, bytes.value()) {
                    Ok(one) if wanted(&one) => found.push(one),
                    Ok(_) => {}
                    Err(error) => tracing::error!(id, %error, "an approval request cannot be read"),
                }
                if found.len() >= limit {
                    break;
                }
            }
            Ok(found)
        })?)
    }

    /// Every request that waits, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn pending(control: &Control, now_ms: u64) -> Result<Vec<Approval>, ApprovalError> {
        let filter = Filter { state: Some(State::Pending), kind: None };
        Self::list(control, &filter, u64::MAX, PENDING_MOST, now_ms)
    }

    /// The number of the next request, where there is room for one.
    ///
    /// # Errors
    /// [`ApprovalError::TooMany`], or what the store says.
    pub fn next(control: &Control, now_ms: u64) -> Result<u64, ApprovalError> {
        if Self::pending(control, now_ms)?.len() >= PENDING_MOST {
            return Err(ApprovalError::TooMany { most: PENDING_MOST });
        }
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(APPROVALS))? else { return Ok(1) };
            Ok(table.last()?.map_or(0, |(id, _)| number_of(id.value())) + 1)
        })?)
    }

    /// Requests whose action is to be done, oldest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn due(control: &Control) -> Result<Vec<u64>, ApprovalError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(DUE))? else { return Ok(found) };
            for row in table.iter()? {
                found.push(number_of(row?.0.value()));
            }
            Ok(found)
        })?)
    }

    /// An action has its votes: it is due from this transaction on.
    ///
    /// # Errors
    /// What the store says.
    pub fn put_due(write: &WriteTransaction, id: u64) -> Result<(), StoreError> {
        write.open_table(DUE)?.insert(&number_key(id)[..], number_value(id).as_slice())?;
        Ok(())
    }

    /// What was due is done, or never will be.
    ///
    /// # Errors
    /// What the store says.
    pub fn end_due(write: &WriteTransaction, id: u64) -> Result<(), StoreError> {
        write.open_table(DUE)?.remove(&number_key(id)[..])?;
        Ok(())
    }

    /// Keeps a request in a transaction, and forgets the oldest decided ones beyond what is kept.
    ///
    /// # Errors
    /// What the store says.
    pub fn put(write: &WriteTransaction, approval: &Approval) -> Result<(), StoreError> {
        let record = codec::encode(VERSION, approval)?;
        let mut table = write.open_table(APPROVALS)?;
        table.insert(&number_key(approval.id)[..], record.as_slice())?;
        let mut surplus = usize::try_from(table.len()?).unwrap_or(0).saturating_sub(KEPT + PENDING_MOST);
        let mut gone = Vec::new();
        for row in table.iter()? {
            if surplus == 0 {
                break;
            }
            let (key, value) = row?;
            let decided = codec::decode::<Approval>(VERSION, value.value());
            if decided.is_ok_and(|one| one.state != State::Pending) {
                gone.push(number_of(key.value()));
                surplus -= 1;
            }
        }
        for id in &gone {
            table.remove(&number_key(*id)[..])?;
        }
        super::signed::forget(write, &gone)
    }
}
