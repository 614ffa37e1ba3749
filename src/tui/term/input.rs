//! Bytes from the terminal to keys: a pure decoder that survives sequences torn by a slow line.
//!
//! Over SSH `ESC [ A` may arrive as `ESC`, pause, `[A`. A lone ESC is held for [`ESC_HOLD_MS`]; a
//! begun sequence is never given out as letters; and when ESC was given out but its rest follows
//! late in one piece, the rest is joined rather than pressed as `[` and `A`.

use crate::tui::key::{Code, Key};

/// How long a lone ESC waits for its sequence.
pub(crate) const ESC_HOLD_MS: u64 = 120;
/// How long a begun sequence waits for its end before it is dropped.
const SEQUENCE_HOLD_MS: u64 = 1000;
/// How long after an ESC key a `[` is still suspected to be the rest of its sequence.
const GHOST_MS: u64 = 600;
/// Longest control sequence that is waited for, and the most of a paste that is kept.
const SEQUENCE_MAX: usize = 64;
const PASTE_MAX: usize = 64 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Key(Key),
    Paste(String),
}

/// Holds what has not become a key yet.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    held: Vec<u8>,
    /// When the last byte came.
    at: u64,
    /// When a lone ESC was given out as a key.
    escaped_at: Option<u64>,
    paste: Option<Vec<u8>>,
}

enum Step {
    /// So many bytes, and what they mean.
    Take(usize, Option<Key>),
    Paste(usize),
    Wait,
}

impl Decoder {
    /// Takes bytes that arrived at `now` (milliseconds).
    pub(crate) fn feed(&mut self, bytes: &[u8], now: u64) -> Vec<Input> {
        if self.held.is_empty() && self.paste.is_none() {
            let late = self.escaped_at.take().is_some_and(|t| now.saturating_sub(t) <= GHOST_MS);
            if late && matches!(bytes.first(), Some(b'[' | b'O')) {
                self.held.push(0x1b);
            }
        }
        self.at = now;
        self.held.extend_from_slice(bytes);
        self.drain()
    }

    /// When [`Self::expire`] has something to do; `None` means: sleep.
    pub(crate) fn deadline(&self) -> Option<u64> {
        match self.held.as_slice() {
            _ if self.paste.is_some() => None,
            [] => None,
            [0x1b] => Some(self.at + ESC_HOLD_MS),
            _ => Some(self.at + SEQUENCE_HOLD_MS),
        }
    }

    /// Gives up waiting: a lone ESC was the Esc key, half a sequence was nothing.
    pub(crate) fn expire(&mut self, now: u64) -> Vec<Input> {
        if self.deadline().is_none_or(|d| now < d) {
            return Vec::new();
        }
        let lone = self.held == [0x1b];
        self.held.clear();
        if !lone {
            return Vec::new();
        }
        self.escaped_at = Some(now);
        vec![Input::Key(Key::plain(Code::Esc))]
    }

    fn drain(&mut self) -> Vec<Input> {
        let mut out = Vec::new();
        loop {
            if self.paste.is_some() {
                if !self.drain_paste(&mut out) {
                    return out;
                }
                continue;
            }
            match step(&self.held) {
                Step::Wait => return out,
                Step::Paste(n) => {
                    self.held.drain(..n.min(self.held.len()));
                    self.paste = Some(Vec::new());
                }
                Step::Take(n, key) => {
                    self.held.drain(..n.min(self.held.len()));
                    out.extend(key.map(Input::Key));
                }
            }
        }
    }

    /// Moves held bytes into the paste; true when the paste ended.
    fn drain_paste(&mut self, out: &mut Vec<Input>) -> bool {
        let end = self.held.windows(PASTE_END.len()).position(|w| w == PASTE_END);
        let keep = (1..PASTE_END.len()).rev().find(|n| self.held.ends_with(&PASTE_END[..*n])).unwrap_or(0);
        let upto = end.unwrap_or(self.held.len() - keep);
        let chunk: Vec<u8> = self.held.drain(..upto).collect();
        if let Some(paste) = &mut self.paste {
            let room = PASTE_MAX.saturating_sub(paste.len());
            paste.extend(chunk.into_iter().take(room));
        }
        if end.is_none() {
            return false;
        }
        self.held.drain(..PASTE_END.len());
        let bytes = self.paste.take().unwrap_or_default();
        out.push(Input::Paste(String::from_utf8_lossy(&bytes).into_owned()));
        true
    }
}

