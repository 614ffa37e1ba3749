//! Files of probes and targets: `[[probe]]` with Kubernetes' field names, and `[[scrape]]`.

use std::path::PathBuf;

use super::{Check, Place, Probe, Rhythm};
use crate::base::InOrder;
use crate::observe::alert::rules::{Format, Node, Problem, Reader, get, parse_document};
use crate::observe::metric::is_label_name;

/// Probes and targets of one file.
const MOST: usize = 100;
const FILE: [&str; 2] = ["probe", "scrape"];
const PROBE: [&str; 15] = [
    "name",
    "critical",
    "initialDelaySeconds",
    "periodSeconds",
    "timeoutSeconds",
    "successThreshold",
    "failureThreshold",
    "httpGet",
    "tcpSocket",
    "exec",
    "unixSocket",
    "dns",
    "fileAge",
    "certificate",
    "disk",
];
/// Of those above, what is looked at: each probe has one of these.
const KINDS: usize = 8;
const SCRAPE: [&str; 5] = ["name", "url", "interval", "timeout", "labels"];
const DAY_MS: u64 = 86_400_000;
/// Shortest and longest time between two scrapes (beyond, a series would be stale between them), and the usual one.
const INTERVAL_LEAST_MS: u64 = 5_000;
const INTERVAL_MOST_MS: u64 = 240_000;
const INTERVAL_MS: u64 = 15_000;
const SCRAPE_TIMEOUT_MS: u64 = 5_000;

/// Reads a file.
///
/// # Errors
/// Everything that is wrong, by place.
pub fn read_probes(text: &str, format: Format) -> Result<Vec<Probe>, Vec<Problem>> {
    let root = parse_document(text, format).map_err(|problem| vec![problem])?;
    let mut reading = Reading(Reader::new(text, ""));
    let pairs = reading.0.map(&root, "a file of probes", &FILE);
    let mut all: Vec<Probe> = Vec::new();
    let probes = reading.0.list(get(pairs, "probe"), "probe").iter().map(|node| (node, false));
    let targets = reading.0.list(get(pairs, "scrape"), "scrape").iter().map(|node| (node, true));
    for (node, is_target) in probes.chain(targets).collect::<Vec<_>>() {
        let read = if is_target { reading.target(node) } else { reading.probe(node) };
        if all.len() >= MOST {
            reading.0.wrong(node, format!("a file holds at most {MOST} probes"), "make several files of it");
            break;
        }
        if let Some(read) = read {
            if all.iter().any(|known| known.name == read.name) {
                reading.0.wrong(node, format!("there are two called {:?}", read.name), "names differ");
            }
            all.push(read);
        }
    }
    reading.0.problems.order_by_key(|problem| problem.at);
    if reading.0.problems.is_empty() { Ok(all) } else { Err(reading.0.problems) }
}

/// Name, checked like a label's value that people type.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

struct Reading<'a>(Reader<'a>);

type Pairs = [(Node, Node)];

