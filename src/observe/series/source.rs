//! Series for queries: blocks from the disk and the table in memory, the finest that there is of each time.

use std::sync::Arc;

use super::rollup::Role;
use super::shelf::{self, BlockReader, BlockRef, Tier};
use super::telemetry::{HOUR_MS, SeriesError, Telemetry};
use crate::base::InOrder;
use crate::observe::promql::{EvalFault, Hear, Labels, MatchOp, Matcher, Of, Sample, Series, Source, Wanted};
use crate::store::samples::{ABSENT, Key, Moments, by_time};
use crate::store::{Control, Kept, Rows, StoreError};

/// A matcher of this label asks for a part of rolled-up points in place of their last value:
/// `{__rollup__="max"}`, or min, sum, count, avg.
pub const ROLLUP_LABEL: &str = "__rollup__";

/// What of a point is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Of any tier.
    Value,
    /// Of rolled-up points only.
    One(Role),
    Average,
    /// This of points that have it, and what the others are.
    Best(Role),
}

impl Part {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "last" => Self::Value,
            "min" => Self::One(Role::Least),
            "max" => Self::One(Role::Greatest),
            "sum" => Self::One(Role::Sum),
            "count" => Self::One(Role::Count),
            "avg" => Self::Average,
            _ => return None,
        })
    }

    /// The columns that it is made of, by key. A second one takes the place of the first where it is there.
    fn roles(self) -> (Role, Option<Role>) {
        match self {
            Self::Value => (Role::Value, None),
            Self::One(role) => (role, None),
            Self::Average => (Role::Sum, Some(Role::Count)),
            Self::Best(role) => (Role::Value, Some(role)),
        }
    }

    /// True where samples that are no points answer, too.
    fn is_of_samples(self) -> bool {
        matches!(self, Self::Value | Self::Best(_))
    }
}

impl From<Of> for Part {
    fn from(of: Of) -> Self {
        match of {
            Of::Last | Of::Rise => Self::Value,
            Of::Least => Self::Best(Role::Least),
            Of::Greatest => Self::Best(Role::Greatest),
        }
    }
}

/// What a look at the state found: enough to read on without holding it.
struct Found {
    /// By their labels, and the number of each; samples are not known yet.
    series: Vec<Series>,
    numbers: Vec<u32>,
    blocks: Vec<BlockRef>,
    store: Option<Arc<Control>>,
    /// From the table in memory, newest of all; for each of the series.
    newest: Vec<Vec<Sample>>,
    /// Of how many of the series points are those of counters.
    counters: usize,
    /// Where the raw and the middle tier begin.
    begins: [i64; 2],
    /// Until when there are hours.
    hours: i64,
}

impl Telemetry {
    fn find(&self, wanted: &Wanted<'_>, matchers: &[Matcher]) -> Result<Found, SeriesError> {
        let mut state = self.state();
        self.open(&mut state, false)?;
        let Wanted { after, until, .. } = *wanted;
        let moments = Moments::new(state.table.times(), (after, until), wanted.steps);
        let (mut found, mut counters) = (Vec::new(), 0);
        for number in state.index.matching(matchers) {
            let Some(known) = state.index.get(number) else { continue };
            counters += usize::from(known.rises);
            let mut samples = Vec::new();
            if let Some(column) = state.table.column(number) {
                moments.take(state.table.times(), column, &mut samples);
            }
            found.push((Series { labels: known.labels.clone(), samples: Vec::new() }, (number, samples)));
        }
        let begin = |tier: Tier| {
            let blocks = state.blocks.iter().filter(|block| block.tier == tier);
            blocks.map(|block| block.start).min()
        };
        let raw = begin(Tier::Raw).or(state.table.first_time()).unwrap_or(i64::MAX);
        let middle = begin(Tier::Middle).unwrap_or(raw).min(raw);
        let of_hours = state.blocks.iter().filter(|block| block.tier == Tier::Hour);
        let hours = of_hours.map(|block| block.end).max().unwrap_or(i64::MIN);
        let blocks = state.blocks.iter().filter(|block| block.end > after && block.start <= until);
        let (blocks, store) = (blocks.copied().collect(), state.store.clone());
        drop(state);
        found.order_by(|(a, _), (b, _)| a.labels.cmp(&b.labels));
        let (series, known): (_, Vec<_>) = found.into_iter().unzip();
        let (numbers, newest) = known.into_iter().unzip();
        Ok(Found { series, numbers, blocks, store, newest, counters, begins: [raw, middle], hours })
    }

    /// The widest points that are no wider than this.
    fn widest(&self, width: i64) -> Tier {
        match width {
            width if width >= HOUR_MS => Tier::Hour,
            width if width >= self.middle_ms() => Tier::Middle,
            _ => Tier::Raw,
        }
    }

