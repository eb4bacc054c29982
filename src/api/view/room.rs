//! Tenants, rooms, bridges, mappings and feeds as JSON.

use super::{Names, text_if, time, time_if};
use crate::manage::feeds::Minted;
use crate::model::Authority;
use crate::model::BridgeKind;
use crate::model::ClassProjection;
use crate::model::DetailLevel;
use crate::model::Direction;
use crate::model::MappingState;
use crate::model::ReservationClass;
use crate::model::RoomKind;
use crate::model::TenantState;
use crate::store::bridges::BridgeRow;
use crate::store::feeds::Feed;
use crate::store::mappings::Mapping;
use crate::store::pages::ListedInstance;
use crate::store::rooms::Room;
use crate::store::tenants::Tenant;
use serde::Serialize;
use serde_json::Value;

/// One organisation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TenantView {
    /// The name in URLs.
    pub key: String,
    /// The name people read.
    pub name: String,
    /// Its name in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether it works.
    pub state: TenantState,
    /// Why it is in its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The zone of new rooms.
    pub zone: String,
    /// Whose work is taken up first: the smaller number.
    pub priority: i64,
    /// What it may use.
    pub flags: FlagsView,
    /// How much it may ask for.
    pub limits: LimitsView,
    /// When it was made.
    pub created: String,
}

/// What a tenant may use.
#[expect(clippy::struct_excessive_bools, reason = "four switches that do not depend on each other")]
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FlagsView {
    /// Remote systems are asked for notifications.
    pub webhook_enabled: bool,
    /// Bookings that disappeared at a remote side go from the hub without a person's word.
    pub deletion_sync_enabled: bool,
    /// A notification makes its calendar be read at once.
    pub real_time_sync: bool,
    /// Its state is among the metrics.
    pub health_monitoring: bool,
}

/// How much a tenant may ask for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LimitsView {
    /// Minutes between two readings of a calendar that announces nothing; absent for what the server does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_frequency_minutes: Option<i64>,
    /// Most bridges.
    pub max_bridges: i64,
    /// Most remote changes that one run takes over.
    pub max_events_per_sync: i64,
    /// Most REST requests in one minute.
    pub rate_limit_per_minute: i64,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            key: tenant.tenant_key,
            name: tenant.name,
            display_name: text_if(tenant.display_name),
            state: tenant.state,
            reason: text_if(tenant.reason),
            zone: tenant.zone.to_string(),
            priority: tenant.priority,
            flags: FlagsView {
                webhook_enabled: tenant.webhook_enabled,
                deletion_sync_enabled: tenant.deletion_sync_enabled,
                real_time_sync: tenant.real_time_sync,
                health_monitoring: tenant.health_monitoring,
            },
            limits: LimitsView {
                sync_frequency_minutes: tenant.sync_frequency_minutes,
                max_bridges: tenant.max_bridges,
                max_events_per_sync: tenant.max_events_per_sync,
                rate_limit_per_minute: tenant.rate_limit_per_minute,
            },
            created: time(tenant.created_ms),
        }
    }
}

/// A room or piece of equipment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RoomView {
    /// Its id.
    pub id: String,
    /// The name in URLs.
    pub slug: String,
    /// The name people read.
    pub name: String,
    /// Room or equipment.
    pub kind: RoomKind,
    /// IANA name of its time zone.
    pub zone: String,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub building: Option<String>,
    /// How many people fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<i64>,
    /// What it has.
    pub features: Vec<String>,
    /// `#RRGGBB`.
    pub color: String,
    /// Whether bookings may lie over each other.
    pub allow_overlaps: bool,
    /// Sequence number of its last change.
    pub seq: i64,
    /// When its bookings last changed.
    pub modified: String,
}

impl From<Room> for RoomView {
    fn from(room: Room) -> Self {
        Self {
            id: room.id.to_string(),
            slug: room.slug,
            name: room.name,
            kind: room.kind,
            zone: room.zone.to_string(),
            email: text_if(room.email),
            description: text_if(room.description),
            building: text_if(room.building),
            capacity: room.capacity,
            features: room.features.iter().map(str::to_owned).collect(),
            color: room.color,
            allow_overlaps: room.allow_overlaps,
            seq: room.seq,
            modified: time(room.modified_ms),
        }
    }
}

/// One instance of an event in a room.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct InstanceView {
    /// Its UID.
    pub uid: String,
    /// Its start.
    pub start: String,
    /// Its end.
    pub end: String,
    /// Which instance of a series; absent for single events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence_id: Option<String>,
    /// Whether it takes the room.
    pub busy: bool,
    /// Its reservation class.
    pub class: ReservationClass,
    /// Where it was born: `hub` or the id of a mapping.
    pub origin: String,
    /// The name of its calendar object, the last segment of its CalDAV URL.
    pub object: String,
    /// The validator of its calendar object.
    pub etag: String,
}