impl Reading<'_> {
    fn number(&mut self, pairs: &Pairs, name: &'static str, least: u64, most: u64, usual: u64) -> u64 {
        let Some(node) = get(pairs, name) else { return usual };
        let text = self.0.text(Some(node), name).unwrap_or_default();
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                self.0.wrong(node, format!("{name}: {text:?} is no number from {least} to {most}"), "");
                usual
            }
        }
    }

    fn text(&mut self, pairs: &Pairs, name: &'static str) -> String {
        self.0.text(get(pairs, name), name).unwrap_or_default()
    }

    /// A text that has to be there.
    fn needed(&mut self, node: &Node, pairs: &Pairs, name: &'static str, such: &'static str) -> String {
        let text = self.text(pairs, name);
        if text.is_empty() {
            self.0.wrong(node, format!("there is no {name}"), such);
        }
        text
    }

    fn name(&mut self, node: &Node, pairs: &Pairs) -> String {
        let name = self.text(pairs, "name");
        if !is_name(&name) {
            self.0.wrong(
                node,
                format!("{name:?} is no name"),
                "name = \"...\": letters, digits, '-', '_', '.'",
            );
        }
        name
    }

    fn port(&mut self, node: &Node, pairs: &Pairs, usual: u64) -> u16 {
        if usual == 0 && get(pairs, "port").is_none() {
            self.0.wrong(node, "there is no port", "port = 8080");
        }
        u16::try_from(self.number(pairs, "port", 1, 65_535, usual)).unwrap_or(0)
    }

    fn path(&mut self, node: &Node, pairs: &Pairs, name: &'static str) -> PathBuf {
        let text = self.text(pairs, name);
        if !text.starts_with('/') {
            self.0.wrong(node, format!("{name}: {text:?} is no absolute path"), "");
        }
        PathBuf::from(text)
    }

    fn probe(&mut self, node: &Node) -> Option<Probe> {
        let pairs = self.0.map(node, "a probe", &PROBE);
        let name = self.name(node, pairs);
        let critical = self.text(pairs, "critical") == "true";
        let mut seconds = |name, least, usual| self.number(pairs, name, least, 86_400, usual) * 1000;
        let (initial_delay_ms, period_ms) =
            (seconds("initialDelaySeconds", 0, 0), seconds("periodSeconds", 1, 10));
        let timeout_ms = self.number(pairs, "timeoutSeconds", 1, 60, 1) * 1000;
        let mut times = |name, usual| u32::try_from(self.number(pairs, name, 1, 1000, usual)).unwrap_or(1);
        let (successes, failures) = (times("successThreshold", 1), times("failureThreshold", 3));
        let rhythm = Rhythm { initial_delay_ms, period_ms, timeout_ms, successes, failures };
        let kinds = PROBE.iter().rev().take(KINDS).copied().collect::<Vec<_>>();
        let mut found = kinds.iter().filter_map(|kind| Some((*kind, get(pairs, kind)?)));
        let (Some((kind, inner)), None) = (found.next(), found.next()) else {
            let what = format!("a probe looks at one thing: {}", kinds.join(", "));
            self.0.wrong(node, what, "httpGet = { port = 8080, path = \"/healthz\" }");
            return None;
        };
        let check = self.check(kind, inner)?;
        Some(Probe { name, check, rhythm, critical, labels: Vec::new() })
    }

    fn check(&mut self, kind: &str, node: &Node) -> Option<Check> {
        let known: &[&str] = match kind {
            "httpGet" => &["path", "port", "host", "scheme", "httpHeaders"],
            "tcpSocket" => &["host", "port"],
            "exec" => &["command"],
            "dns" => &["name", "server"],
            "fileAge" => &["path", "maxAgeSeconds"],
            "certificate" => &["file", "host", "port", "minDays"],
            "disk" => &["device"],
            _ => &["path"],
        };
        let pairs = self.0.map(node, kind, known);
        let host = match self.text(pairs, "host") {
            none if none.is_empty() => "127.0.0.1".to_owned(),
            host => host,
        };
        Some(match kind {
            "httpGet" => self.http(node, pairs, host),
            "tcpSocket" => Check::Connect(Place::Tcp { host, port: self.port(node, pairs, 0) }),
            "exec" => {
                let command = self.0.names(get(pairs, "command"), "command");
                if command.first().is_none_or(|program| !program.starts_with('/')) {
                    let such = "command = [\"/usr/bin/pg_isready\", \"-q\"]";
                    self.0.wrong(node, "a command begins with the absolute path of a program", such);
                }
                Check::Exec(command)
            }
            "dns" => {
                let name = self.needed(node, pairs, "name", "name = \"example.org\"");
                Check::Dns { name, server: Some(self.text(pairs, "server")).filter(|text| !text.is_empty()) }
            }
            "fileAge" => {
                let most_ms = self.number(pairs, "maxAgeSeconds", 1, 3_155_760_000, 86_400) * 1000;
                Check::FileAge { path: self.path(node, pairs, "path"), most_ms }
            }
            "certificate" => {
                let least_ms = self.number(pairs, "minDays", 0, 3650, 14) * DAY_MS;
                match get(pairs, "file") {
                    Some(_) => Check::CertificateFile { path: self.path(node, pairs, "file"), least_ms },
                    None => Check::CertificateServer { host, port: self.port(node, pairs, 443), least_ms },
                }
            }
            "disk" => {
                let device = self.needed(node, pairs, "device", "device = \"mmcblk0\"");
                let device = device.trim_start_matches("/dev/").to_owned();
                if !is_name(&device) {
                    self.0.wrong(
                        node,
                        format!("{device:?} is no disk"),
                        "as /sys/block has it: sda, mmcblk0",
                    );
                }
                Check::Disk(device)
            }
            _ => Check::Connect(Place::Unix(self.path(node, pairs, "path"))),
        })
    }

    fn http(&mut self, node: &Node, pairs: &Pairs, host: String) -> Check {
        let tls = match self.text(pairs, "scheme").to_ascii_uppercase().as_str() {
            "" | "HTTP" => false,
            "HTTPS" => true,
            other => {
                self.0.wrong(node, format!("scheme: {other:?} is neither HTTP nor HTTPS"), "");
                false
            }
        };
        let mut target = self.text(pairs, "path");
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        if !plain(&target) {
            self.0.wrong(
                node,
                format!("path: {target:?} has letters that no request carries"),
                "encode them as %20",
            );
        }
        let mut headers = Vec::new();
        for header in self.0.list(get(pairs, "httpHeaders"), "httpHeaders") {
            let pairs = self.0.map(header, "a header", &["name", "value"]);
            let (name, value) = (self.text(pairs, "name"), self.text(pairs, "value"));
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty()
                || !name.chars().all(is_token)
                || !value.chars().all(|c| (' '..='~').contains(&c))
            {
                self.0.wrong(header, format!("{name:?} is no header"), "name and value of plain letters");
            }
            headers.push((name, value));
        }
        Check::Http { place: Place::Tcp { host, port: self.port(node, pairs, 0) }, tls, target, headers }
    }

    fn target(&mut self, node: &Node) -> Option<Probe> {
        let pairs = self.0.map(node, "a target", &SCRAPE);
        let name = self.name(node, pairs);
        let interval = self.0.duration(get(pairs, "interval"), "interval").unwrap_or(INTERVAL_MS);
        let timeout_ms = self.0.duration(get(pairs, "timeout"), "timeout").unwrap_or(SCRAPE_TIMEOUT_MS);
        if !(INTERVAL_LEAST_MS..=INTERVAL_MOST_MS).contains(&interval)
            || timeout_ms == 0
            || timeout_ms > interval
        {
            self.0.wrong(
                node,
                "an interval is 5s to 4m, a timeout no longer than that",
                "interval = \"15s\"",
            );
        }
        let labels = self.0.pairs(get(pairs, "labels"), "labels");
        for (label, _) in labels.iter().filter(|(label, _)| !is_label_name(label)) {
            self.0.wrong(node, format!("labels: {label:?} is no name of a label"), "letters, digits and _");
        }
        let url = self.text(pairs, "url");
        let Some((place, target)) = address(&url) else {
            let such = "http://127.0.0.1:9100/metrics, or http://unix:/run/app.sock:/metrics";
            self.0.wrong(node, format!("url: {url:?} is no address on this box"), such);
            return None;
        };
        let rhythm =
            Rhythm { initial_delay_ms: 0, period_ms: interval, timeout_ms, successes: 1, failures: 1 };
        Some(Probe { name, check: Check::Scrape { place, target }, rhythm, critical: false, labels })
    }
}

