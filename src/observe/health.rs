//! Whether the box is well: findings of its checks over time, and a clock that is watched for being set.
//!
//! Invariant: pure; whoever looks brings what was seen and the time.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// How a check came out. Worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Pass,
    /// It works, but somebody should look.
    Warn,
    Fail,
}

impl Verdict {
    /// In the words of the health check format (draft-inadarei-api-health-check-06, 3.1).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub check: Cow<'static, str>,
    pub verdict: Verdict,
    /// What was seen, in words.
    pub what: String,
    /// What to do; empty where nothing is to be done.
    pub advice: &'static str,
    /// Questions cannot be answered while it fails.
    pub gates: bool,
}

impl Finding {
    #[must_use]
    pub fn pass(check: impl Into<Cow<'static, str>>, what: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Pass, what: what.into(), advice: "", gates: false }
    }

    #[must_use]
    pub fn warn(check: impl Into<Cow<'static, str>>, what: impl Into<String>, advice: &'static str) -> Self {
        Self { check: check.into(), verdict: Verdict::Warn, what: what.into(), advice, gates: false }
    }

    #[must_use]
    pub fn fail(check: impl Into<Cow<'static, str>>, what: impl Into<String>, advice: &'static str) -> Self {
        Self { check: check.into(), verdict: Verdict::Fail, what: what.into(), advice, gates: false }
    }

    /// The same of a check without which no question is answered.
    #[must_use]
    pub fn gating(self) -> Self {
        Self { gates: true, ..self }
    }
}

/// Since when each check stands where it stands.
#[derive(Debug, Default)]
pub struct Course(BTreeMap<Cow<'static, str>, (Verdict, u64)>);

impl Course {
    /// Takes in a round of findings; returns those whose verdict changed. A first pass is no change.
    pub fn step<'a>(&mut self, findings: &'a [Finding], now_ms: u64) -> Vec<&'a Finding> {
        // A probe that is no more has no verdict.
        self.0.retain(|check, _| findings.iter().any(|finding| finding.check == *check));
        let mut changed = Vec::new();
        for finding in findings {
            let before = self.0.get(&finding.check).map_or(Verdict::Pass, |known| known.0);
            let since = self.0.entry(finding.check.clone()).or_insert((finding.verdict, now_ms));
            if before != finding.verdict {
                *since = (finding.verdict, now_ms);
                changed.push(finding);
            }
        }
        changed
    }

    /// Since when the check stands as it does, in milliseconds since 1970.
    #[must_use]
    pub fn since(&self, check: &str) -> Option<u64> {
        self.0.get(check).map(|known| known.1)
    }

    /// Each check with its verdict.
    pub fn verdicts(&self) -> impl Iterator<Item = (Cow<'static, str>, Verdict)> {
        self.0.iter().map(|(check, known)| (check.clone(), known.0))
    }
}

/// A clock that runs before this was never set.
const EARLIEST_MS: u64 = 1_767_225_600_000; // 2026-01-01
/// A smaller step is what NTP does all day.
const STEP_MS: u64 = 5_000;
/// A step is told for so long.
const TOLD_MS: u64 = 3_600_000;

/// Compares the clock of the day with the one that only runs on.
#[derive(Debug, Default)]
pub struct ClockWatch {
    /// What the one had beyond the other, last time.
    offset_ms: Option<i64>,
    /// When a step was seen (of the clock that runs on), and how far it went.
    step: Option<(u64, i64)>,
}

impl ClockWatch {
    /// `now_ms` since 1970, `running_ms` since the start of whatever.
    pub fn step(&mut self, now_ms: u64, running_ms: u64) -> Finding {
        let offset = now_ms.cast_signed().wrapping_sub(running_ms.cast_signed());
        let moved = self.offset_ms.replace(offset).map_or(0, |before| offset.wrapping_sub(before));
        if moved.unsigned_abs() >= STEP_MS {
            self.step = Some((running_ms, moved));
        }
        self.step = self.step.filter(|(seen, _)| running_ms.saturating_sub(*seen) < TOLD_MS);
        if now_ms < EARLIEST_MS {
            return Finding::warn(
                "clock",
                "it was never set",
                "set it (timedatectl), or let the box reach NTP",
            );
        }
        match self.step {
            None => Finding::pass("clock", "it runs on"),
            Some((_, by_ms)) => {
                let way = if by_ms < 0 { "back" } else { "forward" };
                let what = format!("it was set {way} by {} s", by_ms.unsigned_abs() / 1000);
                Finding::warn(
                    "clock",
                    what,
                    "find out who set it: spud audit list; records keep the times of before",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_kept_with_its_time() {
        let mut course = Course::default();
        let fine = [Finding::pass("disk", "fine"), Finding::pass("index", "fine")];
        assert_eq!(course.step(&fine, 10), Vec::<&Finding>::new());
        let bad = [Finding::fail("disk", "full", "make room"), Finding::pass("index", "fine")];
        assert_eq!(course.step(&bad, 20), [&bad[0]]);
        assert_eq!(course.step(&bad, 30), Vec::<&Finding>::new());
        assert_eq!(
            (course.since("disk"), course.since("index"), course.since("else")),
            (Some(20), Some(10), None)
        );
        assert_eq!(course.step(&fine, 40), [&fine[0]]);
        assert!(course.verdicts().all(|(_, verdict)| verdict == Verdict::Pass));
        let mut course = Course::default();
        assert_eq!(course.step(&bad, 5), [&bad[0]], "a first look that fails is a change");
    }

    #[test]
    fn a_clock_that_is_set_is_told_for_an_hour() {
        let (mut watch, start) = (ClockWatch::default(), 1_795_000_000_000);
        assert_eq!(watch.step(start, 1_000).verdict, Verdict::Pass);
        assert_eq!(watch.step(start + 61_000, 60_000).verdict, Verdict::Pass, "two seconds are NTP's");
        let back = watch.step(start - 600_000, 120_000);
        assert_eq!((back.verdict, back.what.as_str()), (Verdict::Warn, "it was set back by 721 s"));
        assert_eq!(watch.step(start - 600_000 + 60_000, 180_000).verdict, Verdict::Warn);
        assert_eq!(watch.step(start - 540_000 + 4_200_000, 180_000 + 4_200_000).verdict, Verdict::Pass);
    }

    #[test]
    fn a_clock_that_was_never_set_is_told() {
        let finding = ClockWatch::default().step(40_000, 40_000);
        assert_eq!((finding.verdict, finding.what.as_str()), (Verdict::Warn, "it was never set"));
    }
}
