//! Preconditions and postconditions as elements: what `DAV:error` can hold (RFC 4918, 16; RFC 4791, 5.3; RFC 3744, 7).

use super::name::QName;
use super::write::XmlWriter;
use std::borrow::Cow;

/// Most characters of what a client sent that an error says back.
const SHOWN: usize = 200;

/// A condition that a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// PROPFIND with Depth: infinity (RFC 4918, 9.1.1).
    PropfindFiniteDepth,
    /// PROPPATCH of a property the server computes (RFC 4918, 16).
    CannotModifyProtectedProperty,
    /// The caller lacks a privilege on a resource (RFC 3744, 7.1.1).
    NeedPrivileges {
        /// The resource.
        href: String,
        /// The privilege.
        privilege: QName,
    },
    /// The sync token is not one of this collection's (RFC 6578, 3.2).
    ValidSyncToken,
    /// The answer would be, or was, longer than allowed (RFC 3744, 9.2; RFC 6578, 3.6).
    NumberOfMatchesWithinLimits,
    /// The report does not exist here (RFC 3253, 3.6).
    SupportedReport,
    /// The sync level is not offered here (RFC 6578, 3.3).
    SyncTraversalSupported,
    /// The resource type of extended MKCOL is not offered (RFC 5689, 3).
    ValidResourcetype,
    /// The media type is not iCalendar, or not its version 2.0 (RFC 4791, 5.3.2.1).
    SupportedCalendarData,
    /// The body is no valid iCalendar (RFC 4791, 5.3.2.1).
    ValidCalendarData,
    /// Valid iCalendar, but no calendar object resource (RFC 4791, 4.1).
    ValidCalendarObjectResource,
    /// A component the collection does not take (RFC 4791, 5.2.3).
    SupportedCalendarComponent,
    /// The UID belongs to another object of the collection (RFC 4791, 5.3.2.1).
    NoUidConflict {
        /// The other object; `None` where the caller may not know it.
        href: Option<String>,
    },
    /// Calendars cannot be made here (RFC 4791, 5.3.1.1).
    CalendarCollectionLocationOk,
    /// The object is too large (RFC 4791, 5.2.5).
    MaxResourceSize,
    /// A date is too early (RFC 4791, 5.2.6).
    MinDateTime,
    /// A date is too late (RFC 4791, 5.2.7).
    MaxDateTime,
    /// The recurrence set is too large (RFC 4791, 5.2.8).
    MaxInstances,
    /// An instance has too many attendees (RFC 4791, 5.2.9).
    MaxAttendeesPerInstance,
    /// The filter is nested in a way the grammar does not allow (RFC 4791, 7.8).
    ValidFilter,
    /// The filter asks about something that cannot be asked here (RFC 4791, 7.8).
    SupportedFilter {
        /// The offending filter element, e.g. `comp-filter`.
        element: QName,
        /// Its `name` attribute.
        name: String,
    },
    /// The collation is unknown (RFC 4791, 7.5.1).
    SupportedCollation,
    /// The time zone is no usable one (RFC 4791, 7.8; RFC 7809, 5.2).
    ValidTimezone,
    /// The organizer of a scheduling message is not who sends it (RFC 6638, 5.2.2).
    OrganizerAllowed,
    /// The scheduling message is none that is taken here (RFC 6638, 5.2.1).
    ValidSchedulingMessage,
    /// The resource tells nobody about its changes (WebDAV-Push, 3.1).
    PushNotAvailable,
    /// The push subscription cannot be used (WebDAV-Push, 3.1).
    InvalidSubscription,
    /// None of the triggers asked for is offered here (WebDAV-Push, 3.1).
    NoSupportedTrigger,
    /// The room is taken. An element of this gateway.
    RoomOccupied,
    /// The room is not open then. An element of this gateway.
    OutsideOpeningHours,
    /// The room cannot be booked so far ahead. An element of this gateway.
    BeyondBookingHorizon,
    /// The room has to be booked earlier. An element of this gateway.
    InsideLeadTime,
    /// The booking is shorter or longer than the room allows. An element of this gateway.
    BookingLength,
    /// Another booking is too near. An element of this gateway.
    BufferNeeded,
    /// A part of the recurrence that cannot be carried. An element of this gateway, named beside the standard one.
    UnsupportedRecurrence {
        /// The part, e.g. `FREQ=SECONDLY`.
        part: String,
    },
}

