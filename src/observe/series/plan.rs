//! What a cut changes among the blocks: new ones, hours rolled up, small ones joined, old ones forgotten; all of it in
//! the transaction that writes the new block.

use super::rollup::rolled;
use super::shelf::{self, BlockRef, Tier};
use super::telemetry::HOUR_MS;
use crate::base::InOrder;
use crate::store::samples::{Block, joined};
use crate::store::{StoreError, WriteTransaction};

/// A block that is as large is not joined with another; one of fewer samples is not worth a commit of its own.
pub(super) const BLOCK_SAMPLES: usize = 64 << 10;

/// The blocks as they will be, while a change is made.
pub(super) struct Plan {
    pub(super) blocks: Vec<BlockRef>,
    /// Hours before it are rolled up.
    pub(super) rolled: i64,
}

impl Plan {
    pub(super) fn add(
        &mut self,
        write: &WriteTransaction,
        tier: Tier,
        block: &Block,
    ) -> Result<(), StoreError> {
        // A clock that was set back may bring a time again: the pieces of two blocks must not mix.
        let start = block.times.first().copied();
        let same = self.blocks.iter().find(|known| known.tier == tier && Some(known.start) == start).copied();
        if let Some(same) = same {
            self.remove(write, &same)?;
        }
        if let Some(added) = shelf::put_block(write, tier, block)? {
            self.blocks.push(added);
            self.blocks.order_by_key(|block| (block.tier, block.start));
        }
        Ok(())
    }

    fn remove(&mut self, write: &WriteTransaction, block: &BlockRef) -> Result<(), StoreError> {
        shelf::remove_block(write, block)?;
        self.blocks.retain(|known| known != block);
        Ok(())
    }

    fn of(&self, tier: Tier) -> Vec<BlockRef> {
        self.blocks.iter().filter(|block| block.tier == tier).copied().collect()
    }

    /// Rolls up the hours that are over.
    pub(super) fn roll_hours(
        &mut self,
        write: &WriteTransaction,
        last: i64,
        rises: &dyn Fn(u32) -> bool,
    ) -> Result<(), StoreError> {
        let until = (last + 1).div_euclid(HOUR_MS) * HOUR_MS;
        if until <= self.rolled {
            return Ok(());
        }
        let mut all: Option<Block> = None;
        for reference in self.of(Tier::Middle) {
            if reference.end < self.rolled || reference.start >= until {
                continue;
            }
            let mut middle = shelf::whole_block(write, &reference)?;
            middle.keep(self.rolled, until);
            all = Some(match all {
                Some(before) => joined(before, middle),
                None => middle,
            });
        }
        self.rolled = until;
        match all {
            Some(hours) => self.add(write, Tier::Hour, &rolled(&hours, HOUR_MS, rises)),
            None => Ok(()),
        }
    }

    /// Joins the newest blocks of each tier while they are small. A block is at least half of what it is joined
    /// with, so that no sample is written again and again.
    pub(super) fn join(&mut self, write: &WriteTransaction) -> Result<(), StoreError> {
        for tier in Tier::ALL {
            while let [.., before, newest] = self.of(tier).as_slice() {
                let small = before.samples + newest.samples <= BLOCK_SAMPLES as u64;
                if !small || before.samples > newest.samples * 2 || before.end >= newest.start {
                    break;
                }
                let (first, second) =
                    (shelf::whole_block(write, before)?, shelf::whole_block(write, newest)?);
                self.remove(write, before)?;
                self.remove(write, newest)?;
                self.add(write, tier, &joined(first, second))?;
            }
        }
        Ok(())
    }

    /// Removes the oldest blocks of each tier that has more than its part of the bytes.
    pub(super) fn forget(&mut self, write: &WriteTransaction, bytes: u64) -> Result<(), StoreError> {
        for (tier, part) in Tier::ALL.into_iter().zip([2, 4, 4]) {
            let mut blocks = self.of(tier).into_iter();
            let mut held: u64 = blocks.as_slice().iter().map(|block| block.bytes).sum();
            while held > bytes / part && blocks.len() > 1 {
                let Some(oldest) = blocks.next() else { break };
                held -= oldest.bytes;
                self.remove(write, &oldest)?;
            }
        }
        Ok(())
    }
}
