//! Service levels at work: objectives are measured over the store of metrics on the engine's timer; a violation opens
//! an incident, and what is left of each budget is recorded as a series.

mod load;
mod measure;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use load::check as check_objectives;

use super::run::Inner;
use super::{EngineError, incidents, registry};
use crate::api::types::Page;
use crate::api::types::sla::Objective as Words;
use crate::governance::incident::{Kind, Severity};
use crate::governance::sla::{Count, Verdict, judge};
use crate::observe::metric::{Family, Kind as MetricKind, Point, Reading};
use crate::observe::objective::Objective;
use crate::resilience::Effect;

/// A command that starts the engine for itself is over before this.
const PATIENCE_S: u64 = 10;
/// What is left of a budget, and how fast it is spent, as series.
const BUDGET: &str = "spud_slo_budget_ratio";
const BURN: &str = "spud_slo_burn_rate";

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlaAction {
    List,
    /// By name.
    Show(String),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum SlaReply {
    Page(Page<Words>),
    One(Box<Words>),
}

/// An objective with what was found.
struct Live {
    file: String,
    objective: Objective,
    /// By length of the time; that of the objective's window among them.
    counts: BTreeMap<u64, Option<Count>>,
    verdict: Option<Verdict>,
    error: String,
    /// When it was measured, and when the long times were.
    evaluated_ms: u64,
    long_ms: u64,
    /// Since when it is violated.
    since_ms: Option<u64>,
}

impl Live {
    /// Nothing was found yet.
    fn new(file: String, objective: Objective) -> Self {
        Self {
            file,
            objective,
            counts: BTreeMap::new(),
            verdict: None,
            error: String::new(),
            evaluated_ms: 0,
            long_ms: 0,
            since_ms: None,
        }
    }
}

#[derive(Default)]
struct Desk {
    loaded: bool,
    all: Vec<Live>,
    problems: Vec<String>,
}

/// Service levels of a box.
#[derive(Default)]
pub(super) struct Sla {
    desk: Mutex<Desk>,
}

impl Sla {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Objectives are read again at the next tick.
    pub(super) fn reload(&self) {
        self.desk().loaded = false;
    }

    fn loaded(&self, inner: &Inner) -> MutexGuard<'_, Desk> {
        let mut desk = self.desk();
        load::ensure(inner, &mut desk);
        desk
    }

    /// Budgets and burn rates, to be recorded with all other metrics: they are the timeline.
    pub(super) fn families(&self) -> Vec<Family> {
        let desk = self.desk();
        let family = |name: &'static str, points| Family {
            name: name.into(),
            kind: MetricKind::Gauge,
            unit: "".into(),
            help: "".into(),
            points,
        };
        let point = |labels: Vec<(&'static str, String)>, value: f64| Point {
            labels: labels.into_iter().map(|(name, text)| (name.into(), text)).collect(),
            reading: Reading::Number(value),
        };
        let (mut budgets, mut burns) = (Vec::new(), Vec::new());
        for live in &desk.all {
            let (name, target) = (&live.objective.name, live.objective.target);
            let left = live.verdict.and_then(|verdict| verdict.left);
            budgets.extend(left.map(|left| point(vec![("slo", name.clone())], left)));
            for (window, count) in &live.counts {
                let labels = || vec![("slo", name.clone()), ("window", words::span(*window))];
                burns.extend(count.map(|count| point(labels(), count.burn(target))));
            }
        }
        let all = [family(BUDGET, budgets), family(BURN, burns)];
        all.into_iter().filter(|family| !family.points.is_empty()).collect()
    }
}

/// Does what is asked.
pub(super) fn act(inner: &Inner, action: &SlaAction) -> Result<SlaReply, EngineError> {
    let desk = inner.sla.loaded(inner);
    match action {
        SlaAction::List => {
            Ok(SlaReply::Page(Page { items: desk.all.iter().map(words::objective).collect(), next: None }))
        }
        SlaAction::Show(name) => {
            let found = desk.all.iter().find(|live| live.objective.name == *name);
            let found = found.ok_or_else(|| EngineError::NotFound {
                noun: "objective",
                name: name.chars().take(64).collect(),
                advice: "`spud sla list` shows what there is".into(),
            })?;
            Ok(SlaReply::One(Box::new(words::objective(found))))
        }
    }
}

