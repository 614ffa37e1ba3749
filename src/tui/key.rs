//! One key press, as decoded from the terminal, and its name in a key file (`ctrl-c`, `f1`, `G`).

use std::fmt;

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Home,
    End,
    PageUp,
    PageDown,
    Up,
    Down,
    Left,
    Right,
    F(u8),
}

/// A key with its modifiers. Shift is part of the character (`G`), and of no other key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) code: Code,
    pub(crate) ctrl: bool,
    pub(crate) alt: bool,
}

const NAMES: &[(&str, Code)] = &[
    ("enter", Code::Enter),
    ("esc", Code::Esc),
    ("tab", Code::Tab),
    ("backtab", Code::BackTab),
    ("backspace", Code::Backspace),
    ("delete", Code::Delete),
    ("insert", Code::Insert),
    ("home", Code::Home),
    ("end", Code::End),
    ("pageup", Code::PageUp),
    ("pagedown", Code::PageDown),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("space", Code::Char(' ')),
];

impl Key {
    pub(crate) fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    pub(crate) fn ctrl(c: char) -> Self {
        Self { code: Code::Char(c), ctrl: true, alt: false }
    }

    /// The character this key would type, if it types one.
    pub(crate) fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Reads `ctrl-x`, `alt-enter`, `f5`, `?`, `G`, `shift-tab`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let (mut ctrl, mut alt) = (false, false);
        loop {
            if let Some(r) = rest.strip_prefix("ctrl-").filter(|r| !r.is_empty()) {
                (ctrl, rest) = (true, r);
            } else if let Some(r) = rest.strip_prefix("alt-").filter(|r| !r.is_empty()) {
                (alt, rest) = (true, r);
            } else {
                break;
            }
        }
        let code = if rest == "shift-tab" { Code::BackTab } else { code(rest)? };
        Some(Self { code, ctrl, alt })
    }
}

fn code(name: &str) -> Option<Code> {
    if let Some((_, code)) = NAMES.iter().find(|(n, _)| *n == name) {
        return Some(*code);
    }
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() => Some(Code::Char(c)),
        (Some('f'), Some(_)) => {
            let n: u8 = name.get(1..)?.parse().ok()?;
            (1..=12).contains(&n).then_some(Code::F(n))
        }
        _ => None,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        if self.alt {
            f.write_str("alt-")?;
        }
        match self.code {
            Code::F(n) => write!(f, "f{n}"),
            Code::Char(c) if c != ' ' => write!(f, "{c}"),
            other => f.write_str(NAMES.iter().find(|(_, c)| *c == other).map_or("?", |(n, _)| n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in ["ctrl-c", "alt-x", "f1", "f12", "G", "?", "enter", "space", "backtab", "-", "ctrl--"] {
            assert_eq!(Key::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(Key::parse("shift-tab"), Some(Key::plain(Code::BackTab)));
        for bad in ["", "f13", "f0", "hyper-x", "ctrl-", "\u{1b}"] {
            assert_eq!(Key::parse(bad), None, "{bad}");
        }
    }
}