impl Condition {
    /// The name of the element.
    pub const fn name(&self) -> QName {
        match self {
            Self::PropfindFiniteDepth => QName::dav("propfind-finite-depth"),
            Self::CannotModifyProtectedProperty => QName::dav("cannot-modify-protected-property"),
            Self::NeedPrivileges { .. } => QName::dav("need-privileges"),
            Self::ValidSyncToken => QName::dav("valid-sync-token"),
            Self::NumberOfMatchesWithinLimits => QName::dav("number-of-matches-within-limits"),
            Self::SupportedReport => QName::dav("supported-report"),
            Self::SyncTraversalSupported => QName::dav("sync-traversal-supported"),
            Self::ValidResourcetype => QName::dav("valid-resourcetype"),
            Self::SupportedCalendarData => QName::caldav("supported-calendar-data"),
            Self::ValidCalendarData => QName::caldav("valid-calendar-data"),
            Self::ValidCalendarObjectResource => QName::caldav("valid-calendar-object-resource"),
            Self::SupportedCalendarComponent => QName::caldav("supported-calendar-component"),
            Self::NoUidConflict { .. } => QName::caldav("no-uid-conflict"),
            Self::CalendarCollectionLocationOk => QName::caldav("calendar-collection-location-ok"),
            Self::MaxResourceSize => QName::caldav("max-resource-size"),
            Self::MinDateTime => QName::caldav("min-date-time"),
            Self::MaxDateTime => QName::caldav("max-date-time"),
            Self::MaxInstances => QName::caldav("max-instances"),
            Self::MaxAttendeesPerInstance => QName::caldav("max-attendees-per-instance"),
            Self::ValidFilter => QName::caldav("valid-filter"),
            Self::SupportedFilter { .. } => QName::caldav("supported-filter"),
            Self::SupportedCollation => QName::caldav("supported-collation"),
            Self::ValidTimezone => QName::caldav("valid-timezone"),
            Self::OrganizerAllowed => QName::caldav("organizer-allowed"),
            Self::ValidSchedulingMessage => QName::caldav("valid-scheduling-message"),
            Self::PushNotAvailable => QName::push("push-not-available"),
            Self::InvalidSubscription => QName::push("invalid-subscription"),
            Self::NoSupportedTrigger => QName::push("no-supported-trigger"),
            Self::RoomOccupied => QName::ours("room-occupied"),
            Self::OutsideOpeningHours => QName::ours("outside-opening-hours"),
            Self::BeyondBookingHorizon => QName::ours("beyond-booking-horizon"),
            Self::InsideLeadTime => QName::ours("inside-lead-time"),
            Self::BookingLength => QName::ours("booking-length"),
            Self::BufferNeeded => QName::ours("buffer-needed"),
            Self::UnsupportedRecurrence { .. } => QName::ours("unsupported-recurrence"),
        }
    }

    /// Writes the element with what belongs inside.
    pub fn write(&self, xml: &mut XmlWriter) {
        let name = self.name();
        match self {
            Self::NeedPrivileges { href, privilege } => {
                let (resource, wrapper) = (QName::dav("resource"), QName::dav("privilege"));
                xml.open(&name).open(&resource).href(href);
                xml.open(&wrapper).empty(privilege).close(&wrapper).close(&resource).close(&name);
            }
            Self::NoUidConflict { href: Some(href) } => {
                xml.href_in(&name, href);
            }
            Self::SupportedFilter { element, name: value } => {
                xml.open(&name).empty_with(element, &[("name", &shown(value, SHOWN))]).close(&name);
            }
            Self::UnsupportedRecurrence { part } => {
                xml.leaf(&name, &shown(part, SHOWN));
            }
            _ => {
                xml.empty(&name);
            }
        }
    }
}

/// A whole `DAV:error` document: the conditions and a sentence for the person in front of the client. Never empty:
/// some clients take an empty `DAV:error` for a rate limit.
pub fn error_body(conditions: &[Condition], description: &str) -> String {
    let root = QName::dav("error");
    let mut xml = XmlWriter::document(&root);
    for condition in conditions {
        condition.write(&mut xml);
    }
    xml.leaf(&QName::dav("responsedescription"), &shown(description, 3 * SHOWN)).close(&root);
    xml.finish()
}

/// A text without its middle where it is longer than `most` characters: sentences quote what was sent, and what was sent
/// may be a megabyte.
fn shown(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most || text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let head: String = text.chars().take(most / 2).collect();
    let tail: String = text.chars().skip(text.chars().count() - most / 2).collect();
    Cow::Owned(format!("{head} … {tail}"))
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;
    use crate::config::Limits;

    #[test]
    fn conditions_carry_what_the_client_needs_to_know() {
        let conditions = [
            Condition::NeedPrivileges { href: "/dav/a&b/".to_owned(), privilege: QName::dav("bind") },
            Condition::NoUidConflict { href: Some("/dav/x.ics".to_owned()) },
            Condition::SupportedFilter { element: QName::caldav("comp-filter"), name: "VTODO".to_owned() },
            Condition::RoomOccupied,
        ];
        let body = error_body(&conditions, "Council hall is taken.");
        let inner = body.split_once("anteroom.dev/ns/\">").unwrap().1;
        assert_eq!(
            inner,
            "<D:need-privileges><D:resource><D:href>/dav/a&amp;b/</D:href><D:privilege><D:bind/></D:privilege>\
             </D:resource></D:need-privileges><C:no-uid-conflict><D:href>/dav/x.ics</D:href></C:no-uid-conflict>\
             <C:supported-filter><C:comp-filter name=\"VTODO\"/></C:supported-filter><R:room-occupied/>\
             <D:responsedescription>Council hall is taken.</D:responsedescription></D:error>"
        );
        assert!(read(body.as_bytes(), &Limits::default()).is_ok());
    }

    #[test]
    fn an_error_says_little_of_what_was_sent_back() {
        let sent = "æ".repeat(1 << 20);
        let conditions = [Condition::SupportedFilter { element: QName::caldav("comp-filter"), name: sent.clone() }];
        let body = error_body(&conditions, &format!("There is no component {sent} here; ask for VEVENT."));
        assert!(body.len() < 3_000, "{}", body.len());
        assert!(body.contains("There is no component æ") && body.contains("ask for VEVENT."), "{body}");
        let just = "æ".repeat(600);
        assert!(error_body(&[], &just).contains(&just));
    }
}
