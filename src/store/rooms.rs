//! Rooms: the collections. A room's row is its lock, its ctag and its sync token.

use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use super::row::{row, word};
use crate::model::{Features, RoomId, RoomKind, TenantId, Timestamp, ZoneId};

row! {
    /// A room or piece of equipment.
    pub struct Room {
        /// Its id.
        pub id: RoomId,
        /// Its tenant.
        pub tenant_id: TenantId,
        /// The name in URLs.
        pub slug: String,
        /// The name people read.
        pub name: String,
        /// Room or equipment.
        pub kind: RoomKind,
        /// The zone of whole days and floating times.
        pub zone: ZoneId,
        /// Its address, for `calendar-user-address-set`; may be empty.
        pub email: String,
        /// What it is good for.
        pub description: String,
        /// Where it is.
        pub building: String,
        /// How many people fit.
        pub capacity: Option<i64>,
        /// What it has.
        pub features: Features,
        /// `#RRGGBB`.
        pub color: String,
        /// Whether bookings may lie over each other: nobody is refused for a taken slot.
        pub allow_overlaps: bool,
        /// Sequence number of its last change.
        pub seq: i64,
        /// When it last changed.
        pub modified_ms: Timestamp,
        /// Length in milliseconds of its longest instance ever.
        pub longest_ms: i64,
        /// When it was made.
        pub created_ms: Timestamp,
    }
}

const INSERT: &str = "INSERT INTO rooms (id, tenant_id, slug, name, kind, zone, email, description, building, capacity,
    features, color, allow_overlaps, seq, modified_ms, longest_ms, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
const BY_SLUG: &str =
    "SELECT id, tenant_id, slug, name, kind, zone, email, description, building, capacity, features, color, allow_overlaps, seq,
    modified_ms, longest_ms, created_ms FROM rooms WHERE tenant_id = $1 AND slug = $2";
const GET: &str =
    "SELECT id, tenant_id, slug, name, kind, zone, email, description, building, capacity, features, color, allow_overlaps, seq,
    modified_ms, longest_ms, created_ms FROM rooms WHERE tenant_id = $1 AND id = $2";
const LIST: &str =
    "SELECT id, tenant_id, slug, name, kind, zone, email, description, building, capacity, features, color, allow_overlaps, seq,
    modified_ms, longest_ms, created_ms FROM rooms WHERE tenant_id = $1 AND removed_ms IS NULL ORDER BY slug";
const AFTER: &str =
    "SELECT id, tenant_id, slug, name, kind, zone, email, description, building, capacity, features, color, allow_overlaps, seq,
    modified_ms, longest_ms, created_ms FROM rooms WHERE id > $1 AND removed_ms IS NULL ORDER BY id LIMIT 1";
const UPDATE: &str =
    "UPDATE rooms SET name = $3, zone = $4, email = $5, description = $6, building = $7, capacity = $8,
    features = $9, color = $10, allow_overlaps = $11 WHERE tenant_id = $1 AND id = $2";
const NEXT_SEQ: &str =
    "UPDATE rooms SET seq = seq + 1, modified_ms = $3 WHERE tenant_id = $1 AND id = $2 RETURNING seq";
const LOCK: &str = "UPDATE rooms SET seq = seq WHERE tenant_id = $1 AND id = $2 AND removed_ms IS NULL RETURNING id, tenant_id, slug,
    name, kind, zone, email, description, building, capacity, features, color, allow_overlaps, seq, modified_ms, longest_ms,
    created_ms";
const RAISE_LONGEST: &str = "UPDATE rooms SET longest_ms = $3 WHERE tenant_id = $1 AND id = $2 AND longest_ms < $3";

/// Stores a new room; [`StoreError::Taken`] when the slug exists.
pub async fn insert(tx: &mut Tx, room: &Room) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(INSERT)
        .bind(room.id.as_str())
        .bind(room.tenant_id.as_str())
        .bind(&room.slug)
        .bind(&room.name)
        .bind(word(&room.kind))
        .bind(room.zone.as_str())
        .bind(&room.email)
        .bind(&room.description)
        .bind(&room.building)
        .bind(room.capacity)
        .bind(room.features.to_string())
        .bind(&room.color)
        .bind(room.allow_overlaps)
        .bind(room.seq)
        .bind(room.modified_ms.ms())
        .bind(room.longest_ms)
        .bind(room.created_ms.ms())
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, &room.tenant_id).await
}

/// The room with that slug.
pub async fn by_slug(tx: &mut Tx, tenant: &TenantId, slug: &str) -> Result<Option<Room>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(BY_SLUG).bind(tenant.as_str()).bind(slug).fetch_optional(c).await)?)
}

/// The room with that id, a removed one too: mappings that ended name it.
pub async fn get(tx: &mut Tx, tenant: &TenantId, id: &RoomId) -> Result<Option<Room>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// All rooms of a tenant, by slug: one query for a whole calendar home.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<Room>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// The next room of any tenant by id, for walks over all of them; empty text is before the first.
pub async fn after(tx: &mut Tx, id: &str) -> Result<Option<Room>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(AFTER).bind(id).fetch_optional(c).await)?)
}

/// Changes how a room is described (not its slug, not its bookings).
pub async fn update(tx: &mut Tx, room: &Room) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(UPDATE)
        .bind(room.tenant_id.as_str())
        .bind(room.id.as_str())
        .bind(&room.name)
        .bind(room.zone.as_str())
        .bind(&room.email)
        .bind(&room.description)
        .bind(&room.building)
        .bind(room.capacity)
        .bind(room.features.to_string())
        .bind(&room.color)
        .bind(room.allow_overlaps)
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, &room.tenant_id).await
}

/// Takes the room's lock for the rest of the transaction without changing anything, and answers the room as it is now
/// that nobody else changes it. `None`: there is no such room.
pub async fn lock(tx: &mut Tx, tenant: &TenantId, id: &RoomId) -> Result<Option<Room>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LOCK).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(c).await)?)
}

/// The next sequence number of the room. Tokens are monotone in commit order because the row stays locked.
pub async fn next_seq(tx: &mut Tx, tenant: &TenantId, id: &RoomId, now: Timestamp) -> Result<i64, StoreError> {
    Ok(on!(tx, c => sqlx::query_scalar(NEXT_SEQ).bind(tenant.as_str()).bind(id.as_str()).bind(now.ms())
        .fetch_one(c).await)?)
}

/// Remembers that an instance of this length exists.
pub async fn raise_longest(tx: &mut Tx, tenant: &TenantId, id: &RoomId, longest_ms: i64) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(RAISE_LONGEST).bind(tenant.as_str()).bind(id.as_str()).bind(longest_ms)
        .execute(c).await.map(|_| ())?);
    Ok(())
}
