//! Bookings as JSON.

use super::time;
use crate::ical::freebusy::{BusyKind, BusyPeriod};
use crate::ical::rule;
use crate::manage::bookings::Booking;
use crate::model::EventStatus;
use crate::model::EventTime;
use crate::model::Person;
use crate::model::Privacy;
use crate::model::Recurrence;
use crate::model::ReservationClass;
use crate::model::TimeRange;
use crate::store::rooms::Room;
use jiff::civil::DateTime;
use serde::Serialize;

/// A booking, or a series of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BookingView {
    /// Its UID.
    pub uid: String,
    /// Slug of its room.
    pub room: String,
    #[serde(flatten)]
    what: OccasionView,
    /// Its reservation class.
    pub class: ReservationClass,
    /// How it repeats; absent for a single booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<RecurrenceView>,
    /// Instances that differ from the series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceOccasionView>,
    /// Where it was born: `hub` or the id of a mapping.
    pub origin: String,
    /// The name of its calendar object, the last segment of its CalDAV URL.
    pub object: String,
    /// Its validator, as in the header `ETag`.
    pub etag: String,
    /// When it was made here.
    pub created: String,
    /// When it last changed.
    pub modified: String,
}

/// When and what.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OccasionView {
    /// Its start: a wall-clock time of `zone`, or a day.
    pub start: String,
    /// Its end, written alike; for whole days the day after the last.
    pub end: String,
    /// IANA name of the zone; absent for whole days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Its start in UTC.
    pub start_utc: String,
    /// Its end in UTC.
    pub end_utc: String,
    /// Its title.
    pub summary: String,
    /// More about it.
    pub description: String,
    /// Where exactly.
    pub location: String,
    /// Who is responsible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizer: Option<PersonView>,
    /// Who takes part.
    pub attendees: Vec<PersonView>,
    /// `confirmed`, `tentative` or `cancelled`.
    #[schema(value_type = String)]
    pub status: EventStatus,
    /// Whether it takes the room.
    pub busy: bool,
    /// Whether others see no more than that the room is taken.
    pub private: bool,
}

/// An instance that differs from its series.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct InstanceOccasionView {
    /// Its original start, by which it is named.
    pub recurrence_id: String,
    #[serde(flatten)]
    what: OccasionView,
}

/// A person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PersonView {
    /// The name; may be empty.
    pub name: String,
    /// The mail address; may be empty.
    pub email: String,
}

/// How a booking repeats.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecurrenceView {
    /// The value of its RRULE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Starts that the rule does not give.
    pub added: Vec<String>,
    /// Starts that are left out.
    pub removed: Vec<String>,
}

/// When a room cannot be had.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FreeBusyView {
    /// Slug of the room.
    pub room: String,
    /// Start of the range.
    pub from: String,
    /// End of the range.
    pub to: String,
    /// The times, by start; none overlaps another.
    pub periods: Vec<PeriodView>,
}

/// A time at which a room cannot be had.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PeriodView {
    /// Its start.
    pub start: String,
    /// Its end.
    pub end: String,
    /// `busy`, `tentative` (waits for a confirmation) or `unavailable` (closed).
    pub kind: &'static str,
}

impl BookingView {
    /// The booking in its room.
    pub fn of(booking: Booking, room: &Room) -> Self {
        let Booking { row, event } = booking;
        let when = &event.when;
        Self {
            uid: event.uid.to_string(),
            room: room.slug.clone(),
            what: OccasionView::of(when, &event.content, room),
            class: event.class,
            recurrence: event.recurrence.as_ref().map(|recurrence| RecurrenceView::of(recurrence, when)),
            instances: event
                .overrides
                .iter()
                .map(|(id, changed)| InstanceOccasionView {
                    recurrence_id: written(id.0, when),
                    what: OccasionView::of(&changed.when, &changed.content, room),
                })
                .collect(),
            origin: row.origin,
            object: row.name.to_string(),
            etag: row.etag.as_str().to_owned(),
            created: time(row.created_ms),
            modified: time(row.modified_ms),
        }
    }
}

impl OccasionView {
    fn of(when: &EventTime, content: &crate::model::Content, room: &Room) -> Self {
        let (start, end) = when.instants(&room.zone);
        Self {
            start: written(when.wall_start(), when),
            end: written(when.wall_end(), when),
            zone: when.zone().map(|zone| zone.as_str().to_owned()),
            start_utc: time(start),
            end_utc: time(end),
            summary: content.summary.clone(),
            description: content.description.clone(),
            location: content.location.clone(),
            organizer: content.organizer.as_ref().map(PersonView::of),
            attendees: content.attendees.iter().map(PersonView::of).collect(),
            status: content.status,
            busy: content.busy,
            private: content.privacy != Privacy::Public,
        }
    }
}

impl PersonView {
    fn of(person: &Person) -> Self {
        Self { name: person.name.clone(), email: person.email.clone() }
    }
}

impl RecurrenceView {
    fn of(recurrence: &Recurrence, when: &EventTime) -> Self {
        Self {
            rule: recurrence.rule.as_ref().map(|rule| rule::to_text(rule, when)),
            added: recurrence.rdates.iter().map(|start| written(*start, when)).collect(),
            removed: recurrence.exdates.iter().map(|start| written(*start, when)).collect(),
        }
    }
}

impl FreeBusyView {
    /// The times in a range.
    pub fn of(room: &Room, range: TimeRange, periods: &[BusyPeriod]) -> Self {
        let period = |period: &BusyPeriod| PeriodView {
            start: time(period.start),
            end: time(period.end),
            kind: match period.kind {
                BusyKind::Tentative => "tentative",
                BusyKind::Busy => "busy",
                BusyKind::Unavailable => "unavailable",
            },
        };
        Self {
            room: room.slug.clone(),
            from: time(range.start),
            to: time(range.end),
            periods: periods.iter().map(period).collect(),
        }
    }
}

/// A wall-clock time as requests write it, too: a day where whole days are meant.
fn written(wall: DateTime, when: &EventTime) -> String {
    if when.is_all_day() { wall.date().to_string() } else { wall.strftime("%Y-%m-%dT%H:%M:%S").to_string() }
}
