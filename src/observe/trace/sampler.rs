//! Which traces are worth keeping, decided when they end: those that failed, that were asked for, that took longer
//! than nearly all others of their name, and a few of the rest.

use std::collections::HashMap;

/// Of names, the slowest hundredth is slow.
const SLOW_PART: f64 = 0.99;
/// Of the others, one in so many is kept.
const EVERY: u64 = 128;
/// A name is known once it was seen so often.
const KNOWN: u64 = 64;
/// What is quicker is never slow, in microseconds.
const QUICK_US: u64 = 1_000;
/// What takes so long is slow, where nothing is known of its name.
const SLOW_US: u64 = 1_000_000;
/// How far one trace moves what is known of its name, as a part: small enough to stay where most are.
const STEP: f64 = 0.05;
/// Names that are told apart.
const NAMES: usize = 512;

/// Why a trace is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Failed,
    /// Whoever asked wants it kept.
    Asked,
    Slow,
    /// One of many, to know what is usual.
    Usual,
}

impl Why {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Failed, "failed"), (Self::Asked, "asked"), (Self::Slow, "slow"), (Self::Usual, "usual")];

    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("", |(_, name)| name)
    }

    pub(super) fn of(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).map_or(Self::Usual, |(why, _)| *why)
    }
}

/// What is known of a name.
#[derive(Debug, Clone, Copy, Default)]
struct Course {
    seen: u64,
    /// Natural logarithm of the microseconds that [`SLOW_PART`] of all stay below, as far as is known.
    edge: f64,
}

impl Course {
    /// True where this is slower than nearly all before it; learns from it.
    #[allow(clippy::cast_precision_loss)] // a duration in microseconds has fewer bits than it would take to matter
    fn is_slow(&mut self, took_us: u64) -> bool {
        let took = (took_us.max(1) as f64).ln();
        self.seen += 1;
        if self.seen == 1 {
            self.edge = took;
        }
        let slow = match self.seen > KNOWN {
            true => took > self.edge && took_us >= QUICK_US,
            false => took_us >= SLOW_US,
        };
        // Where the edge stands right, one in a hundred pushes it up as far as all others let it sink.
        let step = STEP.max(1.0 / self.seen as f64);
        self.edge += step * if took > self.edge { SLOW_PART } else { SLOW_PART - 1.0 };
        slow
    }
}

/// Decides, and learns what is usual.
#[derive(Debug, Default)]
pub(super) struct Sampler(HashMap<u64, Course>);

impl Sampler {
    /// `name` is a number of the name, `dice` one that nobody foresees.
    pub(super) fn decide(
        &mut self,
        name: u64,
        took_us: u64,
        (failed, asked): (bool, bool),
        dice: u64,
    ) -> Option<Why> {
        let room = self.0.len() < NAMES;
        let slow = match self.0.get_mut(&name) {
            Some(course) => course.is_slow(took_us),
            None if room => self.0.entry(name).or_default().is_slow(took_us),
            None => took_us >= SLOW_US,
        };
        match () {
            () if failed => Some(Why::Failed),
            () if asked => Some(Why::Asked),
            () if slow => Some(Why::Slow),
            () => dice.is_multiple_of(EVERY).then_some(Why::Usual),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_slowest_hundredth_is_kept_and_what_is_usual_moves_along() {
        let mut sampler = Sampler::default();
        let mut slow = |count: u64, base: u64| {
            let took = |n: u64| base + (n * 7919 % 1000) * base / 1000;
            (0..count).filter(|n| sampler.decide(1, took(*n), (false, false), 1) == Some(Why::Slow)).count()
        };
        assert_eq!(slow(64, 5_000), 0, "nothing is known yet");
        let kept = slow(20_000, 5_000);
        assert!((100..600).contains(&kept), "{kept} of 20000");
        // Ten times as slow from now on: at first all are, then that is usual.
        assert!(slow(10, 50_000) >= 9);
        slow(5_000, 50_000);
        let kept = slow(20_000, 50_000);
        assert!((100..600).contains(&kept), "{kept} of 20000");
    }

    #[test]
    fn what_is_quick_is_never_slow_and_what_takes_a_second_always_is_at_first() {
        let mut sampler = Sampler::default();
        assert_eq!(sampler.decide(1, 2_000_000, (false, false), 1), Some(Why::Slow));
        let mut course = Course::default();
        assert!((0..10_000).all(|n| !course.is_slow(n % 999)));
        let usual = (0..1280).filter(|dice| sampler.decide(2, 10, (false, false), *dice) == Some(Why::Usual));
        assert_eq!(usual.count(), 10);
    }

    proptest! {
        #[test]
        fn what_failed_is_always_kept(name: u64, took in any::<u64>(), asked: bool, dice: u64, before in prop::collection::vec(any::<(u64, u64)>(), 0..50)) {
            let mut sampler = Sampler::default();
            for (name, took) in before {
                sampler.decide(name, took, (false, false), 1);
            }
            prop_assert_eq!(sampler.decide(name, took, (true, asked), dice), Some(Why::Failed));
            prop_assert_eq!(sampler.decide(name, took, (false, true), dice), Some(Why::Asked));
        }

        #[test]
        fn names_are_bounded(names in prop::collection::vec(any::<u64>(), 0..2000)) {
            let mut sampler = Sampler::default();
            for name in names {
                sampler.decide(name, 5, (false, false), 1);
            }
            prop_assert!(sampler.0.len() <= NAMES);
        }
    }
}
