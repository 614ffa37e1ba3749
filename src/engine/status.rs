//! What the box is doing now: counters of queries, the process, the budgets and how much of each is used.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::run::Inner;
use crate::api::types::{Accelerator, PowerSupply, Sensor};
use crate::api::types::{CacheStatus, Gauge, Hardware, JobState, QueryStatus, Status};
use crate::base::InOrder;
use crate::hardware::{Sample, Sampler};
use crate::knowledge::simd::Kernel;

/// Latencies that percentiles are made of.
const LATENCIES: usize = 1024;
const SECONDS: usize = 60;

#[derive(Default)]
struct Counts {
    total: u64,
    found: u64,
    errors: u64,
    documents: u64,
    latencies: VecDeque<u32>,
    this_second: u32,
    seconds: VecDeque<u32>,
}

/// Counts queries and samples the process.
pub(super) struct Meters {
    counts: Mutex<Counts>,
    sampler: Mutex<(Sampler, Option<Sample>)>,
}

impl Meters {
    pub(super) fn new(data_dir: PathBuf) -> Self {
        Self { counts: Mutex::default(), sampler: Mutex::new((Sampler::new(data_dir), None)) }
    }

    /// One query was answered; `found` is None when it failed.
    pub(super) fn query(&self, took_us: u64, found: Option<bool>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total += 1;
        counts.this_second += 1;
        match found {
            Some(found) => counts.found += u64::from(found),
            None => counts.errors += 1,
        }
        if counts.latencies.len() == LATENCIES {
            counts.latencies.pop_front();
        }
        counts.latencies.push_back(u32::try_from(took_us).unwrap_or(u32::MAX));
    }

    /// One document was taken in.
    pub(super) fn document(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).documents += 1;
    }

    /// What was done since the start.
    pub(super) fn tally(&self) -> super::reports::Tally {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        super::reports::Tally {
            queries: counts.total,
            answers: counts.found,
            errors: counts.errors,
            documents: counts.documents,
        }
    }

    /// Called once a second.
    pub(super) fn tick(&self) -> Sample {
        {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let now = std::mem::take(&mut counts.this_second);
            if counts.seconds.len() == SECONDS {
                counts.seconds.pop_front();
            }
            counts.seconds.push_back(now);
        }
        let mut sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = sampler.0.sample();
        sampler.1 = Some(sample);
        sample
    }

    /// What this process used at the last tick.
    pub(super) fn process(&self) -> crate::hardware::Process {
        self.sample().process
    }

    /// Free bytes on the data folder's disk.
    pub(super) fn disk_free(&self) -> u64 {
        self.sample().disk_free
    }

    fn sample(&self) -> Sample {
        let mut sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner);
        if sampler.1.is_none() {
            let sample = sampler.0.sample();
            sampler.1 = Some(sample);
        }
        sampler.1.unwrap_or_default()
    }

    #[allow(clippy::cast_precision_loss)] // a rate for people
    fn queries(&self) -> QueryStatus {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<u32> = counts.latencies.iter().copied().collect();
        sorted.order();
        let percentile = |p: usize| {
            let rank = (sorted.len() * p).div_ceil(100).saturating_sub(1);
            sorted.get(rank).copied().map_or(0, u64::from)
        };
        let recent: u32 = counts.seconds.iter().rev().take(10).sum();
        let seconds = counts.seconds.len().clamp(1, 10);
        QueryStatus {
            total: counts.total,
            found: counts.found,
            errors: counts.errors,
            per_second: recent as f32 / seconds as f32,
            p50_us: percentile(50),
            p95_us: percentile(95),
            p99_us: percentile(99),
        }
    }
}

/// The whole picture.
pub(super) fn read(inner: &Inner) -> Status {
    let sample = inner.meters.sample();
    let snapshot = inner.library.snapshot();
    let database = &inner.library.database();
    let jobs = inner.jobs.list(database).unwrap_or_default();
    let in_state = |state: JobState| jobs.iter().filter(|(_, job)| job.state() == state).count() as u64;
    let caches = caches(inner);
    let views = snapshot.collections.values();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        daemon: inner.settings.daemon,
        uptime_ms: (inner.clock.monotonic_us() - inner.started_us) / 1000,
        tier: inner.tier.tier.to_owned(),
        data_dir: inner.settings.data_dir.display().to_string(),
        socket: inner.settings.socket.display().to_string(),
        model: inner.library.model().meta().name.clone(),
        vector_width: u32::try_from(inner.width()).unwrap_or(0),
        rss_bytes: sample.process.rss,
        anonymous_bytes: sample.process.anonymous,
        peak_rss_bytes: sample.process.peak,
        cpu_percent: sample.cpu_percent,
        load: sample.load,
        temperature_c: sample.temperature_c,
        disk_free_bytes: sample.disk_free,
        disk_total_bytes: sample.disk_total,
        budgets: used_budgets(inner, &sample, &caches),
        queries: inner.meters.queries(),
        caches,
        collections: snapshot.collections.len() as u64,
        documents: views.clone().map(|v| v.record.documents).sum(),
        chunks: views.clone().map(|v| v.chunks()).sum(),
        index_bytes: views.clone().map(|v| v.index_bytes()).sum(),
        store_bytes: inner.library.store_bytes(&inner.settings.data_dir),
        jobs_running: in_state(JobState::Running),
        jobs_queued: in_state(JobState::Queued),
        failures: views.map(|v| v.record.failures).sum(),
        alerts: inner.alerting.loud(inner.clock.now_ms()),
        damaged: snapshot.damaged.clone(),
        mode: inner.modes.brief(&*inner.clock),
        writes: inner.wear.status(inner),
    }
}

