//! The tables of the log, and the one way to add to it.
//!
//! ```text
//! audit_entries      sequence → leaf, as canonical JSON
//! audit_nodes        level u8 · index u64 → hash of the complete subtree, from level 1 on
//! audit_texts        sequence → texts of the entry with their salts, until they are erased
//! audit_checkpoints  size → signed tree head, see `checkpoint`
//! audit_state        "origin", "anchored", "cosigner:NAME"
//! ```
//! Hashes of leaves are made of the leaves, so that they cannot differ from them. Every entry writes one leaf and,
//! on average, one node; a proof reads some twenty.

use super::AuditError;
use super::entry::{Entry, Leaf, Salted};
use super::tree::{self, Hash};
use crate::store::codec::{self, CodecError};
use crate::store::{
    Kept, ReadTransaction, Rows, StoreError, Table, WriteTransaction, number_key, number_of, there,
};

pub(super) const VERSION: u8 = 1;
pub(super) const ENTRIES: Table = Table::new("audit_entries");
pub(super) const NODES: Table = Table::new("audit_nodes");
const TEXTS: Table = Table::new("audit_texts");
pub(super) const CHECKPOINTS: Table = Table::new("audit_checkpoints");
pub(super) const STATE: Table = Table::new("audit_state");

pub(super) type Reads = Rows<redb::ReadOnlyTable<&'static [u8], &'static [u8]>>;

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub sequence: u64,
    pub leaf: Hash,
}

pub(super) fn node_key(level: u32, index: u64) -> [u8; 9] {
    let mut key = [0; 9];
    key[0] = u8::try_from(level).unwrap_or(u8::MAX);
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

pub(super) fn hash_in(value: &[u8]) -> Result<Hash, CodecError> {
    codec::unseal(VERSION, value)?.try_into().map_err(|_| CodecError::Check)
}

/// Adds an entry in the transaction of the change that it tells of: both are kept, or neither is.
///
/// The caller must not hold a table of the log open meanwhile.
///
/// # Errors
/// What the store says; a damaged record at the right edge of the tree is one: nothing may be added to what cannot
/// be proved any more.
pub fn append(write: &WriteTransaction, entry: &Entry) -> Result<Receipt, StoreError> {
    let mut entries = write.open_table(ENTRIES)?;
    let sequence = entries.last()?.map_or(0, |(key, _)| number_of(key.value()) + 1);
    let texts = entry.salted();
    let json = entry.leaf(sequence, &texts);
    let leaf = tree::leaf_hash(json.as_bytes());
    let (mut hash, mut index, mut level) = (leaf, sequence, 0);
    // Everything is read before anything is written: whoever goes on after an error has changed nothing.
    let mut made = Vec::new();
    if index & 1 == 1 {
        let nodes = write.open_table(NODES)?;
        while index & 1 == 1 {
            let left = match level {
                0 => {
                    let before = entries.get(&number_key(index - 1))?.ok_or(CodecError::Check)?;
                    tree::leaf_hash(codec::unseal(VERSION, before.value())?)
                }
                level => hash_in(nodes.get(&node_key(level, index - 1))?.ok_or(CodecError::Check)?.value())?,
            };
            hash = tree::node_hash(&left, &hash);
            (index, level) = (index >> 1, level + 1);
            made.push((node_key(level, index), codec::seal(VERSION, &hash)));
        }
    }
    entries.insert(&number_key(sequence), &codec::seal(VERSION, json.as_bytes()))?;
    if !made.is_empty() {
        let mut nodes = write.open_table(NODES)?;
        for (key, value) in &made {
            nodes.insert(key, value)?;
        }
    }
    if !texts.is_empty() {
        let record = codec::encode(VERSION, &texts)?;
        write.open_table(TEXTS)?.insert(&number_key(sequence), &record)?;
    }
    Ok(Receipt { sequence, leaf })
}

/// Erases the texts of an entry with their salts, and enters that; `None` where the entry has none (any more).
///
/// # Errors
/// What the store says.
pub fn erase(write: &WriteTransaction, sequence: u64, told: &Entry) -> Result<Option<Receipt>, StoreError> {
    if write.open_table(TEXTS)?.remove(&number_key(sequence))?.is_none() {
        return Ok(None);
    }
    append(write, told).map(Some)
}

/// The log at one moment.
pub struct Log {
    entries: Option<Reads>,
    nodes: Option<Reads>,
    texts: Option<Reads>,
    pub(super) checkpoints: Option<Reads>,
    pub(super) state: Option<Reads>,
    size: u64,
}

/// An entry with the texts that were not erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub leaf: Leaf,
    /// As it stands in the tree.
    pub json: String,
    pub texts: Vec<Salted>,
}

