//! Whose turn it is: a function of (state, input, now), without clock, randomness or I/O of its own.
//!
//! Lanes take turns by weight (smooth weighted round robin), the oldest first within a lane. Of one ordering
//! key, only the oldest that is not under way can be next, and only when its time has come: an operation that
//! fails blocks its key and nothing else.

use std::collections::{BTreeSet, HashMap};

use super::operation::{LANES, Lane};

/// First pause after a failure; it doubles up to [`BACKOFF_MOST_MS`].
pub(super) const BACKOFF_MS: u64 = 1_000;
pub(super) const BACKOFF_MOST_MS: u64 = 300_000;
/// One retry in so many first attempts ...
const BUDGET_PART: u64 = 10;
/// ... with one a second in any case, and so many saved up at most. In thousandths.
const TOKEN: u64 = 1_000;
const TOKENS_MOST: u64 = 32 * TOKEN;

/// What the scheduler knows of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) lane: Lane,
    pub(super) key: String,
    pub(super) not_before_ms: u64,
    pub(super) expires_ms: u64,
    pub(super) attempts: u32,
    /// Under way until then.
    pub(super) leased_ms: Option<u64>,
}

#[derive(Debug, Default)]
struct Line {
    numbers: BTreeSet<u64>,
    candidate: Option<u64>,
}

/// Every operation that waits or is under way.
#[derive(Debug)]
pub(super) struct Scheduler {
    entries: HashMap<u64, Entry>,
    lines: HashMap<String, Line>,
    /// Could go now.
    ready: [BTreeSet<u64>; 4],
    /// First attempts whose time has not come, and second ones.
    later: BTreeSet<(u64, u64)>,
    retries: BTreeSet<(u64, u64)>,
    leases: BTreeSet<(u64, u64)>,
    expiring: BTreeSet<(u64, u64)>,
    credits: [i64; 4],
    tokens: u64,
    tokens_at_ms: u64,
}

impl Scheduler {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            entries: HashMap::new(),
            lines: HashMap::new(),
            ready: Default::default(),
            later: BTreeSet::new(),
            retries: BTreeSet::new(),
            leases: BTreeSet::new(),
            expiring: BTreeSet::new(),
            credits: [0; 4],
            tokens: TOKENS_MOST,
            tokens_at_ms: now_ms,
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    pub(super) fn add(&mut self, number: u64, entry: Entry) {
        self.remove(number);
        if entry.expires_ms > 0 {
            self.expiring.insert((entry.expires_ms, number));
        }
        if let Some(until) = entry.leased_ms {
            self.leases.insert((until, number));
        }
        let key = entry.key.clone();
        if !key.is_empty() {
            self.lines.entry(key.clone()).or_default().numbers.insert(number);
        }
        self.entries.insert(number, entry);
        self.choose(&key, number);
    }

    /// Delivered, dead, dropped.
    pub(super) fn remove(&mut self, number: u64) -> Option<Entry> {
        self.unlist(number);
        let entry = self.entries.remove(&number)?;
        self.expiring.remove(&(entry.expires_ms, number));
        if let Some(until) = entry.leased_ms {
            self.leases.remove(&(until, number));
        }
        if !entry.key.is_empty() {
            let empty = self.lines.get_mut(&entry.key).is_some_and(|line| {
                line.numbers.remove(&number);
                line.candidate = line.candidate.filter(|candidate| *candidate != number);
                line.numbers.is_empty()
            });
            if empty {
                self.lines.remove(&entry.key);
            } else {
                self.choose(&entry.key, number);
            }
        }
        Some(entry)
    }

    /// The next operation, under way until `until_ms` from now on.
    pub(super) fn take(&mut self, until_ms: u64, now_ms: u64) -> Option<u64> {
        self.promote(now_ms);
        let lane = self.next_lane()?;
        let number = *self.ready.get(lane as usize)?.first()?;
        self.unlist(number);
        let entry = self.entries.get_mut(&number)?;
        entry.leased_ms = Some(until_ms);
        self.leases.insert((until_ms, number));
        if entry.attempts == 0 {
            self.tokens = (self.tokens + TOKEN / BUDGET_PART).min(TOKENS_MOST);
        }
        let key = entry.key.clone();
        self.choose(&key, number);
        Some(number)
    }

    /// Back in its place; `attempts` and `not_before_ms` as they are now.
    pub(super) fn put_back(&mut self, number: u64, attempts: u32, not_before_ms: u64) {
        if let Some(mut entry) = self.remove(number) {
            entry.leased_ms = None;
            entry.attempts = attempts;
            entry.not_before_ms = not_before_ms;
            self.add(number, entry);
        }
    }

    /// Leases that are over: whoever had them is not heard of any more.
    pub(super) fn lapse(&mut self, now_ms: u64) -> usize {
        let over: Vec<u64> =
            self.leases.iter().take_while(|(until, _)| *until <= now_ms).map(|(_, number)| *number).collect();
        for number in &over {
            if let Some(entry) = self.entries.get(number) {
                let (attempts, not_before_ms) = (entry.attempts, entry.not_before_ms);
                self.put_back(*number, attempts, not_before_ms);
            }
        }
        over.len()
    }

    /// Operations whose time is over and that nobody has under way, oldest first.
    pub(super) fn expired(&self, now_ms: u64, most: usize) -> Vec<u64> {
        let over = self.expiring.iter().take_while(|(at, _)| *at <= now_ms).map(|(_, number)| *number);
        let idle = |number: &u64| self.entries.get(number).is_some_and(|entry| entry.leased_ms.is_none());
        over.filter(idle).take(most).collect()
    }

