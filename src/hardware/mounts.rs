//! Reads `/proc/self/mountinfo`: which file system and which cgroup hierarchy stands where.

use std::path::{Path, PathBuf};

use super::probe::{text, under};

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// `major:minor` of its device.
    pub(super) device: String,
    /// The part of the file system that is mounted.
    pub(super) root: String,
    pub(super) point: PathBuf,
    pub(super) options: String,
    pub(super) filesystem: String,
    pub(super) source: String,
    pub(super) super_options: String,
}

/// All mounts, in the order of the kernel (later ones cover earlier ones).
pub(super) fn read(root: &Path) -> Vec<Mount> {
    let lines = text(&under(root, "/proc/self/mountinfo")).unwrap_or_default();
    lines.lines().filter_map(parse).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let right: Vec<&str> = right.split(' ').collect();
    Some(Mount {
        device: (*left.get(2)?).to_owned(),
        root: unescape(left.get(3)?),
        point: PathBuf::from(unescape(left.get(4)?)),
        options: (*left.get(5)?).to_owned(),
        filesystem: (*right.first()?).to_owned(),
        source: unescape(right.get(1)?),
        super_options: right.get(2).copied().unwrap_or_default().to_owned(),
    })
}

/// The mount that holds `path`.
pub(super) fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let mut best: Option<&Mount> = None;
    for mount in mounts.iter().filter(|mount| path.starts_with(&mount.point)) {
        let longer =
            best.is_none_or(|known| mount.point.components().count() >= known.point.components().count());
        if longer {
            best = Some(mount);
        }
    }
    best
}

/// Octal escapes of mountinfo: `\040` is a space.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = tail.get(..3).filter(|_| first == b'\\');
        let code = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escapes_and_prefers_the_later_mount() {
        let first = parse(r"1 0 8:1 / /my\040disk rw - ext4 /dev/sda1 rw").unwrap();
        assert_eq!(first.point, Path::new("/my disk"));
        let second = parse(r"2 1 8:2 / /my\040disk rw - ext4 /dev/sda2 rw").unwrap();
        let mounts = [first, second];
        assert_eq!(holding(&mounts, Path::new("/my disk/x")).unwrap().device, "8:2");
        assert!(holding(&mounts, Path::new("/my disks")).is_none());
        assert!(parse("nonsense").is_none());
    }
}
