//! What a file may declare to exist: made at the start if missing, never removed. Everything else is data in the store.

use super::Secret;
use super::section::Keys;
use super::section::section;
use crate::model::Authority;
use crate::model::BridgeKind;
use crate::model::ClassProjection;
use crate::model::DetailLevel;
use crate::model::Direction;
use crate::model::PrincipalKind;
use crate::model::Role;
use crate::model::RoomKind;
use serde::Deserialize;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Key of the tenant that exists when none is declared.
pub const DEFAULT_TENANT: &str = "default";

section! {
    /// An organisation. Without one there is the tenant `default`.
    TenantEntry {
        /// Its name in URLs: lower case letters, digits, `-`. Never changes.
        key: String = DEFAULT_TENANT.to_owned(),
        /// The name people read.
        name: String = "Default".to_owned(),
        /// The time zone of its rooms, by its IANA name.
        zone: String = "UTC".to_owned(),
    }
}

section! {
    /// A room or piece of equipment.
    RoomEntry {
        /// Key of its tenant.
        tenant: String = DEFAULT_TENANT.to_owned(),
        /// Its name in URLs: lower case letters, digits, `-`.
        slug: String = String::new(),
        /// The name people read.
        name: String = String::new(),
        /// `room` or `equipment`.
        kind: RoomKind = RoomKind::Room,
        /// Its time zone by IANA name; without it the tenant's.
        zone: Option<String> = None,
        /// Its mail address, by which invitations name it.
        email: String = String::new(),
        /// What it is good for.
        description: String = String::new(),
        /// Where it is.
        building: String = String::new(),
        /// How many people fit.
        capacity: Option<i64> = None,
        /// What it has, e.g. `projector`: calendar programs can look for rooms by it.
        features: Vec<String> = Vec::new(),
        /// Its colour in calendar programs, `#RRGGBB`.
        color: String = String::new(),
        /// Whether bookings may lie over each other, as in a foyer: nobody is refused for a taken slot.
        allow_overlaps: bool = false,
    }
}

section! {
    /// A room on one bridge: kept in step with a remote calendar.
    MappingEntry {
        /// Key of the tenant.
        tenant: String = DEFAULT_TENANT.to_owned(),
        /// Slug of the room.
        room: String = String::new(),
        /// Name of the bridge.
        bridge: String = String::new(),
        /// How the remote system addresses the calendar: a mailbox address for Graph, a resource id for a booking
        /// system.
        remote_id: String = String::new(),
        /// `two_way`, `import` (remote to hub) or `export` (hub to remote).
        direction: Direction = Direction::TwoWay,
        /// Whose version wins when both sides changed one field: `remote`, `hub`, or `per_origin` for the side where
        /// the booking was born.
        authority: Authority = Authority::PerOrigin,
        /// What the remote side sees of bookings born elsewhere: `full` or `busy`.
        detail: DetailLevel = DetailLevel::Full,
        /// What leaves where an arrangement lies over an allocation: `highest_wins` for the strongest class alone, or
        /// `all`.
        projection: ClassProjection = ClassProjection::HighestWins,
        /// Whether weekly allocations of the booking system that are identical but for their date come as one series.
        fold_allocations: bool = false,
        /// `false`: nothing is written on either side until `anteroom mapping approve` has approved the plan of the
        /// first contact.
        auto_approve: bool = true,
    }
}

section! {
    /// A person or program that logs in.
    UserEntry {
        /// Key of the tenant.
        tenant: String = DEFAULT_TENANT.to_owned(),
        /// The name it logs in with.
        name: String = String::new(),
        /// The name people read.
        display_name: String = String::new(),
        /// Its mail address.
        email: String = String::new(),
        /// `person` or `service`.
        kind: PrincipalKind = PrincipalKind::Person,
        /// What it may do beyond single rooms: `member`, `system_monitor`, `tenant_viewer`, `tenant_operator`,
        /// `tenant_admin` or `super_admin`.
        role: Role = Role::Member,
        /// Its password, at least eight characters.
        password: Option<Secret> = None,
        /// File that holds its password.
        password_file: Option<PathBuf> = None,
        /// Slugs of rooms it may change itself; `*` stands for all.
        admin: Vec<String> = Vec::new(),
        /// Slugs of rooms it may book; `*` stands for all.
        write: Vec<String> = Vec::new(),
        /// Slugs of rooms whose bookings it may read; `*` stands for all.
        read: Vec<String> = Vec::new(),
        /// Slugs of rooms it may only see taken or free; `*` stands for all.
        free_busy: Vec<String> = Vec::new(),
    }
}

/// A remote calendar system. Keys beyond these three are settings of its kind.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeEntry {
    /// Key of its tenant.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// What people and mappings call it.
    #[serde(default)]
    pub name: String,
    /// `graph`, `booking_generic` or `booking_portico`.
    pub kind: BridgeKind,
    /// Everything else, as the kind of bridge understands it. May hold secrets; a key `x_file` was replaced by `x`.
    #[serde(flatten)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

impl BridgeEntry {
    pub(super) const ABOUT: &'static str = "A remote calendar system. Other keys are settings of its kind; each may be \
        given as a file by adding `_file` to its name.";
    pub(super) const KEYS: Keys = &[
        ("tenant", "Key of its tenant."),
        ("name", "What people and mappings call it."),
        ("kind", "`graph`, `booking_generic` or `booking_portico`."),
    ];

    /// The settings as one JSON value.
    pub fn settings_value(&self) -> serde_json::Value {
        serde_json::Value::Object(self.settings.clone())
    }
}

fn default_tenant() -> String {
    DEFAULT_TENANT.to_owned()
}

/// Names the settings but shows none: which of them are secret only their kind knows.
impl fmt::Debug for BridgeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeEntry")
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .finish()
    }
}
