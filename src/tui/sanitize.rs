//! Nothing that was read from a file or a name may steer the terminal or deceive the eye.
//!
//! Invariant: what comes out holds no control byte, no escape, no bidi or invisible character.

use std::borrow::Cow;

pub(crate) use crate::base::is_hidden as hostile;

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
