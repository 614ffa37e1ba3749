//! All tables of a store, row by row: for what must not know what the rows mean (backup, check, salvage).

use redb::TableHandle;

use super::database::{Definition, ReadRows, ReadTransaction};
use super::{StoreError, codec};
use crate::base::{InOrder, to_hex};

/// Problems told one by one for each table.
const TOLD: u64 = 20;

/// Names of all tables, sorted.
///
/// # Errors
/// What the store says.
pub fn table_names(read: &redb::ReadTransaction) -> Result<Vec<String>, StoreError> {
    let mut names: Vec<String> = read.list_tables()?.map(|table| table.name().to_owned()).collect();
    names.order();
    Ok(names)
}

/// Gives every row of a table in the order of its keys, until `each` fails.
///
/// # Errors
/// What the store says, as an error of `each`; a table of other types than bytes to bytes is one.
pub fn each_row<E: From<StoreError>>(
    read: &ReadTransaction,
    table: &str,
    each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    walk(read.open_table(Definition::new(table)), each)
}

/// The same with values as they are kept, sealed where the box is encrypted.
///
/// # Errors
/// As [`each_row`].
pub fn each_bare_row<E: From<StoreError>>(
    read: &ReadTransaction,
    table: &str,
    each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    walk(read.open_bare(Definition::new(table)), each)
}

fn walk<E: From<StoreError>>(
    opened: Result<ReadRows, redb::TableError>,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let said = |error: redb::Error| E::from(StoreError::from(error));
    let table = opened.map_err(|error| said(error.into()))?;
    for row in table.iter().map_err(|error| said(error.into()))? {
        let (key, value) = row.map_err(|error| said(error.into()))?;
        each(key.value(), value.value())?;
    }
    Ok(())
}

/// What a look at every record found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckedRows {
    pub tables: u64,
    pub records: u64,
    /// Table and key of each record that fails its check.
    pub problems: Vec<String>,
}

/// Looks at every record of every table: each is framed with a check value, whatever it holds.
///
/// # Errors
/// What the store says. Damage is a finding.
pub fn check_rows(read: &ReadTransaction) -> Result<CheckedRows, StoreError> {
    let mut found = CheckedRows::default();
    for table in table_names(read)? {
        found.tables += 1;
        let mut bad = 0;
        let looked = each_row(read, &table, |key, value| -> Result<(), StoreError> {
            found.records += 1;
            if codec::whole(value).is_err() {
                bad += 1;
                if bad <= TOLD {
                    found
                        .problems
                        .push(format!("table {table}: the record {} fails its check", key_words(key)));
                }
            }
            Ok(())
        });
        if bad > TOLD {
            found.problems.push(format!("table {table}: {} more records fail their check", bad - TOLD));
        }
        match looked {
            Err(error @ StoreError::Redb(redb::Error::Corrupted(_))) => {
                found.problems.push(format!("table {table}: {error}"));
            }
            other => other?,
        }
    }
    Ok(found)
}

/// A key as a person can look for it: text where it is some, else hexadecimal.
#[must_use]
pub fn key_words(key: &[u8]) -> String {
    let text = |bytes: &[u8]| {
        std::str::from_utf8(bytes).ok().filter(|t| !t.chars().any(char::is_control)).map(str::to_owned)
    };
    match (text(key), key.split_first_chunk::<4>()) {
        (Some(text), _) => format!("'{text}'"),
        // What belongs to a number, by name.
        (None, Some((owner, name))) if name.len() > 8 => match text(name) {
            Some(name) => format!("{}:'{name}'", u32::from_be_bytes(*owner)),
            None => to_hex(key),
        },
        (None, _) => to_hex(key),
    }
}
