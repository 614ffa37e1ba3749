//! Reads the box once, under a root that tests replace by a made-up tree.

use std::fs;
use std::path::{Path, PathBuf};

use super::devices::{self, Accelerator, PowerSupply, Sensor};
use super::{Cpu, Memory, Storage};
use crate::base::InOrder;

/// What this box is.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub memory: Memory,
    pub cpu: Cpu,
    /// Where the data folder lives.
    pub storage: Storage,
    pub thermal: Vec<Sensor>,
    pub power: Vec<PowerSupply>,
    pub accelerators: Vec<Accelerator>,
}

impl Probe {
    /// Reads everything below `root` (`/` on a real box). What cannot be read is absent or zero, never an error.
    #[must_use]
    pub fn read(root: &Path, data_dir: &Path) -> Self {
        Self {
            memory: Memory::read(root),
            cpu: Cpu::read(root),
            storage: Storage::read(root, data_dir),
            thermal: devices::thermal(root),
            power: devices::power(root),
            accelerators: devices::accelerators(root),
        }
    }

    /// Things an operator should mend, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.memory.effective < 512 << 20 && self.memory.swap_total == 0 {
            found.push(
                "this small box has no swap: zram would give it room (for example zram-tools)".to_owned(),
            );
        }
        let storage = &self.storage;
        if storage.total > 0 && storage.free < (storage.total / 20).max(64 << 20) {
            found.push("the disk of the data folder is nearly full: adding documents may fail".to_owned());
        }
        if storage.kind.is_memory() {
            found.push(
                "the data folder lies in memory (tmpfs or similar): it is lost at power-off".to_owned(),
            );
        }
        if storage.read_only {
            found.push("the data folder's file system is mounted read-only".to_owned());
        }
        if let Some(hot) = self.thermal.iter().find(|sensor| sensor.celsius >= 85.0) {
            found.push(format!("{} reads {:.0} °C: the box may slow itself down", hot.name, hot.celsius));
        }
        found
    }
}

/// Joins an absolute path below the root.
pub(super) fn under(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The file's text without surrounding white space; empty files and errors are `None`.
pub(super) fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// A file that holds one number.
pub(super) fn number(path: &Path) -> Option<u64> {
    text(path)?.parse().ok()
}

/// Names in a folder, sorted; an absent folder is empty.
pub(super) fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.order();
    names
}
