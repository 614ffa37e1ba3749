//! Finds single flipped bits in a database file and says what they were.
//!
//! Every page of redb's trees is named together with its XXH3 of 128 bits, from the commit slot in the header down to
//! the last leaf. A page that does not have its check is one flipped bit away from one that does, or it is not: each
//! bit is tried. What has its check after that is what was written; nothing else is said to be.
//!
//! Format after redb's design document (file format 3), of tables of the kind that spud makes:
//!
//! ```text
//! file    magic[9] · god u8 · pad[2] · page u32 · region_head u32 · region_most u32 · regions u32 · pages_of_last u32
//! slot    at 64 and 192: version u8 · user? u8 · system? u8 · pad[5] · user root · system root · ... ·
//!         transaction u64 at 104 · xxh3 u128 at 112
//! god     bit 0 the slot that holds · bit 1 not closed
//! root    page number u64 · xxh3 u128 · length u64
//! leaf    1 · pad · pairs u16 · key ends u32* · value ends u32* · keys · values        ends only where widths vary
//! branch  2 · pad · keys u16 · pad[4] · xxh3 u128* · page numbers u64* · key ends u32* · keys
//! table   type u8 · length u64 · root? u8 · root · key width? u8 · u32 · value width? u8 · u32 · ...
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use twox_hash::XxHash3_128;

const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
const PAGE: u64 = 4096;
const SLOTS: [usize; 2] = [64, 192];
const SLOT: usize = 128;
const SLOT_CHECK: usize = 112;
const USER_ROOT: usize = 8;
const SYSTEM_ROOT: usize = 40;
const TRANSACTION: usize = 104;
/// The byte that says which slot holds.
const GOD: usize = 9;
const ROOT: usize = 32;
/// Bits of longer pages are not tried: that would take minutes on a small box.
const TRIED_MOST: usize = 32 << 10;
/// No page that spud makes is longer.
const PAGE_MOST: u64 = 64 << 20;
/// More damage than this is no flipped bit.
const MENDS_MOST: usize = 32;

/// A byte of a file as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mend {
    pub at: u64,
    pub byte: u8,
}

/// Widths of a table's keys and values, where they do not vary.
#[derive(Debug, Clone, Copy, Default)]
struct Widths {
    key: Option<usize>,
    value: Option<usize>,
}

/// A page that somebody names.
struct Named {
    number: u64,
    check: u128,
    widths: Widths,
    /// Its values are tables.
    of_tables: bool,
}

/// What flipped in a database file, as far as it can be told.
///
/// # Errors
/// What the disk says.
pub fn find_flips(file: &File) -> io::Result<Vec<Mend>> {
    let mut header = vec![0; PAGE as usize];
    let len = file.metadata()?.len();
    if len < 2 * PAGE {
        return Ok(Vec::new());
    }
    file.read_exact_at(&mut header, 0)?;
    let mut mends = mend_header(&mut header, len);
    if let Some(newer) = newer_slot(&header) {
        // Everything of a commit is on the disk before its slot is made to hold. Where all of it fits its checks, it
        // was whole: that bit flipped, or the power went in the moment before it would have been set.
        if let (found, true) = in_slot(file, &header, newer)?
            && found.is_empty()
        {
            mends.extend(header.get(GOD).map(|god| Mend { at: GOD as u64, byte: god ^ 1 }));
            return Ok(mends);
        }
    }
    mends.extend(in_slot(file, &header, primary(&header))?.0);
    Ok(mends)
}

/// Which slot holds.
fn primary(header: &[u8]) -> usize {
    usize::from(header.get(GOD).is_some_and(|god| god & 1 != 0))
}

fn slot(header: &[u8], which: usize) -> &[u8] {
    SLOTS.get(which).and_then(|at| header.get(*at..at + SLOT)).unwrap_or_default()
}

/// The slot that does not hold, where it is whole and of a later commit.
fn newer_slot(header: &[u8]) -> Option<usize> {
    let other = 1 - primary(header);
    let (this, that) = (slot(header, primary(header)), slot(header, other));
    let is_whole = check_in(that, SLOT_CHECK) == that.get(..SLOT_CHECK).map(XxHash3_128::oneshot);
    (is_whole && number(that, TRANSACTION)? > number(this, TRANSACTION)?).then_some(other)
}

