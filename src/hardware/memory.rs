//! How much memory this process may really use: the smallest of what exists and what is allowed.

use std::path::{Component, Path, PathBuf};

use super::mounts::{self, Mount};
use super::probe::{names, number, text, under};

/// Memory of the box and its limits, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    pub physical: u64,
    /// The smallest limit of this process' cgroup and its parents (v1 and v2).
    pub cgroup_limit: Option<u64>,
    /// `RLIMIT_AS`.
    pub address_space_limit: Option<u64>,
    /// The smallest of the three.
    pub effective: u64,
    pub available: u64,
    pub swap_total: u64,
    pub swap_used: u64,
    /// Size of all compressed swap devices.
    pub zram_total: u64,
}

/// Limits above this mean "none" (cgroup v1 says `i64::MAX` rounded to pages).
const UNLIMITED: u64 = 1 << 60;

impl Memory {
    pub(super) fn read(root: &Path) -> Self {
        let (physical, available, swap_total, swap_used) =
            if root == Path::new("/") { of_the_box() } else { of_a_tree(root) };
        let cgroup_limit = cgroup_limit(root);
        let address_space_limit =
            text(&under(root, "/proc/self/limits")).and_then(|limits| address_space(&limits));
        let effective = [cgroup_limit, address_space_limit].into_iter().flatten().fold(physical, u64::min);
        Self {
            physical,
            cgroup_limit,
            address_space_limit,
            effective,
            available: available.min(effective),
            swap_total,
            swap_used,
            zram_total: zram(root),
        }
    }
}

/// What the whole box has and uses now, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SystemMemory {
    pub total: u64,
    pub available: u64,
    pub swap_used: u64,
}

impl SystemMemory {
    /// Asks the system; zeros where it does not say.
    #[must_use]
    pub fn read() -> Self {
        let (total, available, _, swap_used) = of_the_box();
        Self { total, available, swap_used }
    }
}

/// Totals of the running system.
fn of_the_box() -> (u64, u64, u64, u64) {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    (system.total_memory(), system.available_memory(), system.total_swap(), system.used_swap())
}

/// Totals of a made-up tree, from its `meminfo`.
fn of_a_tree(root: &Path) -> (u64, u64, u64, u64) {
    let table = text(&under(root, "/proc/meminfo")).unwrap_or_default();
    let of = |key: &str| {
        let line = table.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        number.unwrap_or(0).saturating_mul(1024)
    };
    let swap = of("SwapTotal");
    (of("MemTotal"), of("MemAvailable"), swap, swap.saturating_sub(of("SwapFree")))
}

/// `Max address space     134217728            134217728            bytes`: the soft limit.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn zram(root: &Path) -> u64 {
    let block = under(root, "/sys/block");
    let devices = names(&block).into_iter().filter(|name| name.starts_with("zram"));
    devices.filter_map(|name| number(&block.join(name).join("disksize"))).sum()
}

/// The smallest memory limit from this process' cgroup up to the root of its hierarchy.
fn cgroup_limit(root: &Path) -> Option<u64> {
    let groups = text(&under(root, "/proc/self/cgroup"))?;
    let mounts = mounts::read(root);
    let mut smallest: Option<u64> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let files: &[&str] = if controllers.is_empty() {
            &["memory.max", "memory.high"]
        } else if controllers.split(',').any(|name| name == "memory") {
            &["memory.limit_in_bytes"]
        } else {
            continue;
        };
        for folder in folders(root, &mounts, controllers.is_empty(), "memory", path) {
            for limit in files.iter().filter_map(|file| number(&folder.join(file))) {
                if limit < UNLIMITED {
                    smallest = Some(smallest.map_or(limit, |known| known.min(limit)));
                }
            }
        }
    }
    smallest
}

/// The cgroup that limits this process' memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryGroup {
    pub folder: PathBuf,
    /// Its files have the names of the unified hierarchy.
    pub unified: bool,
}

/// This process' own memory cgroup, where its use, its pressure and its kills stand.
#[must_use]
pub fn memory_group(root: &Path) -> Option<MemoryGroup> {
    let groups = text(&under(root, "/proc/self/cgroup"))?;
    let group = |line: &'_ str| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':').map(|(controllers, path)| (controllers.to_owned(), path.to_owned()))
    };
    let all: Vec<(String, String)> = groups.lines().filter_map(group).collect();
    let old = all.iter().find(|(controllers, _)| controllers.split(',').any(|name| name == "memory"));
    let unified = old.is_none();
    let (_, path) = old.or_else(|| all.iter().find(|(controllers, _)| controllers.is_empty()))?;
    let folder = folders(root, &mounts::read(root), unified, "memory", path).into_iter().next()?;
    folder.is_dir().then_some(MemoryGroup { folder, unified })
}

/// The folders of a cgroup and of its parents, innermost first.
pub(super) fn folders(root: &Path, mounts: &[Mount], v2: bool, controller: &str, path: &str) -> Vec<PathBuf> {
    let mount = mounts.iter().rev().find(|mount| {
        if v2 {
            mount.filesystem == "cgroup2"
        } else {
            mount.filesystem == "cgroup" && mount.super_options.split(',').any(|option| option == controller)
        }
    });
    let usual = if v2 { "/sys/fs/cgroup".to_owned() } else { format!("/sys/fs/cgroup/{controller}") };
    let (base, shown) =
        mount.map_or((usual, "/"), |mount| (mount.point.to_string_lossy().into_owned(), mount.root.as_str()));
    // In a container the mount shows a part of the hierarchy; the path may name all of it.
    let path = Path::new(path);
    let inside = path.strip_prefix(shown).or_else(|_| path.strip_prefix("/")).unwrap_or(Path::new(""));
    let inside: PathBuf = inside.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let base = under(root, &base);
    inside.ancestors().map(|part| base.join(part)).collect()
}
