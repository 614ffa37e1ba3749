//! Series for queries: blocks from the disk and the table in memory, the finest that there is of each time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::block::ABSENT;
use super::rollup::{Role, series_of};
use super::shelf::{self, BlockRef, Tier};
use super::telemetry::{HOUR_MS, SeriesError, Telemetry};
use crate::base::{InOrder, ordered_map};
use crate::observe::promql::{EvalFault, Labels, MatchOp, Matcher, Of, Sample, Series, Source, Wanted};
use crate::store::{Control, StoreError};

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

    fn has(self, role_key: u64, series: u32) -> bool {
        let is = |role: Role| role.key(series) == role_key;
        match self {
            Self::Value => is(Role::Value),
            Self::One(role) => is(role),
            Self::Average => is(Role::Sum) || is(Role::Count),
            Self::Best(role) => is(Role::Value) || is(role),
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
            Of::Last => Self::Value,
            Of::Least => Self::Best(Role::Least),
            Of::Greatest => Self::Best(Role::Greatest),
        }
    }
}

/// What a look at the state found: enough to read on without holding it.
struct Found {
    labels: BTreeMap<u32, Labels>,
    blocks: Vec<BlockRef>,
    store: Option<Arc<Control>>,
    /// From the table in memory, newest of all.
    newest: BTreeMap<u32, Vec<Sample>>,
    /// Where the raw and the middle tier begin.
    begins: [i64; 2],
    /// Until when there are hours.
    hours: i64,
}

impl Telemetry {
    fn find(&self, matchers: &[Matcher], after: i64, until: i64) -> Result<Found, SeriesError> {
        let mut state = self.state();
        self.open(&mut state, false)?;
        let numbers = state.index.matching(matchers);
        let named = |number: &u32| Some((*number, state.index.get(*number)?.labels.clone()));
        let labels: BTreeMap<u32, Labels> = ordered_map(numbers.iter().filter_map(named));
        let times = state.table.times();
        let first = times.partition_point(|time| *time <= after);
        let end = times.partition_point(|time| *time <= until).max(first);
        let mut newest = BTreeMap::new();
        for number in &numbers {
            let Some(column) = state.table.column(*number) else { continue };
            let rows = times.iter().zip(column).skip(first).take(end - first);
            newest.insert(*number, rows.filter_map(|(time, bits)| sample(*time, *bits)).collect());
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
        Ok(Found { labels, blocks, store, newest, begins: [raw, middle], hours })
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

fn sample(time: i64, bits: u64) -> Option<Sample> {
    (bits != ABSENT).then_some(Sample { time, value: f64::from_bits(bits) })
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

impl Found {
    /// Everything of one block that is wanted, behind what is known of each series.
    fn read(
        &self,
        read: &crate::store::ReadTransaction,
        reference: &BlockRef,
        part: Part,
        window: (i64, i64),
        into: &mut BTreeMap<u32, Vec<Sample>>,
    ) -> Result<usize, StoreError> {
        let wanted = |key: u64| {
            let series = series_of(key);
            part.has(key, series) && self.labels.contains_key(&series)
        };
        let block = shelf::columns(read, reference, &wanted)?;
        let mut count = 0;
        let mut columns = block.columns.into_iter().peekable();
        while let Some(mut column) = columns.next() {
            let series = series_of(column.key);
            // A sum is followed by its count.
            if part == Part::Average
                && let Some(counts) = columns.next_if(|next| series_of(next.key) == series)
            {
                for (sum, count) in column.values.iter_mut().zip(counts.values) {
                    if *sum != ABSENT && count != ABSENT {
                        *sum = (f64::from_bits(*sum) / f64::from_bits(count)).to_bits();
                    }
                }
            }
            // What is wanted of a point stands behind its last value.
            if matches!(part, Part::Best(_))
                && let Some(best) = columns.next_if(|next| series_of(next.key) == series)
            {
                column = best;
            }
            let samples = into.entry(series).or_default();
            let before = samples.len();
            let within = |time: &i64| *time > window.0 && *time <= window.1;
            let rows = block.times.iter().zip(&column.values).filter(|(time, _)| within(time));
            samples.extend(rows.filter_map(|(time, bits)| sample(*time, *bits)));
            count += samples.len() - before;
        }
        Ok(count)
    }
}

impl Source for Telemetry {
    fn select(&self, wanted: &Wanted<'_>) -> Result<Vec<Series>, EvalFault> {
        let Wanted { matchers, after, until, most, .. } = *wanted;
        let source = |error: &dyn std::fmt::Display| EvalFault::Source(error.to_string());
        let (asked, matchers): (Vec<Matcher>, Vec<Matcher>) =
            matchers.iter().cloned().partition(|m| m.name() == ROLLUP_LABEL && m.op() == MatchOp::Equal);
        let (part, widest) = match asked.first() {
            None => match self.widest(wanted.width) {
                Tier::Raw => (Part::Value, Tier::Raw),
                wider => (wanted.of.into(), wider),
            },
            Some(one) => {
                let part = Part::parse(one.value()).ok_or_else(|| {
                    EvalFault::Source(format!("{ROLLUP_LABEL} is one of last, min, max, sum, count, avg"))
                })?;
                (part, Tier::Raw)
            }
        };
        let mut found = self.find(&matchers, after, until).map_err(|error| source(&error))?;
        let mut all: BTreeMap<u32, Vec<Sample>> = BTreeMap::new();
        let mut count = 0;
        if let Some(store) = &found.store {
            let read = store.snapshot().map_err(|error| source(&error))?;
            // Coarse before fine, so that samples come by time.
            for tier in [Tier::Hour, Tier::Middle, Tier::Raw] {
                let window = window(tier, part, widest, &found, (after, until));
                if !part.is_of_samples() && tier == Tier::Raw || window.0 >= window.1 {
                    continue;
                }
                let of_tier = found
                    .blocks
                    .iter()
                    .filter(|block| block.tier == tier && block.end > window.0 && block.start <= window.1);
                for reference in of_tier {
                    match found.read(&read, reference, part, window, &mut all) {
                        Ok(more) => count += more,
                        Err(StoreError::Record(error)) => {
                            tracing::warn!(%error, start = reference.start, "a block of metrics is left out");
                        }
                        Err(error) => return Err(source(&error)),
                    }
                    if count > most {
                        return Err(EvalFault::TooMuch { what: "samples", most });
                    }
                }
            }
        }
        if part.is_of_samples() {
            for (series, samples) in std::mem::take(&mut found.newest) {
                count += samples.len();
                all.entry(series).or_default().extend(samples);
            }
        }
        if count > most {
            return Err(EvalFault::TooMuch { what: "samples", most });
        }
        Ok(series(all, &found.labels))
    }
}

fn series(all: BTreeMap<u32, Vec<Sample>>, labels: &BTreeMap<u32, Labels>) -> Vec<Series> {
    let one = |(number, mut samples): (u32, Vec<Sample>)| {
        // Only a clock that was set back makes it otherwise.
        let ordered = samples.windows(2).all(|pair| matches!(pair, [a, b] if a.time < b.time));
        if !ordered {
            samples.order_by_key(|sample| sample.time);
            samples.dedup_by_key(|sample| sample.time);
        }
        let labels = labels.get(&number)?.clone();
        (!samples.is_empty()).then_some(Series { labels, samples })
    };
    all.into_iter().filter_map(one).collect()
}
