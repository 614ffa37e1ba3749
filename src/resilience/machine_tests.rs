//! What the mode machine promises, whatever is measured.

use proptest::prelude::*;

use super::machine::{Cause, Change, Forced, Machine, Now};
use super::mode::{Axis, Effect, Inputs, Mode};
use super::rules::rungs;
use crate::hardware::Thresholds;

const GIB: u64 = 1 << 30;

fn calm() -> Inputs {
    Inputs { memory_percent: 30.0, disk_free: 20 * GIB, disk_total: 30 * GIB, ..Inputs::default() }
}

/// A machine with a clock that the test moves.
struct Bench {
    machine: Machine,
    now: Now,
    thresholds: Thresholds,
}

impl Bench {
    fn new() -> Self {
        let (thresholds, now) = (Thresholds::default(), Now { monotonic_ms: 1000, wall_ms: 1_000_000 });
        Self { machine: Machine::new(thresholds.clone(), None, now), now, thresholds }
    }

    fn after(&mut self, ms: u64, inputs: &Inputs) -> Vec<Change> {
        self.now.monotonic_ms += ms;
        self.now.wall_ms += ms;
        self.machine.step(inputs, self.now)
    }

    /// A step a second; every change on the way.
    fn seconds(&mut self, n: u64, inputs: &Inputs) -> Vec<Change> {
        (0..n).flat_map(|_| self.after(1000, inputs)).collect()
    }

    fn force(&mut self, mode: Mode, ttl_ms: u64) -> Change {
        let forced = Forced {
            mode,
            actor: "uid 1000".into(),
            reason: "test".into(),
            since_ms: self.now.wall_ms,
            until_ms: self.now.wall_ms + ttl_ms,
        };
        self.machine.force(forced, self.now)
    }

    fn axis_mode(&self, axis: Axis) -> Mode {
        self.machine.view(self.now).axes[axis as usize].mode
    }
}

#[test]
fn memory_climbs_at_once_and_comes_down_step_by_step() {
    let mut bench = Bench::new();
    assert!(bench.after(1000, &calm()).is_empty());
    let changes = bench.after(1000, &Inputs { memory_percent: 95.0, ..calm() });
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].from, changes[0].to), (Mode::Normal, Mode::Emergency));
    assert_eq!(changes[0].reason, "memory in use 95 %, limit 92 %");
    let effects = bench.machine.effects();
    assert!(effects.has(Effect::DropCaches) && effects.has(Effect::ReadOnly));
    let view = bench.machine.view(bench.now);
    assert_eq!(view.axis, Some(Axis::Memory));
    assert!(view.way_back.starts_with("memory in use below 85 %"), "{}", view.way_back);
    let changes = bench.seconds(300, &calm());
    let path: Vec<Mode> = changes.iter().map(|change| change.to).collect();
    assert_eq!(path, [Mode::MemoryConstrained, Mode::Normal]);
    let held = changes[1].at_ms - changes[0].at_ms;
    assert!((120_000..130_000).contains(&held), "{held}");
}

#[test]
fn what_remains_after_the_worst_is_over_is_told() {
    let mut bench = Bench::new();
    bench.after(1000, &Inputs { disk_free: 1 << 20, ..calm() });
    bench.seconds(5, &Inputs { disk_free: 100 << 20, ..calm() });
    let view = bench.machine.view(bench.now);
    assert_eq!(view.mode, Mode::SelectiveProcessing);
    assert_eq!(view.reason, "free space 100 MiB, limit 1.5 GiB");
    assert_eq!(view.way_back, "free space at least 2.0 GiB for 60 s");
    bench.seconds(3, &calm());
    assert_eq!(bench.machine.view(bench.now).way_back, "in 58 s, if it stays as good");
    bench.seconds(60, &calm());
    let view = bench.machine.view(bench.now);
    assert_eq!((view.mode, view.reason.as_str(), view.retry_after_s), (Mode::Normal, "", 0));
}

