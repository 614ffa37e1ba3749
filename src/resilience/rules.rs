//! The table of entering and leaving: which measure brings which mode, and how long it must last.

use super::mode::{Axis, Inputs, Mode};
use crate::base::format_bytes;
use crate::hardware::Thresholds;

/// How a measure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Percent,
    Millis,
    Bytes,
    Celsius,
    /// Is so, or is not.
    Flag,
}

impl Unit {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // never negative, shown to people
    pub(super) fn words(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{value:.0} %"),
            Self::Millis => format!("{value:.0} ms"),
            Self::Bytes => format_bytes(value as u64),
            Self::Celsius => format!("{value:.0} °C"),
            Self::Flag => if value >= 0.5 { "yes" } else { "no" }.to_owned(),
        }
    }
}

/// One measure against its two limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauge {
    pub(super) what: &'static str,
    pub(super) unit: Unit,
    pub(super) value: Option<f64>,
    pub(super) enter: f64,
    pub(super) leave: f64,
    /// Little is bad.
    pub(super) low: bool,
    /// It must last this long before it counts.
    pub(super) for_ms: u64,
}

impl Gauge {
    /// Bad enough to enter.
    pub(super) fn is_over(&self) -> bool {
        self.value.is_some_and(|value| if self.low { value < self.enter } else { value >= self.enter })
    }

    /// Good enough to leave; where nothing is measured, nothing is wrong.
    pub(super) fn is_under(&self, smoothed: Option<f64>) -> bool {
        let good = |value: f64| if self.low { value >= self.leave } else { value < self.leave };
        !self.is_over() && smoothed.is_none_or(good)
    }

    /// A flag is as it is; a measure counts as it was over the last seconds.
    pub(super) fn is_smooth(&self) -> bool {
        !self.low && self.unit != Unit::Flag
    }

    /// `memory in use 84 %, limit 80 %`
    pub(super) fn cause(&self) -> String {
        match (self.unit, self.value) {
            (Unit::Flag, _) => self.what.to_owned(),
            (_, None) => format!("{} not measured", self.what),
            (unit, Some(value)) => {
                format!("{} {}, limit {}", self.what, unit.words(value), unit.words(self.enter))
            }
        }
    }

    /// `memory in use below 72 %`
    pub(super) fn way_back(&self) -> String {
        match (self.unit, self.low) {
            (Unit::Flag, _) => format!("not '{}'", self.what),
            (unit, true) => format!("{} at least {}", self.what, unit.words(self.leave)),
            (unit, false) => format!("{} below {}", self.what, unit.words(self.leave)),
        }
    }
}

/// One step of an axis' ladder.
#[derive(Debug, Clone)]
pub(super) struct Rung {
    pub(super) mode: Mode,
    pub(super) gauges: Vec<Gauge>,
    pub(super) hold_ms: u64,
}

fn measure(what: &'static str, unit: Unit, value: Option<f64>, enter: f64, leave: f64) -> Gauge {
    Gauge { what, unit, value, enter, leave, low: false, for_ms: 0 }
}

fn flag(what: &'static str, on: bool) -> Gauge {
    measure(what, Unit::Flag, Some(f64::from(u8::from(on))), 1.0, 0.5)
}

/// The rungs of an axis with what was measured, mildest first: one for each mode of [`Axis::ladder`].
pub(super) fn rungs(axis: Axis, t: &Thresholds, inputs: &Inputs) -> Vec<Rung> {
    let rung = |mode: Mode, gauges: Vec<Gauge>| Rung { mode, gauges, hold_ms: hold_s(mode, t) * 1000 };
    match axis {
        Axis::Latency => latency(t, inputs)
            .into_iter()
            .zip(axis.ladder())
            .map(|(gauge, mode)| rung(*mode, vec![gauge]))
            .collect(),
        Axis::Errors => {
            let limits = [t.errors_reduced, t.errors_selective, t.errors_emergency];
            let gauges = limits.map(|limit| {
                let enter = number(limit);
                measure("failed questions", Unit::Percent, inputs.errors_percent, enter, enter * leave(t))
            });
            gauges.into_iter().zip(axis.ladder()).map(|(gauge, mode)| rung(*mode, vec![gauge])).collect()
        }
        Axis::Upstream => {
            let full = number(t.backlog_selective);
            let backlog =
                measure("queue", Unit::Percent, Some(inputs.backlog_percent), full, full * leave(t));
            vec![
                rung(Mode::LocalQueue, vec![flag("a breaker is open", inputs.breaker_open)]),
                rung(Mode::SelectiveProcessing, vec![backlog]),
            ]
        }
        Axis::Memory => memory(t, inputs)
            .into_iter()
            .zip(axis.ladder())
            .map(|(gauges, mode)| rung(*mode, gauges))
            .collect(),
        Axis::Disk => disk(t, inputs),
        Axis::Thermal => {
            let (enter, leave) = (number(t.thermal_reduced_c), number(t.thermal_leave_c));
            let heat = measure("hottest sensor", Unit::Celsius, inputs.temperature_c, enter, leave);
            vec![rung(Mode::ReducedPerformance, vec![heat])]
        }
        Axis::Store => vec![rung(Mode::Emergency, vec![flag("the store failed", inputs.store_failed)])],
    }
}

