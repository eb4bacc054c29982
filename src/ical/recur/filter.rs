//! The BY parts that look at a day: BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY and BYDAY (RFC 5545, 3.3.10).

use super::days::Civil;
use super::days::civil;
use super::days::month_start;
use super::days::week_number;
use super::days::weekday;
use super::days::year_length;
use crate::model::Frequency;
use crate::model::Rule;
use crate::model::Weekday;

/// The BY parts that look at a day. A mask of 0 lets every day pass.
#[derive(Debug, Default)]
pub struct DayFilter {
    /// First day of the week, Monday 0.
    pub week_start: i64,
    /// BYMONTH, one bit a month.
    pub months: u16,
    weeks: u64,
    weeks_from_end: u64,
    year_days: Vec<i64>,
    month_days: u32,
    month_days_from_end: u32,
    weekdays: u8,
    ordinals: Vec<(i64, i64)>,
    /// Whether ordinals count inside the month; otherwise inside the year.
    in_month: bool,
}

/// Where a month lies, computed once for its days.
pub struct Place {
    month: i64,
    /// First day of the month.
    pub month_start: i64,
    /// How many days the month has.
    pub month_length: i64,
    year_start: i64,
    year_length: i64,
}

impl Place {
    /// The place of a month, 1 to 12.
    pub const fn of_month(year: i64, month: i64) -> Self {
        let start = month_start(year, month);
        Self {
            month,
            month_start: start,
            month_length: month_start(year, month + 1) - start,
            year_start: month_start(year, 1),
            year_length: year_length(year),
        }
    }
}

impl DayFilter {
    /// The filters of a rule, with what it leaves open taken from DTSTART (RFC 5545, 3.3.10, last paragraphs).
    pub fn new(rule: &Rule, start: Civil, start_weekday: i64) -> Self {
        let mut filter = Self {
            week_start: index(rule.week_start),
            months: rule.by_month.iter().fold(0, |mask, month| mask | month_bit(i64::from(*month))),
            year_days: rule.by_year_day.iter().map(|day| i64::from(*day)).collect(),
            in_month: rule.freq == Frequency::Monthly || !rule.by_month.is_empty(),
            ..Self::default()
        };
        for week in &rule.by_week_no {
            let mask = if *week > 0 { &mut filter.weeks } else { &mut filter.weeks_from_end };
            *mask |= 1 << week.unsigned_abs().min(63);
        }
        for day in &rule.by_month_day {
            let mask = if *day > 0 { &mut filter.month_days } else { &mut filter.month_days_from_end };
            *mask |= bit(i64::from(day.unsigned_abs()));
        }
        for day in &rule.by_day {
            match day.ordinal {
                None => filter.weekdays |= 1 << index(day.day),
                Some(ordinal) => filter.ordinals.push((i64::from(ordinal), index(day.day))),
            }
        }
        filter.derive(rule.freq, start, start_weekday);
        filter
    }

    fn derive(&mut self, freq: Frequency, start: Civil, start_weekday: i64) {
        let no_weekday = self.weekdays == 0 && self.ordinals.is_empty();
        let no_month_day = self.month_days == 0 && self.month_days_from_end == 0;
        let no_week = self.weeks == 0 && self.weeks_from_end == 0;
        if !no_weekday || !no_month_day || !self.year_days.is_empty() {
            return;
        }
        match freq {
            Frequency::Hourly | Frequency::Daily => {}
            Frequency::Weekly => self.weekdays = 1 << start_weekday,
            Frequency::Yearly if !no_week => self.weekdays = 1 << start_weekday,
            Frequency::Monthly => self.month_days = bit(start.day),
            Frequency::Yearly => {
                self.month_days = bit(start.day);
                if self.months == 0 {
                    self.months = month_bit(start.month);
                }
            }
        }
    }

    /// Whether a day passes all parts.
    pub fn passes(&self, day: i64) -> bool {
        if self.only_weekdays() {
            return self.weekdays == 0 || self.weekdays & (1 << weekday(day)) != 0;
        }
        let date = civil(day);
        let place = Place::of_month(date.year, date.month);
        self.accepts(day, &place, date.day)
    }

