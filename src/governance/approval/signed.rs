//! The tables of `control.redb` that hold documents given out for signing, votes that were signed, and how far the
//! counters of security keys got.

use bincode::{Decode, Encode};

use super::ApprovalError;
use crate::store::{
    Control, ReadTransaction, StoreError, Table, WriteTransaction, codec, number_in, number_key,
    number_value, there,
};

const VERSION: u8 = 1;
/// Number and voter → [`Issued`]
const ISSUED: Table = Table::new("approval_documents");
/// Number and voter → [`SignedVote`]
const SIGNED: Table = Table::new("approval_signatures");
/// Fingerprint → the last counter; kept when the key goes, so that nothing old counts when it comes back.
const COUNTERS: Table = Table::new("approval_counters");
/// Documents that are out at a time.
const ISSUED_MOST: u64 = 1_000;

/// A document that somebody may sign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Issued {
    pub approve: bool,
    pub text: String,
    pub expires_ms: u64,
}

/// A vote with its signature, whole: it is verified without this box.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedVote {
    pub approval: u64,
    pub voter: String,
    pub approve: bool,
    pub at_ms: u64,
    pub document: String,
    /// As `ssh-keygen -Y sign` wrote it.
    pub signature: String,
    /// Kind and base64: the key may be gone from the box one day.
    pub key: String,
    pub fingerprint: String,
    /// Of a security key.
    pub counter: Option<u32>,
}

fn key(approval: u64, voter: &str) -> Vec<u8> {
    [&number_key(approval)[..], voter.as_bytes()].concat()
}

/// Gives a document out, in place of the one that this voter had; those whose time is over go.
///
/// # Errors
/// [`ApprovalError::Conflict`] where too many are out, or what the store says.
pub fn issue(
    control: &Control,
    (approval, voter): (u64, &str),
    issued: &Issued,
    now_ms: u64,
) -> Result<(), ApprovalError> {
    let record = codec::encode(VERSION, issued).map_err(StoreError::from)?;
    let kept = control.write(|write| {
        let mut table = write.open_table(ISSUED)?;
        let mut gone = Vec::new();
        for row in table.iter()? {
            let (key, value) = row?;
            if codec::decode::<Issued>(VERSION, value.value()).is_ok_and(|one| now_ms < one.expires_ms) {
                continue;
            }
            gone.push(key.value().to_vec());
        }
        for key in gone {
            table.remove(&key[..])?;
        }
        let fits = table.len()? < ISSUED_MOST;
        if fits {
            table.insert(&key(approval, voter)[..], record.as_slice())?;
        }
        Ok(fits)
    })?;
    if kept {
        return Ok(());
    }
    let what = format!("{ISSUED_MOST} documents wait to be signed already");
    Err(ApprovalError::Conflict { what, advice: "each is given up a day after it was made" })
}

/// The document that this voter has.
///
/// # Errors
/// What the store says.
pub fn issued(control: &Control, approval: u64, voter: &str) -> Result<Option<Issued>, ApprovalError> {
    Ok(control.read(|read| {
        let Some(table) = there(read.open_table(ISSUED))? else { return Ok(None) };
        let Some(bytes) = table.get(&key(approval, voter)[..])? else { return Ok(None) };
        Ok(Some(codec::decode(VERSION, bytes.value())?))
    })?)
}

/// How far the counter of a key got; 0 where it never signed here.
///
/// # Errors
/// What the store says.
pub fn counted(control: &Control, fingerprint: &str) -> Result<u64, ApprovalError> {
    Ok(control.read(|read| {
        let Some(table) = there(read.open_table(COUNTERS))? else { return Ok(0) };
        let Some(bytes) = table.get(fingerprint.as_bytes())? else { return Ok(0) };
        Ok(number_in(bytes.value())?)
    })?)
}

/// Every signed vote on a request.
///
/// # Errors
/// What the store says.
pub fn signed_votes(control: &Control, approval: u64) -> Result<Vec<SignedVote>, ApprovalError> {
    Ok(control.read(|read| of(read, approval))?)
}

fn of(read: &ReadTransaction, approval: u64) -> Result<Vec<SignedVote>, StoreError> {
    let mut found = Vec::new();
    let Some(table) = there(read.open_table(SIGNED))? else { return Ok(found) };
    let (from, to) = (number_key(approval), number_key(approval.saturating_add(1)));
    for row in table.range::<&[u8]>(&from[..]..&to[..])? {
        let (_, value) = row?;
        match codec::decode::<SignedVote>(VERSION, value.value()) {
            Ok(vote) => found.push(vote),
            Err(error) => tracing::error!(approval, %error, "a signed vote cannot be read"),
        }
    }
    Ok(found)
}

/// Keeps a signed vote in the transaction of its vote: its document is used up, its counter counts.
///
/// # Errors
/// What the store says.
pub fn keep_signed(write: &WriteTransaction, vote: &SignedVote) -> Result<(), StoreError> {
    let key = key(vote.approval, &vote.voter);
    write.open_table(ISSUED)?.remove(&key[..])?;
    let record = codec::encode(VERSION, vote)?;
    write.open_table(SIGNED)?.insert(&key[..], record.as_slice())?;
    if let Some(counter) = vote.counter {
        let value = number_value(u64::from(counter));
        write.open_table(COUNTERS)?.insert(vote.fingerprint.as_bytes(), value.as_slice())?;
    }
    Ok(())
}

/// Forgets the signed votes on requests that are forgotten.
///
/// # Errors
/// What the store says.
pub(super) fn forget(write: &WriteTransaction, approvals: &[u64]) -> Result<(), StoreError> {
    if approvals.is_empty() {
        return Ok(());
    }
    let mut table = write.open_table(SIGNED)?;
    for approval in approvals {
        let (from, to) = (number_key(*approval), number_key(approval.saturating_add(1)));
        let mut gone = Vec::new();
        for row in table.range::<&[u8]>(&from[..]..&to[..])? {
            gone.push(row?.0.value().to_vec());
        }
        for key in gone {
            table.remove(&key[..])?;
        }
    }
    Ok(())
}