/// What flipped in the trees of a slot, and whether all the rest could be read and is whole.
fn in_slot(file: &File, header: &[u8], which: usize) -> io::Result<(Vec<Mend>, bool)> {
    let len = file.metadata()?.len();
    let region = region_len(header);
    let slot = slot(header, which);
    let (mut mends, mut all) = (Vec::new(), true);
    let mut open = Vec::new();
    for (flag, at) in [(1, USER_ROOT), (2, SYSTEM_ROOT)] {
        if slot.get(flag).is_some_and(|flag| *flag != 0) {
            open.extend(slot.get(at..at + ROOT).and_then(|root| named(root, Widths::default(), true)));
        }
    }
    let mut seen = 0;
    while let Some(page) = open.pop() {
        seen += 1;
        if seen > len / PAGE || mends.len() >= MENDS_MOST {
            all = false;
            break;
        }
        let Some((at, length)) = place(page.number, region).filter(|(at, length)| at + length <= len) else {
            all = false;
            continue;
        };
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact_at(&mut bytes, at)?;
        if !is_whole(&bytes, &page) {
            let Some((byte, bit)) = flipped(&mut bytes, &page) else {
                all = false;
                continue;
            };
            debug_assert!(is_whole(&bytes, &page), "bit {bit}");
            mends.extend(bytes.get(byte).map(|whole| Mend { at: at + byte as u64, byte: *whole }));
        }
        below(&bytes, &page, &mut open);
    }
    Ok((mends, all))
}

/// True where the header says that an older commit holds than the newest one: a look at its first bytes.
#[must_use]
pub fn hides_newer_commit(path: &Path) -> bool {
    let mut header = vec![0; SLOTS[1] + SLOT];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut header, 0));
    read.is_ok() && newer_slot(&header).is_some()
}

/// True where a store was not closed, so that whoever opens it next must put it in order first.
///
/// The flag is bit 1 of byte 9 of the file (redb's design document, "God byte").
#[must_use]
pub fn was_left_open(path: &Path) -> bool {
    const RECOVERY: u8 = 2;
    let mut byte = [0];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut byte, GOD as u64));
    read.is_ok() && byte[0] & RECOVERY != 0
}

/// Puts right what flipped in a file that nobody has open; how many bits.
///
/// # Errors
/// What the disk says.
pub fn mend_flips(path: &Path) -> io::Result<usize> {
    let file = File::options().read(true).write(true).open(path)?;
    let mends = find_flips(&file)?;
    for mend in &mends {
        file.write_all_at(&[mend.byte], mend.at)?;
    }
    if !mends.is_empty() {
        file.sync_data()?;
    }
    Ok(mends.len())
}

/// The flips of a file as words for another process, and how many there are; none where it cannot be read.
pub(super) fn words_of(path: &Path) -> (u64, String) {
    let mends = File::open(path).and_then(|file| find_flips(&file)).unwrap_or_default();
    let words: Vec<String> = mends.iter().map(|mend| format!("{}:{}", mend.at, mend.byte)).collect();
    (mends.len() as u64, words.join(","))
}

/// Reads [`words_of`].
pub(super) fn from_words(words: &str) -> impl Iterator<Item = Mend> {
    words.split(',').filter_map(|word| {
        let (at, byte) = word.split_once(':')?;
        Some(Mend { at: at.parse().ok()?, byte: byte.parse().ok()? })
    })
}

/// What redb made constant, what follows from the file's length, and both commit slots.
fn mend_header(header: &mut [u8], len: u64) -> Vec<Mend> {
    let before = header.to_vec();
    let pages = u32::try_from(len / PAGE - 1).unwrap_or(u32::MAX);
    let fixed: [(usize, &[u8]); 4] =
        [(0, MAGIC), (12, &[0, 0x10, 0, 0]), (16, &[0; 4]), (20, &[0, 0, 0x10, 0])];
    for (at, whole) in fixed {
        one_bit(header, at, whole);
    }
    // One region holds 4 GiB: what is longer is left as it is.
    if pages < 1 << 20 {
        one_bit(header, 24, &[0; 4]);
        if short(header, 28).is_some_and(|said| said > pages as usize) {
            one_bit(header, 28, &pages.to_le_bytes());
        }
    }
    for at in SLOTS {
        let Some(slot) = header.get_mut(at..at + SLOT) else { continue };
        let stored = check_in(slot, SLOT_CHECK).unwrap_or(0);
        let check = |slot: &[u8]| XxHash3_128::oneshot(slot.get(..SLOT_CHECK).unwrap_or_default());
        if check(slot) == stored || slot.iter().all(|byte| *byte == 0) {
            continue;
        }
        if (check(slot) ^ stored).count_ones() == 1 {
            let whole = check(slot).to_le_bytes();
            if let Some(place) = slot.get_mut(SLOT_CHECK..) {
                place.copy_from_slice(&whole);
            }
            continue;
        }
        try_bits(slot, SLOT_CHECK, |slot| check(slot) == stored);
    }
    let pairs = (0..).zip(before.iter().zip(header.iter()));
    pairs.filter(|(_, (old, new))| old != new).map(|(at, (_, byte))| Mend { at, byte: *byte }).collect()
}

