//! What a room's calendar tells of itself (RFC 4791, 5.2; RFC 6578, 4; RFC 6638, 9.1; RFC 7809, 5; WebDAV-Push, 2.1).

use super::Scene;
use super::properties;
use crate::config::Limits;
use crate::dav::caller::VisibleRoom;
use crate::dav::report::freebusy::PRODUCT;
use crate::davxml::QName;
use crate::davxml::XmlWriter;
use crate::ical::availability::{AvailabilityHead, availability};
use crate::ical::vtimezone::vtimezone;
use crate::model::Timestamp;
use crate::sync::topic;

/// The components that a room takes (RFC 4791, 5.2.3).
pub const COMPONENTS: [&str; 1] = ["VEVENT"];

/// The collations of text-match (RFC 4791, 7.5.1).
pub const COLLATIONS: [&str; 3] = ["i;ascii-casemap", "i;octet", "i;unicode-casemap"];

properties! {
    /// Properties of a calendar.
    Property {
        DisplayName = dav "displayname" all;
        CreationDate = dav "creationdate" all;
        GetLastModified = dav "getlastmodified" all;
        ResourceId = dav "resource-id";
        SyncToken = dav "sync-token";
        GetCtag = calendarserver "getctag";
        CalendarDescription = caldav "calendar-description";
        CalendarTimezone = caldav "calendar-timezone";
        CalendarTimezoneId = caldav "calendar-timezone-id";
        SupportedCalendarComponentSet = caldav "supported-calendar-component-set";
        SupportedCalendarData = caldav "supported-calendar-data";
        SupportedCollationSet = caldav "supported-collation-set";
        MaxResourceSize = caldav "max-resource-size";
        MinDateTime = caldav "min-date-time";
        MaxDateTime = caldav "max-date-time";
        MaxInstances = caldav "max-instances";
        MaxAttendeesPerInstance = caldav "max-attendees-per-instance";
        CalendarAvailability = caldav "calendar-availability";
        ScheduleCalendarTransp = caldav "schedule-calendar-transp";
        CalendarColor = apple "calendar-color";
        CalendarOrder = apple "calendar-order";
        PushTransports = push "transports";
        PushTopic = push "topic";
        PushTriggers = push "supported-triggers";
    }
}

impl Property {
    /// Whether every caller may set this for themselves, also on rooms they may only read: how a calendar looks in
    /// one person's client is that person's business, and some clients never load a calendar that refuses its colour.
    pub const fn is_personal(self) -> bool {
        match self {
            Self::DisplayName
            | Self::CalendarDescription
            | Self::CalendarTimezone
            | Self::CalendarTimezoneId
            | Self::ScheduleCalendarTransp
            | Self::CalendarColor
            | Self::CalendarOrder => true,
            Self::CreationDate
            | Self::GetLastModified
            | Self::ResourceId
            | Self::SyncToken
            | Self::GetCtag
            | Self::SupportedCalendarComponentSet
            | Self::SupportedCalendarData
            | Self::SupportedCollationSet
            | Self::MaxResourceSize
            | Self::MinDateTime
            | Self::MaxDateTime
            | Self::MaxInstances
            | Self::MaxAttendeesPerInstance
            | Self::PushTransports
            | Self::PushTopic
            | Self::PushTriggers
            | Self::CalendarAvailability => false,
        }
    }

    /// Whether the property shows when bookings change, which callers who see only taken times need not know.
    pub const fn tells_of_bookings(self) -> bool {
        matches!(
            self,
            Self::SyncToken
                | Self::GetCtag
                | Self::GetLastModified
                | Self::PushTransports
                | Self::PushTopic
                | Self::PushTriggers
        )
    }

