//! RRULE text to and from the normal form (RFC 5545, 3.3.10 and 3.8.5.3).
//!
//! Reading is strict where a rule could mean two things or cost without bound, and lenient where clients are known to
//! differ: letter case, part order, unknown `X-` parts, and the three spellings of UNTIL.

use crate::config::Limits;
use crate::model::EventTime;
use crate::model::Frequency;
use crate::model::Rule;
use crate::model::RuleEnd;
use crate::model::Timestamp;
use crate::model::Weekday;
use crate::model::WeekdayNum;
use crate::model::ZoneId;
use jiff::Span;
use jiff::civil::Date;
use jiff::civil::DateTime;
use std::fmt::Display;
use std::fmt::Write;
use std::str::FromStr;

/// What a rule's text is read against.
#[derive(Clone, Copy, Debug)]
pub struct RuleContext<'a> {
    /// The zone of DTSTART; `None` for whole days and floating times, where UNTIL is taken as wall-clock time.
    pub zone: Option<&'a ZoneId>,
    /// Whether DTSTART is a DATE.
    pub all_day: bool,
    /// How long lists may be and which years are accepted.
    pub limits: &'a Limits,
}

/// Why a rule was refused: a sentence that names the rule part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The rule part {part} {problem}.")]
pub struct RuleError {
    /// The name of the part, e.g. `INTERVAL`.
    pub part: String,
    /// What is wrong with it and what would be accepted; the rest of the sentence.
    pub problem: String,
}

/// Reads the value of an RRULE property.
pub fn parse(text: &str, cx: RuleContext<'_>) -> Result<Rule, RuleError> {
    let text = text.trim().to_ascii_uppercase();
    let parts = split(&text)?;
    let mut rule = Rule::every(frequency(&parts)?);
    let mut end = Ends::default();
    for (name, value) in &parts {
        read_part(&mut rule, &mut end, name, value, cx)?;
    }
    rule.end = end.decide()?;
    check_combination(&rule, cx.limits)?;
    Ok(rule)
}

/// Prints a rule as the value of an RRULE property, parts always in the same order. `when` is the event's own time: it
/// decides whether UNTIL is a DATE or a time in UTC (RFC 5545, 3.3.10).
pub fn to_text(rule: &Rule, when: &EventTime) -> String {
    let mut text = format!("FREQ={}", freq_name(rule.freq));
    match rule.end {
        RuleEnd::Never => {}
        RuleEnd::Count(count) => push(&mut text, "COUNT", count),
        RuleEnd::Until(until) => push(&mut text, "UNTIL", until_text(until, when)),
    }
    if rule.interval != 1 {
        push(&mut text, "INTERVAL", rule.interval);
    }
    push_list(&mut text, "BYMONTH", &rule.by_month);
    push_list(&mut text, "BYWEEKNO", &rule.by_week_no);
    push_list(&mut text, "BYYEARDAY", &rule.by_year_day);
    push_list(&mut text, "BYMONTHDAY", &rule.by_month_day);
    let days: Vec<String> = rule.by_day.iter().copied().map(day_text).collect();
    push_list(&mut text, "BYDAY", &days);
    push_list(&mut text, "BYHOUR", &rule.by_hour);
    push_list(&mut text, "BYMINUTE", &rule.by_minute);
    push_list(&mut text, "BYSECOND", &rule.by_second);
    push_list(&mut text, "BYSETPOS", &rule.by_set_pos);
    if rule.week_start != Weekday::Monday {
        push(&mut text, "WKST", rule.week_start.as_ical());
    }
    text
}

/// COUNT and UNTIL as they were met; only one of them may be.
#[derive(Default)]
struct Ends {
    count: Option<u32>,
    until: Option<Until>,
}

/// An UNTIL in wall-clock time of the event's zone.
enum Until {
    At(DateTime),
    /// After the last accepted year: clients write such dates for "without end".
    Far,
}

impl Ends {
    fn decide(self) -> Result<RuleEnd, RuleError> {
        match (self.count, self.until) {
            (Some(_), Some(_)) => {
                Err(refuse("COUNT", "cannot stand beside UNTIL (RFC 5545, 3.3.10); send one of them"))
            }
            (Some(count), None) => Ok(RuleEnd::Count(count)),
            (None, Some(Until::At(until))) => Ok(RuleEnd::Until(until)),
            (None, Some(Until::Far) | None) => Ok(RuleEnd::Never),
        }
    }
}

/// Most parts of one rule: RFC 5545 and RFC 7529 know 16, the rest is room for `X-` parts.
const MOST_PARTS: usize = 32;

