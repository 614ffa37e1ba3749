//! Made-up boxes: what is found in a tree of files, and which tier follows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use spud::hardware::{Probe, StorageKind, Tiers};
use tempfile::TempDir;

/// A root folder that is filled file by file.
struct Tree(TempDir);

impl Tree {
    fn new(memory_mb: u64) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let kb = memory_mb * 1024;
        let tree = tree.file(
            "proc/meminfo",
            &format!(
                "MemTotal: {kb} kB\nMemAvailable: {} kB\nSwapTotal: 102400 kB\nSwapFree: 100000 kB\n",
                kb / 2
            ),
        );
        tree.file("proc/self/status", "Name:\tspud\nCpus_allowed_list:\t0-3\n")
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn link(self, path: &str, to: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.0.path().join(to), path).unwrap();
        self
    }

    fn mount(self, line: &str) -> Self {
        let path = self.0.path().join("proc/self/mountinfo");
        let before = fs::read_to_string(&path).unwrap_or_default();
        self.file("proc/self/mountinfo", &format!("{before}{line}\n"))
    }

    /// A block device under `sys/devices/{path}`, reachable by its number.
    fn disk(self, number: &str, path: &str, rotational: &str) -> Self {
        self.file(&format!("sys/devices/{path}/queue/rotational"), rotational)
            .link(&format!("sys/dev/block/{number}"), &format!("sys/devices/{path}"))
            .mount(&format!("1 0 {number} / / rw,relatime - ext4 /dev/root rw"))
    }

    fn probe(&self) -> Probe {
        Probe::read(self.0.path(), Path::new("/var/lib/spud"))
    }
}

fn tier(probe: &Probe) -> (&'static str, String) {
    let choice = Tiers::embedded().unwrap().choose(probe, None).unwrap();
    (choice.tier, choice.reason)
}

#[test]
fn cgroup_v2_limits_are_found_up_to_the_root() {
    let probe = Tree::new(4096)
        .file("proc/self/cgroup", "0::/system.slice/spud.service\n")
        .file("sys/fs/cgroup/system.slice/memory.max", "201326592\n")
        .file("sys/fs/cgroup/system.slice/spud.service/memory.max", "max\n")
        .file("sys/fs/cgroup/system.slice/spud.service/cpu.max", "150000 100000\n")
        .probe();
    assert_eq!(probe.memory.cgroup_limit, Some(192 << 20));
    assert_eq!(probe.memory.effective, 192 << 20);
    assert_eq!(probe.memory.physical, 4 << 30);
    assert!(probe.memory.available <= probe.memory.effective);
    assert_eq!(probe.cpu.cores, 2, "one and a half cores round up");
    let (tier, reason) = tier(&probe);
    assert_eq!(tier, "ultra_lite");
    assert!(reason.contains("cgroup"), "{reason}");
}

#[test]
fn cgroup_v1_is_read_where_it_is_mounted() {
    let probe = Tree::new(1024)
        .file("proc/self/cgroup", "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n")
        .mount("30 1 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory")
        .mount("31 1 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct")
        .file("sys/fs/cgroup/memory/memory.limit_in_bytes", "402653184")
        .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000")
        .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")
        .probe();
    assert_eq!(probe.memory.cgroup_limit, Some(384 << 20));
    assert_eq!(probe.cpu.cores, 1);
    assert_eq!(tier(&probe).0, "lite");
}

#[test]
fn an_unlimited_v1_group_and_a_strange_path_limit_nothing() {
    let probe = Tree::new(1024)
        .file("proc/self/cgroup", "4:memory:/../../x\n0::/../other\ngarbage\n")
        .file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
        .probe();
    assert_eq!(probe.memory.cgroup_limit, None);
    assert_eq!(tier(&probe).0, "standard");
}

#[test]
fn address_space_limit_counts() {
    let probe = Tree::new(1024)
        .file(
            "proc/self/limits",
            "Limit Soft Hard Units\nMax address space         100663296  unlimited  bytes\n",
        )
        .probe();
    assert_eq!(probe.memory.effective, 96 << 20);
    let choice = Tiers::embedded().unwrap().choose(&probe, None).unwrap();
    assert_eq!(choice.tier, "ultra_lite");
    assert_eq!(choice.budgets.memory_total, 96 << 20);
    assert!(choice.reason.contains("RLIMIT_AS"), "{}", choice.reason);
}

