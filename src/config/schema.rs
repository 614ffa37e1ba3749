//! Every setting: its name, type, unit, range, default, whether it is taken up without a restart, one sentence.

use crate::hardware::nearest;

pub(super) const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Flag,
    Number {
        least: u64,
        most: u64,
    },
    OneOf(&'static [u64]),
    /// Bytes, written as `64 MiB`.
    Size {
        least: u64,
        most: u64,
    },
    Word(&'static [&'static str]),
    /// Absolute.
    Path,
    /// `http://host:port/path`, `https://...`, `nats://host:port` or `tls://...`
    Url,
    /// Anything on one line.
    Text,
    /// A list of known words.
    Words(&'static [&'static str]),
    /// Loopback address and port.
    Address,
    /// A list of glob patterns.
    Globs,
    /// A list of `target=level`.
    Levels,
    /// A reference: `file:`, `env:` or `credential:`.
    Secret,
}

impl Kind {
    #[must_use]
    pub fn is_size(self) -> bool {
        matches!(self, Self::Size { .. })
    }

    /// One or two words for lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Number { .. } | Self::OneOf(_) => "number",
            Self::Size { .. } => "size",
            Self::Word(_) => "word",
            Self::Path => "path",
            Self::Url => "url",
            Self::Text => "text",
            Self::Words(_) => "words",
            Self::Address => "address",
            Self::Globs => "patterns",
            Self::Levels => "levels",
            Self::Secret => "secret",
        }
    }

    /// With an article, for messages.
    #[must_use]
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Number { .. } | Self::OneOf(_) => "a whole number",
            Self::Size { .. } => "a size such as \"64 MiB\"",
            Self::Word(_) => "one of the known words",
            Self::Path => "an absolute path",
            Self::Text => "a text",
            Self::Words(_) => "a list of known words",
            Self::Url => "an address such as \"http://host:port/path\"",
            Self::Address => "a loopback address such as \"127.0.0.1:8080\"",
            Self::Globs => "a list of patterns such as [\"*.tmp\"]",
            Self::Levels => "a list such as [\"spud::api=debug\"]",
            Self::Secret => "a reference such as \"file:/path\"",
        }
    }

    /// What is allowed, in words; empty where the kind says it all.
    #[must_use]
    pub fn range(self) -> String {
        match self {
            Self::Number { least, most } => format!("{least} to {most}"),
            Self::Size { least, most } => {
                format!("{} to {}", crate::base::format_bytes(least), crate::base::format_bytes(most))
            }
            Self::OneOf(numbers) => numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            Self::Word(words) | Self::Words(words) => words.join(", "),
            _ => String::new(),
        }
    }
}

/// Where the default comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// Nothing.
    Unset,
    /// As it would be typed.
    Is(&'static str),
    /// A budget or a figure of the tier.
    Tier,
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// `section.name`
    pub key: &'static str,
    pub kind: Kind,
    /// Of a number; empty where it counts things.
    pub unit: &'static str,
    pub default: Usual,
    /// Taken up at once; otherwise at the next start.
    pub reload: bool,
    pub about: &'static str,
}

impl Setting {
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    #[must_use]
    pub fn section(&self) -> &'static str {
        self.key.split('.').next().unwrap_or_default()
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }

    /// `SPUD_LOG_LEVEL` for `log.level`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SPUD_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }
}

const fn row(
    key: &'static str,
    kind: Kind,
    unit: &'static str,
    default: Usual,
    reload: bool,
    about: &'static str,
) -> Setting {
    Setting { key, kind, unit, default, reload, about }
}

const fn number(least: u64, most: u64) -> Kind {
    Kind::Number { least, most }
}

const fn size(least: u64, most: u64) -> Kind {
    Kind::Size { least, most }
}

/// A figure of the mode machine: always taken up at once, always by tier.
const fn mode(key: &'static str, kind: Kind, unit: &'static str, about: &'static str) -> Setting {
    row(key, kind, unit, Usual::Tier, true, about)
}

const PERCENT: Kind = number(1, 100);
const PART: Kind = number(1, 10_000);
const HOLD: Kind = number(0, 86_400);
const COUNT: Kind = number(1, 1_000_000);

use self::Usual::{Is, Tier, Unset};

