//! What the terminal can do, by its name.

use crate::base::to_base64;

/// Abilities that change which bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caps {
    /// `?2026`: the terminal shows a frame when it is whole.
    pub(crate) synchronized: bool,
    /// OSC 52 and bracketed paste make sense.
    pub(crate) modern: bool,
}

impl Caps {
    pub(crate) fn of(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let term = env("TERM").unwrap_or_default();
        let old = term.is_empty() || term == "linux" || term == "dumb" || term.starts_with("vt");
        let off = env("SPUD_SYNC").is_some_and(|v| v == "0" || v == "off");
        Self { synchronized: !old && !off, modern: !old }
    }
}

/// True where no cursor can be moved, so only lines make sense.
pub(crate) fn dumb(env: &dyn Fn(&str) -> Option<String>) -> bool {
    env("TERM").is_none_or(|t| t.is_empty() || t == "dumb" || t == "unknown")
}

/// The bytes that put `text` into the clipboard of the terminal's own machine.
pub(crate) fn copy(text: &str) -> Vec<u8> {
    // Terminals drop longer sequences.
    let end = (0..=text.len().min(50_000)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    let mut out = b"\x1b]52;c;".to_vec();
    out.extend(to_base64(text.get(..end).unwrap_or_default().as_bytes()).bytes());
    out.push(0x07);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_terminals_get_no_new_sequences() {
        let caps = |term: &'static str| Caps::of(&move |n| (n == "TERM").then(|| term.to_owned()));
        assert!(caps("xterm-256color").synchronized);
        for term in ["linux", "vt100", "vt220", "dumb", ""] {
            assert!(!caps(term).synchronized && !caps(term).modern, "{term}");
        }
    }

    #[test]
    fn base64_as_in_rfc_4648() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(to_base64(plain.as_bytes()).as_bytes(), coded.as_bytes());
        }
    }
}