#[test]
fn storage_kinds() {
    let kind = |tree: Tree| tree.probe().storage.kind;
    let card = Tree::new(512)
        .file("sys/devices/mmc/mmcblk0/device/type", "SD\n")
        .file("sys/devices/mmc/mmcblk0/mmcblk0p2/partition", "2")
        .disk("179:2", "mmc/mmcblk0/mmcblk0p2", "0");
    let storage = card.probe().storage;
    assert_eq!((storage.kind, storage.device.as_str()), (StorageKind::SdCard, "mmcblk0"));
    let emmc =
        Tree::new(512).file("sys/devices/mmc/mmcblk1/device/type", "MMC").disk("179:0", "mmc/mmcblk1", "0");
    assert_eq!(kind(emmc), StorageKind::Emmc);
    assert_eq!(kind(Tree::new(512).disk("259:0", "pci/nvme/nvme0n1", "0")), StorageKind::Nvme);
    assert_eq!(kind(Tree::new(512).disk("8:0", "pci/ata1/sda", "1")), StorageKind::Hdd);
    assert_eq!(kind(Tree::new(512).disk("8:0", "pci/ata1/sda", "0")), StorageKind::Ssd);
    assert_eq!(kind(Tree::new(512).disk("8:0", "pci/usb1/1-1/sda", "1")), StorageKind::Usb);
    assert_eq!(kind(Tree::new(512).disk("254:0", "pci/virtio0/vda", "1")), StorageKind::Virtual);
    let mapped = Tree::new(512)
        .file("sys/devices/pci/nvme/nvme0n1/queue/rotational", "0")
        .link("sys/devices/virtual/dm-0/slaves/nvme0n1", "sys/devices/pci/nvme/nvme0n1")
        .disk("253:0", "virtual/dm-0", "0");
    assert_eq!(kind(mapped), StorageKind::Nvme);
    let by_name = Tree::new(512)
        .file("sys/devices/pci/ata1/sdb/queue/rotational", "0")
        .link("sys/class/block/sdb", "sys/devices/pci/ata1/sdb")
        .mount("1 0 0:31 / / rw - btrfs /dev/sdb rw,subvol=/");
    assert_eq!(kind(by_name), StorageKind::Ssd, "btrfs has no device number of its own");
    assert_eq!(kind(Tree::new(512).mount("1 0 0:9 / / rw - nfs4 srv:/x rw")), StorageKind::Network);
    assert_eq!(kind(Tree::new(512).mount("1 0 0:9 / / rw - tmpfs tmpfs rw")), StorageKind::Memory);
    assert_eq!(
        kind(Tree::new(512).mount("1 0 0:9 / / rw - overlay overlay rw,upperdir=/o/u")),
        StorageKind::Unknown
    );
    assert_eq!(kind(Tree::new(512)), StorageKind::Unknown);
}

#[test]
fn overlays_are_looked_through_and_read_only_is_seen() {
    let probe = Tree::new(512)
        .disk("179:2", "mmc/mmcblk1", "0")
        .mount("2 1 0:40 / /var rw - overlay overlay rw,lowerdir=/l,upperdir=/up,workdir=/w")
        .probe();
    assert_eq!((probe.storage.kind, probe.storage.filesystem.as_str()), (StorageKind::Emmc, "overlay"));
    let probe = Tree::new(512).mount("1 0 0:9 / / ro - squashfs /dev/loop0 ro").probe();
    assert!(probe.storage.read_only);
    assert!(probe.warnings().iter().any(|warning| warning.contains("read-only")));
}

#[test]
fn slow_storage_and_few_cores_step_down_with_a_reason() {
    let slow = Tree::new(8192).disk("8:0", "pci/ata1/sda", "1").probe();
    let (name, reason) = tier(&slow);
    assert_eq!(name, "standard");
    assert!(reason.contains("hdd"), "{reason}");
    let single = Tree::new(8192).file("proc/self/status", "Cpus_allowed_list:\t2\n").probe();
    let (name, reason) = tier(&single);
    assert_eq!(name, "standard");
    assert!(reason.contains("cores"), "{reason}");
    assert_eq!(tier(&Tree::new(8192).disk("259:0", "pci/nvme/nvme0n1", "0").probe()).0, "full");
}

#[test]
fn sensors_power_and_accelerators() {
    let probe = Tree::new(512)
        .file("sys/class/thermal/thermal_zone0/temp", "91500\n")
        .file("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
        .file("sys/class/thermal/thermal_zone1/temp", "nonsense")
        .file("sys/class/power_supply/BAT0/type", "Battery\n")
        .file("sys/class/power_supply/BAT0/capacity", "81\n")
        .file("sys/class/power_supply/AC/type", "Mains\n")
        .file("sys/class/power_supply/AC/online", "1\n")
        .file("dev/dri/renderD128", "")
        .file("dev/dri/card0", "")
        .link("sys/class/drm/renderD128/device/driver", "drivers/v3d")
        .file("dev/apex_0", "")
        .file("dev/accel/accel0", "")
        .file("sys/class/fpga_manager/fpga0/name", "Xilinx Zynq FPGA Manager\n")
        .file("sys/block/zram0/disksize", "134217728")
        .probe();
    assert_eq!(probe.thermal.len(), 1);
    assert!((probe.thermal[0].celsius - 91.5).abs() < 0.01);
    assert!(probe.warnings().iter().any(|warning| warning.contains("cpu-thermal")));
    assert_eq!(probe.power[0].online, Some(true));
    assert_eq!((probe.power[1].kind.as_str(), probe.power[1].percent), ("battery", Some(81)));
    let kinds: Vec<&str> = probe.accelerators.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, ["gpu", "npu", "tpu", "fpga"]);
    assert_eq!(probe.accelerators[0].name, "v3d");
    assert_eq!(probe.memory.zram_total, 128 << 20);
}

