//! How far a collector of others was told of the traces that are kept here, and how many it will never hear of.
//!
//! A trace is lost to it once it is neither in memory nor on disk, nor on its way there, and was not sent. Pure.

/// Where the sending stands.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Number of the last trace that is settled: it arrived, or was refused for good.
    pub(super) sent: u64,
    /// What of that is on disk.
    pub(super) saved: u64,
    pub(super) lost: u64,
    /// Numbers of traces in memory that found no room on their way to the disk.
    unshelved: Vec<u64>,
}

impl Outgoing {
    pub(super) fn after(sent: u64, lost: u64) -> Self {
        Self { sent, saved: sent, lost, unshelved: Vec::new() }
    }

    fn lose(&mut self, number: u64) {
        self.lost += u64::from(number > self.sent);
    }

    /// A trace will not get to the disk; `oldest` is the oldest one that memory still has.
    pub(super) fn not_shelved(&mut self, number: u64, oldest: Option<u64>) {
        match oldest {
            Some(oldest) if oldest <= number => self.unshelved.push(number),
            _ => self.lose(number),
        }
    }

    /// Memory has it no longer.
    pub(super) fn left_memory(&mut self, number: u64) {
        if let Some(at) = self.unshelved.iter().position(|known| *known == number) {
            self.unshelved.remove(at);
            self.lose(number);
        }
    }

    /// Neither has the disk.
    pub(super) fn left_disk(&mut self, number: u64) {
        self.lose(number);
    }

    /// All up to this one are settled.
    pub(super) fn settle(&mut self, number: u64) {
        self.sent = self.sent.max(number);
        self.unshelved.retain(|known| *known > number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_is_what_is_nowhere_and_was_not_sent() {
        let mut out = Outgoing::after(10, 0);
        // Sent before it went.
        out.left_disk(10);
        out.not_shelved(9, None);
        assert_eq!(out.lost, 0);
        // Of three that found no way to the disk one is sent from memory, one is not, one is there no more.
        out.not_shelved(11, Some(11));
        out.not_shelved(12, Some(11));
        out.not_shelved(13, Some(14));
        assert_eq!(out.lost, 1);
        out.settle(11);
        out.left_memory(11);
        assert_eq!(out.lost, 1);
        out.left_memory(12);
        assert_eq!(out.lost, 2);
        // On disk it still waits; gone from there it does not.
        out.left_memory(14);
        assert_eq!(out.lost, 2);
        out.left_disk(14);
        assert_eq!((out.lost, out.sent), (3, 11));
        out.settle(5);
        assert_eq!(out.sent, 11, "it does not go back");
    }
}
