//! Who asks, as the kernel says.

use std::os::fd::AsFd;

use crate::engine::{Caller, Criticality};

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process on this box (`SO_PEERCRED`).
    Local { uid: u32, gid: u32, pid: i32 },
    /// Somebody on the loopback network: read-only until tokens exist.
    Network,
}

/// The user id that stands for "nobody in particular".
const NOBODY: u32 = 65_534;

impl Peer {
    /// Asks the kernel who opened this Unix socket.
    pub(super) fn of(socket: impl AsFd) -> std::io::Result<Self> {
        let found = rustix::net::sockopt::socket_peercred(socket)?;
        Ok(Self::Local {
            uid: found.uid.as_raw(),
            gid: found.gid.as_raw(),
            pid: rustix::process::Pid::as_raw(Some(found.pid)),
        })
    }

    /// The identity that goes with a request.
    pub(super) fn caller(self, request: String) -> Caller {
        let criticality = Criticality::default();
        match self {
            Self::Local { uid, gid, pid } => Caller { uid, gid, pid, request, criticality },
            Self::Network => Caller { uid: NOBODY, gid: NOBODY, pid: 0, request, criticality },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_asks() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let caller = Peer::of(&one).unwrap().caller("r".into());
        let me = rustix::process::getuid().as_raw();
        assert_eq!((caller.uid, caller.pid), (me, i32::try_from(std::process::id()).unwrap()));
        assert_eq!(Peer::Network.caller("r".into()).uid, NOBODY);
    }
}
