//! One line of text that is being typed: cursor, words, history of what was entered before.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar;

use crate::tui::key::{Code, Key};
use crate::tui::sanitize;
use crate::tui::theme::{Theme, Tone};

/// Longest line that is kept, in characters.
const MAX: usize = 2000;
const HISTORY_MAX: usize = 100;

#[derive(Debug, Clone, Default)]
pub(crate) struct LineEdit {
    chars: Vec<char>,
    cursor: usize,
    history: Vec<String>,
    /// Which history entry is shown, and what was typed before going there.
    browsing: Option<(usize, String)>,
}

impl LineEdit {
    pub(crate) fn with(text: &str) -> Self {
        let mut edit = Self::default();
        edit.set(text);
        edit
    }

    pub(crate) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    pub(crate) fn set(&mut self, text: &str) {
        self.chars = text.chars().filter_map(sanitize::visible).take(MAX).collect();
        self.cursor = self.chars.len();
    }

    pub(crate) fn insert(&mut self, text: &str) {
        for c in text.chars().filter_map(sanitize::visible) {
            if self.chars.len() >= MAX {
                return;
            }
            self.chars.insert(self.cursor.min(self.chars.len()), c);
            self.cursor += 1;
        }
    }

    /// The name that stands before the cursor, as far as it is typed.
    pub(crate) fn name_before(&self) -> String {
        let before: Vec<char> = self.chars.iter().take(self.cursor).copied().collect();
        let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let start = before.iter().rposition(|c| !is_part(c)).map_or(0, |at| at + 1);
        before.into_iter().skip(start).collect()
    }

    /// Keeps what was entered, newest last, once.
    pub(crate) fn remember(&mut self) {
        let text = self.text();
        self.browsing = None;
        self.history.retain(|h| *h != text);
        self.history.push(text);
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
    }

    pub(crate) fn older(&mut self) {
        let at = match &self.browsing {
            None => self.history.len(),
            Some((at, _)) => *at,
        };
        let Some(text) = at.checked_sub(1).and_then(|i| self.history.get(i)).cloned() else { return };
        let draft = self.browsing.take().map_or_else(|| self.text(), |(_, draft)| draft);
        self.browsing = Some((at - 1, draft));
        self.set(&text);
    }

    pub(crate) fn newer(&mut self) {
        let Some((at, draft)) = self.browsing.take() else { return };
        if let Some(text) = self.history.get(at + 1).cloned() {
            self.browsing = Some((at + 1, draft));
            self.set(&text);
        } else {
            self.set(&draft);
        }
    }

    /// Handles an editing key; false when the key means nothing to a line of text.
    pub(crate) fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.typed() {
            self.browsing = None;
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        let end = self.chars.len();
        match (key.code, key.ctrl || key.alt) {
            (Code::Left, false) => self.cursor = self.cursor.saturating_sub(1),
            (Code::Right, false) => self.cursor = (self.cursor + 1).min(end),
            (Code::Left, true) => self.cursor = self.word_before(),
            (Code::Right, true) => self.cursor = self.word_after(),
            (Code::Home, _) => self.cursor = 0,
            (Code::End, _) => self.cursor = end,
            (Code::Char('a'), _) if key.ctrl => self.cursor = 0,
            (Code::Char('e'), _) if key.ctrl => self.cursor = end,
            (Code::Char('k'), _) if key.ctrl => self.chars.truncate(self.cursor),
            (Code::Char('u'), _) if key.ctrl => self.cut(0),
            (Code::Char('w'), _) if key.ctrl => self.cut(self.word_before()),
            (Code::Backspace, true) => self.cut(self.word_before()),
            (Code::Backspace, false) => self.cut(self.cursor.saturating_sub(1)),
            (Code::Delete, _) => {
                if self.cursor < end {
                    self.chars.remove(self.cursor);
                }
            }
            _ => return false,
        }
        true
    }

    fn cut(&mut self, from: usize) {
        let to = self.cursor.min(self.chars.len());
        self.chars.drain(from.min(to)..to);
        self.cursor = from.min(to);
    }

    fn word_before(&self) -> usize {
        let before: Vec<char> = self.chars.iter().take(self.cursor).copied().collect();
        let trimmed = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |i| i + 1);
        before.iter().take(trimmed).rposition(|c| c.is_whitespace()).map_or(0, |i| i + 1)
    }

    fn word_after(&self) -> usize {
        let rest = self.chars.iter().skip(self.cursor);
        let word = rest.clone().take_while(|c| !c.is_whitespace()).count();
        let gap = rest.skip(word).take_while(|c| c.is_whitespace()).count();
        self.cursor + word + gap
    }

    /// Draws the part around the cursor and returns the cursor's place.
    pub(crate) fn draw(&self, buf: &mut Buffer, area: Rect, theme: Theme, hint: &str) -> (u16, u16) {
        let room = usize::from(area.width).saturating_sub(1);
        if self.chars.is_empty() {
            buf.set_stringn(area.x, area.y, hint, room, theme.style(Tone::Quiet));
            return (area.x, area.y);
        }
        let cells = |c: &char| c.width().unwrap_or(0);
        let mut start = 0;
        let mut used: usize = self.chars.iter().take(self.cursor).map(cells).sum();
        while used > room {
            used -= self.chars.get(start).map_or(1, cells);
            start += 1;
        }
        let shown: String = self.chars.iter().skip(start).collect();
        buf.set_stringn(area.x, area.y, shown, room + 1, theme.style(Tone::Text));
        (area.x + u16::try_from(used).unwrap_or(0), area.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edits_by_words_and_remembers() {
        let mut e = LineEdit::with("replace pump seal");
        e.key(Key::ctrl('w'));
        assert_eq!(e.text(), "replace pump ");
        e.key(Key::ctrl('a'));
        e.insert("how to ");
        assert_eq!(e.text(), "how to replace pump ");
        e.remember();
        e.set("draft");
        e.older();
        assert_eq!(e.text(), "how to replace pump ");
        e.older();
        e.newer();
        assert_eq!(e.text(), "draft");
    }

    proptest! {
        #[test]
        fn any_keys_are_safe(keys in proptest::collection::vec((0u8..12, any::<char>(), any::<bool>()), 0..80)) {
            let mut e = LineEdit::default();
            for (k, c, ctrl) in keys {
                let code = match k {
                    0 => Code::Left, 1 => Code::Right, 2 => Code::Home, 3 => Code::End,
                    4 => Code::Backspace, 5 => Code::Delete, 6 => Code::Char('w'), _ => Code::Char(c),
                };
                e.key(Key { code, ctrl, alt: false });
                let mut buf = Buffer::empty(Rect::new(0, 0, 9, 1));
                let (x, _) = e.draw(&mut buf, Rect::new(0, 0, 9, 1), Theme::Calm, "hint");
                prop_assert!(x < 9);
            }
        }
    }
}
