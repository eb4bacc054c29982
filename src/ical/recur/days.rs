//! Day numbers: the proleptic Gregorian calendar as whole numbers, because an expansion does little else than count.
//!
//! A day is counted from 1970-01-01, a stamp is a wall-clock time in seconds from that day's midnight. Neither knows
//! a zone.

use jiff::civil::Date;
use jiff::civil::DateTime;

/// Seconds of one day.
pub const DAY: i64 = 86_400;

/// The last day a calendar can name: 9999-12-31.
pub const LAST_DAY: i64 = 2_932_896;

/// A day with its place in month and year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: i64,
    /// Day of the month, from 1.
    pub day: i64,
}

/// The number of a civil day.
pub const fn number(civil: Civil) -> i64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if civil.month <= 2 { civil.year - 1 } else { civil.year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((civil.month + 9) % 12) + 2) / 5 + civil.day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The civil day of a number.
pub const fn civil(day: i64) -> Civil {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    Civil { year, month, day }
}

/// The first day of a month, which may lie outside 1 to 12.
pub const fn month_start(year: i64, month: i64) -> i64 {
    let index = year * 12 + month - 1;
    number(Civil { year: index.div_euclid(12), month: index.rem_euclid(12) + 1, day: 1 })
}

/// How many days a year has.
pub const fn year_length(year: i64) -> i64 {
    month_start(year + 1, 1) - month_start(year, 1)
}

/// The day of the week, Monday 0.
pub const fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// The first day of the week that holds `day`, for weeks that begin on `week_start`.
pub const fn week_start(day: i64, week_start: i64) -> i64 {
    day - (weekday(day) - week_start).rem_euclid(7)
}

/// The number of the week that holds `day`, and how many weeks that week's year has (ISO 8601 generalised to any first
/// day of the week: a week belongs to the year that has at least four of its days).
pub const fn week_number(day: i64, first: i64) -> (i64, i64) {
    let fourth = week_start(day, first) + 3;
    let year = civil(fourth).year;
    let of_year = fourth - month_start(year, 1);
    let weeks = (year_length(year) - 1 - of_year % 7) / 7 + 1;
    (of_year / 7 + 1, weeks)
}

/// The stamp of a wall-clock time, whole seconds.
pub fn stamp(wall: DateTime) -> i64 {
    let civil = Civil { year: i64::from(wall.year()), month: i64::from(wall.month()), day: i64::from(wall.day()) };
    number(civil) * DAY + i64::from(wall.hour()) * 3600 + i64::from(wall.minute()) * 60 + i64::from(wall.second())
}

/// The wall-clock time of a stamp; `None` outside the years jiff knows.
pub fn wall(stamp: i64) -> Option<DateTime> {
    let day = civil(stamp.div_euclid(DAY));
    let second = stamp.rem_euclid(DAY);
    let date = Date::new(i16::try_from(day.year).ok()?, narrow(day.month), narrow(day.day)).ok()?;
    Some(date.at(narrow(second / 3600), narrow(second / 60 % 60), narrow(second % 60), 0))
}

fn narrow(value: i64) -> i8 {
    i8::try_from(value).unwrap_or(i8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_numbers_agree_with_jiff_for_every_day_of_five_centuries() {
        let mut date = jiff::civil::date(1801, 1, 1);
        let mut day = number(Civil { year: 1801, month: 1, day: 1 });
        while date.year() < 2301 {
            let back = civil(day);
            assert_eq!((i64::from(date.year()), i64::from(date.month()), i64::from(date.day())), {
                (back.year, back.month, back.day)
            });
            assert_eq!(weekday(day), i64::from(date.weekday().to_monday_zero_offset()));
            let iso = date.iso_week_date();
            assert_eq!(week_number(day, 0), (i64::from(iso.week()), i64::from(iso.weeks_in_year())), "{date}");
            assert_eq!(stamp(date.at(1, 2, 3, 0)), day * DAY + 3723);
            assert_eq!(wall(day * DAY + 3723), Some(date.at(1, 2, 3, 0)));
            date = date.tomorrow().unwrap();
            day += 1;
        }
        assert_eq!(civil(LAST_DAY), Civil { year: 9999, month: 12, day: 31 });
    }
}
