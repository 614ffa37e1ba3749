//! How older catalogues become today's.

use super::cache::CACHE_TABLES;
use super::catalogue::{COUNTERS, PATHS};
use crate::store::{Database, Step, StoreError, Table, number_in, number_value, seal_values};

/// In order.
pub(super) const STEPS: &[Step] = &[Step { to: 2, run: frame_numbers }];

/// Numbers got a check value; cached answers, too, and are simply made anew.
fn frame_numbers(database: &Database) -> Result<(), StoreError> {
    for table in [PATHS, COUNTERS] {
        seal_values(database, table, |value| match value.len() {
            8 => Ok(Some(number_value(number_in(value)?))),
            _ => Ok(None),
        })?;
    }
    let mut write = database.begin_write()?;
    write.set_quick_repair(true);
    for table in CACHE_TABLES {
        write.delete_table(Table::new(table))?;
    }
    Ok(write.commit()?)
}
