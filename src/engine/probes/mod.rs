//! Probes at work: due ones are run by a few threads that live while there is something to look at; what comes of
//! them is told to the log, to health and to the metrics.

mod load;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub use load::check as check_probes;

use super::EngineError;
use super::metrics::of;
use super::run::Inner;
use crate::api::types::{Probe as Words, ProbeList};
use crate::base::spawn;
use crate::observe::health::Finding;
use crate::observe::metric::{Family, Kind, Point, Reading};
use crate::observe::probe::{Check, Course, Looked, Phase, Probe, run};

/// Looks that run at the same time: one that waits for its deadline does not hold up all others.
const WORKERS: usize = 3;
const STACK_KB: usize = 256;
const ADVICE: &str = "spud probe list";

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeAction {
    List,
    /// Look now, by name. It counts as no result.
    Test(String),
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum ProbeReply {
    List(ProbeList),
    One(Box<Words>),
}

/// A probe with what became of it.
struct Live {
    file: String,
    probe: Probe,
    course: Course,
    /// Somebody looks just now.
    busy: bool,
    last: Option<Looked>,
    /// Of a target, at the last scrape.
    samples: usize,
}

#[derive(Default)]
struct Desk {
    loaded: bool,
    all: Vec<Live>,
    problems: Vec<String>,
    workers: usize,
    /// Since when something is known of each.
    settled_ms: Option<u64>,
}

impl Desk {
    fn due(&self, now_ms: u64) -> impl Iterator<Item = usize> {
        let due = move |live: &Live| !live.busy && live.course.is_due(live.probe.rhythm, now_ms);
        self.all.iter().enumerate().filter(move |(_, live)| due(live)).map(|(at, _)| at)
    }
}

/// Probes of a box.
#[derive(Default)]
pub(super) struct Probes {
    desk: Mutex<Desk>,
}

impl Probes {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files are read again at the next tick.
    pub(super) fn reload(&self) {
        self.desk().loaded = false;
    }

    fn loaded(&self, inner: &Inner) -> MutexGuard<'_, Desk> {
        let mut desk = self.desk();
        load::ensure(inner, &mut desk);
        desk
    }

    /// For how long something has been known of every probe and target.
    pub(super) fn settled_for_ms(&self, now_ms: u64) -> u64 {
        let mut desk = self.desk();
        let is_known = |live: &Live| match live.probe.check {
            Check::Scrape { .. } => live.last.is_some(),
            _ => live.course.phase != Phase::Unknown,
        };
        if desk.all.is_empty() {
            return u64::MAX;
        }
        if desk.settled_ms.is_none() && desk.all.iter().all(is_known) {
            desk.settled_ms = Some(now_ms);
        }
        desk.settled_ms.map_or(0, |at_ms| now_ms.saturating_sub(at_ms))
    }

    /// Those that answering hangs on, or all others; of targets the metrics tell.
    pub(super) fn findings(&self, critical: bool) -> Vec<Finding> {
        let desk = self.desk();
        let told = desk.all.iter().filter(|live| {
            let is_target = matches!(live.probe.check, Check::Scrape { .. });
            live.probe.critical == critical && !is_target && live.course.phase != Phase::Unknown
        });
        told.map(finding).collect()
    }

    /// How probes stand, as metrics of the box.
    #[allow(clippy::cast_precision_loss)] // counts and microseconds stay below 2^53
    pub(super) fn measured(&self, mut put: impl FnMut(&'static str, &[(&'static str, &str)], f64)) {
        let desk = self.desk();
        for live in &desk.all {
            let (name, kind) = (("probe", live.probe.name.as_str()), ("kind", live.probe.check.kind()));
            let (Some(last), false) = (&live.last, matches!(live.probe.check, Check::Scrape { .. })) else {
                continue;
            };
            if live.course.phase != Phase::Unknown {
                put(of::PROBE_UP, &[name, kind], f64::from(u8::from(live.course.phase == Phase::Up)));
            }
            put(of::PROBE_SECONDS, &[name], last.took_us as f64 / 1e6);
            if let Some(value) = last.value {
                put(of::PROBE_VALUE, &[name, kind], value);
            }
            let bad = live.course.failed;
            put(of::PROBE_RUNS, &[name, ("outcome", "good")], (live.course.runs - bad) as f64);
            put(of::PROBE_RUNS, &[name, ("outcome", "bad")], bad as f64);
        }
    }

    /// What Prometheus says of each of its targets.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn families(&self) -> Vec<Family> {
        let desk = self.desk();
        let mut all: Vec<Family> = ["up", "scrape_duration_seconds", "scrape_samples_scraped"]
            .into_iter()
            .map(|name| Family {
                name: name.into(),
                kind: Kind::Gauge,
                unit: "".into(),
                help: "".into(),
                points: Vec::new(),
            })
            .collect();
        for live in &desk.all {
            let (Check::Scrape { place, .. }, Some(last)) = (&live.probe.check, &live.last) else { continue };
            let own = live.probe.labels.iter().map(|(name, value)| (name.clone().into(), value.clone()));
            let named = [("job".into(), live.probe.name.clone()), ("instance".into(), place.instance())];
            let labels: Vec<_> = named.into_iter().chain(own).collect();
            let values = [f64::from(u8::from(last.good)), last.took_us as f64 / 1e6, live.samples as f64];
            for (family, value) in all.iter_mut().zip(values) {
                family.points.push(Point { labels: labels.clone(), reading: Reading::Number(value) });
            }
        }
        all.retain(|family| !family.points.is_empty());
        all
    }
}