    /// When something is to be done though nothing comes in; deliveries count only where they are `wanted`.
    pub(super) fn due(&self, wanted: bool, now_ms: u64) -> Option<u64> {
        let first = |set: &BTreeSet<(u64, u64)>| set.first().map(|(at, _)| *at);
        // What is under way does not expire: it must not keep anybody awake.
        let idle = |number: &u64| self.entries.get(number).is_some_and(|entry| entry.leased_ms.is_none());
        let expiring = self.expiring.iter().find(|(_, number)| idle(number)).map(|(at, _)| *at);
        let upkeep = [first(&self.leases), expiring];
        let mut due = upkeep.into_iter().flatten().min();
        if wanted {
            let now = self.ready.iter().any(|lane| !lane.is_empty()).then_some(now_ms);
            let retry = first(&self.retries).map(|at| at.max(self.token_at(now_ms)));
            due = [due, now, first(&self.later), retry].into_iter().flatten().min();
        }
        due
    }

    /// When the next waiting operation of each lane is tried, for those that wait for their time.
    pub(super) fn next_retry(&self) -> Option<u64> {
        [self.later.first(), self.retries.first()].into_iter().flatten().map(|(at, _)| *at).min()
    }

    fn token_at(&self, now_ms: u64) -> u64 {
        if self.tokens >= TOKEN { now_ms } else { self.tokens_at_ms + (TOKEN - self.tokens) }
    }

    fn promote(&mut self, now_ms: u64) {
        // One token a second: a thousandth each millisecond.
        let since = now_ms.saturating_sub(self.tokens_at_ms);
        self.tokens = self.tokens.saturating_add(since).min(TOKENS_MOST);
        self.tokens_at_ms = now_ms;
        while let Some((_, number)) = self.later.first().copied().filter(|(at, _)| *at <= now_ms) {
            self.later.pop_first();
            self.make_ready(number);
        }
        // A clock that was set back must not hold a retry longer than any pause may be.
        while let Some((_, number)) = self.retries.first().copied().filter(|(at, _)| {
            *at <= now_ms || *at > now_ms.saturating_add(2 * super::delivery::AFTER_MOST_MS)
        }) {
            if self.tokens < TOKEN {
                break;
            }
            self.tokens -= TOKEN;
            self.retries.pop_first();
            self.make_ready(number);
        }
    }

    fn make_ready(&mut self, number: u64) {
        if let Some(ready) = self.entries.get(&number).and_then(|e| self.ready.get_mut(e.lane as usize)) {
            ready.insert(number);
        }
    }

    /// Smooth weighted round robin over the lanes that have work.
    fn next_lane(&mut self) -> Option<Lane> {
        let mut total = 0;
        let mut best: Option<(Lane, i64)> = None;
        for ((lane, ready), credit) in LANES.into_iter().zip(&self.ready).zip(&mut self.credits) {
            if ready.is_empty() {
                *credit = 0;
                continue;
            }
            *credit += lane.weight();
            total += lane.weight();
            if best.is_none_or(|(_, most)| *credit > most) {
                best = Some((lane, *credit));
            }
        }
        let (lane, _) = best?;
        if let Some(credit) = self.credits.get_mut(lane as usize) {
            *credit -= total;
        }
        Some(lane)
    }

    /// Makes the oldest idle operation of a key its candidate; without a key, the operation itself.
    fn choose(&mut self, key: &str, number: u64) {
        if key.is_empty() {
            return self.list(number);
        }
        let Some(line) = self.lines.get_mut(key) else { return };
        let idle = |n: &&u64| self.entries.get(*n).is_some_and(|entry| entry.leased_ms.is_none());
        let next = line.numbers.iter().find(idle).copied();
        let before = std::mem::replace(&mut line.candidate, next);
        if before != next {
            if let Some(before) = before {
                self.unlist(before);
            }
        } else if next.is_some_and(|next| self.is_listed(next)) {
            return;
        }
        if let Some(next) = next {
            self.list(next);
        }
    }

    fn is_listed(&self, number: u64) -> bool {
        let Some(entry) = self.entries.get(&number) else { return false };
        let at = (entry.not_before_ms, number);
        self.later.contains(&at)
            || self.retries.contains(&at)
            || self.ready.get(entry.lane as usize).is_some_and(|ready| ready.contains(&number))
    }

    fn list(&mut self, number: u64) {
        let Some(entry) = self.entries.get(&number).filter(|entry| entry.leased_ms.is_none()) else { return };
        let at = (entry.not_before_ms, number);
        if entry.attempts > 0 {
            self.retries.insert(at);
        } else if entry.not_before_ms > 0 {
            self.later.insert(at);
        } else {
            self.make_ready(number);
        }
    }

    fn unlist(&mut self, number: u64) {
        let Some(entry) = self.entries.get(&number) else { return };
        let at = (entry.not_before_ms, number);
        self.later.remove(&at);
        self.retries.remove(&at);
        if let Some(ready) = self.ready.get_mut(entry.lane as usize) {
            ready.remove(&number);
        }
    }
}

/// The pause after `attempts` failures: between half and all of 1 s, 2 s, 4 s ... 5 min.
pub(super) fn backoff_ms(attempts: u32, random: u64) -> u64 {
    let doubled = 1u64.checked_shl(attempts.saturating_sub(1).min(32)).unwrap_or(u64::MAX);
    let full = BACKOFF_MS.saturating_mul(doubled).min(BACKOFF_MOST_MS);
    full / 2 + random % (full / 2 + 1)
}