fn caches(inner: &Inner) -> Vec<CacheStatus> {
    let counts = inner.answers.counts(&inner.library.database());
    let names = ["l1", "l2"];
    let status = |(name, c): (&str, crate::knowledge::CacheCounts)| CacheStatus {
        name: name.to_owned(),
        hits: c.hits,
        misses: c.misses,
        entries: c.entries,
        bytes: c.bytes,
        limit: c.limit,
    };
    names.into_iter().zip(counts).map(status).collect()
}

fn used_budgets(inner: &Inner, sample: &Sample, caches: &[CacheStatus]) -> Vec<Gauge> {
    let used = |name: &str| match name {
        "memory" => sample.process.rss,
        "l1_cache" => caches.first().map_or(0, |c| c.bytes),
        "l2_cache" => caches.get(1).map_or(0, |c| c.bytes),
        "log_bytes" => super::logs::bytes(inner),
        "metric_bytes" => inner.telemetry.stored().file_bytes,
        _ => 0,
    };
    let measured = ["memory", "l1_cache", "l2_cache", "log_bytes", "metric_bytes"];
    let budgets = budgets(inner).into_iter().filter(|g| measured.contains(&g.name.as_str()));
    budgets.map(|gauge| Gauge { used: used(&gauge.name), ..gauge }).collect()
}

fn budgets(inner: &Inner) -> Vec<Gauge> {
    let running = inner.config.running();
    let b = &running.budgets;
    let gauge = |name: &str, limit: u64, unit: &str, about: &str| Gauge {
        name: name.to_owned(),
        used: 0,
        limit,
        unit: unit.to_owned(),
        about: about.to_owned(),
    };
    let mut all = vec![gauge("memory", b.memory_total, "bytes", "resident memory of the whole process")];
    all.extend(b.parts().iter().map(|part| gauge(part.name, part.bytes, "bytes", part.about)));
    all.push(gauge(
        "extractor_memory",
        b.extractor_memory,
        "bytes",
        "address space of one extractor process",
    ));
    all.push(gauge("extractor_seconds", b.extractor_seconds, "count", "seconds that one document may take"));
    all.push(gauge("l2_cache", b.l2_cache, "bytes", "compressed answers kept on disk"));
    all.push(gauge("log_bytes", b.log_bytes, "bytes", "log files on disk"));
    all.push(gauge("metric_bytes", b.metric_bytes, "bytes", "recorded metrics on disk"));
    all.push(gauge(
        "metric_seconds",
        u64::from(b.metric_seconds),
        "count",
        "seconds between two recordings of metrics",
    ));
    all.push(gauge(
        "metric_series",
        u64::from(b.metric_series),
        "count",
        "series of metrics that are recorded",
    ));
    all.push(gauge("batch_size", u64::from(b.batch_size), "count", "documents that one commit waits for"));
    all.push(gauge("search_threads", u64::from(b.search_workers), "count", "threads that answer queries"));
    all.push(gauge("connection_limit", u64::from(b.connections), "count", "open connections to the API"));
    all.push(gauge("vector_width", u64::from(b.vector_width), "count", "columns of the model in use"));
    all.push(gauge(
        "retention_days",
        u64::from(b.retention_days),
        "count",
        "days that finished jobs and log files are kept",
    ));
    all
}

/// The box, its tier, and why.
pub(super) fn hardware(inner: &Inner) -> Hardware {
    let probe = crate::hardware::Probe::read(std::path::Path::new("/"), &inner.settings.data_dir);
    let late = super::access::review_finding(inner);
    let late = late.map(|late| format!("{}: {}", late.what, late.advice));
    let warnings = probe.warnings().into_iter().chain(late).collect();
    let (memory, storage) = (&probe.memory, &probe.storage);
    Hardware {
        memory_physical: memory.physical,
        memory_cgroup_limit: memory.cgroup_limit,
        memory_effective: memory.effective,
        memory_available: memory.available,
        swap_total: memory.swap_total,
        swap_used: memory.swap_used,
        zram_total: memory.zram_total,
        cores: probe.cpu.cores,
        cpu_model: probe.cpu.model.clone(),
        cpu_arch: probe.cpu.arch.to_owned(),
        cpu_features: probe.cpu.features.iter().map(|f| (*f).to_owned()).collect(),
        vector_kernel: Kernel::detect().name().to_owned(),
        storage_kind: storage.kind.name().to_owned(),
        storage_device: storage.device.clone(),
        storage_filesystem: storage.filesystem.clone(),
        disk_free_bytes: storage.free,
        disk_total_bytes: storage.total,
        thermal: probe.thermal.iter().map(|s| Sensor { name: s.name.clone(), celsius: s.celsius }).collect(),
        power: probe
            .power
            .iter()
            .map(|p| PowerSupply {
                name: p.name.clone(),
                kind: p.kind.clone(),
                online: p.online,
                percent: p.percent,
            })
            .collect(),
        accelerators: probe
            .accelerators
            .iter()
            .map(|a| Accelerator { kind: a.kind.to_owned(), name: a.name.clone(), path: a.path.clone() })
            .collect(),
        tier: inner.tier.tier.to_owned(),
        tier_reason: inner.tier.reason.clone(),
        budgets: budgets(inner),
        budget_sum: inner.budgets.sum(),
        mode: inner.modes.brief(&*inner.clock),
        warnings,
    }
}
