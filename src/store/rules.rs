//! What rooms ask of their bookings. A room without a row asks nothing.

use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use super::row::row;
use crate::model::{RoomId, RoomRules, TenantId, Timestamp};

row! {
    /// The rules of one room.
    pub struct RulesRow {
        /// The room.
        pub room_id: RoomId,
        /// Its rules.
        pub rules: RoomRules,
        /// When they were set.
        pub changed_ms: Timestamp,
        /// Who set them.
        pub changed_by: String,
    }
}

const GET: &str = "SELECT room_id, rules, changed_ms, changed_by FROM room_rules WHERE tenant_id = $1 AND room_id = $2";
const LIST: &str = "SELECT room_id, rules, changed_ms, changed_by FROM room_rules WHERE tenant_id = $1";
const PUT: &str = "INSERT INTO room_rules (room_id, tenant_id, rules, changed_ms, changed_by)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (room_id) DO UPDATE SET rules = excluded.rules, changed_ms = excluded.changed_ms,
    changed_by = excluded.changed_by";

/// The rules of a room with when they were set; `None` where nobody ever set any.
pub async fn get(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<Option<RulesRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(GET).bind(tenant.as_str()).bind(room.as_str()).fetch_optional(c).await)?)
}

/// The rules in force in a room.
pub async fn of_room(tx: &mut Tx, tenant: &TenantId, room: &RoomId) -> Result<RoomRules, StoreError> {
    Ok(get(tx, tenant, room).await?.map(|row| row.rules).unwrap_or_default())
}

/// The rules of all rooms of a tenant that have some, in no particular order.
pub async fn list(tx: &mut Tx, tenant: &TenantId) -> Result<Vec<RulesRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LIST).bind(tenant.as_str()).fetch_all(c).await)?)
}

/// Sets the rules of a room, all of them.
pub async fn put(tx: &mut Tx, tenant: &TenantId, row: &RulesRow) -> Result<(), StoreError> {
    let rules = serde_json::to_string(&row.rules)
        .map_err(|error| StoreError::Corrupt { column: "rules", what: error.to_string() })?;
    on!(tx, c => sqlx::query(PUT)
        .bind(row.room_id.as_str())
        .bind(tenant.as_str())
        .bind(&rules)
        .bind(row.changed_ms.ms())
        .bind(&row.changed_by)
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}
