//! Conditions of a promotion: figures in, a verdict with the figures out. Pure.

use bincode::{Decode, Encode};

use super::{Deed, Move};

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum GateState {
    Passed,
    Failed,
    /// There was nothing to measure.
    NotMeasured,
    NotConfigured,
}

impl GateState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotMeasured => "not measured",
            Self::NotConfigured => "not configured",
        }
    }
}

/// One condition, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Gate {
    pub name: String,
    pub state: GateState,
    /// With its figures.
    pub what: String,
}

impl Gate {
    /// A gate that passes or fails.
    #[must_use]
    pub fn of(name: &str, passed: bool, what: String) -> Self {
        let state = if passed { GateState::Passed } else { GateState::Failed };
        Self { name: name.to_owned(), state, what }
    }

    /// True where it is one of those that stand on figures, and there was nothing to take them from.
    #[must_use]
    pub fn lacks_figures(&self) -> bool {
        self.state == GateState::NotMeasured && ["quality", "latency", "memory"].contains(&self.name.as_str())
    }
}

/// Retrieval quality of one collection, by its judged questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    pub collection: String,
    pub questions: usize,
    /// Mean nDCG@10 of what answers now, and of the candidate.
    pub production: f64,
    pub candidate: f64,
}

/// Questions of a collection before their mean means something.
const QUESTIONS_LEAST: usize = 3;

/// No collection may be answered worse than now by more than the margin (parts of a thousand).
#[must_use]
#[allow(clippy::cast_precision_loss)] // parts of a thousand
pub fn quality(measured: &[Quality], margin: u64) -> Gate {
    let told = |one: &Quality| {
        format!(
            "{}: nDCG@10 {:.3} against {:.3} over {} questions",
            one.collection, one.candidate, one.production, one.questions
        )
    };
    let enough: Vec<&Quality> = measured.iter().filter(|one| one.questions >= QUESTIONS_LEAST).collect();
    if enough.is_empty() {
        let what = format!("no collection has {QUESTIONS_LEAST} judged questions (spud judge)");
        return Gate { name: "quality".into(), state: GateState::NotMeasured, what };
    }
    let margin = margin as f64 / 1000.0;
    let fine = enough.iter().all(|one| one.candidate >= one.production - margin - 1e-9);
    let figures: Vec<String> = enough.into_iter().map(told).collect();
    Gate::of("quality", fine, format!("{}; margin {margin:.3}", figures.join("; ")))
}

/// 95 of 100 questions take no longer than the target, all times in milliseconds.
#[must_use]
pub fn latency(p95_ms: Option<f64>, asked: usize, target_ms: u64) -> Gate {
    let Some(p95_ms) = p95_ms else {
        let what = "no question was there to ask".to_owned();
        return Gate { name: "latency".into(), state: GateState::NotMeasured, what };
    };
    #[allow(clippy::cast_precision_loss)] // milliseconds
    let fine = p95_ms <= target_ms as f64;
    Gate::of("latency", fine, format!("p95 {p95_ms:.1} ms over {asked} questions; target {target_ms} ms"))
}

/// The model and the codes that every question reads fit into what the tier gives the process, in bytes.
#[must_use]
pub fn memory(model: u64, codes: u64, total: u64) -> Gate {
    const MIB: u64 = 1 << 20;
    let needed = model.saturating_add(codes);
    let what = format!(
        "model {} MiB and codes {} MiB of {} MiB",
        model.div_ceil(MIB),
        codes.div_ceil(MIB),
        total / MIB
    );
    Gate::of("memory", needed <= total, what)
}

/// Every step before has its entry in the audit log, and each is proved. `missing` names those that have none, or
/// whose proof fails.
#[must_use]
pub fn evidence(proved: usize, missing: &[String]) -> Gate {
    let what = match missing {
        [] => format!("entries of its steps in the audit log, each proved: {proved}"),
        missing => format!("without evidence: {}", missing.join("; ")),
    };
    Gate::of("evidence", missing.is_empty(), what)
}

/// The model was in staging for so many hours; 0 hours ask for nothing.
#[must_use]
pub fn soak(hours: u64, staged_ms: Option<u64>, now_ms: u64) -> Gate {
    const HOUR_MS: u64 = 3_600_000;
    if hours == 0 {
        let what = "promotion.soak_hours is 0: no time in staging is asked for".to_owned();
        return Gate { name: "soak".into(), state: GateState::NotConfigured, what };
    }
    let Some(staged_ms) = staged_ms else {
        return Gate::of("soak", false, format!("it was never in staging; {hours} hours are asked for"));
    };
    let in_staging = now_ms.saturating_sub(staged_ms) / HOUR_MS;
    Gate::of("soak", in_staging >= hours, format!("{in_staging} of {hours} hours in staging"))
}

/// No critical incident is open; `open` are the ids of those that are.
#[must_use]
pub fn incidents(open: &[u64]) -> Gate {
    let ids: Vec<String> = open.iter().map(u64::to_string).collect();
    let what = match ids.as_slice() {
        [] => "no critical incident is open".to_owned(),
        ids => format!("open and critical: {}", ids.join(", ")),
    };
    Gate::of("incidents", open.is_empty(), what)
}

/// No use case that is served denies the model; `asked` is how many ask something of it.
#[must_use]
pub fn use_cases(asked: usize, denied: &[String]) -> Gate {
    if asked == 0 {
        let what = "no use case that is served names models or a quality".to_owned();
        return Gate { name: "use cases".into(), state: GateState::NotConfigured, what };
    }
    let what = if denied.is_empty() { format!("what {asked} of them ask for") } else { denied.join("; ") };
    Gate::of("use cases", denied.is_empty(), what)
}

/// Since when a model is in staging, by what happened to it, newest first: its first staging after it came or was put
/// away last.
#[must_use]
pub fn staged_since(moves: &[Move]) -> Option<u64> {
    let new = moves.iter().take_while(|one| !matches!(one.deed, Deed::Archived | Deed::Registered));
    new.filter(|one| one.deed == Deed::Staged).last().map(|one| one.at_ms)
}

/// When promotions may switch: days of the week (1 for Monday to 7) and hours, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    days: (u64, u64),
    hours: (u64, u64),
}

impl Window {
    /// Reads `1-5 8-16`: Monday to Friday, from 8:00 until before 16:00. Either end may come first: `6-1 22-4`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let range = |text: &str, most: u64| {
            let (from, to) = text.split_once('-')?;
            let (from, to) = (from.parse::<u64>().ok()?, to.parse::<u64>().ok()?);
            (from <= most && to <= most).then_some((from, to))
        };
        let (days, hours) = text.trim().split_once(' ')?;
        let days = range(days, 7).filter(|(from, to)| *from > 0 && *to > 0)?;
        Some(Self { days, hours: range(hours.trim(), 24)? })
    }

    /// Whether the time is in it.
    #[must_use]
    pub fn contains(&self, weekday: u64, hour: u64) -> bool {
        let (from, to) = self.days;
        let day = if from <= to { (from..=to).contains(&weekday) } else { weekday >= from || weekday <= to };
        let (from, to) = self.hours;
        let time = if from <= to { (from..to).contains(&hour) } else { hour >= from || hour < to };
        day && time
    }
}
