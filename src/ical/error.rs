//! Why a calendar object is refused: one variant for each precondition of RFC 4791, 5.3.2.1.

use thiserror::Error;

/// A refusal. The variant names the CALDAV precondition, the sentence says what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IcalError {
    /// `CALDAV:supported-calendar-data`: not iCalendar 2.0 at all.
    #[error("this is not iCalendar 2.0 data: {0}")]
    SupportedCalendarData(String),
    /// `CALDAV:valid-calendar-data`: iCalendar that breaks its own grammar, or says something that cannot be kept.
    #[error("the calendar data is not valid: {0}")]
    ValidCalendarData(String),
    /// `CALDAV:valid-calendar-object-resource`: valid iCalendar that is no calendar object (RFC 4791, 4.1).
    #[error("this is not a calendar object: {0}")]
    ValidCalendarObjectResource(String),
    /// As [`IcalError::ValidCalendarObjectResource`]: RFC 5545 allows the recurrence, but no room and no remote side
    /// could keep it.
    #[error("this recurrence cannot be kept: {why}")]
    UnsupportedRecurrence {
        /// The part that stands in the way, e.g. `FREQ=SECONDLY`.
        part: String,
        /// Where it stands and what to send instead.
        why: String,
    },
    /// `CALDAV:supported-calendar-component`: something else than an event.
    #[error("rooms hold events (VEVENT) only: {0}")]
    SupportedCalendarComponent(String),
    /// `CALDAV:max-resource-size`.
    #[error("the calendar object is larger than {limit} bytes; shorten it or leave attachments out")]
    MaxResourceSize {
        /// The largest accepted size in bytes.
        limit: usize,
    },
    /// `CALDAV:min-date-time`.
    #[error("a date lies before the first accepted year: {0}")]
    MinDateTime(String),
    /// `CALDAV:max-date-time`.
    #[error("a date lies after the last accepted year: {0}")]
    MaxDateTime(String),
    /// `CALDAV:max-instances`.
    #[error("the series has more dates than the {limit} that are accepted; split it")]
    MaxInstances {
        /// The most accepted dates.
        limit: usize,
    },
    /// `CALDAV:max-attendees-per-instance`.
    #[error("an instance has more than {limit} attendees; invite a group address instead")]
    MaxAttendees {
        /// The most accepted attendees of one instance.
        limit: usize,
    },
}

impl IcalError {
    /// A recurrence that is valid and not kept, at one line of the source.
    pub(crate) fn unsupported(number: usize, part: &str, what: &str) -> Self {
        Self::UnsupportedRecurrence { part: part.to_owned(), why: format!("line {number}: {what}") }
    }

    /// Data that breaks the grammar at one line of the source, counted from 1.
    pub(crate) fn at_line(number: usize, what: &str) -> Self {
        Self::ValidCalendarData(format!("line {number}: {what}"))
    }
}
