//! Records rows, and decides when a block is written.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::head::{Change, Table};
use super::index::{Index, Known, LABEL_BYTES, LABELS_MOST};
use super::plan::{BLOCK_SAMPLES, Plan};
use super::rollup::rolled;
use super::rows;
use super::shelf::{self, BlockRef, Tier};
use super::tail::Tail;
use crate::base::InOrder;
use crate::observe::metric::Family;
use crate::observe::promql::{Labels, METRIC_NAME};
use crate::store::salvage::look;
use crate::store::{Control, StoreError, Written, was_left_open};

const STORE: &str = "telemetry.redb";
const TAIL: &str = "telemetry.tail";
/// What a damaged store is renamed to; an older one of this name goes.
const ASIDE: &str = "telemetry.redb.damaged";
pub(super) const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Rows that came within this time share a sync: a cut of the power loses no more.
const SYNC_MS: i64 = 10_000;
/// What was known when the box stopped is still believed for so long, as Prometheus believes a sample.
const CARRIES_MS: i64 = 5 * MINUTE_MS;
/// A block is written after so long, if it has the samples that make it worth a commit, or after the other at last.
const BLOCK_MS: i64 = 10 * MINUTE_MS;
const BLOCK_LAST_MS: i64 = 2 * HOUR_MS;
const TAIL_BYTES: u64 = 1 << 20;
/// Of the bytes for metrics, what samples may take, in percent: redb's file was measured at twice its rows.
const DATA_PART: u64 = 50;
/// Unit in which the kernel tells what a file takes (stat(2)).
const DISK_BLOCK: u64 = 512;
/// Page cache of the store: the points of a day of 500 series, which a graph reads again with every refresh.
const CACHE: usize = 1 << 20;

/// Why nothing could be recorded or read.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    #[error("the store of metrics: {0}")]
    Store(#[from] StoreError),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
}

/// What recording may use.
#[derive(Debug, Clone)]
pub struct SeriesSettings {
    /// The data folder.
    pub folder: PathBuf,
    /// Milliseconds between rows; 0 records nothing.
    pub interval_ms: u64,
    /// On disk.
    pub bytes: u64,
    /// Of the table in memory.
    pub memory: u64,
    pub series: usize,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    pub series: u64,
    /// New series that found no place.
    pub refused: u64,
    /// Recorded since the start.
    pub samples: u64,
    /// Raw, middle, hour: bytes and samples.
    pub tiers: [(u64, u64); 3],
    /// What store and tail take of the disk.
    pub file_bytes: u64,
}

/// The store of samples. It opens its files when it is first needed.
pub struct Telemetry {
    pub(super) settings: SeriesSettings,
    state: Mutex<State>,
    refused: AtomicU64,
    samples: AtomicU64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) store: Option<Arc<Control>>,
    pub(super) index: Index,
    pub(super) table: Table,
    /// By tier and time.
    pub(super) blocks: Vec<BlockRef>,
    tail: Option<Tail>,
    /// Rows that are not synced yet.
    waiting: Vec<Vec<u8>>,
    synced: i64,
    generation: u64,
    /// Hours before it are rolled up.
    rolled: i64,
    forgot: i64,
    /// The newest row of before the start, until there is one of after it.
    before: Option<i64>,
    /// Until then, a series of before goes on as it was: its program may not have been asked again yet.
    carries_until: i64,
}

