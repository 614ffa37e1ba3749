//! Immutable, memory-mapped files whose every 4 KiB block carries a CRC32C.
//!
//! ```text
//! section bytes …          each section starts on a 64-byte border
//! section table            per section: tag [u8;4], 4 zero bytes, offset u64, length u64
//! block table              CRC32C u32 per 4 KiB of everything above
//! trailer (40 bytes)       magic "SPUDBLK1", table offset u64, sections u32, blocks u32,
//!                          block table offset u64, CRC32C of both tables u32, CRC32C of the 36 bytes before u32
//! ```
//! All numbers are little-endian. Written front to back, so that a writer never seeks.
//!
//! A block is verified when it is first touched after opening, so that opening reads one page and a
//! search reads only what it needs. This is the one place that maps files.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{Advice, Mmap, UncheckedAdvice};

const MAGIC: &[u8; 8] = b"SPUDBLK1";
const TRAILER: usize = 40;
/// Bytes that share a check value.
pub const BLOCK: usize = 4096;
const ALIGN: u64 = 64;

/// What is wrong with a block file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct Damage {
    pub path: PathBuf,
    pub what: String,
}

/// Writes a block file front to back.
pub struct BlockFileWriter {
    out: BufWriter<File>,
    path: PathBuf,
    written: u64,
    block_crc: u32,
    block_fill: usize,
    crcs: Vec<u32>,
    sections: Vec<([u8; 4], u64, u64)>,
}

impl BlockFileWriter {
    /// Creates (or empties) the file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        let out = BufWriter::with_capacity(64 << 10, File::create(path)?);
        Ok(Self {
            out,
            path: path.to_owned(),
            written: 0,
            block_crc: 0,
            block_fill: 0,
            crcs: Vec::new(),
            sections: Vec::new(),
        })
    }

    /// Begins a section; what is written from now on belongs to it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn section(&mut self, tag: [u8; 4]) -> io::Result<()> {
        self.end_section();
        let pad = (ALIGN - self.written % ALIGN) % ALIGN;
        self.put(&[0u8; ALIGN as usize][..usize::try_from(pad).unwrap_or(0)])?;
        self.sections.push((tag, self.written, 0));
        Ok(())
    }

    /// Bytes written into the current section so far.
    #[must_use]
    pub fn section_len(&self) -> u64 {
        self.sections.last().map_or(0, |(_, start, _)| self.written - start)
    }

    fn end_section(&mut self) {
        let written = self.written;
        if let Some((_, start, len)) = self.sections.last_mut() {
            *len = written - *start;
        }
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let take = bytes.len().min(BLOCK - self.block_fill);
            let (now, rest) = bytes.split_at(take);
            self.block_crc = crc32c::crc32c_append(self.block_crc, now);
            self.out.write_all(now)?;
            self.written += take as u64;
            self.block_fill += take;
            if self.block_fill == BLOCK {
                self.crcs.push(self.block_crc);
                (self.block_crc, self.block_fill) = (0, 0);
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Writes the tables and makes the file durable; returns its length.
    ///
    /// # Errors
    /// What the file system says; the file must then be removed.
    pub fn finish(mut self) -> io::Result<u64> {
        self.end_section();
        if self.block_fill > 0 {
            self.crcs.push(self.block_crc);
        }
        let table_offset = self.written;
        let mut tables = Vec::with_capacity(self.sections.len() * 24 + self.crcs.len() * 4);
        for (tag, offset, len) in &self.sections {
            tables.extend_from_slice(tag);
            tables.extend_from_slice(&[0; 4]);
            tables.extend_from_slice(&offset.to_le_bytes());
            tables.extend_from_slice(&len.to_le_bytes());
        }
        let block_table = table_offset + tables.len() as u64;
        for crc in &self.crcs {
            tables.extend_from_slice(&crc.to_le_bytes());
        }
        let mut trailer = Vec::with_capacity(TRAILER);
        trailer.extend_from_slice(MAGIC);
        trailer.extend_from_slice(&table_offset.to_le_bytes());
        trailer.extend_from_slice(&count(self.sections.len())?.to_le_bytes());
        trailer.extend_from_slice(&count(self.crcs.len())?.to_le_bytes());
        trailer.extend_from_slice(&block_table.to_le_bytes());
        trailer.extend_from_slice(&crc32c::crc32c(&tables).to_le_bytes());
        trailer.extend_from_slice(&crc32c::crc32c(&trailer).to_le_bytes());
        self.out.write_all(&tables)?;
        self.out.write_all(&trailer)?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        sync_parent(&self.path)?;
        Ok(block_table + self.crcs.len() as u64 * 4 + TRAILER as u64)
    }
}

impl Write for BlockFileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn count(n: usize) -> io::Result<u32> {
    u32::try_from(n).map_err(|_| io::Error::other("the file is too large for its block table"))
}

/// Makes a name in a folder durable.
///
/// # Errors
/// What the file system says.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// A mapped block file. Reading past its end, or a block that fails its check, is a [`Damage`].
pub struct BlockFile {
    file: File,
    map: Mmap,
    path: PathBuf,
    sections: Vec<([u8; 4], Range<usize>)>,
    block_table: usize,
    data_end: usize,
    verified: Box<[AtomicU64]>,
}

impl std::fmt::Debug for BlockFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockFile")
            .field("path", &self.path)
            .field("sections", &self.sections)
            .finish_non_exhaustive()
    }
}

