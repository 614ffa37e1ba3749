//! Where the box's time, memory and disk go, part by part.

use super::run::Inner;
use super::status;
use crate::api::types::{Profile, ProfileRow};
use crate::base::InOrder;
use crate::hardware::{Shares, mappings, threads, traffic};
use crate::observe::metric::Reading;

/// What of the counted times stands for a kind of work: the metric, and how it is called here.
const TIMES: [(&str, &str); 4] = [
    ("spud_query_seconds", "question"),
    ("spud_query_stage_seconds", "stage"),
    ("spud_api_request_seconds", "request"),
    ("spud_telemetry_scrape_seconds", "metrics"),
];

fn rows(shares: Shares) -> Vec<ProfileRow> {
    sorted(shares.into_iter().map(|(name, share)| row(name, share.count, share.total)).collect())
}

fn row(name: impl Into<String>, count: u64, total: u64) -> ProfileRow {
    ProfileRow { name: name.into(), count, total }
}

fn sorted(mut rows: Vec<ProfileRow>) -> Vec<ProfileRow> {
    rows.order_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    rows
}

pub(super) fn read(inner: &Inner) -> Profile {
    let mut cpu = rows(threads());
    let lived: u64 = cpu.iter().map(|row| row.total).sum();
    // The kernel counts threads in whole ticks, and keeps the time of those that are over with the process only.
    let ended = inner.meters.process().cpu_us.saturating_sub(lived);
    cpu.push(row("threads that ended", 0, ended));
    let mut io = rows(traffic());
    let stores = [
        ("corpus.redb", inner.library.written()),
        ("control.redb", inner.modes.control.written()),
        ("telemetry.redb", inner.telemetry.written()),
    ];
    io.extend(stores.map(|(name, written)| row(format!("{name} written"), written.commits, written.bytes)));
    Profile {
        uptime_ms: inner.clock.monotonic_us().saturating_sub(inner.started_us) / 1000,
        cpu: sorted(cpu),
        memory: rows(mappings()),
        budgets: status::read(inner).budgets,
        io,
        time: times(inner),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // seconds since the start, never negative
fn times(inner: &Inner) -> Vec<ProfileRow> {
    let (families, _) = inner.instruments.read();
    let mut all = Vec::new();
    for (metric, kind) in TIMES {
        for point in families.iter().filter(|family| family.name == metric).flat_map(|family| &family.points)
        {
            let Reading::Histogram { buckets, sum } = &point.reading else { continue };
            let labels: Vec<&str> = point.labels.iter().map(|(_, value)| value.as_str()).collect();
            let name = format!("{kind} {}", labels.join(" "));
            let count = buckets.last().map_or(0, |(_, count)| *count);
            if count > 0 {
                all.push(row(name.trim_end(), count, (sum * 1e6) as u64));
            }
        }
    }
    sorted(all)
}
