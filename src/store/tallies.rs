//! Counts and lists over bookings and the mappings they are carried on: how each of them stands, by class.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{BridgeId, MappingId, ReservationClass, RoomId, TenantId, Timestamp, Uid};

row! {
    /// One booking on one mapping of its room.
    pub struct Carried {
        /// The mapping.
        pub mapping_id: MappingId,
        /// Its bridge.
        pub bridge_id: BridgeId,
        /// The room.
        pub room_id: RoomId,
        /// The booking.
        pub uid: Uid,
        /// Its class.
        pub class: ReservationClass,
        /// Where it was born: `hub` or the id of a mapping.
        pub origin: String,
        /// Start of its first instance.
        pub first_ms: Timestamp,
        /// The link on this mapping; one of them where there are several.
        pub link_id: Option<String>,
        /// The remote item of that link.
        pub remote_id: Option<String>,
        /// `synced`, `pending`, `error`, `conflict`, or `none` where it is not carried there.
        pub standing: String,
        /// `calendar` on a calendar; on a booking system `import` where it was born in a calendar, else `booking`.
        pub way: String,
    }
}

row! {
    /// How many bookings of a class stand how.
    pub struct Tally {
        /// The class.
        pub class: ReservationClass,
        /// As in [`Carried`].
        pub standing: String,
        /// As in [`Carried`].
        pub way: String,
        /// How many.
        pub many: i64,
    }
}

row! {
    /// A copy that ended: its booking is gone, or is carried no more.
    pub struct Ended {
        /// The link.
        pub link_id: String,
        /// The mapping.
        pub mapping_id: MappingId,
        /// Its bridge.
        pub bridge_id: BridgeId,
        /// How the remote system addresses the calendar.
        pub calendar_id: String,
        /// The booking.
        pub uid: Uid,
        /// The remote item it was.
        pub remote_id: Option<String>,
        /// When the gateway last wrote it.
        pub written_ms: Timestamp,
    }
}

/// Bookings on mappings: what they are joined from, and how each stands there.
macro_rules! carried {
    () => {
        "FROM objects o JOIN mappings m ON m.tenant_id = o.tenant_id AND m.room_id = o.room_id AND m.state <> 'removed'
    JOIN bridges b ON b.tenant_id = o.tenant_id AND b.id = m.bridge_id
    LEFT JOIN mappings om ON om.tenant_id = o.tenant_id AND om.id = o.origin
    LEFT JOIN bridges ob ON ob.tenant_id = o.tenant_id AND ob.id = om.bridge_id
    WHERE o.tenant_id = $1"
    };
}
macro_rules! standing {
    () => {
        "CASE WHEN EXISTS (SELECT 1 FROM conflicts c WHERE c.tenant_id = o.tenant_id AND c.room_id = o.room_id
            AND c.uid = o.uid AND c.state = 'open' AND (c.mapping_id = m.id OR c.mapping_id = '')) THEN 'conflict'
        WHEN EXISTS (SELECT 1 FROM operations p WHERE p.tenant_id = o.tenant_id AND p.mapping_id = m.id
            AND p.uid = o.uid AND p.open) THEN 'pending'
        WHEN EXISTS (SELECT 1 FROM operations f WHERE f.tenant_id = o.tenant_id AND f.mapping_id = m.id
            AND f.uid = o.uid AND f.state = 'failed' AND NOT EXISTS (SELECT 1 FROM operations n
                WHERE n.tenant_id = f.tenant_id AND n.mapping_id = f.mapping_id AND n.uid = f.uid
                AND n.created_ms > f.created_ms)) THEN 'error'
        WHEN EXISTS (SELECT 1 FROM links l WHERE l.tenant_id = o.tenant_id AND l.mapping_id = m.id
            AND l.uid = o.uid AND l.state = 'linked') THEN 'synced'
        ELSE 'none' END"
    };
}
macro_rules! way {
    () => {
        "CASE WHEN b.kind NOT LIKE 'booking%' THEN 'calendar'
        WHEN ob.kind IS NOT NULL AND ob.kind NOT LIKE 'booking%' THEN 'import' ELSE 'booking' END"
    };
}
macro_rules! one_link {
    ($column:literal) => {
        concat!(
            "(SELECT MIN(l.",
            $column,
            ") FROM links l WHERE l.tenant_id = o.tenant_id AND l.mapping_id = m.id AND l.uid = o.uid
            AND l.state <> 'forgotten')"
        )
    };
}

const LIST: &str = concat!(
    "SELECT mapping_id, bridge_id, room_id, uid, class, origin, first_ms, link_id, remote_id, standing, way FROM (
    SELECT m.id AS mapping_id, m.bridge_id, o.room_id, o.uid, o.class, o.origin, o.first_ms, ",
    one_link!("id"),
    " AS link_id, ",
    one_link!("remote_id"),
    " AS remote_id, ",
    standing!(),
    " AS standing, ",
    way!(),
    " AS way ",
    carried!(),
    ") AS carried WHERE way = $4 AND ($2 = '' OR standing = $2) ORDER BY first_ms, uid, mapping_id LIMIT $3"
);
const TALLY: &str = concat!(
    "SELECT class, standing, way, COUNT(*) AS many FROM (SELECT o.class AS class, ",
    standing!(),
    " AS standing, ",
    way!(),
    " AS way ",
    carried!(),
    ") AS carried GROUP BY class, standing, way ORDER BY class, standing, way"
);
macro_rules! ended {
    () => {
        "FROM links l JOIN mappings m ON m.id = l.mapping_id AND m.tenant_id = l.tenant_id
    WHERE l.tenant_id = $1 AND l.state = 'forgotten' AND l.remote_id IS NOT NULL AND l.base <> '' AND m.state <> 'removed'
    AND NOT EXISTS (SELECT 1 FROM links n WHERE n.tenant_id = l.tenant_id AND n.mapping_id = l.mapping_id
        AND n.uid = l.uid AND n.state <> 'forgotten')"
    };
}

const ENDED_COUNT: &str =
    concat!("SELECT m.bridge_id, COUNT(*) AS many ", ended!(), " GROUP BY m.bridge_id ORDER BY m.bridge_id");
const ENDED: &str = concat!(
    "SELECT l.id AS link_id, l.mapping_id, m.bridge_id, m.remote_id AS calendar_id, l.uid, l.remote_id, l.written_ms ",
    ended!(),
    " ORDER BY l.written_ms DESC, l.id DESC LIMIT $2"
);

/// Bookings on mappings of one way, in one standing (all for an empty text), the earliest first.
pub async fn carried(
    tx: &mut Tx,
    tenant: &TenantId,
    (way, standing): (&str, &str),
    limit: i64,
) -> Result<Vec<Carried>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).bind(standing).bind(limit).bind(way)
        .fetch_all(c).await)?)
}

/// How many bookings stand how on the mappings of their rooms, by class.
pub async fn tally(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Tally>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(TALLY).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// How many copies ended and were not made again, by bridge.
pub async fn count_ended(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<(BridgeId, i64)>, StoreError> {
    let rows: Vec<(String, i64)> = on!(tx, c => sqlx::query_as(ENDED_COUNT).bind(tenant.as_str()).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(bridge, many)| (bridge.into(), many)).collect())
}

/// Copies that ended and were not made again, the latest first.
pub async fn ended(tx: &mut Tx, tenant: &TenantId, limit: i64) -> Result<Vec<Ended>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(ENDED).bind(tenant.as_str()).bind(limit).fetch_all(c).await)?)
}