impl BlockFile {
    /// Maps the file and verifies its tables.
    ///
    /// # Errors
    /// [`Damage`] when it cannot be read, is not a block file, or its tables fail their check.
    pub fn open(path: &Path) -> Result<Self, Damage> {
        let damage = |what: String| Damage { path: path.to_owned(), what };
        let file = File::open(path).map_err(|e| damage(format!("cannot be opened: {e}")))?;
        // SAFETY: the files of the data folder are immutable by contract: written once under a name
        // nobody reads, then only ever unlinked. A truncation by a third party is the one way to a
        // SIGBUS, as with every mapped file, and needs the box's own user or root.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| damage(format!("cannot be mapped: {e}")))?;
        let tables = read_tables(&map)
            .ok_or_else(|| damage("its tables are damaged or it is not a block file".into()))?;
        let _ = map.advise(Advice::Random);
        let words = tables.blocks.div_ceil(64);
        Ok(Self {
            file,
            map,
            path: path.to_owned(),
            sections: tables.sections,
            block_table: tables.block_table,
            data_end: tables.data_end,
            verified: (0..words).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself, for copying it as it is: it stays readable when its name is gone.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.map.len() as u64
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Where a section lies.
    ///
    /// # Errors
    /// [`Damage`] when the file has no such section.
    pub fn section(&self, tag: [u8; 4]) -> Result<Range<usize>, Damage> {
        let found = self.sections.iter().find(|(t, _)| *t == tag);
        found
            .map(|(_, span)| span.clone())
            .ok_or_else(|| self.damage(format!("has no section '{}'", String::from_utf8_lossy(&tag))))
    }

    /// All sections in the order in which they were written, each with where it lies.
    pub fn sections(&self) -> impl Iterator<Item = ([u8; 4], Range<usize>)> {
        self.sections.iter().cloned()
    }

    /// Verified bytes of a range of the file.
    ///
    /// # Errors
    /// [`Damage`] naming the block that fails its check, or a range outside the file.
    #[inline]
    pub fn bytes(&self, span: Range<usize>) -> Result<&[u8], Damage> {
        let block = span.start / BLOCK;
        // What is looked at again and again lies in one block that was verified before.
        if span.end <= self.data_end.min((block + 1) * BLOCK)
            && self.is_verified(block)
            && let Some(bytes) = self.map.get(span.clone())
        {
            return Ok(bytes);
        }
        self.verified_bytes(span)
    }

    fn verified_bytes(&self, span: Range<usize>) -> Result<&[u8], Damage> {
        self.check_range(&span)?;
        if !span.is_empty() {
            for block in span.start / BLOCK..=(span.end - 1) / BLOCK {
                if !self.is_verified(block) {
                    self.verify(block)?;
                }
            }
        }
        Ok(&self.map[span])
    }

    #[inline]
    fn is_verified(&self, block: usize) -> bool {
        let word = self.verified.get(block / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (block % 64)) != 0)
    }

    #[inline]
    fn check_range(&self, span: &Range<usize>) -> Result<(), Damage> {
        if span.start > span.end || span.end > self.data_end {
            return Err(self.damage(format!("points outside itself ({}..{})", span.start, span.end)));
        }
        Ok(())
    }

    /// Verified bytes of a range, read into `buffer` and not mapped: for what is large and looked at once,
    /// so that it does not fill the process's memory.
    ///
    /// # Errors
    /// [`Damage`] naming the block that fails its check, a range outside the file, or what the disk says.
    pub fn read<'b>(&self, span: Range<usize>, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Damage> {
        self.check_range(&span)?;
        let first = span.start / BLOCK;
        let start = first * BLOCK;
        let end = (span.end.div_ceil(BLOCK) * BLOCK).min(self.data_end).max(start);
        buffer.resize(end - start, 0);
        self.file
            .read_exact_at(buffer, start as u64)
            .map_err(|e| self.damage(format!("cannot be read at byte {start}: {e}")))?;
        for (block, data) in (first..).zip(buffer.chunks(BLOCK)) {
            self.check_block(block, data)?;
        }
        Ok(&buffer[span.start - start..span.end - start])
    }

    /// Gives the mapped pages back; those that are read again come from the page cache.
    pub fn release(&self) {
        // SAFETY: the map is of a file and only read, so that a dropped page has its content again at the
        // next touch. Slices of it stay valid.
        let _ = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
    }

    /// Asks the CPU to fetch what lies at `at` while other work goes on. Gives nothing out: a block is
    /// verified when it is read.
    #[inline]
    pub fn prefetch(&self, at: usize) {
        if let Some(byte) = self.map.get(at) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a prefetch has no effect that a program can see, and the address is inside the map.
            unsafe {
                use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
                _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast());
            }
            #[cfg(target_arch = "aarch64")]
            // SAFETY: as above.
            unsafe {
                std::arch::asm!("prfm pldl1keep, [{at}]", at = in(reg) std::ptr::from_ref(byte),
                    options(nostack, preserves_flags, readonly));
            }
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            let _ = byte;
        }
    }

    /// Tells the kernel that a range is read front to back.
    pub fn advise_sequential(&self, span: &Range<usize>) {
        let _ = self.map.advise_range(Advice::Sequential, span.start, span.len());
    }

    #[cold]
    fn verify(&self, block: usize) -> Result<(), Damage> {
        let start = block * BLOCK;
        self.check_block(block, &self.map[start..(start + BLOCK).min(self.data_end)])?;
        self.verified[block / 64].fetch_or(1 << (block % 64), Ordering::Relaxed);
        Ok(())
    }

    fn check_block(&self, block: usize, data: &[u8]) -> Result<(), Damage> {
        let expected = read_u32(&self.map, self.block_table + block * 4).unwrap_or(0);
        if crc32c::crc32c(data) != expected {
            return Err(self.damage(format!("block {block} (byte {}) fails its check", block * BLOCK)));
        }
        Ok(())
    }

    /// Reads one of the runs of `count` blocks and verifies it, without mapping it; returns how many blocks it has.
    /// As `turn` counts up, every run has its turn.
    ///
    /// # Errors
    /// The first block that fails its check, or what the disk says.
    pub fn verify_run(&self, turn: u64, count: usize) -> Result<usize, Damage> {
        let (blocks, count) = (self.data_end.div_ceil(BLOCK), count.max(1));
        let runs = blocks.div_ceil(count).max(1);
        let first = usize::try_from(turn % runs as u64).unwrap_or(0) * count;
        let last = (first + count).min(blocks);
        self.read(first * BLOCK..(last * BLOCK).min(self.data_end), &mut Vec::new())?;
        Ok(last - first)
    }

    /// Verifies every block anew; returns how many there are.
    ///
    /// # Errors
    /// The first block that fails its check.
    pub fn verify_all(&self) -> Result<usize, Damage> {
        let blocks = self.data_end.div_ceil(BLOCK);
        (0..blocks).try_for_each(|block| self.verify(block))?;
        Ok(blocks)
    }

    /// Damage of this file, found by whoever understands its sections.
    #[must_use]
    pub fn damage(&self, what: impl Into<String>) -> Damage {
        Damage { path: self.path.clone(), what: what.into() }
    }
}

