//! `spud status`: what the box is doing now.

use std::time::Duration;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::types::{CacheStatus, Gauge, Status};
use crate::base::format_bytes;

pub(super) fn run(context: &mut Context) -> Result<u8, CliError> {
    let status: Status = context.connect()?.get("/v1/status")?;
    if context.json {
        context.print_json(&status)?;
        return Ok(0);
    }
    let serves = if status.daemon { format!("daemon, pid {}", status.pid) } else { "no daemon".to_owned() };
    let up = humantime::format_duration(Duration::from_secs(status.uptime_ms / 1000));
    let lines = [
        ("spud", format!("{} ({serves}, up {up})", status.version)),
        ("tier", status.tier.clone()),
        ("mode", super::mode::summary(&status.mode)),
        ("data", format!("{} ({} free)", status.data_dir, format_bytes(status.disk_free_bytes))),
        ("socket", status.socket.clone()),
        ("model", format!("{}, {} columns", status.model, status.vector_width)),
        ("memory", memory(&status)),
        ("processor", processor(&status)),
        (
            "library",
            format!(
                "{} documents, {} passages in {} collections",
                status.documents, status.chunks, status.collections
            ),
        ),
        (
            "disk",
            format!("{} index, {} store", format_bytes(status.index_bytes), format_bytes(status.store_bytes)),
        ),
        (
            "jobs",
            format!(
                "{} running, {} waiting; {} failures",
                status.jobs_running, status.jobs_queued, status.failures
            ),
        ),
        (
            "queries",
            format!(
                "{} (p50 {}, p95 {}, p99 {})",
                status.queries.total,
                milliseconds(status.queries.p50_us),
                milliseconds(status.queries.p95_us),
                milliseconds(status.queries.p99_us)
            ),
        ),
    ];
    for (name, value) in lines {
        context.out.line(&format!("{name:<10} {}", clean(&value)))?;
    }
    context.out.line(&format!("{:<10} {}", "writes", clean(&writes(&status))))?;
    for cache in &status.caches {
        context.out.line(&format!("{:<10} {}", format!("cache {}", clean(&cache.name)), hits(cache)))?;
    }
    for damage in &status.damaged {
        let line = context.out.paint.bad(&format!("damaged    {}", clean(damage)));
        context.out.line(&line)?;
    }
    Ok(0)
}

fn memory(status: &Status) -> String {
    let [resident, anonymous, peak] =
        [status.rss_bytes, status.anonymous_bytes, status.peak_rss_bytes].map(format_bytes);
    format!("{resident} resident, {anonymous} anonymous, {peak} peak")
}

fn processor(status: &Status) -> String {
    let [one, five, fifteen] = status.load;
    let mut text = format!("{:.1} %, load {one:.2} {five:.2} {fifteen:.2}", status.cpu_percent);
    if let Some(celsius) = status.temperature_c {
        text.push_str(&format!(", {celsius:.0} °C"));
    }
    text
}

fn writes(status: &Status) -> String {
    let w = &status.writes;
    let mut text = format!(
        "{} since the start; {} commits of {}",
        format_bytes(w.process_bytes),
        w.commits,
        format_bytes(w.bytes_per_commit)
    );
    if let Some(day) = w.bytes_per_day {
        text.push_str(&format!("; {} a day", format_bytes(day)));
    }
    if let (Some(day), Some(times)) = (w.device_bytes_per_day, w.device_rewrites_per_year) {
        text.push_str(&format!(
            "; the whole disk {} a day, {times:.1} times its size a year",
            format_bytes(day)
        ));
    }
    text
}

#[allow(clippy::cast_precision_loss)] // two digits are shown
fn milliseconds(us: u64) -> String {
    format!("{:.2} ms", us as f64 / 1000.0)
}

#[allow(clippy::cast_precision_loss)] // a percentage
fn hits(cache: &CacheStatus) -> String {
    let asked = cache.hits + cache.misses;
    let rate = if asked > 0 { cache.hits as f64 * 100.0 / asked as f64 } else { 0.0 };
    format!(
        "{rate:.0} % of {asked} hit, {} entries, {} of {}",
        cache.entries,
        format_bytes(cache.bytes),
        format_bytes(cache.limit)
    )
}

/// A budget as a person reads it.
pub(super) fn limit(gauge: &Gauge) -> String {
    if gauge.unit == "bytes" { format_bytes(gauge.limit) } else { gauge.limit.to_string() }
}
