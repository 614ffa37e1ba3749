//! Which backups stay, and when the next one is due. Functions of times; all of it in UTC.

use crate::base::InOrder;
use std::collections::HashSet;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;
/// 1970-01-01 was a Thursday; weeks begin on Monday.
const MONDAY: u64 = 3;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// How many are kept: the newest, and the newest of each of the last days, weeks and months that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub last: u32,
    pub daily: u32,
    pub weekly: u32,
    pub monthly: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { last: 3, daily: 7, weekly: 4, monthly: 6 }
    }
}

impl Keep {
    /// Which of these (times in any order) are kept. The newest always is.
    #[must_use]
    pub fn kept(&self, times_ms: &[u64]) -> Vec<bool> {
        let mut order: Vec<usize> = (0..times_ms.len()).collect();
        let time = |at: &usize| times_ms.get(*at).copied().unwrap_or_default();
        order.order_by_key(|at| std::cmp::Reverse((time(at), *at)));
        let mut kept = vec![false; times_ms.len()];
        let most = [self.daily, self.weekly, self.monthly];
        let periods = |ms: u64| [ms / DAY_MS, (ms / DAY_MS + MONDAY) / 7, month(ms)];
        let mut seen: [HashSet<u64>; 3] = Default::default();
        for (place, at) in order.iter().enumerate() {
            let mut stays = place == 0 || place < self.last as usize;
            for ((most, period), seen) in most.iter().zip(periods(time(at))).zip(&mut seen) {
                if seen.len() < *most as usize && seen.insert(period) {
                    stays = true;
                }
            }
            if let Some(kept) = kept.get_mut(*at) {
                *kept = stays;
            }
        }
        kept
    }
}

/// Months since 1970, by the civil calendar (the day count of March-based years: days of a 400-year era).
fn month(ms: u64) -> u64 {
    let days = ms / DAY_MS + 719_468; // since 0000-03-01
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let march_based = (5 * of_year + 2) / 153;
    (era * 400 + year) * 12 + march_based
}

/// A time of every day, or of one day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// 0 is Monday; absent is every day.
    pub weekday: Option<u8>,
    /// Since midnight, UTC.
    pub minute: u16,
}

impl When {
    /// `daily 02:30` or `weekly sun 02:30`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (weekday, time) = match words.as_slice() {
            ["daily", time] => (None, time),
            ["weekly", day, time] => {
                let day = day.to_lowercase();
                let at = DAYS.iter().position(|known| day.starts_with(known))?;
                (Some(u8::try_from(at).ok()?), time)
            }
            _ => return None,
        };
        let (hour, minute) = time.split_once(':')?;
        let digits = |text: &str| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
        let (hour, minute): (u16, u16) = match digits(hour) && minute.len() == 2 && digits(minute) {
            true => (hour.parse().ok()?, minute.parse().ok()?),
            false => return None,
        };
        (hour < 24 && minute < 60).then_some(Self { weekday, minute: hour * 60 + minute })
    }

    /// The newest time at or before `now_ms`.
    #[must_use]
    pub fn last_due(&self, now_ms: u64) -> u64 {
        let at = u64::from(self.minute) * MINUTE_MS;
        let days = now_ms.saturating_sub(at) / DAY_MS;
        let back = self.weekday.map_or(0, |weekday| ((days + MONDAY) % 7 + 7 - u64::from(weekday)) % 7);
        days.saturating_sub(back) * DAY_MS + at
    }

    /// The first time after `now_ms`.
    #[must_use]
    pub fn next_due(&self, now_ms: u64) -> u64 {
        self.last_due(now_ms) + if self.weekday.is_some() { 7 * DAY_MS } else { DAY_MS }
    }
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let day = self.weekday.and_then(|day| DAYS.get(usize::from(day)));
        match day {
            Some(day) => write!(f, "weekly {day} ")?,
            None => write!(f, "daily ")?,
        }
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{format_time, parse_time};
    use proptest::prelude::*;

    fn at(text: &str) -> u64 {
        parse_time(text).unwrap()
    }

    #[test]
    fn days_weeks_and_months_keep_their_newest() {
        // Two a day for 100 days from 2026-01-01 on.
        let times: Vec<u64> = (0..200).map(|n| at("2026-01-01T02:00:00Z") + n * DAY_MS / 2).collect();
        let keep = Keep { last: 1, daily: 3, weekly: 2, monthly: 3 };
        let kept = keep.kept(&times);
        let left: Vec<String> =
            times.iter().zip(kept).filter(|(_, kept)| *kept).map(|(ms, _)| format_time(*ms)).collect();
        assert_eq!(
            left,
            [
                "2026-02-28 14:00", // newest of February
                "2026-03-31 14:00", // newest of March
                "2026-04-05 14:00", // newest of the week before (Sunday)
                "2026-04-08 14:00",
                "2026-04-09 14:00",
                "2026-04-10 14:00",
            ]
        );
    }

    #[test]
    fn times_are_due_by_day_and_by_week() {
        let daily = When::parse("daily 02:30").unwrap();
        assert_eq!(format_time(daily.last_due(at("2026-11-21T02:29:59Z"))), "2026-11-20 02:30");
        assert_eq!(format_time(daily.last_due(at("2026-11-21T02:30:00Z"))), "2026-11-21 02:30");
        let weekly = When::parse("weekly Sun 03:00").unwrap();
        // 2026-11-21 is a Saturday.
        assert_eq!(format_time(weekly.last_due(at("2026-11-21T12:00:00Z"))), "2026-11-15 03:00");
        assert_eq!(format_time(weekly.next_due(at("2026-11-21T12:00:00Z"))), "2026-11-22 03:00");
        assert_eq!(format_time(weekly.last_due(at("2026-11-22T03:00:00Z"))), "2026-11-22 03:00");
        assert_eq!(weekly.to_string(), "weekly sun 03:00");
        for wrong in
            ["", "daily", "daily 24:00", "daily 2:3", "weekly 02:00", "weekly xyz 02:00", "hourly 02:00"]
        {
            assert_eq!(When::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_newest_is_always_kept_and_more_keeps_more(times in prop::collection::vec(0u64..4_000_000_000_000, 1..60), a in 0u32..9, b in 0u32..9, c in 0u32..9, d in 0u32..9) {
            let keep = Keep { last: a, daily: b, weekly: c, monthly: d };
            let kept = keep.kept(&times);
            let newest = times.iter().max().unwrap();
            prop_assert!(times.iter().zip(&kept).any(|(ms, kept)| ms == newest && *kept));
            prop_assert!(kept.iter().filter(|kept| **kept).count() <= 1.max((a + b + c + d) as usize));
            let more = Keep { daily: b + 1, ..keep }.kept(&times);
            prop_assert!(kept.iter().zip(&more).all(|(less, more)| !less || *more));
        }

        #[test]
        fn months_follow_the_calendar(ms in 0u64..4_000_000_000_000) {
            let text = format_time(ms);
            let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
            prop_assert_eq!(month(ms), number(0..4) * 12 + number(5..7) - 3);
        }

        #[test]
        fn what_is_due_was_due_and_the_next_is_to_come(ms in 1_000_000_000_000u64..4_000_000_000_000, day in 0u8..8, minute in 0u16..1440) {
            let when = When { weekday: (day < 7).then_some(day), minute };
            prop_assert!(when.last_due(ms) <= ms && when.next_due(ms) > ms);
            prop_assert_eq!(when.last_due(when.last_due(ms)), when.last_due(ms));
            prop_assert_eq!(When::parse(&when.to_string()), Some(when));
        }
    }
}