impl Log {
    /// # Errors
    /// What the store says.
    pub fn open(read: &ReadTransaction) -> Result<Self, AuditError> {
        let entries = there(read.open_table(ENTRIES))?;
        let size = match &entries {
            Some(entries) => entries.last()?.map_or(0, |(key, _)| number_of(key.value()) + 1),
            None => 0,
        };
        Ok(Self {
            size,
            entries,
            nodes: there(read.open_table(NODES))?,
            texts: there(read.open_table(TEXTS))?,
            checkpoints: there(read.open_table(CHECKPOINTS))?,
            state: there(read.open_table(STATE))?,
        })
    }

    /// Count of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// An entry as it stands in the tree.
    ///
    /// # Errors
    /// [`AuditError::Missing`], or damage.
    pub fn leaf_bytes(&self, sequence: u64) -> Result<Vec<u8>, AuditError> {
        let missing = || AuditError::Missing {
            what: format!("there is no entry {sequence}; the log has {}", self.size),
            advice: "`spud audit list` shows them",
        };
        let value = get(self.entries.as_ref(), &number_key(sequence))?;
        let value = value.ok_or_else(|| match sequence < self.size {
            true => AuditError::damaged(format!("entry {sequence} is missing")),
            false => missing(),
        })?;
        let leaf = codec::unseal(VERSION, &value);
        leaf.map(<[u8]>::to_vec).map_err(|error| AuditError::damaged(format!("entry {sequence}: {error}")))
    }

    /// An entry with its texts.
    ///
    /// # Errors
    /// [`AuditError::Missing`], or damage.
    pub fn find(&self, sequence: u64) -> Result<Found, AuditError> {
        let bytes = self.leaf_bytes(sequence)?;
        self.found(sequence, &bytes)
    }

    fn found(&self, sequence: u64, bytes: &[u8]) -> Result<Found, AuditError> {
        let leaf = Leaf::read(bytes).filter(|leaf| leaf.sequence == sequence);
        let leaf = leaf.ok_or_else(|| AuditError::damaged(format!("entry {sequence} cannot be read")))?;
        let texts = if leaf.texts.is_empty() { Vec::new() } else { self.texts_of(sequence)? };
        Ok(Found { leaf, json: String::from_utf8_lossy(bytes).into_owned(), texts })
    }

    fn texts_of(&self, sequence: u64) -> Result<Vec<Salted>, AuditError> {
        let value = get(self.texts.as_ref(), &number_key(sequence))?;
        Ok(value.map(|value| codec::decode(VERSION, &value)).transpose()?.unwrap_or_default())
    }

    /// Hash of a complete subtree.
    ///
    /// # Errors
    /// Damage, also where the subtree is not complete yet.
    pub fn node(&self, level: u32, index: u64) -> Result<Hash, AuditError> {
        if level == 0 {
            return self.leaf_bytes(index).map(|leaf| tree::leaf_hash(&leaf));
        }
        let damaged = || AuditError::damaged(format!("node {level}/{index}"));
        let value = get(self.nodes.as_ref(), &node_key(level, index))?.ok_or_else(damaged)?;
        hash_in(&value).map_err(|_| damaged())
    }

    /// Root of the first `size` entries.
    ///
    /// # Errors
    /// [`AuditError::Missing`] where there are fewer, or damage.
    pub fn root(&self, size: u64) -> Result<Hash, AuditError> {
        self.within(size)?;
        tree::root(size, &mut |level, index| self.node(level, index))
    }

    /// # Errors
    /// [`AuditError::Missing`] where there are fewer entries.
    fn within(&self, size: u64) -> Result<(), AuditError> {
        if size <= self.size {
            return Ok(());
        }
        let what = format!("the log has {} entries, not {size}", self.size);
        Err(AuditError::Missing { what, advice: "`spud audit status` shows its size and its checkpoints" })
    }

    /// Proof that an entry is among the first `size`.
    ///
    /// # Errors
    /// [`AuditError::Missing`] where it is not, or damage.
    pub fn inclusion(&self, sequence: u64, size: u64) -> Result<Vec<Hash>, AuditError> {
        self.within(size)?;
        if sequence >= size {
            let what = format!("entry {sequence} is not among the first {size}");
            return Err(AuditError::Missing {
                what,
                advice: "make a checkpoint first: spud audit checkpoint",
            });
        }
        tree::inclusion(sequence, size, &mut |level, index| self.node(level, index))
    }

