//! All tables of a store, row by row: for what must not know what the rows mean (backup, check, salvage).

use redb::{ReadTransaction, ReadableTable, TableDefinition, TableHandle};

use super::StoreError;

/// Names of all tables, sorted.
///
/// # Errors
/// What the store says.
pub fn table_names(read: &ReadTransaction) -> Result<Vec<String>, StoreError> {
    let mut names: Vec<String> = read.list_tables()?.map(|table| table.name().to_owned()).collect();
    names.sort();
    Ok(names)
}

/// Gives every row of a table in the order of its keys, until `each` fails.
///
/// # Errors
/// What the store says, as an error of `each`; a table of other types than bytes to bytes is one.
pub fn each_row<E: From<StoreError>>(
    read: &ReadTransaction,
    table: &str,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let said = |error: redb::Error| E::from(StoreError::from(error));
    let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(table);
    let table = read.open_table(definition).map_err(|error| said(error.into()))?;
    for row in table.iter().map_err(|error| said(error.into()))? {
        let (key, value) = row.map_err(|error| said(error.into()))?;
        each(key.value(), value.value())?;
    }
    Ok(())
}
