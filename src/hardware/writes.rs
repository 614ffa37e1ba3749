//! What goes to the disk: of this process, and of everybody on the device.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a sector in `/sys/class/block/*/stat`, whatever the device's own are (kernel: block/stat.rst).
const SECTOR: u64 = 512;
/// Field of that file: sectors written.
const WRITTEN: usize = 6;

/// Bytes written: by this process since its start, by everybody to the device since it was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Writes {
    /// `write_bytes` of `/proc/self/io`: what was caused to be sent to the storage layer.
    pub process: u64,
    /// `None` where there is no block device below the data folder.
    pub device: Option<u64>,
    pub device_size: u64,
}

/// Reads [`Writes`] of one device.
#[derive(Debug)]
pub struct WriteReader {
    io: PathBuf,
    device: PathBuf,
}

impl WriteReader {
    /// `device` as the probe names it: `mmcblk0p2`.
    #[must_use]
    pub fn new(root: &Path, device: &str) -> Self {
        let plain = !device.is_empty() && !device.contains('/');
        let block = root.join("sys/class/block");
        Self {
            io: root.join("proc/self/io"),
            device: if plain { block.join(device) } else { PathBuf::new() },
        }
    }

    /// What was written so far; zeros where the kernel does not tell.
    #[must_use]
    pub fn read(&self) -> Writes {
        let io = fs::read_to_string(&self.io).unwrap_or_default();
        let process = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.trim().parse().ok());
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let read = |name: &str| fs::read_to_string(self.device.join(name)).ok();
        let written = read("stat").and_then(|stat| number(stat.split_whitespace().nth(WRITTEN)?));
        let size = read("size").and_then(|size| number(&size)).unwrap_or(0);
        Writes {
            process: process.unwrap_or(0),
            device: written.map(|sectors| sectors.saturating_mul(SECTOR)),
            device_size: size.saturating_mul(SECTOR),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_counts() {
        let root = tempfile::tempdir().unwrap();
        let block = root.path().join("sys/class/block/mmcblk0p2");
        fs::create_dir_all(&block).unwrap();
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        fs::write(
            root.path().join("proc/self/io"),
            "rchar: 9\nwrite_bytes: 4096\ncancelled_write_bytes: 1\n",
        )
        .unwrap();
        fs::write(block.join("stat"), "   1 2 3 4 5 6 800 8 9 10 11\n").unwrap();
        fs::write(block.join("size"), "1000\n").unwrap();
        let of = |device| WriteReader::new(root.path(), device).read();
        assert_eq!(of("mmcblk0p2"), Writes { process: 4096, device: Some(409_600), device_size: 512_000 });
        assert_eq!(of("tmpfs").device, None);
        assert_eq!(of("../../etc").device, None);
        assert_eq!(WriteReader::new(Path::new("/nowhere"), "").read(), Writes::default());
    }
}
