//! RRULE to and from Graph's `patternedRecurrence`: only what means the same dates on both sides, never the nearest fit.
//!
//! The one trap is the short month: Exchange moves day 29, 30 or 31 to the last day of a month that has no such day,
//! RFC 5545 leaves that month out. Graph's reading has an exact RRULE (`BYMONTHDAY=28,29,30;BYSETPOS=-1`), most rules
//! with such days have no Graph form.

#[cfg(test)]
mod tests;
mod wire;

use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::ical::zone;
use crate::model::EventTime;
use crate::model::Frequency;
use crate::model::Recurrence;
use crate::model::Rule;
use crate::model::RuleEnd;
use crate::model::Weekday;
use crate::model::WeekdayNum;
use crate::model::ZoneId;
use jiff::civil::DateTime;
use jiff::civil::date;
pub use wire::Day;
pub use wire::PatternType;
pub use wire::PatternedRecurrence;
pub use wire::RangeType;
pub use wire::RecurrencePattern;
pub use wire::RecurrenceRange;
pub use wire::WeekIndex;

/// Why a recurrence set cannot be told to Graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Microsoft 365 cannot hold this series: {part} {why}.")]
pub struct NoGraphForm {
    /// The iCalendar property or rule part that stands in the way.
    pub part: &'static str,
    /// What is wrong with it; the rest of the sentence.
    pub why: &'static str,
}

/// Why a `patternedRecurrence` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recurrence from Microsoft Graph cannot be read: {member} {why}")]
pub struct UnreadableRecurrence {
    /// The JSON member.
    pub member: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

const BUDGET: Budget = Budget { candidates: 200_000, instances: 20_000 };

/// The Graph form of a recurrence set; EXDATEs are written as deletions afterwards and do not count here.
pub fn to_graph(when: &EventTime, recurrence: &Recurrence) -> Result<PatternedRecurrence, NoGraphForm> {
    if !recurrence.rdates.is_empty() {
        return Err(no("RDATE", "adds single dates, which a series there cannot have"));
    }
    let rule = recurrence.rule.as_ref().ok_or_else(|| no("RRULE", "is missing"))?;
    let start = when.wall_start();
    check_times(rule, start)?;
    check_interval(rule)?;
    let pattern = pattern(rule, start)?;
    if !recur::rule_starts(rule, start, (start, start), &BUDGET).is_ok_and(|starts| starts.contains(&start)) {
        return Err(no("DTSTART", "is not a date of the rule; move it to the first one"));
    }
    Ok(PatternedRecurrence { pattern, range: range(rule, when)? })
}

/// The rule a `patternedRecurrence` stands for. `when` is the master's own time, told in [`zone_of`] the recurrence.
pub fn from_graph(graph: &PatternedRecurrence, when: &EventTime) -> Result<Rule, UnreadableRecurrence> {
    let (pattern, start) = (&graph.pattern, when.wall_start());
    let mut rule = Rule::every(match pattern.kind {
        PatternType::Daily => Frequency::Daily,
        PatternType::Weekly => Frequency::Weekly,
        PatternType::AbsoluteMonthly | PatternType::RelativeMonthly => Frequency::Monthly,
        PatternType::AbsoluteYearly | PatternType::RelativeYearly => Frequency::Yearly,
    });
    rule.interval = u32::try_from(pattern.interval.unwrap_or(1))
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| unreadable("pattern.interval", "must be at least 1"))?;
    let month = pattern.month.filter(|month| *month != 0).unwrap_or(i64::from(start.month()));
    let month = i8::try_from(month)
        .ok()
        .filter(|month| (1..=12).contains(month))
        .ok_or_else(|| unreadable("pattern.month", "must be from 1 to 12"));
    match pattern.kind {
        PatternType::Daily => {}
        PatternType::Weekly => {
            rule.week_start = pattern.first_day_of_week.map_or(Weekday::Sunday, |day| day.0);
            rule.by_day = plain_days(pattern, start);
        }
        PatternType::AbsoluteMonthly => read_month_day(&mut rule, day_of_month(pattern, start)?, 31),
        PatternType::RelativeMonthly => read_relative(&mut rule, pattern)?,
        PatternType::AbsoluteYearly => {
            let month = month?;
            rule.by_month = vec![month];
            read_month_day(&mut rule, day_of_month(pattern, start)?, longest(month));
        }
        PatternType::RelativeYearly => {
            rule.by_month = vec![month?];
            read_relative(&mut rule, pattern)?;
        }
    }
    rule.end = read_end(&graph.range, start)?;
    Ok(rule)
}

