//! A second expansion, slow and plain, for comparison only: RFC 5545, 3.3.10 sentence by sentence, every day from
//! DTSTART on one after the other. It shares no code with the fast one, not even the calendar: `jiff` counts the days.

use crate::model::Frequency;
use crate::model::Rule;
use crate::model::RuleEnd;
use crate::model::Weekday;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::civil::Time;

/// The starts of a rule up to and including `to`, in order. DTSTART uses up one of COUNT also where the rule leaves it
/// out (3.8.5.3: "The DTSTART property defines the first instance in the recurrence set").
pub fn starts(rule: &Rule, start: DateTime, to: DateTime) -> Vec<DateTime> {
    let mut found = Vec::new();
    let mut set = Vec::new();
    let mut open = i64::MIN;
    let first = first_day_of_period(rule, start.date());
    // The last period is looked at as a whole, since BYSETPOS may count from its end.
    let end = last_day_of_period(rule, to.date());
    let times = times(rule, start);
    for day in first.series(1.day()).take_while(|day| *day <= end) {
        let on = day_passes(rule, start.date(), day);
        for hour in hours(rule.freq) {
            let period = period(rule, day, hour);
            if period != open {
                close(rule, &mut set, &mut found);
                open = period;
            }
            let distance = period - self::period(rule, start.date(), start.hour());
            if on && distance % i64::from(rule.interval) == 0 {
                let of_hour = times.iter().filter(|time| rule.freq != Frequency::Hourly || time.hour() == hour);
                set.extend(of_hour.map(|time| day.to_datetime(*time)));
            }
        }
    }
    close(rule, &mut set, &mut found);
    found.retain(|at| *at >= start);
    let most = match rule.end {
        RuleEnd::Count(count) if found.first() == Some(&start) => usize::try_from(count).unwrap(),
        RuleEnd::Count(count) => usize::try_from(count - 1).unwrap(),
        _ => usize::MAX,
    };
    found.truncate(most);
    found.retain(|at| *at <= to && !matches!(rule.end, RuleEnd::Until(until) if *at > until));
    found
}

/// "BYSETPOS operates on a set of recurrence instances in one interval of the recurrence rule."
fn close(rule: &Rule, set: &mut Vec<DateTime>, found: &mut Vec<DateTime>) {
    set.sort();
    set.dedup();
    let size = i16::try_from(set.len()).unwrap_or(i16::MAX);
    for (at, place) in set.drain(..).zip(1..) {
        if rule.by_set_pos.is_empty() || rule.by_set_pos.iter().any(|pos| *pos == place || *pos == place - size - 1) {
            found.push(at);
        }
    }
}

fn hours(freq: Frequency) -> std::ops::Range<i8> {
    if freq == Frequency::Hourly { 0..24 } else { 0..1 }
}

/// The number of the hour, day, week, month or year, counted from anywhere.
fn period(rule: &Rule, day: Date, hour: i8) -> i64 {
    let days = |day: Date| i64::from((day - jiff::civil::date(1900, 1, 1)).get_days());
    match rule.freq {
        Frequency::Hourly => days(day) * 24 + i64::from(hour),
        Frequency::Daily => days(day),
        Frequency::Weekly => days(first_day_of_week(day, rule.week_start)).div_euclid(7),
        Frequency::Monthly => i64::from(day.year()) * 12 + i64::from(day.month()),
        Frequency::Yearly => i64::from(day.year()),
    }
}

fn first_day_of_period(rule: &Rule, day: Date) -> Date {
    match rule.freq {
        Frequency::Hourly | Frequency::Daily => day,
        Frequency::Weekly => first_day_of_week(day, rule.week_start),
        Frequency::Monthly => day.first_of_month(),
        Frequency::Yearly => day.first_of_year(),
    }
}

fn last_day_of_period(rule: &Rule, day: Date) -> Date {
    match rule.freq {
        Frequency::Hourly | Frequency::Daily => day,
        Frequency::Weekly => first_day_of_week(day, rule.week_start).checked_add(6.days()).unwrap(),
        Frequency::Monthly => day.last_of_month(),
        Frequency::Yearly => day.last_of_year(),
    }
}

fn first_day_of_week(day: Date, week_start: Weekday) -> Date {
    let mut first = day;
    while Weekday::from_jiff(first.weekday()) != week_start {
        first = first.yesterday().unwrap();
    }
    first
}

/// BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY and BYDAY, each of which a day must fulfil where it is given; "information,
/// not contained in the rule, necessary to determine the various recurrence instance start time and dates are derived
/// from the Start Time".
fn day_passes(rule: &Rule, start: Date, day: Date) -> bool {
    let months = &rule.by_month;
    if !months.is_empty() && !months.contains(&day.month()) {
        return false;
    }
    if !month_days(rule, start).is_none_or(|days| days.iter().any(|wanted| is_month_day(day, *wanted))) {
        return false;
    }
    if months.is_empty() && is_yearly_by_date(rule) && day.month() != start.month() {
        return false;
    }
    week_days(rule, start).is_none_or(|days| days.iter().any(|wanted| is_week_day(rule, day, *wanted)))
        && (rule.by_year_day.is_empty() || rule.by_year_day.iter().any(|wanted| is_year_day(day, *wanted)))
        && (rule.by_week_no.is_empty() || is_in_week(rule, day))
}