struct Tables {
    sections: Vec<([u8; 4], Range<usize>)>,
    block_table: usize,
    data_end: usize,
    blocks: usize,
}

fn read_tables(map: &[u8]) -> Option<Tables> {
    let at = map.len().checked_sub(TRAILER)?;
    let trailer = map.get(at..)?;
    let crc = read_u32(trailer, 36)?;
    if trailer.get(..8)? != MAGIC || crc32c::crc32c(trailer.get(..36)?) != crc {
        return None;
    }
    let data_end = usize::try_from(read_u64(trailer, 8)?).ok()?;
    let count = read_u32(trailer, 16)? as usize;
    let blocks = read_u32(trailer, 20)? as usize;
    let block_table = usize::try_from(read_u64(trailer, 24)?).ok()?;
    let tables = map.get(data_end..at)?;
    let whole = tables.len() == count * 24 + blocks * 4 && block_table == data_end + count * 24;
    if !whole || blocks != data_end.div_ceil(BLOCK) || crc32c::crc32c(tables) != read_u32(trailer, 32)? {
        return None;
    }
    let mut sections = Vec::with_capacity(count);
    for entry in tables.get(..count * 24)?.chunks_exact(24) {
        let start = usize::try_from(read_u64(entry, 8)?).ok()?;
        let end = start.checked_add(usize::try_from(read_u64(entry, 16)?).ok()?)?;
        if end > data_end {
            return None;
        }
        sections.push((entry.get(..4)?.try_into().ok()?, start..end));
    }
    Some(Tables { sections, block_table, data_end, blocks })
}

/// Little-endian u32 at `at`, when it lies inside.
#[inline]
#[must_use]
pub fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Little-endian u64 at `at`, when it lies inside.
#[inline]
#[must_use]
pub fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
