//! What a caller sees who may know only when a room is taken: times without people and texts.

use super::error::IcalError;
use super::object::CalendarObject;
use super::object::Stamp;
use crate::model::Content;
use crate::model::Event;
use crate::model::Privacy;
use crate::model::Timestamp;

/// What stands in for the title of a private booking.
pub const BUSY: &str = "Busy";

/// The event with its UID, times, recurrence, STATUS and TRANSP, and nothing else. `summary` stands for every title.
pub fn busy_only(event: &Event, summary: &str) -> Event {
    let mut event = event.clone();
    for content in event.contents_mut() {
        *content = busy_content(content, summary);
    }
    event
}

/// The object of [`busy_only`]: composed anew, so that no X- property, alarm or parameter comes through. The same
/// object gives the same bytes.
pub fn busy_object(object: &CalendarObject, summary: &str) -> Result<CalendarObject, IcalError> {
    CalendarObject::compose(&busy_only(object.event(), summary), &stamp_of(object))
}

/// The event for a caller who may read details, but not those of private instances (CLASS other than PUBLIC).
pub fn public_only(event: &Event, summary: &str) -> Event {
    let mut event = event.clone();
    for content in event.contents_mut() {
        hide_private(content, summary);
    }
    event
}

/// Whether the master or an override is private.
pub fn is_private(event: &Event) -> bool {
    event.contents().any(|content| content.privacy != Privacy::Public)
}

/// A stamp that follows from the object alone.
pub(super) fn stamp_of(object: &CalendarObject) -> Stamp {
    let modified = object.last_modified().unwrap_or(Timestamp(0));
    Stamp { created: object.created().unwrap_or(modified), modified, sequence: object.sequence() }
}

fn hide_private(content: &mut Content, summary: &str) {
    if content.privacy != Privacy::Public {
        *content = busy_content(content, summary);
    }
}

fn busy_content(content: &Content, summary: &str) -> Content {
    Content {
        summary: super::write::normal_text(summary),
        status: content.status,
        busy: content.busy,
        ..Content::default()
    }
}
