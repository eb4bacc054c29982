//! A rule made ready for expansion: the starts of any one period of the rule, without walking there from DTSTART
//! (RFC 5545, 3.3.10).
//!
//! Every frequency works the same way. Its periods (hours, days, weeks, months, years) are numbered from the one that
//! holds DTSTART, INTERVAL apart; one period's days pass through the BY filters, get the times of the day, and BYSETPOS
//! picks from the result. Since a period does not depend on the ones before it, a query may begin at any of them.

use super::days::DAY;
use super::days::LAST_DAY;
use super::days::civil;
use super::days::month_start;
use super::days::week_start;
use super::days::weekday;
use super::filter::DayFilter;
use super::filter::Place;
use super::filter::bit;
use super::filter::month_bit;
use crate::model::Frequency;
use crate::model::Rule;
use crate::model::RuleEnd;

/// A rule with its DTSTART, lists turned into masks, and the parts that RFC 5545 derives from DTSTART filled in.
#[derive(Debug)]
pub struct Plan {
    freq: Frequency,
    interval: i64,
    first: i64,
    start: i64,
    until: i64,
    count: Option<u64>,
    days: DayFilter,
    hours: u32,
    times: Vec<i64>,
    set_pos: Vec<i64>,
}

/// What one period gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The next period that can hold anything.
    pub next: i64,
    /// How many days were looked at, and how many starts BYSETPOS had to pick from.
    pub cost: usize,
}

impl Plan {
    /// A rule that starts at the stamp `start`.
    pub fn new(rule: &Rule, start: i64) -> Self {
        let mut plan = Self {
            freq: rule.freq,
            interval: i64::from(rule.interval.max(1)),
            first: 0,
            start,
            until: i64::MAX,
            count: None,
            days: DayFilter::new(rule, civil(start.div_euclid(DAY)), weekday(start.div_euclid(DAY))),
            hours: rule.by_hour.iter().fold(0, |mask, hour| mask | bit(i64::from(*hour))),
            times: times(rule, start.rem_euclid(DAY)),
            set_pos: rule.by_set_pos.iter().map(|pos| i64::from(*pos)).collect(),
        };
        if rule.freq == Frequency::Weekly {
            plan.interval *= 7;
        }
        plan.first = plan.period_of(start);
        match rule.end {
            RuleEnd::Never => {}
            RuleEnd::Count(count) => plan.count = Some(u64::from(count)),
            RuleEnd::Until(until) => plan.until = super::days::stamp(until),
        }
        plan
    }

    /// The last stamp UNTIL allows; the end of all time without UNTIL.
    pub const fn until(&self) -> i64 {
        self.until
    }

    /// COUNT.
    pub const fn count(&self) -> Option<u64> {
        self.count
    }

    /// The last period that can hold a start at or before `stamp`; 0 for everything before DTSTART.
    pub fn index_at(&self, stamp: i64) -> i64 {
        (self.period_of(stamp.max(self.start)) - self.first).div_euclid(self.interval)
    }

    /// Puts the starts of period `index` into `out`, sorted. Starts before DTSTART and after UNTIL are among them.
    /// `None` when the period lies after the year 9999.
    pub fn fill(&self, index: i64, out: &mut Vec<i64>) -> Option<Filled> {
        out.clear();
        let period = self.interval.checked_mul(index)?.checked_add(self.first)?;
        let mut filled = Filled { next: index + 1, cost: 1 };
        match self.freq {
            Frequency::Hourly => self.fill_hour(period, &mut filled, out)?,
            Frequency::Daily => self.fill_day(period, &mut filled, out)?,
            Frequency::Weekly => self.fill_days(period, period.checked_add(7)?, &mut filled, out)?,
            Frequency::Monthly => self.fill_month(period, &mut filled, out)?,
            Frequency::Yearly => self.fill_year(period, &mut filled, out)?,
        }
        filled.cost += out.len();
        self.pick(out);
        Some(filled)
    }

    /// How many starts every whole period has, where that is the same number for all of them.
    pub fn per_period(&self) -> Option<u64> {
        let days = self.days.fixed_count(self.freq)?;
        if self.hours != 0 && self.freq == Frequency::Hourly {
            return None;
        }
        let size = days * i64::try_from(self.times.len()).ok()?;
        if self.set_pos.is_empty() {
            return u64::try_from(size).ok();
        }
        let mut picked: Vec<i64> = (1..=size).collect();
        self.pick(&mut picked);
        u64::try_from(picked.len()).ok()
    }

