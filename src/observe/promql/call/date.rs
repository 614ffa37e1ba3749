//! Times as dates, in UTC.

/// A second, taken apart (Gregorian calendar, in both directions).
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Moment {
    year: i64,
    /// 1 to 12.
    month: i64,
    day: i64,
    /// 1 to 366.
    day_of_year: i64,
    /// From Sunday, 0.
    weekday: i64,
    hour: i64,
    minute: i64,
}

const DAY: i64 = 86_400;
/// Days of 400 years.
const ERA: i64 = 146_097;

impl Moment {
    /// Seconds since 1970; what is beyond some millions of years is cut to that.
    pub(super) fn of(seconds: f64) -> Self {
        // Far more than any clock shows, and far from overflowing.
        const MOST: f64 = 1e14;
        #[allow(clippy::cast_possible_truncation)] // bounded; NaN is 0
        let seconds = seconds.clamp(-MOST, MOST) as i64;
        let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        // Years that begin in March end with the leap day: every month then begins on a fixed day.
        let shifted = days + 719_468;
        let (era, day) = (shifted.div_euclid(ERA), shifted.rem_euclid(ERA));
        let year_of_era = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
        let day_of_march_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_march_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let leap = i64::from(is_leap(year));
        let day_of_year = if month > 2 { day_of_march_year + 60 + leap } else { day_of_march_year - 305 };
        Self {
            year,
            month,
            day: day_of_march_year - (153 * month_from_march + 2) / 5 + 1,
            day_of_year,
            weekday: (days + 4).rem_euclid(7),
            hour: second / 3600,
            minute: second / 60 % 60,
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[allow(clippy::cast_precision_loss)] // small numbers, all of them
fn number(value: i64) -> f64 {
    value as f64
}

pub(in super::super) fn year(moment: &Moment) -> f64 {
    number(moment.year)
}

pub(in super::super) fn month(moment: &Moment) -> f64 {
    number(moment.month)
}

pub(in super::super) fn day_of_month(moment: &Moment) -> f64 {
    number(moment.day)
}

pub(in super::super) fn day_of_year(moment: &Moment) -> f64 {
    number(moment.day_of_year)
}

pub(in super::super) fn day_of_week(moment: &Moment) -> f64 {
    number(moment.weekday)
}

pub(in super::super) fn days_in_month(moment: &Moment) -> f64 {
    number(match moment.month {
        2 => 28 + i64::from(is_leap(moment.year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    })
}

pub(in super::super) fn hour(moment: &Moment) -> f64 {
    number(moment.hour)
}

pub(in super::super) fn minute(moment: &Moment) -> f64 {
    number(moment.minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(seconds: f64) -> [i64; 7] {
        let m = Moment::of(seconds);
        [m.year, m.month, m.day, m.day_of_year, m.weekday, m.hour, m.minute]
    }

    #[test]
    fn dates_of_known_seconds() {
        assert_eq!(parts(0.0), [1970, 1, 1, 1, 4, 0, 0]);
        assert_eq!(parts(1_136_239_445.0), [2006, 1, 2, 2, 1, 22, 4]);
        assert_eq!(parts(1_456_790_399.0), [2016, 2, 29, 60, 1, 23, 59]);
        assert_eq!(parts(1_456_790_400.0), [2016, 3, 1, 61, 2, 0, 0]);
        assert_eq!(parts(1_483_191_420.0)[3], 366);
        assert_eq!(parts(-1.0), [1969, 12, 31, 365, 3, 23, 59]);
        assert_eq!(parts(951_782_400.0), [2000, 2, 29, 60, 2, 0, 0]);
    }

    #[test]
    fn any_float_is_some_date() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            let moment = Moment::of(value);
            assert!((1..=12).contains(&moment.month) && (1..=31).contains(&moment.day));
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut before = Moment::of(-1.0);
        for day in 0..ERA {
            let now = Moment::of(number(day * DAY));
            let next_month = now.day == 1 && before.day == days_in_month(&before) as i64;
            let next_year =
                now.day_of_year == 1 && before.day_of_year == 365 + i64::from(is_leap(before.year));
            assert!(now.day == before.day + 1 || next_month, "{before:?} {now:?}");
            assert!(now.day_of_year == before.day_of_year + 1 || next_year, "{before:?} {now:?}");
            before = now;
        }
    }
}
