//! One look at whatever a probe is for.

use std::path::Path;
use std::time::{Instant, UNIX_EPOCH};

use super::wire::{Deadline, open, secure};
use super::{Check, Probe, certificate, dns, exec, http};
use crate::observe::intake::{Sample, marked, read_scraped};

/// Bytes of the metrics of one target.
const SCRAPE_BYTES: usize = 1 << 20;
/// Letters of what a program said that are told.
const SAID: usize = 200;
const REPORT_BYTES: usize = 64 << 10;
const DAY_MS: f64 = 86_400_000.0;
/// Where Linux tells of block devices, and where programs that only root runs are.
const BLOCK: &str = "/sys/block";
const SMARTCTL: [&str; 2] = ["/usr/sbin/smartctl", "/usr/local/sbin/smartctl"];

/// What a look saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    pub good: bool,
    /// In words, for people.
    pub what: String,
    /// A status, an age, what is left in days, a part that is worn: whatever the check measures.
    pub value: Option<f64>,
    pub took_us: u64,
    /// Metrics of a target, with its labels.
    pub samples: Vec<Sample>,
}

type Seen = (bool, String, Option<f64>);

/// Looks once; `now_ms` is the time of day, for what has an age.
#[must_use]
pub fn run(probe: &Probe, now_ms: u64) -> Looked {
    let began = Instant::now();
    let deadline = Deadline::within(probe.rhythm.timeout_ms);
    let mut samples = Vec::new();
    let seen = match &probe.check {
        Check::Scrape { .. } => scraped(probe, deadline).map(|found| {
            samples = found;
            (true, format!("{} samples", samples.len()), None)
        }),
        check => look(check, deadline, now_ms),
    };
    let (good, what, value) = seen.unwrap_or_else(|what| (false, what, None));
    let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    Looked { good, what, value, took_us, samples }
}

fn look(check: &Check, deadline: Deadline, now_ms: u64) -> Result<Seen, String> {
    match check {
        Check::Http { place, tls, target, headers } => {
            let (wire, host) = (open(place, deadline)?, place.instance());
            let got = if *tls {
                let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
                let (mut stream, _) = secure(wire, name.trim_matches(['[', ']']))?;
                http::get(&mut stream, &host, target, headers, 0)?
            } else {
                let mut wire = wire;
                http::get(&mut wire, &host, target, headers, 0)?
            };
            let good = (200..400).contains(&got.status);
            Ok((good, format!("status {}", got.status), Some(f64::from(got.status))))
        }
        Check::Connect(place) => {
            open(place, deadline).map(|_| (true, "it takes connections".to_owned(), None))
        }
        Check::Exec(command) => {
            let ended = exec::run(command, deadline, SAID)?;
            let said: String = String::from_utf8_lossy(&ended.said).trim().chars().take(SAID).collect();
            let end = match (ended.code, ended.signal) {
                (Some(code), _) => format!("exit code {code}"),
                (None, signal) => format!("ended by signal {}", signal.unwrap_or(0)),
            };
            let what = if said.is_empty() { end } else { format!("{end}: {said}") };
            Ok((ended.code == Some(0), what, ended.code.map(f64::from)))
        }
        Check::Dns { name, server } => {
            let count = dns::look(name, server.as_deref(), deadline)?;
            #[allow(clippy::cast_precision_loss)] // a handful
            Ok((true, format!("{count} addresses"), Some(count as f64)))
        }
        Check::FileAge { path, most_ms } => file_age(path, *most_ms, now_ms),
        Check::CertificateFile { path, least_ms } => {
            certificate::of_file(path).map(|ends| valid(ends, *least_ms, now_ms))
        }
        Check::CertificateServer { host, port, least_ms } => {
            let place = super::Place::Tcp { host: host.clone(), port: *port };
            let (_, shown) = secure(open(&place, deadline)?, host)?;
            certificate::ends(&shown).map(|ends| valid(ends, *least_ms, now_ms))
        }
        Check::Disk(device) => disk(Path::new(BLOCK), device, deadline),
        Check::Scrape { .. } => Err("a target is scraped, not looked at".to_owned()),
    }
}

#[allow(clippy::cast_precision_loss)] // milliseconds of our centuries have 42 bits
fn file_age(path: &Path, most_ms: u64, now_ms: u64) -> Result<Seen, String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let changed = std::fs::metadata(path).and_then(|meta| meta.modified()).map_err(told)?;
    let changed_ms = changed.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let age_ms = now_ms.saturating_sub(u64::try_from(changed_ms).unwrap_or(u64::MAX));
    let age = humantime::format_duration(std::time::Duration::from_secs(age_ms / 1000));
    Ok((age_ms <= most_ms, format!("changed {age} ago"), Some(age_ms as f64 / 1000.0)))
}

