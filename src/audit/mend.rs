//! Makes a damaged log one that can be added to again, without hiding anything.
//!
//! What can be made again of what lies below it is made again. A row that can be read is never touched, also where
//! it contradicts another: that is no damage but a change, and [`super::verify`] goes on saying so. Only where an entry
//! that cannot be read stands at the right edge, on which every new entry hangs, another takes its place and says
//! that it was lost.

use super::entry::Entry;
use super::log::{ENTRIES, NODES, VERSION, hash_in, node_key};
use super::tree::{self, Hash};
use crate::store::{StoreError, WriteTransaction, codec, number_key, number_of};

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mended {
    /// Nodes that were made again.
    pub nodes: u64,
    /// Entries that cannot be read; proofs of all others hold where their nodes are whole.
    pub lost: u64,
    /// Entries of those in whose place another stands now.
    pub replaced: u64,
}

/// Mends the log; `in_place` makes what takes the place of the lost entry of this sequence.
///
/// # Errors
/// What the store says.
pub fn mend(write: &WriteTransaction, in_place: &dyn Fn(u64) -> Entry) -> Result<Mended, StoreError> {
    let size = write.open_table(ENTRIES)?.last()?.map_or(0, |(key, _)| number_of(key.value()) + 1);
    let (mut mended, mut first) = (Mended::default(), 0);
    // The complete subtrees of the right edge, from the largest on.
    for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
        let lost_before = mended.lost;
        if subtree(write, first, level, &mut mended)?.is_none() {
            replace(write, first..first + (1 << level), in_place, &mut mended)?;
            mended.lost = lost_before;
            subtree(write, first, level, &mut mended)?;
        }
        first += 1 << level;
    }
    mended.lost += mended.replaced;
    Ok(mended)
}

/// Goes through the leaves of a complete subtree and makes its missing nodes again; nothing where its own hash cannot
/// be known.
fn subtree(
    write: &WriteTransaction,
    first: u64,
    top: u32,
    mended: &mut Mended,
) -> Result<Option<Hash>, StoreError> {
    let (entries, mut nodes) = (write.open_table(ENTRIES)?, write.open_table(NODES)?);
    // Hashes of the left siblings that wait for their right ones.
    let mut waiting: Vec<Option<Hash>> = Vec::new();
    for sequence in first..first + (1 << top) {
        let row = entries.get(&number_key(sequence))?;
        let leaf = row.and_then(|row| codec::unseal(VERSION, row.value()).ok().map(tree::leaf_hash));
        mended.lost += u64::from(leaf.is_none());
        let (mut hash, mut index, mut level) = (leaf, sequence, 0);
        while level < top && index & 1 == 1 {
            let left = waiting.pop().flatten();
            (index, level) = (index >> 1, level + 1);
            let made = left.zip(hash).map(|(left, right)| tree::node_hash(&left, &right));
            let key = node_key(level, index);
            let kept = nodes.get(&key)?.and_then(|row| hash_in(row.value()).ok());
            if let (None, Some(made)) = (kept, made) {
                nodes.insert(&key, &codec::seal(VERSION, &made))?;
                mended.nodes += 1;
            }
            hash = kept.or(made);
        }
        waiting.push(hash);
    }
    Ok(waiting.pop().flatten())
}

