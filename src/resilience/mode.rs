//! The words: modes, axes, effects, criticality, and what is measured.

use super::ResilienceError;

/// How much the box gives up, mildest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    #[default]
    Normal,
    ReducedPerformance,
    LocalQueue,
    SelectiveProcessing,
    MemoryConstrained,
    Emergency,
}

impl Mode {
    pub const ALL: [Self; 6] = [
        Self::Normal,
        Self::ReducedPerformance,
        Self::LocalQueue,
        Self::SelectiveProcessing,
        Self::MemoryConstrained,
        Self::Emergency,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ReducedPerformance => "reduced_performance",
            Self::LocalQueue => "local_queue",
            Self::SelectiveProcessing => "selective_processing",
            Self::MemoryConstrained => "memory_constrained",
            Self::Emergency => "emergency",
        }
    }

    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::ReducedPerformance => "Reduced Performance",
            Self::LocalQueue => "Local Queue",
            Self::SelectiveProcessing => "Selective Processing",
            Self::MemoryConstrained => "Memory Constrained",
            Self::Emergency => "Emergency",
        }
    }

    /// As people write it: a name, its first or last word, any case, `-`, `_` or spaces.
    ///
    /// # Errors
    /// [`ResilienceError::NoMode`].
    pub fn parse(text: &str) -> Result<Self, ResilienceError> {
        let word = text.trim().to_lowercase().replace(['-', ' '], "_");
        let named = |mode: &&Self| {
            let mut parts = mode.name().split('_');
            !word.is_empty() && (mode.name() == word || parts.any(|part| part == word))
        };
        Self::ALL.iter().find(named).copied().ok_or_else(|| ResilienceError::NoMode(text.trim().to_owned()))
    }

    /// The mode of this number, as records keep it.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// What this mode adds to milder ones.
    #[must_use]
    pub fn own_effects(self) -> Effects {
        use Effect as E;
        Effects::of(match self {
            Self::Normal => &[],
            Self::ReducedPerformance => &[E::FewerCandidates, E::NoRescoring, E::PauseBackground],
            Self::LocalQueue => &[E::QueueUpstream],
            Self::SelectiveProcessing => &[E::ShedSheddable, E::ShedBatch],
            Self::MemoryConstrained => &[E::DropCaches, E::BatchOfOne],
            Self::Emergency => &[
                E::PauseBackground,
                E::ShedSheddable,
                E::ShedBatch,
                E::RefuseIngest,
                E::ReadOnly,
                E::ReleaseBallast,
            ],
        })
    }

    /// What this mode and every milder one do, for a mode that was chosen by hand.
    #[must_use]
    pub fn all_effects(self) -> Effects {
        let milder = Self::ALL.into_iter().filter(|mode| *mode <= self);
        milder.fold(Effects::default(), |all, mode| all.with(mode.own_effects()))
    }
}

/// What can be short; each has its own ladder of modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    Latency,
    Errors,
    Upstream,
    Memory,
    Disk,
    Thermal,
    Store,
}

impl Axis {
    pub const ALL: [Self; 7] =
        [Self::Latency, Self::Errors, Self::Upstream, Self::Memory, Self::Disk, Self::Thermal, Self::Store];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::Upstream => "upstream",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Thermal => "thermal",
            Self::Store => "store",
        }
    }

    /// The modes this axis can bring about, mildest first.
    #[must_use]
    pub fn ladder(self) -> &'static [Mode] {
        use Mode as M;
        match self {
            Self::Latency => &[M::ReducedPerformance, M::SelectiveProcessing],
            Self::Errors => &[M::ReducedPerformance, M::SelectiveProcessing, M::Emergency],
            Self::Upstream => &[M::LocalQueue, M::SelectiveProcessing],
            Self::Memory => &[M::MemoryConstrained, M::Emergency],
            Self::Disk => &[M::SelectiveProcessing, M::Emergency],
            Self::Thermal => &[M::ReducedPerformance],
            Self::Store => &[M::Emergency],
        }
    }

    /// True where no forced mode may hide the Emergency: going on would lose what is kept.
    #[must_use]
    pub fn is_guard(self) -> bool {
        matches!(self, Self::Disk | Self::Store)
    }

    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// One thing that is done differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    FewerCandidates,
    NoRescoring,
    PauseBackground,
    QueueUpstream,
    ShedSheddable,
    ShedBatch,
    DropCaches,
    BatchOfOne,
    RefuseIngest,
    ReadOnly,
    ReleaseBallast,
}

