//! Typed values of content lines: dates, times with their spelling, durations (RFC 5545, 3.3).

use super::component::Component;
use super::error::IcalError;
use super::line::ContentLine;
use super::zone;
use crate::model::EventTime;
use crate::model::Timestamp;
use crate::model::ZoneId;
use jiff::Span;
use jiff::civil::Date;
use jiff::civil::DateTime;
use jiff::civil::Time;
use std::collections::BTreeMap;

/// How a date or time is spelled, so that an edit spells the new one alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// VALUE=DATE.
    Date,
    /// A time without zone.
    Floating,
    /// A time ending in Z.
    Utc,
    /// A time with this TZID.
    Zoned(String),
}

/// A date or time with its spelling and the zone it means; dates have no zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimeValue {
    pub(crate) form: Form,
    pub(crate) wall: DateTime,
    pub(crate) zone: Option<ZoneId>,
}

impl TimeValue {
    /// The instant; dates are taken in `day_zone`.
    pub(crate) fn instant(&self, day_zone: &ZoneId) -> Timestamp {
        self.zone.as_ref().unwrap_or(day_zone).instant(self.wall)
    }

    /// The wall-clock start this value names in a series that begins at `master`.
    pub(crate) fn in_series(&self, master: &EventTime, floating: &ZoneId) -> DateTime {
        match (&self.zone, master.zone()) {
            (None, None) => self.wall,
            // A date names the instance of that day.
            (None, Some(_)) => self.wall.date().to_datetime(master.wall_start().time()),
            (Some(own), None) if self.form == Form::Utc => {
                floating.wall(own.instant(self.wall)).date().to_datetime(Time::midnight())
            }
            (Some(_), None) => self.wall.date().to_datetime(Time::midnight()),
            (Some(own), Some(zone)) if own == zone => self.wall,
            (Some(own), Some(_)) => master.original_start(own.instant(self.wall)).unwrap_or(self.wall),
        }
    }
}

/// What the TZIDs of one object mean.
pub(crate) struct Zones<'a> {
    floating: &'a ZoneId,
    described: BTreeMap<String, Option<ZoneId>>,
}

impl<'a> Zones<'a> {
    /// Resolves the VTIMEZONEs of an object; `floating` is the zone of times without one.
    pub(crate) fn of(root: &Component, floating: &'a ZoneId) -> Self {
        let described = root
            .components_named("VTIMEZONE")
            .filter_map(|component| {
                let tzid = component.line("TZID")?.value.clone();
                // Nearly every zone is known by its name, and its description is not looked at.
                let by_name = zone::resolve(&tzid, None, Some(floating));
                let zone = by_name.or_else(|| zone::resolve(&tzid, Some(&component.emit()), Some(floating)));
                Some((tzid, zone))
            })
            .collect();
        Self { floating, described }
    }

    /// The zone of times without one.
    pub(crate) const fn floating(&self) -> &ZoneId {
        self.floating
    }

    fn resolve(&self, tzid: &str) -> Option<ZoneId> {
        match self.described.get(tzid) {
            Some(zone) => zone.clone(),
            None => zone::resolve(tzid, None, Some(self.floating)),
        }
    }

    /// One date or time of a line that may hold several.
    pub(crate) fn time(&self, line: &ContentLine, text: &str) -> Result<TimeValue, IcalError> {
        let text = text.trim();
        let bad = || IcalError::at_line(line.number, &format!("{} is no date or time: {text:?}", line.name));
        if text.len() == 8 || line.param("VALUE").is_some_and(|value| value.eq_ignore_ascii_case("DATE")) {
            let wall = parse_date(text).ok_or_else(bad)?.to_datetime(Time::midnight());
            return Ok(TimeValue { form: Form::Date, wall, zone: None });
        }
        let (local, utc) = text.strip_suffix(['Z', 'z']).map_or((text, false), |local| (local, true));
        let wall = parse_local(local).ok_or_else(bad)?;
        if utc {
            return Ok(TimeValue { form: Form::Utc, wall, zone: Some(ZoneId::utc()) });
        }
        let Some(tzid) = line.param("TZID") else {
            return Ok(TimeValue { form: Form::Floating, wall, zone: Some(self.floating.clone()) });
        };
        let zone = self.resolve(tzid).ok_or_else(|| unknown_zone(line, tzid))?;
        Ok(TimeValue { form: Form::Zoned(tzid.to_owned()), wall, zone: Some(zone) })
    }
}

fn unknown_zone(line: &ContentLine, tzid: &str) -> IcalError {
    let what = format!("{} names the unknown time zone {tzid:?}; use an IANA name such as Europe/Oslo", line.name);
    IcalError::at_line(line.number, &what)
}

