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
    /// Percent of the disk, and bytes, that should be free: the larger counts.
    disk_selective: u64 = 5;
    disk_selective_least: Size = 256 << 20;
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
        if let Some((low, _, high, _)) = below.into_iter().find(|(_, low, _, high)| low >= high) {
            return Err(format!("{low} must be smaller than {high}"));
        }
        let percent = [
            ("errors_emergency", self.errors_emergency),
            ("pressure_some", self.pressure_some),
            ("pressure_full", self.pressure_full),
            ("backlog_selective", self.backlog_selective),
            ("disk_selective", self.disk_selective),
        ];
        if let Some((key, value)) = percent.into_iter().find(|(_, value)| *value > 100) {
            return Err(format!("{key} is a percentage, {value} is more than 100"));
        }
        let times = self.all().into_iter().filter(|(key, _)| key.ends_with("_s"));
        if let Some((key, value)) = times.into_iter().find(|(_, value)| *value > 86_400) {
            return Err(format!("{key}: {value} s is more than a day"));
        }
        let zero = ["latency_target_ms", "errors_reduced", "pressure_some", "pressure_full"];
        if let Some((key, _)) = self.all().into_iter().find(|(key, value)| zero.contains(key) && *value == 0)
        {
            return Err(format!("{key} must not be 0"));
        }
        if self.disk_emergency < 2 * BALLAST {
            return Err("disk_emergency must be at least 4 MiB, twice the ballast file".to_owned());
        }
        Ok(())
    }
}
