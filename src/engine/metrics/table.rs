//! Every metric of the box: name, kind, unit, help, labels. `spud metric list` shows it.
//!
//! Names follow <https://prometheus.io/docs/practices/naming/>: `spud_`, the unit at the end, `_total` for counts.
//! What every program tells of its process has the names that Prometheus' own libraries use.

use crate::observe::metric::{Described, Kind};

/// Upper bounds of latencies, in seconds: from a cached answer to what nobody waits for.
const QUERY: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const REQUEST: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0];

const fn metric(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    Described { name, kind, unit, help, labels, bounds: &[] }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Described {
    metric(name, Kind::Counter, "", labels, help)
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Described {
    metric(name, Kind::Gauge, unit, labels, help)
}

const fn seconds(
    name: &'static str,
    labels: &'static [&'static str],
    bounds: &'static [f64],
    help: &'static str,
) -> Described {
    Described { name, kind: Kind::Histogram, unit: "seconds", help, labels, bounds }
}

// Counted by the engine itself.
pub(super) const QUERIES: Described =
    counter("spud_queries_total", &["kind", "outcome"], "Questions, by what came of them");
pub(super) const QUERY_SECONDS: Described =
    seconds("spud_query_seconds", &["kind"], QUERY, "Time from asking to the answer, waiting included");
pub(super) const STAGE_SECONDS: Described =
    seconds("spud_query_stage_seconds", &["stage"], QUERY, "Time that the stages of a question took");
pub(super) const REQUESTS: Described =
    counter("spud_api_requests_total", &["route", "method", "code"], "Requests to the API");
pub(super) const REQUEST_SECONDS: Described =
    seconds("spud_api_request_seconds", &["route"], REQUEST, "Time that requests to the API took");
pub(super) const FILES: Described = counter(
    "spud_ingest_files_total",
    &["outcome"],
    "Files that jobs looked at: done, skipped, failed, removed",
);
pub(super) const INGEST_BYTES: Described =
    metric("spud_ingest_bytes_total", Kind::Counter, "bytes", &[], "Bytes of files that were taken in");
pub(super) const INGEST_CHUNKS: Described =
    counter("spud_ingest_chunks_total", &[], "Passages that were made of files");
pub(super) const MODE_CHANGES: Described =
    counter("spud_mode_changes_total", &["to", "cause"], "Changes of the mode since the start");
pub(super) const DECISIONS: Described =
    counter("spud_policy_decisions_total", &["outcome"], "Decisions of policies: allowed, denied");
pub(super) const NOTICES: Described = counter(
    "spud_notices_total",
    &["receiver", "outcome"],
    "Tries to send a notice: sent, put_off, given_up",
);
pub(super) const RULES_SECONDS: Described = metric(
    "spud_alert_evaluation_seconds",
    Kind::Summary,
    "seconds",
    &[],
    "Time that evaluating a group of rules took",
);
pub(super) const SCRAPES: Described =
    counter("spud_telemetry_scrapes_total", &["outcome"], "Moments that were recorded: kept, lost");
pub(super) const SCRAPE_SECONDS: Described =
    seconds("spud_telemetry_scrape_seconds", &[], QUERY, "Time that gathering and recording a moment took");

/// Names of metrics that are gathered from the rooms.
pub(in crate::engine) mod of {
    pub(in crate::engine) const BUILD: &str = "spud_build_info";
    pub(in crate::engine) const BOX: &str = "spud_box_info";
    pub(in crate::engine) const CACHE_HITS: &str = "spud_cache_hits_total";
    pub(in crate::engine) const CACHE_MISSES: &str = "spud_cache_misses_total";
    pub(in crate::engine) const CACHE_ENTRIES: &str = "spud_cache_entries";
    pub(in crate::engine) const CACHE_BYTES: &str = "spud_cache_bytes";
    pub(in crate::engine) const CACHE_LIMIT: &str = "spud_cache_limit_bytes";
    pub(in crate::engine) const DOCUMENTS: &str = "spud_documents";
    pub(in crate::engine) const CHUNKS: &str = "spud_chunks";
    pub(in crate::engine) const INDEX_BYTES: &str = "spud_index_bytes";
    pub(in crate::engine) const FAILURES: &str = "spud_document_failures";
    pub(in crate::engine) const SEGMENTS: &str = "spud_index_segments";
    pub(in crate::engine) const DAMAGED: &str = "spud_index_damaged";
    pub(in crate::engine) const JOBS: &str = "spud_jobs";
    pub(in crate::engine) const QUEUE_OPERATIONS: &str = "spud_queue_operations";
    pub(in crate::engine) const QUEUE_BYTES: &str = "spud_queue_bytes";
    pub(in crate::engine) const QUEUE_OLDEST: &str = "spud_queue_oldest_age_seconds";
    pub(in crate::engine) const QUEUE_DELIVERED: &str = "spud_queue_delivered_total";
    pub(in crate::engine) const QUEUE_DROPPED: &str = "spud_queue_dropped_total";
    pub(in crate::engine) const QUEUE_DEAD: &str = "spud_queue_dead_letters";
    pub(in crate::engine) const QUEUE_FULL: &str = "spud_queue_backlog_ratio";
    pub(in crate::engine) const UPSTREAM: &str = "spud_queue_upstream_up";
    pub(in crate::engine) const STORE_WRITTEN: &str = "spud_store_written_bytes_total";
    pub(in crate::engine) const STORE_COMMITS: &str = "spud_store_commits_total";
    pub(in crate::engine) const STORE_SYNCS: &str = "spud_store_syncs_total";
    pub(in crate::engine) const STORE_COMMIT_BYTES: &str = "spud_store_commit_bytes";
    pub(in crate::engine) const STORE_BYTES: &str = "spud_store_bytes";
    pub(in crate::engine) const MODE: &str = "spud_mode";
    pub(in crate::engine) const MODE_LEVEL: &str = "spud_mode_level";
    pub(in crate::engine) const MODE_AXIS: &str = "spud_mode_axis_level";
    pub(in crate::engine) const MODE_FORCED: &str = "spud_mode_forced";
    pub(in crate::engine) const HEALTH: &str = "spud_health_check_status";
    pub(in crate::engine) const BREAKER: &str = "spud_breaker_open";
    pub(in crate::engine) const BREAKER_REFUSED: &str = "spud_breaker_refused_total";
    pub(in crate::engine) const RSS: &str = "process_resident_memory_bytes";
    pub(in crate::engine) const CPU: &str = "process_cpu_seconds_total";
    pub(in crate::engine) const FDS: &str = "process_open_fds";
    pub(in crate::engine) const FDS_MOST: &str = "process_max_fds";
    pub(in crate::engine) const STARTED: &str = "process_start_time_seconds";
    pub(in crate::engine) const THREADS: &str = "process_threads";
    pub(in crate::engine) const ANONYMOUS: &str = "spud_process_anonymous_bytes";
    pub(in crate::engine) const PEAK: &str = "spud_process_peak_bytes";
    pub(in crate::engine) const MEMORY_BUDGET: &str = "spud_memory_budget_bytes";
    pub(in crate::engine) const LOAD: &str = "spud_system_load";
    pub(in crate::engine) const MEMORY: &str = "spud_system_memory_bytes";
    pub(in crate::engine) const AVAILABLE: &str = "spud_system_memory_available_bytes";
    pub(in crate::engine) const SWAP: &str = "spud_system_swap_used_bytes";
    pub(in crate::engine) const DISK: &str = "spud_disk_bytes";
    pub(in crate::engine) const DISK_FREE: &str = "spud_disk_free_bytes";
    pub(in crate::engine) const TEMPERATURE: &str = "spud_temperature_celsius";
    pub(in crate::engine) const ALERTS: &str = "spud_alerts";
    pub(in crate::engine) const NOTICES_WAITING: &str = "spud_notices_waiting";
    pub(in crate::engine) const APPROVALS: &str = "spud_approvals_waiting";
    pub(in crate::engine) const APPROVALS_AGE: &str = "spud_approvals_oldest_age_seconds";
    pub(in crate::engine) const REVIEW_UNDECIDED: &str = "spud_access_review_undecided";
    pub(in crate::engine) const REVIEW_LATE: &str = "spud_access_review_late_seconds";
    pub(in crate::engine) const INCIDENTS: &str = "spud_incidents";
    pub(in crate::engine) const AUDIT: &str = "spud_audit_entries";
    pub(in crate::engine) const AUDIT_UNANCHORED: &str = "spud_audit_unanchored_entries";
    pub(in crate::engine) const RULES_FAILING: &str = "spud_alert_rules_failing";
    pub(in crate::engine) const BACKUP_AGE: &str = "spud_backup_age_seconds";
    pub(in crate::engine) const STATSD: &str = "spud_statsd_lines_total";
    pub(in crate::engine) const PROBE_UP: &str = "spud_probe_up";
    pub(in crate::engine) const PROBE_SECONDS: &str = "spud_probe_duration_seconds";
    pub(in crate::engine) const PROBE_VALUE: &str = "spud_probe_value";
    pub(in crate::engine) const PROBE_RUNS: &str = "spud_probe_runs_total";
    pub(in crate::engine) const OVERFLOW: &str = "spud_metric_overflow_total";
    pub(in crate::engine) const SERIES: &str = "spud_telemetry_series";
    pub(in crate::engine) const SERIES_REFUSED: &str = "spud_telemetry_series_refused_total";
    pub(in crate::engine) const TRACES: &str = "spud_traces_exported_total";
    pub(in crate::engine) const SAMPLES: &str = "spud_telemetry_samples_total";
    pub(in crate::engine) const TELEMETRY_BYTES: &str = "spud_telemetry_bytes";
}

/// Everything, in the order in which it is told.
#[rustfmt::skip]
pub(in crate::engine) const TABLE: &[Described] = &[
    metric(of::BUILD, Kind::Info, "", &["version"], "The program"),
    metric(of::BOX, Kind::Info, "", &["tier", "arch", "model"], "The box: its tier, its processor, the model that answers"),
    QUERIES,
    QUERY_SECONDS,
    STAGE_SECONDS,
    counter(of::CACHE_HITS, &["layer"], "Answers that were cached, in memory (l1) or on disk (l2)"),
    counter(of::CACHE_MISSES, &["layer"], "Answers that were not cached"),
    gauge(of::CACHE_ENTRIES, "", &["layer"], "Answers that are cached"),
    gauge(of::CACHE_BYTES, "bytes", &["layer"], "What cached answers take"),
    gauge(of::CACHE_LIMIT, "bytes", &["layer"], "What cached answers may take"),
    gauge(of::DOCUMENTS, "", &["collection"], "Documents"),
    gauge(of::CHUNKS, "", &["collection"], "Passages"),
    gauge(of::INDEX_BYTES, "bytes", &["collection"], "What the index takes"),
    gauge(of::SEGMENTS, "", &["collection"], "Segments of the index"),
    gauge(of::FAILURES, "", &["collection"], "Files that could not be taken in"),
    gauge(of::DAMAGED, "", &[], "Parts of the index that are damaged and left out"),
    FILES,
    INGEST_BYTES,
    INGEST_CHUNKS,
    gauge(of::JOBS, "", &["state"], "Jobs that wait or run"),
    gauge(of::QUEUE_OPERATIONS, "", &["lane"], "Operations that wait"),
    gauge(of::QUEUE_BYTES, "bytes", &["lane"], "What waiting operations take"),
    gauge(of::QUEUE_OLDEST, "seconds", &["lane"], "Age of the oldest operation that waits"),
    counter(of::QUEUE_DELIVERED, &["lane"], "Operations that were delivered, since the data folder was made"),
    counter(of::QUEUE_DROPPED, &["lane"], "Operations that a full lane dropped, since the data folder was made"),
    gauge(of::QUEUE_DEAD, "", &[], "Dead letters"),
    gauge(of::QUEUE_FULL, "ratio", &[], "How full the fullest lane is, of those that refuse when they are full"),
    gauge(of::UPSTREAM, "", &[], "1 while the upstream takes operations"),
    metric(of::STORE_WRITTEN, Kind::Counter, "bytes", &["store"], "Bytes written to a store since the start"),
    counter(of::STORE_COMMITS, &["store"], "Durable commits of a store since the start"),
    counter(of::STORE_SYNCS, &["store"], "Syncs of a store since the start"),
    gauge(of::STORE_COMMIT_BYTES, "bytes", &["store"], "Bytes that a commit cost on average since the start"),
    gauge(of::STORE_BYTES, "bytes", &[], "What corpus.redb takes on disk"),
    gauge(of::MODE, "", &["mode"], "1 for the mode of the box, 0 for the others"),
    gauge(of::MODE_LEVEL, "", &[], "The mode as a number: 0 normal to 5 emergency"),
    gauge(of::MODE_AXIS, "", &["axis"], "The mode that each axis asks for, as a number"),
    gauge(of::MODE_FORCED, "", &[], "1 while a person has forced a mode"),
    MODE_CHANGES,
    gauge(of::HEALTH, "", &["check"], "How a health check came out last: 0 it passes, 1 it warns, 2 it fails"),
    gauge(of::BREAKER, "", &["breaker"], "1 while a circuit breaker is open"),
    counter(of::BREAKER_REFUSED, &["breaker"], "Calls that a circuit breaker did not let through"),
    REQUESTS,
    REQUEST_SECONDS,
    gauge(of::RSS, "bytes", &[], "Resident memory, mapped files included"),
    gauge(of::ANONYMOUS, "bytes", &[], "Resident memory that cannot be dropped and read again"),
    gauge(of::PEAK, "bytes", &[], "Most that was ever resident"),
    gauge(of::MEMORY_BUDGET, "bytes", &[], "Resident memory that the process may have"),
    metric(of::CPU, Kind::Counter, "seconds", &[], "User and system time of the process"),
    gauge(of::FDS, "", &[], "Open file descriptors"),
    gauge(of::FDS_MOST, "", &[], "File descriptors that may be open"),
    gauge(of::THREADS, "", &[], "Threads of the process"),
    gauge(of::STARTED, "seconds", &[], "When the process started, in seconds since 1970"),
    gauge(of::LOAD, "", &["window"], "Load of the box over 1, 5 and 15 minutes"),
    gauge(of::MEMORY, "bytes", &[], "Memory of the box"),
    gauge(of::AVAILABLE, "bytes", &[], "Memory that is available on the box"),
    gauge(of::SWAP, "bytes", &[], "Swap in use"),
    gauge(of::DISK, "bytes", &[], "Size of the data folder's disk"),
    gauge(of::DISK_FREE, "bytes", &[], "Free space on the data folder's disk"),
    gauge(of::TEMPERATURE, "celsius", &[], "The hottest sensor"),
    gauge(of::SERIES, "", &[], "Series that are known to the store of metrics"),
    counter(of::SERIES_REFUSED, &[], "New series that found no place in the store of metrics"),
    counter(of::SAMPLES, &[], "Samples that were recorded since the start"),
    gauge(of::TELEMETRY_BYTES, "bytes", &["tier"], "What recorded metrics take on disk: raw, middle, hour, and the file"),
    counter(of::TRACES, &["outcome"], "Traces for the collector since the start: sent, or dropped because they were refused or had to give way"),
    gauge(of::ALERTS, "", &["state"], "Alerts that are pending or fire"),
    RULES_SECONDS,
    NOTICES,
    gauge(of::NOTICES_WAITING, "", &[], "Notices that are not sent yet"),
    DECISIONS,
    gauge(of::APPROVALS, "", &[], "Requests that wait for votes"),
    gauge(of::APPROVALS_AGE, "seconds", &[], "For how long the oldest request has waited for votes"),
    gauge(of::REVIEW_UNDECIDED, "", &[], "Grants that nobody decided yet in the review that is open"),
    gauge(of::REVIEW_LATE, "seconds", &[], "For how long the open review of grants is over its time"),
    gauge(of::INCIDENTS, "", &["severity"], "Incidents that are neither resolved nor closed"),
    gauge(of::AUDIT, "", &[], "Entries of the audit log"),
    gauge(of::AUDIT_UNANCHORED, "", &[], "Entries of the audit log that nobody else has confirmed yet"),
    gauge(of::RULES_FAILING, "", &[], "Rules that could not be evaluated, and files of rules that could not be read"),
    gauge(of::BACKUP_AGE, "seconds", &[], "Age of the newest good backup, where backups are scheduled"),
    gauge(of::PROBE_UP, "", &["probe", "kind"], "1 while a probe is up, 0 while it is down"),
    gauge(of::PROBE_SECONDS, "seconds", &["probe"], "Time that a probe took last"),
    gauge(of::PROBE_VALUE, "", &["probe", "kind"], "What a probe measured last: a status, an age in seconds, days that are left, percent worn"),
    counter(of::PROBE_RUNS, &["probe", "outcome"], "Looks of a probe since the start: good, bad"),
    counter(of::STATSD, &["outcome"], "Lines of statsd datagrams: taken, bad, refused (no room, or a name of the box's own)"),
    SCRAPES,
    SCRAPE_SECONDS,
    counter(of::OVERFLOW, &[], "Label values that found no place in their metric and were counted as 'other'"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metric::{is_label_name, is_metric_name};
    use std::collections::HashSet;

    #[test]
    fn the_table_is_sound() {
        let mut names = HashSet::new();
        for one in TABLE {
            assert!(names.insert(one.name), "{} twice", one.name);
            assert!(
                is_metric_name(one.name) && one.labels.iter().all(|label| is_label_name(label)),
                "{}",
                one.name
            );
            assert!(one.name.starts_with("spud_") || one.name.starts_with("process_"), "{}", one.name);
            assert_eq!(one.kind == Kind::Counter, one.name.ends_with("_total"), "{}", one.name);
            assert_eq!(one.kind == Kind::Info, one.name.ends_with("_info"), "{}", one.name);
            let stem = one.name.trim_end_matches("_total");
            assert!(one.unit.is_empty() || stem.ends_with(one.unit), "{}: {}", one.name, one.unit);
            assert!(!one.help.ends_with('.') && one.help.len() > 5, "{}", one.name);
            assert!(one.bounds.windows(2).all(|pair| pair[0] < pair[1]), "{}", one.name);
            assert_eq!(one.kind == Kind::Histogram, !one.bounds.is_empty(), "{}", one.name);
        }
    }
}
