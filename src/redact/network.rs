//! Addresses: e-mail, IPv4, IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Find;
use super::scan::Text;

/// An address around the `@` at this place; what stands before `done` is found already.
pub(super) fn email(text: Text<'_>, at: usize, done: usize) -> Option<Find> {
    let local = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
    let mut from = at;
    while from > done && at - from < 64 && local(text.at(from - 1)) {
        from -= 1;
    }
    while from < at && !text.at(from).is_ascii_alphanumeric() {
        from += 1;
    }
    let end = text.run(at + 1, 253, |byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    let dashes = text.part(at + 1, end).windows(2).position(|two| two == b"--");
    let end = dashes.map_or(end, |dashes| at + 1 + dashes);
    // The last label has letters only, two at least; a point behind it ends a sentence.
    let mut to = end;
    while to > at + 1 && !text.at(to - 1).is_ascii_alphanumeric() {
        to -= 1;
    }
    let domain = text.part(at + 1, to);
    let dot = domain.iter().rposition(|byte| *byte == b'.')?;
    let last = at + 2 + dot;
    let to = text.run(last, 63, |byte| byte.is_ascii_alphabetic());
    let fine = from < at
        && dot > 0
        && to >= last + 2
        && text.ends(to)
        && !domain.windows(2).any(|two| two == b"..")
        && domain.first() != Some(&b'-');
    fine.then_some(Find { from, to, kind: "email" })
}

/// An address of IP, with its prefix length where one stands behind it.
pub(super) fn ip(text: Text<'_>, at: usize) -> Option<Find> {
    if at > 0 && b".:".contains(&text.at(at - 1)) || !text.begins(at) {
        return None;
    }
    let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut to = text.run(at, 48, fits);
    if to < at + 3 || !text.ends(to) || text.at(to) == b'[' {
        return None;
    }
    // A sentence or a list may go on behind it.
    while to > at
        && (text.at(to - 1) == b'.' || text.at(to - 1) == b':' && text.at(to.wrapping_sub(2)) != b':')
    {
        to -= 1;
    }
    let (to, most) = address(text, at, to)?;
    let zone = if most == 128 && text.at(to) == b'%' {
        text.run(to + 1, 16, |byte| byte.is_ascii_alphanumeric())
    } else {
        to
    };
    let digits = text.run(zone + 1, 4, |byte| byte.is_ascii_digit());
    let length =
        std::str::from_utf8(text.part(zone + 1, digits)).ok().and_then(|text| text.parse::<u32>().ok());
    let has_length = text.at(zone) == b'/' && length.is_some_and(|length| length <= most);
    Some(Find { from: at, to: if has_length { digits } else { zone }, kind: "ip" })
}

/// End and bits of the address; one of IPv4 may have a port behind it.
fn address(text: Text<'_>, at: usize, to: usize) -> Option<(usize, u32)> {
    let of = |to: usize| std::str::from_utf8(text.part(at, to)).unwrap_or_default();
    if of(to).parse::<Ipv4Addr>().is_ok() {
        return Some((to, 32));
    }
    let is_six = of(to).parse::<Ipv6Addr>().is_ok();
    if is_six && of(to).bytes().any(|byte| byte.is_ascii_digit()) {
        return Some((to, 128));
    }
    let colon = at + of(to).find(':')?;
    of(colon).parse::<Ipv4Addr>().is_ok().then_some((colon, 32))
}

/// Addresses that say nothing of anybody: of this box, of private networks, of no network.
pub(super) fn is_private(text: &str) -> bool {
    let address = text.split(['/', '%']).next().unwrap_or_default();
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(four)) => nobodys(four),
        Ok(IpAddr::V6(six)) => {
            let mapped = six.to_ipv4_mapped().is_some_and(nobodys);
            let first = six.segments()[0];
            let own = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            mapped || own || six.is_loopback() || six.is_unspecified() || six.is_multicast()
        }
        Err(_) => false,
    }
}

fn nobodys(four: Ipv4Addr) -> bool {
    four.is_private()
        || four.is_loopback()
        || four.is_link_local()
        || four.is_unspecified()
        || four.is_broadcast()
        || four.is_multicast()
        || four.is_documentation()
}