/// The zone a recurrence is told in, by Windows or IANA name; `None` where Graph left it out or the name is unknown.
pub fn zone_of(graph: &PatternedRecurrence) -> Option<ZoneId> {
    zone::resolve(graph.range.recurrence_time_zone.as_deref()?, None, None)
}

/// BYHOUR, BYMINUTE and BYSECOND may only repeat what DTSTART says.
fn check_times(rule: &Rule, start: DateTime) -> Result<(), NoGraphForm> {
    const WHY: &str = "names other times than the start; an instance there starts at one time of the day";
    for (part, list, own) in [
        ("BYHOUR", &rule.by_hour, start.hour()),
        ("BYMINUTE", &rule.by_minute, start.minute()),
        ("BYSECOND", &rule.by_second, start.second()),
    ] {
        if !list.is_empty() && *list != [own] {
            return Err(no(part, WHY));
        }
    }
    Ok(())
}

/// Exchange bounds the distance between two instances; beyond it, the instances themselves are exact.
fn check_interval(rule: &Rule) -> Result<(), NoGraphForm> {
    let most = if rule.freq == Frequency::Daily { 999 } else { 99 };
    if rule.interval > most { Err(no("INTERVAL", "is longer than a series there may have")) } else { Ok(()) }
}

fn pattern(rule: &Rule, start: DateTime) -> Result<RecurrencePattern, NoGraphForm> {
    const OTHER: &str = "has no counterpart for this frequency";
    let absent = |part: &'static str, empty: bool| if empty { Ok(()) } else { Err(no(part, OTHER)) };
    absent("BYWEEKNO", rule.by_week_no.is_empty())?;
    absent("BYYEARDAY", rule.by_year_day.is_empty())?;
    if matches!(rule.freq, Frequency::Daily | Frequency::Weekly) {
        absent("BYMONTHDAY", rule.by_month_day.is_empty())?;
        absent("BYSETPOS", rule.by_set_pos.is_empty())?;
    }
    if rule.freq != Frequency::Yearly {
        absent("BYMONTH", rule.by_month.is_empty())?;
    }
    match rule.freq {
        Frequency::Hourly => Err(no("FREQ", "may not be finer than DAILY")),
        Frequency::Daily if rule.by_day.is_empty() => Ok(RecurrencePattern::new(PatternType::Daily, rule.interval)),
        Frequency::Daily if rule.interval > 1 => Err(no("BYDAY", "cannot stand beside an INTERVAL of days")),
        Frequency::Daily | Frequency::Weekly => weekly(rule, start),
        Frequency::Monthly if rule.by_day.is_empty() => {
            let mut pattern = RecurrencePattern::new(PatternType::AbsoluteMonthly, rule.interval);
            pattern.day_of_month = Some(month_day(rule, start, 28)?);
            Ok(pattern)
        }
        Frequency::Monthly => relative(rule, PatternType::RelativeMonthly),
        Frequency::Yearly => yearly(rule, start),
    }
}

fn weekly(rule: &Rule, start: DateTime) -> Result<RecurrencePattern, NoGraphForm> {
    let mut pattern = RecurrencePattern::new(PatternType::Weekly, rule.interval);
    if rule.by_day.iter().any(|day| day.ordinal.is_some()) {
        return Err(no("BYDAY", "may not carry a number in a weekly series"));
    }
    pattern.days_of_week = rule.by_day.iter().map(|day| Day(day.day)).collect();
    if pattern.days_of_week.is_empty() {
        pattern.days_of_week.push(Day(Weekday::from_jiff(start.weekday())));
    }
    // Graph's own default is Sunday, that of RFC 5545 Monday.
    pattern.first_day_of_week = Some(Day(rule.week_start));
    Ok(pattern)
}

