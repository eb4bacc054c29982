//! patternedRecurrence: read from JSON, written back with Exchange's filler values, and expanded as Exchange does it.
//! A day of the month beyond a short month falls on that month's last day; RFC 5545 would skip it.

use super::wire::Failure;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::Weekday;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

/// Most dates of one series that are looked at.
const MOST_DATES: usize = 4_000;

/// How often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pattern {
    pub kind: Kind,
    pub interval: i32,
    pub days: Vec<String>,
    pub first_day: String,
    pub day_of_month: i8,
    pub month: i8,
    pub index: String,
}

/// pattern.type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Daily,
    Weekly,
    AbsoluteMonthly,
    RelativeMonthly,
    AbsoluteYearly,
    RelativeYearly,
}

/// How long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    pub start: Date,
    pub end: RangeEnd,
    /// recurrenceTimeZone as it was given.
    pub zone: String,
}

/// range.type with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum RangeEnd {
    EndDate(Date),
    Numbered(u32),
    NoEnd,
}

const DAYS: [(&str, Weekday); 7] = [
    ("sunday", Weekday::Sunday),
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
];

const INDEXES: [&str; 5] = ["first", "second", "third", "fourth", "last"];

/// Reads `recurrence`; `zone` is the event's zone, the default of recurrenceTimeZone.
pub(super) fn parse(value: &Value, zone: &str) -> Result<(Pattern, Range), Failure> {
    let pattern = parse_pattern(&value["pattern"])?;
    let range = parse_range(&value["range"], zone)?;
    Ok((pattern, range))
}

fn parse_pattern(value: &Value) -> Result<Pattern, Failure> {
    let kind = match lower(&value["type"]).as_str() {
        "daily" => Kind::Daily,
        "weekly" => Kind::Weekly,
        "absolutemonthly" => Kind::AbsoluteMonthly,
        "relativemonthly" => Kind::RelativeMonthly,
        "absoluteyearly" => Kind::AbsoluteYearly,
        "relativeyearly" => Kind::RelativeYearly,
        other => return Err(invalid(&format!("'{other}' is not a recurrencePatternType"))),
    };
    let pattern = Pattern {
        kind,
        interval: i32::try_from(value["interval"].as_i64().unwrap_or(0)).unwrap_or(0),
        days: parse_days(&value["daysOfWeek"])?,
        first_day: parse_name(&value["firstDayOfWeek"], "sunday", |name| weekday(name).is_some())?,
        day_of_month: small(&value["dayOfMonth"])?,
        month: small(&value["month"])?,
        index: parse_name(&value["index"], "first", |name| INDEXES.contains(&name))?,
    };
    check(&pattern)?;
    Ok(pattern)
}

fn parse_days(value: &Value) -> Result<Vec<String>, Failure> {
    let mut days = Vec::new();
    for day in value.as_array().into_iter().flatten() {
        let name = lower(day);
        if weekday(&name).is_none() {
            return Err(invalid(&format!("'{name}' is not a dayOfWeek")));
        }
        if !days.contains(&name) {
            days.push(name);
        }
    }
    Ok(days)
}

fn parse_name(value: &Value, default: &str, known: impl Fn(&str) -> bool) -> Result<String, Failure> {
    let name = if value.is_null() { default.to_owned() } else { lower(value) };
    if known(&name) { Ok(name) } else { Err(invalid(&format!("'{name}' is not a known value"))) }
}

fn check(pattern: &Pattern) -> Result<(), Failure> {
    let needs_days = matches!(pattern.kind, Kind::Weekly | Kind::RelativeMonthly | Kind::RelativeYearly);
    let needs_day = matches!(pattern.kind, Kind::AbsoluteMonthly | Kind::AbsoluteYearly);
    let needs_month = matches!(pattern.kind, Kind::AbsoluteYearly | Kind::RelativeYearly);
    if !(1..=999).contains(&pattern.interval) {
        return Err(invalid("interval must be from 1 to 999"));
    }
    if needs_days && pattern.days.is_empty() {
        let text = "daysOfWeek is required for this pattern";
        return Err(Failure::new(400, "ErrorCalendarInvalidDayForWeeklyRecurrence", text));
    }
    if needs_day && !(1..=31).contains(&pattern.day_of_month) {
        return Err(invalid("dayOfMonth must be from 1 to 31"));
    }
    if needs_month && !(1..=12).contains(&pattern.month) {
        return Err(invalid("month must be from 1 to 12"));
    }
    Ok(())
}