    /// Writes the property; `false` where the room has none.
    pub fn write(self, scene: &Scene<'_>, visible: &VisibleRoom, xml: &mut XmlWriter) -> bool {
        let (name, room, limits) = (self.name(), &visible.room, &scene.door.limits);
        match self {
            Self::DisplayName => xml.leaf(&name, &room.name),
            Self::CreationDate => xml.leaf(&name, &room.created_ms.to_string()),
            Self::GetLastModified => xml.leaf(&name, &http_date(room.modified_ms)),
            Self::ResourceId => xml.href_in(&name, &format!("urn:uuid:{}", room.id)),
            Self::SyncToken | Self::GetCtag => xml.leaf(&name, &visible.token(&scene.door.keys.sync_token)),
            Self::CalendarDescription if room.description.is_empty() => return false,
            Self::CalendarDescription => xml.leaf(&name, &room.description),
            Self::CalendarTimezone => xml.leaf(&name, &timezone(visible)),
            Self::CalendarTimezoneId => xml.leaf(&name, room.zone.as_str()),
            Self::SupportedCalendarComponentSet => {
                xml.open(&name);
                for component in COMPONENTS {
                    xml.empty_with(&QName::caldav("comp"), &[("name", component)]);
                }
                xml.close(&name)
            }
            Self::SupportedCalendarData => {
                let attributes = [("content-type", "text/calendar"), ("version", "2.0")];
                xml.open(&name).empty_with(&QName::caldav("calendar-data"), &attributes).close(&name)
            }
            Self::SupportedCollationSet => {
                xml.open(&name);
                for collation in COLLATIONS {
                    xml.leaf(&QName::caldav("supported-collation"), collation);
                }
                xml.close(&name)
            }
            Self::MaxResourceSize => xml.leaf(&name, &limits.object_bytes.to_string()),
            Self::MinDateTime => xml.leaf(&name, &min_date_time(limits)),
            Self::MaxDateTime => xml.leaf(&name, &max_date_time(limits)),
            Self::MaxInstances => xml.leaf(&name, &limits.max_instances().to_string()),
            Self::MaxAttendeesPerInstance => xml.leaf(&name, &limits.attendees.to_string()),
            Self::CalendarAvailability => match available(visible) {
                Some(text) => xml.leaf(&name, &text),
                None => return false,
            },
            Self::ScheduleCalendarTransp => xml.open(&name).empty(&QName::caldav("opaque")).close(&name),
            Self::CalendarColor if room.color.is_empty() => return false,
            Self::CalendarColor => xml.leaf(&name, &room.color),
            Self::CalendarOrder => return false,
            Self::PushTransports | Self::PushTopic | Self::PushTriggers if scene.door.push.is_none() => return false,
            Self::PushTransports => push_transports(scene.door.keys.vapid.public(), xml),
            Self::PushTopic => xml.leaf(&name, &topic(&scene.door.keys, &room.id)),
            Self::PushTriggers => push_triggers(xml),
        };
        true
    }
}

/// Web Push, with the key that clients bind their subscriptions to (draft-bitfire-webdav-push-00, 2.1 and 6.2).
fn push_transports<'x>(key: &str, xml: &'x mut XmlWriter) -> &'x mut XmlWriter {
    let (name, transport) = (QName::push("transports"), QName::push("web-push"));
    let vapid = QName::push("vapid-public-key");
    xml.open(&name).open(&transport).open_with(&vapid, &[("type", "p256ecdsa")]).text(key).close(&vapid);
    xml.close(&transport).close(&name)
}

/// What a client may be told of: changed members, and changed properties of the room itself.
fn push_triggers(xml: &mut XmlWriter) -> &mut XmlWriter {
    let (name, depth) = (QName::push("supported-triggers"), QName::dav("depth"));
    xml.open(&name);
    for (trigger, deep) in [("content-update", "1"), ("property-update", "0")] {
        let trigger = QName::push(trigger);
        xml.open(&trigger).leaf(&depth, deep).close(&trigger);
    }
    xml.close(&name)
}

/// `CALDAV:min-date-time` (RFC 4791, 5.2.6).
pub fn min_date_time(limits: &Limits) -> String {
    format!("{:04}0101T000000Z", limits.min_year)
}

/// `CALDAV:max-date-time` (RFC 4791, 5.2.7).
pub fn max_date_time(limits: &Limits) -> String {
    format!("{:04}1231T235959Z", limits.max_year)
}

/// An HTTP date (RFC 9110, 5.6.7).
pub fn http_date(instant: Timestamp) -> String {
    instant.to_jiff().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The room's opening hours as a VCALENDAR with one VAVAILABILITY (RFC 7953, 7.2.4); none for a room without hours.
fn available(visible: &VisibleRoom) -> Option<String> {
    let (room, row) = (&visible.room, visible.rules.as_ref()?);
    let head = AvailabilityHead { id: room.id.as_str(), changed: row.changed_ms, zone: &room.zone };
    availability(&head, &row.rules).ok().flatten()
}

/// The room's zone as a VCALENDAR with one VTIMEZONE (RFC 4791, 5.2.2).
fn timezone(visible: &VisibleRoom) -> String {
    let zone = vtimezone(&visible.room.zone);
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODUCT}\r\n{zone}END:VCALENDAR\r\n")
}