#[test]
fn an_empty_tree_is_a_box_of_nothing() {
    let root = tempfile::tempdir().unwrap();
    let probe = Probe::read(root.path(), Path::new("/nowhere"));
    assert_eq!(probe.memory.effective, 0);
    assert_eq!(probe.cpu.cores, 1);
    assert_eq!(tier(&probe).0, "ultra_lite");
}

#[test]
fn this_very_box_can_be_read() {
    let probe = Probe::read(Path::new("/"), &std::env::temp_dir());
    assert!(probe.memory.physical > 0 && probe.memory.effective <= probe.memory.physical);
    assert!(probe.storage.total > 0);
}

#[test]
fn tiers_keep_the_promises_of_the_product() {
    let tiers = Tiers::embedded().unwrap();
    let probe = Tree::new(8192).probe();
    for name in Tiers::NAMES {
        let choice = tiers.choose(&probe, Some(name)).unwrap();
        assert_eq!(choice.tier, name);
        assert!(choice.budgets.check_sum().unwrap() <= choice.budgets.memory_total);
        assert!(choice.budgets.search_workers <= probe.cpu.cores);
    }
    let target = |tier: &str| tiers.choose(&probe, Some(tier)).unwrap().thresholds.latency_target_ms;
    assert_eq!((target("ultra_lite"), target("full")), (400, 200), "a tier changes what [modes] says");
    let small = tiers.choose(&probe, Some("ultra-lite")).unwrap().budgets;
    assert_eq!((small.memory_total, small.vector_width), (96 << 20, 64));
    assert_eq!(tiers.choose(&probe, Some("full")).unwrap().budgets.vector_width, 128);
}

#[test]
fn a_tier_too_large_for_the_box_is_refused() {
    let error = Tiers::embedded().unwrap().choose(&Tree::new(100).probe(), Some("full")).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("tier full") && said.contains("smaller tier"), "{said}");
}

#[test]
fn mistakes_are_named_with_place_and_suggestion() {
    let good = include_str!("../tiers.toml");
    let said = |text: &str| Tiers::parse("my.toml", text).unwrap_err().to_string();
    let typo = said(&good.replacen("connections =", "conections =", 1));
    assert!(typo.contains("did you mean 'connections'"), "{typo}");
    let line = good.lines().position(|line| line.starts_with("connections")).unwrap() + 1;
    assert!(typo.contains(&format!("my.toml:{line}:1")), "{typo}");
    assert!(said(&good.replacen("64 MiB", "64 parsecs", 1)).contains("64 parsecs"));
    assert!(said(&good.replacen("vector_width = 64", "vector_width = 96", 1)).contains("96"));
    assert!(said(&good.replacen("search_workers = 1", "search_workers = 0", 1)).contains("search_workers"));
    assert!(
        said(&good.replacen("index_buffer = \"8 MiB\"", "index_buffer = \"800 MiB\"", 1))
            .contains("index_buffer")
    );
    assert!(said(&good.replacen("[full]", "[fulll]", 1)).contains("full"));
    assert!(said(&good.replacen("\"512 MiB\"", "\"100 MiB\"", 1)).contains("up_to_memory"));
    assert!(said("").contains("missing"));
    let modes = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        said(&good.replacen(from, to, 1))
    };
    let typo = modes("\nlatency_least =", "\nlatency_leest =");
    assert!(typo.contains("did you mean 'latency_least'"), "{typo}");
    let upside_down = modes("memory_constrained = 80", "memory_constrained = 93");
    assert!(upside_down.contains("[modes]") && upside_down.contains("memory_emergency"), "{upside_down}");
    assert!(modes("disk_emergency = \"4 MiB\"", "disk_emergency = \"1 MiB\"").contains("ballast"));
    assert!(modes("pressure_some = 10", "pressure_some = 0").contains("pressure_some"));
    assert!(modes("pressure_full = 10", "pressure_full = 101").contains("percentage"));
    assert!(modes("reduced_hold_s = 30", "reduced_hold_s = 90000").contains("day"));
    let of_a_tier = modes("{ latency_target_ms = 400 }", "{ latency_reduced = 500 }");
    assert!(of_a_tier.contains("[ultra_lite.modes]"), "{of_a_tier}");
    let unknown = Tiers::embedded().unwrap().choose(&Tree::new(512).probe(), Some("standart")).unwrap_err();
    assert!(unknown.to_string().contains("did you mean 'standard'"), "{unknown}");
}

#[test]
fn every_key_of_the_tiers_is_documented() {
    let text = include_str!("../tiers.toml");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once('=') {
            let explained = format!("#   {} ", key.trim());
            assert!(text.contains(&explained), "{} has no comment", key.trim());
        }
    }
}
