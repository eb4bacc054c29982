//! What a room asks of its bookings: opening hours, buffers, how far ahead and how soon, how long, and approval.

use super::recurrence::Weekday;
use super::time::{TimeRange, Timestamp, ZoneId};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The rules of one room. The empty value asks nothing. Times are wall-clock times of the room's zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoomRules {
    /// When the room is open in every week; empty for always.
    pub opening_hours: Vec<WeeklyHours>,
    /// Days on which other hours hold than in the week.
    pub exceptions: Vec<DayException>,
    /// Minutes that stay free before every booking, to set the room up.
    pub buffer_before_minutes: u32,
    /// Minutes that stay free after every booking, to clean up.
    pub buffer_after_minutes: u32,
    /// How many days ahead a booking may begin; without it, any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon_days: Option<u32>,
    /// How many minutes before its beginning a booking must be made; without it, any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_minutes: Option<u32>,
    /// Shortest booking in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortest_minutes: Option<u32>,
    /// Longest booking in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_minutes: Option<u32>,
    /// Whether bookings stay tentative until somebody who administers the room confirms them.
    pub approval: bool,
    /// What becomes of bookings of connected systems that the room would have refused, if nobody decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub misfits: Option<Misfits>,
}

/// What becomes of a booking that stands in a connected system although the room would have refused it: it breaks a
/// rule, or the room is closed or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Misfits {
    /// It stands. Where the room is closed or taken it becomes tentative all the same.
    Keep,
    /// It becomes tentative at the deadline of its conflict.
    Tentative,
    /// It is cancelled at once, here and in the connected system.
    Decline,
}

/// Opening hours on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeeklyHours {
    /// The days on which they begin.
    pub days: Vec<Weekday>,
    /// First minute.
    #[schema(value_type = String, example = "08:00")]
    pub from: TimeOfDay,
    /// First minute after; not after `from` for hours that end on the next day.
    #[schema(value_type = String, example = "16:00")]
    pub to: TimeOfDay,
}

/// A stretch of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// First minute.
    #[schema(value_type = String, example = "08:00")]
    pub from: TimeOfDay,
    /// First minute after; not after `from` for hours that end on the next day.
    #[schema(value_type = String, example = "12:00")]
    pub to: TimeOfDay,
}

/// A day on which other hours hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DayException {
    /// The day.
    #[schema(value_type = String, example = "2026-12-24")]
    pub date: Date,
    /// Its hours; empty where the room is closed.
    #[serde(default)]
    pub hours: Vec<Hours>,
    /// Why, as people read it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A time of day in minutes since midnight; 24:00 is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

/// What is wrong with a time of day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of day; write HH:MM, from 00:00 to 24:00")]
pub struct NoTimeOfDay(String);

impl TimeOfDay {
    /// The first minute of a day.
    pub const MIDNIGHT: Self = Self(0);
    /// The end of a day.
    pub const END: Self = Self(MINUTES_OF_DAY);

    /// The wall-clock time on that day; 24:00 is midnight of the next one.
    pub fn on(self, date: Date) -> DateTime {
        let (day, minutes) = if self == Self::END { (next(date), 0) } else { (date, self.0) };
        let (hour, minute) = (i8::try_from(minutes / 60).unwrap_or(0), i8::try_from(minutes % 60).unwrap_or(0));
        day.to_datetime(Time::new(hour, minute, 0, 0).unwrap_or(Time::midnight()))
    }
}

const MINUTES_OF_DAY: u16 = 24 * 60;

impl FromStr for TimeOfDay {
    type Err = NoTimeOfDay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NoTimeOfDay(text.to_owned());
        let (hours, minutes) = text.trim().split_once(':').ok_or_else(wrong)?;
        let digits = |part: &str| -> Option<u16> {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let (Some(hours), Some(minutes)) = (digits(hours), digits(minutes)) else { return Err(wrong()) };
        let total = hours * 60 + minutes;
        if minutes > 59 || total > MINUTES_OF_DAY { Err(wrong()) } else { Ok(Self(total)) }
    }
}

/// `08:00`
impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Hours {
    /// The whole day.
    pub const ALL_DAY: Self = Self { from: TimeOfDay::MIDNIGHT, to: TimeOfDay::END };

    /// Start and end where these hours begin on that day.
    pub fn on(self, date: Date) -> (DateTime, DateTime) {
        let last = if self.to > self.from { date } else { next(date) };
        (self.from.on(date), self.to.on(last))
    }
}

/// `08:00-16:00`
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

