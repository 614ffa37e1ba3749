//! The table of `control.redb` that holds use cases.

use std::collections::BTreeMap;

use super::{GENERAL, UseCase, UseCaseError};
use crate::store::{Control, StoreError, Table, WriteTransaction, codec, there};

const VERSION: u8 = 1;
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
                match codec::decode::<UseCase>(VERSION, value.value()) {
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
        let record = codec::encode(VERSION, one)?;
        write.open_table(USE_CASES)?.insert(one.name.as_bytes(), record.as_slice())?;
        Ok(())
    }
}