    /// Proof that the first `old` entries are the beginning of the first `new`.
    ///
    /// # Errors
    /// [`AuditError::Missing`] where there are fewer, or damage.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, AuditError> {
        self.within(new)?;
        if old > new {
            let what = format!("{old} is more than {new}");
            return Err(AuditError::invalid(what, "the older size comes first"));
        }
        tree::consistency(old, new, &mut |level, index| self.node(level, index))
    }

    /// Rows of the entries and of their texts, for those who go through all of them.
    pub(super) fn rows(&self) -> (Option<&Reads>, Option<&Reads>, Option<&Reads>) {
        (self.entries.as_ref(), self.nodes.as_ref(), self.texts.as_ref())
    }

    /// Entries before `before`, newest first, until `each` says enough; a damaged one is left out here, and found
    /// by [`super::verify`].
    ///
    /// # Errors
    /// What the store says.
    pub fn newest(
        &self,
        before: u64,
        mut each: impl FnMut(u64, &Leaf, &[u8]) -> Result<bool, AuditError>,
    ) -> Result<(), AuditError> {
        let Some(entries) = &self.entries else { return Ok(()) };
        for row in entries.range::<&[u8]>(..&number_key(before)[..])?.rev() {
            let (key, value) = row?;
            let sequence = number_of(key.value());
            let Ok(bytes) = codec::unseal(VERSION, value.value()) else { continue };
            let Some(leaf) = Leaf::read(bytes) else { continue };
            if !each(sequence, &leaf, bytes)? {
                break;
            }
        }
        Ok(())
    }

    /// The texts of a leaf that were not erased.
    ///
    /// # Errors
    /// What the store says, or damage.
    pub(super) fn with_texts(&self, leaf: &Leaf, json: &[u8]) -> Result<Found, AuditError> {
        self.found(leaf.sequence, json)
    }
}

/// Level and index in the key of a node.
pub(super) fn node_of(key: &[u8]) -> (u32, u64) {
    (key.first().copied().unwrap_or(0).into(), number_of(key))
}

pub(super) fn node_keys(level: u32) -> ([u8; 9], [u8; 9]) {
    (node_key(level, 0), node_key(level, u64::MAX))
}

/// The value of a row, where there is one.
pub(super) fn get(table: Option<&Rows<impl Kept>>, key: &[u8]) -> Result<Option<Vec<u8>>, AuditError> {
    let Some(table) = table else { return Ok(None) };
    Ok(table.get(key)?.map(|value| value.value().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{holds_consistency, holds_inclusion};
    use crate::store::Control;

    pub(crate) fn control() -> (tempfile::TempDir, Control) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        (folder, control)
    }

    fn entry(n: u64) -> Entry {
        Entry::new(n, [n as u8; 32], "test.made", "uid:7", ("thing", &n.to_string()))
            .text("reason", format!("reason {n}"))
    }

    #[test]
    fn entries_come_with_their_change_or_not_at_all_and_are_proved() {
        let (_folder, control) = control();
        for n in 0..70u64 {
            control.write(|write| append(write, &entry(n))).unwrap();
        }
        let failed: Result<(), _> = control.write(|write| {
            append(write, &entry(99))?;
            Err(StoreError::Record(CodecError::Check))
        });
        assert!(failed.is_err());
        let log = Log::open(&control.snapshot().unwrap()).unwrap();
        assert_eq!(log.size(), 70);
        for size in [1, 2, 3, 31, 64, 69, 70] {
            let root = log.root(size).unwrap();
            for sequence in 0..size {
                let leaf = log.node(0, sequence).unwrap();
                let proof = log.inclusion(sequence, size).unwrap();
                assert!(holds_inclusion(&leaf, sequence, size, &proof, &root));
            }
            let proof = log.consistency(size, 70).unwrap();
            assert!(holds_consistency((size, &root), (70, &log.root(70).unwrap()), &proof));
        }
        assert!(matches!(log.root(71), Err(AuditError::Missing { .. })));
        assert!(matches!(log.inclusion(5, 5), Err(AuditError::Missing { .. })));
        assert!(matches!(log.find(70), Err(AuditError::Missing { .. })));
        let found = log.find(69).unwrap();
        assert_eq!((found.leaf.subject.1.as_str(), found.texts[0].text.as_str()), ("69", "reason 69"));
        assert_eq!(found.leaf.texts, [("reason".to_owned(), found.texts[0].hash())]);
    }

    #[test]
    fn erased_texts_are_gone_and_the_proof_stays() {
        let (_folder, control) = control();
        for n in 0..5 {
            control.write(|write| append(write, &entry(n))).unwrap();
        }
        let open = || Log::open(&control.snapshot().unwrap()).unwrap();
        let before = open().root(5).unwrap();
        let told = Entry::new(9, [0; 32], "audit.erased", "uid:0", ("entry", "2"));
        let erased = control.write(|write| erase(write, 2, &told)).unwrap();
        assert_eq!(erased.map(|receipt| receipt.sequence), Some(5));
        assert_eq!(control.write(|write| erase(write, 2, &told)).unwrap(), None, "once is enough");
        let log = open();
        assert_eq!((log.size(), log.root(5).unwrap()), (6, before));
        let found = log.find(2).unwrap();
        assert!(found.texts.is_empty() && found.leaf.texts.len() == 1);
        assert!(!log.find(1).unwrap().texts.is_empty());
    }
}
