//! The questions of the last minute: how long they took, and how many failed. Bounded in entries.

use std::collections::VecDeque;

/// Entries kept; a box that answers more a minute judges by the newest.
const KEPT: usize = 2048;
const LATENCY_MS: u64 = 30_000;
const ERRORS_MS: u64 = 60_000;

#[derive(Debug, Clone, Copy)]
struct Question {
    at_ms: u64,
    took_us: u64,
    failed: bool,
}

/// A sliding window of questions.
#[derive(Debug, Clone, Default)]
pub struct Questions {
    kept: VecDeque<Question>,
}

impl Questions {
    /// A question that was answered, or that failed through no fault of its own.
    pub fn add(&mut self, at_ms: u64, took_us: u64, failed: bool) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Question { at_ms, took_us, failed });
    }

    /// Forgets what is older than the window.
    pub fn forget(&mut self, now_ms: u64) {
        while self.kept.front().is_some_and(|old| now_ms.saturating_sub(old.at_ms) > ERRORS_MS) {
            self.kept.pop_front();
        }
    }

    /// 95th percentile of those answered in the last 30 s, if there were at least `least`.
    #[must_use]
    pub fn p95_us(&self, now_ms: u64, least: u64) -> Option<u64> {
        let recent = self.kept.iter().rev().take_while(|q| now_ms.saturating_sub(q.at_ms) <= LATENCY_MS);
        let mut took: Vec<u64> = recent.filter(|q| !q.failed).map(|q| q.took_us).collect();
        if took.is_empty() || (took.len() as u64) < least {
            return None;
        }
        let rank = (took.len() * 95).div_ceil(100).saturating_sub(1);
        let (_, found, _) = took.select_nth_unstable(rank);
        Some(*found)
    }

    /// Percent of those of the last minute that failed, if there were at least `least`.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // at most 2048
    pub fn errors_percent(&self, now_ms: u64, least: u64) -> Option<f64> {
        let recent = self.kept.iter().rev().take_while(|q| now_ms.saturating_sub(q.at_ms) <= ERRORS_MS);
        let (all, failed) =
            recent.fold((0u64, 0u64), |(all, failed), q| (all + 1, failed + u64::from(q.failed)));
        (all > 0 && all >= least).then(|| failed as f64 * 100.0 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_questions_do_not_count_and_few_say_nothing() {
        let mut window = Questions::default();
        assert_eq!((window.p95_us(0, 0), window.errors_percent(0, 0)), (None, None));
        for n in 1..=100 {
            window.add(n * 100, n * 1000, n % 10 == 0);
        }
        assert_eq!(window.p95_us(10_000, 10), Some(95_000));
        assert_eq!(window.errors_percent(10_000, 20), Some(10.0));
        assert_eq!(window.errors_percent(10_000, 101), None);
        assert_eq!(window.p95_us(45_000, 1), None, "older than 30 s");
        assert_eq!(window.errors_percent(45_000, 1), Some(10.0));
        window.forget(80_000);
        assert_eq!(window.errors_percent(80_000, 0), None);
    }

    #[test]
    fn the_window_is_bounded() {
        let mut window = Questions::default();
        (0..10_000).for_each(|n| window.add(n, 1, false));
        assert_eq!(window.kept.len(), KEPT);
    }
}
