//! What goes with a room, a bridge or a tenant that is removed for good. Nothing here decides whether that may be done;
//! links of a room keep their remote ids, so that a late echo is recognised, and lose their content.

use super::db::{Tx, on};
use super::directory;
use super::error::StoreError;
use super::row::row;
use crate::model::{BridgeId, RoomId, TenantId, Timestamp};

/// All that hangs on a room, what names others first. The room's row stays, for mappings that ended name it.
const OF_ROOM: [&str; 16] = [
    "DELETE FROM instances WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM objects WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM changes WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM room_rules WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM approvals WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM conflicts WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM push_registrations WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM deliveries WHERE tenant_id = $1 AND room_id = $2 AND state <> 'pending'",
    "DELETE FROM grants WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM room_group_members WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM properties WHERE tenant_id = $1 AND resource = 'room:' || $2",
    "DELETE FROM operations WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM plans WHERE tenant_id = $1
        AND mapping_id IN (SELECT id FROM mappings WHERE tenant_id = $1 AND room_id = $2)",
    "UPDATE links SET state = 'forgotten', base = '', sent = '', echo = '' WHERE tenant_id = $1
        AND mapping_id IN (SELECT id FROM mappings WHERE tenant_id = $1 AND room_id = $2)",
    "UPDATE mappings SET cursor = '' WHERE tenant_id = $1 AND room_id = $2",
    "DELETE FROM feeds WHERE tenant_id = $1 AND room_id = $2",
];
/// Whoever has the address of a feed is told that it was withdrawn, and not that it never was.
const WITHDRAW: &str = "INSERT INTO withdrawn_tokens (token_hash, tenant_id, feed_id, at_ms)
    SELECT token_hash, tenant_id, id, $3 FROM feeds WHERE tenant_id = $1 AND room_id = $2
    ON CONFLICT (token_hash) DO NOTHING";
const ENTOMB_ROOM: &str = "UPDATE rooms SET slug = slug || '~' || id, email = '', description = '', removed_ms = $3
    WHERE tenant_id = $1 AND id = $2 AND removed_ms IS NULL";
const ENTOMB_BRIDGE: &str = "UPDATE bridges SET name = name || '~' || id, settings = '{}', sealed = '', declared = '',
    removed_ms = $3 WHERE tenant_id = $1 AND id = $2 AND removed_ms IS NULL";
/// Everything of a tenant but its audit, what names others first.
const OF_TENANT: [&str; 34] = [
    "DELETE FROM instances WHERE tenant_id = $1",
    "DELETE FROM objects WHERE tenant_id = $1",
    "DELETE FROM changes WHERE tenant_id = $1",
    "DELETE FROM room_rules WHERE tenant_id = $1",
    "DELETE FROM approvals WHERE tenant_id = $1",
    "DELETE FROM conflicts WHERE tenant_id = $1",
    "DELETE FROM push_registrations WHERE tenant_id = $1",
    "DELETE FROM deliveries WHERE tenant_id = $1",
    "DELETE FROM webhooks WHERE tenant_id = $1",
    "DELETE FROM alerts WHERE tenant_id = $1",
    "DELETE FROM properties WHERE tenant_id = $1",
    "DELETE FROM idempotency_keys WHERE tenant_id = $1",
    "DELETE FROM operations WHERE tenant_id = $1",
    "DELETE FROM links WHERE tenant_id = $1",
    "DELETE FROM inbox WHERE tenant_id = $1",
    "DELETE FROM subscriptions WHERE tenant_id = $1",
    "DELETE FROM sync_runs WHERE tenant_id = $1",
    "DELETE FROM plans WHERE tenant_id = $1",
    "DELETE FROM retention_policies WHERE tenant_id = $1",
    "DELETE FROM leases WHERE name IN (SELECT 'mapping:' || id FROM mappings WHERE tenant_id = $1)",
    "DELETE FROM mappings WHERE tenant_id = $1",
    "DELETE FROM bridges WHERE tenant_id = $1",
    "INSERT INTO withdrawn_tokens (token_hash, tenant_id, feed_id, at_ms)
        SELECT token_hash, tenant_id, id, created_ms FROM feeds WHERE tenant_id = $1
        ON CONFLICT (token_hash) DO NOTHING",
    "DELETE FROM feeds WHERE tenant_id = $1",
    "DELETE FROM sign_ins WHERE tenant_id = $1",
    "DELETE FROM sessions WHERE tenant_id = $1",
    "DELETE FROM identities WHERE tenant_id = $1",
    "DELETE FROM providers WHERE tenant_id = $1",
    "DELETE FROM grants WHERE tenant_id = $1",
    "DELETE FROM room_group_members WHERE tenant_id = $1",
    "DELETE FROM room_groups WHERE tenant_id = $1",
    "DELETE FROM secrets WHERE tenant_id = $1",
    "DELETE FROM principals WHERE tenant_id = $1",
    "DELETE FROM rooms WHERE tenant_id = $1",
];

