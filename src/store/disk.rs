//! What a database lies on: a file, or whatever else its owner puts under it.
//!
//! A database is opened again after every error of the disk, so that its owner keeps the way to open it and not
//! only the handle. Tests put a disk under it that loses power.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Builder, Database, DatabaseError};

type Open = dyn Fn(&Builder) -> Result<Database, DatabaseError> + Send + Sync;

/// Where a database lies and how it is opened.
#[derive(Clone)]
pub struct Disk {
    path: PathBuf,
    open: Option<Arc<Open>>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Disk {
    /// A file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None }
    }

    /// Something else, with the name it has in messages.
    #[must_use]
    pub fn over(
        name: &Path,
        open: impl Fn(&Builder) -> Result<Database, DatabaseError> + Send + Sync + 'static,
    ) -> Self {
        Self { path: name.to_owned(), open: Some(Arc::new(open)) }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// What redb says; [`DatabaseError::DatabaseAlreadyOpen`] when another process has it.
    pub fn open(&self, cache_bytes: usize) -> Result<Database, DatabaseError> {
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        match &self.open {
            Some(open) => open(&builder),
            None => builder.create(&self.path),
        }
    }
}
