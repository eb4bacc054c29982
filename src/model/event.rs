//! The normal form of one booking: what every bridge translates to and from, and what the planner compares.

use super::object::{Fingerprint, Uid};
use super::recurrence::{Recurrence, RecurrenceId};
use super::time::{Timestamp, ZoneId};
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A single event, or a series with its overrides. One UID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The iCalendar UID.
    pub uid: Uid,
    /// The reservation class, which ranks colliding bookings.
    #[serde(default)]
    pub class: ReservationClass,
    /// When the event, or the first instance of the series, takes place.
    pub when: EventTime,
    /// What the event, or the series, is.
    pub content: Content,
    /// The recurrence set; `None` for a single event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// Instances that differ from the series, by their original start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<RecurrenceId, Override>,
}

impl Event {
    /// Whether it consists of instances alone: overrides of a series whose master is kept elsewhere (RFC 4791, 4.1).
    /// Its own time and content then repeat the first of them.
    pub fn is_instances_alone(&self) -> bool {
        self.recurrence.is_none() && !self.overrides.is_empty()
    }

    /// Hash of everything that counts as content, for loop prevention and no-op detection. The first characters name
    /// the version of the normal form, so that an upgrade of the form cannot be taken for an edit of every booking.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }

    /// What an instance is: as its override says, else as the change that holds from an earlier instance on, else as the
    /// series. `None` stands for the event itself.
    pub fn content_of(&self, id: Option<RecurrenceId>) -> &Content {
        let Some(id) = id else { return &self.content };
        let changed = self.overrides.get(&id).or_else(|| {
            let changes = &self.recurrence.as_ref()?.changes;
            changes.range(..=id).next_back().map(|(_, changed)| changed)
        });
        changed.map_or(&self.content, |changed| &changed.content)
    }

    /// Everything this event says besides times: the series', its changes' and its overrides' content.
    pub fn contents(&self) -> impl Iterator<Item = &Content> {
        let changes = self.recurrence.iter().flat_map(|recurrence| recurrence.changes.values());
        let others = changes.chain(self.overrides.values()).map(|other| &other.content);
        std::iter::once(&self.content).chain(others)
    }

    /// As [`Event::contents`], to be edited.
    pub fn contents_mut(&mut self) -> impl Iterator<Item = &mut Content> {
        let changes = self.recurrence.iter_mut().flat_map(|recurrence| recurrence.changes.values_mut());
        let others = changes.chain(self.overrides.values_mut()).map(|other| &mut other.content);
        std::iter::once(&mut self.content).chain(others)
    }
}

/// An instance that differs from its series: its own time and content (RECURRENCE-ID).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// When this instance takes place.
    pub when: EventTime,
    /// What this instance is.
    pub content: Content,
}

/// When something takes place: days, or wall-clock times with their zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTime {
    /// Whole days; `end` is the day after the last.
    AllDay {
        /// First day.
        start: Date,
        /// Day after the last; at least one day after `start`.
        end: Date,
    },
    /// Wall-clock times of one zone. An end that was given in another zone is converted to the start's.
    Timed {
        /// Wall-clock start.
        start: DateTime,
        /// Wall-clock end, not before `start` as an instant.
        end: DateTime,
        /// The zone of both.
        zone: ZoneId,
    },
}

impl EventTime {
    /// The wall-clock start; midnight for whole days.
    pub fn wall_start(&self) -> DateTime {
        match self {
            Self::AllDay { start, .. } => start.to_datetime(jiff::civil::Time::midnight()),
            Self::Timed { start, .. } => *start,
        }
    }

    /// The wall-clock end; midnight for whole days.
    pub fn wall_end(&self) -> DateTime {
        match self {
            Self::AllDay { end, .. } => end.to_datetime(jiff::civil::Time::midnight()),
            Self::Timed { end, .. } => *end,
        }
    }

    /// The instants of start and end. Whole days are taken in `day_zone`, the zone of the room or of the query.
    pub fn instants(&self, day_zone: &ZoneId) -> (Timestamp, Timestamp) {
        let zone = self.zone().unwrap_or(day_zone);
        (zone.instant(self.wall_start()), zone.instant(self.wall_end()))
    }

    /// Whether both are the same stretch of time, in whatever zones it is written: 10:00 in UTC is 11:00 in Oslo. A time
    /// and a whole day never are.
    pub fn is_same_span(&self, other: &Self) -> bool {
        match (self.zone(), other.zone()) {
            (Some(zone), Some(_)) => self.instants(zone) == other.instants(zone),
            (None, None) => self == other,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// The original start of the instance of a series that begins at this time, from the instant it starts at: in the
    /// zone of the series. Behind a spring gap one instant has two wall-clock times; of an instance that the gap moved,
    /// the one that the series names is meant.
    pub fn original_start(&self, instant: Timestamp) -> Option<DateTime> {
        let zone = self.zone()?;
        let wall = zone.wall(instant);
        let named = wall.date().to_datetime(self.wall_start().time());
        Some(if zone.instant(named) == instant { named } else { wall })
    }

    /// The zone of timed events; `None` for whole days.
    pub fn zone(&self) -> Option<&ZoneId> {
        match self {
            Self::AllDay { .. } => None,
            Self::Timed { zone, .. } => Some(zone),
        }
    }

    /// Whether this is whole days.
    pub const fn is_all_day(&self) -> bool {
        matches!(self, Self::AllDay { .. })
    }
}

/// What an event is. Text is NFC-agnostic plain text with `\n` line ends and no surrounding white space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// SUMMARY.
    pub summary: String,
    /// DESCRIPTION.
    pub description: String,
    /// LOCATION.
    pub location: String,
    /// ORGANIZER: who is responsible for the booking.
    pub organizer: Option<Person>,
    /// ATTENDEEs, sorted by address.
    pub attendees: Vec<Person>,
    /// STATUS.
    pub status: EventStatus,
    /// Whether the time counts as taken (TRANSP:OPAQUE).
    pub busy: bool,
    /// CLASS.
    pub privacy: Privacy,
}

/// A person as calendars name them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// Common name; may be empty.
    pub name: String,
    /// E-mail address in lower case; may be empty where a system knows only names.
    pub email: String,
}

/// STATUS of a VEVENT (RFC 5545, 3.8.1.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    /// Takes place.
    #[default]
    Confirmed,
    /// Waits for confirmation; still takes the slot.
    Tentative,
    /// Does not take place; kept visible for a while.
    Cancelled,
}

/// CLASS of a VEVENT (RFC 5545, 3.8.1.3); unknown values count as private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// Anyone who may read the room may read the details.
    #[default]
    Public,
    /// Others see only that the room is taken.
    Private,
    /// As private.
    Confidential,
}

/// Reservation classes of booking systems, weakest first, so that `>` means "outranks".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ReservationClass {
    /// A season's standing grant of a slot to an organisation.
    Allocation,
    /// A use inside an allocation.
    Booking,
    /// An arrangement; the class of everything written by calendar clients.
    #[default]
    Event,
    /// The room is closed.
    Closure,
}
