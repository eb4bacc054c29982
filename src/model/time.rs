//! Instants, ranges, zones, and the one place that reads the clock.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The smallest instant a calendar query can name (RFC 5545 dates have four digits).
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// The largest instant a calendar query can name: 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(253_402_300_799_000);

    /// Milliseconds since the epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// This instant moved by `ms` milliseconds, saturating at the ends.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant moved by whole days of 24 hours.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_ms(days.saturating_mul(86_400_000))
    }

    /// The same instant for `jiff`; clamped to the range `jiff` knows.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }

    /// From `jiff`, cut to milliseconds.
    pub fn from_jiff(instant: jiff::Timestamp) -> Self {
        Self(instant.as_millisecond())
    }
}

/// RFC 3339 in UTC with seconds, as people read it: `2026-03-02T18:00:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// A half-open range of instants: `start <= t < end`. Open ends are `Timestamp::MIN` and `Timestamp::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}

impl TimeRange {
    /// All time.
    pub const ALL: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// A range from two instants.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// Whether two half-open ranges share an instant.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The name of a time zone in the IANA database, e.g. `Europe/Oslo`; `UTC` for Coordinated Universal Time. A zone that
/// only a client's VTIMEZONE knows is named by its rules: `Custom/` and a POSIX TZ string with `_` for commas and `.` for
/// colons, so that it needs no quotes in iCalendar. Built by `ical::zone` (which resolves Windows names and aliases) or from configuration after a check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ZoneId(String);

impl ZoneId {
    /// What the names of zones begin with that are made of rules.
    const CUSTOM: &str = "Custom/";

    /// The zone with the rules of a POSIX TZ string.
    pub fn custom(posix: &str) -> Option<Self> {
        Self::parse(&format!("{}{}", Self::CUSTOM, posix.replace(',', "_").replace(':', ".")))
    }

    /// The POSIX TZ string of a zone made of rules.
    pub fn posix(&self) -> Option<String> {
        let mut pieces = self.0.strip_prefix(Self::CUSTOM)?.split('_');
        let mut posix = pieces.next()?.replace('.', ":");
        for piece in pieces {
            let (day, time) = piece.split_once('/').unwrap_or((piece, "2"));
            posix.extend([",", day, "/", &time.replace('.', ":")]);
        }
        Some(posix)
    }

    /// Coordinated Universal Time.
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// The zone of that name, if the bundled database knows it (any letter case; the answer has the database's case).
    pub fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") || name.eq_ignore_ascii_case("etc/utc") {
            return Some(Self::utc());
        }
        if name.starts_with(Self::CUSTOM) {
            let zone = Self(name.to_owned());
            return zone.posix().and_then(|posix| jiff::tz::TimeZone::posix(&posix).ok()).map(|_| zone);
        }
        let zone = jiff::tz::TimeZone::get(name).ok()?;
        Some(Self(zone.iana_name()?.to_owned()))
    }

    /// The IANA name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The zone's rules. A name that was checked when it was made is always found; `UTC` stands in otherwise.
    pub fn rules(&self) -> jiff::tz::TimeZone {
        if self.0 == "UTC" {
            return jiff::tz::TimeZone::UTC;
        }
        if let Some(rules) = self.posix().and_then(|posix| jiff::tz::TimeZone::posix(&posix).ok()) {
            return rules;
        }
        jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    /// The instant of a wall-clock time in this zone. A time in a gap moves forward by the gap, the first of two
    /// ambiguous times is taken (RFC 5545, 3.3.5).
    pub fn instant(&self, wall: jiff::civil::DateTime) -> Timestamp {
        self.rules()
            .to_ambiguous_zoned(wall)
            .compatible()
            .map_or(Timestamp::MAX, |zoned| Timestamp::from_jiff(zoned.timestamp()))
    }

    /// The wall-clock time of an instant in this zone.
    pub fn wall(&self, instant: Timestamp) -> jiff::civil::DateTime {
        self.rules().to_datetime(instant.to_jiff())
    }
}

impl fmt::Display for ZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the time comes from. An argument everywhere, so that tests and simulations own it.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;

    /// Whether it shows the time of the world, as the clock of a database does too.
    fn is_of_the_world(&self) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_jiff(jiff::Timestamp::now())
    }

    fn is_of_the_world(&self) -> bool {
        true
    }
}

/// A clock that moves only when told.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock by `ms` milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_time_in_the_spring_gap_moves_forward_and_the_first_ambiguous_time_is_taken() {
        let oslo = ZoneId::parse("europe/oslo").unwrap();
        assert_eq!(oslo.as_str(), "Europe/Oslo");
        let gap = oslo.instant(date(2026, 3, 29).at(2, 30, 0, 0));
        assert_eq!(gap.to_string(), "2026-03-29T01:30:00Z");
        let fold = oslo.instant(date(2026, 10, 25).at(2, 30, 0, 0));
        assert_eq!(fold.to_string(), "2026-10-25T00:30:00Z");
    }
}