fn parse_range(value: &Value, zone: &str) -> Result<Range, Failure> {
    let date = |name: &str| {
        value[name]
            .as_str()
            .and_then(|text| text.parse::<Date>().ok())
            .ok_or_else(|| invalid(&format!("range.{name} must be a date such as 2026-03-02")))
    };
    let end = match lower(&value["type"]).as_str() {
        "enddate" => RangeEnd::EndDate(date("endDate")?),
        "numbered" => match value["numberOfOccurrences"].as_u64().and_then(|count| u32::try_from(count).ok()) {
            Some(count) if count > 0 => RangeEnd::Numbered(count),
            _ => return Err(invalid("numberOfOccurrences must be greater than 0")),
        },
        "noend" => RangeEnd::NoEnd,
        other => return Err(invalid(&format!("'{other}' is not a recurrenceRangeType"))),
    };
    if let RangeEnd::EndDate(last) = end
        && last >= jiff::civil::date(4500, 9, 1)
    {
        return Err(Failure::new(400, "ErrorRecurrenceEndDateTooBig", "The end date is after 4500-09-01."));
    }
    let zone = value["recurrenceTimeZone"].as_str().filter(|name| !name.is_empty()).unwrap_or(zone);
    Ok(Range { start: date("startDate")?, end, zone: zone.to_owned() })
}

/// `recurrence` as Exchange answers it: members that were not given come back as zeros.
pub(super) fn render(pattern: &Pattern, range: &Range) -> Value {
    let (kind, end, count) = match range.end {
        RangeEnd::EndDate(last) => ("endDate", last.to_string(), 0),
        RangeEnd::Numbered(count) => ("numbered", "0001-01-01".to_owned(), count),
        RangeEnd::NoEnd => ("noEnd", "0001-01-01".to_owned(), 0),
    };
    let mut shape = json!({
        "type": pattern.kind, "interval": pattern.interval, "month": pattern.month,
        "dayOfMonth": pattern.day_of_month, "firstDayOfWeek": pattern.first_day, "index": pattern.index,
    });
    if !pattern.days.is_empty() {
        shape["daysOfWeek"] = json!(pattern.days);
    }
    json!({
        "pattern": shape,
        "range": {
            "type": kind, "startDate": range.start.to_string(), "endDate": end,
            "recurrenceTimeZone": range.zone, "numberOfOccurrences": count,
        },
    })
}

/// The dates of the series up to and including `until`, in order.
pub(super) fn dates(pattern: &Pattern, range: &Range, until: Date) -> Vec<Date> {
    let last = match range.end {
        RangeEnd::EndDate(end) => end.min(until),
        _ => until,
    };
    let most = match range.end {
        RangeEnd::Numbered(count) => usize::try_from(count).unwrap_or(MOST_DATES).min(MOST_DATES),
        _ => MOST_DATES,
    };
    let mut out = Vec::new();
    for period in 0..i32::try_from(MOST_DATES).unwrap_or(i32::MAX) {
        let Some((first, found)) = period_dates(pattern, range.start, period) else { break };
        if first > last {
            break;
        }
        for date in found.into_iter().filter(|date| *date >= range.start) {
            if date > last || out.len() == most {
                return out;
            }
            out.push(date);
        }
        if out.len() == most {
            break;
        }
    }
    out
}

/// The matching dates of the n-th day, week, month or year of the pattern, and that period's first day.
fn period_dates(pattern: &Pattern, start: Date, period: i32) -> Option<(Date, Vec<Date>)> {
    let step = period.checked_mul(pattern.interval)?;
    match pattern.kind {
        Kind::Daily => start.checked_add(step.days()).ok().map(|day| (day, vec![day])),
        Kind::Weekly => {
            let first_day = weekday(&pattern.first_day)?;
            let week = start.checked_sub(i32::from(start.weekday().since(first_day)).days()).ok()?;
            let week = week.checked_add(step.checked_mul(7)?.days()).ok()?;
            let days = (0..7).filter_map(|offset| week.checked_add(i32::days(offset)).ok());
            Some((week, days.filter(|day| on_listed_day(pattern, *day)).collect()))
        }
        Kind::AbsoluteMonthly | Kind::RelativeMonthly => {
            let month = start.first_of_month().checked_add(step.months()).ok()?;
            Some((month, month_date(pattern, month).into_iter().collect()))
        }
        Kind::AbsoluteYearly | Kind::RelativeYearly => {
            let year = start.first_of_year().checked_add(step.years()).ok()?;
            let month = year.with().month(pattern.month).build().ok()?;
            Some((month, month_date(pattern, month).into_iter().collect()))
        }
    }
}