impl Telemetry {
    #[must_use]
    pub fn new(settings: SeriesSettings) -> Self {
        Self { settings, state: Mutex::default(), refused: AtomicU64::new(0), samples: AtomicU64::new(0) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Between rows; 0 where none are recorded.
    #[must_use]
    pub fn interval_ms(&self) -> u64 {
        self.settings.interval_ms
    }

    fn interval(&self) -> i64 {
        i64::try_from(self.settings.interval_ms).unwrap_or(i64::MAX).max(1)
    }

    /// Width of the points of the middle tier: a minute, or twenty intervals where that is more than one.
    pub(super) fn middle_ms(&self) -> i64 {
        let wide = self.interval().saturating_mul(20);
        if wide <= 2 * MINUTE_MS { MINUTE_MS } else { (wide + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS }
    }

    /// How far apart points of that time (milliseconds since 1970) are.
    #[must_use]
    pub fn width_at(&self, time: i64) -> i64 {
        let state = self.state();
        let begins = |tier: Tier| state.blocks.iter().any(|block| block.tier == tier && block.start <= time);
        let recent = state.blocks.is_empty() || state.table.first_time().is_some_and(|first| first <= time);
        if recent || begins(Tier::Raw) {
            self.interval()
        } else if begins(Tier::Middle) {
            self.middle_ms()
        } else {
            HOUR_MS
        }
    }

    /// True when a row is due at this time (milliseconds since 1970).
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        if self.settings.interval_ms == 0 {
            return false;
        }
        let last = self.state().table.last_time();
        let now = self.aligned(now_ms);
        last.is_none_or(|last| now > last || last.saturating_sub(now) > self.interval())
    }

    /// Rows stand at whole intervals, whenever exactly the clock ticked: evenly spaced times cost nothing to keep.
    fn aligned(&self, now_ms: u64) -> i64 {
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
        now - now.rem_euclid(self.interval())
    }

    /// Records a moment. Where the box is not to write, it is remembered in memory only.
    ///
    /// # Errors
    /// [`SeriesError`]; the moment is then in memory, as far as that reaches.
    pub fn record(&self, now_ms: u64, families: &[Family], may_write: bool) -> Result<(), SeriesError> {
        let mut state = self.state();
        let state = &mut *state;
        let opened = if may_write { self.open(state, true) } else { Ok(()) };
        let time = self.aligned(now_ms);
        if state.table.last_time().is_some_and(|last| last > time) {
            // The clock was set back: what was before is one block, what comes another.
            if may_write {
                self.cut(state)?;
            }
            state.table = Table::default();
        }
        let (values, new) = self.values(&mut state.index, families, time);
        if let Some(before) = state.before.take().filter(|before| time.saturating_sub(*before) <= CARRIES_MS)
        {
            state.carries_until = before.saturating_add(CARRIES_MS);
        }
        let changes = state.table.changes(&values, time >= state.carries_until);
        state.waiting.push(rows::write(time, &new, &changes, &state.index, &state.table));
        state.table.apply(time, &changes);
        self.samples.fetch_add(values.len() as u64, Ordering::Relaxed);
        opened?;
        if may_write && time.saturating_sub(state.synced).abs() >= SYNC_MS {
            self.sync(state)?;
            state.synced = time;
        }
        let most = usize::try_from(self.settings.memory / 8).unwrap_or(usize::MAX);
        let full = state.table.samples() >= most;
        let done = if may_write && (full || self.is_block(state, time)) { self.cut(state) } else { Ok(()) };
        if full && state.table.samples() >= most {
            tracing::warn!(samples = state.table.samples(), "metrics that could not be written are dropped");
            state.table = Table::default();
            state.waiting.clear();
        }
        done
    }

    fn values(&self, index: &mut Index, families: &[Family], time: i64) -> (Vec<Change>, Vec<u32>) {
        let (mut values, mut new, mut refused) = (Vec::new(), Vec::new(), 0);
        for family in families {
            family.each_series(|name, point, more, value| {
                let own = point.labels.iter().map(|(name, value)| (name.as_ref(), value.as_str()));
                let labels: Vec<(&str, &str)> =
                    [(METRIC_NAME, name)].into_iter().chain(own).chain(more).collect();
                let short = |(name, value): &(&str, &str)| name.len() + value.len() <= LABEL_BYTES;
                let fits = labels.len() <= LABELS_MOST && labels.iter().all(short);
                let labels = Labels::new(labels);
                let rises = family.is_cumulative(name);
                match index.number(&labels, rises, time, self.settings.series).filter(|_| fits) {
                    Some((number, fresh)) => {
                        values.push((number, value.to_bits()));
                        if fresh {
                            new.push(number);
                        }
                    }
                    None => refused += 1,
                }
            });
        }
        self.refused.fetch_add(refused, Ordering::Relaxed);
        values.order_by_key(|(number, _)| *number);
        values.dedup_by_key(|(number, _)| *number);
        (values, new)
    }

    fn is_block(&self, state: &State, time: i64) -> bool {
        let age = time.saturating_sub(state.table.first_time().unwrap_or(time));
        let rich = age >= BLOCK_MS && state.table.samples() >= BLOCK_SAMPLES;
        let long = state.tail.as_ref().is_some_and(|tail| tail.bytes() >= TAIL_BYTES);
        // Points of the middle tier are whole where blocks end between two of them.
        let width = self.middle_ms();
        let ends = time.div_euclid(width) != (time + self.interval()).div_euclid(width);
        ends && (rich || long || age >= BLOCK_LAST_MS)
    }

    fn sync(&self, state: &mut State) -> Result<(), SeriesError> {
        let Some(tail) = &mut state.tail else { return Ok(()) };
        let path = || self.settings.folder.join(TAIL);
        tail.append(&state.waiting).map_err(|error| SeriesError::File { path: path(), error })?;
        state.waiting.clear();
        Ok(())
    }

    /// Writes the table as blocks; it stays as it is when that fails.
    fn cut(&self, state: &mut State) -> Result<(), SeriesError> {
        let Some(store) = state.store.clone().filter(|_| !state.table.is_empty()) else {
            state.table = Table::default();
            state.waiting.clear();
            return Ok(());
        };
        let raw = state.table.block();
        let series = state.index.to_keep();
        let last = state.table.last_time().unwrap_or(0);
        let forget = last.saturating_sub(state.forgot) >= DAY_MS;
        let (index, generation) = (&state.index, state.generation + 1);
        let mut plan = Plan { blocks: state.blocks.clone(), rolled: state.rolled };
        let rises = |series: u32| index.rises(series);
        store.write(|write| {
            shelf::put_series(write, &series)?;
            plan.add(write, Tier::Middle, &rolled(&raw, self.middle_ms(), &rises))?;
            plan.add(write, Tier::Raw, &raw)?;
            plan.roll_hours(write, last, &rises)?;
            plan.join(write)?;
            plan.forget(write, self.settings.bytes * DATA_PART / 100)?;
            shelf::put_figure(write, "rolled", u64::try_from(plan.rolled).unwrap_or(0))?;
            shelf::put_figure(write, "generation", generation)
        })?;
        state.index.kept(series.into_iter().map(|(number, _)| number));
        (state.blocks, state.rolled, state.generation) = (plan.blocks, plan.rolled, generation);
        state.table = Table::default();
        state.waiting.clear();
        if let Some(tail) = &mut state.tail {
            tail.begin(generation);
        }
        if forget {
            let oldest = state.blocks.iter().map(|block| block.start).min().unwrap_or(last);
            let gone = state.index.forget(oldest);
            store.write(|write| shelf::remove_series(write, &gone))?;
            state.forgot = last;
        }
        Ok(())
    }

    /// Opens the files, once; a reader makes none.
    pub(super) fn open(&self, state: &mut State, make: bool) -> Result<(), SeriesError> {
        let path = self.settings.folder.join(STORE);
        if state.store.is_some() || !make && !path.exists() {
            return Ok(());
        }
        if was_left_open(&path)
            && let Err(what) = look(&path)
        {
            self.set_aside(&what)?;
        }
        match self.load(state) {
            Ok(()) => Ok(()),
            // Another process has it, or the disk is at fault: nothing is wrong with the file.
            Err(error @ SeriesError::Store(StoreError::Locked { .. } | StoreError::Full)) => Err(error),
            Err(error @ SeriesError::Store(StoreError::Redb(redb::Error::Io(_)))) => Err(error),
            Err(SeriesError::Store(error)) => {
                self.set_aside(&error.to_string())?;
                self.load(state)
            }
            Err(error) => Err(error),
        }
    }

    /// The store itself, for what else the box keeps of its own; `None` where it was never made, unless `make` is set.
    ///
    /// # Errors
    /// [`SeriesError`].
    pub fn store(&self, make: bool) -> Result<Option<Arc<Control>>, SeriesError> {
        let mut state = self.state();
        self.open(&mut state, make)?;
        Ok(state.store.clone())
    }

    fn set_aside(&self, what: &str) -> Result<(), SeriesError> {
        let (path, aside) = (self.settings.folder.join(STORE), self.settings.folder.join(ASIDE));
        tracing::error!(what, aside = %aside.display(), "the store of metrics cannot be read: it is set aside, and a new one begun");
        fs::rename(&path, &aside).map_err(|error| SeriesError::File { path, error })?;
        // Its rows name series of the store that is gone.
        let _ = fs::remove_file(self.settings.folder.join(TAIL));
        Ok(())
    }

    fn load(&self, state: &mut State) -> Result<(), SeriesError> {
        let store = Control::open(&self.settings.folder.join(STORE), CACHE)?;
        let read = store.snapshot()?;
        let blocks = shelf::blocks(&read)?;
        let generation = shelf::figure(&read, "generation")?;
        let rolled = i64::try_from(shelf::figure(&read, "rolled")?).unwrap_or(0);
        let mut index = Index::default();
        for (number, row) in shelf::series(&read)? {
            match Known::read(&row) {
                Ok(known) => index.insert(number, known),
                Err(error) => tracing::warn!(number, %error, "a series of metrics is left out"),
            }
        }
        drop(read);
        let path = self.settings.folder.join(TAIL);
        let (tail, bodies) =
            Tail::open(&path, generation).map_err(|error| SeriesError::File { path, error })?;
        let mut table = Table::default();
        for body in &bodies {
            if rows::replay(body, &mut index, &mut table).is_err() {
                tracing::warn!("rows of metrics that cannot be read are left out");
                break;
            }
        }
        let last = table.last_time().unwrap_or(0);
        state.before = table.last_time();
        (state.blocks, state.index, state.table) = (blocks, index, table);
        (state.generation, state.rolled, state.synced) = (generation, rolled, last);
        state.waiting.clear();
        (state.store, state.tail) = (Some(Arc::new(store)), Some(tail));
        Ok(())
    }

    /// Writes out what is not synced yet, before the box stops.
    ///
    /// # Errors
    /// [`SeriesError`].
    pub fn flush(&self) -> Result<(), SeriesError> {
        let mut state = self.state();
        self.sync(&mut state)
    }

    /// How much is kept; opens nothing.
    #[must_use]
    pub fn stored(&self) -> Stored {
        let state = self.state();
        let mut tiers = [(0, 0); 3];
        for block in &state.blocks {
            if let Some((bytes, samples)) = tiers.get_mut(block.tier as usize) {
                *bytes += block.bytes;
                *samples += block.samples;
            }
        }
        // What they take of the disk: a store grows by halves, and the end of it is a hole.
        let taken = |name: &str| {
            fs::metadata(self.settings.folder.join(name)).map_or(0, |meta| meta.blocks() * DISK_BLOCK)
        };
        Stored {
            series: state.index.len() as u64,
            refused: self.refused.load(Ordering::Relaxed),
            samples: self.samples.load(Ordering::Relaxed),
            tiers,
            file_bytes: taken(STORE) + taken(TAIL),
        }
    }

    /// What was written to both files since the start.
    #[must_use]
    pub fn written(&self) -> Written {
        let state = self.state();
        let mut all = state.store.as_ref().map(|store| store.written()).unwrap_or_default();
        let (bytes, syncs) = state.tail.as_ref().map_or((0, 0), Tail::written);
        (all.bytes, all.syncs) = (all.bytes + bytes, all.syncs + syncs);
        all
    }

    /// Writes what is in memory as a block now.
    ///
    /// # Errors
    /// [`SeriesError`].
    #[cfg(test)]
    pub(super) fn cut_now(&self) -> Result<(), SeriesError> {
        let mut state = self.state();
        self.cut(&mut state)
    }
}
