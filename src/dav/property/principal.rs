//! What principals tell of themselves: people and services, and rooms (RFC 3744, 4; RFC 4791, 6.2; RFC 6638, 2.4).

use super::Scene;
use super::collection::home;
use super::properties;
use crate::dav::caller::VisibleRoom;
use crate::dav::path::Resource;
use crate::davxml::QName;
use crate::davxml::XmlWriter;
use crate::model::PrincipalKind;
use crate::model::RoomKind;
use crate::store::principals::Principal;

properties! {
    /// Properties of a person or service.
    Property {
        DisplayName = dav "displayname" all;
        PrincipalUrl = dav "principal-URL";
        AlternateUriSet = dav "alternate-URI-set";
        GroupMembership = dav "group-membership";
        GroupMemberSet = dav "group-member-set";
        ResourceId = dav "resource-id";
        CalendarHomeSet = caldav "calendar-home-set";
        CalendarUserAddressSet = caldav "calendar-user-address-set";
        CalendarUserType = caldav "calendar-user-type";
        ScheduleOutboxUrl = caldav "schedule-outbox-URL";
        EmailAddressSet = calendarserver "email-address-set";
        ProxyReadFor = calendarserver "calendar-proxy-read-for";
        ProxyWriteFor = calendarserver "calendar-proxy-write-for";
    }
}

impl Property {
    /// Writes the property; `false` where the principal has none.
    pub fn write(self, scene: &Scene<'_>, principal: &Principal, xml: &mut XmlWriter) -> bool {
        let name = self.name();
        let (tenant, login) = (scene.caller.tenant.tenant_key.clone(), principal.login.clone());
        let own = principal.id == scene.caller.principal.id;
        let href = Resource::Principal { tenant: tenant.clone(), login: login.clone() }.href();
        match self {
            Self::DisplayName => xml.leaf(&name, &principal.display_name),
            Self::PrincipalUrl => xml.href_in(&name, &href),
            Self::AlternateUriSet
            | Self::GroupMembership
            | Self::GroupMemberSet
            | Self::ProxyReadFor
            | Self::ProxyWriteFor => xml.empty(&name),
            Self::ResourceId => xml.href_in(&name, &format!("urn:uuid:{}", principal.id)),
            Self::CalendarHomeSet if own => xml.href_in(&name, &home(scene).href()),
            Self::CalendarUserAddressSet => addresses(&name, address(principal), &href, xml),
            Self::CalendarUserType => xml.leaf(
                &name,
                match principal.kind {
                    PrincipalKind::Person => "INDIVIDUAL",
                    PrincipalKind::Service => "UNKNOWN",
                },
            ),
            Self::ScheduleOutboxUrl if own => xml.href_in(&name, &Resource::Outbox { tenant, login }.href()),
            Self::CalendarHomeSet | Self::ScheduleOutboxUrl => return false,
            Self::EmailAddressSet => email_set(&name, address(principal), xml),
        };
        true
    }
}

properties! {
    /// Properties of a room's principal. Capacity, building and features are this gateway's own: no standard names them.
    RoomProperty {
        DisplayName = dav "displayname" all;
        PrincipalUrl = dav "principal-URL";
        AlternateUriSet = dav "alternate-URI-set";
        GroupMembership = dav "group-membership";
        ResourceId = dav "resource-id";
        CalendarUserAddressSet = caldav "calendar-user-address-set";
        CalendarHomeSet = caldav "calendar-home-set";
        CalendarUserType = caldav "calendar-user-type";
        EmailAddressSet = calendarserver "email-address-set";
        Calendar = ours "calendar";
        Capacity = ours "capacity";
        Building = ours "building";
        Features = ours "features";
        Description = ours "description";
    }
}

impl RoomProperty {
    /// The properties by which rooms can be searched, with what they are called.
    pub const SEARCHABLE: [(Self, &'static str); 5] = [
        (Self::DisplayName, "Name"),
        (Self::CalendarUserAddressSet, "Address"),
        (Self::Capacity, "Seats (at least)"),
        (Self::Building, "Building"),
        (Self::Features, "Features (each word one that the room has)"),
    ];

    /// Writes the property; `false` where the room has none.
    pub fn write(self, scene: &Scene<'_>, room: &VisibleRoom, xml: &mut XmlWriter) -> bool {
        let name = self.name();
        let (tenant, slug, room) = (scene.caller.tenant.tenant_key.clone(), room.room.slug.clone(), &room.room);
        let href = Resource::RoomPrincipal { tenant: tenant.clone(), room: slug.clone() }.href();
        let email = (!room.email.is_empty()).then_some(room.email.as_str());
        match self {
            Self::DisplayName => xml.leaf(&name, &room.name),
            Self::PrincipalUrl => xml.href_in(&name, &href),
            Self::AlternateUriSet | Self::GroupMembership => xml.empty(&name),
            Self::ResourceId => xml.href_in(&name, &format!("urn:uuid:{}", room.id)),
            Self::CalendarUserAddressSet => addresses(&name, email, &href, xml),
            Self::CalendarUserType => xml.leaf(
                &name,
                match room.kind {
                    RoomKind::Room => "ROOM",
                    RoomKind::Equipment => "RESOURCE",
                },
            ),
            Self::EmailAddressSet => email_set(&name, email, xml),
            // The room owns its calendar, and that lies in the home of its tenant.
            Self::CalendarHomeSet => xml.href_in(&name, &Resource::Home { tenant }.href()),
            Self::Calendar => xml.href_in(&name, &Resource::Room { tenant, room: slug }.href()),
            Self::Capacity => match room.capacity {
                Some(capacity) => xml.leaf(&name, &capacity.to_string()),
                None => return false,
            },
            Self::Building if room.building.is_empty() => return false,
            Self::Building => xml.leaf(&name, &room.building),
            Self::Features if room.features.is_empty() => return false,
            Self::Features => {
                xml.open(&name);
                for feature in room.features.iter() {
                    xml.leaf(&QName::ours("feature"), feature);
                }
                xml.close(&name)
            }
            Self::Description if room.description.is_empty() => return false,
            Self::Description => xml.leaf(&name, &room.description),
        };
        true
    }
}

/// The principal's mail address; a login that is one stands in, because some clients cannot work without.
pub fn address(principal: &Principal) -> Option<&str> {
    [principal.email.as_str(), principal.login.as_str()].into_iter().find(|text| text.contains('@'))
}

fn addresses<'x>(name: &QName, email: Option<&str>, href: &str, xml: &'x mut XmlWriter) -> &'x mut XmlWriter {
    xml.open(name);
    if let Some(email) = email {
        xml.href(&format!("mailto:{email}"));
    }
    xml.href(href).close(name)
}

fn email_set<'x>(name: &QName, email: Option<&str>, xml: &'x mut XmlWriter) -> &'x mut XmlWriter {
    xml.open(name);
    if let Some(email) = email {
        xml.leaf(&QName::calendarserver("email-address"), email);
    }
    xml.close(name)
}
