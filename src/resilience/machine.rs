//! The mode machine: a function of (state, inputs, now).
//!
//! Each axis climbs its own ladder. Worse is immediate and may jump; better is one level at a time, when the
//! measure (smoothed over ten seconds) has been good for the hold of the level. The mode that is shown is the
//! most severe of all axes, the effects are the union. A forced mode takes the place of all that, except of an
//! Emergency for want of disk space or of a store.

use super::mode::{Axis, Effects, Inputs, Mode};
use super::rules::{Gauge, Rung, rungs};
use crate::hardware::Thresholds;

/// Seconds over which a measure is smoothed before it counts as good.
const SMOOTH_S: f64 = 10.0;
/// Most severe rung of any ladder, most gauges of any rung.
const RUNGS: usize = 3;
const GAUGES: usize = 3;

/// Both clocks at one moment: holds go by the one that never jumps, people by the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    pub monotonic_ms: u64,
    pub wall_ms: u64,
}

/// A mode that a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forced {
    pub mode: Mode,
    /// Who, as the kernel said.
    pub actor: String,
    pub reason: String,
    pub since_ms: u64,
    pub until_ms: u64,
}

/// What brought a change about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Worse(Axis),
    Better(Axis),
    Forced,
    /// Given back to the box by a person.
    Auto,
    /// The forced mode's time was over.
    Expired,
    /// The box was started anew.
    Restart,
}

/// One transition, with what was known at that moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub at_ms: u64,
    pub from: Mode,
    pub to: Mode,
    pub cause: Cause,
    /// In words: which measure, against which limit, or whose reason.
    pub reason: String,
    /// Who, where a person did it.
    pub actor: String,
    pub inputs: Inputs,
}

#[derive(Debug, Clone, Default)]
struct AxisState {
    /// 0 is none, n the n-th rung of the ladder.
    level: usize,
    since: Now,
    entered: String,
    /// Since when each gauge of each rung has been over its limit.
    over: [[Option<u64>; GAUGES]; RUNGS],
    smooth: [[Option<f64>; GAUGES]; RUNGS],
    /// Since when the present rung could be left.
    under: Option<u64>,
}

/// The state between two steps.
#[derive(Debug, Clone)]
pub struct Machine {
    thresholds: Thresholds,
    axes: [AxisState; Axis::ALL.len()],
    forced: Option<Forced>,
    inputs: Inputs,
    last: Option<Now>,
    since_ms: u64,
}

/// A measure beside its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub what: &'static str,
    pub value: String,
    pub enter: String,
    pub leave: String,
    /// The mode that it brings.
    pub mode: Mode,
}

/// One axis as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisView {
    pub axis: Axis,
    pub mode: Mode,
    pub since_ms: u64,
    pub reason: String,
    pub readings: Vec<Reading>,
    /// What brings it back; empty when there is nothing to come back from.
    pub way_back: String,
}

/// The whole machine as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub mode: Mode,
    pub since_ms: u64,
    /// The axis that brought it; `None` in Normal and where it was forced.
    pub axis: Option<Axis>,
    pub reason: String,
    pub effects: Effects,
    pub way_back: String,
    /// Seconds until it may be better.
    pub retry_after_s: u64,
    pub forced: Option<Forced>,
    pub axes: Vec<AxisView>,
    pub inputs: Inputs,
}

impl Machine {
    /// A machine in Normal, or in the mode that was forced before.
    #[must_use]
    pub fn new(thresholds: Thresholds, forced: Option<Forced>, now: Now) -> Self {
        let since_ms = forced.as_ref().map_or(now.wall_ms, |forced| forced.since_ms);
        let axes = std::array::from_fn(|_| AxisState { since: now, ..AxisState::default() });
        Self { thresholds, axes, forced, inputs: Inputs::default(), last: None, since_ms }
    }

