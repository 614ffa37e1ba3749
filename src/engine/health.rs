//! The box looks at itself: every room says how it stands, some are tried a little each time.
//!
//! Each round reads another piece of the index and proves another entry of the audit log, so that damage is found
//! before somebody asks for it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::run::Inner;
use super::{Action, trail, violations};
use crate::api::types::{HealthCheck, HealthReport, ModeAxis};
use crate::observe::health::{ClockWatch, Course, Finding, Verdict};

/// How often a daemon looks, and when after its start.
const EVERY_S: u64 = 300;
const AT_S: u64 = 20;

/// Nothing that the ticker does takes so long: it is stuck. A card that stalls does for half of it.
const STUCK_US: u64 = 60_000_000;

/// What is known of the rounds before, and when the ticker began its last second.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>, AtomicU64);

#[derive(Debug, Default)]
struct State {
    course: Course,
    clock: ClockWatch,
    round: u64,
}

impl Health {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ticker lives.
    pub(super) fn beat(&self, monotonic_us: u64) {
        self.1.store(monotonic_us, Ordering::Relaxed);
    }

    pub(super) fn is_stuck(&self, monotonic_us: u64) -> bool {
        monotonic_us.saturating_sub(self.1.load(Ordering::Relaxed)) > STUCK_US
    }

    /// Each check with its verdict, as the last round found it.
    pub(super) fn verdicts(&self) -> Vec<(Cow<'static, str>, Verdict)> {
        self.state().course.verdicts().collect()
    }

    /// Looks when it is time.
    pub(super) fn tick(inner: &Inner, seconds: u64) {
        if seconds % EVERY_S == AT_S {
            look(inner);
        }
    }
}

/// What answering hangs on, or everything.
pub(super) fn told(inner: &Inner, action: &Action) -> HealthReport {
    if matches!(action, Action::Ready) { ready(inner) } else { look(inner) }
}

/// One round of all checks; what changed is logged.
fn look(inner: &Inner) -> HealthReport {
    let mut state = inner.health.state();
    state.round += 1;
    let (round, now_ms) = (state.round, inner.clock.now_ms());
    let mut findings = gating(inner);
    findings.push(state.clock.step(now_ms, inner.clock.monotonic_us() / 1000));
    findings.extend([control(inner), index(inner, round), audit(inner, round), entropy(), uplink(inner)]);
    findings.push(violations::stands(inner));
    findings.extend(inner.probes.findings(false));
    findings.extend(super::access::review_finding(inner));
    findings.extend(inner.modes.report(&*inner.clock).axes.iter().filter_map(axis));
    for finding in state.course.step(&findings, now_ms) {
        let (check, what) = (&*finding.check, finding.what.as_str());
        match finding.verdict {
            Verdict::Pass => tracing::info!(check, what, "a health check passes again"),
            Verdict::Warn => tracing::warn!(check, what, advice = finding.advice, "a health check warns"),
            Verdict::Fail => tracing::error!(check, what, advice = finding.advice, "a health check fails"),
        }
    }
    let since = |check: &str| state.course.since(check).unwrap_or(now_ms);
    report(&findings, now_ms, &since)
}

/// Only what answering hangs on.
fn ready(inner: &Inner) -> HealthReport {
    let now_ms = inner.clock.now_ms();
    report(&gating(inner), now_ms, &|check| inner.health.state().course.since(check).unwrap_or(now_ms))
}

fn report(findings: &[Finding], now_ms: u64, since: &dyn Fn(&str) -> u64) -> HealthReport {
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass);
    let checks = findings.iter().map(|finding| HealthCheck {
        name: finding.check.to_string(),
        status: finding.verdict.name().to_owned(),
        detail: finding.what.clone(),
        advice: finding.advice.to_owned(),
        since_ms: since(&finding.check),
        gates: finding.gates,
    });
    HealthReport {
        status: worst.name().to_owned(),
        ready: !findings.iter().any(|finding| finding.gates && finding.verdict == Verdict::Fail),
        checked_ms: now_ms,
        checks: checks.collect(),
    }
}

fn gating(inner: &Inner) -> Vec<Finding> {
    let catalogue = match inner.library.database().begin_read() {
        Ok(_) => Finding::pass("catalogue", "corpus.redb can be read"),
        Err(error) => Finding::fail("catalogue", format!("corpus.redb: {error}"), "spud check; spud salvage"),
    };
    let model = match inner.library.check_model() {
        Ok(()) => Finding::pass("model", "its tables are whole"),
        Err(damage) => {
            Finding::fail("model", damage.to_string(), "spud check --repair unpacks the embedded one")
        }
    };
    let mut all = vec![catalogue.gating(), model.gating()];
    all.extend(inner.probes.findings(true));
    all
}