fn step(held: &[u8]) -> Step {
    match held {
        [] | [0x1b] => Step::Wait,
        [0x1b, b'[', ..] => csi(held),
        [0x1b, b'O', rest @ ..] => match rest.first() {
            None => Step::Wait,
            Some(b) => Step::Take(3, final_key(*b, 1)),
        },
        // Two ESC: the first was a key of its own.
        [0x1b, 0x1b, ..] => Step::Take(1, Some(Key::plain(Code::Esc))),
        [0x1b, rest @ ..] => match plain(rest) {
            Step::Take(n, key) => Step::Take(n + 1, key.map(|k| Key { alt: true, ..k })),
            other => other,
        },
        _ => plain(held),
    }
}

/// A byte or a UTF-8 character without ESC before it.
fn plain(bytes: &[u8]) -> Step {
    let Some(&first) = bytes.first() else { return Step::Wait };
    let key = match first {
        b'\r' | b'\n' => Key::plain(Code::Enter),
        b'\t' => Key::plain(Code::Tab),
        0x7f | 0x08 => Key::plain(Code::Backspace),
        0 => return Step::Take(1, None),
        1..=26 => Key::ctrl(char::from(first - 1 + b'a')),
        27..=31 => return Step::Take(1, None),
        32..=126 => Key::plain(Code::Char(char::from(first))),
        _ => return utf8(bytes),
    };
    Step::Take(1, Some(key))
}

fn utf8(bytes: &[u8]) -> Step {
    let want = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return Step::Take(1, None),
    };
    let have = bytes.get(..want.min(bytes.len())).unwrap_or_default();
    match std::str::from_utf8(have) {
        Ok(text) => {
            let key = text.chars().next().filter(|c| !c.is_control()).map(|c| Key::plain(Code::Char(c)));
            Step::Take(have.len(), key)
        }
        Err(e) if e.error_len().is_none() && bytes.len() < want => Step::Wait,
        Err(_) => Step::Take(1, None),
    }
}

/// `ESC [ parameters intermediates final`.
fn csi(held: &[u8]) -> Step {
    // The Linux console's F1-F5: `ESC [ [ A`.
    if let [_, _, b'[', rest @ ..] = held {
        return match rest.first() {
            None => Step::Wait,
            Some(b @ b'A'..=b'E') => Step::Take(4, Some(Key::plain(Code::F(b - b'A' + 1)))),
            Some(_) => Step::Take(4, None),
        };
    }
    let body = held.get(2..).unwrap_or_default();
    let Some(end) = body.iter().position(|b| !(0x20..=0x3f).contains(b)) else {
        return if held.len() > SEQUENCE_MAX { Step::Take(held.len(), None) } else { Step::Wait };
    };
    let Some(&last) = body.get(end) else { return Step::Wait };
    let taken = end + 3;
    if !(0x40..=0x7e).contains(&last) {
        // Broken off: what follows is its own.
        return Step::Take(taken - 1, None);
    }
    let mut numbers = body
        .get(..end)
        .unwrap_or_default()
        .split(|b| *b == b';')
        .map(|p| std::str::from_utf8(p).ok().and_then(|t| t.parse::<u16>().ok()).unwrap_or(0));
    let first = numbers.next().unwrap_or(0);
    let modifier = numbers.next().unwrap_or(1);
    match last {
        b'~' if first == 200 => Step::Paste(taken),
        b'~' => Step::Take(taken, tilde(first).map(|k| modified(k, modifier))),
        b'Z' => Step::Take(taken, Some(Key::plain(Code::BackTab))),
        _ => Step::Take(taken, final_key(last, modifier)),
    }
}

fn final_key(byte: u8, modifier: u16) -> Option<Key> {
    let code = match byte {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'M' => Code::Enter,
        b'P'..=b'S' => Code::F(byte - b'P' + 1),
        _ => return None,
    };
    Some(modified(code, modifier))
}

fn tilde(number: u16) -> Option<Code> {
    Some(match number {
        1 | 7 => Code::Home,
        2 => Code::Insert,
        3 => Code::Delete,
        4 | 8 => Code::End,
        5 => Code::PageUp,
        6 => Code::PageDown,
        11..=15 => Code::F(u8::try_from(number - 10).ok()?),
        17..=21 => Code::F(u8::try_from(number - 11).ok()?),
        23 | 24 => Code::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    })
}

