//! Every change of state and who caused it. Append-only.

use super::db::{Tx, on};
use super::error::StoreError;
use super::row::row;
use crate::model::{RoomId, TenantId, Timestamp, Uid};
use crate::observe::request;

row! {
    /// One entry.
    pub struct AuditRow {
        /// Its id.
        pub id: String,
        /// The tenant.
        pub tenant_id: TenantId,
        /// When.
        pub at_ms: Timestamp,
        /// Who: `principal:<login>`, `mapping:<id>`, `system`.
        pub actor: String,
        /// What: `object.create`, `object.update`, `object.delete`, `push.create`, …
        pub action: String,
        /// The room's id; empty where none.
        pub room_id: String,
        /// The event's UID; empty where none.
        pub uid: String,
        /// The room's sequence number of the change; 0 where none.
        pub seq: i64,
        /// Why, or with which answer: a sentence.
        pub detail: String,
        /// The request behind it as JSON; empty where none.
        pub request: String,
    }
}

/// An entry to append.
pub struct Entry<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: &'a str,
    /// What.
    pub action: &'a str,
    /// The room.
    pub room: Option<&'a RoomId>,
    /// The event.
    pub uid: Option<&'a Uid>,
    /// The room's sequence number; 0 where none.
    pub seq: i64,
    /// A sentence.
    pub detail: &'a str,
}

const APPEND: &str = "INSERT INTO audit (id, tenant_id, at_ms, actor, action, room_id, uid, seq, detail, request)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const OF_EVENT: &str = "SELECT id, tenant_id, at_ms, actor, action, room_id, uid, seq, detail, request FROM audit
    WHERE tenant_id = $1 AND room_id = $2 AND uid = $3 ORDER BY at_ms, id LIMIT 1000";
const LATEST: &str = "SELECT id, tenant_id, at_ms, actor, action, room_id, uid, seq, detail, request FROM audit
    WHERE tenant_id = $1 ORDER BY at_ms DESC, id DESC LIMIT $2";

/// Appends an entry. The request that is being answered stands in it.
pub async fn append(tx: &mut Tx, entry: &Entry<'_>) -> Result<(), StoreError> {
    insert(tx, entry, &request::current()).await
}

async fn insert(tx: &mut Tx, entry: &Entry<'_>, request: &str) -> Result<(), StoreError> {
    on!(tx, c => sqlx::query(APPEND)
        .bind(uuid::Uuid::now_v7().to_string())
        .bind(entry.tenant.as_str())
        .bind(entry.at.ms())
        .bind(entry.actor)
        .bind(entry.action)
        .bind(entry.room.map_or("", RoomId::as_str))
        .bind(entry.uid.map_or("", Uid::as_str))
        .bind(entry.seq)
        .bind(entry.detail)
        .bind(request)
        .execute(c).await.map(|_| ())?);
    Ok(())
}

/// Appends an entry about a request that is over.
pub async fn append_of(tx: &mut Tx, entry: &Entry<'_>, request: &str) -> Result<(), StoreError> {
    insert(tx, entry, request).await
}

/// The story of one event, oldest first.
pub async fn of_event(tx: &mut Tx, tenant: &TenantId, room: &RoomId, uid: &Uid) -> Result<Vec<AuditRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(OF_EVENT).bind(tenant.as_str()).bind(room.as_str()).bind(uid.as_str())
        .fetch_all(c).await)?)
}

/// The latest entries of a tenant, newest first.
pub async fn latest(tx: &mut Tx, tenant: &TenantId, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
    Ok(on!(tx, c => sqlx::query_as(LATEST).bind(tenant.as_str()).bind(limit).fetch_all(c).await)?)
}