/// Writes what should be there where one bit of it is another.
fn one_bit(bytes: &mut [u8], at: usize, whole: &[u8]) {
    let Some(found) = bytes.get_mut(at..at + whole.len()) else { return };
    let differing: u32 = found.iter().zip(whole).map(|(one, other)| (one ^ other).count_ones()).sum();
    if differing == 1 {
        found.copy_from_slice(whole);
    }
}

/// Turns one bit after the other around until `whole` says yes: where it was. All is as it was where it never does.
fn try_bits(bytes: &mut [u8], upto: usize, whole: impl Fn(&[u8]) -> bool) -> Option<(usize, u8)> {
    for at in 0..upto.min(bytes.len()) {
        for bit in 0..8 {
            *bytes.get_mut(at)? ^= 1 << bit;
            if whole(bytes) {
                return Some((at, bit));
            }
            *bytes.get_mut(at)? ^= 1 << bit;
        }
    }
    None
}

fn flipped(bytes: &mut [u8], page: &Named) -> Option<(usize, u8)> {
    if bytes.len() > TRIED_MOST {
        return None;
    }
    let upto = bytes.len();
    try_bits(bytes, upto, |bytes| is_whole(bytes, page))
}

fn is_whole(bytes: &[u8], page: &Named) -> bool {
    let used = used(bytes, page.widths).and_then(|used| bytes.get(..used));
    used.is_some_and(|used| XxHash3_128::oneshot(used) == page.check)
}

/// Bytes of a page that its check covers.
fn used(bytes: &[u8], widths: Widths) -> Option<usize> {
    let count = number_of_pairs(bytes)?;
    match bytes.first()? {
        1 => value_end(bytes, widths, count, count.checked_sub(1)?),
        2 => {
            let ends = 8 + 24 * (count + 1);
            match widths.key {
                Some(width) => Some(ends + width * count),
                None => short(bytes, ends + 4 * count.checked_sub(1)?),
            }
        }
        _ => None,
    }
}

fn number_of_pairs(bytes: &[u8]) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(2..4)?.try_into().ok()?)))
}

/// Where the value of a pair ends in a leaf.
fn value_end(bytes: &[u8], widths: Widths, count: usize, pair: usize) -> Option<usize> {
    let key_ends = if widths.key.is_none() { 4 * count } else { 0 };
    let value_ends = 4 + key_ends;
    match widths.value {
        None => short(bytes, value_ends + 4 * pair),
        Some(width) => {
            let keys_end = match widths.key {
                Some(key) => value_ends + key * count,
                None => short(bytes, 4 + 4 * count.checked_sub(1)?)?,
            };
            Some(keys_end + width * (pair + 1))
        }
    }
}

/// Puts the pages that a whole page names on the list.
fn below(bytes: &[u8], page: &Named, open: &mut Vec<Named>) {
    let Some(count) = number_of_pairs(bytes) else { return };
    if bytes.first() == Some(&2) {
        for child in 0..=count {
            let check = check_in(bytes, 8 + 16 * child);
            let below = number(bytes, 8 + 16 * (count + 1) + 8 * child);
            if let (Some(check), Some(number)) = (check, below) {
                open.push(Named { number, check, ..*page });
            }
        }
        return;
    }
    if !page.of_tables {
        return;
    }
    for pair in 0..count {
        let start = match pair.checked_sub(1) {
            Some(before) => value_end(bytes, page.widths, count, before),
            None => short(bytes, 4 + 4 * count.saturating_sub(1)),
        };
        let end = value_end(bytes, page.widths, count, pair);
        if let (Some(start), Some(end)) = (start, end) {
            open.extend(bytes.get(start..end).and_then(table));
        }
    }
}

/// The root of a table, from its definition.
fn table(definition: &[u8]) -> Option<Named> {
    let has = |at: usize| definition.get(at).is_some_and(|flag| *flag != 0);
    if !has(9) {
        return None;
    }
    let width = |at: usize| if has(at) { short(definition, at + 1) } else { None };
    let widths = Widths { key: width(42), value: width(47) };
    named(definition.get(10..10 + ROOT)?, widths, false)
}

