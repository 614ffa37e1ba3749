//! Error budgets: how much of one is left, how fast it is spent, and when that is a violation.
//!
//! A budget is the part of events that may be bad. A burn rate of 1 spends it just within its time; one that is high
//! over a long time and over a short one is a violation, for the long time says that it matters and the short one that
//! it goes on (multi-window, multi-burn-rate alerts of the SRE workbook, chapter 5).
//!
//! Invariant: pure; where there are too few events nothing is said, and that is never 100 %.

use super::incident::Severity;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Two windows over which a burn rate above `factor` is a violation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alarm {
    pub long_ms: u64,
    pub short_ms: u64,
    pub factor: f64,
    pub severity: Severity,
}

/// Fast ones first.
pub const ALARMS: [Alarm; 3] = [
    Alarm { long_ms: HOUR_MS, short_ms: 5 * MINUTE_MS, factor: 14.4, severity: Severity::Critical },
    Alarm { long_ms: 6 * HOUR_MS, short_ms: 30 * MINUTE_MS, factor: 6.0, severity: Severity::Error },
    Alarm { long_ms: 3 * DAY_MS, short_ms: 6 * HOUR_MS, factor: 1.0, severity: Severity::Warning },
];

/// Every time that has to be counted for the alarms, short ones first.
pub const WINDOWS: [u64; 5] = [5 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, 3 * DAY_MS];

/// Events of a time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Count {
    pub bad: f64,
    pub total: f64,
}

impl Count {
    /// Of what two questions found: what is not there is no event. `None` where there are no events.
    #[must_use]
    pub fn of(part: Option<f64>, is_bad: bool, total: Option<f64>) -> Option<Self> {
        let total = total.filter(|total| total.is_finite() && *total > 0.0)?;
        let part = part.filter(|part| part.is_finite()).unwrap_or(0.0).clamp(0.0, total);
        Some(Self { bad: if is_bad { part } else { total - part }, total })
    }

    /// How many times too fast the budget was spent.
    #[must_use]
    pub fn burn(self, target: f64) -> f64 {
        let allowed = 1.0 - target;
        if self.total > 0.0 && allowed > 0.0 { self.bad / self.total / allowed } else { 0.0 }
    }
}

/// Where an objective stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Too few events to say anything.
    NoData,
    Met,
    /// Spent faster than it may be.
    Burning,
    /// Nothing is left.
    Spent,
}

impl Standing {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoData => "no-data",
            Self::Met => "met",
            Self::Burning => "burning",
            Self::Spent => "spent",
        }
    }
}

/// What is to be said of an objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    pub standing: Standing,
    /// Part that was good over the whole window.
    pub attained: Option<f64>,
    /// Part of the budget that is left; below zero where it is overdrawn.
    pub left: Option<f64>,
    /// The worst alarm that holds.
    pub alarm: Option<Alarm>,
}

impl Verdict {
    /// How bad a violation is, where there is one.
    #[must_use]
    pub fn violation(&self) -> Option<Severity> {
        let spent = (self.standing == Standing::Spent).then_some(Severity::Error);
        self.alarm.map(|alarm| alarm.severity).max(spent)
    }
}

/// Judges an objective by what was counted: over the whole window, and over others (`in_window`).
///
/// `least` events are needed over the long window of an alarm, and over the whole one.
#[must_use]
pub fn judge(
    target: f64,
    least: f64,
    whole: Option<Count>,
    in_window: impl Fn(u64) -> Option<Count>,
) -> Verdict {
    let enough = |count: &Count| count.total >= least.max(1.0);
    let burns = |alarm: &&Alarm| {
        let fast = |count: Option<Count>| count.is_some_and(|count| count.burn(target) >= alarm.factor);
        let long = in_window(alarm.long_ms).filter(enough);
        fast(long) && fast(in_window(alarm.short_ms))
    };
    let alarm = ALARMS.iter().find(burns).copied();
    let whole = whole.filter(enough);
    let left = whole.map(|count| 1.0 - count.burn(target));
    let standing = match (left, alarm) {
        (Some(left), _) if left <= 0.0 => Standing::Spent,
        (_, Some(_)) => Standing::Burning,
        (Some(_), None) => Standing::Met,
        (None, None) => Standing::NoData,
    };
    Verdict { standing, attained: whole.map(|count| 1.0 - count.bad / count.total), left, alarm }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(bad: f64, total: f64) -> Option<Count> {
        Some(Count { bad, total })
    }

    #[test]
    fn no_data_is_not_all_good() {
        let none = judge(0.99, 20.0, None, |_| None);
        assert_eq!((none.standing, none.attained, none.left), (Standing::NoData, None, None));
        let few = judge(0.99, 20.0, count(0.0, 19.0), |_| None);
        assert_eq!((few.standing, few.attained), (Standing::NoData, None));
        assert_eq!(judge(0.99, 20.0, count(0.0, 20.0), |_| None).standing, Standing::Met);
        assert_eq!(Count::of(Some(3.0), false, None), None);
        assert_eq!(Count::of(Some(f64::NAN), false, Some(f64::NAN)), None);
        // No series of good events while there are events: all are bad; no series of bad ones: none is.
        assert_eq!(Count::of(None, false, Some(4.0)), count(4.0, 4.0));
        assert_eq!(Count::of(None, true, Some(4.0)), count(0.0, 4.0));
    }

    #[test]
    fn budgets_are_spent_and_overdrawn() {
        let at = |bad| judge(0.9, 20.0, count(bad, 100.0), |_| None);
        assert!((at(5.0).left.unwrap() - 0.5).abs() < 1e-9 && at(5.0).standing == Standing::Met);
        assert_eq!((at(10.0).standing, at(10.0).violation()), (Standing::Spent, Some(Severity::Error)));
        assert!((at(30.0).left.unwrap() + 2.0).abs() < 1e-9);
    }

    #[test]
    fn both_windows_have_to_burn_and_the_long_one_needs_events() {
        let whole = count(1.0, 10_000.0);
        let of = |long: (f64, f64), short: (f64, f64)| {
            judge(0.99, 20.0, whole, |ms| match ms {
                HOUR_MS => count(long.0, long.1),
                300_000 => count(short.0, short.1),
                _ => None,
            })
        };
        let fast = of((20.0, 100.0), (2.0, 10.0));
        assert_eq!((fast.standing, fast.violation()), (Standing::Burning, Some(Severity::Critical)));
        assert_eq!(of((20.0, 100.0), (1.0, 10.0)).standing, Standing::Met, "it is over");
        assert_eq!(of((2.0, 100.0), (2.0, 10.0)).standing, Standing::Met, "it does not matter yet");
        assert_eq!(of((5.0, 10.0), (2.0, 10.0)).standing, Standing::Met, "too few");
    }

    proptest! {
        #[test]
        fn more_bad_events_never_look_better(target in 0.01f64..0.999, total in 1.0f64..1e6, a in 0.0f64..1.0, b in 0.0f64..1.0) {
            let (less, more) = (a.min(b) * total, a.max(b) * total);
            let of = |bad: f64| judge(target, 1.0, count(bad, total), |_| count(bad, total));
            prop_assert!(of(more).left.unwrap() <= of(less).left.unwrap());
            prop_assert!(of(more).violation() >= of(less).violation());
            let part = of(more).attained.unwrap();
            prop_assert!((0.0..=1.0).contains(&part) || part.abs() < 1e-9);
        }
    }
}
