//! How a zone's offset shifts from 2020 to 2035: equal shifts mean that two zones are the same for every booking we
//! are likely to see.
//!
//! The shifts of a client's own VTIMEZONE are read from its text (RFC 5545, 3.6.5), those of IANA zones from the
//! bundled database.

use crate::config::Limits;
use crate::ical::recur;
use crate::ical::recur::Budget;
use crate::ical::rule;
use crate::ical::rule::RuleContext;
use crate::model::RuleEnd;
use crate::model::ZoneId;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::civil::date;

/// Instants in seconds since the epoch with the offset in seconds that begins there; the first entry holds the offset
/// at the beginning.
pub type Shifts = Vec<(i64, i64)>;

/// Start of 2020 and start of 2036 in seconds since the epoch.
const COMPARED: (i64, i64) = (1_577_836_800, 2_082_758_400);
const COMPONENT_LIMIT: usize = 1_000;
const BUDGET: Budget = Budget { candidates: 200_000, instances: 2_000 };

/// One STANDARD or DAYLIGHT component.
#[derive(Debug, Default)]
struct Observance {
    start: Option<DateTime>,
    from: Option<i64>,
    to: Option<i64>,
    rule: Option<String>,
    dates: Vec<DateTime>,
}

/// The shifts of an IANA zone.
pub fn shifts_of(zone: &ZoneId) -> Shifts {
    let (begin, end) = COMPARED;
    let rules = zone.rules();
    let Ok(first) = jiff::Timestamp::from_second(begin) else { return Shifts::new() };
    let own = i64::from(rules.to_offset(first).seconds());
    let later =
        rules.following(first).map(|shift| (shift.timestamp().as_second(), i64::from(shift.offset().seconds())));
    let mut shifts = vec![(begin, own)];
    shifts.extend(later.take_while(|(at, _)| *at < end));
    without_repeats(shifts)
}

/// The shifts of the VTIMEZONE in this text; `None` when it has no complete component.
pub fn shifts_in(vtimezone: &str) -> Option<Shifts> {
    shifts_between(vtimezone, COMPARED)
}

/// The shifts a VTIMEZONE's text describes between two instants.
pub fn shifts_between(vtimezone: &str, (begin, end): (i64, i64)) -> Option<Shifts> {
    let mut onsets: Vec<(i64, i64, i64)> = Vec::new();
    for observance in observances(vtimezone) {
        let to = observance.to?;
        let from = observance.from.unwrap_or(to);
        onsets.extend(observance.onsets(end)?.into_iter().map(|at| (at, to, from)));
    }
    onsets.sort_unstable();
    let (_, _, before) = *onsets.first()?;
    let own = onsets.iter().rev().find(|(at, _, _)| *at <= begin).map_or(before, |(_, to, _)| *to);
    let mut shifts = vec![(begin, own)];
    shifts.extend(onsets.iter().filter(|(at, _, _)| *at > begin && *at < end).map(|(at, to, _)| (*at, *to)));
    Some(without_repeats(shifts))
}

/// The value of a property that stands directly in the VTIMEZONE.
pub fn property(vtimezone: &str, name: &str) -> Option<String> {
    let lines = unfold(vtimezone);
    lines.iter().find_map(|line| split(line).filter(|(own, _)| own == name).map(|(_, value)| value.to_owned()))
}

impl Observance {
    /// All instants before `end` at which this component takes over.
    fn onsets(&self, end: i64) -> Option<Vec<i64>> {
        // Some writers leave out what they think is idle: from when on, and what was before.
        let start = self.start.unwrap_or(date(1970, 1, 1).at(0, 0, 0, 0));
        let from = self.from.or(self.to)?;
        let instant = |wall: DateTime| ZoneId::utc().instant(wall).ms().div_euclid(1000) - from;
        let mut onsets: Vec<i64> = self.dates.iter().map(|wall| instant(*wall)).collect();
        onsets.push(instant(start));
        if let Some(text) = &self.rule {
            let limits = Limits::default();
            let mut rule = rule::parse(text, RuleContext { zone: None, all_day: false, limits: &limits }).ok()?;
            if let (RuleEnd::Until(until), true) = (rule.end, text.contains('Z')) {
                rule.end = RuleEnd::Until(until.saturating_add(SignedDuration::from_secs(from)));
            }
            // Rules from 1601 are common; only what leads up to our time is of interest.
            let window = (start.max(date(1960, 1, 1).at(0, 0, 0, 0)), wall_at(end + 86_400)?);
            onsets.extend(recur::rule_starts(&rule, start, window, &BUDGET).ok()?.into_iter().map(instant));
        }
        onsets.sort_unstable();
        onsets.dedup();
        Some(onsets)
    }

    fn read(&mut self, name: &str, value: &str) {
        match name {
            "DTSTART" => self.start = wall(value),
            "TZOFFSETFROM" => self.from = offset(value),
            "TZOFFSETTO" => self.to = offset(value),
            "RRULE" => self.rule = Some(value.to_ascii_uppercase()),
            "RDATE" => self.dates.extend(value.split(',').filter_map(wall)),
            _ => {}
        }
    }
}

fn observances(vtimezone: &str) -> Vec<Observance> {
    let mut all = Vec::new();
    let mut open: Option<Observance> = None;
    for line in unfold(vtimezone) {
        let Some((name, value)) = split(&line) else { continue };
        let component = value.eq_ignore_ascii_case("STANDARD") || value.eq_ignore_ascii_case("DAYLIGHT");
        match name.as_str() {
            "BEGIN" if component => open = Some(Observance::default()),
            "END" if component => all.extend(open.take().filter(|_| all.len() < COMPONENT_LIMIT)),
            _ => {
                if let Some(observance) = &mut open {
                    observance.read(&name, value.trim());
                }
            }
        }
    }
    all
}

fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Name in upper case and value of a content line, parameters left out.
fn split(line: &str) -> Option<(String, &str)> {
    let (head, value) = line.split_once(':')?;
    let name = head.split(';').next().unwrap_or(head);
    Some((name.trim().to_ascii_uppercase(), value))
}

fn wall(value: &str) -> Option<DateTime> {
    DateTime::strptime("%Y%m%dT%H%M%S", value.trim().trim_end_matches('Z')).ok()
}

fn wall_at(seconds: i64) -> Option<DateTime> {
    jiff::Timestamp::from_second(seconds).ok().map(|at| jiff::tz::TimeZone::UTC.to_datetime(at))
}

/// A UTC-OFFSET value (RFC 5545, 3.3.14) in seconds; `+01:00`, which some clients write, is read too.
fn offset(value: &str) -> Option<i64> {
    let value = value.trim().replace(':', "");
    let (sign, digits) = match value.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |two| two.parse::<i64>().ok());
    Some(sign * (part(0)? * 3600 + part(2)? * 60 + part(4)?))
}

fn without_repeats(mut shifts: Shifts) -> Shifts {
    shifts.dedup_by_key(|(_, offset)| *offset);
    shifts
}
