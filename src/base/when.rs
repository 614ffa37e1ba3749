//! Times as people write them.

use std::time::{Duration, UNIX_EPOCH};

/// Milliseconds since the Unix epoch from `2026-03-01`, `2026-03-01T08:00:00Z`, `2026-03-01 08:00:00`
/// (all UTC) or from milliseconds in digits.
#[must_use]
pub fn parse_time(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.len() > 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let time = humantime::parse_rfc3339_weak(&whole).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// `2026-03-01 08:00` in UTC.
#[must_use]
pub fn format_time(ms: u64) -> String {
    let text = format_second(ms);
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// The same; `-` for what was always there.
#[must_use]
pub fn format_since(ms: u64) -> String {
    if ms == 0 { "-".to_owned() } else { format_time(ms) }
}

/// `2026-03-01T08:00:00Z`.
#[must_use]
pub fn format_second(ms: u64) -> String {
    let time =
        UNIX_EPOCH.checked_add(Duration::from_millis(ms.min(253_402_300_799_000))).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_times() {
        assert_eq!(parse_time("1970-01-02"), Some(86_400_000));
        assert_eq!(parse_time("1970-01-01T00:00:01Z"), Some(1000));
        assert_eq!(parse_time("1700000000000"), Some(1_700_000_000_000));
        assert_eq!(parse_time("soon"), None);
        assert_eq!(format_time(86_400_000), "1970-01-02 00:00");
        assert_eq!(format_second(86_400_000), "1970-01-02T00:00:00Z");
        assert_eq!(format_time(u64::MAX), "9999-12-31 23:59");
        assert_eq!((format_since(0).as_str(), format_since(86_400_000).as_str()), ("-", "1970-01-02 00:00"));
    }
}