/// Every setting of the box, section by section.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    row("box.environment", Kind::Word(&["dev", "staging", "production"]), "", Unset, false, "Which environment this box serves; chooses spud.ENVIRONMENT.toml. Found by the host where it is not set"),
    row("box.tier", Kind::Word(&["auto", "ultra_lite", "lite", "standard", "full"]), "", Is("auto"), false, "Class of box, from which budgets and figures follow; auto takes what fits"),
    row("box.tiers_file", Kind::Path, "", Unset, false, "A tiers.toml in place of the one in the program"),
    row("memory.total", size(32 * MIB, TIB), "bytes", Tier, false, "Resident memory of the whole process; the parts must fit"),
    row("memory.store_cache", size(64 << 10, TIB), "bytes", Tier, false, "Page cache of corpus.redb"),
    row("memory.control_cache", size(64 << 10, TIB), "bytes", Tier, false, "Page cache of control.redb"),
    row("memory.answer_cache", size(0, TIB), "bytes", Tier, false, "Answers kept in memory"),
    row("memory.index_buffer", size(MIB, TIB), "bytes", Tier, true, "What an ingest job may hold before it writes a segment"),
    row("memory.metrics", size(256 << 10, TIB), "bytes", Tier, false, "Metrics that were recorded since the last block of their store"),
    row("disk.answer_cache", size(0, TIB), "bytes", Tier, false, "Compressed answers kept on disk"),
    row("extract.memory", size(32 * MIB, TIB), "bytes", Tier, true, "Address space of one extractor process; from the next job on"),
    row("extract.seconds", number(1, 3600), "s", Tier, true, "Time that one document may take to extract; from the next job on"),
    row("ingest.batch_size", number(1, 100_000), "documents", Tier, true, "Documents that one commit waits for"),
    row("ingest.excludes", Kind::Globs, "", Is(""), true, "Paths that no job takes in, beside those of the job itself"),
    row("ingest.watch", Kind::Flag, "", Is("true"), true, "Follow the folders that collections watch"),
    row("ingest.language", Kind::Word(LANGUAGES), "", Is("auto"), true, "Language of new collections where none is named"),
    row("search.workers", number(1, 64), "threads", Tier, false, "Threads that answer queries; never more than usable cores"),
    row("search.vector_width", Kind::OneOf(&[64, 128]), "columns", Tier, false, "Columns of the model that are used, at most what it has"),
    row("api.listen", Kind::Address, "", Unset, false, "Also serve search, status and health over TCP on this loopback address, read-only"),
    row("api.connections", number(1, 65_536), "connections", Tier, true, "Open connections to the API"),
    row("api.body", size(4 << 10, 64 * MIB), "bytes", Is("1 MiB"), true, "What one request may carry"),
    row("api.seconds", number(1, 3600), "s", Is("60"), true, "Time that a usual request may take"),
    row("store.key", Kind::Secret, "", Unset, false, "Where the key of an encrypted box is, by reference; else where it was when the box was encrypted"),
    row("queue.upstream", Kind::Url, "", Unset, true, "Where operations are delivered to, over HTTP(S) or NATS; without it they wait"),
    row("queue.upstream_token", Kind::Secret, "", Unset, true, "Bearer token for the upstream, by reference; of NATS a token or user:password"),
    row("queue.upstream_ca", Kind::Path, "", Unset, true, "Certificates (PEM) that https:// and tls:// upstreams are checked by, in place of the system's"),
    row("queue.subject", Kind::Text, "", Is("spud.{box}.ops"), true, "Subject of a NATS upstream; {box} is the box's number, the lane is added"),
    row("queue.deliver", Kind::Words(&["mode", "health", "usage", "checkpoint", "incident"]), "", Is("mode, health, usage, checkpoint, incident"), true, "What the box says of itself to its upstream"),
    row("queue.health_s", number(1, 86_400), "s", Is("300"), true, "How often the box tells its upstream how it is; only the newest waits"),
    row("queue.attempts", number(1, 1000), "tries", Is("20"), false, "Deliveries that are tried before an operation is a dead letter"),
    row("log.level", Kind::Word(LEVELS), "", Tier, true, "What is recorded: this and worse. Where box.environment is set to dev, debug unless set here"),
    row("log.targets", Kind::Levels, "", Is(""), true, "Parts with a level of their own, such as spud::api=debug"),
    row("log.files", Kind::Globs, "", Is(""), true, "Log files of other programs that are followed, such as /var/log/nginx/*.log; the daemon reads them into its own"),
    row("log.bytes", size(64 << 10, TIB), "bytes", Tier, false, "Log files on disk, all together"),
    row("metrics.interval_s", number(0, 3600), "s", Tier, false, "How often all metrics are recorded; 0 records none"),
    row("metrics.bytes", size(256 << 10, TIB), "bytes", Tier, false, "Recorded metrics on disk; the oldest go first"),
    row("metrics.series", number(100, 1_000_000), "series", Tier, false, "Series of metrics that are recorded at most"),
    row("metrics.statsd", Kind::Path, "", Unset, false, "Unix datagram socket that local programs send statsd lines to; unset, there is none"),
    row("traces.endpoint", Kind::Url, "", Unset, true, "Collector of OpenTelemetry that is told of every kept trace: http://host:4318 or https://host"),
    row("traces.interval_s", number(1, 3600), "s", Is("10"), true, "How often it is told, where there is something to tell"),
    row("traces.headers", Kind::Secret, "", Unset, true, "Headers that go along, by reference: name=value,name=value"),
    row("traces.ca", Kind::Path, "", Unset, true, "Certificates (PEM) that an https:// collector is checked by, in place of the system's"),
    row("retention.days", number(1, 36_500), "days", Tier, true, "How long finished jobs are kept; log files from the next start on"),
    mode("modes.latency_target_ms", number(1, 600_000), "ms", "What 95 of 100 questions should take at most"),
    mode("modes.latency_reduced", PART, "%", "Of the target: Reduced Performance"),
    mode("modes.latency_reduced_leave", PART, "%", "Of the target: Reduced Performance is left below it"),
    mode("modes.latency_selective", PART, "%", "Of the target: Selective Processing"),
    mode("modes.latency_selective_leave", PART, "%", "Of the target: Selective Processing is left below it"),
    mode("modes.latency_for_s", HOLD, "s", "How long latency must be bad"),
    mode("modes.latency_least", COUNT, "questions", "Before their latency counts"),
    mode("modes.errors_reduced", PERCENT, "%", "Questions that failed: Reduced Performance"),
    mode("modes.errors_selective", PERCENT, "%", "Questions that failed: Selective Processing"),
    mode("modes.errors_emergency", PERCENT, "%", "Questions that failed: Emergency"),
    mode("modes.errors_least", COUNT, "questions", "Before their errors count"),
    mode("modes.memory_constrained", PERCENT, "%", "Of the memory budget: Memory Constrained"),
    mode("modes.memory_constrained_leave", PERCENT, "%", "Of the memory budget: Memory Constrained is left below it"),
    mode("modes.memory_emergency", PERCENT, "%", "Of the memory budget: Emergency"),
    mode("modes.memory_emergency_leave", PERCENT, "%", "Of the memory budget: Emergency is left below it"),
    mode("modes.memory_for_s", HOLD, "s", "How long memory must be short"),
    mode("modes.pressure_some", PERCENT, "%", "Of time in which some work waited for memory: Memory Constrained"),
    mode("modes.pressure_full", PERCENT, "%", "Of time in which all work waited for memory: Emergency"),
    mode("modes.backlog_selective", PERCENT, "%", "Of what the queue may hold: Selective Processing"),
    mode("modes.disk_selective", PERCENT, "%", "Of the disk that should be free: Selective Processing below it"),
    mode("modes.disk_selective_least", size(0, TIB), "bytes", "But at least so much"),
    mode("modes.disk_selective_most", size(0, TIB), "bytes", "And at most so much, of a large disk"),
    mode("modes.disk_emergency", size(4 * MIB, TIB), "bytes", "Free space: Emergency below it"),
    mode("modes.thermal_reduced_c", number(1, 200), "°C", "Of the hottest sensor: Reduced Performance"),
    mode("modes.thermal_leave_c", number(1, 200), "°C", "Of the hottest sensor: left below it"),
    mode("modes.leave", PERCENT, "%", "Of the entering figure below which any other measure must fall"),
    mode("modes.reduced_hold_s", HOLD, "s", "How long it must be good before Reduced Performance is left"),
    mode("modes.local_queue_hold_s", HOLD, "s", "How long it must be good before Local Queue is left"),
    mode("modes.selective_hold_s", HOLD, "s", "How long it must be good before Selective Processing is left"),
    mode("modes.constrained_hold_s", HOLD, "s", "How long it must be good before Memory Constrained is left"),
    mode("modes.emergency_hold_s", HOLD, "s", "How long it must be good before Emergency is left"),
    mode("modes.disk_hold_s", HOLD, "s", "The same where Emergency was for want of space"),
    row("access.review_every", number(0, 3650), "d", Is("90"), true, "How often the box opens a review of who has which role; 0: only people do"),
    row("access.review_days", number(1, 365), "d", Is("14"), true, "How long such a review may take before everybody who hears of alerts is told"),
    row("approval.votes", number(1, 9), "votes", Is("1"), true, "Votes of others that a governed change needs; at least two where its impact is critical"),
    row("approval.hours", number(1, 2160), "h", Is("168"), true, "How long a request waits for its votes"),
    row("approval.subjects", Kind::Words(&["config", "purge", "restore", "mode", "policies"]), "", Unset, true, "What waits for votes beside grants, models and use cases: critical settings, removing for good, restores, forced modes, the site's policies"),
    row("approval.signature", Kind::Word(&["never", "low", "medium", "high", "critical"]), "", Is("never"), true, "From which impact on a vote for a change must be signed with an enrolled SSH key"),
    row("promotion.fleet_lock", Kind::Text, "", Unset, true, "JetStream key-value bucket of the NATS upstream in which one box of a fleet at a time promotes a model; unset, each box by itself"),
    row("promotion.margin", number(0, 1000), "thousandths", Is("20"), true, "How much worse than now nDCG@10 of a collection's judged questions may be under a new model"),
    row("promotion.signature", Kind::Word(&["off", "if-present", "required"]), "", Is("off"), true, "Whether the OpenSSF signature of a model must hold before it may be promoted"),
    row("promotion.signature_keys", Kind::Path, "", Unset, true, "PEM file, or a folder of them: public keys and certificates that may sign models"),
    row("promotion.shadow_every", number(0, 10_000), "questions", Is("10"), true, "Of the questions that people ask, one in so many is asked of a staged model, too, later and at most six a minute; 0: none"),
    row("promotion.soak_hours", number(0, 2160), "h", Is("0"), true, "How long a model is in staging before it may be promoted; 0 asks for nothing"),
    row("promotion.unmeasured", Kind::Word(&["refuse", "allow"]), "", Is("refuse"), true, "Whether a model may be promoted whose quality, latency or memory could not be measured, as without judged questions"),
    row("promotion.watch_minutes", number(0, 10_080), "min", Is("60"), true, "How long after a promotion a service level that begins to burn brings back what answered before; 0: never"),
    row("promotion.window", Kind::Text, "", Unset, true, "When models may be switched, as days (1 is Monday) and hours (UTC): 1-5 8-16; unset, at any time"),
];