fn split(text: &str) -> Result<Vec<(&str, &str)>, RuleError> {
    let mut parts: Vec<(&str, &str)> = Vec::new();
    for piece in text.split(';').map(str::trim).filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').ok_or_else(|| refuse(piece, "has no value; write NAME=value"))?;
        let (name, value) = (name.trim(), value.trim());
        if parts.iter().any(|(seen, _)| *seen == name) {
            return Err(refuse(name, "is given twice; each part may occur once"));
        }
        if parts.len() >= MOST_PARTS {
            return Err(refuse(
                name,
                &format!("comes after {MOST_PARTS} other parts, which is the most a rule may have"),
            ));
        }
        parts.push((name, value));
    }
    Ok(parts)
}

fn frequency(parts: &[(&str, &str)]) -> Result<Frequency, RuleError> {
    let value = parts.iter().find(|(name, _)| *name == "FREQ").map(|(_, value)| *value);
    match value {
        Some("HOURLY") => Ok(Frequency::Hourly),
        Some("DAILY") => Ok(Frequency::Daily),
        Some("WEEKLY") => Ok(Frequency::Weekly),
        Some("MONTHLY") => Ok(Frequency::Monthly),
        Some("YEARLY") => Ok(Frequency::Yearly),
        Some("SECONDLY" | "MINUTELY") => Err(refuse("FREQ", "may not be finer than HOURLY for a room")),
        Some(_) => Err(refuse("FREQ", "must be HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY")),
        None => Err(refuse("FREQ", "is missing")),
    }
}

fn read_part(rule: &mut Rule, end: &mut Ends, name: &str, value: &str, cx: RuleContext<'_>) -> Result<(), RuleError> {
    let max = cx.limits.rule_values;
    match name {
        "INTERVAL" => rule.interval = positive("INTERVAL", value)?,
        "COUNT" => end.count = Some(positive("COUNT", value)?),
        "UNTIL" => end.until = Some(until(value, cx)?),
        "WKST" => {
            rule.week_start = weekday(value).ok_or_else(|| refuse("WKST", "must be one of MO TU WE TH FR SA SU"))?;
        }
        "BYMONTH" => rule.by_month = numbers(name, value, max, &[(1, 12)])?,
        "BYWEEKNO" => rule.by_week_no = numbers(name, value, max, &[(-53, -1), (1, 53)])?,
        "BYYEARDAY" => rule.by_year_day = numbers(name, value, max, &[(-366, -1), (1, 366)])?,
        "BYMONTHDAY" => rule.by_month_day = numbers(name, value, max, &[(-31, -1), (1, 31)])?,
        "BYDAY" => rule.by_day = days(value, max)?,
        "BYHOUR" => rule.by_hour = numbers(name, value, max, &[(0, 23)])?,
        "BYMINUTE" => rule.by_minute = numbers(name, value, max, &[(0, 59)])?,
        // A leap second has no wall-clock time of its own; it counts as the last second of its minute.
        "BYSECOND" => {
            let seconds: Vec<i8> = numbers(name, value, max, &[(0, 60)])?;
            rule.by_second = sorted(seconds.into_iter().map(|second| second.min(59)).collect());
        }
        "BYSETPOS" => rule.by_set_pos = numbers(name, value, max, &[(-366, -1), (1, 366)])?,
        "RSCALE" if value != "GREGORIAN" => return Err(refuse("RSCALE", "must be GREGORIAN")),
        "SKIP" if value != "OMIT" => return Err(refuse("SKIP", "must be OMIT")),
        "FREQ" | "RSCALE" | "SKIP" => {}
        _ if name.starts_with("X-") => {}
        _ => return Err(refuse(name, "is unknown (RFC 5545, 3.3.10)")),
    }
    Ok(())
}

fn until(value: &str, cx: RuleContext<'_>) -> Result<Until, RuleError> {
    let bad = || refuse("UNTIL", "must be a DATE such as 20260629 or a time such as 20260629T160000Z");
    let utc = value.ends_with('Z');
    let plain = value.strip_suffix('Z').unwrap_or(value);
    let wall = if let Some((day, _)) = plain.split_once('T') {
        let time = DateTime::strptime("%Y%m%dT%H%M%S", plain).map_err(|_| bad())?;
        match cx.zone {
            _ if cx.all_day => Date::strptime("%Y%m%d", day).map_err(|_| bad())?.at(0, 0, 0, 0),
            Some(zone) if utc => last_wall(zone, ZoneId::utc().instant(time)),
            _ => time,
        }
    } else {
        let day = Date::strptime("%Y%m%d", plain).map_err(|_| bad())?;
        if cx.all_day { day.at(0, 0, 0, 0) } else { day.at(23, 59, 59, 0) }
    };
    Ok(if wall.year() <= cx.limits.max_year { Until::At(wall) } else { Until::Far })
}

