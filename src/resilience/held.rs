//! Circuit breakers that are held by hand: kept in `control.redb`, so that a restart does not let go of them.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::ResilienceError;
use crate::store::{Control, StoreError, Table, WriteTransaction, codec, there};

const VERSION: u8 = 1;
/// Name of the breaker → [`Held`]
const HELD: Table = Table::new("breakers_held");

/// A breaker that somebody holds open or closed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Held {
    /// Nothing goes through; else everything does, whatever comes back.
    pub open: bool,
    pub actor: String,
    pub reason: String,
    pub since_ms: u64,
    /// It ends by itself.
    pub until_ms: u64,
}

impl Held {
    /// Those that were held, whether or not their time is over. A damaged record is left out: the breaker then
    /// does what it does by itself.
    ///
    /// # Errors
    /// What the store says.
    pub fn all(control: &Control) -> Result<BTreeMap<String, Self>, ResilienceError> {
        Ok(control.read(|read| {
            let mut found = BTreeMap::new();
            let Some(table) = there(read.open_table(HELD))? else { return Ok(found) };
            for row in table.iter()? {
                let (name, bytes) = row?;
                let name = String::from_utf8_lossy(name.value()).into_owned();
                match codec::decode(VERSION, bytes.value()) {
                    Ok(held) => drop(found.insert(name, held)),
                    Err(error) => tracing::error!(name, %error, "who holds a breaker cannot be read"),
                }
            }
            Ok(found)
        })?)
    }

    /// Keeps these in the place of those that were held.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep(write: &WriteTransaction, all: &BTreeMap<String, Self>) -> Result<(), StoreError> {
        let mut table = write.open_table(HELD)?;
        table.retain_in::<&[u8]>(.., |_| false)?;
        for (name, held) in all {
            table.insert(name.as_bytes(), codec::encode(VERSION, held)?.as_slice())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back_and_what_is_let_go_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        assert!(Held::all(&control).unwrap().is_empty(), "a box in which nothing was ever held");
        let held = |open| Held { open, actor: "a".into(), reason: "r".into(), since_ms: 1, until_ms: 9 };
        let mut all =
            BTreeMap::from([("upstream".to_owned(), held(true)), ("notify:x".to_owned(), held(false))]);
        control.write(|write| Held::keep(write, &all)).unwrap();
        assert_eq!(Held::all(&control).unwrap(), all);
        all.remove("upstream");
        control.write(|write| Held::keep(write, &all)).unwrap();
        assert_eq!(Held::all(&control).unwrap(), all);
    }
}
