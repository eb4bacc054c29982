//! One event of a mailbox: times as wall clock in a zone, a series with its exceptions, and its instances.

use super::series;
use super::series::Pattern;
use super::series::Range;
use super::wire::Failure;
use crate::model::TimeRange;
use crate::model::Timestamp;
use crate::model::ZoneId;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::civil::DateTime;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// One stored event: a single instance or the master of a series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    /// The id without the prefix that tells its form.
    pub stem: String,
    /// The mailbox's change number when this event last changed; the change key is made of it.
    pub seq: u64,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub ical_uid: String,
    pub transaction: Option<String>,
    /// Writable members besides times, recurrence and extended properties.
    pub props: Map<String, Value>,
    /// singleValueExtendedProperties by id.
    pub extended: BTreeMap<String, String>,
    pub times: Times,
    pub series: Option<Series>,
    pub organizer: Address,
    pub is_organizer: bool,
    /// responseStatus.response.
    pub response: String,
    pub responded: Option<Timestamp>,
    pub cancelled: bool,
}

/// A person or room by mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Address {
    pub name: String,
    pub address: String,
}

/// Start and end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Times {
    pub start: DateTime,
    pub end: DateTime,
    pub zone: ZoneId,
    /// originalStartTimeZone: the zone's name as it was given.
    pub start_name: String,
    /// originalEndTimeZone.
    pub end_name: String,
    pub all_day: bool,
}

/// What makes an event a master. Dates are those of the pattern, in the series' zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Series {
    pub pattern: Pattern,
    pub range: Range,
    pub cancelled: BTreeSet<Date>,
    pub exceptions: BTreeMap<Date, Exception>,
}

/// A changed instance: only what differs from the master.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Exception {
    pub seq: u64,
    pub props: Map<String, Value>,
    pub extended: BTreeMap<String, String>,
    pub times: Option<Times>,
}

/// One instance of a series.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    /// The pattern's date.
    pub date: Date,
    pub times: Times,
    pub is_exception: bool,
}

impl Times {
    /// The instants covered. An all-day event counts from midnight to midnight of its own zone.
    pub fn range(&self) -> TimeRange {
        TimeRange::new(self.zone.instant(self.start), self.zone.instant(self.end))
    }

    /// Whether the event touches the window; one without duration does when it starts inside.
    pub fn inside(&self, window: &TimeRange) -> bool {
        let own = self.range();
        if own.start == own.end {
            return window.start <= own.start && own.start < window.end;
        }
        own.overlaps(window)
    }

    /// The same times on another date.
    pub fn on(&self, date: Date) -> Self {
        let length = self.start.until((jiff::Unit::Second, self.end)).unwrap_or_default();
        let start = date.to_datetime(self.start.time());
        let end = start.checked_add(length).unwrap_or(start);
        Self { start, end, ..self.clone() }
    }

    /// Refuses what Exchange refuses: an end before the start, five years, all-day times off midnight.
    pub fn check(&self) -> Result<(), Failure> {
        if self.end < self.start {
            let text = "The end date of the calendar item is earlier than the start date.";
            return Err(Failure::new(400, "ErrorCalendarEndDateIsEarlierThanStartDate", text));
        }
        if self.start.checked_add(5.years()).is_ok_and(|limit| self.end > limit) {
            return Err(Failure::new(400, "ErrorCalendarDurationIsTooLong", "The duration is longer than five years."));
        }
        let midnight = jiff::civil::Time::midnight();
        let whole = self.start.time() == midnight && self.end.time() == midnight && self.end > self.start;
        if self.all_day && !whole {
            let text = "The Event.Start and Event.End properties of an all-day event must be set to midnight, \
                        and the event must last at least one day.";
            return Err(Failure::new(400, "ErrorPropertyValidationFailure", text));
        }
        if self.all_day && self.start_name != self.end_name {
            let text = "The start and end of an all-day event must be in the same time zone.";
            return Err(Failure::new(400, "ErrorPropertyValidationFailure", text));
        }
        Ok(())
    }
}

impl Item {
    /// The master's instances that touch the window, cancelled ones left out, in order of their dates.
    pub fn instances(&self, window: &TimeRange) -> Vec<Instance> {
        let Some(series) = &self.series else { return Vec::new() };
        let until = self.times.zone.wall(window.end).date().checked_add(1.day()).unwrap_or(Date::MAX);
        self.all_instances(series, until).into_iter().filter(|instance| instance.times.inside(window)).collect()
    }

    fn all_instances(&self, series: &Series, until: Date) -> Vec<Instance> {
        let dates = series::dates(&series.pattern, &series.range, until);
        let kept = dates.into_iter().filter(|date| !series.cancelled.contains(date));
        kept.map(|date| self.instance_on(series, date)).collect()
    }

    fn instance_on(&self, series: &Series, date: Date) -> Instance {
        let exception = series.exceptions.get(&date);
        let times = exception.and_then(|exception| exception.times.clone()).unwrap_or_else(|| self.times.on(date));
        Instance { date, times, is_exception: exception.is_some() }
    }

    /// The instance of one pattern date; `None` when the pattern has no such date or it was cancelled.
    pub fn instance(&self, date: Date) -> Option<Instance> {
        let series = self.series.as_ref()?;
        let known = series::dates(&series.pattern, &series.range, date).last() == Some(&date);
        (known && !series.cancelled.contains(&date)).then(|| self.instance_on(series, date))
    }

    /// Everything this event covers inside the window.
    pub fn covered(&self, window: &TimeRange) -> Vec<Times> {
        if self.series.is_some() {
            return self.instances(window).into_iter().map(|instance| instance.times).collect();
        }
        if self.times.inside(window) { vec![self.times.clone()] } else { Vec::new() }
    }

    /// Refuses to move an instance to or across the day of a neighbour (event: update).
    pub fn check_boundary(&self, date: Date, moved: &Times) -> Result<(), Failure> {
        let Some(series) = &self.series else { return Ok(()) };
        let until = date.checked_add(800.days()).unwrap_or(Date::MAX);
        let all = self.all_instances(series, until);
        let day_of = |times: &Times| self.times.zone.wall(times.range().start).date();
        let before = all.iter().rev().find(|other| other.date < date);
        let after = all.iter().find(|other| other.date > date);
        let own = day_of(moved);
        let crosses = before
            .is_some_and(|other| own <= day_of(&other.times) || other.times.range().overlaps(&moved.range()))
            || after.is_some_and(|other| own >= day_of(&other.times) || other.times.range().overlaps(&moved.range()));
        if crosses {
            let text = "Modified occurrence is crossing or overlapping adjacent occurrence.";
            return Err(Failure::new(400, "ErrorOccurrenceCrossingBoundary", text));
        }
        Ok(())
    }

    /// Whether the event takes the room.
    pub fn is_busy(&self) -> bool {
        !self.cancelled && self.props.get("showAs").and_then(Value::as_str) != Some("free")
    }
}

/// The zone behind a Windows or IANA name.
pub(super) fn zone_of(name: &str) -> Option<ZoneId> {
    if name.eq_ignore_ascii_case("UTC") || name == "tzone://Microsoft/Utc" {
        return Some(ZoneId::utc());
    }
    match name.parse::<windows_timezones::WindowsTimezone>() {
        Ok(windows) => ZoneId::parse(windows.tzdb_id()),
        Err(_unknown) => ZoneId::parse(name),
    }
}