/// What would go with a room (`$2`), a bridge (`$3`), or where neither is named a tenant.
const GOING: &str = "SELECT
    (SELECT COUNT(*) FROM rooms WHERE tenant_id = $1 AND removed_ms IS NULL AND $3 = '' AND ($2 = '' OR id = $2))
        AS rooms,
    (SELECT COUNT(*) FROM objects WHERE tenant_id = $1 AND $3 = '' AND ($2 = '' OR room_id = $2)) AS bookings,
    (SELECT COUNT(*) FROM feeds WHERE tenant_id = $1 AND revoked_ms IS NULL AND $3 = '' AND ($2 = '' OR room_id = $2))
        AS feeds,
    (SELECT COUNT(*) FROM mappings WHERE tenant_id = $1 AND state <> 'removed' AND ($2 = '' OR room_id = $2)
        AND ($3 = '' OR bridge_id = $3)) AS mappings,
    (SELECT COUNT(*) FROM links l JOIN mappings m ON m.id = l.mapping_id AND m.tenant_id = l.tenant_id
        WHERE l.tenant_id = $1 AND l.state <> 'forgotten' AND m.state <> 'removed' AND ($2 = '' OR m.room_id = $2)
        AND ($3 = '' OR m.bridge_id = $3)) AS copies,
    (SELECT COUNT(*) FROM bridges WHERE tenant_id = $1 AND removed_ms IS NULL AND $2 = '' AND ($3 = '' OR id = $3))
        AS bridges,
    (SELECT COUNT(*) FROM principals WHERE tenant_id = $1 AND $2 = '' AND $3 = '') AS principals";

row! {
    /// How much goes with something that is removed.
    pub struct Going {
        /// Rooms.
        pub rooms: i64,
        /// Bookings, a series as one.
        pub bookings: i64,
        /// Feeds that work.
        pub feeds: i64,
        /// Mappings that end.
        pub mappings: i64,
        /// Bookings that both sides have of these mappings; what becomes of our copies is another question.
        pub copies: i64,
        /// Bridges.
        pub bridges: i64,
        /// People and services.
        pub principals: i64,
    }
}

/// What is removed.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A tenant.
    Tenant,
    /// One of its rooms.
    Room(&'a RoomId),
    /// One of its bridges.
    Bridge(&'a BridgeId),
}

/// How much would go.
pub async fn going(tx: &mut Tx, tenant: &TenantId, what: What<'_>) -> Result<Going, StoreError> {
    let (room, bridge) = match what {
        What::Tenant => ("", ""),
        What::Room(id) => (id.as_str(), ""),
        What::Bridge(id) => ("", id.as_str()),
    };
    Ok(on!(tx, c => sqlx::query_as(GOING).bind(tenant.as_str()).bind(room).bind(bridge).fetch_one(c).await)?)
}

/// Empties a room and takes it from every list; its slug is free again. Its mappings have ended before.
pub async fn room(tx: &mut Tx, tenant: &TenantId, id: &RoomId, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(WITHDRAW).bind(tenant.as_str()).bind(id.as_str()).bind(now.ms())
        .execute(c).await.map(|_| ())?);
    for statement in OF_ROOM {
        on!(tx, c => sqlx::query(statement).bind(tenant.as_str()).bind(id.as_str()).execute(c).await.map(|_| ())?);
    }
    on!(tx, c => sqlx::query(ENTOMB_ROOM).bind(tenant.as_str()).bind(id.as_str()).bind(now.ms())
        .execute(c).await.map(|_| ())?);
    directory::changed(tx, tenant).await
}

/// Forgets settings and secrets of a bridge and takes it from every list; its name is free again.
pub async fn bridge(tx: &mut Tx, tenant: &TenantId, id: &BridgeId, now: Timestamp) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(ENTOMB_BRIDGE).bind(tenant.as_str()).bind(id.as_str()).bind(now.ms())
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Deletes everything of a tenant but its audit.
pub async fn tenant(tx: &mut Tx, id: &TenantId) -> Result<(), StoreError> {
    for statement in OF_TENANT {
        on!(tx, c => sqlx::query(statement).bind(id.as_str()).execute(c).await.map(|_| ())?);
    }
    directory::changed(tx, id).await
}