    /// Whether no part but BYDAY without numbers looks at the day.
    const fn only_weekdays(&self) -> bool {
        self.months == 0
            && self.month_days == 0
            && self.month_days_from_end == 0
            && self.weeks == 0
            && self.weeks_from_end == 0
            && self.year_days.is_empty()
            && self.ordinals.is_empty()
    }

    /// Whether a day passes, its place being known.
    pub fn accepts(&self, day: i64, place: &Place, of_month: i64) -> bool {
        (self.months == 0 || self.months & month_bit(place.month) != 0)
            && self.accepts_month_day(place, of_month)
            && self.accepts_weekday(day, place, of_month)
            && self.accepts_year_day(day, place)
            && self.accepts_week(day)
    }

    const fn accepts_month_day(&self, place: &Place, of_month: i64) -> bool {
        (self.month_days == 0 && self.month_days_from_end == 0)
            || self.month_days & bit(of_month) != 0
            || self.month_days_from_end & bit(place.month_length - of_month + 1) != 0
    }

    fn accepts_weekday(&self, day: i64, place: &Place, of_month: i64) -> bool {
        if self.weekdays == 0 && self.ordinals.is_empty() {
            return true;
        }
        let today = weekday(day);
        if self.weekdays & (1 << today) != 0 {
            return true;
        }
        let of_year = day - place.year_start + 1;
        let (at, length) = if self.in_month { (of_month, place.month_length) } else { (of_year, place.year_length) };
        let (nth, nth_last) = ((at - 1) / 7 + 1, -((length - at) / 7 + 1));
        self.ordinals.iter().any(|(ordinal, on)| *on == today && (*ordinal == nth || *ordinal == nth_last))
    }

    fn accepts_year_day(&self, day: i64, place: &Place) -> bool {
        let of_year = day - place.year_start + 1;
        self.year_days.is_empty()
            || self.year_days.iter().any(|wanted| *wanted == of_year || *wanted == of_year - place.year_length - 1)
    }

    const fn accepts_week(&self, day: i64) -> bool {
        if self.weeks == 0 && self.weeks_from_end == 0 {
            return true;
        }
        let (week, weeks) = week_number(day, self.week_start);
        self.weeks & (1 << week) != 0 || self.weeks_from_end & (1 << (weeks - week + 1)) != 0
    }

    /// How many days of every whole period pass, where that is the same number for all of them.
    pub fn fixed_count(&self, freq: Frequency) -> Option<i64> {
        let days = i64::from(self.month_days.count_ones());
        match freq {
            Frequency::Hourly | Frequency::Daily => (self.only_weekdays() && self.weekdays == 0).then_some(1),
            Frequency::Weekly => self.only_weekdays().then_some(i64::from(self.weekdays.count_ones())),
            Frequency::Monthly => (self.months == 0 && self.only_early_month_days()).then_some(days),
            Frequency::Yearly => {
                let months = i64::from(self.months.count_ones());
                (months > 0 && self.only_early_month_days()).then_some(days * months)
            }
        }
    }

    /// Whether nothing but days that every month has (1 to 28) picks the days of a month.
    const fn only_early_month_days(&self) -> bool {
        self.month_days != 0
            && self.month_days >> 29 == 0
            && self.month_days_from_end == 0
            && self.weekdays == 0
            && self.weeks == 0
            && self.weeks_from_end == 0
            && self.year_days.is_empty()
            && self.ordinals.is_empty()
    }
}

fn index(day: Weekday) -> i64 {
    Weekday::ALL.iter().position(|other| *other == day).map_or(0, |at| i64::try_from(at).unwrap_or(0))
}

/// One bit of a mask; 0 outside it.
pub const fn bit(place: i64) -> u32 {
    if place >= 0 && place < 32 { 1 << place } else { 0 }
}

/// The bit of a month, 1 to 12.
pub const fn month_bit(month: i64) -> u16 {
    if month >= 1 && month <= 12 { 1 << month } else { 0 }
}