fn replace(
    write: &WriteTransaction,
    span: std::ops::Range<u64>,
    in_place: &dyn Fn(u64) -> Entry,
    mended: &mut Mended,
) -> Result<(), StoreError> {
    let mut entries = write.open_table(ENTRIES)?;
    for sequence in span {
        let key = number_key(sequence);
        let whole = entries.get(&key)?.is_some_and(|row| codec::unseal(VERSION, row.value()).is_ok());
        if !whole {
            let leaf = in_place(sequence).leaf(sequence, &[]);
            entries.insert(&key, &codec::seal(VERSION, leaf.as_bytes()))?;
            mended.replaced += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Log, append, verify};
    use crate::store::Control;

    fn entry(kind: &str) -> Entry {
        Entry::new(1, [3; 32], kind, "uid:7", ("thing", "x"))
    }

    fn filled(entries: u64) -> (tempfile::TempDir, Control) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        for _ in 0..entries {
            control.write(|write| append(write, &entry("test.made"))).unwrap();
        }
        (folder, control)
    }

    fn put(control: &Control, level: Option<(u32, u64)>, sequence: u64, value: Option<&[u8]>) {
        let change = |write: &WriteTransaction| {
            let (table, key) = match level {
                None => (ENTRIES, number_key(sequence).to_vec()),
                Some((level, index)) => (NODES, node_key(level, index).to_vec()),
            };
            let mut rows = write.open_table(table)?;
            match value {
                Some(value) => drop(rows.insert(&key, value)?),
                None => drop(rows.remove(&key)?),
            }
            Ok(())
        };
        control.write(change).unwrap();
    }

    fn log(control: &Control) -> Log {
        Log::open(&control.snapshot().unwrap()).unwrap()
    }

    fn mended(control: &Control) -> Mended {
        control.write(|write| mend(write, &|_| entry("audit.entry_lost"))).unwrap()
    }

    fn problems(control: &Control) -> Vec<String> {
        verify(&log(control), &[], &|_| true).unwrap().problems
    }

    #[test]
    fn lost_nodes_are_made_again_and_the_root_is_the_same() {
        let (_folder, control) = filled(39);
        let root = log(&control).root(39).unwrap();
        for place in [(5, 0), (2, 8), (1, 18), (1, 3), (3, 1)] {
            put(&control, Some(place), 0, None);
        }
        put(&control, Some((4, 0)), 0, Some(&[9; 7]));
        assert!(
            control.write(|write| append(write, &entry("test.made"))).is_err(),
            "nothing hangs on nothing"
        );
        assert_eq!(mended(&control), Mended { nodes: 6, lost: 0, replaced: 0 });
        assert_eq!((log(&control).root(39).unwrap(), problems(&control)), (root, Vec::new()));
        control.write(|write| append(write, &entry("test.made"))).unwrap();
        assert_eq!(mended(&control), Mended::default());
    }

    #[test]
    fn an_entry_that_is_lost_at_the_edge_is_said_to_be_and_the_log_goes_on() {
        let (_folder, control) = filled(37);
        put(&control, None, 36, Some(&[1, 2, 3]));
        assert!(control.write(|write| append(write, &entry("test.made"))).is_err());
        assert_eq!(mended(&control), Mended { nodes: 0, lost: 1, replaced: 1 });
        assert_eq!(problems(&control), Vec::<String>::new());
        assert_eq!(log(&control).find(36).unwrap().leaf.kind, "audit.entry_lost");
        control.write(|write| append(write, &entry("test.made"))).unwrap();
    }

    #[test]
    fn an_entry_that_is_lost_inside_stays_so_and_all_others_are_proved() {
        let (_folder, control) = filled(37);
        let root = log(&control).root(37).unwrap();
        put(&control, None, 5, None);
        assert_eq!(mended(&control), Mended { nodes: 0, lost: 1, replaced: 0 });
        assert_eq!(log(&control).root(37).unwrap(), root);
        assert!(problems(&control)[0].contains("entry 5 is missing"));
    }

    #[test]
    fn a_change_is_not_mended() {
        let (_folder, control) = filled(37);
        let other = codec::seal(VERSION, b"{\"kind\":\"test.made\"}");
        put(&control, None, 5, Some(&other));
        assert_eq!(mended(&control), Mended::default());
        assert!(problems(&control)[0].contains("node 1/2"));
        // Also where the node that would betray it is gone: those above it stay.
        put(&control, Some((1, 2)), 0, None);
        mended(&control);
        assert!(problems(&control)[0].contains("node 2/1"));
    }
}
