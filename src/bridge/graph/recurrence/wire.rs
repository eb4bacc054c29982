//! `patternedRecurrence` as Graph sends and takes it: any letter case, members missing or null, idle values beside the
//! ones that count.

use crate::model::Weekday;
use jiff::civil::Date;
use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error;

/// The `recurrence` member of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternedRecurrence {
    /// Which days.
    pub pattern: RecurrencePattern,
    /// From when to when.
    pub range: RecurrenceRange,
}

/// `recurrencePattern`. Members the type does not use are left out when written and ignored when read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecurrencePattern {
    /// Which kind of pattern.
    #[serde(rename = "type")]
    pub kind: PatternType,
    /// Units of the type from one period to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// 1 to 12; 0 counts as missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<i64>,
    /// 1 to 31, moved to the last day of shorter months; 0 counts as missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<i64>,
    /// Days of the week.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub days_of_week: Vec<Day>,
    /// First day of the week; Graph's default is Sunday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day_of_week: Option<Day>,
    /// Which of the matching days of the month; Graph's default is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<WeekIndex>,
}

impl RecurrencePattern {
    /// A pattern of a kind with nothing else set.
    pub fn new(kind: PatternType, interval: u32) -> Self {
        Self {
            kind,
            interval: Some(i64::from(interval)),
            month: None,
            day_of_month: None,
            days_of_week: Vec::new(),
            first_day_of_week: None,
            index: None,
        }
    }
}

/// `recurrenceRange`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecurrenceRange {
    /// Which end counts.
    #[serde(rename = "type")]
    pub kind: RangeType,
    /// The date of the first instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Date>,
    /// The last date an instance may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Date>,
    /// How many instances the pattern has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_occurrences: Option<i64>,
    /// The zone of the dates, a Windows or IANA name; the event's own zone where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence_time_zone: Option<String>,
}

/// A day of the week as Graph spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Weekday);

/// `recurrencePatternType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternType {
    /// Every n days.
    Daily,
    /// Days of the week, every n weeks.
    Weekly,
    /// A day of the month, every n months.
    AbsoluteMonthly,
    /// A day of the week by its place in the month, every n months.
    RelativeMonthly,
    /// A day of one month, every n years.
    AbsoluteYearly,
    /// A day of the week by its place in one month, every n years.
    RelativeYearly,
}

/// `recurrenceRangeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeType {
    /// Up to and including a date.
    EndDate,
    /// Without end.
    NoEnd,
    /// A number of instances.
    Numbered,
}

/// `weekIndex`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeekIndex {
    /// The first matching day of the month.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
    /// The fourth.
    Fourth,
    /// The last.
    Last,
}

impl WeekIndex {
    /// The index of a BYSETPOS or of the number of a BYDAY.
    pub const fn of(position: i16) -> Option<Self> {
        match position {
            1 => Some(Self::First),
            2 => Some(Self::Second),
            3 => Some(Self::Third),
            4 => Some(Self::Fourth),
            -1 => Some(Self::Last),
            _ => None,
        }
    }

    /// The position as iCalendar counts.
    pub const fn position(self) -> i8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
            Self::Third => 3,
            Self::Fourth => 4,
            Self::Last => -1,
        }
    }
}

/// Graph's documentation spells these words in several letter cases; what is sent is its usual one.
macro_rules! spelled {
    ($name:ty, $($text:literal => $value:expr),+ $(,)?) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let pairs = [$(($text, $value)),+];
                let text = pairs.iter().find(|(_, value)| value == self).map_or("", |(text, _)| *text);
                serializer.serialize_str(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let pairs = [$(($text, $value)),+];
                let found = pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(&text));
                found.map(|(_, value)| value).ok_or_else(|| D::Error::unknown_variant(&text, &[$($text),+]))
            }
        }
    };
}

spelled!(Day,
    "monday" => Day(Weekday::Monday),
    "tuesday" => Day(Weekday::Tuesday),
    "wednesday" => Day(Weekday::Wednesday),
    "thursday" => Day(Weekday::Thursday),
    "friday" => Day(Weekday::Friday),
    "saturday" => Day(Weekday::Saturday),
    "sunday" => Day(Weekday::Sunday),
);

spelled!(PatternType,
    "daily" => PatternType::Daily,
    "weekly" => PatternType::Weekly,
    "absoluteMonthly" => PatternType::AbsoluteMonthly,
    "relativeMonthly" => PatternType::RelativeMonthly,
    "absoluteYearly" => PatternType::AbsoluteYearly,
    "relativeYearly" => PatternType::RelativeYearly,
);

spelled!(RangeType,
    "endDate" => RangeType::EndDate,
    "noEnd" => RangeType::NoEnd,
    "numbered" => RangeType::Numbered,
);

spelled!(WeekIndex,
    "first" => WeekIndex::First,
    "second" => WeekIndex::Second,
    "third" => WeekIndex::Third,
    "fourth" => WeekIndex::Fourth,
    "last" => WeekIndex::Last,
);

fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
