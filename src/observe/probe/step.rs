//! What becomes of a probe by what it sees, in the way of Kubernetes: so many results in a row make a change.

use super::Rhythm;

/// How a probe stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// There were too few results yet.
    #[default]
    Unknown,
    Up,
    Down,
}

impl Phase {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// From one phase to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub from: Phase,
    pub to: Phase,
}

/// Where a probe stands, and what led there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Course {
    pub phase: Phase,
    /// Milliseconds since 1970, as all times here.
    pub since_ms: u64,
    /// When the next look is due.
    pub next_ms: u64,
    pub last_ms: Option<u64>,
    /// Results of a kind in a row.
    good: u32,
    bad: u32,
    pub runs: u64,
    pub failed: u64,
}

impl Course {
    /// Of a probe that is known from now on.
    #[must_use]
    pub fn begin(rhythm: Rhythm, now_ms: u64) -> Self {
        let next_ms = now_ms.saturating_add(rhythm.initial_delay_ms);
        Self { since_ms: now_ms, next_ms, ..Self::default() }
    }

    /// True when it is time to look. A clock that was set back does not keep a probe waiting.
    #[must_use]
    pub fn is_due(&self, rhythm: Rhythm, now_ms: u64) -> bool {
        now_ms >= self.next_ms
            || self.next_ms - now_ms > rhythm.period_ms.saturating_add(rhythm.initial_delay_ms)
    }

    /// Takes in a result; tells where it changed something.
    pub fn step(&mut self, rhythm: Rhythm, is_good: bool, now_ms: u64) -> Option<Change> {
        self.runs += 1;
        self.failed += u64::from(!is_good);
        self.last_ms = Some(now_ms);
        self.next_ms = now_ms.saturating_add(rhythm.period_ms);
        (self.good, self.bad) =
            if is_good { (self.good.saturating_add(1), 0) } else { (0, self.bad.saturating_add(1)) };
        let to = match self.phase {
            _ if self.good >= rhythm.successes => Phase::Up,
            _ if self.bad >= rhythm.failures => Phase::Down,
            unchanged => unchanged,
        };
        let from = std::mem::replace(&mut self.phase, to);
        if from == to {
            return None;
        }
        self.since_ms = now_ms;
        Some(Change { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rhythm(successes: u32, failures: u32) -> Rhythm {
        Rhythm { initial_delay_ms: 5_000, period_ms: 10_000, timeout_ms: 1_000, successes, failures }
    }

    #[test]
    fn so_many_in_a_row_make_a_change() {
        let rhythm = rhythm(2, 3);
        let mut course = Course::begin(rhythm, 0);
        let mut go = |results: &str| -> Vec<Phase> {
            let step = |(at, result)| {
                course.step(rhythm, result == '+', at);
                course.phase
            };
            (1u64..).zip(results.chars()).map(step).collect()
        };
        use Phase::{Down, Unknown, Up};
        assert_eq!(go("+-++"), [Unknown, Unknown, Unknown, Up]);
        assert_eq!(go("--+---"), [Up, Up, Up, Up, Up, Down]);
        assert_eq!(go("+-++"), [Down, Down, Down, Up]);
        assert_eq!((course.runs, course.failed), (14, 7));
    }

    #[test]
    fn it_waits_first_and_then_by_its_period() {
        let rhythm = rhythm(1, 1);
        let mut course = Course::begin(rhythm, 100_000);
        assert!(!course.is_due(rhythm, 104_999) && course.is_due(rhythm, 105_000));
        let change = course.step(rhythm, false, 106_000);
        assert_eq!(change, Some(Change { from: Phase::Unknown, to: Phase::Down }));
        assert!(!course.is_due(rhythm, 115_999) && course.is_due(rhythm, 116_000));
        assert!(course.is_due(rhythm, 50_000), "the clock was set back by an hour");
    }

    proptest! {
        /// Whatever happens, a phase is left only by as many results in a row as it takes.
        #[test]
        fn no_change_without_enough_results(
            results in prop::collection::vec(any::<bool>(), 0..60), successes in 1u32..5, failures in 1u32..5,
        ) {
            let rhythm = rhythm(successes, failures);
            let mut course = Course::begin(rhythm, 0);
            for (at, result) in results.iter().enumerate() {
                let change = course.step(rhythm, *result, at as u64);
                if let Some(change) = change {
                    let needed = if change.to == Phase::Up { successes } else { failures } as usize;
                    let row = results[..=at].iter().rev().take_while(|one| *one == result).count();
                    prop_assert!(row >= needed, "{change:?} after {row}");
                    prop_assert_eq!(change.to == Phase::Up, *result);
                }
            }
        }
    }
}
