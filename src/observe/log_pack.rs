//! Rotated log files, packed in the background and read back block by block.
//!
//! A packed file gets its name when it is whole and on disk; only then is the plain one removed. Where both are there
//! (the power went in between), the packed one holds.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use zstd::bulk::Decompressor;

use super::log_block::{BLOCK, HEAD_MOST, Head, Packer, head_in};
use super::log_file::files;
use crate::base::spawn;
use crate::store::sync_parent;

/// Ends the name of a packed file.
pub(super) const PACKED: &str = ".zst";
const PART: &str = ".part";
const STACK_KB: usize = 256;
/// No block is longer: a line that is gets torn there.
const RAW_MOST: usize = 4 * BLOCK;

/// Packs what was rotated, on a thread of its own; ended between two blocks when dropped.
#[derive(Debug, Default)]
pub(super) struct Background {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Packs every file but the one that is written; what is under way goes on.
    pub(super) fn begin(&mut self, folder: &Path, current: &Path) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        // Chosen here: when the thread comes to look, another file may be the one that is written.
        let rotated: Vec<_> =
            files(folder).into_iter().filter(|file| !file.packed && file.path != current).collect();
        if rotated.is_empty() {
            return;
        }
        let stop = Arc::clone(&self.stop);
        let work = move || {
            for file in rotated {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = pack(&file.path, &stop) {
                    tracing::warn!(file = %file.path.display(), %error, "a log file was not packed");
                }
            }
        };
        // Without a thread they stay as they are: nothing is lost but space.
        self.thread = spawn("log-pack", STACK_KB, work).ok();
    }

    /// Waits for what is under way.
    #[cfg(test)]
    pub(super) fn finish(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The packed form's path.
pub(super) fn packed_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PACKED);
    name.into()
}