    fn period_of(&self, stamp: i64) -> i64 {
        let day = stamp.div_euclid(DAY);
        match self.freq {
            Frequency::Hourly => stamp.div_euclid(3600),
            Frequency::Daily => day,
            // Weeks are counted in days, so that period and first day are the same number.
            Frequency::Weekly => week_start(day, self.days.week_start),
            Frequency::Monthly => civil(day).year * 12 + civil(day).month - 1,
            Frequency::Yearly => civil(day).year,
        }
    }

    fn fill_hour(&self, hour: i64, filled: &mut Filled, out: &mut Vec<i64>) -> Option<()> {
        let day = within(hour.div_euclid(24))?;
        if !self.days.passes(day) {
            filled.next = filled.next.max(self.index_from((day + 1) * 24));
        } else if self.hours == 0 || self.hours & bit(hour.rem_euclid(24)) != 0 {
            out.extend(self.times.iter().map(|time| hour * 3600 + time));
        }
        Some(())
    }

    fn fill_day(&self, day: i64, filled: &mut Filled, out: &mut Vec<i64>) -> Option<()> {
        let date = civil(within(day)?);
        if self.days.months != 0 && self.days.months & month_bit(date.month) == 0 {
            filled.next = filled.next.max(self.index_from(month_start(date.year, date.month + 1)));
        } else if self.days.passes(day) {
            self.push(day, out);
        }
        Some(())
    }

    fn fill_days(&self, from: i64, to: i64, filled: &mut Filled, out: &mut Vec<i64>) -> Option<()> {
        within(from)?;
        for day in from..to.min(LAST_DAY + 1) {
            if self.days.passes(day) {
                self.push(day, out);
            }
        }
        filled.cost += 7;
        Some(())
    }

    fn fill_month(&self, month: i64, filled: &mut Filled, out: &mut Vec<i64>) -> Option<()> {
        let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
        within_year(year)?;
        if self.days.months != 0 && self.days.months & month_bit(month) == 0 {
            return Some(());
        }
        let place = Place::of_month(year, month);
        for day in 1..=place.month_length {
            let at = place.month_start + day - 1;
            if self.days.accepts(at, &place, day) {
                self.push(at, out);
            }
        }
        filled.cost += 31;
        Some(())
    }

    fn fill_year(&self, year: i64, filled: &mut Filled, out: &mut Vec<i64>) -> Option<()> {
        within_year(year)?;
        for month in 1..=12 {
            self.fill_month(year * 12 + month - 1, filled, out)?;
        }
        Some(())
    }

    /// The first index whose period is `period` or later.
    fn index_from(&self, period: i64) -> i64 {
        let ahead = period - self.first;
        ahead.div_euclid(self.interval) + i64::from(ahead.rem_euclid(self.interval) != 0)
    }

    fn push(&self, day: i64, out: &mut Vec<i64>) {
        out.extend(self.times.iter().map(|time| day * DAY + time));
    }

    /// Keeps the positions BYSETPOS names.
    fn pick(&self, set: &mut Vec<i64>) {
        if self.set_pos.is_empty() {
            return;
        }
        let size = i64::try_from(set.len()).unwrap_or(i64::MAX);
        let from_start = |pos: i64| if pos > 0 { pos - 1 } else { size + pos };
        let mut places: Vec<usize> =
            self.set_pos.iter().filter_map(|pos| usize::try_from(from_start(*pos)).ok()).collect();
        places.sort_unstable();
        places.dedup();
        *set = places.into_iter().filter_map(|place| set.get(place).copied()).collect();
    }
}

/// The times of a day in seconds, or of an hour for FREQ=HOURLY; sorted.
fn times(rule: &Rule, start: i64) -> Vec<i64> {
    let or_start = |list: &[i8], own: i64| -> Vec<i64> {
        if list.is_empty() { vec![own] } else { list.iter().map(|value| i64::from(*value)).collect() }
    };
    let hours = if rule.freq == Frequency::Hourly { vec![0] } else { or_start(&rule.by_hour, start / 3600) };
    let minutes = or_start(&rule.by_minute, start / 60 % 60);
    let seconds = or_start(&rule.by_second, start % 60);
    let mut times = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
    for hour in &hours {
        for minute in &minutes {
            times.extend(seconds.iter().map(|second| hour * 3600 + minute * 60 + second));
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}

const fn within(day: i64) -> Option<i64> {
    if day <= LAST_DAY { Some(day) } else { None }
}

const fn within_year(year: i64) -> Option<i64> {
    if year <= 9999 { Some(year) } else { None }
}
