//! The best of many candidates, in one order whatever order they come in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A candidate: score, and where it is. Better is a higher score, and among equals the earlier place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) score: f32,
    pub(super) segment: u32,
    pub(super) chunk: u32,
}

/// The best `k` so far.
pub(super) struct Best {
    k: usize,
    /// Least first. A key holds a candidate in the order of [`Candidate`], so that one comparison tells.
    heap: BinaryHeap<Reverse<u128>>,
    threshold: f32,
}

#[allow(clippy::cast_sign_loss)] // the sign's bit, all over
fn key_of(candidate: Candidate) -> u128 {
    let bits = candidate.score.to_bits();
    let score = bits ^ ((bits.cast_signed() >> 31) as u32 | 1 << 31);
    u128::from(score) << 64 | u128::from(!candidate.segment) << 32 | u128::from(!candidate.chunk)
}

#[allow(clippy::cast_possible_truncation)] // its parts
fn candidate_of(key: u128) -> Candidate {
    let score = (key >> 64) as u32;
    let bits = if score >> 31 == 1 { score ^ 1 << 31 } else { !score };
    Candidate { score: f32::from_bits(bits), segment: !((key >> 32) as u32), chunk: !(key as u32) }
}

impl Best {
    pub(super) fn new(k: usize) -> Self {
        Self { k: k.max(1), heap: BinaryHeap::with_capacity(k + 1), threshold: 0.0 }
    }

    /// A score at or below this cannot enter, where candidates come in the order of their places.
    #[inline]
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    pub(super) fn push(&mut self, candidate: Candidate) {
        let key = key_of(candidate);
        if self.heap.len() < self.k {
            self.heap.push(Reverse(key));
            if self.heap.len() < self.k {
                return;
            }
        } else if let Some(mut least) = self.heap.peek_mut()
            && key > least.0
        {
            *least = Reverse(key);
        }
        self.threshold = self.heap.peek().map_or(0.0, |least| candidate_of(least.0).score);
    }

    /// Best first.
    pub(super) fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec().into_iter().map(|key| candidate_of(key.0)).collect()
    }
}