fn finding(live: &Live) -> Finding {
    let name = format!("probe:{}", live.probe.name);
    let seen = live.last.as_ref().map_or("", |last| last.what.as_str());
    // What a program wrote is for those who may see probes.
    let said = if matches!(live.probe.check, Check::Exec(_)) {
        seen.split(':').next().unwrap_or(seen)
    } else {
        seen
    };
    let finding = match (live.course.phase, live.probe.critical) {
        (Phase::Down, true) => Finding::fail(name, said, ADVICE),
        (Phase::Down, false) => Finding::warn(name, said, ADVICE),
        _ => Finding::pass(name, said),
    };
    if live.probe.critical { finding.gating() } else { finding }
}

/// Called once a second by a daemon: starts who looks, where a look is due.
pub(super) fn tick(inner: &Arc<Inner>) {
    if inner.settings.scratch {
        return;
    }
    let mut desk = inner.probes.loaded(inner);
    let due = desk.due(inner.clock.now_ms()).count();
    for _ in desk.workers..WORKERS.min(desk.workers + due) {
        let weak = Arc::downgrade(inner);
        match spawn("probe", STACK_KB, move || work(&weak)) {
            Ok(_) => desk.workers += 1,
            Err(error) => tracing::warn!(%error, "probes have to wait"),
        }
    }
}

/// The box is held only between two looks: one that is on its way does not keep it from stopping.
fn work(weak: &Weak<Inner>) {
    loop {
        let Some(inner) = weak.upgrade() else { return };
        let now_ms = inner.clock.now_ms();
        let next = {
            let mut desk = inner.probes.desk();
            let next = desk.due(now_ms).next().filter(|_| !inner.is_stopping());
            let live = next.and_then(|at| desk.all.get_mut(at));
            let probe = live.map(|live| {
                live.busy = true;
                live.probe.clone()
            });
            desk.workers -= usize::from(probe.is_none());
            probe
        };
        let Some(probe) = next else { return };
        drop(inner);
        let looked = run(&probe, now_ms);
        let Some(inner) = weak.upgrade() else { return };
        settle(&inner, &probe, looked);
    }
}

fn source(name: &str) -> String {
    format!("scrape {name}")
}

fn settle(inner: &Inner, probe: &Probe, mut looked: Looked) {
    let now_ms = inner.clock.now_ms();
    let samples = std::mem::take(&mut looked.samples);
    let count = samples.len();
    if matches!(probe.check, Check::Scrape { .. }) {
        let source = source(&probe.name);
        match inner.intake.intake.replace(&source, samples, now_ms) {
            Ok(_) if looked.good => {}
            Ok(_) => inner.intake.intake.forget(&source),
            Err(error) => (looked.good, looked.what) = (false, error.to_string()),
        }
    }
    let mut desk = inner.probes.desk();
    // Where it was changed meanwhile, the one that is there now looks for itself.
    let Some(live) = desk.all.iter_mut().find(|live| live.busy && live.probe == *probe) else { return };
    live.busy = false;
    live.samples = if looked.good { count } else { 0 };
    if let Some(change) = live.course.step(probe.rhythm, looked.good, now_ms) {
        let (name, kind, what) = (probe.name.as_str(), probe.check.kind(), looked.what.as_str());
        match (change.from, change.to) {
            (_, Phase::Down) => tracing::warn!(name, kind, what, "a probe is down"),
            (Phase::Down, _) => tracing::info!(name, kind, what, "a probe is up again"),
            _ => tracing::info!(name, kind, what, "a probe is up"),
        }
    }
    live.last = Some(looked);
}

/// Does what is asked.
pub(super) fn act(inner: &Inner, action: &ProbeAction) -> Result<ProbeReply, EngineError> {
    match action {
        ProbeAction::List => {
            let desk = inner.probes.loaded(inner);
            let items = desk.all.iter().map(words::of).collect();
            Ok(ProbeReply::List(ProbeList { items, problems: desk.problems.clone() }))
        }
        ProbeAction::Test(name) => {
            let desk = inner.probes.loaded(inner);
            let live = desk.all.iter().find(|live| live.probe.name == *name);
            let (mut words, probe) =
                live.map(|live| (words::of(live), live.probe.clone())).ok_or_else(|| {
                    EngineError::NotFound {
                        noun: "probe",
                        name: name.chars().take(64).collect(),
                        advice: "`spud probe list` shows what there is".into(),
                    }
                })?;
            drop(desk);
            let now_ms = inner.clock.now_ms();
            words::seen(&mut words, &run(&probe, now_ms), now_ms);
            Ok(ProbeReply::One(Box::new(words)))
        }
    }
}