#[allow(clippy::cast_precision_loss)]
fn valid(ends_ms: u64, least_ms: u64, now_ms: u64) -> Seen {
    let days = (ends_ms as f64 - now_ms as f64) / DAY_MS;
    let asked = least_ms as f64 / DAY_MS;
    let what = if days < 0.0 {
        format!("it ended {:.0} days ago; {asked:.0} days are asked", -days)
    } else {
        format!("valid for {days:.0} days; {asked:.0} are asked")
    };
    (ends_ms >= now_ms.saturating_add(least_ms), what, Some(days))
}

/// What an eMMC tells of itself, or else what smartctl (smartmontools) says of the disk.
fn disk(block: &Path, device: &str, deadline: Deadline) -> Result<Seen, String> {
    if !block.join(device).exists() {
        return Err(format!("there is no disk {device}"));
    }
    if let Some(seen) = worn(&block.join(device).join("device")) {
        return Ok(seen);
    }
    let Some(program) = SMARTCTL.into_iter().find(|path| Path::new(path).exists()) else {
        return Err("it tells nothing of itself, and smartctl (smartmontools) is not installed".to_owned());
    };
    let command = [program, "--json", "--health", &format!("/dev/{device}")].map(str::to_owned);
    let ended = exec::run(&command, deadline, REPORT_BYTES)?;
    health(&ended.said)
}

/// `pre_eol_info` is 1 normal, 2 warning, 3 urgent; `life_time` has two estimates in tenths (JEDEC JESD84-B51).
fn worn(folder: &Path) -> Option<Seen> {
    let hex = |text: &str| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
    let end = hex(&std::fs::read_to_string(folder.join("pre_eol_info")).ok()?)?;
    let life = std::fs::read_to_string(folder.join("life_time")).unwrap_or_default();
    let tenths = life.split_whitespace().filter_map(hex).max().filter(|tenths| *tenths > 0);
    let used = tenths.map(|tenths| tenths * 10);
    let what = used.map_or_else(|| "worn: unknown".to_owned(), |used| format!("worn up to {used} %"));
    let state = ["unknown", "normal", "warning", "urgent"];
    let state = usize::try_from(end).ok().and_then(|end| state.get(end)).unwrap_or(&"unknown");
    let good = end <= 1 && used.is_none_or(|used| used <= 100);
    Some((good, format!("{what}, spare blocks: {state}"), used.map(f64::from)))
}

fn health(report: &[u8]) -> Result<Seen, String> {
    let report: serde_json::Value =
        serde_json::from_slice(report).map_err(|_| "smartctl says nothing of it".to_owned())?;
    match report.pointer("/smart_status/passed").and_then(serde_json::Value::as_bool) {
        Some(true) => Ok((true, "SMART: it passed".to_owned(), None)),
        Some(false) => Ok((false, "SMART: it fails, replace it".to_owned(), None)),
        None => {
            let said = report.pointer("/smartctl/messages/0/string").and_then(serde_json::Value::as_str);
            Err(format!("smartctl: {}", said.unwrap_or("it has no SMART")))
        }
    }
}

