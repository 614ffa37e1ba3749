//! One question to a name server, with a deadline: the system's own way has none.
//!
//! Format: RFC 1035, section 4.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::wire::{Deadline, told};
use crate::store::crypt::random;

const RESOLVERS: &str = "/etc/resolv.conf";
const A: u8 = 1;
const AAAA: u8 = 28;

/// Asks for the addresses of a name; gives how many answers there are.
pub(super) fn look(name: &str, server: Option<&str>, deadline: Deadline) -> Result<usize, String> {
    let server = match server {
        Some(text) => address(text).ok_or_else(|| format!("'{text}' is no address of a name server"))?,
        None => std::fs::read_to_string(RESOLVERS)
            .ok()
            .and_then(|text| first(&text))
            .ok_or_else(|| format!("{RESOLVERS} names no server"))?,
    };
    match ask(name, A, server, deadline)? {
        0 => match ask(name, AAAA, server, deadline)? {
            0 => Err("the name has no address".to_owned()),
            count => Ok(count),
        },
        count => Ok(count),
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 53)))
}

fn first(resolvers: &str) -> Option<SocketAddr> {
    resolvers.lines().find_map(|line| address(line.trim().strip_prefix("nameserver")?.trim()))
}

fn ask(name: &str, kind: u8, server: SocketAddr, deadline: Deadline) -> Result<usize, String> {
    let id = random::<2>();
    let question = question(id, name, kind).ok_or_else(|| format!("'{name}' is no name"))?;
    let told = |error: std::io::Error| told(&error);
    let any: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).map_err(told)?;
    socket.connect(server).map_err(told)?;
    // A datagram may be lost: it is sent twice.
    for part in [2, 1] {
        socket.send(&question).map_err(told)?;
        let wait = deadline.left().map_err(told)? / part;
        socket.set_read_timeout(Some(wait)).map_err(told)?;
        let mut buffer = [0; 1232];
        match socket.recv(&mut buffer) {
            Ok(count) => return answers(id, buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(told(error)),
        }
    }
    Err("no answer in time".to_owned())
}

fn question(id: [u8; 2], name: &str, kind: u8) -> Option<Vec<u8>> {
    let mut out = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.extend([0, 0, kind, 0, 1]);
    Some(out).filter(|out| out.len() < 280)
}

fn answers(id: [u8; 2], reply: &[u8]) -> Result<usize, String> {
    let Some([one, two, flags, code, _, _, high, low, ..]) = reply.first_chunk::<12>() else {
        return Err("the answer is too short".to_owned());
    };
    if [*one, *two] != id || flags & 0x80 == 0 {
        return Err("the answer is none to this question".to_owned());
    }
    match code & 0x0f {
        0 => Ok(usize::from(u16::from_be_bytes([*high, *low]))),
        2 => Err("the name server failed (SERVFAIL)".to_owned()),
        3 => Err("there is no such name (NXDOMAIN)".to_owned()),
        5 => Err("the name server refuses (REFUSED)".to_owned()),
        other => Err(format!("the name server says error {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each question with so many records, or an error.
    fn server(replies: &'static [(u8, u8)]) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let serve = move || {
            for (code, count) in replies {
                let mut buffer = [0; 512];
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                let mut reply = buffer[..length].to_vec();
                (reply[2], reply[3], reply[7]) = (0x81, *code, *count);
                socket.send_to(&reply, from).unwrap();
            }
        };
        crate::base::spawn("names", 128, serve).unwrap();
        at
    }

    #[test]
    fn a_name_has_addresses_or_a_reason() {
        let asked = |replies| {
            let at = server(replies).to_string();
            look("pump.example.", Some(&at), Deadline::within(5000))
        };
        assert_eq!(asked(&[(0, 2)]), Ok(2));
        assert_eq!(asked(&[(0, 0), (0, 1)]), Ok(1), "only IPv6");
        assert!(asked(&[(0, 0), (0, 0)]).unwrap_err().contains("no address"));
        assert!(asked(&[(3, 0)]).unwrap_err().contains("NXDOMAIN"));
        assert!(look("a..b", Some("127.0.0.1:1"), Deadline::within(100)).unwrap_err().contains("no name"));
    }

    #[test]
    fn the_first_resolver_is_asked() {
        let text = "# x\nsearch lan\nnameserver 10.0.0.1\nnameserver ::1\n";
        assert_eq!(first(text), Some("10.0.0.1:53".parse().unwrap()));
        assert_eq!(address("[::1]:5353"), Some("[::1]:5353".parse().unwrap()));
    }

    #[test]
    fn strange_answers_are_none() {
        let id = [1, 2];
        for bad in [
            &[][..],
            &[1, 2, 0x80],
            &[9, 9, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0],
            &[1, 2, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0],
        ] {
            assert!(answers(id, bad).is_err(), "{bad:?}");
        }
    }
}