fn yearly(rule: &Rule, start: DateTime) -> Result<RecurrencePattern, NoGraphForm> {
    let month = match (&rule.by_month[..], rule.by_day.is_empty()) {
        ([month], _) => *month,
        ([], true) if rule.by_month_day.is_empty() => start.month(),
        ([], true) => return Err(no("BYMONTHDAY", "needs a BYMONTH in a yearly series")),
        ([], false) => return Err(no("BYDAY", "needs a BYMONTH in a yearly series")),
        _ => return Err(no("BYMONTH", "may name one month only")),
    };
    let mut pattern = if rule.by_day.is_empty() {
        let mut pattern = RecurrencePattern::new(PatternType::AbsoluteYearly, rule.interval);
        pattern.day_of_month = Some(month_day(rule, start, if month == 2 { 28 } else { longest(month) })?);
        pattern
    } else {
        relative(rule, PatternType::RelativeYearly)?
    };
    pattern.month = Some(i64::from(month));
    Ok(pattern)
}

/// `dayOfMonth` of a rule without BYDAY. Days up to `safe` exist in every period.
fn month_day(rule: &Rule, start: DateTime, safe: i8) -> Result<i64, NoGraphForm> {
    const SKIPS: &str =
        "names a day that some months lack; such months are skipped here, but moved to their last day there";
    let (days, positions) = (&rule.by_month_day[..], &rule.by_set_pos[..]);
    let february = rule.freq == Frequency::Yearly && rule.by_month == [2];
    match (days, positions) {
        // "The last of these days that the month has" is what Exchange means by the last one listed.
        ([28, 29], [-1]) if february || rule.freq == Frequency::Monthly => Ok(29),
        ([28, 29, 30], [-1]) if rule.freq == Frequency::Monthly => Ok(30),
        ([28, 29, 30, 31] | [-1], [-1]) | ([-1], []) if rule.freq == Frequency::Monthly => Ok(31),
        (_, [_, ..]) => Err(no("BYSETPOS", "has no counterpart beside these days of the month")),
        ([_, _, ..], []) => Err(no("BYMONTHDAY", "may name one day only; make one series of each day")),
        ([day], []) if *day < 0 => {
            Err(no("BYMONTHDAY", "may not count from the end of the month, but for the last day of every month"))
        }
        ([] | [_], []) => {
            let day = days.first().copied().unwrap_or(start.day());
            if day <= safe || never_skips(rule, start) { Ok(i64::from(day)) } else { Err(no("BYMONTHDAY", SKIPS)) }
        }
    }
}

/// Whether a series that ends has an instance in every period up to its last one.
fn never_skips(rule: &Rule, start: DateTime) -> bool {
    let Some(last) = recur::last_rule_start(rule, start, &BUDGET).filter(|_| rule.end != RuleEnd::Never) else {
        return false;
    };
    let Ok(starts) = recur::rule_starts(rule, start, (start, last), &BUDGET) else { return false };
    let months = i64::from(last.year() - start.year()) * 12 + i64::from(last.month() - start.month());
    let step = i64::from(rule.interval) * if rule.freq == Frequency::Yearly { 12 } else { 1 };
    i64::try_from(starts.len()) == Ok(months / step + 1)
}

/// A day by its place in the month.
fn relative(rule: &Rule, kind: PatternType) -> Result<RecurrencePattern, NoGraphForm> {
    if !rule.by_month_day.is_empty() {
        return Err(no("BYMONTHDAY", "cannot stand beside BYDAY"));
    }
    let mut pattern = RecurrencePattern::new(kind, rule.interval);
    let numbered = rule.by_day.iter().any(|day| day.ordinal.is_some());
    let position = match (&rule.by_day[..], &rule.by_set_pos[..]) {
        ([WeekdayNum { ordinal: Some(ordinal), .. }], []) => i16::from(*ordinal),
        (_, [position]) if !numbered => *position,
        (_, [_, _, ..]) if !numbered => return Err(no("BYSETPOS", "may name one position only")),
        (_, []) if !numbered => return Err(no("BYDAY", "means several days of a month")),
        _ => return Err(no("BYDAY", "may carry one number only, and none beside BYSETPOS")),
    };
    let part = if numbered { "BYDAY" } else { "BYSETPOS" };
    pattern.index = Some(WeekIndex::of(position).ok_or_else(|| no(part, "may be 1 to 4 or -1 only"))?);
    pattern.days_of_week = rule.by_day.iter().map(|day| Day(day.day)).collect();
    Ok(pattern)
}

