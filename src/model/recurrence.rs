//! A recurrence set in normal form (RFC 5545, 3.3.10 and 3.8.5). All times are wall-clock times of the event's zone,
//! so that a series never passes through UTC; an all-day series uses midnights.

use super::event::Override;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Which dates a series has besides its first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// The RRULE; `None` for a series given by RDATE alone.
    pub rule: Option<Rule>,
    /// Added starts (RDATE). A period's own duration becomes an override.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub rdates: BTreeSet<DateTime>,
    /// Removed starts (EXDATE, and overrides that were cancelled).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exdates: BTreeSet<DateTime>,
    /// What holds from an instance on until the next entry (RECURRENCE-ID with RANGE=THISANDFUTURE), by that instance's
    /// original start. Instances move by as much as that one does and last as long (RFC 5545, 3.8.4.4).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<RecurrenceId, Override>,
}

/// One RRULE. Empty lists mean that the part is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// FREQ.
    pub freq: Frequency,
    /// INTERVAL, at least 1.
    pub interval: u32,
    /// COUNT, UNTIL or neither.
    pub end: RuleEnd,
    /// WKST; RFC default Monday.
    pub week_start: Weekday,
    /// BYMONTH.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_month: Vec<i8>,
    /// BYWEEKNO.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_week_no: Vec<i8>,
    /// BYYEARDAY.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_year_day: Vec<i16>,
    /// BYMONTHDAY.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_month_day: Vec<i8>,
    /// BYDAY.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_day: Vec<WeekdayNum>,
    /// BYHOUR.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hour: Vec<i8>,
    /// BYMINUTE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_minute: Vec<i8>,
    /// BYSECOND.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_second: Vec<i8>,
    /// BYSETPOS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_set_pos: Vec<i16>,
}

impl Rule {
    /// A rule with nothing but a frequency: every 1, without end, weeks from Monday.
    pub const fn every(freq: Frequency) -> Self {
        Self {
            freq,
            interval: 1,
            end: RuleEnd::Never,
            week_start: Weekday::Monday,
            by_month: Vec::new(),
            by_week_no: Vec::new(),
            by_year_day: Vec::new(),
            by_month_day: Vec::new(),
            by_day: Vec::new(),
            by_hour: Vec::new(),
            by_minute: Vec::new(),
            by_second: Vec::new(),
            by_set_pos: Vec::new(),
        }
    }
}

/// FREQ. Sub-daily frequencies other than hourly are refused when an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Frequency {
    /// FREQ=HOURLY
    Hourly,
    /// FREQ=DAILY
    Daily,
    /// FREQ=WEEKLY
    Weekly,
    /// FREQ=MONTHLY
    Monthly,
    /// FREQ=YEARLY
    Yearly,
}

/// How a rule ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleEnd {
    /// No COUNT and no UNTIL.
    Never,
    /// COUNT, at least 1.
    Count(u32),
    /// UNTIL as a wall-clock time of the event's zone, inclusive.
    Until(DateTime),
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// MO
    Monday,
    /// TU
    Tuesday,
    /// WE
    Wednesday,
    /// TH
    Thursday,
    /// FR
    Friday,
    /// SA
    Saturday,
    /// SU
    Sunday,
}

impl Weekday {
    /// All days, Monday first.
    pub const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];

    /// The two letters of RFC 5545, 3.3.10.
    pub const fn as_ical(self) -> &'static str {
        match self {
            Self::Monday => "MO",
            Self::Tuesday => "TU",
            Self::Wednesday => "WE",
            Self::Thursday => "TH",
            Self::Friday => "FR",
            Self::Saturday => "SA",
            Self::Sunday => "SU",
        }
    }

    /// From `jiff`.
    pub const fn from_jiff(day: jiff::civil::Weekday) -> Self {
        match day {
            jiff::civil::Weekday::Monday => Self::Monday,
            jiff::civil::Weekday::Tuesday => Self::Tuesday,
            jiff::civil::Weekday::Wednesday => Self::Wednesday,
            jiff::civil::Weekday::Thursday => Self::Thursday,
            jiff::civil::Weekday::Friday => Self::Friday,
            jiff::civil::Weekday::Saturday => Self::Saturday,
            jiff::civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// One value of BYDAY: a day with an optional ordinal, e.g. `-1FR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WeekdayNum {
    /// The ordinal inside month or year; `None` for every such day.
    pub ordinal: Option<i8>,
    /// The day.
    pub day: Weekday,
}

/// Which instance an override stands for (RECURRENCE-ID): the original start as a wall-clock time of the master's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecurrenceId(pub DateTime);

/// `20260302T180000`, which sorts as the times do.
impl fmt::Display for RecurrenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y%m%dT%H%M%S"))
    }
}

impl FromStr for RecurrenceId {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::strptime("%Y%m%dT%H%M%S", text).map(Self)
    }
}

impl Serialize for RecurrenceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RecurrenceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
