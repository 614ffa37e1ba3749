//! Which cores may be used, and what they can do.

use std::path::Path;

use super::memory::folders;
use super::mounts;
use super::probe::{number, text, under};

/// The processor as this process may use it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Usable cores: affinity, capped by the cgroup's quota; at least 1.
    pub cores: u32,
    pub model: String,
    /// x86_64, aarch64, arm, ...
    pub arch: &'static str,
    /// Those that matter to the vector code: avx2, fma, avx512f, avx512vnni, neon, dotprod.
    pub features: Vec<&'static str>,
}

impl Cpu {
    pub(super) fn read(root: &Path) -> Self {
        let allowed = affinity(root);
        let cores = quota(root).map_or(allowed, |quota| allowed.min(quota)).max(1);
        Self { cores, model: model(root), arch: std::env::consts::ARCH, features: features() }
    }
}

/// Cores in `Cpus_allowed_list` (`0-3,8`).
fn affinity(root: &Path) -> u32 {
    let status = text(&under(root, "/proc/self/status")).unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    let mut count = 0u32;
    for range in list.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            count = count.saturating_add(last.saturating_sub(first).saturating_add(1));
        }
    }
    count
}

/// Whole cores that the cgroup's CPU quota is worth, rounded up.
fn quota(root: &Path) -> Option<u32> {
    let groups = text(&under(root, "/proc/self/cgroup"))?;
    let mounts = mounts::read(root);
    let mut smallest: Option<u32> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let v2 = controllers.is_empty();
        if !v2 && !controllers.split(',').any(|name| name == "cpu") {
            continue;
        }
        for folder in folders(root, &mounts, v2, "cpu", path) {
            let pair = if v2 { quota_v2(&folder) } else { quota_v1(&folder) };
            if let Some((quota, period)) = pair.filter(|&(_, period)| period > 0) {
                let cores = u32::try_from(quota.div_ceil(period)).unwrap_or(u32::MAX).max(1);
                smallest = Some(smallest.map_or(cores, |known| known.min(cores)));
            }
        }
    }
    smallest
}

/// `cpu.max`: `max 100000` or `50000 100000`.
fn quota_v2(folder: &Path) -> Option<(u64, u64)> {
    let line = text(&folder.join("cpu.max"))?;
    let (quota, period) = line.split_once(' ')?;
    Some((quota.parse().ok()?, period.trim().parse().ok()?))
}

/// A quota of -1 means none.
fn quota_v1(folder: &Path) -> Option<(u64, u64)> {
    Some((number(&folder.join("cpu.cfs_quota_us"))?, number(&folder.join("cpu.cfs_period_us"))?))
}

/// The board's name on ARM, the processor's on x86.
fn model(root: &Path) -> String {
    let info = text(&under(root, "/proc/cpuinfo")).unwrap_or_default();
    let field = |key: &str| {
        info.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == key).then(|| value.trim().to_owned()).filter(|value| !value.is_empty())
        })
    };
    field("model name")
        .or_else(|| text(&under(root, "/proc/device-tree/model")))
        .or_else(|| field("Model"))
        .or_else(|| field("Hardware"))
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn features() -> Vec<&'static str> {
    let all = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    all.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    let all = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("fp16", std::arch::is_aarch64_feature_detected!("fp16")),
    ];
    all.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
