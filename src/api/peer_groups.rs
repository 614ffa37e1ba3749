//! The groups of whoever opened a Unix socket, as the kernel keeps them (`SO_PEERGROUPS`, Linux 4.13).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The kernel's own limit (`NGROUPS_MAX`).
const MOST: usize = 65_536;
/// Enough for nearly everybody at the first try.
const USUAL: usize = 32;

/// Supplementary groups at the time of connecting.
pub(super) fn peer_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut room = USUAL;
    loop {
        let mut groups = vec![0u32; room];
        let bytes = room * size_of::<u32>();
        let mut length = libc::socklen_t::try_from(bytes).map_err(io::Error::other)?;
        // SAFETY: `groups` has `length` bytes, which the kernel never writes beyond; both outlive the call, and the
        // descriptor is borrowed for as long.
        let result = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let found = usize::try_from(length).map_err(io::Error::other)? / size_of::<u32>();
        if result == 0 {
            groups.truncate(found);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) || found <= room || found > MOST {
            return Err(error);
        }
        room = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn the_kernel_tells_the_groups_of_this_process() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut found = peer_groups(one.as_fd()).unwrap();
        let mut own: Vec<u32> =
            rustix::process::getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
        found.sort_unstable();
        own.sort_unstable();
        assert_eq!(found, own);
    }
}