/// `auto`, and the languages that the index knows (ISO 639-1); a test of the engine compares them with the index.
pub(super) const LANGUAGES: &[&str] = &[
    "auto", "en", "ar", "da", "nl", "fi", "fr", "de", "el", "hu", "it", "no", "pt", "ro", "ru", "es", "sv",
    "ta", "tr", "other",
];

/// The setting of this name.
#[must_use]
pub fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The sections, in order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut all: Vec<&'static str> = SETTINGS.iter().map(Setting::section).collect();
    all.dedup();
    all
}

/// What may have been meant by a key that there is not: by its whole, or by its end.
#[must_use]
pub fn unknown(key: &str) -> Option<String> {
    let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    let by_name = || SETTINGS.iter().find(|setting| setting.name() == key).map(|setting| setting.key);
    // A name is short: what differs in a third of the whole key may have nothing in common.
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let names: Vec<&str> =
        SETTINGS.iter().filter(|setting| setting.section() == section).map(Setting::name).collect();
    let within = || {
        let near = nearest(name, &names)?;
        SETTINGS.iter().find(|s| s.section() == section && s.name() == near).map(|s| s.key)
    };
    let near = by_name().or_else(within).or_else(|| nearest(key, &keys))?;
    Some(format!("did you mean '{near}'?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Value;
    use crate::hardware::Thresholds;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_sound() {
        let (mut keys, mut variables) = (HashSet::new(), HashSet::new());
        for setting in SETTINGS {
            assert!(keys.insert(setting.key) && variables.insert(setting.variable()), "{}", setting.key);
            assert_eq!(setting.key.split('.').count(), 2, "{}", setting.key);
            assert!(setting.about.len() > 10 && !setting.about.ends_with('.'), "{}", setting.key);
            if let Is(text) = setting.default {
                Value::parse(setting.kind, text).unwrap();
            }
        }
        let mut all = sections();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a section stands in one place");
    }

    #[test]
    fn every_figure_of_the_modes_is_a_setting() {
        let figures: Vec<String> =
            Thresholds::default().all().iter().map(|(name, _)| format!("modes.{name}")).collect();
        let settings: Vec<&str> =
            SETTINGS.iter().map(|setting| setting.key).filter(|key| key.starts_with("modes.")).collect();
        for figure in &figures {
            assert!(settings.contains(&figure.as_str()), "{figure}");
        }
        assert_eq!(figures.len(), settings.len());
    }

    #[test]
    fn near_misses_are_found() {
        assert_eq!(unknown("log.levle").as_deref(), Some("did you mean 'log.level'?"));
        assert_eq!(unknown("logs.level").as_deref(), Some("did you mean 'log.level'?"));
        assert_eq!(unknown("upstream").as_deref(), Some("did you mean 'queue.upstream'?"));
        assert_eq!(unknown("xyzzy.plugh"), None);
    }
}
