//! The log as static files (C2SP tlog-tiles): what any client of such logs can read and verify.
//!
//! ```text
//! checkpoint             the signed head
//! tile/<L>/<N>[.p/<W>]   up to 256 hashes of level 8·L; W where there are fewer
//! tile/entries/<N>[.p/<W>]  up to 256 leaves, each after its length as u16, big-endian
//! ```

use super::AuditError;
use super::log::Log;

/// Hashes or leaves of a full tile.
const WIDTH: u64 = 256;
/// Levels of the tree in one level of tiles.
const LEVELS: u32 = 8;

/// One file of the layout, but for the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Absent: leaves.
    level: Option<u32>,
    index: u64,
    /// 1 to 256.
    width: u64,
}

/// Files of one kind, in order: full ones, then the one that is not full yet.
fn tiles(level: Option<u32>, size: u64) -> impl Iterator<Item = Tile> {
    let hashes = size.checked_shr(LEVELS * level.unwrap_or(0)).unwrap_or(0);
    let part = Some(hashes % WIDTH).filter(|width| *width > 0);
    let full = (0..hashes / WIDTH).map(move |index| Tile { level, index, width: WIDTH });
    full.chain(part.map(move |width| Tile { level, index: hashes / WIDTH, width }))
}

impl Tile {
    /// Every file of a log of this size.
    pub fn of_size(size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..u64::BITS / LEVELS).filter(move |level| size >> (LEVELS * level) > 0);
        tiles(None, size).chain(levels.flat_map(move |level| tiles(Some(level), size)))
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> String {
        let kind = self.level.map_or_else(|| "entries".to_owned(), |level| level.to_string());
        let mut name = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            name = format!("x{:03}/{name}", rest % 1000);
            rest /= 1000;
        }
        let part = if self.width < WIDTH { format!(".p/{}", self.width) } else { String::new() };
        format!("tile/{kind}/{name}{part}")
    }

    /// Reads [`Tile::path`]; `None` where it is none.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = if kind == "entries" { None } else { Some(kind.parse().ok()?) };
        let (name, width) = match rest.split_once(".p/") {
            Some((name, width)) => (name, width.parse().ok()?),
            None => (rest, WIDTH),
        };
        let mut index = 0u64;
        for part in name.split('/') {
            let digits: u64 = part.strip_prefix('x').unwrap_or(part).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
        }
        let tile = Self { level, index, width };
        (level.is_none_or(|level| level < u64::BITS / LEVELS) && tile.path() == path).then_some(tile)
    }

    /// True where a log of this size has the file.
    #[must_use]
    pub fn is_of(&self, size: u64) -> bool {
        let hashes = size >> (LEVELS * self.level.unwrap_or(0)).min(u64::BITS - 1);
        let first = self.index.checked_mul(WIDTH);
        (1..=WIDTH).contains(&self.width)
            && first.and_then(|first| first.checked_add(self.width)).is_some_and(|end| end <= hashes)
    }

    /// What the file holds.
    ///
    /// # Errors
    /// [`AuditError::Missing`] where the log is too short for it; damage.
    pub fn bytes(&self, log: &Log) -> Result<Vec<u8>, AuditError> {
        if !self.is_of(log.size()) {
            let what = format!("there is no {}: the log has {} entries", self.path(), log.size());
            return Err(AuditError::Missing { what, advice: "GET /v1/audit/tiles lists what there is" });
        }
        let mut out = Vec::new();
        for at in self.index * WIDTH..self.index * WIDTH + self.width {
            match self.level {
                Some(level) => out.extend_from_slice(&log.node(level * LEVELS, at)?),
                None => {
                    let leaf = log.leaf_bytes(at)?;
                    let length = u16::try_from(leaf.len());
                    let length =
                        length.map_err(|_| AuditError::damaged(format!("entry {at} is too long")))?;
                    out.extend_from_slice(&length.to_be_bytes());
                    out.extend_from_slice(&leaf);
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paths(size: u64) -> Vec<String> {
        Tile::of_size(size).map(|tile| tile.path()).collect()
    }

    #[test]
    fn files_are_named_as_the_layout_says() {
        assert_eq!(paths(0), [""; 0]);
        assert_eq!(paths(1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        assert_eq!(
            paths(257),
            ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
        );
        assert_eq!(paths(70_000).len(), 274 + 274 + 2 + 1);
        let far = Tile { level: Some(0), index: 1_234_067, width: 256 };
        assert_eq!(far.path(), "tile/0/x001/x234/067");
        for wrong in [
            "tile/0/1",
            "tile/0/x001",
            "tile/9/000",
            "tile/0/000.p/256",
            "tile/0/x000/000",
            "tile/x/000",
            "../000",
        ] {
            assert!(Tile::parse(wrong).is_none_or(|tile| tile.path() != wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn paths_come_back_and_belong(size in 1u64..200_000, other in any::<u64>()) {
            for tile in Tile::of_size(size) {
                prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
                prop_assert!(tile.is_of(size));
            }
            let far = Tile { level: Some(1), index: other, width: 256 };
            prop_assert!(!far.is_of(size) || other < size >> 16);
        }
    }
}