    /// Labels of the series that were there at or after a time (milliseconds) and that all matchers accept.
    ///
    /// # Errors
    /// [`SeriesError`].
    pub fn labels_of(&self, matchers: &[Matcher], from: i64) -> Result<Vec<Labels>, SeriesError> {
        let mut state = self.state();
        self.open(&mut state, false)?;
        let fits = |labels: &Labels| matchers.iter().all(|matcher| matcher.matches(labels));
        let known = state.index.each().filter(|(_, known)| known.seen >= from && fits(&known.labels));
        Ok(known.map(|(_, known)| known.labels.clone()).collect())
    }
}

/// First (excluded) and last time that are taken from a tier whose points may be as wide as those of `widest`: each
/// finer tier takes over where it begins, or where the wider ones end.
fn window(tier: Tier, part: Part, widest: Tier, found: &Found, (after, until): (i64, i64)) -> (i64, i64) {
    let [raw, middle] = found.begins.map(|begin| begin.saturating_sub(1));
    match (tier, part) {
        // What is raw on the disk was rolled up when it was written.
        (Tier::Raw, _) if widest != Tier::Raw => (until, until),
        (Tier::Middle, _) if widest == Tier::Middle => (after, until),
        (Tier::Middle, _) if widest == Tier::Hour => (after.max(found.hours), until),
        (Tier::Hour, _) if widest == Tier::Hour => (after, until),
        (Tier::Raw, _) => (after, until),
        (Tier::Middle, Part::Value) => (after, until.min(raw)),
        (Tier::Middle, _) => (after, until),
        (Tier::Hour, Part::Value) => (after, until.min(middle).min(raw)),
        (Tier::Hour, _) => (after, until.min(middle)),
    }
}

/// The blocks that are read one after another, and the window of each: coarse before fine, so that samples come by
/// time.
fn plan(found: &Found, part: Part, widest: Tier, whole: (i64, i64)) -> Vec<(BlockRef, (i64, i64))> {
    let mut plan = Vec::new();
    for tier in [Tier::Hour, Tier::Middle, Tier::Raw] {
        let (after, until) = window(tier, part, widest, found, whole);
        if part.is_of_samples() || tier != Tier::Raw {
            let is_wanted = |block: &&BlockRef| {
                block.tier == tier && block.end > after && block.start <= until && after < until
            };
            plan.extend(found.blocks.iter().filter(is_wanted).map(|block| (*block, (after, until))));
        }
    }
    plan
}

/// True where each block, and what is newest of all, comes behind what is read before it. Only a clock that was set back
/// makes it otherwise.
fn rises(plan: &[(BlockRef, (i64, i64))], newest: &[Vec<Sample>]) -> bool {
    let span = |(block, (after, until)): &(BlockRef, (i64, i64))| {
        (block.start.max(after.saturating_add(1)), block.end.min(*until))
    };
    let newest = newest.iter().filter_map(|samples| Some((samples.first()?.time, samples.last()?.time)));
    let newest = newest.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    plan.iter().map(span).chain(newest).is_sorted_by(|before, next| before.1 < next.0)
}

/// Reads what is wanted of one block after another, behind what is known of each series.
struct Reading<'a, K: Kept> {
    blocks: BlockReader<'a, K>,
    part: Part,
    /// Of each series one or two, and whose each is.
    keys: Vec<Key>,
    whose: Vec<(usize, bool)>,
    steps: Option<(i64, i64)>,
    /// Samples of each series before the block.
    before: Vec<usize>,
    /// A sum, until its count comes.
    sums: Vec<u64>,
}

impl<'a, K: Kept> Reading<'a, K> {
    fn new(pieces: &'a Rows<K>, part: Part, steps: Option<(i64, i64)>, numbers: &[u32]) -> Self {
        let (first, second) = part.roles();
        let columns = numbers.iter().enumerate().flat_map(|(at, number)| {
            let second = second.map(|role| (role.key(*number), (at, true)));
            std::iter::once((first.key(*number), (at, false))).chain(second)
        });
        let mut columns: Vec<(Key, (usize, bool))> = columns.collect();
        columns.order();
        let (keys, whose) = columns.into_iter().unzip();
        let blocks = BlockReader::new(pieces);
        Self { blocks, part, keys, whose, steps, before: Vec::new(), sums: Vec::new() }
    }

    /// How many samples came.
    fn read(
        &mut self,
        reference: &BlockRef,
        window: (i64, i64),
        series: &mut [Series],
    ) -> Result<usize, StoreError> {
        let head = self.blocks.head(reference)?;
        let moments = Moments::new(&head.times, window, self.steps);
        let Self { part, keys, whose, before, sums, .. } = self;
        before.clear();
        before.extend(series.iter().map(|one| one.samples.len()));
        let mut count = 0;
        self.blocks.columns(reference, &head, keys, &mut |place, values| {
            let Some((at, is_second)) = whose.get(place).copied() else { return };
            let (Some(one), Some(before)) = (series.get_mut(at), before.get(at)) else { return };
            count -= one.samples.len() - before;
            one.samples.truncate(*before);
            let values = match part {
                Part::Average => average(sums, values, is_second),
                _ => values,
            };
            moments.take(&head.times, values, &mut one.samples);
            count += one.samples.len() - before;
        })?;
        Ok(count)
    }
}

