//! The Merkle tree of RFC 6962 (hashes of section 2.1, proofs as RFC 9162 verifies them), as pure functions.
//!
//! A node is named by its level and its index there: level 0 are the leaves, and `(level, index)` covers the leaves
//! from `index << level` on. Only complete subtrees have such a name; every other hash is made of a few of them.

use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// Levels that a tree of `u64` leaves can have.
const LEVELS: usize = 64;

/// Hash of a leaf: SHA-256 over 0x00 and what it holds.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(leaf);
    hasher.finalize().into()
}

/// Hash of a node: SHA-256 over 0x01 and its two children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// Root of the tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Gives the hash of a complete subtree by level and index.
pub(super) type Nodes<'a, E> = dyn FnMut(u32, u64) -> Result<Hash, E> + 'a;

/// The largest power of two below `count`, which is 2 or more.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// Hash over the leaves from `from` to before `to`, where they begin at a multiple of a power of two that is not
/// less than their count: so every recursion of RFC 6962 asks.
fn range_hash<E>(from: u64, to: u64, nodes: &mut Nodes<'_, E>) -> Result<Hash, E> {
    let count = to - from;
    if count.is_power_of_two() {
        return nodes(count.trailing_zeros(), from >> count.trailing_zeros());
    }
    let middle = from + split(count);
    let left = range_hash(from, middle, nodes)?;
    let right = range_hash(middle, to, nodes)?;
    Ok(node_hash(&left, &right))
}

/// Root of the first `size` leaves.
///
/// # Errors
/// What `nodes` says.
pub(super) fn root<E>(size: u64, nodes: &mut Nodes<'_, E>) -> Result<Hash, E> {
    if size == 0 { Ok(empty_root()) } else { range_hash(0, size, nodes) }
}

/// Proof that leaf `index` is in the tree of `size` leaves: the siblings from the leaf up. Empty where it is not.
///
/// # Errors
/// What `nodes` says.
pub(super) fn inclusion<E>(index: u64, size: u64, nodes: &mut Nodes<'_, E>) -> Result<Vec<Hash>, E> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while index < size && to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range_hash(middle, to, nodes)?);
            to = middle;
        } else {
            path.push(range_hash(from, middle, nodes)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Proof that the tree of `old` leaves is the beginning of that of `new` leaves. Empty where nothing is to be proved.
///
/// # Errors
/// What `nodes` says.
pub(super) fn consistency<E>(old: u64, new: u64, nodes: &mut Nodes<'_, E>) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut from, mut to) = (0, new);
    // True while the old tree is the whole left side: its root is known to whoever verifies.
    let mut is_known = true;
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(range_hash(middle, to, nodes)?);
            to = middle;
        } else {
            path.push(range_hash(from, middle, nodes)?);
            from = middle;
            is_known = false;
        }
    }
    if !is_known {
        path.push(range_hash(from, to, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// True when `proof` shows that the leaf of this hash stands at `index` in the tree (RFC 9162, 2.1.3.2).
#[must_use]
pub fn holds_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// True when `proof` shows that the old tree is the beginning of the new one (RFC 9162, 2.1.4.2).
#[must_use]
pub fn holds_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 || old_size > new_size {
        return old_size == 0 && proof.is_empty() && *old_root == empty_root();
    }
    let mut rest = proof.iter();
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let first = if old_size.is_power_of_two() { Some(old_root) } else { rest.next() };
    let Some(first) = first else { return false };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// The roots of the complete subtrees at the right edge: all that is needed to go on.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    size: u64,
    /// The widest first.
    hashes: Vec<Hash>,
}

impl Edge {
    #[must_use]
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash; tells every subtree that is complete with it, the lowest first.
    ///
    /// # Errors
    /// What `complete` says.
    pub(super) fn push<E>(
        &mut self,
        leaf: Hash,
        mut complete: impl FnMut(u32, u64, &Hash) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut hash, mut index, mut level) = (leaf, self.size, 0);
        complete(level, index, &hash)?;
        while index & 1 == 1 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            (index, level) = (index >> 1, level + 1);
            complete(level, index, &hash)?;
        }
        self.hashes.push(hash);
        debug_assert!(self.hashes.len() <= LEVELS);
        self.size += 1;
        Ok(())
    }

    /// Root of all leaves so far.
    #[must_use]
    pub(super) fn root(&self) -> Hash {
        let mut hashes = self.hashes.iter().rev();
        let Some(first) = hashes.next() else { return empty_root() };
        hashes.fold(*first, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn leaf(n: u64) -> Hash {
        leaf_hash(&n.to_le_bytes())
    }

    /// As RFC 6962 defines it, without any shortcut.
    fn naive(from: u64, to: u64) -> Hash {
        match to - from {
            0 => empty_root(),
            1 => leaf(from),
            count => {
                let middle = from + split(count);
                node_hash(&naive(from, middle), &naive(middle, to))
            }
        }
    }

    fn node(level: u32, index: u64) -> Result<Hash, Infallible> {
        Ok(naive(index << level, (index + 1) << level))
    }

    #[test]
    fn the_hashes_are_those_of_the_standard() {
        let hex = crate::base::to_hex;
        // SHA-256 of nothing, and of one zero byte.
        assert_eq!(hex(&empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(&leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    proptest! {
        #[test]
        fn proofs_hold_and_nothing_else_does(size in 1u64..200, index in 0u64..200, old in 0u64..200, bit in 0usize..256) {
            let (index, old) = (index % size, old % (size + 1));
            let (whole, before) = (naive(0, size), naive(0, old));
            prop_assert_eq!(root(size, &mut node).unwrap(), whole);
            let proof = inclusion(index, size, &mut node).unwrap();
            prop_assert!(holds_inclusion(&leaf(index), index, size, &proof, &whole));
            prop_assert!(!holds_inclusion(&leaf(index + 1), index, size, &proof, &whole));
            prop_assert!(!holds_inclusion(&leaf(index), index, size + 256, &proof, &whole));
            let grown = consistency(old, size, &mut node).unwrap();
            prop_assert!(holds_consistency((old, &before), (size, &whole), &grown));
            for proof in [&proof, &grown] {
                for at in 0..proof.len() {
                    let mut bent = proof.clone();
                    bent[at][bit / 8] ^= 1 << (bit % 8);
                    let short = proof.get(1..).unwrap_or_default();
                    if std::ptr::eq(proof, &raw const grown) {
                        prop_assert!(!holds_consistency((old, &before), (size, &whole), &bent));
                        prop_assert!(!holds_consistency((old, &before), (size, &whole), short));
                    } else {
                        prop_assert!(!holds_inclusion(&leaf(index), index, size, &bent, &whole));
                        prop_assert!(!holds_inclusion(&leaf(index), index, size, short, &whole));
                    }
                }
            }
        }
    }

    #[test]
    fn an_edge_gives_every_root_and_every_subtree() {
        let mut edge = Edge::default();
        for size in 0..130 {
            assert_eq!((edge.size(), edge.root()), (size, naive(0, size)));
            let told = edge.push(leaf(size), |level, index, hash| {
                if node(level, index).unwrap() == *hash { Ok(()) } else { Err((level, index)) }
            });
            assert_eq!(told, Ok(()));
        }
    }
}
