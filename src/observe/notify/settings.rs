//! `notify.toml`: receivers, and the routes that alerts take to them.

use std::collections::HashSet;

use crate::base::InOrder;
use crate::observe::alert::rules::{Format, Node, Problem, Reader, get, parse_document};
use crate::observe::promql::Matcher;

const FILE: [&str; 2] = ["receivers", "routes"];
const RECEIVER: [&str; 13] = [
    "name",
    "kind",
    "url",
    "token",
    "secret",
    "most_per_hour",
    "from",
    "to",
    "user",
    "tls",
    "ca",
    "client_certificate",
    "client_key",
];
const ROUTE: [&str; 10] = [
    "name",
    "receivers",
    "matchers",
    "group_by",
    "wait",
    "interval",
    "repeat",
    "quiet",
    "urgent",
    "resolved",
];
/// Receivers, and routes, of a box.
const MOST: usize = 50;
const WAIT_MS: u64 = 30_000;
const INTERVAL_MS: u64 = 5 * 60_000;
const REPEAT_MS: u64 = 4 * 3_600_000;
const MOST_PER_HOUR: u32 = 30;
const MINUTES_A_DAY: u64 = 24 * 60;

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The box itself keeps and shows it.
    Inbox,
    /// Text with the headers of ntfy.
    Webhook,
    Slack,
    Discord,
    /// Standard Webhooks 1.0.0, signed.
    Standard,
    /// A letter over SMTP.
    Mail,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Inbox, Self::Webhook, Self::Slack, Self::Discord, Self::Standard, Self::Mail];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Standard => "standard",
            Self::Mail => "smtp",
        }
    }
}

/// Somebody who is told. Secrets are named by where they lie; so may an address be.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    pub name: String,
    pub kind: Kind,
    /// Often a secret itself: never shown.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: String,
    /// Signs messages of [`Kind::Standard`].
    pub secret: String,
    pub most_per_hour: u32,
    pub mail: Mail,
    pub tls: TlsFiles,
}

/// Who writes to whom, and how a mail server is reached: `secret` is the password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub user: String,
    /// Not kept from being read: for a server on this box.
    pub open: bool,
}

/// Absolute paths of files in PEM; empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates that are trusted in place of the system's.
    pub ca: String,
    /// What the box shows of itself, and the key to it.
    pub certificate: String,
    pub key: String,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Receiver({} {})", self.name, self.kind.name())
    }
}

/// A time of day, in minutes of UTC; it may end on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    pub from: u64,
    pub to: u64,
}

impl Quiet {
    /// Reads `22:00-06:30`.
    fn parse(text: &str) -> Option<Self> {
        let time = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let (from, to) = text.split_once('-')?;
        Some(Self { from: time(from)?, to: time(to)? }).filter(|quiet| quiet.from != quiet.to)
    }