/// Whole days and seconds; both count in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration {
    pub(crate) negative: bool,
    pub(crate) days: i64,
    pub(crate) seconds: i64,
}

impl Duration {
    /// RFC 5545, 3.3.6: `P15DT5H0M20S`, `-PT15M`, `P7W`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        let text = text.strip_prefix('P')?;
        let (days, clock) = text.split_once('T').unwrap_or((text, ""));
        let (days, clock) = (sum_units(days, &[('W', 7), ('D', 1)])?, sum_units(clock, CLOCK)?);
        (!text.is_empty() && text != "T").then_some(Self { negative, days, seconds: clock })
    }

    /// A time moved by this duration: days on the calendar, seconds as time elapsed.
    pub(crate) fn after(self, wall: DateTime, zone: &ZoneId) -> Option<DateTime> {
        let sign = if self.negative { -1 } else { 1 };
        let moved = wall.checked_add(Span::new().try_days(sign * self.days).ok()?).ok()?;
        if self.seconds == 0 {
            return Some(moved);
        }
        Some(wall_not_before(zone.instant(moved).plus_ms(sign * self.seconds * 1000), zone))
    }

    /// The length in milliseconds, a day taken as 24 hours.
    pub(crate) const fn ms(self) -> i64 {
        let length = (self.days * 86_400 + self.seconds) * 1000;
        if self.negative { -length } else { length }
    }
}

const CLOCK: &[(char, i64)] = &[('H', 3600), ('M', 60), ('S', 1)];

fn sum_units(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..=7).contains(end))?;
        let number: i64 = text[..end].parse().ok()?;
        let unit = text[end..].chars().next()?;
        sum += number * units.iter().find(|(name, _)| *name == unit)?.1;
        text = &text[end + 1..];
    }
    Some(sum)
}

/// The wall-clock time of an instant. The second of two ambiguous hours has no wall-clock time of its own: the next
/// time that names its instant unambiguously is taken, so that an event never ends before it begins.
pub(crate) fn wall_not_before(instant: Timestamp, zone: &ZoneId) -> DateTime {
    const STEP_MS: i64 = 900_000;
    (0..16)
        .map(|step| instant.plus_ms(step * STEP_MS))
        .find(|later| zone.instant(zone.wall(*later)) == *later)
        .map_or_else(|| zone.wall(instant), |later| zone.wall(later))
}

/// `YYYYMMDD`.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok()
}

/// `YYYYMMDDTHHMMSS`; a leap second counts as the second before.
fn parse_local(text: &str) -> Option<DateTime> {
    let (date, clock) = text.split_once(['T', 't'])?;
    if clock.len() != 6 || !clock.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let second: i8 = clock[4..].parse().ok()?;
    let second = if second == 60 { 59 } else { second };
    let time = Time::new(clock[..2].parse().ok()?, clock[2..4].parse().ok()?, second, 0).ok()?;
    Some(parse_date(date)?.to_datetime(time))
}

/// A UTC time such as DTSTAMP; the Z that some clients forget is not asked for.
pub(crate) fn parse_utc(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Some(ZoneId::utc().instant(parse_local(text.strip_suffix(['Z', 'z']).unwrap_or(text))?))
}

/// An instant as `YYYYMMDDTHHMMSSZ`.
pub(crate) fn utc_text(instant: Timestamp) -> String {
    instant.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A date or time as the value of a line spelled in `form`.
pub(crate) fn time_text(wall: DateTime, form: &Form) -> String {
    match form {
        Form::Date => wall.strftime("%Y%m%d").to_string(),
        Form::Utc => wall.strftime("%Y%m%dT%H%M%SZ").to_string(),
        Form::Floating | Form::Zoned(_) => wall.strftime("%Y%m%dT%H%M%S").to_string(),
    }
}

/// A line with a date or time.
pub(crate) fn time_line(name: &str, wall: DateTime, form: &Form) -> ContentLine {
    times_line(name, [wall], form)
}

/// A line with several dates or times.
pub(crate) fn times_line(name: &str, walls: impl IntoIterator<Item = DateTime>, form: &Form) -> ContentLine {
    let values: Vec<String> = walls.into_iter().map(|wall| time_text(wall, form)).collect();
    let value = values.join(",");
    match form {
        Form::Date => ContentLine::new(name, &[("VALUE", "DATE")], &value),
        Form::Zoned(tzid) => ContentLine::new(name, &[("TZID", tzid)], &value),
        Form::Utc | Form::Floating => ContentLine::new(name, &[], &value),
    }
}
