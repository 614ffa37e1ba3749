//! The one door through which rows pass: redb's tables, with values sealed and opened on the way.
//!
//! Where the box is not encrypted, everything goes through as it is. Where it is, a value is sealed when it is
//! inserted and opened when it is read, with the keys that held when its transaction began. A value that does
//! not open is given as an empty one: no record is empty, so that its reader says what it says of any damage.
//!
//! Keys of rows are kept as they are: redb must be able to order them.

use std::borrow::Borrow;
use std::ops::{Deref, DerefMut, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use redb::{
    AccessGuard, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageError, TableDefinition, TableError,
    TableHandle, TransactionError,
};

use super::crypt::{Cell, State, Vault};
use super::{number_key, number_of};

type Bytes = &'static [u8];
/// Name and types of a table.
pub(super) type Definition<'a> = TableDefinition<'a, Bytes, Bytes>;

/// An open store.
#[derive(Debug)]
pub struct Database {
    inner: redb::Database,
    /// Name of the file: tables of the same name in two stores have keys of their own. Whoever looks at a moment
    /// of the store, or changes it, holds a copy.
    store: Arc<str>,
    vault: Arc<Vault>,
}

impl Database {
    /// Puts the door before a store.
    #[must_use]
    pub fn new(inner: redb::Database, path: &Path, vault: Arc<Vault>) -> Self {
        let store = path.file_name().unwrap_or_default().to_string_lossy().into();
        Self { inner, store, vault }
    }

    /// Opens or makes an unencrypted store, as tests do.
    ///
    /// # Errors
    /// What redb says.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, redb::DatabaseError> {
        Ok(Self::new(redb::Database::create(&path)?, path.as_ref(), Arc::default()))
    }

    /// True while somebody reads or writes: a store that is closed fails under them.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.store) > 1
    }

    /// A view of one moment with the keys of that moment.
    ///
    /// # Errors
    /// What redb says.
    pub fn begin_read(&self) -> Result<ReadTransaction, TransactionError> {
        // A row may be sealed with a key of the next moment only in a view of that moment.
        let (inner, keys) = self.vault.at_this_moment(|| self.inner.begin_read());
        Ok(ReadTransaction { inner: inner?, keys, store: Arc::clone(&self.store) })
    }

    /// Waits for the writer at work, if any.
    ///
    /// # Errors
    /// What redb says.
    pub fn begin_write(&self) -> Result<WriteTransaction, TransactionError> {
        let inner = self.inner.begin_write()?;
        Ok(WriteTransaction { inner, keys: self.vault.state(), store: Arc::clone(&self.store) })
    }

    /// # Errors
    /// What redb says.
    pub fn compact(&mut self) -> Result<bool, redb::CompactionError> {
        self.inner.compact()
    }

    /// The store itself, where rows are carried as they are.
    #[must_use]
    pub fn bare(&self) -> &redb::Database {
        &self.inner
    }
}

/// A view of a store.
pub struct ReadTransaction {
    inner: redb::ReadTransaction,
    keys: Arc<State>,
    store: Arc<str>,
}

impl ReadTransaction {
    /// # Errors
    /// What redb says.
    pub fn open_table(&self, table: Definition<'_>) -> Result<ReadRows, TableError> {
        let cell = self.keys.cell(&self.store, table.name());
        Ok(Rows { table: self.inner.open_table(table)?, cell, _store: Arc::clone(&self.store) })
    }

    /// What was sealed is given as it is kept.
    ///
    /// # Errors
    /// What redb says.
    pub fn open_bare(&self, table: Definition<'_>) -> Result<ReadRows, TableError> {
        Ok(Rows { table: self.inner.open_table(table)?, cell: None, _store: Arc::clone(&self.store) })
    }

    /// How a table's values are to be sealed now; `None` where they are not.
    pub(super) fn cell(&self, table: &str) -> Option<Cell> {
        self.keys.cell(&self.store, table)
    }
}

impl Deref for ReadTransaction {
    type Target = redb::ReadTransaction;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

/// A change of a store.
pub struct WriteTransaction {
    inner: redb::WriteTransaction,
    keys: Arc<State>,
    store: Arc<str>,
}

impl WriteTransaction {
    /// # Errors
    /// What redb says.
    pub fn open_table(&self, table: Definition<'_>) -> Result<WriteRows<'_>, TableError> {
        let cell = self.keys.cell(&self.store, table.name());
        Ok(Rows { table: self.inner.open_table(table)?, cell, _store: Arc::clone(&self.store) })
    }

    /// # Errors
    /// What redb says.
    pub fn commit(self) -> Result<(), redb::CommitError> {
        self.inner.commit()
    }

    /// # Errors
    /// What redb says.
    pub fn abort(self) -> Result<(), StorageError> {
        self.inner.abort()
    }
}

impl Deref for WriteTransaction {
    type Target = redb::WriteTransaction;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

/// What both kinds of tables are.
pub trait Kept: ReadableTable<Bytes, Bytes> {}
impl<T: ReadableTable<Bytes, Bytes>> Kept for T {}

/// Rows of one table.
pub struct Rows<T> {
    table: T,
    cell: Option<Cell>,
    /// Rows may outlive the transaction that opened them.
    _store: Arc<str>,
}

pub(super) type ReadRows = Rows<ReadOnlyTable<Bytes, Bytes>>;
pub type WriteRows<'t> = Rows<redb::Table<'t, Bytes, Bytes>>;

/// A value as its writer gave it.
pub enum Value<'a> {
    Plain(AccessGuard<'a, Bytes>),
    /// Empty where it did not open.
    Opened(Vec<u8>),
}

impl Value<'_> {
    #[must_use]
    pub fn value(&self) -> &[u8] {
        match self {
            Self::Plain(guard) => guard.value(),
            Self::Opened(bytes) => bytes,
        }
    }
}

/// Key and value.
pub type Row<'a> = (AccessGuard<'a, Bytes>, Value<'a>);

fn opened<'a>(cell: Option<&Cell>, key: &[u8], guard: AccessGuard<'a, Bytes>) -> Value<'a> {
    match cell {
        None => Value::Plain(guard),
        Some(cell) => Value::Opened(cell.open(key, guard.value()).unwrap_or_default()),
    }
}

