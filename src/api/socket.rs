//! The Unix socket: where it lies, who may bind it, how a dead one is told from a live one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// `sun_path` has 108 bytes, the last of them zero.
const LONGEST: usize = 107;

/// A bound socket. The lock is held as long as it is served; the file goes when it is dropped.
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    claim: Claim,
    /// We made the file, so we remove it.
    ours: bool,
}

/// The right to bind a path: one process at a time.
pub(super) struct Claim {
    pub(super) path: PathBuf,
    _lock: File,
}

/// Why a socket was not bound.
#[derive(Debug, thiserror::Error)]
pub(super) enum BindError {
    #[error("another spud serves {0}")]
    Live(PathBuf),
    #[error("the socket path {path} has {length} bytes, more than the {LONGEST} that Unix sockets allow")]
    TooLong { path: PathBuf, length: usize },
    #[error("{path} cannot be used as a socket: {error}")]
    Io { path: PathBuf, error: io::Error },
}

impl Claim {
    /// Takes the lock beside the socket; makes the folder.
    pub(super) fn take(path: &Path) -> Result<Self, BindError> {
        let length = path.as_os_str().len();
        if length > LONGEST {
            return Err(BindError::TooLong { path: path.to_owned(), length });
        }
        let failed = |error| BindError::Io { path: path.to_owned(), error };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o660)
            .open(path.with_extension("lock"))
            .map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => Err(BindError::Live(path.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Serves a socket that a service manager bound and keeps: its file stays when this process ends.
    pub(super) fn adopt(self, listener: UnixListener) -> Result<Bound, BindError> {
        let failed = |error| BindError::Io { path: self.path.clone(), error };
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Bound { listener, claim: self, ours: false })
    }

    /// Binds with mode 0660. What a dead process left is replaced; a live server, or a file that is no
    /// socket, is not.
    pub(super) fn bind(self) -> Result<Bound, BindError> {
        let failed = |error| BindError::Io { path: self.path.clone(), error };
        match fs::symlink_metadata(&self.path) {
            Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
                if UnixStream::connect(&self.path).is_ok() {
                    return Err(BindError::Live(self.path));
                }
                fs::remove_file(&self.path).map_err(failed)?;
            }
            Ok(_) => return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "it is not a socket"))),
            Err(_) => {}
        }
        let listener = UnixListener::bind(&self.path).map_err(failed)?;
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o660)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Bound { listener, claim: self, ours: true })
    }
}

impl Bound {
    pub(super) fn into_parts(self) -> (UnixListener, Served) {
        (self.listener, Served { claim: self.claim, ours: self.ours })
    }
}

/// Removes the socket when dropped, where this process made it; the lock goes with it.
pub(super) struct Served {
    claim: Claim,
    ours: bool,
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.ours {
            // Already gone is as good as removed.
            let _ = fs::remove_file(&self.claim.path);
        }
    }
}