fn plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x21..0x7f).contains(&byte))
}

/// Only what runs on this box: loopback, or a socket in the way nginx writes it.
fn address(url: &str) -> Option<(Place, String)> {
    let rest = url.strip_prefix("http://").filter(|rest| plain(rest))?;
    if let Some(unix) = rest.strip_prefix("unix:") {
        let (path, target) = unix.split_once(':').unwrap_or((unix, "/metrics"));
        let is_path = path.len() > 1 && path.starts_with('/') && target.starts_with('/');
        return is_path.then(|| (Place::Unix(path.into()), target.to_owned()));
    }
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, target) = rest.split_at(at);
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 80),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let target = if target.is_empty() { "/metrics" } else { target };
    is_here.then(|| (Place::Tcp { host: host.to_owned(), port }, target.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[probe]]
name = "web"
critical = true
initialDelaySeconds = 3
periodSeconds = 20
timeoutSeconds = 2
successThreshold = 2
failureThreshold = 4
httpGet = { path = "/healthz", port = 8080, scheme = "HTTPS", httpHeaders = [{ name = "X-A", value = "b" }] }
[[probe]]
name = "db"
tcpSocket = { host = "::1", port = 5432 }
[[probe]]
name = "backup"
fileAge = { path = "/var/backup/last", maxAgeSeconds = 3600 }
[[probe]]
name = "card"
disk = { device = "/dev/mmcblk0" }
[[scrape]]
name = "node"
url = "http://localhost:9100/metrics?a=b"
interval = "30s"
labels = { room = "cellar" }
[[scrape]]
name = "app"
url = "http://unix:/run/app.sock:/m"
"#;

    #[test]
    fn probes_are_read_in_kubernetes_words() {
        let all = read_probes(GOOD, Format::Toml).unwrap();
        let kinds: Vec<&str> = all.iter().map(|probe| probe.check.kind()).collect();
        assert_eq!(kinds, ["http", "tcp", "file", "disk", "scrape", "scrape"]);
        assert_eq!(all[0].check.what(), "https://127.0.0.1:8080/healthz");
        let want =
            Rhythm { initial_delay_ms: 3000, period_ms: 20_000, timeout_ms: 2000, successes: 2, failures: 4 };
        assert!(all[0].critical && all[0].rhythm == want, "{:?}", all[0]);
        let usual =
            Rhythm { initial_delay_ms: 0, period_ms: 10_000, timeout_ms: 1000, successes: 1, failures: 3 };
        assert_eq!((all[1].rhythm, all[1].check.what().as_str()), (usual, "[::1]:5432"));
        assert_eq!(all[3].check, Check::Disk("mmcblk0".into()));
        assert_eq!(
            (all[4].rhythm.period_ms, all[4].check.what().as_str()),
            (30_000, "http://localhost:9100/metrics?a=b")
        );
        assert_eq!(all[5].check.what(), "http://unix:/run/app.sock/m");
        let yaml = "probe:\n- name: a\n  periodSeconds: 5\n  exec:\n    command: [/bin/true, -x]\n";
        let all = read_probes(yaml, Format::Yaml).unwrap();
        assert_eq!(all[0].check, Check::Exec(vec!["/bin/true".into(), "-x".into()]));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = "[[probe]]\nname = 'a b'\nperiodSeconds = 0\ntcpSocket = {}\n[[probe]]\nname = 'x'\n\
            [[probe]]\nname = 'y'\ndisk = { device = 'a' }\nexec = { command = ['ls'] }\n\
            [[probe]]\nname = 'z'\nexec = { command = ['ls'] }\n[[probe]]\nname = 'w'\nhttpget = {}\n\
            [[scrape]]\nname = 's'\nurl = 'http://10.0.0.7:9100'\n[[scrape]]\nname = 's2'\nurl = 'http://[::1]:1'\n\
            interval = '1s'\n[[scrape]]\nname = 's2'\nurl = 'http://127.0.0.1'\nlabels = { 'a-b' = 'c' }\n";
        let problems = read_probes(text, Format::Toml).unwrap_err();
        let all = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        for part in [
            "\"a b\" is no name",
            "periodSeconds: \"0\"",
            "no port",
            "a probe looks at one thing",
            "absolute path of a program",
            "\"httpGet\"",
            "no address on this box",
            "5s to 4m",
            "two called \"s2\"",
            "\"a-b\" is no name",
        ] {
            assert!(all.contains(part), "{part}:\n{all}");
        }
    }
}