fn control(inner: &Inner) -> Finding {
    match inner.modes.control.snapshot() {
        Ok(_) => Finding::pass("control", "control.redb can be read"),
        Err(error) => Finding::fail("control", format!("control.redb: {error}"), "spud check; spud salvage"),
    }
}

fn index(inner: &Inner, round: u64) -> Finding {
    // What is damaged is taken out of what is served, and told with all that was found before.
    let read = inner.library.check_part(round);
    let damaged = inner.library.snapshot().damaged.clone();
    match (damaged.first(), read) {
        (Some(first), _) => {
            let more =
                if damaged.len() > 1 { format!(", and {} more", damaged.len() - 1) } else { String::new() };
            let advice = "spud check --repair indexes its documents again";
            Finding::fail("index", format!("{first}{more}"), advice)
        }
        (None, Ok(blocks)) => Finding::pass("index", format!("{blocks} blocks read, all whole")),
        (None, Err(damage)) => Finding::fail("index", damage.to_string(), "spud check --repair"),
    }
}

fn audit(inner: &Inner, round: u64) -> Finding {
    if inner.settings.scratch {
        return Finding::pass("audit", "a throw-away box keeps none");
    }
    match trail::prove_one(inner, round) {
        Ok(None) => Finding::pass("audit", "no entry yet"),
        Ok(Some(sequence)) => Finding::pass("audit", format!("entry {sequence} is in the tree")),
        Err(what) => Finding::fail("audit", what, "spud audit verify says what else is wrong"),
    }
}

fn entropy() -> Finding {
    match rustix::rand::getrandom(&mut [0u8; 8][..], rustix::rand::GetRandomFlags::NONBLOCK) {
        Ok(8) => Finding::pass("entropy", "the kernel has random numbers"),
        _ => Finding::warn(
            "entropy",
            "the kernel has no random numbers yet",
            "keys are made once it has; wait",
        ),
    }
}

/// Whether there is a way out, for a box that has an upstream to tell.
fn uplink(inner: &Inner) -> Finding {
    let wanted = inner.config.running().text("queue.upstream").is_some();
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    let routes6 = std::fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    match (way_out(&routes, &routes6), wanted) {
        (Some(device), _) => Finding::pass("uplink", format!("there is a way out over {device}")),
        (None, false) => Finding::pass("uplink", "no way out, and none is needed"),
        (None, true) => {
            Finding::warn("uplink", "there is no default route: the upstream is out of reach", "ip route")
        }
    }
}

/// The device of the first default route, as the kernel lists them (proc(5)); loopback is no way out.
fn way_out<'a>(routes: &'a str, routes6: &'a str) -> Option<&'a str> {
    let old = routes.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [device, "00000000", _, _, _, _, _, "00000000", ..] = words[..] else { return None };
        Some(device)
    });
    let new = routes6.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [to, "00", _, _, _, _, _, _, .., device] = words[..] else { return None };
        to.bytes().all(|byte| byte == b'0').then_some(device)
    });
    old.chain(new).find(|device| *device != "lo")
}

/// An axis of the modes, in the words of a check; nothing of one that no check is named for.
fn axis(axis: &ModeAxis) -> Option<Finding> {
    const NAMED: [&str; 7] = ["latency", "errors", "upstream", "memory", "disk", "thermal", "store"];
    let name = NAMED.into_iter().find(|name| *name == axis.axis)?;
    // A measure stands there once for each of its limits.
    let mut readings: Vec<String> = Vec::new();
    for reading in axis.readings.iter().filter(|reading| reading.value != "-") {
        let said = format!("{}: {}", reading.what, reading.value);
        if !readings.contains(&said) {
            readings.push(said);
        }
    }
    if readings.is_empty() {
        readings.push("nothing measured yet".to_owned());
    }
    Some(match axis.mode.as_str() {
        "normal" => Finding::pass(name, readings.join("; ")),
        "emergency" => Finding::fail(name, axis.reason.clone(), "spud mode explain"),
        _ => Finding::warn(name, axis.reason.clone(), "spud mode explain"),
    })
}

#[cfg(test)]
mod tests {
    use super::way_out;

    #[test]
    fn a_default_route_is_a_way_out() {
        let head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n";
        let lan = format!("{head}eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n");
        let default = format!("{lan}wlan0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\n");
        assert_eq!((way_out(&lan, ""), way_out(&default, "")), (None, Some("wlan0")));
        let zeros = "0".repeat(32);
        let six = |device: &str| {
            format!(
                "{zeros} 00 {zeros} 00 fe800000000000000000000000000001 00000400 1 0 00000003   {device}\n"
            )
        };
        assert_eq!(
            (way_out("", &six("lo")), way_out("", &six("eth1")).map(str::to_owned)),
            (None, Some("eth1".to_owned()))
        );
    }
}
