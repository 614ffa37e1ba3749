//! Nothing is lost, nothing is done twice in one lease, order per key, weights, bounds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::batch::Surroundings;
use super::operation::{LANES, Lane, LaneLimits, NewOperation, Refusal, State};
use super::scheduler::{BACKOFF_MOST_MS, Entry, Scheduler, backoff_ms};
use super::{Delivery, Outcome, Parcel, Queue, QueueSettings};
use crate::store::Control;

fn entry(lane: usize, key: u8, not_before_ms: u64) -> Entry {
    Entry {
        lane: LANES[lane],
        key: if key == 0 { String::new() } else { key.to_string() },
        not_before_ms,
        expires_ms: 0,
        attempts: 0,
        leased_ms: None,
    }
}

#[test]
fn lanes_take_turns_by_weight_and_none_starves() {
    let mut scheduler = Scheduler::new(0);
    for number in 0..400u64 {
        scheduler.add(number, entry(number as usize % 4, 0, 0));
    }
    let mut taken: BTreeMap<Lane, usize> = BTreeMap::new();
    for _ in 0..150 {
        let number = scheduler.take(1, 0).unwrap();
        *taken.entry(LANES[number as usize % 4]).or_default() += 1;
    }
    assert_eq!(taken.values().copied().collect::<Vec<_>>(), [80, 40, 20, 10]);
}

#[test]
fn retries_keep_to_their_budget() {
    let mut scheduler = Scheduler::new(0);
    for number in 0..100 {
        scheduler.add(number, Entry { attempts: 1, ..entry(2, 0, 1) });
    }
    let burst = std::iter::from_fn(|| scheduler.take(u64::MAX, 10)).count();
    assert_eq!(burst, 32, "what was saved up");
    assert_eq!(scheduler.due(true, 10), Some(1_010));
    let second = std::iter::from_fn(|| scheduler.take(u64::MAX, 1_010)).count();
    assert_eq!(second, 1, "one a second");
    // Ten first attempts earn one more.
    (1000..1010).for_each(|number| scheduler.add(number, entry(2, 0, 0)));
    assert_eq!(std::iter::from_fn(|| scheduler.take(u64::MAX, 1_010)).count(), 11);
}

proptest! {
    #[test]
    fn pauses_double_within_bounds(attempts in 0u32..100, random in any::<u64>()) {
        let pause = backoff_ms(attempts, random);
        prop_assert!((500..=BACKOFF_MOST_MS).contains(&pause));
        if attempts == 3 {
            prop_assert!((2_000..=4_000).contains(&pause));
        }
    }

    /// Any mixture of adding, taking, failing, finishing and waiting: order per key, one lease at a time, no loss.
    #[test]
    fn whose_turn_it_is(steps in prop::collection::vec((0u8..6, 0usize..4, 0u8..4, 0u64..3_000), 1..200)) {
        let mut scheduler = Scheduler::new(0);
        let (mut now, mut next) = (0, 0u64);
        let mut alive: BTreeMap<u64, Entry> = BTreeMap::new();
        let mut leased: BTreeSet<u64> = BTreeSet::new();
        for (step, lane, key, wait) in steps {
            now += wait / 10;
            match step {
                0 | 1 => {
                    let one = entry(lane, key, if wait % 3 == 0 { now + wait } else { 0 });
                    scheduler.add(next, one.clone());
                    alive.insert(next, one);
                    next += 1;
                }
                2 | 3 => {
                    if let Some(number) = scheduler.take(now + 500, now) {
                        prop_assert!(leased.insert(number), "leased twice");
                        let one = &alive[&number];
                        prop_assert!(one.not_before_ms <= now);
                        let before = alive.iter().find(|(older, other)| {
                            **older < number && !one.key.is_empty() && other.key == one.key && !leased.contains(older)
                        });
                        prop_assert!(before.is_none(), "{number} overtook {before:?}");
                    }
                }
                4 => {
                    if let Some(number) = leased.pop_first() {
                        scheduler.remove(number);
                        alive.remove(&number);
                    }
                }
                _ => {
                    if let Some(number) = leased.pop_last() {
                        let attempts = alive[&number].attempts + 1;
                        scheduler.put_back(number, attempts, now + wait);
                        let one = alive.get_mut(&number).unwrap();
                        (one.attempts, one.not_before_ms) = (attempts, now + wait);
                    }
                }
            }
        }
        // Whoever had leases is gone; in the end everything is taken, the oldest of a key first.
        now += 10_000;
        prop_assert_eq!(scheduler.lapse(now), leased.len());
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for _ in 0..alive.len() {
            let number = loop {
                if let Some(number) = scheduler.take(u64::MAX, now) {
                    break number;
                }
                now = scheduler.due(true, now).unwrap().max(now + 1);
            };
            let one = alive.remove(&number).unwrap();
            if !one.key.is_empty() {
                prop_assert!(seen.insert(one.key, number).is_none_or(|before| before < number));
            }
            scheduler.remove(number);
        }
        prop_assert_eq!(scheduler.due(true, now), None);
    }
}