/// xterm's modifier number: 1 + (1 shift, 2 alt, 4 ctrl).
fn modified(code: Code, modifier: u16) -> Key {
    let bits = modifier.saturating_sub(1);
    Key { code, ctrl: bits & 4 != 0, alt: bits & 2 != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(inputs: &[Input]) -> Vec<String> {
        inputs
            .iter()
            .map(|i| match i {
                Input::Key(k) => k.to_string(),
                Input::Paste(p) => format!("paste:{p}"),
            })
            .collect()
    }

    fn whole(bytes: &[u8]) -> Vec<String> {
        names(&Decoder::default().feed(bytes, 0))
    }

    #[test]
    fn keys_of_many_terminals() {
        assert_eq!(whole(b"\x1b[A\x1bOB\x1b[1;5C\x1b[D"), ["up", "down", "ctrl-right", "left"]);
        assert_eq!(
            whole(b"\x1b[H\x1b[4~\x1b[5~\x1b[6~\x1b[3~"),
            ["home", "end", "pageup", "pagedown", "delete"]
        );
        assert_eq!(whole(b"\x1bOP\x1b[12~\x1b[[C\x1b[15~\x1b[24~"), ["f1", "f2", "f3", "f5", "f12"]);
        assert_eq!(whole(b"\x03\x7f\r\t\x1b[Z"), ["ctrl-c", "backspace", "enter", "tab", "backtab"]);
        assert_eq!(whole("é日\u{1f954}".as_bytes()), ["é", "日", "\u{1f954}"]);
        assert_eq!(whole(b"\x1bx"), ["alt-x"]);
        assert_eq!(whole(b"\x1b[200~rm -rf\n\x1b[201~k"), ["paste:rm -rf\n", "k"]);
        assert!(whole(b"\x1b[?1;2c\x1b[31m\x1b[<0;1;1X").is_empty());
    }

    #[test]
    fn a_torn_arrow_never_presses_a_letter() {
        for pause in [1, 50, 119, 121, 300, 500] {
            let mut d = Decoder::default();
            let mut got = d.feed(b"\x1b", 0);
            got.extend(d.expire(pause));
            got.extend(d.feed(b"[A", pause));
            let got = names(&got);
            assert!(!got.iter().any(|k| k == "A" || k == "["), "{pause}: {got:?}");
            assert_eq!(got.last().unwrap(), "up");
        }
        let mut d = Decoder::default();
        let mut got = d.feed(b"\x1b[", 0);
        got.extend(d.expire(900));
        got.extend(d.feed(b"A", 900));
        assert_eq!(names(&got), ["up"]);
    }

    #[test]
    fn a_lone_escape_is_the_escape_key_after_its_hold() {
        let mut d = Decoder::default();
        assert!(d.feed(b"\x1b", 10).is_empty());
        assert_eq!(d.deadline(), Some(10 + ESC_HOLD_MS));
        assert!(d.expire(100).is_empty());
        assert_eq!(names(&d.expire(10 + ESC_HOLD_MS)), ["esc"]);
        assert_eq!(d.deadline(), None);
        assert_eq!(names(&d.feed(b"k", 200)), ["k"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut d = Decoder::default();
            for input in d.feed(&bytes, 0) {
                if let Input::Key(Key { code: Code::Char(c), .. }) = input {
                    prop_assert!(!c.is_control());
                }
            }
            d.expire(10_000);
            prop_assert!(d.deadline().is_none());
        }

        #[test]
        fn tearing_changes_nothing(
            picks in proptest::collection::vec(0usize..9, 1..20),
            cuts in proptest::collection::vec(any::<bool>(), 400),
        ) {
            let parts: [&[u8]; 9] = [
                b"\x1b[A", b"\x1bOP", b"a", "\u{e9}".as_bytes(), b"\x1b[1;5C", b"\r",
                b"\x1b[200~p\x1b[A\x1b[201~", b"\x1b[5~", "\u{65e5}".as_bytes(),
            ];
            let bytes: Vec<u8> = picks.iter().flat_map(|p| parts[*p].to_vec()).collect();
            let mut torn = Decoder::default();
            let mut got = Vec::new();
            let mut start = 0;
            let mut now = 0;
            for at in 1..=bytes.len() {
                if at == bytes.len() || cuts.get(at).copied().unwrap_or(false) {
                    now += 100;
                    got.extend(torn.expire(now));
                    got.extend(torn.feed(&bytes[start..at], now));
                    start = at;
                }
            }
            prop_assert_eq!(names(&got), whole(&bytes));
        }
    }
}