/// Keeps sums, and makes averages of them when their counts come: they stand behind each other.
fn average<'a>(sums: &'a mut Vec<u64>, values: &[u64], are_counts: bool) -> &'a [u64] {
    if !are_counts {
        sums.clear();
        sums.extend_from_slice(values);
    }
    for (sum, count) in sums.iter_mut().zip(values).filter(|_| are_counts) {
        if *sum != ABSENT && *count != ABSENT {
            *sum = (f64::from_bits(*sum) / f64::from_bits(*count)).to_bits();
        }
    }
    sums
}

impl Telemetry {
    /// What is to be read of points, how wide those may be, and the matchers of labels that are none of ours.
    fn asked(&self, wanted: &Wanted<'_>) -> Result<(Part, Tier, Vec<Matcher>), EvalFault> {
        let (asked, matchers): (Vec<Matcher>, Vec<Matcher>) = wanted
            .matchers
            .iter()
            .cloned()
            .partition(|m| m.name() == ROLLUP_LABEL && m.op() == MatchOp::Equal);
        let Some(one) = asked.first() else {
            return Ok(match self.widest(wanted.width) {
                Tier::Raw => (Part::Value, Tier::Raw, matchers),
                wider => (wanted.of.into(), wider, matchers),
            });
        };
        let part = Part::parse(one.value()).ok_or_else(|| {
            EvalFault::Source(format!("{ROLLUP_LABEL} is one of last, min, max, sum, count, avg"))
        })?;
        Ok((part, Tier::Raw, matchers))
    }

    /// Adds what is in blocks, and says so after each; gives how many samples are held at last.
    fn read_blocks(
        &self,
        found: &Found,
        (part, widest): (Part, Tier),
        wanted: &Wanted<'_>,
        series: &mut [Series],
        heard: &mut Hear<'_>,
    ) -> Result<usize, EvalFault> {
        let view = found.store.as_ref().map(|store| store.snapshot()).transpose().map_err(fault)?;
        let pieces = view.as_ref().map(shelf::pieces).transpose().map_err(fault)?.flatten();
        let Some(pieces) = pieces else { return Ok(0) };
        let mut reading = Reading::new(&pieces, part, wanted.steps, &found.numbers);
        let mut held = 0;
        let plan = plan(found, part, widest, (wanted.after, wanted.until));
        let is_ordered = rises(&plan, &found.newest);
        for (block, window) in &plan {
            if (wanted.late)() {
                return Err(EvalFault::TimedOut);
            }
            match reading.read(block, *window, series) {
                Ok(more) => held += more,
                Err(StoreError::Record(error)) => {
                    tracing::warn!(%error, start = block.start, "a block of metrics is left out");
                }
                Err(error) => return Err(fault(error)),
            }
            if held > wanted.most {
                return Err(EvalFault::TooMuch { what: "samples", most: wanted.most });
            }
            if is_ordered {
                heard(series)?;
                held = series.iter().map(|one| one.samples.len()).sum();
            }
        }
        Ok(held)
    }
}

fn fault(error: impl std::fmt::Display) -> EvalFault {
    EvalFault::Source(error.to_string())
}

impl Source for Telemetry {
    fn select(&self, wanted: &Wanted<'_>, heard: &mut Hear<'_>) -> Result<Vec<Series>, EvalFault> {
        let (mut part, mut widest, matchers) = self.asked(wanted)?;
        let mut found = self.find(wanted, &matchers).map_err(fault)?;
        // A counter's point does not know its least value, and no other's what fell within it.
        let is_lost = match wanted.of {
            Of::Least => found.counters > 0,
            Of::Rise => found.counters < found.series.len(),
            Of::Last | Of::Greatest => false,
        };
        if is_lost && widest != Tier::Raw {
            (part, widest) = (Part::Value, Tier::Raw);
        }
        let mut series = std::mem::take(&mut found.series);
        let mut held = self.read_blocks(&found, (part, widest), wanted, &mut series, heard)?;
        if part.is_of_samples() {
            for (one, mut samples) in series.iter_mut().zip(found.newest) {
                held += samples.len();
                one.samples.append(&mut samples);
            }
        }
        if held > wanted.most {
            return Err(EvalFault::TooMuch { what: "samples", most: wanted.most });
        }
        // No more than a look where they are in order.
        series.iter_mut().for_each(|one| by_time(&mut one.samples));
        Ok(series)
    }
}
