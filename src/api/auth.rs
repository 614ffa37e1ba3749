//! Who asks, as the kernel says; over TCP, as a token says.

use std::os::fd::AsFd;
use std::sync::Arc;

use axum::http::{HeaderMap, header};

use super::peer_groups::peer_groups;
use crate::base::InOrder;
use crate::engine::{Caller, Origin, Shown};

/// The other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process on this box (`SO_PEERCRED`, `SO_PEERGROUPS`).
    Local { uid: u32, gid: u32, pid: i32, groups: Arc<[u32]> },
    /// Somebody on the loopback network: nobody in particular, unless a token says who.
    Network,
}

/// The user id that stands for "nobody in particular".
const NOBODY: u32 = 65_534;

impl Peer {
    /// Asks the kernel who opened this Unix socket.
    pub(super) fn of(socket: impl AsFd) -> std::io::Result<Self> {
        let found = rustix::net::sockopt::socket_peercred(&socket)?;
        let gid = found.gid.as_raw();
        // An older kernel knows the first group only: fewer groups never mean more roles.
        let mut groups = peer_groups(socket.as_fd()).unwrap_or_default();
        if !groups.contains(&gid) {
            groups.push(gid);
        }
        groups.order();
        Ok(Self::Local {
            uid: found.uid.as_raw(),
            gid,
            pid: rustix::process::Pid::as_raw(Some(found.pid)),
            groups: groups.into(),
        })
    }

    /// The identity that goes with a request. A token counts on the network only: on the socket the kernel knows.
    pub(super) fn caller(&self, request: String, headers: &HeaderMap) -> Caller {
        match self {
            Self::Local { uid, gid, pid, groups } => {
                Caller { groups: Arc::clone(groups), ..Caller::local(*uid, *gid, *pid, request) }
            }
            Self::Network => {
                let origin = bearer(headers).map_or(Origin::Network, Origin::Bearer);
                Caller { groups: Arc::default(), origin, ..Caller::local(NOBODY, NOBODY, 0, request) }
            }
        }
    }
}

/// The token of `Authorization: Bearer ...`. A header that is none of ours is a token that nobody knows.
fn bearer(headers: &HeaderMap) -> Option<Shown> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Some(Shown::new(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_asks() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut headers = HeaderMap::new();
        let caller = Peer::of(&one).unwrap().caller("r".into(), &headers);
        let me = rustix::process::getuid().as_raw();
        assert_eq!((caller.uid, caller.pid), (me, i32::try_from(std::process::id()).unwrap()));
        assert!(caller.groups.contains(&rustix::process::getgid().as_raw()));
        assert_eq!(Peer::Network.caller("r".into(), &headers).origin, Origin::Network);
        headers.insert(header::AUTHORIZATION, "bearer spud_1_ab".parse().unwrap());
        let token = Origin::Bearer(Shown::new("spud_1_ab"));
        assert_eq!(Peer::Network.caller("r".into(), &headers).origin, token);
        assert_eq!(Peer::of(&one).unwrap().caller("r".into(), &headers).origin, Origin::Local);
        assert!(!format!("{token:?}").contains("spud_1"), "tokens are never printed");
    }
}
