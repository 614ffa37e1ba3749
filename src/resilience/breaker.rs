//! Circuit breakers: a dependency that fails is left alone for a while, then tried with one call at a time.
//!
//! A breaker is a function of (state, outcome, now); the registry only names them.

use std::collections::{BTreeMap, VecDeque};

use super::held::Held;
use crate::base::ordered_map;

/// Breakers of a registry, at most: their names come from configuration, not from requests.
const NAMES: usize = 64;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Newest calls that are judged.
    pub window: usize,
    /// Calls before the share of failures counts.
    pub least: usize,
    pub failure_percent: usize,
    /// As many failures one after the other open it whatever came before.
    pub consecutive: usize,
    /// First pause; it doubles with every probe that fails.
    pub open_ms: u64,
    pub open_most_ms: u64,
    /// Probes that must succeed before it closes.
    pub probes: usize,
    /// A probe of which nothing was heard for so long has failed.
    pub probe_ms: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            window: 20,
            least: 5,
            failure_percent: 50,
            consecutive: 3,
            open_ms: 5_000,
            open_most_ms: 300_000,
            probes: 2,
            probe_ms: 60_000,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    ForcedClosed,
}

impl BreakerState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
        }
    }

    /// True where a call would not go through.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::ForcedOpen)
    }
}

/// One breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    settings: BreakerSettings,
    state: BreakerState,
    since_ms: u64,
    /// True is a failure.
    calls: VecDeque<bool>,
    row: usize,
    pause_ms: u64,
    probing: Option<u64>,
    passed: usize,
    refused: u64,
    held: Option<Held>,
}

/// A breaker as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerView {
    pub name: String,
    pub state: BreakerState,
    /// On the clock that the breaker was given.
    pub since_ms: u64,
    pub calls: usize,
    pub failures: usize,
    /// Calls that were not let through, ever.
    pub refused: u64,
    /// When it is tried next.
    pub retry_ms: Option<u64>,
    /// By whom and until when.
    pub held: Option<Held>,
}

impl Breaker {
    #[must_use]
    pub fn new(settings: BreakerSettings, now_ms: u64) -> Self {
        Self {
            settings,
            state: BreakerState::Closed,
            since_ms: now_ms,
            calls: VecDeque::new(),
            row: 0,
            pause_ms: settings.open_ms,
            probing: None,
            passed: 0,
            refused: 0,
            held: None,
        }
    }

    /// True when a call may be made now; whoever gets it reports how it ended to [`Breaker::record`].
    pub fn allow(&mut self, now_ms: u64) -> bool {
        if self.state == BreakerState::Open && now_ms.saturating_sub(self.since_ms) >= self.pause_ms {
            self.enter(BreakerState::HalfOpen, now_ms);
        }
        let allowed = match self.state {
            BreakerState::Closed | BreakerState::ForcedClosed => true,
            BreakerState::Open | BreakerState::ForcedOpen => false,
            BreakerState::HalfOpen => {
                let free =
                    self.probing.is_none_or(|since| now_ms.saturating_sub(since) >= self.settings.probe_ms);
                if free {
                    self.probing = Some(now_ms);
                }
                free
            }
        };
        self.refused += u64::from(!allowed);
        allowed
    }

    /// How a call ended.
    pub fn record(&mut self, failed: bool, now_ms: u64) {
        match self.state {
            BreakerState::HalfOpen => self.probed(failed, now_ms),
            // Of calls that were under way when it opened, nothing more is learnt.
            BreakerState::Open | BreakerState::ForcedOpen => {}
            BreakerState::Closed | BreakerState::ForcedClosed => self.called(failed, now_ms),
        }
    }

    fn called(&mut self, failed: bool, now_ms: u64) {
        if self.calls.len() >= self.settings.window.max(1) {
            self.calls.pop_front();
        }
        self.calls.push_back(failed);
        self.row = if failed { self.row + 1 } else { 0 };
        let (calls, failures) = (self.calls.len(), self.failures());
        let many = calls >= self.settings.least && failures * 100 >= calls * self.settings.failure_percent;
        let opens = failed && (many || self.row >= self.settings.consecutive);
        if opens && self.state == BreakerState::Closed {
            self.pause_ms = self.settings.open_ms;
            self.enter(BreakerState::Open, now_ms);
        }
    }

    fn probed(&mut self, failed: bool, now_ms: u64) {
        self.probing = None;
        if failed {
            self.pause_ms = self.pause_ms.saturating_mul(2).min(self.settings.open_most_ms);
            return self.enter(BreakerState::Open, now_ms);
        }
        self.passed += 1;
        if self.passed >= self.settings.probes {
            self.enter(BreakerState::Closed, now_ms);
        }
    }

    /// Holds it open or closed by hand.
    pub fn hold(&mut self, held: Held, now_ms: u64) {
        self.enter(if held.open { BreakerState::ForcedOpen } else { BreakerState::ForcedClosed }, now_ms);
        self.held = Some(held);
    }

    /// Gives it back, closed and with nothing remembered.
    pub fn release(&mut self, now_ms: u64) {
        self.held = None;
        self.enter(BreakerState::Closed, now_ms);
    }

    /// Forgets what came before, for another dependency of the same name; what a hand holds stays.
    pub fn reset(&mut self, now_ms: u64) {
        if self.held.is_none() {
            self.enter(BreakerState::Closed, now_ms);
        }
    }

    fn enter(&mut self, state: BreakerState, now_ms: u64) {
        (self.state, self.since_ms) = (state, now_ms);
        (self.passed, self.probing) = (0, None);
        if state != BreakerState::Open {
            self.calls.clear();
            self.row = 0;
        }
    }