#[test]
fn what_must_last_does_not_count_before() {
    let mut bench = Bench::new();
    let busy = Inputs { memory_percent: 85.0, ..calm() };
    assert!(bench.seconds(3, &busy).is_empty());
    assert!(bench.after(1000, &calm()).is_empty());
    assert!(bench.seconds(3, &busy).is_empty(), "the time starts anew");
    assert_eq!(bench.after(1000, &busy)[0].to, Mode::MemoryConstrained);
    let slow = Inputs { p95_us: Some(900_000), ..busy };
    let changes = bench.seconds(6, &slow);
    assert_eq!(changes.len(), 1, "latency may jump over Reduced Performance");
    assert_eq!(changes[0].cause, Cause::Worse(Axis::Latency));
    assert_eq!(changes[0].to, Mode::MemoryConstrained, "the most severe is shown");
    assert!(bench.machine.effects().has(Effect::FewerCandidates), "the effects are the union");
    assert!(
        bench.machine.effects().has(Effect::ShedBatch) && bench.machine.effects().has(Effect::DropCaches)
    );
}

#[test]
fn a_forced_mode_ends_by_itself_and_never_hides_a_full_disk() {
    let mut bench = Bench::new();
    bench.seconds(2, &calm());
    let change = bench.force(Mode::SelectiveProcessing, 10_000);
    assert_eq!((change.to, change.actor.as_str()), (Mode::SelectiveProcessing, "uid 1000"));
    assert!(bench.seconds(9, &calm()).is_empty());
    let ended = bench.after(1000, &calm());
    assert_eq!((ended[0].cause, ended[0].to), (Cause::Expired, Mode::Normal));
    bench.force(Mode::Normal, 600_000);
    let hot = Inputs { memory_percent: 99.0, ..calm() };
    bench.after(1000, &hot);
    assert_eq!(bench.machine.mode(), Mode::Normal, "a person may overrule memory");
    let full = Inputs { disk_free: 1 << 20, ..calm() };
    bench.after(1000, &full);
    assert_eq!(bench.machine.mode(), Mode::Emergency);
    assert!(bench.machine.effects().has(Effect::ReleaseBallast));
    assert_eq!(bench.machine.view(bench.now).axis, Some(Axis::Disk));
    let back = bench.seconds(5, &calm());
    assert!(back.iter().any(|change| change.to == Mode::Normal), "the guard lets go soon: {back:?}");
    let given = bench.machine.auto("uid 0", bench.now).unwrap();
    assert_eq!((given.cause, given.to), (Cause::Auto, Mode::Emergency), "memory still holds underneath");
    assert!(bench.machine.auto("uid 0", bench.now).is_none());
}

#[test]
fn every_axis_reaches_its_modes() {
    let cases = [
        (Inputs { p95_us: Some(301_000), ..calm() }, Mode::ReducedPerformance),
        (Inputs { errors_percent: Some(6.0), ..calm() }, Mode::ReducedPerformance),
        (Inputs { errors_percent: Some(55.0), ..calm() }, Mode::Emergency),
        (Inputs { breaker_open: true, ..calm() }, Mode::LocalQueue),
        (Inputs { backlog_percent: 85.0, ..calm() }, Mode::SelectiveProcessing),
        (Inputs { pressure_some: 12.0, ..calm() }, Mode::MemoryConstrained),
        (Inputs { pressure_full: 12.0, ..calm() }, Mode::Emergency),
        (Inputs { out_of_memory: true, ..calm() }, Mode::MemoryConstrained),
        (Inputs { disk_free: GIB, ..calm() }, Mode::SelectiveProcessing),
        (Inputs { disk_free: 3 << 20, ..calm() }, Mode::Emergency),
        // One percent of a large disk is still plenty for this box.
        (Inputs { disk_free: 3 * GIB, disk_total: 300 * GIB, ..calm() }, Mode::Normal),
        (Inputs { disk_free: GIB, disk_total: 300 * GIB, ..calm() }, Mode::SelectiveProcessing),
        (Inputs { temperature_c: Some(86.0), ..calm() }, Mode::ReducedPerformance),
        (Inputs { store_failed: true, ..calm() }, Mode::Emergency),
    ];
    for (inputs, mode) in cases {
        let mut bench = Bench::new();
        bench.seconds(8, &inputs);
        assert_eq!(bench.machine.mode(), mode, "{inputs:?}");
        bench.seconds(600, &calm());
        assert_eq!(bench.machine.mode(), Mode::Normal, "and back: {inputs:?}");
    }
    // Where nothing is known, nothing is wrong.
    let mut bench = Bench::new();
    assert!(bench.seconds(20, &Inputs::default()).is_empty());
}