/// FREQ=YEARLY with nothing that says which day: the date of DTSTART.
fn is_yearly_by_date(rule: &Rule) -> bool {
    rule.freq == Frequency::Yearly
        && rule.by_week_no.is_empty()
        && rule.by_year_day.is_empty()
        && rule.by_month_day.is_empty()
        && rule.by_day.is_empty()
}

fn month_days(rule: &Rule, start: Date) -> Option<Vec<i8>> {
    let monthly = rule.freq == Frequency::Monthly && rule.by_day.is_empty();
    match &rule.by_month_day[..] {
        [] if monthly || is_yearly_by_date(rule) => Some(vec![start.day()]),
        [] => None,
        days => Some(days.to_vec()),
    }
}

fn week_days(rule: &Rule, start: Date) -> Option<Vec<(Option<i8>, Weekday)>> {
    let of_start = vec![(None, Weekday::from_jiff(start.weekday()))];
    let of_week = rule.freq == Frequency::Yearly
        && !rule.by_week_no.is_empty()
        && rule.by_year_day.is_empty()
        && rule.by_month_day.is_empty();
    match &rule.by_day[..] {
        [] if rule.freq == Frequency::Weekly || of_week => Some(of_start),
        [] => None,
        days => Some(days.iter().map(|day| (day.ordinal, day.day)).collect()),
    }
}

fn is_month_day(day: Date, wanted: i8) -> bool {
    if wanted > 0 { day.day() == wanted } else { day.day() == day.days_in_month() + 1 + wanted }
}

fn is_year_day(day: Date, wanted: i16) -> bool {
    if wanted > 0 { day.day_of_year() == wanted } else { day.day_of_year() == day.days_in_year() + 1 + wanted }
}

/// "Each BYDAY value can also be preceded by a positive (+n) or negative (-n) integer. If present, this indicates the
/// nth occurrence of a specific day within the MONTHLY or YEARLY RRULE"; within the month where BYMONTH is given.
fn is_week_day(rule: &Rule, day: Date, (ordinal, wanted): (Option<i8>, Weekday)) -> bool {
    if Weekday::from_jiff(day.weekday()) != wanted {
        return false;
    }
    let Some(ordinal) = ordinal else { return true };
    let in_month = rule.freq == Frequency::Monthly || !rule.by_month.is_empty();
    let weeks = 7 * i32::from(ordinal.abs() - 1);
    // The same weekday so many weeks nearer to the edge is the edge's first week.
    let edge = if ordinal > 0 { day.checked_sub(weeks.days()) } else { day.checked_add(weeks.days()) }.unwrap();
    let beyond = if ordinal > 0 { edge.checked_sub(7.days()) } else { edge.checked_add(7.days()) }.unwrap();
    let inside = |other: Date| other.year() == day.year() && (!in_month || other.month() == day.month());
    inside(edge) && !inside(beyond)
}

/// "Week number one of the calendar year is the first week that contains at least four (4) days in that calendar year."
fn is_in_week(rule: &Rule, day: Date) -> bool {
    // The week that holds 4 January has four days of the year, whichever day weeks begin on.
    let first_week = |year: i16| first_day_of_week(jiff::civil::date(year, 1, 4), rule.week_start);
    let year = (day.year() - 1..=day.year() + 1).rev().find(|year| first_week(*year) <= day).unwrap();
    let weeks = |from: Date, to: Date| i8::try_from((to - from).get_days() / 7).unwrap();
    let week = weeks(first_week(year), day) + 1;
    let from_end = week - weeks(first_week(year), first_week(year + 1)) - 1;
    rule.by_week_no.contains(&week) || rule.by_week_no.contains(&from_end)
}

fn times(rule: &Rule, start: DateTime) -> Vec<Time> {
    let mut times = Vec::new();
    let passes = |list: &[i8], value: i8, own: i8| if list.is_empty() { value == own } else { list.contains(&value) };
    for hour in 0..24 {
        let every = rule.freq == Frequency::Hourly && rule.by_hour.is_empty();
        if !every && !passes(&rule.by_hour, hour, start.hour()) {
            continue;
        }
        for minute in (0..60).filter(|minute| passes(&rule.by_minute, *minute, start.minute())) {
            let seconds = (0..60).filter(|second| passes(&rule.by_second, *second, start.second()));
            times.extend(seconds.map(|second| Time::constant(hour, minute, second, 0)));
        }
    }
    times
}