fn named(root: &[u8], widths: Widths, of_tables: bool) -> Option<Named> {
    Some(Named { number: number(root, 0)?, check: check_in(root, 8)?, widths, of_tables })
}

/// Offset and length of a page by its number: index of 20 bits, region of 20 bits, order in the highest 5.
fn place(number: u64, region: u64) -> Option<(u64, u64)> {
    let order = number >> 59;
    let length = PAGE.checked_shl(u32::try_from(order).ok()?).filter(|length| *length <= PAGE_MOST)?;
    let index = number & (0xf_ffff >> order);
    let at = ((number >> 20) & 0xf_ffff).checked_mul(region)?.checked_add(PAGE)?;
    Some((at.checked_add(index.checked_mul(length)?)?, length))
}

fn region_len(header: &[u8]) -> u64 {
    let count = |at| short(header, at).unwrap_or(0) as u64;
    (count(16) + count(20)) * PAGE
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?) as usize)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn check_in(bytes: &[u8], at: usize) -> Option<u128> {
    Some(u128::from_le_bytes(bytes.get(at..at.checked_add(16)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Table, number_key};
    use proptest::prelude::*;

    /// A database with a tree of several levels and one that grew and shrank.
    fn sample() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let database = redb::Database::create(file.path()).unwrap();
        for round in 0..3_u64 {
            let mut write = database.begin_write().unwrap();
            write.set_quick_repair(true);
            {
                let mut rows = write.open_table(Table::new("rows")).unwrap();
                for n in 0..600 {
                    let value = format!("{round} {n} {}", "v".repeat(n % 90));
                    rows.insert(&number_key(n as u64 * 3 + round)[..], value.as_bytes()).unwrap();
                }
                let mut few = write.open_table(Table::new("few")).unwrap();
                few.insert(&b"long"[..], vec![7; 9_000].as_slice()).unwrap();
            }
            write.commit().unwrap();
        }
        drop(database);
        file
    }

    #[test]
    fn a_whole_file_has_no_flips_and_what_flips_is_found() {
        let file = sample();
        assert_eq!(find_flips(file.as_file()).unwrap(), []);
        let good = std::fs::read(file.path()).unwrap();
        let filled: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
        let (mut found, step) = (0, (filled.len() / 150).max(1));
        for at in filled.iter().step_by(step) {
            let was = good[*at];
            file.as_file().write_all_at(&[was ^ 0x20], *at as u64).unwrap();
            match find_flips(file.as_file()).unwrap()[..] {
                [] => {} // a page that no tree names any more
                [mend] => {
                    assert_eq!(mend, Mend { at: *at as u64, byte: was });
                    found += 1;
                }
                ref more => panic!("{more:?} for one bit at {at}"),
            }
            file.as_file().write_all_at(&[was], *at as u64).unwrap();
        }
        assert!(found > 30, "{found} of {}: the others are of older trees", filled.len() / step);
        // The bit that makes the commit before the last one hold.
        file.as_file().write_all_at(&[good[GOD] ^ 1], GOD as u64).unwrap();
        assert!(hides_newer_commit(file.path()));
        assert_eq!(find_flips(file.as_file()).unwrap(), [Mend { at: GOD as u64, byte: good[GOD] }]);
        // A commit that is not whole was never acknowledged.
        let root = 64 + 128 * usize::from(good[GOD] & 1) + USER_ROOT;
        let (page, _) = place(number(&good, root).unwrap(), region_len(&good)).unwrap();
        file.as_file().write_all_at(&[!good[page as usize], !good[page as usize + 1]], page).unwrap();
        assert!(find_flips(file.as_file()).unwrap().iter().all(|mend| mend.at != GOD as u64));
        file.as_file().write_all_at(&good[page as usize..page as usize + 2], page).unwrap();
        file.as_file().write_all_at(&[good[GOD]], GOD as u64).unwrap();
        assert!(!hides_newer_commit(file.path()));
        // Two bits of one page are not one.
        file.as_file().write_all_at(&[good[80] ^ 3], 80).unwrap();
        assert_eq!(find_flips(file.as_file()).unwrap(), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_bytes_end(mut bytes in proptest::collection::vec(any::<u8>(), 8192..20_000), header in any::<bool>()) {
            if header {
                bytes[..9].copy_from_slice(MAGIC);
                (bytes[65], bytes[66]) = (1, 1);
            }
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().write_all_at(&bytes, 0).unwrap();
            let _ = find_flips(file.as_file()).unwrap();
        }
    }
}
