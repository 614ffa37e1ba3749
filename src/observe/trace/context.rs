//! Who asked, in the two headers of W3C Trace Context, level 1 (<https://www.w3.org/TR/trace-context-1/>).
//!
//! ```text
//! traceparent = 00 - trace id, 32 hex digits - span id, 16 hex digits - flags, 2 hex digits
//! tracestate  = key=value, key=value, ...
//! ```

use std::fmt;

/// Members of a `tracestate`; one with more is left out as a whole.
const MEMBERS: usize = 32;
/// Bytes of a `tracestate` that are passed on.
const STATE_BYTES: usize = 512;
/// Members that are longer give way first.
const LONG_MEMBER: usize = 128;
/// Digits and dashes of `traceparent` in version 0.
const LENGTH: usize = 55;
const KEY_BYTES: usize = 256;
const TENANT_BYTES: usize = 241;
const SYSTEM_BYTES: usize = 14;
const VALUE_BYTES: usize = 256;

/// Names a trace in all the world; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub(super) u128);

/// Names a span in its trace; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub(super) u64);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl TraceId {
    /// 32 hexadecimal digits of lower case, not all of them 0.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(Self)
    }
}

/// Where somebody is in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub trace: TraceId,
    pub span: SpanId,
    /// Somebody keeps this trace, or wants it kept.
    pub sampled: bool,
}

impl Context {
    /// Reads the values of all `traceparent` headers of a request: there must be one.
    #[must_use]
    pub fn from_headers<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<Self> {
        let only = values.next()?;
        if values.next().is_some() {
            return None;
        }
        Self::parse(only)
    }

    /// Reads one header. Of a later version, what is known of version 0 is read, and what follows it is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']);
        let part = |from: usize, to: usize| text.get(from..to).filter(|part| part.bytes().all(is_digit));
        let dashes = [2, 35, 52].into_iter().all(|at| text.as_bytes().get(at) == Some(&b'-'));
        let version = part(0, 2)?;
        let ends = match text.as_bytes().get(LENGTH) {
            None => true,
            Some(next) => *next == b'-' && version != "00",
        };
        if !dashes || !ends || version == "ff" {
            return None;
        }
        let trace = TraceId::parse(part(3, 35)?)?;
        let span = u64::from_str_radix(part(36, 52)?, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(part(53, LENGTH)?, 16).ok()?;
        Some(Self { trace, span: SpanId(span), sampled: flags & 1 == 1 })
    }
}

/// As a header of version 0.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// What other systems said of the trace: all `tracestate` headers of a request as one, to be passed on as it is.
/// Empty where there is none, or where it is not of the form.
#[must_use]
pub fn vendors<'a>(headers: impl Iterator<Item = &'a str>) -> String {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut count = 0;
    for member in headers.flat_map(|header| header.split(',')) {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        count += 1;
        let Some((key, value)) = member.split_once('=') else { return String::new() };
        if count > MEMBERS || !is_key(key) || !is_value(value) {
            return String::new();
        }
        // Of two with one key nobody knows which is meant.
        if members.iter().any(|(known, _)| *known == key) {
            return String::new();
        }
        members.push((key, value));
    }
    let length = |members: &[(&str, &str)]| {
        members.iter().map(|(key, value)| key.len() + value.len() + 2).sum::<usize>().saturating_sub(1)
    };
    while length(&members) > STATE_BYTES {
        let long = members.iter().rposition(|(key, value)| key.len() + value.len() + 1 > LONG_MEMBER);
        members.remove(long.unwrap_or(members.len().saturating_sub(1)));
    }
    members.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn is_key(key: &str) -> bool {
    let usual = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let begins = |text: &str, digit: bool| {
        text.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || digit && first.is_ascii_digit())
    };
    match key.split_once('@') {
        None => key.len() <= KEY_BYTES && begins(key, false) && key.bytes().all(usual),
        Some((tenant, system)) => {
            let lengths = tenant.len() <= TENANT_BYTES && system.len() <= SYSTEM_BYTES;
            lengths
                && begins(tenant, true)
                && begins(system, false)
                && tenant.bytes().chain(system.bytes()).all(usual)
        }
    }
}

