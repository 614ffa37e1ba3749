//! Pieces of a backup, named by the BLAKE3 of their content: the same content is kept once.
//!
//! Two ways to cut, each for what it is given:
//! - **Rows** of a table are cut after a row whose key's check value ends in zeros. A row that comes or goes
//!   moves no border but its own, so that a changed table shares all its other pieces with the backup before.
//!   A piece holds whole rows, so that a damaged one costs no more than its own.
//! - **Files** (segments, models) are cut every 256 KiB. They never change once they are written: nothing in
//!   them shifts, and looking for borders in the content would only cost time.
//!
//! ```text
//! piece in the repository = form u8 (0 as it is, 1 zstd) · length when unpacked u32 LE · CRC32C of all else u32 LE
//!                           · bytes
//! row in a piece = key length u32 LE · value length u32 LE · key · value
//! ```

/// Names a piece.
pub(super) type Id = [u8; 32];

/// Bytes of a piece of a file.
pub(super) const FILE_PIECE: usize = 256 << 10;
/// A piece of a table ends in this range, where its rows allow it.
const ROWS_LEAST: usize = 16 << 10;
const ROWS_MOST: usize = 256 << 10;
/// One row in so many may end a piece.
const BORDER: u32 = 64;
/// No piece is larger: the largest record, with room for its key.
const MOST: usize = 20 << 20;
const HEAD: usize = 9;
/// Of the head that the check value covers: zstd leaves bits that mean nothing, and those must not flip unseen.
const CHECKED: usize = 5;
const LEVEL: i32 = 3;

/// Name of a piece with this content.
#[must_use]
pub(super) fn id_of(content: &[u8]) -> Id {
    *blake3::hash(content).as_bytes()
}

/// Form of a piece in the repository.
///
/// # Errors
/// What zstd says, or a piece that is too large.
pub(super) fn pack(content: &[u8]) -> Result<Vec<u8>, String> {
    let length = u32::try_from(content.len()).ok().filter(|length| *length as usize <= MOST);
    let length = length.ok_or_else(|| format!("a piece of {} bytes is too large", content.len()))?;
    let packed = zstd::bulk::compress(content, LEVEL).map_err(|error| error.to_string())?;
    let (form, body) = if packed.len() < content.len() { (1, packed.as_slice()) } else { (0, content) };
    let mut out = Vec::with_capacity(HEAD + body.len());
    out.push(form);
    out.extend_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out), body);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(body);
    Ok(out)
}

/// Content of a piece, when it is what its name says.
///
/// # Errors
/// What is wrong with it.
pub(super) fn unpack(id: &Id, packed: &[u8]) -> Result<Vec<u8>, String> {
    let fails = || "fails its check".to_owned();
    let (head, body) = packed.split_first_chunk::<HEAD>().ok_or_else(fails)?;
    let [form, a, b, c, d, crc @ ..] = *head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let checked = head.first_chunk::<CHECKED>().map_or(0, |head| crc32c::crc32c(head));
    if crc32c::crc32c_append(checked, body) != u32::from_le_bytes(crc) {
        return Err(fails());
    }
    if length > MOST {
        return Err(fails());
    }
    let content = match form {
        0 => body.to_vec(),
        1 => zstd::bulk::decompress(body, length).map_err(|_| fails())?,
        _ => return Err(fails()),
    };
    if content.len() == length && id_of(&content) == *id { Ok(content) } else { Err(fails()) }
}

/// Gathers rows into pieces.
#[derive(Debug, Default)]
pub(super) struct RowCutter {
    held: Vec<u8>,
}

impl RowCutter {
    /// Adds a row; gives a piece when one is full.
    ///
    /// # Errors
    /// A row that is too large to be of ours.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, String> {
        if key.len().saturating_add(value.len()) > MOST - ROWS_MOST {
            return Err(format!("a row of {} bytes is too large", key.len().saturating_add(value.len())));
        }
        for length in [key.len(), value.len()] {
            self.held.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
        self.held.extend_from_slice(key);
        self.held.extend_from_slice(value);
        let border = crc32c::crc32c(key).is_multiple_of(BORDER);
        let full = self.held.len() >= ROWS_MOST || self.held.len() >= ROWS_LEAST && border;
        Ok(full.then(|| std::mem::take(&mut self.held)))
    }

    /// The last piece, where there is one.
    #[must_use]
    pub(super) fn rest(self) -> Option<Vec<u8>> {
        Some(self.held).filter(|held| !held.is_empty())
    }
}

/// Gives each row of a piece; `None` where the bytes are no rows.
pub(super) fn rows(piece: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let mut left = piece;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let row = split_row(left);
        left = row.map_or(&[][..], |(_, _, rest)| rest);
        Some(row.map(|(key, value, _)| (key, value)))
    })
}

fn split_row(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key, rest) = bytes.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key) as usize)?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value) as usize)?;
    Some((key, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn cut(table: &BTreeMap<u64, Vec<u8>>) -> Vec<Vec<u8>> {
        let mut cutter = RowCutter::default();
        let mut pieces: Vec<Vec<u8>> =
            table.iter().filter_map(|(key, value)| cutter.push(&key.to_be_bytes(), value).unwrap()).collect();
        pieces.extend(cutter.rest());
        pieces
    }

    #[test]
    fn a_new_row_moves_no_border_but_its_own() {
        let mut table: BTreeMap<u64, Vec<u8>> = (0..20_000).map(|n| (n * 2, vec![n as u8; 90])).collect();
        let before = cut(&table);
        assert!(before.len() > 20, "{} pieces", before.len());
        table.insert(20_001, vec![1; 300]);
        let after = cut(&table);
        let new = after.iter().filter(|piece| !before.contains(piece)).count();
        assert!(new <= 2, "{new} new pieces");
        let all: Vec<_> = after.iter().flat_map(|piece| rows(piece)).map(Option::unwrap).collect();
        assert_eq!(all.len(), table.len());
        assert!(all.iter().zip(&table).all(|(a, b)| a.0 == b.0.to_be_bytes() && a.1 == b.1.as_slice()));
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_and_a_flipped_bit_is_seen(content in prop::collection::vec(any::<u8>(), 1..600), repeat in 1usize..20, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let content = content.repeat(repeat);
            let id = id_of(&content);
            let mut packed = pack(&content).unwrap();
            prop_assert_eq!(unpack(&id, &packed).unwrap(), content);
            let at = at.index(packed.len());
            packed[at] ^= 1 << bit;
            prop_assert!(unpack(&id, &packed).is_err());
        }

        #[test]
        fn garbage_is_no_row(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(rows(&bytes).count() <= bytes.len());
        }
    }
}