/// Called once a second, so many seconds after the start. One objective at a time: the box has other things to do.
pub(super) fn tick(inner: &Arc<Inner>, seconds: u64) {
    if inner.settings.scratch || !inner.settings.daemon && seconds < PATIENCE_S {
        return;
    }
    // Before something is measured, everything would have no data.
    if inner.telemetry.stored().samples == 0 {
        return;
    }
    let now_ms = inner.clock.now_ms();
    let mut desk = inner.sla.loaded(inner);
    let due = desk.all.iter_mut().filter(|live| measure::is_due(live, now_ms));
    let Some(live) = due.min_by_key(|live| live.evaluated_ms) else { return };
    let is_first = live.evaluated_ms == 0;
    match measure::measure(inner, live, now_ms) {
        Ok(()) => live.error.clear(),
        Err(error) => {
            if live.error != error {
                tracing::warn!(slo = live.objective.name, error, "an objective could not be measured");
            }
            live.error = error;
        }
    }
    live.evaluated_ms = now_ms;
    let counts = &live.counts;
    let of = |window: u64| counts.get(&window).copied().flatten();
    let Objective { target, least, window_ms, .. } = live.objective;
    live.verdict = live.error.is_empty().then(|| judge(target, least, of(window_ms), of));
    if !inner.modes.effects().has(Effect::ReadOnly) {
        violated(inner, live, is_first, now_ms);
    }
}

/// Opens an incident where a violation begins, and tells it where it ends.
fn violated(inner: &Inner, live: &mut Live, is_first: bool, now_ms: u64) {
    let Some(verdict) = live.verdict else { return };
    let key = format!("slo:{}", live.objective.name);
    if is_first {
        // What was told before the box was started is no news.
        live.since_ms = incidents::waits_since(inner, &key);
    }
    if live.since_ms.is_none()
        && let Some(alarm) = verdict.alarm
    {
        let (long, short) = (words::span(alarm.long_ms), words::span(alarm.short_ms));
        let why = format!("its budget is spent {} times too fast over {long} and {short}", alarm.factor);
        registry::burned(inner, &live.objective.name, &why, now_ms);
    }
    let done = match (verdict.violation(), live.since_ms) {
        (Some(severity), None) => {
            let Some(sign) = sign(live, &verdict, severity, key, now_ms) else {
                live.since_ms = Some(now_ms);
                return;
            };
            incidents::begins(inner, &sign).map(|()| live.since_ms = Some(now_ms))
        }
        (None, Some(_)) => {
            let text = format!("the objective is {} again", verdict.standing.name());
            incidents::ends(inner, &key, &text).map(|()| live.since_ms = None)
        }
        _ => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!(%error, slo = live.objective.name, "a violation could not be told; it is tried again");
    }
}

/// `None` where the objective says that it opens none.
fn sign(
    live: &Live,
    verdict: &Verdict,
    severity: Severity,
    key: String,
    now_ms: u64,
) -> Option<incidents::Sign> {
    let Objective { name, title, incident, .. } = &live.objective;
    if matches!(incident.as_str(), "no" | "none" | "false") {
        return None;
    }
    let burn = verdict.alarm.map_or_else(String::new, |alarm| {
        let (long, short) = (words::span(alarm.long_ms), words::span(alarm.short_ms));
        format!("; spent more than {} times too fast over {long} and {short}", alarm.factor)
    });
    let left = verdict.left.map_or_else(|| "unknown".to_owned(), |left| format!("{:.0} %", left * 100.0));
    Some(incidents::Sign {
        key,
        title: format!("Objective {name} is {}", verdict.standing.name()),
        kind: Kind::parse(incident).unwrap_or(Kind::Availability),
        severity,
        text: format!("{title}: left of the error budget {left}{burn}"),
        is_breach: false,
        links: Vec::new(),
        since_ms: now_ms,
    })
}
