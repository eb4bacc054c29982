//! What every resource tells of itself: type, reports, privileges, and who is asking (RFC 4918, 15; RFC 3744, 5;
//! RFC 3253, 3.1.5; RFC 5397).

use super::Scene;
use super::Subject;
use super::What;
use super::properties;
use crate::dav::path::Kind;
use crate::dav::path::Resource;
use crate::dav::report;
use crate::davxml::QName;
use crate::davxml::XmlWriter;
use crate::model::Privilege;

properties! {
    /// Properties that all resources share.
    Property {
        ResourceType = dav "resourcetype" all;
        DisplayName = dav "displayname" all;
        CurrentUserPrincipal = dav "current-user-principal";
        PrincipalCollectionSet = dav "principal-collection-set";
        SupportedReportSet = dav "supported-report-set";
        CurrentUserPrivilegeSet = dav "current-user-privilege-set";
        Owner = dav "owner";
        Acl = dav "acl";
        CalendarHomeSet = caldav "calendar-home-set";
        SupportedComponentSets = caldav "supported-calendar-component-sets";
    }
}

impl Property {
    /// Whether resources of this kind have the property by this table; some have it by their own.
    pub const fn is_on(self, kind: Kind) -> bool {
        match self {
            Self::ResourceType
            | Self::CurrentUserPrincipal
            | Self::PrincipalCollectionSet
            | Self::SupportedReportSet
            | Self::CurrentUserPrivilegeSet
            | Self::Acl => !matches!(kind, Kind::Registration),
            Self::DisplayName => matches!(
                kind,
                Kind::Root | Kind::Tenant | Kind::Principals | Kind::RoomPrincipals | Kind::Home | Kind::Outbox
            ),
            Self::Owner => {
                matches!(kind, Kind::Principal | Kind::RoomPrincipal | Kind::Room | Kind::Object | Kind::Outbox)
            }
            // Some clients ask the root or the home itself instead of the principal.
            Self::CalendarHomeSet => matches!(kind, Kind::Root | Kind::Tenant | Kind::Home),
            Self::SupportedComponentSets => matches!(kind, Kind::Home),
        }
    }

    /// Writes the property; `false` where this resource has none.
    pub fn write(self, scene: &Scene<'_>, subject: &Subject<'_>, xml: &mut XmlWriter) -> bool {
        let name = self.name();
        if !self.is_on(subject.resource.kind()) {
            return false;
        }
        match self {
            Self::ResourceType => resource_type(subject, xml),
            Self::DisplayName => display_name(subject, scene, xml),
            Self::CurrentUserPrincipal => {
                xml.href_in(&name, &scene.caller.resource().href());
            }
            Self::PrincipalCollectionSet => {
                let tenant = scene.caller.tenant.tenant_key.clone();
                xml.href_in(&name, &Resource::Principals { tenant }.href());
            }
            Self::SupportedReportSet => {
                let (supported, wrapper) = (QName::dav("supported-report"), QName::dav("report"));
                xml.open(&name);
                for report in report::offered(subject.resource.kind()) {
                    xml.open(&supported).open(&wrapper).empty(report).close(&wrapper).close(&supported);
                }
                xml.close(&name);
            }
            Self::CurrentUserPrivilegeSet => {
                let wrapper = QName::dav("privilege");
                xml.open(&name);
                for privilege in privileges(subject) {
                    xml.open(&wrapper).empty(&privilege).close(&wrapper);
                }
                xml.close(&name);
            }
            Self::Owner => owner(subject, xml),
            // Hidden from everybody.
            Self::Acl => return false,
            Self::CalendarHomeSet => {
                xml.href_in(&name, &home(scene).href());
            }
            Self::SupportedComponentSets => {
                let (set, comp) = (QName::caldav("supported-calendar-component-set"), QName::caldav("comp"));
                xml.open(&name).open(&set).empty_with(&comp, &[("name", "VEVENT")]).close(&set).close(&name);
            }
        }
        true
    }
}

/// The caller's calendar home.
pub fn home(scene: &Scene<'_>) -> Resource {
    Resource::Home { tenant: scene.caller.home.tenant_key.clone() }
}

fn resource_type(subject: &Subject<'_>, xml: &mut XmlWriter) {
    let types: &[QName] = match subject.resource.kind() {
        Kind::Root | Kind::Tenant | Kind::Principals | Kind::RoomPrincipals | Kind::Home => &[QName::dav("collection")],
        Kind::Principal | Kind::RoomPrincipal => &[QName::dav("collection"), QName::dav("principal")],
        Kind::Room => &[QName::dav("collection"), QName::caldav("calendar")],
        Kind::Outbox => &[QName::dav("collection"), QName::caldav("schedule-outbox")],
        Kind::Object | Kind::Registration => &[],
    };
    let name = QName::dav("resourcetype");
    xml.open(&name);
    for kind in types {
        xml.empty(kind);
    }
    xml.close(&name);
}

fn display_name(subject: &Subject<'_>, scene: &Scene<'_>, xml: &mut XmlWriter) {
    let text = match subject.resource.kind() {
        Kind::Root => "Anteroom",
        Kind::Tenant => &scene.caller.tenant.name,
        Kind::Principals => "Principals",
        Kind::RoomPrincipals | Kind::Home => "Rooms",
        Kind::Outbox => "Outbox",
        // These have their own table.
        Kind::Principal | Kind::RoomPrincipal | Kind::Room | Kind::Object | Kind::Registration => return,
    };
    xml.leaf(&QName::dav("displayname"), text);
}

/// Rooms are owned by their own principal; a person owns what is below their own principal.
fn owner(subject: &Subject<'_>, xml: &mut XmlWriter) {
    let owner = match &subject.resource {
        Resource::Room { tenant, room }
        | Resource::Object { tenant, room, .. }
        | Resource::RoomPrincipal { tenant, room } => {
            Resource::RoomPrincipal { tenant: tenant.clone(), room: room.clone() }
        }
        Resource::Principal { tenant, login } | Resource::Outbox { tenant, login } => {
            Resource::Principal { tenant: tenant.clone(), login: login.clone() }
        }
        _ => return,
    };
    xml.href_in(&QName::dav("owner"), &owner.href());
}

/// What the caller may do with the resource, one by one: aggregates with all they contain, because clients look for
/// different ones. A read-only room must not show `write-properties`, or it looks writable.
fn privileges(subject: &Subject<'_>) -> Vec<QName> {
    let read = || vec![QName::dav("read"), QName::dav("read-current-user-privilege-set")];
    let own = |privilege: Privilege, bind: bool| {
        let mut list = vec![QName::caldav("read-free-busy"), QName::dav("read-current-user-privilege-set")];
        if privilege >= Privilege::Read {
            list.insert(0, QName::dav("read"));
        }
        if privilege >= Privilege::Write {
            list.extend(["write", "write-content", "write-properties"].map(QName::dav));
            if bind {
                list.extend(["bind", "unbind"].map(QName::dav));
            }
        }
        list
    };
    match (subject.what, subject.resource.kind()) {
        (What::Room(room), _) => own(room.privilege, true),
        (What::Object(room, _), _) => own(room.privilege, false),
        (What::Plain, Kind::Outbox) => {
            let mut list = read();
            list.push(QName::caldav("schedule-send-freebusy"));
            list
        }
        _ => read(),
    }
}
