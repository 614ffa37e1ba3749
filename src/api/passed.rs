//! The socket that a service manager holds open for us (`LISTEN_FDS`, sd_listen_fds(3)).
#![allow(unsafe_code)]

use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_acceptconn, socket_domain};

/// The listening Unix socket that was passed to this process, if any. To be called once, by the daemon.
pub(super) fn listener() -> Option<UnixListener> {
    let passed = sd_notify::listen_fds().inspect_err(|error| tracing::warn!(%error, "LISTEN_FDS")).ok()?;
    let mut found = None;
    for number in passed {
        // SAFETY: the service manager opened these for us and says so with our process id; nobody else here knows
        // of them, so each has exactly one owner from now on.
        let fd = unsafe { OwnedFd::from_raw_fd(number) };
        // A number that is open to nothing must not be closed: it may be somebody else's soon.
        let Ok(domain) = socket_domain(fd.as_fd()) else {
            std::mem::forget(fd);
            continue;
        };
        let listens = domain == AddressFamily::UNIX && socket_acceptconn(fd.as_fd()).unwrap_or(false);
        if listens && found.is_none() {
            found = Some(UnixListener::from(fd));
        } else {
            tracing::warn!(
                number,
                "a passed file descriptor is not a listening Unix socket, or a second one"
            );
        }
    }
    found
}
