//! Settings for usual places of a box, to begin with: whole files with their reasons as comments.

/// A file of settings for one kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    pub name: &'static str,
    pub about: &'static str,
    /// The whole `spud.toml`.
    pub text: &'static str,
}

/// Every template.
pub const TEMPLATES: &[Template] = &[
    Template {
        name: "kiosk",
        about: "One screen, many short questions, documents that never change",
        text: KIOSK,
    },
    Template {
        name: "back-office",
        about: "A small server for one office: folders that change, history that is kept",
        text: BACK_OFFICE,
    },
    Template {
        name: "vehicle",
        about: "Power cuts, heat, an uplink now and then: everything waits and nothing is lost",
        text: VEHICLE,
    },
    Template {
        name: "high-load",
        about: "Many clients at once: more connections, an early way out",
        text: HIGH_LOAD,
    },
    Template {
        name: "air-gapped",
        about: "No network at all: nothing listens, nothing is delivered",
        text: AIR_GAPPED,
    },
    Template {
        name: "battery",
        about: "Every wake-up costs: few threads, few writes, a quiet log",
        text: BATTERY,
    },
];

/// The template of this name.
#[must_use]
pub fn template(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}

const KIOSK: &str = r#"# spud: a kiosk

[ingest]
# What it shows was taken in beforehand; nobody writes into its folders.
watch = false

[api]
# One screen and whoever services it.
connections = 16
body = "64 KiB"
seconds = 15

[modes]
# A person stands before it: slow is worse than coarse.
latency_target_ms = 150

[log]
level = "warn"

[retention]
days = 7
"#;

const BACK_OFFICE: &str = r#"# spud: a server in the back office

[ingest]
# People save into the shared folders all day; what their programs leave beside is not wanted.
watch = true
excludes = ["**/~$*", "**/*.tmp", "**/.git/**", "**/Thumbs.db"]

[modes]
latency_target_ms = 500
# The disk is shared with others: stop early.
disk_selective = 10
disk_selective_least = "2 GiB"
disk_selective_most = "20 GiB"

[log]
level = "info"

[retention]
days = 90
"#;

const VEHICLE: &str = r#"# spud: in a vehicle

[ingest]
# A cut loses at most what one commit waits for.
batch_size = 8

[queue]
# The uplink is away for days: go on trying before anything becomes a dead letter.
attempts = 200

[modes]
# Behind a dashboard in summer; cool down properly before going on.
thermal_reduced_c = 75
thermal_leave_c = 68
reduced_hold_s = 60
# Coverage comes and goes: do not flutter.
local_queue_hold_s = 60

[log]
level = "info"

[retention]
days = 30
"#;

const HIGH_LOAD: &str = r#"# spud: many clients

[api]
connections = 2048
seconds = 20
# Small requests only, so that many fit.
body = "128 KiB"

[modes]
# Give up quality early and service never.
latency_reduced = 120
latency_reduced_leave = 100
latency_selective = 200
latency_selective_leave = 150
latency_for_s = 2
reduced_hold_s = 60

[memory]
# 2048 connections are 40 MiB of buffers.
total = "640 MiB"

[log]
level = "warn"
"#;

const AIR_GAPPED: &str = r#"# spud: no network

[api]
# Only the Unix socket.
listen = ""

[queue]
# Operations wait until somebody carries them away.
upstream = ""
upstream_token = ""

[log]
# Nobody can look from afar: keep more.
level = "info"

[retention]
days = 365
"#;

const BATTERY: &str = r#"# spud: on a battery

[search]
# One core at work, the others asleep.
workers = 1

[ingest]
# Take in by hand, when there is power.
watch = false
# Fewer, larger commits: writing costs more than waiting.
batch_size = 512

[modes]
latency_target_ms = 800

[log]
level = "error"

[retention]
days = 14
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::read;

    #[test]
    fn every_template_can_be_read() {
        for template in TEMPLATES {
            let (given, findings) = read(template.name, template.text);
            assert!(findings.is_empty() && given.len() >= 4, "{findings:?}");
            assert!(template.text.is_ascii() && template.about.len() > 20);
        }
    }
}