/// The matching date of one month.
fn month_date(pattern: &Pattern, month: Date) -> Option<Date> {
    let length = month.days_in_month();
    if matches!(pattern.kind, Kind::AbsoluteMonthly | Kind::AbsoluteYearly) {
        return month.with().day(pattern.day_of_month.min(length)).build().ok();
    }
    let mut matching =
        (1..=length).filter_map(|day| month.with().day(day).build().ok()).filter(|day| on_listed_day(pattern, *day));
    match INDEXES.iter().position(|name| *name == pattern.index)? {
        4 => matching.next_back(),
        nth => matching.nth(nth),
    }
}

fn on_listed_day(pattern: &Pattern, date: Date) -> bool {
    pattern.days.iter().any(|name| weekday(name) == Some(date.weekday()))
}

fn weekday(name: &str) -> Option<Weekday> {
    DAYS.iter().find(|(known, _)| *known == name).map(|(_, day)| *day)
}

fn lower(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_ascii_lowercase()
}

fn small(value: &Value) -> Result<i8, Failure> {
    match value {
        Value::Null => Ok(0),
        other => other
            .as_i64()
            .and_then(|number| i8::try_from(number).ok())
            .ok_or_else(|| invalid(&format!("{other} is not a day or month number"))),
    }
}

fn invalid(text: &str) -> Failure {
    Failure::new(400, "ErrorCalendarInvalidRecurrence", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn expand(pattern: &Value, range: &Value, until: Date) -> Vec<String> {
        let (pattern, range) = parse(&json!({"pattern": pattern, "range": range}), "UTC").unwrap();
        dates(&pattern, &range, until).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_day_beyond_a_short_month_falls_on_its_last_day() {
        let found = expand(
            &json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}),
            &json!({"type": "numbered", "startDate": "2026-01-31", "numberOfOccurrences": 4}),
            date(2027, 1, 1),
        );
        assert_eq!(found, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]);
    }

    #[test]
    fn the_first_day_of_the_week_decides_which_weeks_a_two_week_pattern_meets() {
        let pattern = |first: &str| json!({"type": "weekly", "interval": 2, "daysOfWeek": ["Sunday", "tuesday"], "firstDayOfWeek": first});
        let range = json!({"type": "numbered", "startDate": "2026-03-03", "numberOfOccurrences": 4});
        let until = date(2026, 12, 31);
        let monday = expand(&pattern("monday"), &range, until);
        let sunday = expand(&pattern("sunday"), &range, until);
        assert_eq!(monday, ["2026-03-03", "2026-03-08", "2026-03-17", "2026-03-22"]);
        assert_eq!(sunday, ["2026-03-03", "2026-03-15", "2026-03-17", "2026-03-29"]);
    }

    #[test]
    fn a_relative_pattern_takes_the_indexed_day_among_all_listed_days() {
        let weekdays = json!(["monday", "tuesday", "wednesday", "thursday", "friday"]);
        let range = json!({"type": "endDate", "startDate": "2026-01-01", "endDate": "2026-03-31"});
        let last = json!({"type": "relativeMonthly", "interval": 1, "daysOfWeek": weekdays, "index": "last"});
        assert_eq!(expand(&last, &range, date(2027, 1, 1)), ["2026-01-30", "2026-02-27", "2026-03-31"]);
    }

    #[test]
    fn unused_members_come_back_as_zeros_and_bad_ones_are_refused() {
        let given =
            json!({"pattern": {"type": "daily", "interval": 1}, "range": {"type": "noEnd", "startDate": "2026-03-02"}});
        let (pattern, range) = parse(&given, "UTC").unwrap();
        let shown = render(&pattern, &range);
        assert_eq!(shown["pattern"]["month"], 0);
        assert_eq!(shown["range"]["endDate"], "0001-01-01");
        assert_eq!(shown["range"]["numberOfOccurrences"], 0);
        let bad = json!({"pattern": {"type": "weekly", "interval": 1}, "range": {"type": "noEnd", "startDate": "2026-03-02"}});
        assert_eq!(parse(&bad, "UTC").unwrap_err().code, "ErrorCalendarInvalidDayForWeeklyRecurrence");
    }
}