    fn failures(&self) -> usize {
        self.calls.iter().filter(|failed| **failed).count()
    }

    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// How long an open one stays so.
    #[must_use]
    pub fn retry_in_ms(&self, now_ms: u64) -> Option<u64> {
        (self.state == BreakerState::Open).then(|| (self.since_ms + self.pause_ms).saturating_sub(now_ms))
    }

    fn view(&self, name: &str) -> BreakerView {
        BreakerView {
            name: name.to_owned(),
            state: self.state,
            since_ms: self.since_ms,
            calls: self.calls.len(),
            failures: self.failures(),
            refused: self.refused,
            retry_ms: (self.state == BreakerState::Open).then(|| self.since_ms + self.pause_ms),
            held: self.held.clone(),
        }
    }
}

/// The breakers of the box by the name of what they guard.
#[derive(Debug, Clone, Default)]
pub struct Breakers {
    named: BTreeMap<String, Breaker>,
}

impl Breakers {
    /// The breaker of this name, made when it is new; `None` when there are too many.
    pub fn get(&mut self, name: &str, settings: BreakerSettings, now_ms: u64) -> Option<&mut Breaker> {
        if !self.named.contains_key(name) {
            if self.named.len() >= NAMES {
                return None;
            }
            self.named.insert(name.to_owned(), Breaker::new(settings, now_ms));
        }
        self.named.get_mut(name)
    }

    /// True when calls to this one do not go through.
    #[must_use]
    pub fn is_open(&self, name: &str) -> bool {
        self.named.get(name).is_some_and(|breaker| breaker.state.is_open())
    }

    /// Those that hands hold.
    #[must_use]
    pub fn held(&self) -> BTreeMap<String, Held> {
        let held = |(name, breaker): (&String, &Breaker)| Some((name.clone(), breaker.held.clone()?));
        ordered_map(self.named.iter().filter_map(held))
    }

    /// Lets go of those whose time is over, and names them.
    pub fn expire(&mut self, wall_ms: u64, now_ms: u64) -> Vec<String> {
        let mut over = Vec::new();
        for (name, breaker) in &mut self.named {
            if breaker.held.as_ref().is_some_and(|held| held.until_ms <= wall_ms) {
                breaker.release(now_ms);
                over.push(name.clone());
            }
        }
        over
    }

    #[must_use]
    pub fn view(&self) -> Vec<BreakerView> {
        self.named.iter().map(|(name, breaker)| breaker.view(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings::default(), 0)
    }

    #[test]
    fn three_in_a_row_open_it_and_two_probes_close_it() {
        let mut b = breaker();
        for _ in 0..3 {
            assert!(b.allow(0));
            b.record(true, 0);
        }
        assert_eq!(b.state(), BreakerState::Open);
        assert!(!b.allow(4_999));
        assert!(b.allow(5_000), "one probe");
        assert!(!b.allow(5_001), "and no second one beside it");
        b.record(true, 5_002);
        assert_eq!((b.state(), b.view("x").retry_ms), (BreakerState::Open, Some(15_002)));
        assert!(b.allow(15_002));
        b.record(false, 15_003);
        assert!(b.allow(15_004));
        b.record(false, 15_005);
        assert_eq!(b.state(), BreakerState::Closed);
        assert_eq!(b.view("x").refused, 2);
    }

    #[test]
    fn half_of_five_open_it_and_a_lost_probe_is_not_for_ever() {
        let mut b = breaker();
        for failed in [false, true, false, true] {
            b.record(failed, 0);
        }
        assert_eq!(b.state(), BreakerState::Closed);
        b.record(true, 0);
        assert_eq!(b.state(), BreakerState::Open, "3 of 5");
        assert!(b.allow(5_000));
        assert!(!b.allow(60_000));
        assert!(b.allow(65_000), "nothing was heard of the probe");
    }

    #[test]
    fn a_hand_holds_it() {
        let mut all = Breakers::default();
        let held = |open, until_ms| Held {
            open,
            actor: "uid 0".into(),
            reason: "work on the line".into(),
            since_ms: 100,
            until_ms,
        };
        let b = all.get("upstream", BreakerSettings::default(), 0).unwrap();
        b.hold(held(true, 200), 1);
        b.reset(1);
        assert!(!b.allow(1_000_000));
        assert!(all.is_open("upstream") && !all.is_open("another"));
        let b = all.get("upstream", BreakerSettings::default(), 0).unwrap();
        b.hold(held(false, 300), 2);
        (0..50).for_each(|_| b.record(true, 3));
        assert!(b.allow(3) && b.state() == BreakerState::ForcedClosed);
        assert_eq!(all.held().get("upstream"), Some(&held(false, 300)));
        assert!(all.expire(299, 4).is_empty());
        assert_eq!(all.expire(300, 5), ["upstream"]);
        assert_eq!((all.view()[0].state, all.view()[0].calls), (BreakerState::Closed, 0));
        assert!(all.held().is_empty() && all.expire(400, 6).is_empty());
        for n in 0..200 {
            all.get(&n.to_string(), BreakerSettings::default(), 0);
        }
        assert_eq!(all.view().len(), NAMES);
    }

    proptest! {
        #[test]
        fn it_never_stays_shut_for_ever(calls in prop::collection::vec((any::<bool>(), 0u64..100_000), 1..300)) {
            let mut b = breaker();
            let mut now = 0;
            for (failed, wait) in calls {
                now += wait;
                if b.allow(now) {
                    b.record(failed, now);
                }
                prop_assert!(b.calls.len() <= b.settings.window);
                prop_assert!(b.pause_ms <= b.settings.open_most_ms);
            }
            now += b.settings.open_most_ms.max(b.settings.probe_ms);
            prop_assert!(b.allow(now), "after the longest pause one call goes through");
        }
    }
}
