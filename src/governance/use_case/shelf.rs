//! The table of `control.redb` that holds use cases.

use std::collections::BTreeMap;

use super::{Event, GENERAL, Leaving, Revision, State, Terms, UseCase, UseCaseError};
use crate::governance::approval::Impact;
use crate::store::{Control, StoreError, Table, WriteTransaction, codec, there};

const VERSION: u8 = 2;
/// Without what is asked of models, and without an objective.
const PLAIN: u8 = 1;
/// The terms of such a record, in order.
type PlainTerms = (String, String, String, Vec<String>, Vec<String>, Impact, Option<u32>);
type PlainRecord = (String, PlainTerms, u64, State, Option<u64>, Option<Leaving>, Vec<Event>);
/// Name → [`UseCase`]
const USE_CASES: Table = Table::new("use_cases");

/// The table of use cases.
#[derive(Debug)]
pub struct Shelf;

impl Shelf {
    /// All by name, with the one that every box has. A damaged one is left out, and told: nothing is served under
    /// it.
    ///
    /// # Errors
    /// What the store says.
    pub fn load(control: &Control) -> Result<BTreeMap<String, UseCase>, UseCaseError> {
        Ok(control.read(|read| {
            let mut all = BTreeMap::from([(GENERAL.to_owned(), UseCase::general())]);
            let Some(table) = there(read.open_table(USE_CASES))? else { return Ok(all) };
            for row in table.iter()? {
                let (key, value) = row?;
                let name = String::from_utf8_lossy(key.value()).into_owned();
                match read_record(value.value()) {
                    Ok(one) => drop(all.insert(name, one)),
                    Err(error) => {
                        tracing::error!(use_case = name, %error, "the record of a use case cannot be read");
                        all.remove(&name);
                    }
                }
            }
            Ok(all)
        })?)
    }

    /// Keeps one, in a transaction.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep(write: &WriteTransaction, one: &UseCase) -> Result<(), StoreError> {
        Self::put(write, one)?;
        Revision::keep(write, one)
    }

    /// Keeps one of which nothing but words was changed: its revisions get other words by `change`, and no new one is made.
    ///
    /// # Errors
    /// What the store says.
    pub fn reword(
        write: &WriteTransaction,
        one: &UseCase,
        change: &dyn Fn(&str, &mut String) -> bool,
    ) -> Result<(), StoreError> {
        Self::put(write, one)?;
        Revision::reword(write, &one.name, change)
    }

    fn put(write: &WriteTransaction, one: &UseCase) -> Result<(), StoreError> {
        let record = codec::encode(VERSION, one)?;
        write.open_table(USE_CASES)?.insert(one.name.as_bytes(), record.as_slice())?;
        Ok(())
    }
}

/// A record of this version, or of the one before.
fn read_record(bytes: &[u8]) -> Result<UseCase, codec::CodecError> {
    match codec::decode::<PlainRecord>(PLAIN, bytes) {
        Ok((name, terms, revision, state, approval, leaving, events)) => {
            let (purpose, owner, legal_basis, data, collections, impact, retention_days) = terms;
            let terms = Terms {
                purpose,
                owner,
                legal_basis,
                data,
                collections,
                impact,
                retention_days,
                ..Terms::default()
            };
            Ok(UseCase { name, terms, revision, state, approval, leaving, events })
        }
        Err(codec::CodecError::Version { .. }) => codec::decode(VERSION, bytes),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::use_case::create;

    #[test]
    fn a_record_of_the_version_before_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        let terms = Terms { purpose: "bolts".into(), retention_days: Some(30), ..Terms::default() };
        let new = create("pumps", terms.clone(), "uid:1", 7).unwrap();
        let plain: PlainTerms = (
            terms.purpose,
            terms.owner,
            terms.legal_basis,
            terms.data,
            terms.collections,
            terms.impact,
            terms.retention_days,
        );
        let one = new.clone();
        let old: PlainRecord =
            (one.name, plain, one.revision, one.state, one.approval, one.leaving, one.events);
        let newer = UseCase { name: "seals".into(), ..new.clone() };
        control
            .write(|write| {
                let record = codec::encode(PLAIN, &old)?;
                write.open_table(USE_CASES)?.insert(b"pumps".as_slice(), record.as_slice())?;
                Shelf::keep(write, &newer)
            })
            .unwrap();
        let all = Shelf::load(&control).unwrap();
        assert_eq!((&all["pumps"], &all["seals"]), (&new, &newer));
    }
}
