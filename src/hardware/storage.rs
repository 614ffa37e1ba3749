//! What the data folder lies on: device, kind, file system, space.

use std::fs;
use std::path::{Path, PathBuf};

use super::mounts::{self, Mount};
use super::probe::{names, number, text, under};

/// The storage of the data folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Storage {
    pub kind: StorageKind,
    /// `mmcblk0`, `nvme0n1`, ...; the mount's source where no block device is known.
    pub device: String,
    pub filesystem: String,
    pub read_only: bool,
    pub free: u64,
    pub total: u64,
}

/// Kinds that behave differently enough to matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StorageKind {
    SdCard,
    Emmc,
    Nvme,
    Ssd,
    Hdd,
    Usb,
    Network,
    Memory,
    /// A disk that a hypervisor provides.
    Virtual,
    /// Raw NAND or NOR flash (mtd, ubi).
    Flash,
    #[default]
    Unknown,
}

impl StorageKind {
    /// The word on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SdCard => "sd_card",
            Self::Emmc => "emmc",
            Self::Nvme => "nvme",
            Self::Ssd => "ssd",
            Self::Hdd => "hdd",
            Self::Usb => "usb",
            Self::Network => "network",
            Self::Memory => "memory",
            Self::Virtual => "virtual",
            Self::Flash => "flash",
            Self::Unknown => "unknown",
        }
    }

    /// True where random reads cost much more than memory can hide.
    #[must_use]
    pub fn is_slow(self) -> bool {
        matches!(self, Self::SdCard | Self::Hdd | Self::Usb | Self::Network | Self::Flash)
    }

    pub(super) fn is_memory(self) -> bool {
        self == Self::Memory
    }
}

impl Storage {
    pub(super) fn read(root: &Path, data_dir: &Path) -> Self {
        let (free, total) = space(data_dir);
        let mounts = mounts::read(root);
        let path = if root == Path::new("/") { existing(data_dir) } else { data_dir.to_owned() };
        let Some(mut mount) = mounts::holding(&mounts, &path) else {
            return Self { free, total, ..Self::default() };
        };
        let read_only = mount.options.split(',').any(|option| option == "ro");
        let filesystem = mount.filesystem.clone();
        if filesystem == "overlay" {
            // What is written lands in the upper folder: look through, where it can be seen.
            let upper = mount.super_options.split(',').find_map(|option| option.strip_prefix("upperdir="));
            let below = upper.and_then(|upper| mounts::holding(&mounts, Path::new(upper)));
            mount = below.filter(|below| below.filesystem != "overlay").unwrap_or(mount);
        }
        let device = block_device(root, mount);
        let kind = by_filesystem(&mount.filesystem)
            .unwrap_or_else(|| device.as_deref().map_or(StorageKind::Unknown, |device| of_device(device, 0)));
        let device = device.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        Self {
            kind,
            device: device.unwrap_or_else(|| mount.source.clone()),
            filesystem,
            read_only,
            free,
            total,
        }
    }
}

/// The nearest folder that exists, without symbolic links.
fn existing(path: &Path) -> PathBuf {
    path.ancestors().find_map(|part| fs::canonicalize(part).ok()).unwrap_or_else(|| PathBuf::from("/"))
}

/// Free (for us) and total bytes of the file system of `path`.
pub(super) fn space(path: &Path) -> (u64, u64) {
    rustix::fs::statvfs(existing(path).as_path()).map_or((0, 0), |found| {
        (found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize))
    })
}

fn by_filesystem(filesystem: &str) -> Option<StorageKind> {
    match filesystem {
        "tmpfs" | "ramfs" | "rootfs" | "devtmpfs" => Some(StorageKind::Memory),
        "nfs" | "nfs4" | "cifs" | "smb3" | "9p" | "ceph" | "fuse.sshfs" | "fuse.rclone" | "afs" => {
            Some(StorageKind::Network)
        }
        "virtiofs" => Some(StorageKind::Virtual),
        "ubifs" | "jffs2" | "yaffs2" => Some(StorageKind::Flash),
        _ => None,
    }
}

/// The whole disk's folder in sysfs. File systems without a device number of their own (btrfs) name their source.
fn block_device(root: &Path, mount: &Mount) -> Option<PathBuf> {
    let by_number = under(root, "/sys/dev/block").join(&mount.device);
    let by_name = mount.source.strip_prefix("/dev/").map(|name| under(root, "/sys/class/block").join(name));
    let found = fs::canonicalize(by_number).ok().or_else(|| fs::canonicalize(by_name?).ok())?;
    let is_partition = found.join("partition").exists();
    if is_partition { found.parent().map(Path::to_owned) } else { Some(found) }
}

fn of_device(device: &Path, depth: u8) -> StorageKind {
    let name = device.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(kind) = by_name(&name) {
        return kind;
    }
    if name.starts_with("mmcblk") {
        let sd = text(&device.join("device/type")).is_some_and(|kind| kind == "SD");
        return if sd { StorageKind::SdCard } else { StorageKind::Emmc };
    }
    // Device mapper, RAID: as slow as what lies below.
    if let Some(below) = names(&device.join("slaves")).first().filter(|_| depth < 8) {
        return match fs::canonicalize(device.join("slaves").join(below)) {
            Ok(found) if found.join("partition").exists() => {
                found.parent().map_or(StorageKind::Unknown, |disk| of_device(disk, depth + 1))
            }
            Ok(found) => of_device(&found, depth + 1),
            Err(_) => StorageKind::Unknown,
        };
    }
    if device.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb")) {
        return StorageKind::Usb;
    }
    match number(&device.join("queue/rotational")) {
        Some(0) => StorageKind::Ssd,
        Some(_) => StorageKind::Hdd,
        None => StorageKind::Unknown,
    }
}

fn by_name(name: &str) -> Option<StorageKind> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if starts(&["nvme"]) {
        Some(StorageKind::Nvme)
    } else if starts(&["zram", "ram", "pmem"]) {
        Some(StorageKind::Memory)
    } else if starts(&["vd", "xvd"]) {
        Some(StorageKind::Virtual)
    } else if starts(&["mtdblock", "ubiblock"]) {
        Some(StorageKind::Flash)
    } else if starts(&["nbd", "drbd", "rbd"]) {
        Some(StorageKind::Network)
    } else {
        None
    }
}