#[derive(Debug, Clone)]
enum Act {
    Step(u64, Inputs),
    Force(Mode, u64),
    Auto,
}

fn inputs() -> impl Strategy<Value = Inputs> {
    let optional = |range: std::ops::Range<f64>| prop::option::of(range);
    let disk = prop_oneof![Just(0u64), 0u64..6 << 20, 0u64..2 * GIB, Just(20 * GIB)];
    (
        (optional(0.0..1200.0), optional(0.0..70.0), prop::bool::weighted(0.1), 0.0..100.0),
        (prop_oneof![0.0..75.0, 60.0..100.0], 0.0..15.0, 0.0..12.0, prop::bool::weighted(0.03)),
        (disk, prop_oneof![Just(0u64), Just(30 * GIB)]),
        (optional(40.0..95.0), prop::bool::weighted(0.05)),
    )
        .prop_map(|(latency, memory, disk, rest)| Inputs {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            p95_us: latency.0.map(|ms: f64| (ms * 1000.0) as u64),
            errors_percent: latency.1,
            breaker_open: latency.2,
            backlog_percent: latency.3,
            memory_percent: memory.0,
            pressure_some: memory.1,
            pressure_full: memory.2,
            out_of_memory: memory.3,
            disk_free: disk.0,
            disk_total: disk.1,
            temperature_c: rest.0,
            store_failed: rest.1,
        })
}

fn act() -> impl Strategy<Value = Act> {
    let mode = (0u8..6).prop_map(|n| Mode::from_number(n).unwrap());
    let step = (100u64..40_000, prop_oneof![2 => inputs(), 3 => Just(calm())]);
    prop_oneof![
        20 => step.prop_map(|(ms, inputs)| Act::Step(ms, inputs)),
        1 => (mode, 1u64..600_000).prop_map(|(mode, ttl)| Act::Force(mode, ttl)),
        1 => Just(Act::Auto),
    ]
}

