//! Words and numbers as they stand on the screen: cut to width, with units, in few letters.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::tui::sanitize;

/// Cells the text takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// At most `room` cells, safe to show; what is cut off ends in `ellipsis`.
pub(crate) fn fit(text: &str, room: usize, ellipsis: &str) -> String {
    let text = sanitize::clean(text);
    if width(&text) <= room {
        return text.into_owned();
    }
    let keep = room.saturating_sub(width(ellipsis));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > keep {
            break;
        }
        used += w;
        out.push(c);
    }
    if room > 0 {
        out.push_str(ellipsis);
    }
    out
}

/// As [`fit`], but the end is kept: the telling part of a path.
pub(crate) fn fit_end(text: &str, room: usize, ellipsis: &str) -> String {
    let text = sanitize::clean(text);
    if width(&text) <= room {
        return text.into_owned();
    }
    let keep = room.saturating_sub(width(ellipsis));
    let mut start = text.len();
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > keep {
            break;
        }
        start = at;
    }
    if room == 0 {
        return String::new();
    }
    format!("{ellipsis}{}", text.get(start..).unwrap_or_default())
}

/// `1234567` becomes `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `3 documents`, `1 document`.
pub(crate) fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `840 µs`, `12.3 ms`, `1.20 s`; "us" where the glyphs are ASCII is not worth a second form.
#[allow(clippy::cast_precision_loss)] // three digits are shown
pub(crate) fn micros(us: u64) -> String {
    let v = us as f64;
    match us {
        0..=99_999 => format!("{:.1} ms", v / 1e3),
        100_000..=999_999 => format!("{:.0} ms", v / 1e3),
        _ => format!("{:.1} s", v / 1e6),
    }
}

/// `42 s`, `3 min`, `5 h 12 min`, `9 d 3 h`.
pub(crate) fn span(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0..=59 => format!("{s} s"),
        60..=599 => format!("{} min {} s", s / 60, s % 60),
        600..=3599 => format!("{} min", s / 60),
        3600..=86_399 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// How long ago, in one unit: `42s`, `3m`, `5h`, `9d`, `2y`.
pub(crate) fn age(now_ms: u64, then_ms: u64) -> String {
    if then_ms == 0 {
        return "-".to_owned();
    }
    let s = now_ms.saturating_sub(then_ms) / 1000;
    match s {
        0..=59 => format!("{s} s"),
        60..=3599 => format!("{} min", s / 60),
        3600..=86_399 => format!("{} h", s / 3600),
        86_400..=63_071_999 => format!("{} d", s / 86_400),
        _ => format!("{} y", s / 31_536_000),
    }
}

/// Share in whole percent; nothing of nothing is 0.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(100) }
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').find(|p| !p.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(plural(1, "job"), "1 job");
        assert_eq!(plural(0, "job"), "0 jobs");
        assert_eq!(micros(840), "0.8 ms");
        assert_eq!(micros(12_345), "12.3 ms");
        assert_eq!(micros(2_500_000), "2.5 s");
        assert_eq!(span(5 * 3_600_000 + 12 * 60_000), "5 h 12 min");
        assert_eq!(age(1_000_000, 0), "-");
        assert_eq!(age(100_000, 58_000), "42 s");
        assert_eq!(fit("pump manual", 6, "…"), "pump …");
        assert_eq!(fit_end("/srv/docs/pump.pdf", 9, "…"), "…pump.pdf");
        assert_eq!(percent(1, 3), 33);
        assert_eq!(file_name("/srv/docs/"), "docs");
    }

    proptest! {
        #[test]
        fn never_wider_than_the_room(text in any::<String>(), room in 0usize..40) {
            prop_assert!(width(&fit(&text, room, "…")) <= room);
            prop_assert!(width(&fit_end(&text, room, "…")) <= room);
        }
    }
}