/// The last time on the wall that lies no later than an instant. Of times that come twice in autumn the first counts
/// (3.3.5), so an UNTIL in the second hour leaves all of them inside.
fn last_wall(zone: &ZoneId, until: Timestamp) -> DateTime {
    let wall = zone.wall(until);
    let back_ms = until.ms() - zone.instant(wall).ms();
    let rules = zone.rules();
    let shift = rules.preceding(until.to_jiff()).next().filter(|_| back_ms > 0);
    let end = shift.map(|shift| zone.wall(Timestamp::from_jiff(shift.timestamp())));
    let end = end.and_then(|begin| begin.checked_add(Span::new().milliseconds(back_ms - 1_000)).ok());
    end.unwrap_or(wall)
}

/// Takes the last start out of a rule that an UNTIL in UTC ends, where that start lies in the spring gap and so begins
/// later than UNTIL, although it comes earlier on the wall.
pub fn end_before_gap(mut rule: Rule, text: &str, when: &EventTime) -> Rule {
    let utc =
        text.to_ascii_uppercase().split(';').any(|part| part.starts_with("UNTIL=") && part.trim_end().ends_with('Z'));
    let (EventTime::Timed { start, zone, .. }, RuleEnd::Until(until)) = (when, rule.end) else { return rule };
    let last = until.date().to_datetime(start.time());
    if utc && last <= until && zone.instant(last) > zone.instant(until) {
        rule.end = RuleEnd::Until(last.checked_sub(Span::new().seconds(1)).unwrap_or(last));
    }
    rule
}

fn positive(part: &str, value: &str) -> Result<u32, RuleError> {
    match value.parse::<u32>() {
        Ok(0) => Err(refuse(part, "must be at least 1")),
        Ok(number) => Ok(number),
        Err(_) => Err(refuse(part, "must be a whole number from 1 to 4294967295")),
    }
}

fn numbers<T: FromStr + Copy + Ord + Into<i16>>(
    part: &str,
    value: &str,
    max: usize,
    ranges: &[(i16, i16)],
) -> Result<Vec<T>, RuleError> {
    let spoken = || {
        let all: Vec<String> = ranges.iter().map(|(low, high)| format!("{low} to {high}")).collect();
        refuse(part, &format!("takes numbers from {}", all.join(" or ")))
    };
    let mut list = Vec::new();
    for piece in bounded(part, value, max)? {
        let number: T = piece.parse().map_err(|_| spoken())?;
        if !ranges.iter().any(|(low, high)| (*low..=*high).contains(&number.into())) {
            return Err(spoken());
        }
        list.push(number);
    }
    Ok(sorted(list))
}

fn days(value: &str, max: usize) -> Result<Vec<WeekdayNum>, RuleError> {
    let bad = || refuse("BYDAY", "takes days such as MO, 2WE or -1FR, with ordinals from -53 to 53 but not 0");
    let mut list = Vec::new();
    for piece in bounded("BYDAY", value, max)? {
        let cut = piece.len().checked_sub(2).filter(|cut| piece.is_char_boundary(*cut)).ok_or_else(bad)?;
        let (ordinal, day) = piece.split_at(cut);
        let day = weekday(day).ok_or_else(bad)?;
        let ordinal = match ordinal {
            "" => None,
            digits => Some(digits.parse::<i8>().map_err(|_| bad())?),
        };
        if ordinal.is_some_and(|n| n == 0 || !(-53..=53).contains(&n)) {
            return Err(bad());
        }
        list.push(WeekdayNum { ordinal, day });
    }
    Ok(sorted(list))
}

fn bounded<'a>(part: &str, value: &'a str, max: usize) -> Result<impl Iterator<Item = &'a str>, RuleError> {
    let count = value.split(',').count();
    if count > max {
        return Err(refuse(part, &format!("has {count} values; at most {max} are accepted")));
    }
    Ok(value.split(',').map(str::trim))
}