/// Checks one step against the table of rules.
fn check_step(bench: &Bench, before: &[(Mode, u64)], inputs: &Inputs, changes: &[Change]) {
    for axis in Axis::ALL {
        let rungs = rungs(axis, &bench.thresholds, inputs);
        let (was, since) = before[axis as usize];
        let is = bench.axis_mode(axis);
        let told = changes
            .iter()
            .find(|change| change.cause == Cause::Worse(axis) || change.cause == Cause::Better(axis));
        assert_eq!(told.is_some(), was != is, "{axis:?}: a change that was not told, or the other way");
        if is > was {
            let rung = rungs.iter().find(|rung| rung.mode == is).unwrap();
            assert!(rung.gauges.iter().any(|gauge| gauge.is_over()), "{axis:?}: worse without a cause");
        }
        if is < was {
            let steps = |mode| axis.ladder().iter().position(|m| *m == mode).map_or(0, |at| at + 1);
            assert_eq!(steps(was) - steps(is), 1, "{axis:?}: better by more than a step");
            let rung = rungs.iter().find(|rung| rung.mode == was).unwrap();
            assert!(!rung.gauges.iter().any(|gauge| gauge.is_over()), "{axis:?}: better while it is bad");
            let held = bench.now.monotonic_ms - since;
            assert!(held >= rung.hold_ms, "{axis:?}: better after {held} ms, hold {}", rung.hold_ms);
        }
        for rung in &rungs {
            let at_once = rung.gauges.iter().any(|gauge| gauge.is_over() && gauge.for_ms == 0);
            assert!(!at_once || is >= rung.mode, "{axis:?}: {:?} did not come at once", rung.mode);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn promises_hold_whatever_is_measured(acts in prop::collection::vec(act(), 1..200)) {
        let mut bench = Bench::new();
        let mut shown = Mode::Normal;
        for act in acts {
            let changes = match act {
                Act::Step(ms, inputs) => {
                    let view = bench.machine.view(bench.now);
                    let now = bench.now;
                    let before: Vec<(Mode, u64)> = view.axes.iter()
                        .map(|axis| (axis.mode, now.monotonic_ms - (now.wall_ms - axis.since_ms)))
                        .collect();
                    let changes = bench.after(ms, &inputs);
                    check_step(&bench, &before, &inputs, &changes);
                    let guard = inputs.store_failed
                        || (inputs.disk_total > 0 && inputs.disk_free < bench.thresholds.disk_emergency);
                    prop_assert!(!guard || bench.machine.mode() == Mode::Emergency, "a guard was beaten");
                    changes
                }
                Act::Force(mode, ttl) => vec![bench.force(mode, ttl)],
                Act::Auto => bench.machine.auto("uid 0", bench.now).into_iter().collect(),
            };
            for change in &changes {
                prop_assert_eq!(change.from, shown, "changes are a chain");
                prop_assert!(!change.reason.is_empty());
                shown = change.to;
            }
            prop_assert_eq!(bench.machine.mode(), shown, "the mode changed without a change");
            if let Some(forced) = bench.machine.forced() {
                prop_assert!(forced.until_ms > bench.now.wall_ms, "a forced mode outlived its time");
                prop_assert!(bench.machine.mode() >= forced.mode);
            }
            let view = bench.machine.view(bench.now);
            prop_assert_eq!(view.mode == Mode::Normal, view.reason.is_empty() || view.mode == Mode::Normal);
        }
    }
}

/// Numbers that look random and are the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1u32 << 31)
    }

    /// About zero, mostly within one.
    fn bell(&mut self) -> f64 {
        (0..6).map(|_| self.next()).sum::<f64>() / 3.0 - 1.0
    }
}

#[test]
fn a_noisy_day_is_calm_and_misses_no_emergency() {
    let mut bench = Bench::new();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut hours = vec![0u32; 24];
    let (mut drift, mut emergencies) = (0.0f64, 0);
    for second in 0..86_400u32 {
        drift = (drift + noise.bell() * 0.05).clamp(-1.0, 1.0);
        let slow = f64::from(second) / 86_400.0 * std::f64::consts::TAU;
        // Every measure lives near its first limit.
        let mut inputs = Inputs {
            p95_us: Some(((280.0 + 30.0 * drift + 40.0 * noise.bell()) * 1000.0) as u64),
            errors_percent: Some((4.0 + 1.5 * noise.bell()).max(0.0)),
            memory_percent: 75.0 + 3.0 * slow.sin() + 3.0 * noise.bell(),
            pressure_some: (6.0 + 3.0 * noise.bell()).max(0.0),
            temperature_c: Some(80.0 + 2.0 * slow.cos() + 4.0 * noise.bell()),
            disk_free: ((1.5 + 0.02 * drift + 0.01 * noise.bell()) * GIB as f64) as u64,
            disk_total: 30 * GIB,
            ..Inputs::default()
        };
        // A short real want every two hours.
        let emergency = second % 7200 == 3600;
        match (emergency, second / 7200 % 3) {
            (true, 0) => inputs.memory_percent = 97.0,
            (true, 1) => inputs.disk_free = 2 << 20,
            (true, _) => inputs.pressure_full = 20.0,
            _ => {}
        }
        let changes = bench.after(1000, &inputs);
        hours[second as usize / 3600] += u32::try_from(changes.len()).unwrap();
        if emergency {
            emergencies += 1;
            assert_eq!(bench.machine.mode(), Mode::Emergency, "missed at second {second}");
        }
    }
    assert_eq!(emergencies, 12);
    assert!(hours.iter().all(|changes| *changes <= 20), "changes by the hour: {hours:?}");
    assert!(hours.iter().sum::<u32>() > 24, "the noise is worth its name: {hours:?}");
}