fn is_value(value: &str) -> bool {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'=';
    !value.is_empty() && value.len() <= VALUE_BYTES && value.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn read(text: &str) -> Option<String> {
        Context::parse(text).map(|context| context.to_string())
    }

    #[test]
    fn a_header_is_read_by_the_rules() {
        let good = format!("00-{TRACE}-{SPAN}-01");
        assert_eq!(read(&good), Some(good.clone()));
        assert_eq!(read(&format!("\t {good} ")), Some(good.clone()));
        assert_eq!(read(&format!("00-{TRACE}-{SPAN}-ff")), Some(good.clone()), "only one flag is known");
        assert_eq!(read(&format!("00-{TRACE}-{SPAN}-02")), Some(format!("00-{TRACE}-{SPAN}-00")));
        // A later version may have more behind a dash.
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01")), Some(good.clone()));
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01-what-will-be")), Some(good.clone()));
        assert_eq!(read(&format!("cc-{TRACE}-{SPAN}-01.what-will-be")), None);
        let nothing = "0".repeat(32);
        let wrong = [
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{nothing}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-.1"),
            format!("00-{}-{SPAN}-01", TRACE.replace('4', ".")),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{TRACE}{SPAN}-01"),
            format!("00-é{}-{SPAN}-01", &TRACE[2..]),
            String::new(),
        ];
        for text in wrong {
            assert_eq!(read(&text), None, "{text}");
        }
        let one = |values: &[&str]| Context::from_headers(values.iter().copied()).is_some();
        assert!(one(&[&good]) && !one(&[]) && !one(&[&good, &good]), "of two nobody knows which");
    }

    #[test]
    fn states_of_others_are_passed_on_by_the_rules() {
        let state = |headers: &[&str]| vendors(headers.iter().copied());
        assert_eq!(state(&["foo=1,bar=2"]), "foo=1,bar=2");
        assert_eq!(state(&["foo=1", "bar=2"]), "foo=1,bar=2", "headers are one list");
        assert_eq!(state(&["foo=1 \t,\t bar=2 ", "", ","]), "foo=1,bar=2");
        assert_eq!(state(&["foo=1,foo=2,bar=3"]), "", "one key, two values");
        assert_eq!(state(&["foo=1", "foo=1"]), "", "nor twice the same");
        assert_eq!(state(&["foo= a b"]), "foo= a b", "blanks inside a value belong to it");
        let keys =
            ["foo@=1", "@foo=1", "foo@@bar=1", "foo@bar@baz=1", "Foo=1", "0foo=1", "foo =1", "foo.bar=1"];
        for wrong in keys.into_iter().chain(["foo", "=1", "foo=", "foo=bar=baz", "foo=1,bar", "foo=\u{e9}"]) {
            assert_eq!(state(&[wrong]), "", "{wrong}");
        }
        let key = |bytes: usize| format!("{}=1", "z".repeat(bytes));
        assert_eq!(state(&[&key(256)]), key(256));
        assert_eq!(state(&[&key(257)]), "");
        let tenant =
            |tenant: usize, system: usize| format!("{}@{}=1", "0".repeat(tenant), "v".repeat(system));
        assert_eq!(state(&[&tenant(241, 14)]), tenant(241, 14));
        assert_eq!((state(&[&tenant(242, 1)]), state(&[&tenant(1, 15)])), (String::new(), String::new()));
        let many = |count: usize| (0..count).map(|n| format!("bar{n}=1")).collect::<Vec<_>>().join(",");
        assert_eq!(state(&[&many(32)]), many(32));
        assert_eq!(state(&[&many(33)]), "");
        // Long members give way first, then the last ones.
        let long = format!("long={}", "x".repeat(200));
        let short = (0..10).map(|n| format!("s{n}={}", "y".repeat(40))).collect::<Vec<_>>().join(",");
        assert_eq!(state(&[&short, &long]), short);
        assert!(state(&[&many(31), &format!("{short},{short}")]).len() <= 512);
    }

    proptest! {
        #[test]
        fn contexts_come_back(trace in 1u128.., span in 1u64.., sampled: bool) {
            let context = Context { trace: TraceId(trace), span: SpanId(span), sampled };
            prop_assert_eq!(Context::parse(&context.to_string()), Some(context));
        }

        #[test]
        fn other_text_is_none(text in "[0-9a-f-]{50,60}|.{0,60}") {
            if let Some(context) = Context::parse(&text) {
                prop_assert!(context.trace.0 != 0 && context.span.0 != 0);
                prop_assert_eq!(context.to_string()[3..52].to_owned(), text.trim_matches([' ', '\t'])[3..52].to_owned());
            }
        }

        #[test]
        fn a_state_is_in_bounds_and_stays_what_it_is(headers in prop::collection::vec("[a-z0-9@=, \t]{0,300}", 0..4)) {
            let state = vendors(headers.iter().map(String::as_str));
            prop_assert!(state.len() <= STATE_BYTES && state.split(',').count() <= MEMBERS);
            prop_assert_eq!(vendors([state.as_str()].into_iter()), state);
        }
    }
}