fn check_combination(rule: &Rule, limits: &Limits) -> Result<(), RuleError> {
    let numbered = rule.by_day.iter().any(|day| day.ordinal.is_some());
    if numbered && !matches!(rule.freq, Frequency::Monthly | Frequency::Yearly) {
        return Err(refuse("BYDAY", "may carry a number only with FREQ=MONTHLY or FREQ=YEARLY"));
    }
    if numbered && !rule.by_week_no.is_empty() {
        return Err(refuse("BYDAY", "may not carry a number beside BYWEEKNO"));
    }
    if !rule.by_week_no.is_empty() && rule.freq != Frequency::Yearly {
        return Err(refuse("BYWEEKNO", "is defined for FREQ=YEARLY only"));
    }
    let most = limits.expansion_candidates;
    if let RuleEnd::Count(count) = rule.end
        && usize::try_from(count).is_ok_and(|count| count > most)
    {
        return Err(refuse("COUNT", &format!("is more than the {most} dates that are looked through; use UNTIL")));
    }
    let times = rule.by_hour.len().max(1) * rule.by_minute.len().max(1) * rule.by_second.len().max(1);
    if times > limits.rule_values {
        let max = limits.rule_values;
        return Err(refuse("BYHOUR", &format!("gives {times} times a day with BYMINUTE and BYSECOND; at most {max}")));
    }
    Ok(())
}

fn until_text(until: DateTime, when: &EventTime) -> String {
    match when {
        EventTime::AllDay { .. } => until.strftime("%Y%m%d").to_string(),
        EventTime::Timed { zone, .. } => {
            let instant: Timestamp = zone.instant(until);
            instant.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
        }
    }
}

fn push(text: &mut String, name: &str, value: impl Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, ";{name}={value}");
}

fn push_list<T: Display>(text: &mut String, name: &str, list: &[T]) {
    for (index, value) in list.iter().enumerate() {
        let _ = if index == 0 { write!(text, ";{name}={value}") } else { write!(text, ",{value}") };
    }
}

fn day_text(day: WeekdayNum) -> String {
    day.ordinal.map_or_else(|| day.day.as_ical().to_owned(), |n| format!("{n}{}", day.day.as_ical()))
}