fn scraped(probe: &Probe, deadline: Deadline) -> Result<Vec<Sample>, String> {
    let Check::Scrape { place, target } = &probe.check else { return Ok(Vec::new()) };
    let accept = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5";
    let headers = [("Accept".to_owned(), accept.to_owned())];
    let mut wire = open(place, deadline)?;
    let host = match place {
        super::Place::Tcp { .. } => place.instance(),
        super::Place::Unix(_) => "localhost".to_owned(),
    };
    let got = http::get(&mut wire, &host, target, &headers, SCRAPE_BYTES)?;
    if got.status != 200 {
        return Err(format!("status {}", got.status));
    }
    let text = String::from_utf8(got.body).map_err(|_| "the metrics are no UTF-8 text")?;
    let (mut samples, twice) = read_scraped(&text).map_err(|fault| fault.to_string())?;
    if let Some(twice) = twice {
        tracing::warn!(probe = probe.name, what = %twice, "of a series that was scraped twice the first counts");
    }
    let instance = place.instance();
    let own = [("job", probe.name.as_str()), ("instance", instance.as_str())];
    let marks: Vec<(&str, &str)> = own
        .into_iter()
        .chain(probe.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .collect();
    samples.iter_mut().for_each(|sample| sample.labels = marked(&sample.labels, &marks));
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::probe::{Place, Rhythm};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    const NOW: u64 = 1_795_000_000_000;

    fn probe(check: Check) -> Probe {
        let rhythm =
            Rhythm { initial_delay_ms: 0, period_ms: 5000, timeout_ms: 10_000, successes: 1, failures: 1 };
        Probe {
            name: "p".into(),
            check,
            rhythm,
            critical: false,
            labels: vec![("room".into(), "cellar".into())],
        }
    }

    fn seen(check: Check) -> (bool, String) {
        let looked = run(&probe(check), NOW);
        (looked.good, looked.what)
    }

    /// Answers one request.
    fn server(answer: &'static str) -> Place {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        };
        crate::base::spawn("web", 128, serve).unwrap();
        Place::Tcp { host: "127.0.0.1".into(), port }
    }

    #[test]
    fn web_servers_are_judged_by_their_status() {
        let http = |answer| Check::Http {
            place: server(answer),
            tls: false,
            target: "/".into(),
            headers: Vec::new(),
        };
        assert_eq!(seen(http("HTTP/1.1 302 Found\r\n\r\n")), (true, "status 302".into()));
        assert_eq!(seen(http("HTTP/1.1 404 No\r\n\r\n")), (false, "status 404".into()));
        let (good, what) = seen(http("nonsense\r\n\r\n"));
        assert!(!good && what.contains("no HTTP"), "{what}");
    }

    #[test]
    fn a_target_gives_samples_with_its_labels() {
        let place = server("HTTP/1.1 200 OK\r\n\r\n# TYPE a_total counter\na_total{job=\"x\"} 3\n");
        let looked = run(&probe(Check::Scrape { place: place.clone(), target: "/metrics".into() }), NOW);
        assert_eq!((looked.good, looked.what.as_str()), (true, "1 samples"));
        let labels = looked.samples[0].labels.to_string();
        let want = format!(
            r#"{{__name__="a_total", exported_job="x", instance="{}", job="p", room="cellar"}}"#,
            place.instance()
        );
        assert_eq!(labels, want);
        let place = server("HTTP/1.1 200 OK\r\n\r\na b\n");
        let looked = run(&probe(Check::Scrape { place, target: "/metrics".into() }), NOW);
        assert!(!looked.good && looked.what.contains("line 1"), "{}", looked.what);
    }

    #[test]
    fn sockets_take_connections_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(seen(Check::Connect(Place::Unix(path.clone()))).0);
        drop(listener);
        assert_eq!(seen(Check::Connect(Place::Unix(path))), (false, "nobody listens".into()));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = Place::Tcp { host: "127.0.0.1".into(), port };
        assert_eq!(seen(Check::Connect(place)), (false, "nobody listens".into()));
    }

    #[test]
    fn files_and_certificates_have_an_age() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let age = |most_ms, now| file_age(file.path(), most_ms, now).unwrap().0;
        let changed = std::fs::metadata(file.path()).unwrap().modified().unwrap();
        let changed = u64::try_from(changed.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        assert!(age(60_000, changed + 60_000) && !age(60_000, changed + 60_001) && age(0, 0));
        assert!(valid(NOW + 15 * 86_400_000, 14 * 86_400_000, NOW).0);
        assert_eq!(valid(NOW + 13 * 86_400_000, 14 * 86_400_000, NOW).1, "valid for 13 days; 14 are asked");
        assert_eq!(
            valid(NOW - 86_400_000, 0, NOW),
            (false, "it ended 1 days ago; 0 days are asked".into(), Some(-1.0))
        );
    }

    #[test]
    fn disks_tell_of_their_wear() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("mmcblk0/device");
        std::fs::create_dir_all(&device).unwrap();
        let write = |name: &str, text: &str| {
            std::fs::File::create(device.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
        };
        let look = || disk(folder.path(), "mmcblk0", Deadline::within(1000)).unwrap();
        write("pre_eol_info", "0x01\n");
        write("life_time", "0x01 0x03\n");
        assert_eq!(look(), (true, "worn up to 30 %, spare blocks: normal".into(), Some(30.0)));
        write("pre_eol_info", "0x03\n");
        assert!(!look().0);
        assert!(disk(folder.path(), "sda", Deadline::within(1000)).unwrap_err().contains("no disk"));
        assert_eq!(health(br#"{"smart_status":{"passed":false}}"#).map(|seen| seen.0), Ok(false));
        assert!(
            health(br#"{"smartctl":{"messages":[{"string":"Permission denied"}]}}"#)
                .unwrap_err()
                .contains("Permission denied")
        );
    }
}