/// Removes what a process left behind that ended while it packed: half a packed file, or the plain one beside a
/// whole one.
pub(super) fn remove_parts(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_plain = name.ends_with(".jsonl") && packed_path(&entry.path()).exists();
        if name.starts_with("spud.") && (is_plain || name.ends_with(PART)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Packs a file of lines, which takes the name of the packed one.
///
/// # Errors
/// What the disk says; the file is then as it was.
pub fn pack_log(path: &Path) -> io::Result<()> {
    pack(path, &AtomicBool::new(false)).map(drop)
}

/// Packs one file of lines and removes it; false where it was stopped, and nothing changed.
pub(super) fn pack(path: &Path, stop: &AtomicBool) -> io::Result<bool> {
    let whole = packed_path(path);
    if !whole.exists() {
        let mut part = whole.as_os_str().to_owned();
        part.push(PART);
        let part = PathBuf::from(part);
        let written = write_packed(path, &part, stop);
        if !matches!(written, Ok(true)) {
            let _ = fs::remove_file(&part);
            return written;
        }
        fs::rename(&part, &whole)?;
        sync_parent(&whole)?;
    }
    match fs::remove_file(path) {
        // It was forgotten meanwhile, and so is its packed form.
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_file(&whole).map(|()| false),
        removed => removed.map(|()| true),
    }
}

fn write_packed(from: &Path, to: &Path, stop: &AtomicBool) -> io::Result<bool> {
    let mut lines = File::open(from)?;
    let mut out = File::options().create(true).write(true).truncate(true).mode(0o640).open(to)?;
    let mut packer = Packer::new()?;
    let (mut held, mut raw_at, mut ended) = (Vec::with_capacity(2 * BLOCK), 0_u64, false);
    while !ended {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let before = held.len();
        (&mut lines).take(BLOCK as u64).read_to_end(&mut held)?;
        ended = held.len() == before;
        let whole_lines = memchr::memrchr(b'\n', &held).map_or(0, |at| at + 1);
        let take = match whole_lines {
            _ if ended => held.len(),
            0 if held.len() < RAW_MOST => continue,
            0 => held.len(),
            lines => lines,
        };
        if take > 0 {
            let raw: Vec<u8> = held.drain(..take).collect();
            out.write_all(&packer.block(&raw, raw_at)?)?;
            raw_at += raw.len() as u64;
        }
    }
    out.sync_all()?;
    Ok(true)
}

/// Where the lines of a block lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) packed: usize,
    pub(super) raw: usize,
    pub(super) raw_at: u64,
}

/// A packed file.
pub(super) struct Packed {
    file: File,
    len: u64,
    unpacker: Decompressor<'static>,
    bytes: Vec<u8>,
}

impl Packed {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len, unpacker: Decompressor::new()?, bytes: Vec::new() })
    }

    /// Blocks that `wanted` says yes to, in the order of the file, how many it said no to, and how often something
    /// between two heads was damaged.
    pub(super) fn blocks(&mut self, mut wanted: impl FnMut(&Head<'_>) -> bool) -> (Vec<Place>, u64, u64) {
        let (mut found, mut skipped, mut damaged, mut at) = (Vec::new(), 0, 0, 0);
        let mut lost = false;
        let mut head_bytes = vec![0; HEAD_MOST];
        while at < self.len {
            let Ok(read) = self.file.read_at(&mut head_bytes, at) else {
                return (found, skipped, damaged + 1);
            };
            let bytes = head_bytes.get(..read).unwrap_or_default();
            let head =
                Head::read(bytes).filter(|(head, _)| head.raw <= RAW_MOST && head.packed <= 2 * RAW_MOST);
            if let Some((head, length)) = head {
                let frame = at + length as u64;
                match wanted(&head) {
                    true => found.push(Place {
                        at: frame,
                        packed: head.packed,
                        raw: head.raw,
                        raw_at: head.raw_at,
                    }),
                    false => skipped += 1,
                }
                (at, lost) = (frame + head.packed as u64, false);
                continue;
            }
            damaged += u64::from(!std::mem::replace(&mut lost, true));
            // The next head tells by itself where it begins.
            at += match head_in(bytes.get(1..).unwrap_or_default()) {
                Some(next) => next as u64 + 1,
                None if read < 2 * 16 => return (found, skipped, damaged),
                None => read as u64 - 15,
            };
        }
        (found, skipped, damaged)
    }

    /// The lines of a block.
    pub(super) fn lines<'b>(&mut self, place: Place, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        self.bytes.resize(place.packed, 0);
        self.file.read_exact_at(&mut self.bytes, place.at)?;
        buffer.clear();
        buffer.reserve(place.raw);
        let read = self.unpacker.decompress_to_buffer(&self.bytes, buffer)?;
        if read != place.raw {
            return Err(io::Error::other("a block of the log is shorter than it says"));
        }
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<u8> {
        let line = |n: usize| {
            format!(
                "{{\"timestamp\":\"2026-03-01T00:00:00.{n:06}Z\",\"level\":\"INFO\",\"message\":\"m{n}\"}}\n"
            )
        };
        (0..count).flat_map(|n| line(n).into_bytes()).collect()
    }

    #[test]
    fn what_is_packed_comes_back_and_the_plain_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spud.2026-03-01.jsonl");
        let raw = lines(20_000);
        fs::write(&path, &raw).unwrap();
        assert!(!pack(&path, &AtomicBool::new(true)).unwrap() && path.exists(), "stopped: nothing changed");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(pack(&path, &AtomicBool::new(false)).unwrap() && !path.exists());
        let packed = packed_path(&path);
        assert!(fs::metadata(&packed).unwrap().len() * 4 < raw.len() as u64);
        assert_eq!(zstd::stream::decode_all(File::open(&packed).unwrap()).unwrap(), raw);
        let mut file = Packed::open(&packed).unwrap();
        let (places, skipped, damaged) = file.blocks(|_| true);
        assert_eq!((skipped, damaged, places.len()), (0, 0, raw.len().div_ceil(BLOCK)));
        let mut buffer = Vec::new();
        for place in places {
            let from = place.raw_at as usize;
            assert_eq!(file.lines(place, &mut buffer).unwrap(), &raw[from..from + place.raw]);
        }
        // The power went before the plain one was removed.
        fs::write(&path, b"half").unwrap();
        assert!(pack(&path, &AtomicBool::new(false)).unwrap() && !path.exists());
        assert_eq!(zstd::stream::decode_all(File::open(&packed).unwrap()).unwrap(), raw);
    }

    #[test]
    fn damage_costs_its_block_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spud.2026-03-01.jsonl");
        fs::write(&path, lines(20_000)).unwrap();
        pack(&path, &AtomicBool::new(false)).unwrap();
        let packed = packed_path(&path);
        let good = fs::read(&packed).unwrap();
        let all = Packed::open(&packed).unwrap().blocks(|_| true).0.len();
        for at in (0..good.len()).step_by(good.len() / 60) {
            let mut bad = good.clone();
            bad[at] ^= 4;
            fs::write(&packed, &bad).unwrap();
            let mut file = Packed::open(&packed).unwrap();
            let (places, _, damaged) = file.blocks(|_| true);
            let mut buffer = Vec::new();
            let whole = places.iter().filter(|place| file.lines(**place, &mut buffer).is_ok()).count();
            assert!(whole + 1 >= all, "byte {at}: {whole} of {all}, {damaged}");
            assert!(whole < all || damaged == 0);
        }
        fs::write(&packed, &good[..good.len() / 2]).unwrap();
        let mut file = Packed::open(&packed).unwrap();
        assert!(file.blocks(|_| true).0.len() <= all);
    }
}