struct Calm(u64);

impl Surroundings for Calm {
    fn now_ms(&self) -> u64 {
        self.0
    }
    fn random(&mut self) -> u64 {
        0
    }
    fn allow(&mut self) -> Result<(), u64> {
        Ok(())
    }
    fn record(&mut self, _failed: bool) {}
    fn is_stopping(&self) -> bool {
        false
    }
}

/// Answers by a plan and notes what arrives.
#[derive(Default)]
struct Post {
    plan: Vec<Outcome>,
    arrived: Vec<Parcel>,
}

impl Delivery for Post {
    fn deliver(&mut self, parcel: &Parcel) -> Outcome {
        let outcome = if self.plan.is_empty() { Outcome::Delivered } else { self.plan.remove(0) };
        if outcome == Outcome::Delivered {
            self.arrived.push(parcel.clone());
        }
        outcome
    }
    fn longest_ms(&self) -> u64 {
        1_000
    }
}

impl Post {
    fn texts(&self) -> Vec<String> {
        self.arrived.iter().map(|parcel| String::from_utf8_lossy(&parcel.payload).into_owned()).collect()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    control: Control,
    queue: Queue,
    at: Calm,
}

fn limits(operations: u64) -> [LaneLimits; 4] {
    let lane = |drop_oldest| LaneLimits { operations, bytes: 1 << 20, drop_oldest };
    [lane(false), lane(false), lane(false), lane(true)]
}

impl Bench {
    fn new(operations: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        let queue = queue(operations);
        Self { folder, control, queue, at: Calm(1_000_000) }
    }

    /// As after `kill -9`: nothing but the file is left.
    fn crash(self) -> Self {
        drop(self.control);
        let control = Control::open(&self.folder.path().join("control.redb"), 256 << 10).unwrap();
        let queue = queue(1000);
        queue.load(&control, self.at.0).unwrap();
        Self { queue, control, ..self }
    }

    fn post(&self, text: &str, lane: Lane, key: &str) -> Result<super::Added, Refusal> {
        let new = NewOperation {
            kind: "t".into(),
            payload: text.into(),
            lane,
            key: key.into(),
            ..NewOperation::default()
        };
        self.queue.post(&self.control, &[new], self.at.0).unwrap().pop().unwrap()
    }

    fn work(&mut self, post: &mut Post) -> usize {
        self.queue.work(&self.control, Some(post), &mut self.at).unwrap().len()
    }

    fn depth(&self) -> u64 {
        let view = self.queue.view(&self.control, self.at.0).unwrap();
        view.lanes.iter().map(|lane| lane.operations).sum()
    }
}

fn queue(operations: u64) -> Queue {
    let settings = QueueSettings { limits: limits(operations), attempts_most: 3, upstream: true };
    Queue::new(settings, 7, 1_000_000)
}

fn failed(counts: bool) -> Outcome {
    Outcome::Retry { after_ms: None, reason: "no".into(), counts, failure: true }
}

#[test]
fn a_failing_operation_blocks_only_its_key_and_dies_in_the_end() {
    let mut bench = Bench::new(1000);
    for (text, key) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("x", "")] {
        bench.post(text, Lane::Normal, key).unwrap();
    }
    let mut post = Post { plan: vec![failed(true)], ..Post::default() };
    bench.work(&mut post);
    assert_eq!(post.texts(), ["b1", "x"]);
    for _ in 0..2 {
        bench.at.0 += 5_000;
        post.plan = vec![failed(true)];
        bench.work(&mut post);
    }
    // After three attempts it is a dead letter; once that is kept, what waited behind it goes on.
    bench.work(&mut post);
    assert_eq!(post.texts(), ["b1", "x", "a2"]);
    let dead = bench.queue.ended(&bench.control, State::Dead, u64::MAX, 10).unwrap();
    assert!(dead[0].1.last_error.contains("3 attempts"), "{dead:?}");
    let number = dead[0].0;
    bench.queue.edit(&bench.control, number, (None, b"better"), |_| Ok(())).unwrap().unwrap();
    assert!(bench.queue.retry(&bench.control, number, bench.at.0, |_| Ok(())).unwrap().is_some());
    assert!(
        bench.queue.retry(&bench.control, number, bench.at.0, |_| Ok(())).unwrap().is_none(),
        "only once"
    );
    bench.work(&mut post);
    assert_eq!(post.texts().last().unwrap(), "better");
    assert_eq!(bench.depth(), 0);
}

