//! Archives as `tar` reads them: plain files in the ustar format of POSIX (IEEE Std 1003.1, `pax`), nothing else.
//!
//! Invariant: the same files and time give the same bytes; what is read names plain files of plain folders, or nothing.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Bytes of a name, and of the folder before it.
const NAME: usize = 100;
const FOLDER: usize = 155;
/// Where the eight bytes of the checksum stand.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// What ends an archive.
pub const TAR_END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Adds a file, `name` or `folder/name`; false where the name is too long for the format.
#[must_use]
pub fn put_in_tar(out: &mut Vec<u8>, path: &str, at_s: u64, bytes: &[u8]) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name.len() > NAME || folder.len() > FOLDER {
        return false;
    }
    let mut head = Vec::with_capacity(BLOCK);
    let mut field = |text: &str, width: usize| {
        head.extend_from_slice(text.as_bytes());
        head.resize(head.len() + width.saturating_sub(text.len()), 0);
    };
    field(name, NAME);
    for (value, digits) in [(0o644, 7), (0, 7), (0, 7), (bytes.len() as u64, 11), (at_s, 11)] {
        field(&format!("{value:0digits$o}"), digits + 1);
    }
    // As long as it is counted, the checksum is blank. A usual file follows, of no link; then the format's version.
    field("        0", 9);
    field("", NAME);
    field("ustar", 6);
    field("00", 2 + 32 + 32 + 8 + 8);
    field(folder, FOLDER + 12);
    let sum = format!("{:06o}\0 ", checksum(&head));
    if let Some(place) = head.get_mut(CHECKSUM) {
        place.copy_from_slice(sum.as_bytes());
    }
    out.extend_from_slice(&head);
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    true
}

fn checksum(head: &[u8]) -> u64 {
    head.iter().map(|byte| u64::from(*byte)).sum()
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Reads an archive, file by file: its path, and its bytes, which `take` need not read to their end.
///
/// # Errors
/// What reading or `take` says; [`io::ErrorKind::InvalidData`] where this is no such archive.
pub fn read_tar(
    from: &mut dyn Read,
    take: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut head = [0; BLOCK];
    loop {
        from.read_exact(&mut head)?;
        if head == [0; BLOCK] {
            return Ok(());
        }
        let (path, length) = header(&head)?;
        let mut bytes = Read::take(&mut *from, length);
        take(&path, &mut bytes)?;
        io::copy(&mut bytes, &mut io::sink())?;
        if bytes.limit() > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = length.next_multiple_of(BLOCK as u64) - length;
        io::copy(&mut Read::take(&mut *from, padding), &mut io::sink())?;
    }
}

fn header(head: &[u8; BLOCK]) -> io::Result<(String, u64)> {
    let field = |from: usize, width: usize| {
        let all = head.get(from..from + width).unwrap_or_default();
        let text = all.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| bad("a name or number in it is no text"))
    };
    let number = |from, width| {
        let text = field(from, width)?.trim();
        u64::from_str_radix(text, 8).map_err(|_| bad("a number in it cannot be read"))
    };
    let mut blank = *head;
    if let Some(place) = blank.get_mut(CHECKSUM) {
        place.fill(b' ');
    }
    if field(257, 5)? != "ustar" || number(CHECKSUM.start, CHECKSUM.len())? != checksum(&blank) {
        return Err(bad("it is no tar of this kind"));
    }
    if !matches!(head.get(156), Some(b'0' | 0)) {
        return Err(bad("it holds something else than files"));
    }
    let length = number(124, 12)?;
    // Padding is added to it.
    if length > u64::from(u32::MAX) {
        return Err(bad("a file in it is too large"));
    }
    let (folder, name) = (field(345, FOLDER)?, field(0, NAME)?);
    Ok((if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(mut tar: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        read_tar(&mut tar, &mut |path, bytes| {
            let mut all = Vec::new();
            bytes.read_to_end(&mut all)?;
            found.push((path.to_owned(), all));
            Ok(())
        })?;
        Ok(found)
    }

    fn archive() -> Vec<u8> {
        let mut tar = Vec::new();
        assert!(put_in_tar(&mut tar, "one", 1_700_000_000, b"1"));
        assert!(put_in_tar(&mut tar, "in/two", 1_700_000_000, &[7; BLOCK]));
        assert!(put_in_tar(&mut tar, &format!("votes/{}", "n".repeat(NAME)), 0, b""));
        tar.extend(TAR_END);
        tar
    }

    #[test]
    fn what_is_put_in_comes_out() {
        let found = files(&archive()).unwrap();
        assert_eq!(found[0], ("one".to_owned(), b"1".to_vec()));
        assert_eq!(found[1], ("in/two".to_owned(), vec![7; BLOCK]));
        assert_eq!((found[2].0.len(), found.len()), (NAME + 6, 3));
        assert_eq!(archive(), archive());
        assert!(!put_in_tar(&mut Vec::new(), &"n".repeat(NAME + 1), 0, b""), "the name is too long");
    }

    #[test]
    fn what_is_cut_or_changed_is_refused() {
        let whole = archive();
        for cut in [0, 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, whole.len() - TAR_END.len()] {
            assert!(files(&whole[..cut]).is_err(), "{cut}");
        }
        for at in [0, 130, 150, 156, 258, 350] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(files(&changed).is_err(), "{at}");
        }
        let mut link = Vec::new();
        assert!(put_in_tar(&mut link, "one", 0, b""));
        link[156] = b'2';
        let sum = format!("{:06o}\0 ", checksum(&link) - checksum(&link[CHECKSUM]) + 8 * 32);
        link[CHECKSUM].copy_from_slice(sum.as_bytes());
        assert!(files(&link).unwrap_err().to_string().contains("something else"));
    }
}