fn latency(t: &Thresholds, inputs: &Inputs) -> [Gauge; 2] {
    let target = number(t.latency_target_ms);
    let p95 = inputs.p95_us.map(|us| number(us) / 1000.0);
    let gauge = |enter: u64, leave: u64| Gauge {
        for_ms: t.latency_for_s * 1000,
        ..measure(
            "p95 of questions",
            Unit::Millis,
            p95,
            target * number(enter) / 100.0,
            target * number(leave) / 100.0,
        )
    };
    [gauge(t.latency_reduced, t.latency_reduced_leave), gauge(t.latency_selective, t.latency_selective_leave)]
}

fn memory(t: &Thresholds, inputs: &Inputs) -> [Vec<Gauge>; 2] {
    let used = |enter: u64, leave: u64| {
        let used = Some(inputs.memory_percent);
        measure("memory in use", Unit::Percent, used, number(enter), number(leave))
    };
    let waits = |what, value: f64, enter: u64| {
        measure(what, Unit::Percent, Some(value), number(enter), number(enter) * leave(t))
    };
    [
        vec![
            Gauge { for_ms: t.memory_for_s * 1000, ..used(t.memory_constrained, t.memory_constrained_leave) },
            waits("some work waits for memory", inputs.pressure_some, t.pressure_some),
            flag("the kernel ran out of memory here", inputs.out_of_memory),
        ],
        vec![
            used(t.memory_emergency, t.memory_emergency_leave),
            waits("all work waits for memory", inputs.pressure_full, t.pressure_full),
        ],
    ]
}

fn disk(t: &Thresholds, inputs: &Inputs) -> Vec<Rung> {
    let known = (inputs.disk_total > 0).then_some(number(inputs.disk_free));
    let part = (inputs.disk_total / 100).saturating_mul(t.disk_selective);
    let should = part.min(t.disk_selective_most).max(t.disk_selective_least);
    let low = |enter: f64, leave: f64| Gauge {
        low: true,
        ..measure("free space", Unit::Bytes, known, enter, leave)
    };
    let (scarce, none) = (number(should), number(t.disk_emergency));
    vec![
        Rung {
            mode: Mode::SelectiveProcessing,
            gauges: vec![low(scarce, scarce / leave(t))],
            hold_ms: t.selective_hold_s * 1000,
        },
        Rung {
            mode: Mode::Emergency,
            // Giving up the ballast must not look like recovery, nor taking it back like a new want.
            gauges: vec![low(none, none * 2.0)],
            hold_ms: t.disk_hold_s * 1000,
        },
    ]
}

fn hold_s(mode: Mode, t: &Thresholds) -> u64 {
    match mode {
        Mode::Normal => 0,
        Mode::ReducedPerformance => t.reduced_hold_s,
        Mode::LocalQueue => t.local_queue_hold_s,
        Mode::SelectiveProcessing => t.selective_hold_s,
        Mode::MemoryConstrained => t.constrained_hold_s,
        Mode::Emergency => t.emergency_hold_s,
    }
}

fn leave(t: &Thresholds) -> f64 {
    number(t.leave.max(1)) / 100.0
}

#[allow(clippy::cast_precision_loss)] // limits and measures, far below 2^53
fn number(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_axis_has_a_rung_for_each_mode_of_its_ladder() {
        let (thresholds, inputs) = (Thresholds::default(), Inputs::default());
        for axis in Axis::ALL {
            let modes: Vec<Mode> = rungs(axis, &thresholds, &inputs).iter().map(|rung| rung.mode).collect();
            assert_eq!(modes, axis.ladder(), "{axis:?}");
        }
    }

    #[test]
    fn causes_and_ways_back_are_told_in_words() {
        let inputs = Inputs { memory_percent: 84.0, disk_total: 1 << 30, ..Inputs::default() };
        let memory = &rungs(Axis::Memory, &Thresholds::default(), &inputs)[0].gauges[0];
        assert_eq!(memory.cause(), "memory in use 84 %, limit 80 %");
        assert_eq!(memory.way_back(), "memory in use below 72 %");
        let disk = &rungs(Axis::Disk, &Thresholds::default(), &inputs)[1].gauges[0];
        assert_eq!(disk.cause(), "free space 0 B, limit 4.0 MiB");
        assert_eq!(disk.way_back(), "free space at least 8.0 MiB");
        let store = &rungs(Axis::Store, &Thresholds::default(), &inputs)[0].gauges[0];
        assert!(!store.is_over() && store.is_under(store.value));
    }
}
