//! Nothing that was read from a file or a name may steer the terminal or deceive the eye.
//!
//! Invariant: what comes out holds no control byte, no escape, no bidi or invisible character.

use std::borrow::Cow;

/// True for characters that must never reach the screen.
pub(crate) fn hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// One line of safe text: white space becomes one space each, hostile characters vanish.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(hostile) {
        Cow::Owned(text.chars().filter_map(visible).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The character to show for `c`, if any.
pub(crate) fn visible(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if hostile(c) => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_names_become_plain() {
        assert_eq!(clean("a\u{1b}[31mred\u{7}"), "a[31mred");
        assert_eq!(clean("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
        assert_eq!(clean("pay\u{200b}pal\u{feff}"), "paypal");
        assert_eq!(clean("two\nlines\tand tab"), "two lines and tab");
        assert_eq!(clean("\u{9b}2J C1 csi"), "2J C1 csi");
        assert_eq!(clean("tag\u{e0041}ged"), "tagged");
        assert!(matches!(clean("plain Ünïcode 日本"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_hostile_survives(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(hostile));
        }
    }
}