const fn freq_name(freq: Frequency) -> &'static str {
    match freq {
        Frequency::Hourly => "HOURLY",
        Frequency::Daily => "DAILY",
        Frequency::Weekly => "WEEKLY",
        Frequency::Monthly => "MONTHLY",
        Frequency::Yearly => "YEARLY",
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    Weekday::ALL.into_iter().find(|day| day.as_ical() == text)
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

fn refuse(part: &str, problem: &str) -> RuleError {
    RuleError { part: part.chars().take(40).collect(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ical::recur;
    use crate::ical::recur::Budget;
    use jiff::civil::date;

    fn timed() -> EventTime {
        let start = date(2026, 3, 2).at(18, 0, 0, 0);
        EventTime::Timed { start, end: start, zone: ZoneId::parse("Europe/Oslo").unwrap() }
    }

    fn read(text: &str, all_day: bool) -> Result<Rule, RuleError> {
        let zone = timed().zone().cloned().filter(|_| !all_day);
        parse(text, RuleContext { zone: zone.as_ref(), all_day, limits: &Limits::default() })
    }

    #[test]
    fn rules_print_in_one_order_whatever_order_they_came_in() {
        for (text, printed) in [
            ("FREQ=WEEKLY;BYDAY=WE,MO", "FREQ=WEEKLY;BYDAY=MO,WE"),
            ("wkst=su;byday=-1fr,+2mo;interval=2;freq=monthly;", "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR,2MO;WKST=SU"),
            ("FREQ=YEARLY;X-MOZ=1;RSCALE=GREGORIAN;SKIP=OMIT;COUNT=3;BYMONTH=9,3,3", "FREQ=YEARLY;COUNT=3;BYMONTH=3,9"),
            ("FREQ=DAILY;UNTIL=20260320T170000Z", "FREQ=DAILY;UNTIL=20260320T170000Z"),
            ("FREQ=DAILY;UNTIL=20260320T180000", "FREQ=DAILY;UNTIL=20260320T170000Z"),
            ("FREQ=DAILY;UNTIL=20260620", "FREQ=DAILY;UNTIL=20260620T215959Z"),
            ("FREQ=DAILY;UNTIL=99991231T235959Z", "FREQ=DAILY"),
            ("FREQ=DAILY;BYSECOND=60,59", "FREQ=DAILY;BYSECOND=59"),
        ] {
            let rule = read(text, false).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(to_text(&rule, &timed()), printed, "{text}");
            assert_eq!(read(printed, false).as_ref(), Ok(&rule), "{printed} reads back");
        }
    }

    #[test]
    fn until_of_whole_days_is_a_date_however_it_was_sent() {
        let day = date(2026, 3, 2);
        let when = EventTime::AllDay { start: day, end: day.tomorrow().unwrap() };
        for text in ["UNTIL=20260320", "UNTIL=20260320T225959Z", "UNTIL=20260320T000000"] {
            let rule = read(&format!("FREQ=DAILY;{text}"), true).unwrap();
            assert_eq!(to_text(&rule, &when), "FREQ=DAILY;UNTIL=20260320");
        }
    }

    #[test]
    fn an_until_in_utc_near_a_change_of_the_clock_ends_where_the_instants_do() {
        let zone = ZoneId::parse("Europe/Oslo").unwrap();
        let series = |day: Date, minute: i8| {
            let start = day.at(2, minute, 0, 0);
            EventTime::Timed { start, end: start.checked_add(Span::new().minutes(20)).unwrap(), zone: zone.clone() }
        };
        // The clock goes from 02:00 to 03:00 at 01:00Z on 29 March, and from 03:00 to 02:00 at 01:00Z on 25 October.
        for (first, last, hour) in
            [(date(2026, 3, 20), date(2026, 3, 29), 1), (date(2026, 10, 20), date(2026, 10, 25), 0)]
        {
            for (minute, until) in
                (0..60).step_by(7).flat_map(|minute| (0..150).step_by(13).map(move |at| (minute, at)))
            {
                let until = ZoneId::utc().instant(last.at(hour, 0, 0, 0)).plus_ms(i64::from(until) * 60_000 - 600_000);
                let when = series(first, minute);
                let text = format!("FREQ=DAILY;UNTIL={}", until.to_jiff().strftime("%Y%m%dT%H%M%SZ"));
                let cx = RuleContext { zone: Some(&zone), all_day: false, limits: &Limits::default() };
                let rule = end_before_gap(parse(&text, cx).unwrap(), &text, &when);
                let budget = Budget { candidates: 1_000, instances: 1_000 };
                let end = last.at(23, 0, 0, 0);
                let starts = recur::rule_starts(&rule, when.wall_start(), (when.wall_start(), end), &budget).unwrap();
                let taken = starts.contains(&last.at(2, minute, 0, 0));
                assert_eq!(taken, zone.instant(last.at(2, minute, 0, 0)) <= until, "02:{minute} with {text}");
                let again = to_text(&rule, &when);
                assert_eq!(end_before_gap(parse(&again, cx).unwrap(), &again, &when), rule, "{text} {again}");
            }
        }
    }

    #[test]
    fn a_refused_rule_is_told_by_the_name_of_its_part() {
        for (text, part) in [
            ("", "FREQ"),
            ("FREQ=SECONDLY", "FREQ"),
            ("FREQ=MINUTELY;INTERVAL=30", "FREQ"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
            ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
            ("FREQ=DAILY;COUNT=0", "COUNT"),
            ("FREQ=DAILY;COUNT=3;UNTIL=20260301", "COUNT"),
            ("FREQ=DAILY;COUNT=3;COUNT=4", "COUNT"),
            ("FREQ=DAILY;COUNT=1000000000", "COUNT"),
            ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
            ("FREQ=MONTHLY;BYDAY=XX", "BYDAY"),
            ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
            ("FREQ=MONTHLY;BYDAY=é", "BYDAY"),
            ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "BYDAY"),
            ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO"),
            ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
            ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
            ("FREQ=YEARLY;BYMONTH=5L", "BYMONTH"),
            ("FREQ=DAILY;UNTIL=20260231", "UNTIL"),
            ("FREQ=DAILY;RSCALE=HEBREW", "RSCALE"),
            ("FREQ=DAILY;SKIP=FORWARD", "SKIP"),
            ("FREQ=DAILY;BYEASTER=1", "BYEASTER"),
            ("FREQ=DAILY;BYHOUR", "BYHOUR"),
        ] {
            assert_eq!(read(text, false).unwrap_err().part, part, "{text}");
        }
        let many =
            |part: &str, end: u8| format!("{part}={}", (0..end).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        let dense = format!("FREQ=DAILY;{};{}", many("BYHOUR", 24), many("BYMINUTE", 60));
        assert_eq!(
            read(&dense, false).unwrap_err().to_string(),
            "The rule part BYHOUR gives 1440 times a day with BYMINUTE and BYSECOND; at most 400 are accepted."
                .replace(" are accepted", "")
        );
        let long = format!("FREQ=DAILY;BYSETPOS={}", vec!["1"; 401].join(","));
        assert_eq!(read(&long, false).unwrap_err().part, "BYSETPOS");
    }
}
