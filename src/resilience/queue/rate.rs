//! Events of the last minute, second by second.

const SECONDS: usize = 60;

/// Counts by second; a second that came round again begins anew.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    counts: [(u64, u32); SECONDS],
}

impl Default for Rate {
    fn default() -> Self {
        Self { counts: [(0, 0); SECONDS] }
    }
}

impl Rate {
    #[allow(clippy::cast_possible_truncation)] // below 60
    pub(super) fn add(&mut self, count: u32, now_ms: u64) {
        let second = now_ms / 1000;
        if let Some(slot) = self.counts.get_mut(second as usize % SECONDS) {
            let before = if slot.0 == second { slot.1 } else { 0 };
            *slot = (second, before.saturating_add(count));
        }
    }

    /// Events of the last minute.
    pub(super) fn per_minute(&self, now_ms: u64) -> u64 {
        let second = now_ms / 1000;
        let young = |at: u64| at <= second && second - at < SECONDS as u64;
        self.counts.iter().filter(|(at, _)| young(*at)).map(|(_, count)| u64::from(*count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_remembered() {
        let mut rate = Rate::default();
        rate.add(2, 100_000);
        rate.add(1, 100_900);
        rate.add(5, 159_000);
        assert_eq!(rate.per_minute(159_999), 8);
        assert_eq!(rate.per_minute(160_000), 5);
        rate.add(1, 160_000);
        assert_eq!(rate.per_minute(160_000), 6);
        assert_eq!(rate.per_minute(900_000), 0);
    }
}