    /// Goes by other figures from the next step on; where each axis stands is kept.
    pub fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.thresholds = thresholds;
    }

    /// Takes what was measured; says what changed, in order. The `to` of one change is the `from` of the next.
    pub fn step(&mut self, inputs: &Inputs, now: Now) -> Vec<Change> {
        let elapsed = self.last.map_or(0, |last| now.monotonic_ms.saturating_sub(last.monotonic_ms));
        self.inputs = *inputs;
        self.last = Some(now);
        let mut changes = Vec::new();
        if self.forced.as_ref().is_some_and(|forced| now.wall_ms >= forced.until_ms) {
            let before = self.mode();
            let forced = self.forced.take();
            let reason = forced.map_or_else(String::new, |forced| {
                format!("the time for which {} was forced is over", forced.mode.title())
            });
            changes.push(self.change(before, Cause::Expired, reason, String::new(), now));
        }
        for axis in Axis::ALL {
            let before = self.mode();
            let rungs = rungs(axis, &self.thresholds, inputs);
            let Some(state) = self.axes.get_mut(axis as usize) else { continue };
            if let Some((worse, reason)) = state.step(&rungs, now, elapsed) {
                let cause = if worse { Cause::Worse(axis) } else { Cause::Better(axis) };
                changes.push(self.change(before, cause, reason, String::new(), now));
            }
        }
        changes
    }

    /// Forces a mode until its time is over.
    pub fn force(&mut self, forced: Forced, now: Now) -> Change {
        let before = self.mode();
        let (reason, actor) = (forced.reason.clone(), forced.actor.clone());
        self.forced = Some(forced);
        self.change(before, Cause::Forced, reason, actor, now)
    }

    /// Gives the choice back to the box; `None` when nothing was forced.
    pub fn auto(&mut self, actor: &str, now: Now) -> Option<Change> {
        let before = self.mode();
        let forced = self.forced.take()?;
        let reason = format!("{} is no longer forced", forced.mode.title());
        Some(self.change(before, Cause::Auto, reason, actor.to_owned(), now))
    }

    fn change(&mut self, from: Mode, cause: Cause, reason: String, actor: String, now: Now) -> Change {
        let to = self.mode();
        if from != to {
            self.since_ms = now.wall_ms;
        }
        Change { at_ms: now.wall_ms, from, to, cause, reason, actor, inputs: self.inputs }
    }

    /// The mode that is shown.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let worst = |guards: bool| {
            let modes = Axis::ALL.into_iter().filter(|axis| !guards || axis.is_guard());
            let modes = modes.map(|axis| self.axis_mode(axis));
            modes.filter(|mode| !guards || *mode == Mode::Emergency).max().unwrap_or_default()
        };
        match &self.forced {
            Some(forced) => forced.mode.max(worst(true)),
            None => worst(false),
        }
    }

    /// What is done differently now.
    #[must_use]
    pub fn effects(&self) -> Effects {
        let of_axes = |guards: bool| {
            let held = Axis::ALL
                .into_iter()
                .filter(|axis| !guards || (axis.is_guard() && self.axis_mode(*axis) == Mode::Emergency));
            held.fold(Effects::default(), |all, axis| all.with(self.axis_effects(axis)))
        };
        match &self.forced {
            Some(forced) => forced.mode.all_effects().with(of_axes(true)),
            None => of_axes(false),
        }
    }

    #[must_use]
    pub fn forced(&self) -> Option<&Forced> {
        self.forced.as_ref()
    }

    fn level(&self, axis: Axis) -> usize {
        self.axes.get(axis as usize).map_or(0, |state| state.level)
    }

    fn axis_mode(&self, axis: Axis) -> Mode {
        let level = self.level(axis).checked_sub(1);
        level.and_then(|rung| axis.ladder().get(rung)).copied().unwrap_or_default()
    }

    fn axis_effects(&self, axis: Axis) -> Effects {
        let climbed = axis.ladder().iter().take(self.level(axis));
        climbed.fold(Effects::default(), |all, mode| all.with(mode.own_effects()))
    }

    /// Everything, for people.
    #[must_use]
    pub fn view(&self, now: Now) -> View {
        let axes: Vec<AxisView> = Axis::ALL.into_iter().map(|axis| self.axis_view(axis, now)).collect();
        let mode = self.mode();
        let forced = self.forced.clone().filter(|forced| forced.mode >= mode);
        // Under a forced mode only a guard can be what shows.
        let may_lead = |view: &&AxisView| {
            forced.is_none() && view.mode == mode && (self.forced.is_none() || view.axis.is_guard())
        };
        let leading = axes.iter().filter(|_| mode != Mode::Normal).find(may_lead);
        let (reason, way_back) = match (&forced, leading) {
            (Some(forced), _) => (format!("forced: {} ({})", forced.reason, forced.actor), String::new()),
            (None, Some(view)) => (view.reason.clone(), view.way_back.clone()),
            (None, None) => (String::new(), String::new()),
        };
        let retry_after_s = match (&forced, leading) {
            (Some(forced), _) => forced.until_ms.saturating_sub(now.wall_ms).div_ceil(1000),
            (None, Some(view)) => self.hold_left_ms(view.axis, now).div_ceil(1000),
            (None, None) => 0,
        };
        View {
            mode,
            since_ms: self.since_ms,
            axis: leading.map(|view| view.axis),
            reason,
            effects: self.effects(),
            way_back,
            retry_after_s: retry_after_s.max(u64::from(mode != Mode::Normal)),
            forced: self.forced.clone(),
            axes,
            inputs: self.inputs,
        }
    }

    fn rung(&self, axis: Axis) -> Option<Rung> {
        let at = self.level(axis).checked_sub(1)?;
        rungs(axis, &self.thresholds, &self.inputs).into_iter().nth(at)
    }

    /// Until this axis may come down a level, if its measures stay good.
    fn hold_left_ms(&self, axis: Axis, now: Now) -> u64 {
        let (Some(rung), Some(state)) = (self.rung(axis), self.axes.get(axis as usize)) else { return 0 };
        let held = state.under.map_or(0, |since| now.monotonic_ms.saturating_sub(since));
        rung.hold_ms.saturating_sub(held)
    }

    fn axis_view(&self, axis: Axis, now: Now) -> AxisView {
        let state = self.axes.get(axis as usize).cloned().unwrap_or_default();
        let way_back = self.rung(axis).map_or_else(String::new, |rung| {
            let smooth = state.level.checked_sub(1).and_then(|at| state.smooth.get(at));
            let measures = rung.gauges.iter().zip(smooth.into_iter().flatten());
            let unmet = measures.filter(|(gauge, smoothed)| !gauge.is_under(**smoothed));
            let unmet: Vec<String> = unmet.map(|(gauge, _)| gauge.way_back()).collect();
            if unmet.is_empty() {
                format!("in {} s, if it stays as good", self.hold_left_ms(axis, now).div_ceil(1000))
            } else {
                format!("{} for {} s", unmet.join(", "), rung.hold_ms / 1000)
            }
        });
        let mut readings = Vec::new();
        for rung in rungs(axis, &self.thresholds, &self.inputs) {
            for gauge in rung.gauges {
                readings.push(Reading {
                    what: gauge.what,
                    value: gauge.value.map_or_else(|| "-".to_owned(), |value| gauge.unit.words(value)),
                    enter: gauge.unit.words(gauge.enter),
                    leave: gauge.unit.words(gauge.leave),
                    mode: rung.mode,
                });
            }
        }
        AxisView {
            axis,
            mode: self.axis_mode(axis),
            since_ms: state.since.wall_ms,
            reason: state.entered,
            readings,
            way_back,
        }
    }
}