fn row<'a>(cell: Option<&Cell>, (key, value): (AccessGuard<'a, Bytes>, AccessGuard<'a, Bytes>)) -> Row<'a> {
    let value = opened(cell, key.value(), value);
    (key, value)
}

impl<T: Kept> Rows<T> {
    /// # Errors
    /// What redb says.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value<'_>>, StorageError> {
        Ok(self.table.get(key)?.map(|guard| opened(self.cell.as_ref(), key, guard)))
    }

    /// Every row in the order of the keys.
    ///
    /// # Errors
    /// What redb says.
    pub fn iter(&self) -> Result<Range<'_>, StorageError> {
        Ok(Range { rows: self.table.iter()?, cell: self.cell.as_ref() })
    }

    /// # Errors
    /// What redb says.
    pub fn range<'a, KR>(&self, range: impl RangeBounds<KR> + 'a) -> Result<Range<'_>, StorageError>
    where
        KR: Borrow<&'a [u8]> + 'a,
    {
        Ok(Range { rows: self.table.range(range)?, cell: self.cell.as_ref() })
    }

    /// # Errors
    /// What redb says.
    pub fn first(&self) -> Result<Option<Row<'_>>, StorageError> {
        Ok(self.table.first()?.map(|found| row(self.cell.as_ref(), found)))
    }

    /// # Errors
    /// What redb says.
    pub fn last(&self) -> Result<Option<Row<'_>>, StorageError> {
        Ok(self.table.last()?.map(|found| row(self.cell.as_ref(), found)))
    }

    /// Count of rows.
    ///
    /// # Errors
    /// What redb says.
    pub fn len(&self) -> Result<u64, StorageError> {
        self.table.len()
    }

    /// # Errors
    /// What redb says.
    pub fn is_empty(&self) -> Result<bool, StorageError> {
        self.table.is_empty()
    }
}

impl WriteRows<'_> {
    /// Keeps a value; gives the one before.
    ///
    /// # Errors
    /// What redb says.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value<'_>>, StorageError> {
        let before = match &self.cell {
            None => self.table.insert(key, value)?,
            Some(cell) => self.table.insert(key, cell.seal(key, value).as_slice())?,
        };
        Ok(before.map(|guard| opened(self.cell.as_ref(), key, guard)))
    }

    /// # Errors
    /// What redb says.
    pub fn remove(&mut self, key: &[u8]) -> Result<Option<Value<'_>>, StorageError> {
        Ok(self.table.remove(key)?.map(|guard| opened(self.cell.as_ref(), key, guard)))
    }

    /// Keeps a value under the number after the last one, which it gives; of all numbers the newest `most` stay.
    ///
    /// # Errors
    /// What redb says.
    pub fn push(&mut self, value: &[u8], most: u64) -> Result<u64, StorageError> {
        let number = self.last()?.map_or(0, |(key, _)| number_of(key.value())) + 1;
        self.insert(&number_key(number), value)?;
        loop {
            let oldest = self.first()?.map(|(key, _)| number_of(key.value()));
            match oldest.filter(|oldest| number - oldest >= most) {
                Some(oldest) => drop(self.remove(&number_key(oldest))?),
                None => return Ok(number),
            }
        }
    }

    /// # Errors
    /// What redb says.
    pub fn pop_first(&mut self) -> Result<Option<Row<'_>>, StorageError> {
        Ok(self.table.pop_first()?.map(|found| row(self.cell.as_ref(), found)))
    }

    /// Removes the rows of a range that `keep` does not want, by their keys.
    ///
    /// # Errors
    /// What redb says.
    pub fn retain_in<'a, KR>(
        &mut self,
        range: impl RangeBounds<KR> + 'a,
        keep: impl Fn(&[u8]) -> bool,
    ) -> Result<(), StorageError>
    where
        KR: Borrow<&'a [u8]> + 'a,
    {
        self.table.retain_in(range, |key, _| keep(key))
    }

    /// Brings a row to the form that holds now: false where it has it or is gone, `None` where it does not open.
    ///
    /// # Errors
    /// What redb says.
    pub(super) fn turn(&mut self, key: &[u8]) -> Result<Option<bool>, StorageError> {
        let Some(cell) = &self.cell else { return Ok(Some(false)) };
        let plain = match self.table.get(key)? {
            Some(guard) if !cell.is_turned(guard.value()) => cell.open(key, guard.value()),
            _ => return Ok(Some(false)),
        };
        let Some(plain) = plain else { return Ok(None) };
        self.table.insert(key, cell.seal(key, &plain).as_slice())?;
        Ok(Some(true))
    }
}

/// Rows on their way out.
pub struct Range<'a> {
    rows: redb::Range<'a, Bytes, Bytes>,
    cell: Option<&'a Cell>,
}

impl<'a> Iterator for Range<'a> {
    type Item = Result<Row<'a>, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.rows.next()?.map(|found| row(self.cell, found)))
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        Some(self.rows.next_back()?.map(|found| row(self.cell, found)))
    }
}
