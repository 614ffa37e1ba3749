//! Entries of the log, read and hashed a few steps ahead of whoever compares them: by a thread of its own, where the box
//! has a processor for it.
//!
//! Invariant: holds at most three batches; the steps are the same, in the same order, with the thread or without.

use std::sync::mpsc::sync_channel;
use std::thread;

use memchr::memmem;

use super::AuditError;
use super::log::{Reads, VERSION};
use super::tree::{self, Hash};
use crate::base::spawn_scoped;
use crate::store::{codec, number_of};

/// A quote inside a value is escaped: this stands nowhere but before the hashes of texts.
const BEFORE_TEXTS: &str = "\"texts\":{";
/// Entries of a batch: about 150 KB.
const BATCH: usize = 512;
const STACK_KB: usize = 256;

/// One entry, as far as it can be judged alone.
pub(super) struct Entry {
    pub(super) hash: Hash,
    pub(super) is_text: bool,
    pub(super) has_texts: bool,
    end: usize,
}

/// Entries one after the other.
#[derive(Default)]
pub(super) struct Batch {
    leaves: Vec<u8>,
    entries: Vec<Entry>,
}

impl Batch {
    /// Entries with their leaves.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Entry, &[u8])> {
        let begins = std::iter::once(0).chain(self.entries.iter().map(|entry| entry.end));
        let leaf = |begin: usize, entry: &Entry| self.leaves.get(begin..entry.end).unwrap_or_default();
        self.entries.iter().zip(begins).map(move |(entry, begin)| (entry, leaf(begin, entry)))
    }
}

/// What the reader says.
pub(super) enum Step {
    Entries(Batch),
    /// The log cannot be read further, and why.
    Broken(String),
}

/// Calls `each` with every step until it says `false`.
pub(super) fn steps(
    entries: &Reads,
    each: &mut dyn FnMut(Step) -> Result<bool, AuditError>,
) -> Result<(), AuditError> {
    let alone = thread::available_parallelism().is_ok_and(|count| count.get() == 1);
    let (send, receive) = sync_channel(1);
    thread::scope(|scope| {
        let ahead = move || {
            // Who listens no more has its answer.
            if let Err(error) = read(entries, &mut |step| Ok(send.send(Ok(step)).is_ok())) {
                drop(send.send(Err(error)));
            }
        };
        if alone || spawn_scoped(scope, "verify", STACK_KB, ahead).is_err() {
            return read(entries, each);
        }
        for step in receive {
            if !each(step?)? {
                break;
            }
        }
        Ok(())
    })
}

fn read(entries: &Reads, each: &mut dyn FnMut(Step) -> Result<bool, AuditError>) -> Result<(), AuditError> {
    let before_texts = memmem::Finder::new(BEFORE_TEXTS);
    let mut batch = Batch::default();
    let mut broken = None;
    for (expected, row) in (0..).zip(entries.iter()?) {
        let (key, value) = row?;
        let sequence = number_of(key.value());
        if sequence != expected {
            broken = Some(format!("entry {expected} is missing"));
            break;
        }
        let Ok(leaf) = codec::unseal(VERSION, value.value()) else {
            broken = Some(format!("entry {sequence} fails its check"));
            break;
        };
        batch.leaves.extend_from_slice(leaf);
        batch.entries.push(Entry {
            hash: tree::leaf_hash(leaf),
            is_text: std::str::from_utf8(leaf).is_ok(),
            has_texts: before_texts.find(leaf).is_some(),
            end: batch.leaves.len(),
        });
        if batch.entries.len() == BATCH && !each(Step::Entries(std::mem::take(&mut batch)))? {
            return Ok(());
        }
    }
    if each(Step::Entries(batch))?
        && let Some(why) = broken
    {
        each(Step::Broken(why))?;
    }
    Ok(())
}