#[test]
fn an_upstream_that_is_away_uses_up_no_attempts() {
    let mut bench = Bench::new(1000);
    bench.post("a", Lane::Normal, "a").unwrap();
    let mut post = Post::default();
    for _ in 0..50 {
        bench.at.0 += 400_000;
        post.plan = vec![failed(false)];
        bench.work(&mut post);
    }
    assert_eq!(bench.depth(), 1);
    bench.at.0 += 400_000;
    bench.work(&mut post);
    assert_eq!(post.texts(), ["a"]);
}

#[test]
fn a_crash_gives_back_what_was_under_way() {
    let bench = Bench::new(1000);
    for n in 0..40 {
        bench.post(&n.to_string(), Lane::Normal, "k").unwrap();
    }
    struct Dies(usize);
    impl Delivery for Dies {
        fn deliver(&mut self, _: &Parcel) -> Outcome {
            self.0 += 1;
            assert!(self.0 < 5, "the power goes");
            Outcome::Delivered
        }
        fn longest_ms(&self) -> u64 {
            1
        }
    }
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = bench.queue.work(&bench.control, Some(&mut Dies(0)), &mut Calm(1_000_000));
    }));
    assert!(died.is_err());
    let mut bench = bench.crash();
    let mut post = Post::default();
    while bench.depth() > 0 {
        bench.work(&mut post);
    }
    let all: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    assert_eq!(post.texts(), all, "in order, none lost");
    let epochs: BTreeSet<u32> = post.arrived.iter().map(|parcel| parcel.id.epoch).collect();
    assert_eq!(epochs.len(), 1);
    let added = bench.post("new", Lane::Normal, "k").unwrap();
    assert!(added.id.epoch > *epochs.first().unwrap(), "a start has an epoch of its own");
}

#[test]
fn a_full_lane_refuses_or_drops_with_a_record_of_the_gap() {
    let mut bench = Bench::new(3);
    for n in 0..3 {
        bench.post(&n.to_string(), Lane::High, "").unwrap();
    }
    assert!(matches!(
        bench.post("3", Lane::High, ""),
        Err(Refusal::Full { lane: Lane::High, operations: 3 })
    ));
    for n in 0..8 {
        bench.post(&n.to_string(), Lane::Bulk, "").unwrap();
    }
    let mut post = Post::default();
    while bench.depth() > 0 {
        bench.work(&mut post);
    }
    let gaps: Vec<_> = post.arrived.iter().filter(|parcel| parcel.operation.kind == "spud.gap").collect();
    assert_eq!(gaps.len(), 1, "five drops, one record");
    let gap: serde_json::Value = serde_json::from_slice(&gaps[0].payload).unwrap();
    assert_eq!((gap["lane"].as_str(), gap["dropped"].as_u64()), (Some("bulk"), Some(5)));
    assert!(post.texts().ends_with(&["5".into(), "6".into(), "7".into()]), "{:?}", post.texts());
    // The next drop has a record of its own.
    for n in 0..4 {
        bench.post(&n.to_string(), Lane::Bulk, "").unwrap();
    }
    assert_eq!(bench.depth(), 4);
}