/// Why a rung still holds after a worse one was left.
fn remains(rung: &Rung) -> String {
    let over = rung.gauges.iter().find(|gauge| gauge.is_over());
    over.map_or_else(|| "better, but not for long enough yet".to_owned(), Gauge::cause)
}

impl AxisState {
    /// True and the reason when it got worse, false and the reason when it got better.
    fn step(&mut self, rungs: &[Rung], now: Now, elapsed_ms: u64) -> Option<(bool, String)> {
        self.smooth(rungs, elapsed_ms);
        if let Some((level, reason)) = self.worse(rungs, now) {
            (self.level, self.since, self.under) = (level, now, None);
            self.entered.clone_from(&reason);
            return Some((true, reason));
        }
        let at = self.level.checked_sub(1)?;
        let rung = rungs.get(at)?;
        let smooth = self.smooth.get(at)?;
        if !rung.gauges.iter().zip(smooth).all(|(gauge, smoothed)| gauge.is_under(*smoothed)) {
            self.under = None;
            return None;
        }
        let since = *self.under.get_or_insert(now.monotonic_ms);
        if now.monotonic_ms.saturating_sub(since) < rung.hold_ms {
            return None;
        }
        (self.level, self.since, self.under) = (at, now, None);
        self.entered = at.checked_sub(1).and_then(|at| rungs.get(at)).map_or_else(String::new, remains);
        let good: Vec<String> = rung.gauges.iter().map(Gauge::way_back).collect();
        Some((false, format!("{} for {} s", good.join(", "), rung.hold_ms / 1000)))
    }

    /// The most severe rung above the present one whose measure has been over its limit for long enough.
    fn worse(&mut self, rungs: &[Rung], now: Now) -> Option<(usize, String)> {
        let mut found = None;
        for ((level, rung), overs) in (1..).zip(rungs).zip(&mut self.over) {
            for (gauge, over) in rung.gauges.iter().zip(overs) {
                if !gauge.is_over() {
                    *over = None;
                    continue;
                }
                let since = *over.get_or_insert(now.monotonic_ms);
                if level > self.level && now.monotonic_ms.saturating_sub(since) >= gauge.for_ms {
                    found = Some((level, gauge.cause()));
                }
            }
        }
        found
    }

    fn smooth(&mut self, rungs: &[Rung], elapsed_ms: u64) {
        #[allow(clippy::cast_precision_loss)] // seconds between two steps
        let weight = 1.0 - (-(elapsed_ms as f64) / 1000.0 / SMOOTH_S).exp();
        for (rung, smooth) in rungs.iter().zip(&mut self.smooth) {
            for (gauge, kept) in rung.gauges.iter().zip(smooth) {
                *kept = match (gauge.value, *kept) {
                    (Some(value), Some(before)) if gauge.is_smooth() => {
                        Some(before + weight * (value - before))
                    }
                    (value, _) => value,
                };
            }
        }
    }
}
