//! When ingest commits: seldom enough for flash, often enough that a crash costs little.

/// A commit is due after this long when enough documents wait for it (a commit costs a small box's flash some
/// 25 KB however little is in it), and after the longer time whatever waits, so that a crash costs little.
const COMMIT_AFTER_MS: u64 = 10_000;
const COMMIT_AT_LATEST_MS: u64 = 30_000;

pub(super) fn commit_is_due(waiting: u32, batch_size: u32, since_ms: u64) -> bool {
    since_ms >= if waiting >= batch_size { COMMIT_AFTER_MS } else { COMMIT_AT_LATEST_MS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_a_batch_but_not_for_ever() {
        assert!(!commit_is_due(1000, 32, 9_999), "not again and again");
        assert!(commit_is_due(32, 32, 10_000));
        assert!(!commit_is_due(31, 32, 29_999), "the batch is not full");
        assert!(commit_is_due(1, 32, 30_000));
    }
}