    /// True while it is quiet, at this time in milliseconds since 1970.
    #[must_use]
    pub fn holds(self, now_ms: u64) -> bool {
        let minute = now_ms / 60_000 % MINUTES_A_DAY;
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// Alerts that match go to these receivers, together with their like.
#[derive(Debug, Clone)]
pub struct Route {
    pub name: String,
    pub receivers: Vec<String>,
    /// All have to match; none matches everything.
    pub matchers: Vec<Matcher>,
    pub group_by: Vec<String>,
    /// From the first news to the first notice, and between two notices: what comes meanwhile goes along.
    pub wait_ms: u64,
    pub interval_ms: u64,
    /// What still fires is told again; 0 is never.
    pub repeat_ms: u64,
    pub quiet: Option<Quiet>,
    /// Alerts that are told in quiet hours, too.
    pub urgent: Vec<Matcher>,
    /// Whether the end is told as well.
    pub resolved: bool,
}

/// Who is told of what.
#[derive(Debug, Clone)]
pub struct Settings {
    pub receivers: Vec<Receiver>,
    pub routes: Vec<Route>,
}

impl Default for Settings {
    /// Without a file the box keeps notices for whoever looks.
    fn default() -> Self {
        let inbox = Receiver {
            name: "inbox".to_owned(),
            kind: Kind::Inbox,
            url: String::new(),
            token: String::new(),
            secret: String::new(),
            most_per_hour: 120,
            mail: Mail::default(),
            tls: TlsFiles::default(),
        };
        let route = Route {
            name: "all".to_owned(),
            receivers: vec![inbox.name.clone()],
            matchers: Vec::new(),
            group_by: vec!["alertname".to_owned()],
            wait_ms: 0,
            interval_ms: INTERVAL_MS,
            repeat_ms: 0,
            quiet: None,
            urgent: Vec::new(),
            resolved: true,
        };
        Self { receivers: vec![inbox], routes: vec![route] }
    }
}

/// Reads the file.
///
/// # Errors
/// Everything that is wrong, by place.
pub fn read_settings(text: &str) -> Result<Settings, Vec<Problem>> {
    let root = parse_document(text, Format::Toml).map_err(|problem| vec![problem])?;
    let mut reader = Reader::new(text, "");
    let mut settings = Settings { receivers: Vec::new(), routes: Vec::new() };
    let pairs = reader.map(&root, "notify.toml", &FILE);
    let (receivers, routes) = (get(pairs, "receivers"), get(pairs, "routes"));
    for node in reader.list(receivers, "receivers").iter().take(MOST) {
        let read = receiver(&mut reader, node);
        if settings.receivers.iter().any(|known| known.name == read.name) {
            reader.wrong(node, format!("there are two receivers {:?}", read.name), "give one another name");
        }
        settings.receivers.push(read);
    }
    let names: HashSet<&str> = settings.receivers.iter().map(|one| one.name.as_str()).collect();
    for (at, node) in reader.list(routes, "routes").iter().take(MOST).enumerate() {
        let read = route(&mut reader, node, at, &names);
        if settings.routes.iter().any(|known: &Route| known.name == read.name) {
            reader.wrong(node, format!("there are two routes {:?}", read.name), "give one another name");
        }
        settings.routes.push(read);
    }
    reader.problems.order_by_key(|problem| problem.at);
    if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
}

fn receiver(reader: &mut Reader<'_>, node: &Node) -> Receiver {
    let pairs = reader.map(node, "a receiver", &RECEIVER);
    let mut text = |name: &str| reader.text(get(pairs, name), name).unwrap_or_default();
    let (name, kind, url) = (text("name"), text("kind"), text("url"));
    let (token, secret, most) = (text("token"), text("secret"), text("most_per_hour"));
    if name.is_empty() {
        reader.wrong(node, "this receiver has no name", "add `name = \"...\"`");
    }
    let known = Kind::ALL.into_iter().find(|one| one.name() == kind);
    if known.is_none() {
        reader.wrong(
            node,
            format!("{kind:?} is no kind of receiver"),
            "inbox, webhook, slack, discord, standard or smtp",
        );
    }
    let kind = known.unwrap_or(Kind::Inbox);
    let needs = |wanted: bool, has: &str| wanted && has.is_empty();
    if needs(kind != Kind::Inbox && known.is_some(), &url) {
        reader.wrong(node, format!("{name}: there is no url"), "an address, or where it lies: file:/path");
    }
    if needs(kind == Kind::Standard, &secret) {
        reader.wrong(
            node,
            format!("{name}: there is no secret"),
            "name the file that holds whsec_...: file:/path",
        );
    }
    let (starts, such) = match kind {
        Kind::Mail => (["smtp://", "smtps://"], "smtp://host:587 or smtps://host:465"),
        _ => (["http://", "https://"], "https://..., or where it lies: file:/path, env:NAME"),
    };
    if !url.is_empty() && !is_named(&url) && !starts.iter().any(|start| url.starts_with(start)) {
        reader.wrong(node, format!("{name}: its url is none"), such);
    }
    let mail = mail(reader, node, pairs, &name, kind);
    let in_the_open = mail.open || kind == Kind::Inbox || url.starts_with("http://");
    let tls = tls_files(reader, node, pairs, &name, in_the_open);
    for (what, text) in [("token", &token), ("secret", &secret)] {
        if !text.is_empty() && !is_named(text) {
            let advice = "name where it lies: file:/path, env:NAME or credential:NAME";
            reader.wrong(node, format!("{name}: a {what} is never written here"), advice);
        }
    }
    let most_per_hour = match most.as_str() {
        "" => MOST_PER_HOUR,
        text => text.parse().ok().filter(|most| *most > 0).unwrap_or_else(|| {
            reader.wrong(node, format!("{name}: most_per_hour is a number from 1 on"), "");
            MOST_PER_HOUR
        }),
    };
    Receiver { name, kind, url, token, secret, most_per_hour, mail, tls }
}

/// What only mail has.
fn mail(reader: &mut Reader<'_>, node: &Node, pairs: &[(Node, Node)], name: &str, kind: Kind) -> Mail {
    let mut text = |name: &str| reader.text(get(pairs, name), name).unwrap_or_default();
    let (from, user, tls) = (text("from"), text("user"), text("tls"));
    let to = reader.names(get(pairs, "to"), "to");
    let mail = Mail { open: tls == "none", from, to, user };
    if kind != Kind::Mail {
        if mail != Mail::default() {
            reader.wrong(node, format!("{name}: from, to, user and tls are of kind smtp"), "");
        }
        return mail;
    }
    if mail.to.is_empty() || mail.to.len() > MOST {
        reader.wrong(node, format!("{name}: it has no `to`, or too many"), "to = [\"ops@example.org\"]");
    }
    for bad in std::iter::once(&mail.from).chain(&mail.to).filter(|address| !is_mail_address(address)) {
        reader.wrong(node, format!("{name}: {bad:?} is no mail address"), "from = \"box@example.org\"");
    }
    if !tls.is_empty() && tls != "none" {
        let advice =
            "leave it out: smtp:// is STARTTLS, smtps:// is TLS; \"none\" is for a server on this box";
        reader.wrong(node, format!("{name}: tls is {tls:?}"), advice);
    }
    mail
}

/// Whom the receiver trusts, and what it shows of itself.
fn tls_files(
    reader: &mut Reader<'_>,
    node: &Node,
    pairs: &[(Node, Node)],
    name: &str,
    in_the_open: bool,
) -> TlsFiles {
    let mut file = |word: &str| {
        let path = reader.text(get(pairs, word), word).unwrap_or_default();
        if !path.is_empty() && !path.starts_with('/') {
            reader.wrong(node, format!("{name}: {word} is no absolute path"), "of a file in PEM");
        }
        path
    };
    let files = TlsFiles { ca: file("ca"), certificate: file("client_certificate"), key: file("client_key") };
    if files.certificate.is_empty() != files.key.is_empty() {
        let advice = "name the file of each, or the same where it holds both";
        reader.wrong(node, format!("{name}: client_certificate and client_key go together"), advice);
    }
    if in_the_open && files != TlsFiles::default() {
        let what = format!("{name}: ca and client_certificate are for TLS, and there is none");
        reader.wrong(node, what, "https://, smtps:// or smtp:// without tls = \"none\"");
    }
    files
}

/// What goes between angle brackets as it is: nothing else ever does.
fn is_mail_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"<>()[]\\,;:\"".contains(c);
    let parts = text.split_once('@').filter(|(user, host)| !user.is_empty() && !host.is_empty());
    parts.is_some_and(|(_, host)| !host.contains('@')) && text.chars().all(plain) && text.len() <= 254
}

/// True where a secret is named, not written.
fn is_named(text: &str) -> bool {
    ["file:/", "env:", "credential:"].iter().any(|start| text.starts_with(start))
}

fn route(reader: &mut Reader<'_>, node: &Node, at: usize, receivers: &HashSet<&str>) -> Route {
    let pairs = reader.map(node, "a route", &ROUTE);
    let name = reader.text(get(pairs, "name"), "name").unwrap_or_else(|| format!("route {}", at + 1));
    let names = reader.names(get(pairs, "receivers"), "receivers");
    if names.is_empty() {
        reader.wrong(node, format!("{name}: it has no receivers"), "name one of those above");
    }
    for unknown in names.iter().filter(|name| !receivers.contains(name.as_str())) {
        reader.wrong(node, format!("{name}: there is no receiver {unknown:?}"), "add it to [[receivers]]");
    }
    let matchers = reader.some_matchers(get(pairs, "matchers"));
    let urgent = reader.some_matchers(get(pairs, "urgent"));
    let group_by = match get(pairs, "group_by") {
        None => vec!["alertname".to_owned()],
        some => reader.names(some, "group_by"),
    };
    let mut duration = |name: &str, usual: u64| reader.duration(get(pairs, name), name).unwrap_or(usual);
    let (wait_ms, interval_ms) = (duration("wait", WAIT_MS), duration("interval", INTERVAL_MS));
    let repeat_ms = duration("repeat", REPEAT_MS);
    let quiet = reader.text(get(pairs, "quiet"), "quiet").and_then(|text| {
        let quiet = Quiet::parse(&text);
        if quiet.is_none() {
            reader.wrong(
                node,
                format!("{name}: quiet {text:?} is no time of day"),
                "write it as 22:00-06:30, in UTC",
            );
        }
        quiet
    });
    let resolved = reader.text(get(pairs, "resolved"), "resolved").is_none_or(|text| text != "false");
    Route {
        name,
        receivers: names,
        matchers,
        group_by,
        wait_ms,
        interval_ms,
        repeat_ms,
        quiet,
        urgent,
        resolved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let text = r#"
[[receivers]]
name = "ops"
kind = "slack"
url = "https://hooks.example/x"
most_per_hour = 5
[[receivers]]
name = "inbox"
kind = "inbox"
[[routes]]
receivers = ["ops", "inbox"]
matchers = ["severity=~\"warning|critical\""]
group_by = ["job"]
wait = "10s"
repeat = "0s"
quiet = "22:00-06:30"
urgent = ["severity=critical"]
"#;
        let settings = read_settings(text).unwrap();
        let (receiver, route) = (&settings.receivers[0], &settings.routes[0]);
        assert_eq!((receiver.kind, receiver.most_per_hour), (Kind::Slack, 5));
        assert_eq!((route.wait_ms, route.interval_ms, route.repeat_ms), (10_000, INTERVAL_MS, 0));
        assert_eq!((route.matchers.len(), route.urgent.len(), route.resolved), (1, 1, true));
        assert_eq!(format!("{receiver:?}"), "Receiver(ops slack)");
    }

    #[test]
    fn mail_has_addresses_and_a_server() {
        let text = "[[receivers]]\nname = 'm'\nkind = 'smtp'\nurl = 'smtp://mail.example'\nfrom = 'box@a.example'\nto = ['ops@a.example']\n\
            user = 'box'\nsecret = 'file:/etc/pass'\nca = '/etc/ca.pem'\n[[routes]]\nreceivers = ['m']\n";
        let receiver = &read_settings(text).unwrap().receivers[0];
        assert_eq!((receiver.kind, receiver.mail.to.len(), receiver.mail.open), (Kind::Mail, 1, false));
        let bad = text
            .replace("ops@a", "ops@a>\\r\\nRCPT TO:<x@b")
            .replace("box@a.example", "box")
            .replace("smtp://", "http://");
        let problems =
            read_settings(&bad.replace("'ops", "\"ops").replace("b.example']", "b.example\"]")).unwrap_err();
        let all = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(
            all.contains("\"box\" is no mail address") && all.contains("RCPT") && all.contains("url is none"),
            "{all}"
        );
        let problems =
            read_settings(&text.replace("'smtp'", "'slack'").replace("smtp:", "https:")).unwrap_err();
        assert!(problems[0].to_string().contains("of kind smtp"), "{problems:?}");
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = "[[receivers]]\nname = 'a'\nkind = 'pager'\n[[receivers]]\nname = 'a'\nkind = 'standard'\nurll = 'x'\ntoken = 's3cret'\n[[routes]]\nreceivers = ['b']\nquiet = '25:00-1'\nmatchers = ['x']\n";
        let problems = read_settings(text).unwrap_err();
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let all = all.join("\n");
        for part in [
            "pager",
            "two receivers",
            "no url",
            "no secret",
            "never written",
            "\"url\"",
            "no receiver \"b\"",
            "time of day",
            "no matcher",
        ] {
            assert!(all.contains(part), "{part}: {all}");
        }
    }

    #[test]
    fn quiet_hours_may_pass_midnight() {
        let at = |text: &str, hour: u64| Quiet::parse(text).unwrap().holds(hour * 3_600_000);
        assert!(
            at("22:00-06:30", 23) && at("22:00-06:30", 6) && !at("22:00-06:30", 7) && !at("22:00-06:30", 21)
        );
        assert!(at("08:00-10:00", 8) && !at("08:00-10:00", 10));
        assert!(Quiet::parse("10:00-10:00").is_none() && Quiet::parse("10-11").is_none());
    }
}