#[test]
fn a_gap_record_that_was_under_way_counts_nothing_more() {
    let mut bench = Bench::new(3);
    for n in 0..4 {
        bench.post(&n.to_string(), Lane::Bulk, "").unwrap();
    }
    // Its answer is lost: the upstream may have it, and drops what comes with the same id again.
    let mut post = Post { plan: vec![failed(false)], ..Post::default() };
    bench.work(&mut post);
    for n in 4..8 {
        bench.post(&n.to_string(), Lane::Bulk, "").unwrap();
    }
    bench.at.0 += 60_000;
    while bench.depth() > 0 {
        bench.work(&mut post);
    }
    let dropped = post.arrived.iter().filter(|parcel| parcel.operation.kind == "spud.gap").map(|parcel| {
        serde_json::from_slice::<serde_json::Value>(&parcel.payload).unwrap()["dropped"].as_u64().unwrap()
    });
    assert_eq!(dropped.collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn keys_are_remembered_over_a_crash() {
    let bench = Bench::new(1000);
    let new =
        NewOperation { payload: b"a".to_vec(), idempotency: Some("k".into()), ..NewOperation::default() };
    let post = |bench: &Bench, new: &NewOperation| {
        bench.queue.post(&bench.control, std::slice::from_ref(new), bench.at.0).unwrap().pop().unwrap()
    };
    let first = post(&bench, &new).unwrap();
    let mut bench = bench.crash();
    let second = post(&bench, &new).unwrap();
    assert_eq!((first.id, second.known), (second.id, true));
    let other = NewOperation { payload: b"b".to_vec(), ..new.clone() };
    assert_eq!(post(&bench, &other).unwrap_err(), Refusal::KeyReused);
    assert!(!post(&bench, &NewOperation { uid: 9, ..other }).unwrap().known, "keys belong to a user");
    let mut sent = Post::default();
    bench.work(&mut sent);
    assert_eq!(sent.texts(), ["a", "b"]);
    assert_eq!(post(&bench, &new).unwrap().operation.state, State::Done);
    bench.work(&mut sent);
    assert_eq!(sent.arrived.len(), 2);
}

#[test]
fn what_expires_is_seen_and_a_pause_survives() {
    let mut bench = Bench::new(1000);
    let new = NewOperation { expires_ms: bench.at.0 + 10, ..NewOperation::default() };
    let refused = NewOperation { expires_ms: bench.at.0, ..NewOperation::default() };
    let answers = bench.queue.post(&bench.control, &[new, refused], bench.at.0).unwrap();
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err(), &Refusal::Expired);
    bench.queue.pause(&bench.control, Some("410"), bench.at.0, |_| Ok(())).unwrap();
    bench.at.0 += 11;
    let mut post = Post::default();
    assert_eq!(bench.work(&mut post), 1, "expired while paused");
    bench.post("a", Lane::Normal, "").unwrap();
    let mut bench = bench.crash();
    bench.work(&mut post);
    assert!(post.arrived.is_empty());
    bench.queue.pause(&bench.control, None, bench.at.0, |_| Ok(())).unwrap();
    bench.work(&mut post);
    assert_eq!(post.texts(), ["a"]);
    assert_eq!(bench.queue.purge(&bench.control, None, |_| Ok(())).unwrap(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// Failures of every kind and crashes: each operation arrives or is a dead letter, in order of its key.
    #[test]
    fn nothing_is_lost(
        outcomes in prop::collection::vec(0u8..8, 0..60),
        posts in prop::collection::vec((0usize..4, 0u8..4), 1..40),
        crash_every in 3usize..8,
    ) {
        let mut bench = Bench::new(1000);
        for (n, (lane, key)) in posts.iter().enumerate() {
            let key = if *key == 0 { String::new() } else { key.to_string() };
            bench.post(&n.to_string(), LANES[*lane], &key).unwrap();
        }
        let outcome = |kind: u8| match kind {
            0 | 1 => failed(true),
            2 => failed(false),
            3 => Outcome::Dead { reason: "422".into() },
            4 => Outcome::Retry { after_ms: Some(2_000), reason: "429".into(), counts: false, failure: false },
            _ => Outcome::Delivered,
        };
        let mut post = Post { plan: outcomes.into_iter().map(outcome).collect(), ..Post::default() };
        let mut rounds = 0;
        while bench.depth() > 0 {
            rounds += 1;
            prop_assert!(rounds < 500, "it never ends");
            bench.work(&mut post);
            bench.at.0 += 30_000;
            if rounds % crash_every == 0 {
                bench = bench.crash();
            }
        }
        let dead = bench.queue.ended(&bench.control, State::Dead, u64::MAX, 1000).unwrap();
        prop_assert_eq!(post.arrived.len() + dead.len(), posts.len(), "arrived or dead");
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        for parcel in post.arrived.iter().filter(|parcel| !parcel.operation.key.is_empty()) {
            let before = newest.insert(&parcel.operation.key, parcel.id.number);
            prop_assert!(before.is_none_or(|before| before < parcel.id.number));
        }
    }
}

/// Found by a power cut between a delivery and its commit: what was given up before would have come again, behind
/// its successor.
#[test]
fn what_follows_a_dead_letter_waits_until_that_is_kept() {
    let mut bench = Bench::new(100);
    bench.post("a", Lane::Normal, "k").unwrap();
    bench.post("b", Lane::Normal, "k").unwrap();
    bench.post("c", Lane::Normal, "other").unwrap();
    let mut post = Post { plan: vec![Outcome::Dead { reason: "no".into() }], arrived: Vec::new() };
    assert_eq!(bench.work(&mut post), 1);
    assert_eq!(post.texts(), ["c"]);
    bench.work(&mut post);
    assert_eq!(post.texts(), ["c", "b"]);
}

/// A commit that failed may have come through: what it kept is found without a restart.
#[test]
fn after_a_doubtful_commit_the_shelf_is_read_again() {
    let mut bench = Bench::new(100);
    bench.queue.load(&bench.control, 0).unwrap();
    let terms = bench.queue.terms().unwrap();
    let new = NewOperation { kind: "t".into(), payload: "kept".into(), ..NewOperation::default() };
    bench.control.write(|write| terms.enqueue(write, &new, 0)).unwrap().unwrap();
    let mut post = Post::default();
    bench.work(&mut post);
    assert_eq!(post.texts(), Vec::<String>::new(), "nobody told the queue");
    bench.queue.doubt();
    bench.work(&mut post);
    assert_eq!((post.texts(), bench.depth()), (vec!["kept".to_owned()], 0));
}