fn range(rule: &Rule, when: &EventTime) -> Result<RecurrenceRange, NoGraphForm> {
    let start = when.wall_start();
    let named = |zone: &ZoneId| zone::windows_name(zone).unwrap_or(zone.as_str()).to_owned();
    let mut range = RecurrenceRange {
        kind: RangeType::NoEnd,
        start_date: Some(start.date()),
        end_date: None,
        number_of_occurrences: None,
        recurrence_time_zone: when.zone().map(named),
    };
    match rule.end {
        RuleEnd::Never => {}
        RuleEnd::Count(count) => {
            range.kind = RangeType::Numbered;
            range.number_of_occurrences = Some(i64::from(count));
        }
        // The last start, not the date UNTIL is written with: UNTIL may lie before that day's own start.
        RuleEnd::Until(_) => {
            let last = recur::last_rule_start(rule, start, &BUDGET).ok_or_else(|| no("UNTIL", "lies too far away"))?;
            range.kind = RangeType::EndDate;
            range.end_date = Some(last.date());
        }
    }
    Ok(range)
}

fn read_end(range: &RecurrenceRange, start: DateTime) -> Result<RuleEnd, UnreadableRecurrence> {
    // The other ends may be present with idle values such as 0001-01-01; only the type counts.
    match range.kind {
        RangeType::NoEnd => Ok(RuleEnd::Never),
        RangeType::Numbered => {
            let count = range.number_of_occurrences.and_then(|count| u32::try_from(count).ok());
            let count = count.filter(|count| *count > 0);
            count.map(RuleEnd::Count).ok_or_else(|| unreadable("range.numberOfOccurrences", "must be at least 1"))
        }
        RangeType::EndDate => {
            let end = range.end_date.ok_or_else(|| unreadable("range.endDate", "is missing"))?;
            Ok(RuleEnd::Until(end.to_datetime(start.time())))
        }
    }
}

/// A day of the month as Exchange reads it: a day the month lacks means its last day. `longest` is the length of the
/// month the rule names, 31 for monthly rules.
fn read_month_day(rule: &mut Rule, day: i8, longest: i8) {
    let monthly = rule.freq == Frequency::Monthly;
    let february = !monthly && longest == 29;
    match day.min(longest) {
        31 if monthly => rule.by_month_day = vec![-1],
        day @ (29 | 30) if monthly || february => {
            rule.by_month_day = (28..=day).collect();
            rule.by_set_pos = vec![-1];
        }
        day => rule.by_month_day = vec![day],
    }
}

fn read_relative(rule: &mut Rule, pattern: &RecurrencePattern) -> Result<(), UnreadableRecurrence> {
    let position = pattern.index.unwrap_or(WeekIndex::First).position();
    match pattern.days_of_week[..] {
        [] => return Err(unreadable("pattern.daysOfWeek", "is missing")),
        // One numbered day is more widely understood than BYSETPOS.
        [day] => rule.by_day = vec![WeekdayNum { ordinal: Some(position), day: day.0 }],
        _ => {
            rule.by_day = sorted_days(&pattern.days_of_week);
            rule.by_set_pos = vec![i16::from(position)];
        }
    }
    Ok(())
}

fn plain_days(pattern: &RecurrencePattern, start: DateTime) -> Vec<WeekdayNum> {
    if pattern.days_of_week.is_empty() {
        return vec![WeekdayNum { ordinal: None, day: Weekday::from_jiff(start.weekday()) }];
    }
    sorted_days(&pattern.days_of_week)
}

fn sorted_days(days: &[Day]) -> Vec<WeekdayNum> {
    let mut days: Vec<WeekdayNum> = days.iter().map(|day| WeekdayNum { ordinal: None, day: day.0 }).collect();
    days.sort_unstable();
    days.dedup();
    days
}

fn day_of_month(pattern: &RecurrencePattern, start: DateTime) -> Result<i8, UnreadableRecurrence> {
    let day = pattern.day_of_month.filter(|day| *day != 0).unwrap_or(i64::from(start.day()));
    let day = i8::try_from(day).ok().filter(|day| (1..=31).contains(day));
    day.ok_or_else(|| unreadable("pattern.dayOfMonth", "must be from 1 to 31"))
}

/// The most days a month can have.
fn longest(month: i8) -> i8 {
    jiff::civil::Date::new(2028, month, 1).unwrap_or(date(2028, 1, 1)).days_in_month()
}

const fn no(part: &'static str, why: &'static str) -> NoGraphForm {
    NoGraphForm { part, why }
}

const fn unreadable(member: &'static str, why: &'static str) -> UnreadableRecurrence {
    UnreadableRecurrence { member, why }
}
