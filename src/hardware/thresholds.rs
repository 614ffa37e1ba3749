//! When the box changes its mode: the figures of `[modes]` in `tiers.toml`, which a tier may change.

use serde::Deserialize;

use super::tier_file::Size;

macro_rules! thresholds {
    ($($(#[$about:meta])* $key:ident: $kind:ty = $default:expr;)*) => {
        /// Every figure that the mode machine goes by. Percentages are whole, times are in seconds.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Thresholds {
            $($(#[$about])* pub $key: u64,)*
        }

        impl Default for Thresholds {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        /// As written: what is absent stays as it is.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct WrittenThresholds {
            $($key: Option<$kind>,)*
        }

        impl WrittenThresholds {
            /// `base` with what is written here.
            pub(super) fn over(&self, base: &Thresholds) -> Thresholds {
                Thresholds { $($key: self.$key.map_or(base.$key, u64::from),)* }
            }
        }

        impl Thresholds {
            /// Names and values, in the order of `tiers.toml`.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($key), self.$key),)*]
            }

            /// Sets the figure of this name; false where there is none.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($key) => self.$key = value,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

thresholds! {
    /// What a question should take, 95 of 100.
    latency_target_ms: u64 = 200;
    /// Percent of the target.
    latency_reduced: u64 = 150;
    latency_reduced_leave: u64 = 120;
    latency_selective: u64 = 300;
    latency_selective_leave: u64 = 220;
    latency_for_s: u64 = 5;
    /// Questions in the window before their latency counts.
    latency_least: u64 = 10;
    /// Percent of questions that failed.
    errors_reduced: u64 = 5;
    errors_selective: u64 = 20;
    errors_emergency: u64 = 50;
    /// Questions in the window before their errors count.
    errors_least: u64 = 20;
    /// Percent of the memory budget, or of the cgroup's limit.
    memory_constrained: u64 = 80;
    memory_constrained_leave: u64 = 72;
    memory_emergency: u64 = 92;
    memory_emergency_leave: u64 = 85;
    memory_for_s: u64 = 3;
    /// Percent of time in which some, or all, work waited for memory.
    pressure_some: u64 = 10;
    pressure_full: u64 = 10;
    /// Percent of what the queue may hold.
    backlog_selective: u64 = 80;
    /// Percent of the disk that should be free, but at least and at most these bytes: the box needs no 50 GB
    /// of a disk of 1 TB. Where they cross, the least counts.
    disk_selective: u64 = 5;
    disk_selective_least: Size = 256 << 20;
    disk_selective_most: Size = 2 << 30;
    disk_emergency: Size = 4 << 20;
    thermal_reduced_c: u64 = 85;
    thermal_leave_c: u64 = 78;
    /// Percent of its entering figure below which any other measure must fall.
    leave: u64 = 75;
    reduced_hold_s: u64 = 30;
    local_queue_hold_s: u64 = 15;
    selective_hold_s: u64 = 60;
    constrained_hold_s: u64 = 120;
    emergency_hold_s: u64 = 60;
    /// Emergency for want of space: deletes should show at once.
    disk_hold_s: u64 = 3;
}

/// The file that is given up in Emergency, so that deletes have room.
pub const BALLAST: u64 = 2 << 20;

impl Thresholds {
    /// # Errors
    /// The first rule that is broken, with its keys.
    pub(super) fn check(&self) -> Result<(), String> {
        self.problems().into_iter().next().map_or(Ok(()), |(_, what)| Err(what))
    }

    /// Every rule that is broken: the figure that breaks it, and the rule with its keys.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let below = [
            ("latency_reduced_leave", self.latency_reduced_leave, "latency_reduced", self.latency_reduced),
            ("latency_reduced", self.latency_reduced, "latency_selective", self.latency_selective),
            (
                "latency_selective_leave",
                self.latency_selective_leave,
                "latency_selective",
                self.latency_selective,
            ),
            ("errors_reduced", self.errors_reduced, "errors_selective", self.errors_selective),
            ("errors_selective", self.errors_selective, "errors_emergency", self.errors_emergency),
            (
                "memory_constrained_leave",
                self.memory_constrained_leave,
                "memory_constrained",
                self.memory_constrained,
            ),
            ("memory_constrained", self.memory_constrained, "memory_emergency", self.memory_emergency),
            (
                "memory_emergency_leave",
                self.memory_emergency_leave,
                "memory_emergency",
                self.memory_emergency,
            ),
            ("thermal_leave_c", self.thermal_leave_c, "thermal_reduced_c", self.thermal_reduced_c),
            ("leave", self.leave, "100", 100),
        ];
        let below = below.into_iter().filter(|(_, low, _, high)| low >= high);
        let mut found: Vec<(&'static str, String)> =
            below.map(|(low, _, high, _)| (low, format!("{low} must be smaller than {high}"))).collect();
        let percent = [
            ("errors_emergency", self.errors_emergency),
            ("pressure_some", self.pressure_some),
            ("pressure_full", self.pressure_full),
            ("backlog_selective", self.backlog_selective),
            ("disk_selective", self.disk_selective),
        ];
        let percent = percent.into_iter().filter(|(_, value)| *value > 100);
        found.extend(
            percent.map(|(key, value)| (key, format!("{key} is a percentage, {value} is more than 100"))),
        );
        let times = self.all().into_iter().filter(|(key, value)| key.ends_with("_s") && *value > 86_400);
        found.extend(times.map(|(key, value)| (key, format!("{key}: {value} s is more than a day"))));
        let zero = ["latency_target_ms", "errors_reduced", "pressure_some", "pressure_full"];
        let zero = self.all().into_iter().filter(|(key, value)| zero.contains(key) && *value == 0);
        found.extend(zero.map(|(key, _)| (key, format!("{key} must not be 0"))));
        if self.disk_emergency < 2 * BALLAST {
            let what = "disk_emergency must be at least 4 MiB, twice the ballast file";
            found.push(("disk_emergency", what.to_owned()));
        }
        found
    }
}
