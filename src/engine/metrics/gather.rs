//! One moment of the box as metrics: what the engine counted, and what each room counts for itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::table::{TABLE, of};
use crate::api::types::{JobState, QueueStatus, Status};
use crate::base::ordered_map;
use crate::engine::run::Inner;
use crate::engine::{access, approvals, backups, incidents, queue_words, status, traces, trail};
use crate::observe::metric::Family;
use crate::resilience::Mode;
use crate::store::Written;

/// Collections that have series of their own.
const COLLECTIONS: usize = 64;

/// Families by name, filled one point after the other.
struct Gathered(BTreeMap<&'static str, Family>);

impl Gathered {
    fn put(&mut self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        if let Some(described) = TABLE.iter().find(|one| one.name == name) {
            self.0.entry(name).or_insert_with(|| described.family()).push(labels, value);
        }
    }

    fn plain(&mut self, name: &'static str, value: f64) {
        self.put(name, &[], value);
    }
}

#[allow(clippy::cast_precision_loss)] // counts and bytes of a box stay below 2^53
fn float(count: u64) -> f64 {
    count as f64
}

/// A measure with three digits, as the decimal number that it stands for.
fn decimal(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}

/// Everything, in the order of the table; families that have no points are left out.
pub(in crate::engine) fn gather(inner: &Inner) -> Vec<Family> {
    let mut all = Gathered(BTreeMap::new());
    let status = status::read(inner);
    identity(&mut all, inner, &status);
    knowledge(&mut all, inner, &status);
    if let Ok(queue) = queue_words::status(inner) {
        self::queue(&mut all, &queue, inner.clock.now_ms());
    }
    stores(&mut all, inner, &status);
    modes(&mut all, inner);
    for (check, verdict) in inner.health.verdicts() {
        all.put(of::HEALTH, &[("check", &check)], f64::from(verdict as u8));
    }
    process(&mut all, inner);
    system(&mut all, &status);
    telemetry(&mut all, inner);
    upkeep(&mut all, inner);
    for (told, count) in inner.intake.lines() {
        all.put(of::STATSD, &[("outcome", told)], float(count));
    }
    inner.probes.measured(|name, labels, value| all.put(name, labels, value));
    let (own, overflowed) = inner.instruments.read();
    all.plain(of::OVERFLOW, float(overflowed));
    let mut own: BTreeMap<String, Family> =
        ordered_map(own.into_iter().map(|family| (family.name.to_string(), family)));
    let mut gathered = all.0;
    TABLE.iter().filter_map(|one| gathered.remove(one.name).or_else(|| own.remove(one.name))).collect()
}

fn telemetry(all: &mut Gathered, inner: &Inner) {
    let stored = inner.telemetry.stored();
    all.plain(of::SERIES, float(stored.series));
    all.plain(of::SERIES_REFUSED, float(stored.refused));
    all.plain(of::SAMPLES, float(stored.samples));
    for (tier, (bytes, _)) in ["raw", "middle", "hour"].into_iter().zip(stored.tiers) {
        all.put(of::TELEMETRY_BYTES, &[("tier", tier)], float(bytes));
    }
    all.put(of::TELEMETRY_BYTES, &[("tier", "file")], float(stored.file_bytes));
    if let Some((sent, dropped)) = traces::exported(inner) {
        all.put(of::TRACES, &[("outcome", "sent")], float(sent));
        all.put(of::TRACES, &[("outcome", "dropped")], float(dropped));
    }
}

fn upkeep(all: &mut Gathered, inner: &Inner) {
    let [pending, firing, failing] = inner.alerting.counts();
    all.put(of::ALERTS, &[("state", "pending")], float(pending));
    all.put(of::ALERTS, &[("state", "firing")], float(firing));
    all.plain(of::RULES_FAILING, float(failing));
    all.plain(of::NOTICES_WAITING, float(inner.alerting.waiting_notices()));
    let (waiting, age_s) = approvals::counts(inner);
    all.plain(of::APPROVALS, float(waiting));
    all.plain(of::APPROVALS_AGE, float(age_s));
    if let Some((undecided, late_s)) = access::review_counts(inner) {
        all.plain(of::REVIEW_UNDECIDED, float(undecided));
        all.plain(of::REVIEW_LATE, float(late_s));
    }
    for (severity, count) in incidents::counts(inner) {
        all.put(of::INCIDENTS, &[("severity", severity)], float(count));
    }
    if let Some((entries, unanchored)) = trail::sizes(inner) {
        all.plain(of::AUDIT, float(entries));
        all.plain(of::AUDIT_UNANCHORED, float(unanchored));
    }
    if let Some(seconds) = backups::age_s(inner) {
        all.plain(of::BACKUP_AGE, float(seconds));
    }
}

fn identity(all: &mut Gathered, inner: &Inner, status: &Status) {
    all.put(of::BUILD, &[("version", &status.version)], 1.0);
    let labels =
        [("tier", inner.tier.tier), ("arch", std::env::consts::ARCH), ("model", status.model.as_str())];
    all.put(of::BOX, &labels, 1.0);
}

fn knowledge(all: &mut Gathered, inner: &Inner, status: &Status) {
    for cache in &status.caches {
        let layer = [("layer", cache.name.as_str())];
        all.put(of::CACHE_HITS, &layer, float(cache.hits));
        all.put(of::CACHE_MISSES, &layer, float(cache.misses));
        all.put(of::CACHE_ENTRIES, &layer, float(cache.entries));
        all.put(of::CACHE_BYTES, &layer, float(cache.bytes));
        all.put(of::CACHE_LIMIT, &layer, float(cache.limit));
    }
    let snapshot = inner.library.snapshot();
    for (name, view) in snapshot.collections.iter().take(COLLECTIONS) {
        let collection = [("collection", name.as_str())];
        all.put(of::DOCUMENTS, &collection, float(view.record.documents));
        all.put(of::CHUNKS, &collection, float(view.chunks()));
        all.put(of::INDEX_BYTES, &collection, float(view.index_bytes()));
        all.put(of::SEGMENTS, &collection, float(view.segment_count()));
        all.put(of::FAILURES, &collection, float(view.record.failures));
    }
    all.plain(of::DAMAGED, float(status.damaged.len() as u64));
    for (state, jobs) in [(JobState::Running, status.jobs_running), (JobState::Queued, status.jobs_queued)] {
        let name = if state == JobState::Running { "running" } else { "queued" };
        all.put(of::JOBS, &[("state", name)], float(jobs));
    }
}

fn queue(all: &mut Gathered, queue: &QueueStatus, now_ms: u64) {
    for lane in &queue.lanes {
        let name = [("lane", lane.lane.as_str())];
        all.put(of::QUEUE_OPERATIONS, &name, float(lane.operations));
        all.put(of::QUEUE_BYTES, &name, float(lane.bytes));
        let age_ms = lane.oldest_ms.map_or(0, |since| now_ms.saturating_sub(since));
        all.put(of::QUEUE_OLDEST, &name, float(age_ms / 1000));
        all.put(of::QUEUE_DELIVERED, &name, float(lane.delivered));
        all.put(of::QUEUE_DROPPED, &name, float(lane.dropped));
    }
    all.plain(of::QUEUE_DEAD, float(queue.dead_letters));
    all.plain(of::QUEUE_FULL, float(queue.backlog_percent) / 100.0);
    if queue.upstream.url.is_some() {
        all.plain(of::UPSTREAM, f64::from(u8::from(queue.upstream.state == "up")));
    }
}

fn stores(all: &mut Gathered, inner: &Inner, status: &Status) {
    let stores = [
        ("corpus", inner.library.written()),
        ("control", inner.modes.control.written()),
        ("telemetry", inner.telemetry.written()),
    ];
    for (name, Written { bytes, syncs, commits }) in stores {
        let store = [("store", name)];
        all.put(of::STORE_WRITTEN, &store, float(bytes));
        all.put(of::STORE_COMMITS, &store, float(commits));
        all.put(of::STORE_SYNCS, &store, float(syncs));
        all.put(of::STORE_COMMIT_BYTES, &store, float(bytes.checked_div(commits).unwrap_or(0)));
    }
    all.plain(of::STORE_BYTES, float(status.store_bytes));
}

/// A mode as a number.
fn level(wanted: Mode) -> f64 {
    Mode::ALL.iter().zip(0u8..).find(|(mode, _)| **mode == wanted).map_or(0.0, |(_, at)| f64::from(at))
}

fn modes(all: &mut Gathered, inner: &Inner) {
    let view = inner.modes.view(&*inner.clock);
    for mode in Mode::ALL {
        all.put(of::MODE, &[("mode", mode.name())], f64::from(u8::from(mode == view.mode)));
    }
    all.plain(of::MODE_LEVEL, level(view.mode));
    all.plain(of::MODE_FORCED, f64::from(u8::from(view.forced.is_some())));
    for axis in &view.axes {
        all.put(of::MODE_AXIS, &[("axis", axis.axis.name())], level(axis.mode));
    }
    let active = inner.modes.active();
    for breaker in active.breakers.view() {
        let name = [("breaker", breaker.name.as_str())];
        all.put(of::BREAKER, &name, f64::from(u8::from(breaker.state.is_open())));
        all.put(of::BREAKER_REFUSED, &name, float(breaker.refused));
    }
}

fn process(all: &mut Gathered, inner: &Inner) {
    let process = inner.meters.process();
    all.plain(of::RSS, float(process.rss));
    all.plain(of::ANONYMOUS, float(process.anonymous));
    all.plain(of::PEAK, float(process.peak));
    all.plain(of::MEMORY_BUDGET, float(inner.budgets.memory_total));
    // Hundredths, as the kernel has them for all processes: more digits are noise that has to be kept.
    all.plain(of::CPU, float(process.cpu_us / 10_000) / 100.0);
    all.plain(of::THREADS, f64::from(process.threads));
    let fds = std::fs::read_dir(Path::new("/proc/self/fd")).map_or(0, Iterator::count);
    all.plain(of::FDS, float(fds as u64));
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    all.plain(of::FDS_MOST, limit.map_or(f64::INFINITY, float));
    let started_ms = inner.started_ms();
    all.plain(of::STARTED, float(started_ms / 1000));
}

fn system(all: &mut Gathered, status: &Status) {
    for (window, load) in ["1m", "5m", "15m"].into_iter().zip(status.load) {
        all.put(of::LOAD, &[("window", window)], decimal(load));
    }
    let memory = crate::hardware::SystemMemory::read();
    all.plain(of::MEMORY, float(memory.total));
    all.plain(of::AVAILABLE, float(memory.available));
    all.plain(of::SWAP, float(memory.swap_used));
    all.plain(of::DISK, float(status.disk_total_bytes));
    all.plain(of::DISK_FREE, float(status.disk_free_bytes));
    if let Some(celsius) = status.temperature_c {
        all.plain(of::TEMPERATURE, decimal(celsius));
    }
}