impl Effect {
    pub const ALL: [Self; 11] = [
        Self::FewerCandidates,
        Self::NoRescoring,
        Self::PauseBackground,
        Self::QueueUpstream,
        Self::ShedSheddable,
        Self::ShedBatch,
        Self::DropCaches,
        Self::BatchOfOne,
        Self::RefuseIngest,
        Self::ReadOnly,
        Self::ReleaseBallast,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FewerCandidates => "fewer_candidates",
            Self::NoRescoring => "no_rescoring",
            Self::PauseBackground => "pause_background",
            Self::QueueUpstream => "queue_upstream",
            Self::ShedSheddable => "shed_sheddable",
            Self::ShedBatch => "shed_batch",
            Self::DropCaches => "drop_caches",
            Self::BatchOfOne => "batch_of_one",
            Self::RefuseIngest => "refuse_ingest",
            Self::ReadOnly => "read_only",
            Self::ReleaseBallast => "release_ballast",
        }
    }

    /// Two or three words for a banner.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::FewerCandidates => "fewer candidates",
            Self::NoRescoring => "no rescoring",
            Self::PauseBackground => "indexing paused",
            Self::QueueUpstream => "upstream queued",
            Self::ShedSheddable => "sheddable refused",
            Self::ShedBatch => "batch refused",
            Self::DropCaches => "cache off",
            Self::BatchOfOne => "small batches",
            Self::RefuseIngest => "no ingest",
            Self::ReadOnly => "read only",
            Self::ReleaseBallast => "ballast released",
        }
    }

    /// One sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::FewerCandidates => "Questions look at a quarter of the usual candidates.",
            Self::NoRescoring => "Coarse candidates are rescored only as far as needed.",
            Self::PauseBackground => "Jobs, merges and watched folders wait; nothing of them is lost.",
            Self::QueueUpstream => "What goes upstream waits in the queue; search stays local.",
            Self::ShedSheddable => "Requests with X-Criticality: sheddable are refused with Retry-After.",
            Self::ShedBatch => "Requests with X-Criticality: batch are refused with Retry-After.",
            Self::DropCaches => {
                "Answers kept in memory are dropped, and the store is opened again with a small cache."
            }
            Self::BatchOfOne => "Indexing commits after each document and holds little.",
            Self::RefuseIngest => "Adding, re-indexing and importing are refused with the reason.",
            Self::ReadOnly => "Questions are answered and leave nothing on disk.",
            Self::ReleaseBallast => "The ballast file is given up, so that deletes have room.",
        }
    }
}

/// A set of effects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Effects(u16);

impl Effects {
    #[must_use]
    pub fn of(effects: &[Effect]) -> Self {
        Self(effects.iter().fold(0, |bits, effect| bits | 1 << (*effect as u16)))
    }

    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn has(self, effect: Effect) -> bool {
        self.0 & (1 << (effect as u16)) != 0
    }

    /// As a number, for an atomic.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    pub fn iter(self) -> impl Iterator<Item = Effect> {
        Effect::ALL.into_iter().filter(move |effect| self.has(*effect))
    }
}

/// How much a request matters to the one who sent it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    Batch,
    Sheddable,
    #[default]
    Default,
    Critical,
}

impl Criticality {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "default" => Self::Default,
            "sheddable" => Self::Sheddable,
            "batch" => Self::Batch,
            _ => return None,
        })
    }

    /// True when a box with these effects turns such a request away.
    #[must_use]
    pub fn is_shed(self, effects: Effects) -> bool {
        match self {
            Self::Critical | Self::Default => false,
            Self::Sheddable => effects.has(Effect::ShedSheddable),
            Self::Batch => effects.has(Effect::ShedBatch),
        }
    }
}

/// What was measured at one moment. `None` means that there was nothing to measure.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Inputs {
    /// 95th percentile of the questions of the window.
    pub p95_us: Option<u64>,
    /// Percent of the questions of the window that failed through no fault of their own.
    pub errors_percent: Option<f64>,
    /// A dependency's breaker is open.
    pub breaker_open: bool,
    /// Percent of what the queue may hold.
    pub backlog_percent: f64,
    /// Percent of the budget, or of the cgroup's limit: the larger.
    pub memory_percent: f64,
    /// Percent of the last 10 s in which some, or all, work waited for memory (PSI).
    pub pressure_some: f64,
    pub pressure_full: f64,
    /// The kernel killed in this cgroup since the step before.
    pub out_of_memory: bool,
    pub disk_free: u64,
    /// 0 when it is not known.
    pub disk_total: u64,
    pub temperature_c: Option<f64>,
    /// A store refuses everything until it is opened again.
    pub store_failed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_named_as_people_write_them() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.name()).unwrap(), mode);
            assert_eq!(Mode::parse(mode.title()).unwrap(), mode);
            assert_eq!(Mode::from_number(mode as u8), Some(mode));
        }
        assert_eq!(Mode::parse("reduced").unwrap(), Mode::ReducedPerformance);
        assert_eq!(Mode::parse(" EMERGENCY ").unwrap(), Mode::Emergency);
        assert_eq!(Mode::parse("queue").unwrap(), Mode::LocalQueue);
        assert!(Mode::parse("").is_err() && Mode::parse("panic").is_err());
    }

    #[test]
    fn effects_are_sets() {
        let all = Mode::Emergency.all_effects();
        assert_eq!(all.iter().count(), Effect::ALL.len(), "Emergency by hand gives up everything");
        assert_eq!(Effects::from_bits(all.bits()), all);
        assert!(Mode::Normal.all_effects().iter().next().is_none());
        let selective = Mode::SelectiveProcessing.own_effects();
        assert!(Criticality::Batch.is_shed(selective) && Criticality::Sheddable.is_shed(selective));
        assert!(!Criticality::Default.is_shed(all) && !Criticality::Critical.is_shed(all));
    }

    #[test]
    fn ladders_ascend() {
        for axis in Axis::ALL {
            assert!(axis.ladder().windows(2).all(|pair| pair[0] < pair[1]), "{axis:?}");
            assert_eq!(Axis::from_number(axis as u8), Some(axis));
        }
    }
}