impl WeeklyHours {
    /// The stretch of a day.
    pub const fn hours(&self) -> Hours {
        Hours { from: self.from, to: self.to }
    }
}

impl RoomRules {
    /// Whether the room has hours at all; otherwise it is always open.
    pub fn has_hours(&self) -> bool {
        !self.opening_hours.is_empty() || !self.exceptions.is_empty()
    }

    /// Minutes that stay free between two bookings.
    pub const fn gap_minutes(&self) -> u32 {
        self.buffer_before_minutes.saturating_add(self.buffer_after_minutes)
    }

    /// The exception that holds on a day.
    pub fn exception_on(&self, date: Date) -> Option<&DayException> {
        self.exceptions.iter().find(|exception| exception.date == date)
    }

    /// The hours that begin on a day, by their beginning; empty where the room stays closed.
    pub fn hours_on(&self, date: Date) -> Vec<Hours> {
        let mut hours = match self.exception_on(date) {
            Some(exception) => exception.hours.clone(),
            None if self.opening_hours.is_empty() => vec![Hours::ALL_DAY],
            None => self.weekly_hours(Weekday::from_jiff(date.weekday())),
        };
        hours.sort_unstable_by_key(|hours| hours.from);
        hours
    }

    fn weekly_hours(&self, day: Weekday) -> Vec<Hours> {
        self.opening_hours.iter().filter(|weekly| weekly.days.contains(&day)).map(WeeklyHours::hours).collect()
    }

    /// The stretches of `range` in which the room is open: sorted, none touching another. Costs as many steps as the
    /// range has days.
    pub fn open(&self, zone: &ZoneId, range: TimeRange) -> Vec<TimeRange> {
        if !self.has_hours() {
            return vec![range];
        }
        let mut stretches = Vec::new();
        // Hours of the day before may reach into the first day.
        let mut date = zone.wall(range.start).date().yesterday().unwrap_or(Date::MIN);
        let last = zone.wall(range.end).date();
        while date <= last {
            for hours in self.hours_on(date) {
                let (start, end) = hours.on(date);
                stretches.push(TimeRange::new(zone.instant(start), zone.instant(end)));
            }
            let Ok(following) = date.tomorrow() else { break };
            date = following;
        }
        joined(stretches, range)
    }

    /// The stretches of `range` in which the room is closed: sorted, none touching another.
    pub fn closed(&self, zone: &ZoneId, range: TimeRange) -> Vec<TimeRange> {
        let mut closed = Vec::new();
        let mut from = range.start;
        for open in self.open(zone, range) {
            if from < open.start {
                closed.push(TimeRange::new(from, open.start));
            }
            from = open.end;
        }
        if from < range.end {
            closed.push(TimeRange::new(from, range.end));
        }
        closed
    }

    /// The first instant at which no booking may begin any more, seen from `now`: the midnight after the last day.
    pub fn horizon(&self, zone: &ZoneId, now: Timestamp) -> Option<Timestamp> {
        let days = i64::from(self.horizon_days?) + 1;
        let date = zone.wall(now).date().checked_add(days.days()).unwrap_or(Date::MAX);
        Some(zone.instant(date.to_datetime(Time::midnight())))
    }
}

/// The day after.
fn next(date: Date) -> Date {
    date.tomorrow().unwrap_or(Date::MAX)
}

