//! The words of the box itself: what it is, its tier, its budgets.

use serde::{Deserialize, Serialize};

use super::{Gauge, ModeBrief};

/// What box this is, its tier, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hardware {
    pub memory_physical: u64,
    pub memory_cgroup_limit: Option<u64>,
    /// The smaller of the two.
    pub memory_effective: u64,
    pub memory_available: u64,
    pub swap_total: u64,
    pub swap_used: u64,
    /// Bytes of compressed swap devices.
    pub zram_total: u64,
    pub cores: u32,
    pub cpu_model: String,
    pub cpu_arch: String,
    /// avx2, avx512f, neon, dotprod, ...
    pub cpu_features: Vec<String>,
    /// Kernel that the vector code runs: avx2, neon-dotprod, neon, scalar.
    pub vector_kernel: String,
    /// sd_card, emmc, nvme, ssd, hdd, usb, network, memory, unknown.
    pub storage_kind: String,
    pub storage_device: String,
    pub storage_filesystem: String,
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    pub thermal: Vec<Sensor>,
    pub power: Vec<PowerSupply>,
    /// Present on the box; none is assumed to be usable.
    pub accelerators: Vec<Accelerator>,
    pub tier: String,
    /// Why this tier, in one sentence.
    pub tier_reason: String,
    /// Each budget of the tier (used is 0 here).
    pub budgets: Vec<Gauge>,
    /// Sum of what the components may hold in memory; never above the total.
    pub budget_sum: u64,
    pub mode: ModeBrief,
    /// Things an operator should mend: no swap on a tiny box, disk nearly full, ...
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sensor {
    pub name: String,
    pub celsius: f32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PowerSupply {
    pub name: String,
    /// mains, battery, usb, ups.
    pub kind: String,
    pub online: Option<bool>,
    pub percent: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accelerator {
    /// gpu, npu, tpu, fpga.
    pub kind: String,
    pub name: String,
    pub path: String,
}