impl From<ListedInstance> for InstanceView {
    fn from(instance: ListedInstance) -> Self {
        Self {
            uid: instance.uid.to_string(),
            start: time(instance.start_ms),
            end: time(instance.end_ms),
            recurrence_id: text_if(instance.recurrence_id),
            busy: instance.busy,
            class: instance.class,
            origin: instance.origin,
            object: instance.name,
            etag: instance.etag,
        }
    }
}

/// A remote system. Its secrets are not shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BridgeView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its kind.
    pub kind: BridgeKind,
    /// Everything but secrets.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// Whether secrets are stored.
    pub has_secrets: bool,
    /// When it was made.
    pub created: String,
}

impl From<BridgeRow> for BridgeView {
    fn from(bridge: BridgeRow) -> Self {
        Self {
            id: bridge.id.to_string(),
            name: bridge.name,
            kind: bridge.kind,
            settings: serde_json::from_str(&bridge.settings).unwrap_or(Value::Null),
            has_secrets: !bridge.sealed.is_empty(),
            created: time(bridge.created_ms),
        }
    }
}

/// A calendar of a remote system that can be mapped.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CalendarView {
    /// How the remote system addresses it: the `remote_id` of a mapping.
    pub remote_id: String,
    /// How people know it there.
    pub name: String,
    /// Slug of the room it is mapped to on this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
}

/// A room on one bridge.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MappingView {
    /// Its id.
    pub id: String,
    /// Slug of the room.
    pub room: String,
    /// Name of the bridge.
    pub bridge: String,
    /// How the remote system addresses the calendar.
    pub remote_id: String,
    /// How people know it there.
    pub remote_name: String,
    /// Which way changes travel.
    pub direction: Direction,
    /// Whose version of a field wins.
    pub authority: Authority,
    /// How much of a booking may leave.
    pub detail: DetailLevel,
    /// What leaves where a stronger reservation class lies over a weaker one.
    pub projection: ClassProjection,
    /// Whether identical weekly allocations of that side come as one series.
    pub fold_allocations: bool,
    /// Whether it works.
    pub state: MappingState,
    /// Why it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the next read is due.
    pub due: String,
    /// Since when something is known to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dirty_since: Option<String>,
    /// When the last read ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<String>,
    /// When the last complete read ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_complete_sync: Option<String>,
    /// Reads that failed in a row.
    pub failures: i64,
    /// What the last failure was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl MappingView {
    /// With the names of room and bridge.
    pub fn of(mapping: Mapping, names: &Names) -> Self {
        Self {
            room: names.room(mapping.room_id.as_str()),
            bridge: names.bridge(mapping.bridge_id.as_str()),
            id: mapping.id.to_string(),
            remote_id: mapping.remote_id,
            remote_name: mapping.remote_name,
            direction: mapping.direction,
            authority: mapping.authority,
            detail: mapping.detail,
            projection: mapping.projection,
            fold_allocations: mapping.fold_allocations,
            state: mapping.state,
            reason: text_if(mapping.reason),
            due: time(mapping.due_ms),
            dirty_since: time_if(mapping.dirty_since_ms),
            last_sync: time_if(mapping.pulled_ms),
            last_complete_sync: time_if(mapping.completed_ms),
            failures: mapping.failures,
            last_error: text_if(mapping.last_error),
        }
    }
}

/// A signed feed. Its link is not stored and cannot be shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FeedView {
    /// Its id.
    pub id: String,
    /// Slug of the room.
    pub room: String,
    /// What its maker calls it.
    pub label: String,
    /// Full details, or busy only.
    pub detail: DetailLevel,
    /// Days it shows before today.
    pub past_days: i64,
    /// Days it shows from today on.
    pub future_days: i64,
    /// Rises with every rotation.
    pub version: i64,
    /// When it was made.
    pub created: String,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// When it was last fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    /// The family of the client that fetched it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_client: Option<String>,
}

impl FeedView {
    /// With the name of the room.
    pub fn of(feed: Feed, names: &Names) -> Self {
        Self {
            room: names.room(feed.room_id.as_str()),
            id: feed.id.to_string(),
            label: feed.label,
            detail: feed.detail,
            past_days: feed.past_days,
            future_days: feed.future_days,
            version: feed.version,
            created: time(feed.created_ms),
            expires: time_if(feed.expires_ms),
            revoked: time_if(feed.revoked_ms),
            last_used: time_if(feed.last_used_ms),
            last_client: text_if(feed.last_client),
        }
    }
}

/// A feed with its new link, shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FeedLinkView {
    /// The feed.
    #[serde(flatten)]
    pub feed: FeedView,
    /// The link.
    pub url: String,
    /// The same link for programs that subscribe on a click.
    pub webcal_url: String,
}

impl FeedLinkView {
    /// With the name of the room and the link in clear.
    pub fn of(minted: Minted, names: &Names) -> Self {
        Self {
            feed: FeedView::of(minted.feed, names),
            url: minted.url.reveal().to_owned(),
            webcal_url: minted.webcal_url.reveal().to_owned(),
        }
    }
}