/// Stretches cut to `range`, sorted, those that touch made one.
fn joined(mut stretches: Vec<TimeRange>, range: TimeRange) -> Vec<TimeRange> {
    stretches.sort_unstable_by_key(|stretch| stretch.start);
    let mut joined: Vec<TimeRange> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        let cut = TimeRange::new(stretch.start.max(range.start), stretch.end.min(range.end));
        match joined.last_mut() {
            _ if cut.start >= cut.end => {}
            Some(last) if cut.start <= last.end => last.end = last.end.max(cut.end),
            _ => joined.push(cut),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn oslo() -> ZoneId {
        ZoneId::parse("Europe/Oslo").unwrap()
    }

    fn rules(json: &str) -> RoomRules {
        serde_json::from_str(json).unwrap()
    }

    /// Open stretches between two midnights of Oslo, as wall-clock text.
    fn open(rules: &RoomRules, from: Date, to: Date) -> Vec<String> {
        let zone = oslo();
        let midnight = |date: Date| zone.instant(date.to_datetime(Time::midnight()));
        let text = |at: Timestamp| zone.wall(at).strftime("%d %H:%M").to_string();
        rules
            .open(&zone, TimeRange::new(midnight(from), midnight(to)))
            .into_iter()
            .map(|stretch| format!("{} - {}", text(stretch.start), text(stretch.end)))
            .collect()
    }

    const OFFICE: &str = r#"{"opening_hours":[{"days":["monday","tuesday"],"from":"08:00","to":"16:00"}],
        "exceptions":[{"date":"2026-03-03","hours":[{"from":"10:00","to":"12:00"}],"note":"Training"},
                      {"date":"2026-03-08","hours":[{"from":"00:00","to":"24:00"}]},
                      {"date":"2026-03-09"}]}"#;

    #[test]
    fn a_week_with_exceptions() {
        let rules = rules(OFFICE);
        assert_eq!(
            open(&rules, date(2026, 3, 2), date(2026, 3, 11)),
            ["02 08:00 - 02 16:00", "03 10:00 - 03 12:00", "08 00:00 - 09 00:00", "10 08:00 - 10 16:00"]
        );
        assert_eq!(rules.hours_on(date(2026, 3, 9)), []);
        assert_eq!(rules.exception_on(date(2026, 3, 3)).unwrap().note, "Training");
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_they_begin_on_and_join_with_the_next() {
        let rules = rules(
            r#"{"opening_hours":[{"days":["friday"],"from":"18:00","to":"02:00"},
                                 {"days":["saturday"],"from":"02:00","to":"04:00"}]}"#,
        );
        assert_eq!(open(&rules, date(2026, 3, 6), date(2026, 3, 8)), ["06 18:00 - 07 04:00"]);
        assert_eq!(open(&rules, date(2026, 3, 7), date(2026, 3, 8)), ["07 00:00 - 07 04:00"]);
    }

    #[test]
    fn hours_are_wall_clock_times_on_both_sides_of_the_change_of_the_clocks() {
        let rules = rules(r#"{"opening_hours":[{"days":["saturday","sunday","monday"],"from":"00:00","to":"24:00"}]}"#);
        let zone = oslo();
        let at = |d: Date| zone.instant(d.to_datetime(Time::midnight()));
        let range = TimeRange::new(at(date(2026, 3, 28)), at(date(2026, 3, 31)));
        let stretches = rules.open(&zone, range);
        assert_eq!(stretches, [range], "one stretch");
        assert_eq!((range.end.ms() - range.start.ms()) / 3_600_000, 71, "of which an hour is missing");
        let early = super::tests::rules(r#"{"opening_hours":[{"days":["sunday"],"from":"02:30","to":"05:00"}]}"#);
        assert_eq!(open(&early, date(2026, 3, 29), date(2026, 3, 30)), ["29 03:30 - 29 05:00"]);
        assert_eq!(open(&early, date(2026, 10, 25), date(2026, 10, 26)), ["25 02:30 - 25 05:00"]);
    }

    #[test]
    fn closed_is_what_is_not_open_and_without_hours_nothing_is() {
        let rules = rules(OFFICE);
        let range = TimeRange::new(Timestamp(1_772_400_000_000), Timestamp(1_773_000_000_000));
        let mut all: Vec<TimeRange> = rules.open(&oslo(), range);
        all.extend(rules.closed(&oslo(), range));
        assert_eq!(joined(all, range), [range]);
        assert_eq!(RoomRules::default().closed(&oslo(), range), []);
        assert_eq!(RoomRules::default().open(&oslo(), range), [range]);
        let only_closed_once = super::tests::rules(r#"{"exceptions":[{"date":"2026-03-03"}]}"#);
        assert_eq!(only_closed_once.closed(&oslo(), range).len(), 1);
    }

    #[test]
    fn times_of_day_read_back_and_nonsense_is_refused() {
        for text in ["00:00", "08:05", "23:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        for text in ["", "8:00", "24:01", "12:60", "1200", "-1:00", "08:00:00", "+8:00"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_horizon_is_the_midnight_after_the_last_day() {
        let rules = rules(r#"{"horizon_days":2}"#);
        let now = Timestamp(1_772_438_400_000);
        assert_eq!(rules.horizon(&oslo(), now).unwrap().to_string(), "2026-03-04T23:00:00Z");
        assert_eq!(RoomRules::default().horizon(&oslo(), now), None);
    }

    #[test]
    fn rules_read_back_as_they_were_written() {
        let rules = rules(OFFICE);
        let text = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<RoomRules>(&text).unwrap(), rules);
        assert_eq!(serde_json::from_str::<RoomRules>("{}").unwrap(), RoomRules::default());
        assert!(serde_json::from_str::<RoomRules>(r#"{"opening":1}"#).is_err());
    }
}
