//! The form in which the program carries its model: what can be made again is left out (slots, offsets, check
//! values), bytes that are alike stand together, and all of it is compressed. A tenth smaller than the file alone.
//!
//! ```text
//! zstd of: lengths of meta, rows, columns, strs, near, u32 LE each · meta · bytes of each piece, u8 a row ·
//!          neighbours of each piece, u8 a row · strs · scal, its low bytes and its high bytes · rows · near, the
//!          same in four planes
//! ```
//! `assets/model/pack.py` writes it; sections are those of [`super::model`].

use std::io::{self, Read};
use std::path::Path;

use super::model::{Sections, write_sections};
use crate::store::read_u32;

/// More than any model that is worth carrying.
const UNPACKED_MOST: u64 = 64 << 20;

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the packed model is cut short")
}

struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(count).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(part)
    }

    fn number(&mut self) -> io::Result<usize> {
        read_u32(self.take(4)?, 0).map(|number| number as usize).ok_or_else(malformed)
    }

    /// Values whose bytes stand in `N` planes, each of `count` bytes.
    fn planes<const N: usize>(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let planes = self.take(count.checked_mul(N).ok_or_else(malformed)?)?;
        let value = |at: usize| (0..N).map(move |plane| planes.get(plane * count + at).copied().unwrap_or(0));
        Ok((0..count).flat_map(value).collect())
    }
}

/// Writes the model file that was packed.
///
/// # Errors
/// What the file system says, and what was packed in another way.
pub(super) fn unpack(packed: &[u8], path: &Path) -> io::Result<()> {
    let mut bytes = Vec::new();
    zstd::stream::read::Decoder::with_buffer(packed)?.take(UNPACKED_MOST).read_to_end(&mut bytes)?;
    let mut parts = Parts(&bytes);
    let meta = parts.number()?;
    let (rows, columns) = (parts.number()?, parts.number()?);
    let (strings, near) = (parts.number()?, parts.number()?);
    let meta = parts.take(meta)?;
    let (lengths, neighbours) = (parts.take(rows)?, parts.take(rows)?);
    let mut strings = Parts(parts.take(strings)?);
    let mut pieces = Vec::with_capacity(rows);
    for length in lengths {
        let piece = strings.take(usize::from(*length))?;
        pieces.push(std::str::from_utf8(piece).map_err(|_| malformed())?);
    }
    let scales = parts.planes::<2>(rows)?;
    let table = parts.take(rows.checked_mul(columns).ok_or_else(malformed)?)?;
    let near_bytes = parts.planes::<4>(near)?;
    let near_counts = neighbours.iter().map(|count| usize::from(*count)).collect();
    write_sections(
        path,
        &Sections { meta, pieces: &pieces, scales: &scales, rows: table, near_counts, near: &near_bytes },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let packed = zstd::bulk::compress(&bytes, 1).unwrap();
            let _ = unpack(&packed, &folder.path().join("model"));
            prop_assert!(unpack(&bytes, &folder.path().join("model")).is_err());
        }
    }
}
